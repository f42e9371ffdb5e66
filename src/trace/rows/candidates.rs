//! Messages, found by those of their events that the index finds.

use std::collections::HashSet;

use rayon::prelude::*;

use super::needed::needed_events;
use crate::limits;
use crate::query::{self, Field, Query};
use crate::store::{EventReader, Location, Store, StoreError};
use crate::time::TimeRange;
use crate::trace::filter::MessageFilter;
use crate::trace::gather::{gather_from, record_of};
use crate::trace::{JoinRules, Message};

/// A query on events that every matching message has one of.
pub(in crate::trace) struct Needed {
    query: Query,
    range: TimeRange,
    /// The number of these events, at most.
    pub(in crate::trace) count: usize,
}

impl Needed {
    /// Finds the query with the fewest events; `None` if no event is required.
    pub(in crate::trace) fn find(
        store: &Store,
        filter: &MessageFilter,
    ) -> Result<Option<Self>, StoreError> {
        // No event of a message is before its first, but some may be after `until`.
        let range = TimeRange { since: filter.first_seen.since, until: None };
        let mut fewest: Option<Self> = None;
        let of_rows = needed_events(&filter.rows).into_iter();
        let reason = filter.reason.iter().map(|it| it.query().clone());
        let forwarded_to = filter.forwarded_to.iter().map(|it| it.query().in_field(Field::To));
        let patterns = reason.chain(forwarded_to);
        for query in of_rows.chain(filter.events.iter().cloned()).chain(patterns) {
            let count = query::count_at_most(store, &query, range)?;
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            if fewest.as_ref().is_none_or(|it| count < it.count) {
                fewest = Some(Self { query, range, count });
            }
        }
        Ok(fewest)
    }

    /// Returns the query.
    pub(in crate::trace) fn query(&self) -> &Query {
        &self.query
    }

    /// True if reading every event of the store for them costs less than reading so many messages.
    pub(in crate::trace) fn are_found_sooner(&self, messages: usize, store: &Store) -> bool {
        let events_read = messages.saturating_mul(limits::EVENTS_READ_PER_MESSAGE);
        self.count > limits::QUERY_CANDIDATES_MAX
            && !self.query.is_exact_in_index()
            && events_read as u64 > store.checkpoint().mail_records()
    }

    /// Returns the locations of the events, in order; `None` if they are too many to read the
    /// message of each.
    pub(in crate::trace) fn places_if_few(
        &self,
        store: &Store,
    ) -> Result<Option<Vec<Location>>, StoreError> {
        let most = limits::QUERY_CANDIDATES_MAX;
        if self.count <= most {
            return query::places_at_most(store, &self.query, self.range).map(Some);
        }
        if self.query.is_exact_in_index() {
            return Ok(None);
        }
        // Reading every event once costs less than reading every message by itself.
        let places = query::places(store, &self.query, self.range)?;
        Ok((places.len() <= most).then_some(places))
    }
}

/// Passes each message with an event at one of `places`, which are sorted, to `visit` once, on all
/// cores, with the location of its first event. Returns the results of the parts, in order; `None`
/// if a message is too large to be read from one of its events.
pub(in crate::trace) fn visit<T: Default + Send>(
    store: &Store,
    rules: &JoinRules,
    places: &[Location],
    visit: impl Fn(&mut T, &mut EventReader<'_>, &Message, Location) -> Result<(), StoreError> + Sync,
) -> Result<Option<Vec<T>>, StoreError> {
    let parts: Vec<Option<T>> = places
        .par_chunks(limits::QUERY_CANDIDATES_AT_ONCE)
        .map(|part| {
            let mut made = T::default();
            let mut reader = store.events();
            // Spares gathering again within this portion; other portions are told apart by
            // `is_ours`.
            let mut done: HashSet<Location> = HashSet::new();
            for place in part.iter().copied() {
                if done.contains(&place) {
                    continue;
                }
                let event = reader.read(place)?;
                let gathered = gather_from(&mut reader, place, event)?;
                let all = gathered.places();
                let places_by_record = gathered.places_by_record();
                // Several workers may meet the same messages: the one with the first of their
                // locations takes them.
                let first = all.iter().filter(|it| places.binary_search(it).is_ok()).min();
                let is_ours = first == Some(&place);
                done.extend(&all);
                if !is_ours {
                    continue;
                }
                for message in gathered.join(rules) {
                    // Where gathering stops depends on where it began: the answer would depend on
                    // the index's candidates.
                    if message.is_truncated {
                        return Ok(None);
                    }
                    let of_message = message.events.iter();
                    let first =
                        of_message.filter_map(|it| places_by_record.get(&record_of(it))).min();
                    if let Some(first) = first {
                        visit(&mut made, &mut reader, &message, *first)?;
                    }
                }
            }
            Ok(Some(made))
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(parts.into_iter().collect())
}
