//! Searches the store.

use std::cmp::Reverse;

use super::Query;
use super::checked::{Heard, for_each};
use super::lower::{Bound, lower, within};
use crate::store::{EventPlace, EventReader, EventSet, Location, Store, StoreError, StoredEvent};
use crate::time::TimeRange;

/// The events that a query found, newest first, read one by one.
pub struct Hits<'s> {
    query: Query,
    reader: EventReader<'s>,
    locations: std::vec::IntoIter<Location>,
    total: u64,
    next: Option<EventPlace>,
}

/// Finds the newest `limit` events within `range` that match `query`.
///
/// # Errors
///
/// [`StoreError::Index`], and errors of reading the archive if the index alone cannot answer.
pub fn search<'s>(
    store: &'s Store,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Result<Hits<'s>, StoreError> {
    search_heard(store, query, range, None, limit, &|_, _| {})
}

/// Searches like [`search`], but only after a position in the order of results. `heard` receives
/// how many events of how many have been read, if the index alone cannot answer.
pub(crate) fn search_heard<'s>(
    store: &'s Store,
    query: &Query,
    range: TimeRange,
    after: Option<EventPlace>,
    limit: usize,
    heard: Heard<'_>,
) -> Result<Hits<'s>, StoreError> {
    // One more than the limit shows whether there are more.
    let most = limit.saturating_add(1);
    // A cursor holds a location in the whole store, also when only a part of it answers.
    let moved = |place: EventPlace, location| EventPlace { location, ..place };
    let after = after.map(|it| moved(it, store.place_here(it.location, false)));
    let (total, mut places) = newest(store, query, range, after, most, heard)?;
    let has_more = places.len() > limit;
    places.truncate(limit);
    let locations: Vec<Location> = places.iter().map(|it| it.location).collect();
    Ok(Hits {
        query: query.clone(),
        reader: store.events(),
        locations: locations.into_iter(),
        total,
        next: places
            .last()
            .filter(|_| has_more)
            .map(|it| moved(*it, store.place_in_whole(it.location))),
    })
}

/// Counts the events within `range` that a query finds, and locates the newest `limit` of them. IDs
/// that share a hash are not distinguished.
pub(crate) fn locations(
    store: &Store,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Result<(u64, Vec<Location>), StoreError> {
    let (total, places) = newest(store, query, range, None, limit, &|_, _| {})?;
    Ok((total, places.into_iter().map(|it| it.location).collect()))
}

fn newest(
    store: &Store,
    query: &Query,
    range: TimeRange,
    after: Option<EventPlace>,
    limit: usize,
    heard: Heard<'_>,
) -> Result<(u64, Vec<EventPlace>), StoreError> {
    if query.is_exact_in_index() {
        let columns = store.index().columns_by_segment();
        let query = lower(query, &columns, Bound::Upper);
        return store.index().newest(&*within(query, range, &columns), limit, after);
    }
    // The order is that of the index's `newest`, so a cursor fits both ways of answering.
    let mut total = 0;
    let mut newest: Vec<EventPlace> = Vec::new();
    let key = |it: &EventPlace| (it.ms, it.location.to_bits());
    let cut = |newest: &mut Vec<EventPlace>| {
        newest.sort_unstable_by_key(|it| Reverse(key(it)));
        newest.truncate(limit);
    };
    for_each(store, query, range, heard, |found| {
        total += found.len() as u64;
        let is_behind = |it: &EventPlace| after.is_none_or(|after| key(it) < key(&after));
        newest.extend(found.into_iter().filter(is_behind));
        // Cutting at twice the limit bounds the memory and sorts at most once every `limit` events.
        if newest.len() > limit.saturating_mul(2).max(CUT_MIN) {
            cut(&mut newest);
        }
    })?;
    cut(&mut newest);
    Ok((total, newest))
}

/// The least number of results to hold before the older ones are dropped, so that small limits do
/// not sort all the time.
const CUT_MIN: usize = 65_536;

/// Locates all events within `range` that a query finds, in the order of the archive. IDs that
/// share a hash are not distinguished.
pub(crate) fn places(
    store: &Store,
    query: &Query,
    range: TimeRange,
) -> Result<Vec<Location>, StoreError> {
    if !query.is_exact_in_index() {
        let mut places = Vec::new();
        for_each(store, query, range, &|_, _| {}, |found| {
            places.extend(found.into_iter().map(|it| it.location));
        })?;
        places.sort_unstable();
        return Ok(places);
    }
    let columns = store.index().columns_by_segment();
    store.index().places(&*within(lower(query, &columns, Bound::Upper), range, &columns))
}

/// An upper bound of how many events within `range` match, from the index alone.
pub(crate) fn count_at_most(
    store: &Store,
    query: &Query,
    range: TimeRange,
) -> Result<u64, StoreError> {
    let columns = store.index().columns_by_segment();
    let upper = within(lower(query, &columns, Bound::Upper), range, &columns);
    Ok(store.index().newest(&*upper, 0, None)?.0)
}

/// Locates the events that `count_at_most` counts, in the order of the archive.
pub(crate) fn places_at_most(
    store: &Store,
    query: &Query,
    range: TimeRange,
) -> Result<Vec<Location>, StoreError> {
    let columns = store.index().columns_by_segment();
    store.index().places(&*within(lower(query, &columns, Bound::Upper), range, &columns))
}

/// All events that a query finds. IDs that share a hash are not distinguished.
pub(crate) fn events_of(store: &Store, query: &Query) -> Result<EventSet, StoreError> {
    if !query.is_exact_in_index() {
        return Ok(store.index().event_set_at(&places(store, query, TimeRange::default())?));
    }
    store.index().event_set(&*lower(query, &store.index().columns_by_segment(), Bound::Upper))
}

impl Hits<'_> {
    /// The number of events that the index found, also beyond the limit.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The position after which the next page begins, if there are more events.
    pub fn next_page(&self) -> Option<EventPlace> {
        self.next
    }

    /// The next event and its location.
    pub fn next_with_location(&mut self) -> Result<Option<(Location, StoredEvent)>, StoreError> {
        for location in self.locations.by_ref() {
            let event = self.reader.read(location)?;
            // Otherwise the event has another ID with the same hash.
            if self.query.matches(&event) {
                return Ok(Some((location, event)));
            }
        }
        Ok(None)
    }
}

impl Iterator for Hits<'_> {
    type Item = Result<StoredEvent, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_with_location().map(|it| it.map(|(_, event)| event)).transpose()
    }
}
