//! Asking the store.

use super::Query;
use super::lower::{lower, within};
use crate::store::{EventReader, EventSet, Location, Store, StoreError, StoredEvent};
use crate::time::TimeRange;

/// The events that a query found, newest first, read one by one.
pub struct Hits<'s> {
    query: Query,
    reader: EventReader<'s>,
    locations: std::vec::IntoIter<Location>,
    total: u64,
}

/// Finds the newest `limit` events within `range` that `query` asks for.
///
/// # Errors
///
/// [`StoreError::Index`].
pub fn search<'s>(
    store: &'s Store,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Result<Hits<'s>, StoreError> {
    let (total, locations) = locations(store, query, range, limit)?;
    Ok(Hits {
        query: query.clone(),
        reader: store.events(),
        locations: locations.into_iter(),
        total,
    })
}

/// How many events a query finds within `range`, and where the newest `limit` of them lie: as far as
/// the index can tell IDs of one hash apart.
///
/// # Errors
///
/// [`StoreError::Index`].
pub(crate) fn locations(
    store: &Store,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Result<(u64, Vec<Location>), StoreError> {
    let columns = store.columns_by_segment();
    store.newest(&*within(lower(query, &columns), range, &columns), limit)
}

/// Where all events lie that a query finds within `range`, in the order of the archive: as far as
/// the index can tell IDs of one hash apart.
///
/// # Errors
///
/// [`StoreError::Index`].
pub(crate) fn places(
    store: &Store,
    query: &Query,
    range: TimeRange,
) -> Result<Vec<Location>, StoreError> {
    let columns = store.columns_by_segment();
    store.places(&*within(lower(query, &columns), range, &columns))
}

/// All events that a query finds, as far as the index can tell IDs of one hash apart.
///
/// # Errors
///
/// [`StoreError::Index`].
pub(crate) fn events_of(store: &Store, query: &Query) -> Result<EventSet, StoreError> {
    store.event_set(&*lower(query, &store.columns_by_segment()))
}

impl Hits<'_> {
    /// How many events the index found, beyond the limit too.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The next event and where it lies.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the archive cannot be read.
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
