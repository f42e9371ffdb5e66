//! Asking the store.

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

/// Finds the newest `limit` events within `range` that `query` asks for.
///
/// # Errors
///
/// [`StoreError::Index`], and what keeps the archive from being read where the index does not know
/// all.
pub fn search<'s>(
    store: &'s Store,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Result<Hits<'s>, StoreError> {
    search_heard(store, query, range, None, limit, &|_, _| {})
}

/// As [`search`], of the events behind a place in their order; `heard` hears how many of how many
/// events have been read, where the index does not know all.
pub(crate) fn search_heard<'s>(
    store: &'s Store,
    query: &Query,
    range: TimeRange,
    after: Option<EventPlace>,
    limit: usize,
    heard: Heard<'_>,
) -> Result<Hits<'s>, StoreError> {
    // One more tells whether there is more.
    let most = limit.saturating_add(1);
    // Cursors are of the whole, where a part of it answers.
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

/// How many events a query finds within `range`, and where the newest `limit` of them lie: as far as
/// the index can tell IDs of one hash apart.
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
        if newest.len() > limit.saturating_mul(2).max(CUT_MIN) {
            cut(&mut newest);
        }
    })?;
    cut(&mut newest);
    Ok((total, newest))
}

/// Answers that are kept at least before the older ones are let go.
const CUT_MIN: usize = 65_536;

/// Where all events lie that a query finds within `range`, in the order of the archive: as far as
/// the index can tell IDs of one hash apart.
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

/// How many events within `range` a query finds at most, by what the index knows.
pub(crate) fn count_at_most(
    store: &Store,
    query: &Query,
    range: TimeRange,
) -> Result<u64, StoreError> {
    let columns = store.index().columns_by_segment();
    let upper = within(lower(query, &columns, Bound::Upper), range, &columns);
    Ok(store.index().newest(&*upper, 0, None)?.0)
}

/// Where these events lie, in the order of the archive.
pub(crate) fn places_at_most(
    store: &Store,
    query: &Query,
    range: TimeRange,
) -> Result<Vec<Location>, StoreError> {
    let columns = store.index().columns_by_segment();
    store.index().places(&*within(lower(query, &columns, Bound::Upper), range, &columns))
}

/// All events that a query finds, as far as the index can tell IDs of one hash apart.
pub(crate) fn events_of(store: &Store, query: &Query) -> Result<EventSet, StoreError> {
    if !query.is_exact_in_index() {
        return Ok(store.index().event_set_at(&places(store, query, TimeRange::default())?));
    }
    store.index().event_set(&*lower(query, &store.index().columns_by_segment(), Bound::Upper))
}

impl Hits<'_> {
    /// How many events the index found, beyond the limit too.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Behind which place the next ones stand, when there are more.
    pub fn next_page(&self) -> Option<EventPlace> {
        self.next
    }

    /// The next event and where it lies.
    pub fn next_with_location(&mut self) -> Result<Option<(Location, StoredEvent)>, StoreError> {
        for location in self.locations.by_ref() {
            let event = self.reader.read(location)?;
            // Else it is another ID with the same hash.
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
