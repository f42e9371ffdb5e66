//! The audit events that match a request.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::clause::{found, names_people};
use super::conditions::{AccessConditions, keep};
use super::people::People;
use crate::audit::{AuditEvent, OtherRecord};
use crate::limits;
use crate::query::Query;
use crate::store::{
    AuditIndex, AuditSegment, DocumentSet, EventPlace, EventReader, IndexError, Location, Record,
    Store, StoreError,
};
use crate::time::{TimeRange, Timestamp};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessRequest {
    pub query: Query,
    pub range: TimeRange,
    pub conditions: AccessConditions,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessOrder {
    #[default]
    Newest,
    Oldest,
}

/// The event after which a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessCursor(EventPlace);

/// The error for a text that is not a cursor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a cursor from `access`")]
pub struct NoAccessCursor(String);

impl fmt::Display for AccessCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "access.{}.{:x}", self.0.ms, self.0.location.to_bits())
    }
}

impl FromStr for AccessCursor {
    type Err = NoAccessCursor;

    fn from_str(text: &str) -> Result<Self, NoAccessCursor> {
        let place = EventPlace::behind("access.", text);
        place.map(Self).ok_or_else(|| NoAccessCursor(text.to_owned()))
    }
}

/// An audit event of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessEvent {
    pub record: Record<'static>,
    pub event: AuditEvent<'static>,
}

impl AccessEvent {
    /// The time at which it happened: its own time, otherwise that of the record.
    pub fn at(&self) -> Timestamp {
        self.event.at.unwrap_or(self.record.timestamp)
    }
}

/// The matching events, as sets of document numbers.
pub struct AccessHits<'s> {
    store: &'s Store,
    pub(super) index: Option<&'s AuditIndex>,
    pub(super) sets: Vec<DocumentSet>,
    /// The names of people, once they were needed: learning them reads every sign-in.
    people: OnceLock<People>,
}

impl<'s> AccessHits<'s> {
    pub fn find(store: &'s Store, request: &AccessRequest) -> Result<Self, StoreError> {
        if names_people(&request.query) || request.conditions.new_ip {
            return Self::find_with(store, request, People::of_store(store)?);
        }
        let hits = Self::find_with(store, request, People::default())?;
        // No name was read yet, so an empty `People` must not pass for the answer.
        Ok(Self { people: OnceLock::new(), ..hits })
    }

    /// Does the same with given names of people.
    pub fn find_with(
        store: &'s Store,
        request: &AccessRequest,
        people: People,
    ) -> Result<Self, StoreError> {
        let index = store.audit_index()?;
        let sets = match index {
            Some(index) => sets_of(index, request, &people).map_err(index.failed())?,
            None => Vec::new(),
        };
        Ok(Self { store, index, sets, people: OnceLock::from(people) })
    }

    pub fn total(&self) -> u64 {
        self.sets.iter().map(DocumentSet::len).sum()
    }

    /// The times of the first and the last event.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        let times = || self.places().map(|it| it.ms);
        let first = Timestamp::from_ms(times().min()?)?;
        Some((first, Timestamp::from_ms(times().max()?)?))
    }

    pub fn people(&self) -> Result<&People, StoreError> {
        if let Some(people) = self.people.get() {
            return Ok(people);
        }
        let people = People::of_store(self.store)?;
        Ok(self.people.get_or_init(|| people))
    }

    /// The names of the people in a few events. Reads only theirs, unless all were read already.
    pub fn people_in(&self, events: &[AccessEvent]) -> Result<Cow<'_, People>, StoreError> {
        match self.people.get() {
            Some(people) => Ok(Cow::Borrowed(people)),
            None => {
                let events = events.iter().map(|it| &it.event);
                People::of_events(self.store, events).map(Cow::Owned)
            }
        }
    }

    /// Locates the first `limit` events after a cursor, and returns the cursor of the next page if
    /// there are more.
    pub fn page(
        &self,
        order: AccessOrder,
        after: Option<AccessCursor>,
        limit: usize,
    ) -> (Vec<EventPlace>, Option<AccessCursor>) {
        // One more than the limit shows whether there are more.
        let most = limit.saturating_add(1);
        // A heap of one page instead of a sort of all events: most of them are never shown.
        let mut heap: BinaryHeap<OrderKey> = BinaryHeap::new();
        let is_rising = order == AccessOrder::Oldest;
        let after = after.map(|AccessCursor(it)| {
            let location = self.store.place_here(it.location, is_rising);
            OrderKey::of(order, EventPlace { location, ..it })
        });
        for place in self.places() {
            let key = OrderKey::of(order, place);
            if after.is_some_and(|it| key <= it) {
                continue;
            }
            if heap.len() < most {
                heap.push(key);
            } else if let Some(mut last) = heap.peek_mut()
                && key < *last
            {
                *last = key;
            }
        }
        let mut places: Vec<EventPlace> =
            heap.into_sorted_vec().into_iter().map(OrderKey::place).collect();
        let has_more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| has_more).map(|it| {
            let location = self.store.place_in_whole(it.location);
            AccessCursor(EventPlace { location, ..*it })
        });
        (places, next)
    }

    /// Locates all events, the oldest first.
    pub fn oldest_first(&self) -> Vec<EventPlace> {
        let mut places: Vec<EventPlace> = self.places().collect();
        places.sort_unstable();
        places
    }

    fn places(&self) -> impl Iterator<Item = EventPlace> {
        let segments = self.index.into_iter().flat_map(AuditIndex::segments);
        segments.zip(&self.sets).flat_map(|(segment, set)| {
            set.iter().map(|it| EventPlace { ms: segment.time_ms(it), location: segment.place(it) })
        })
    }

    pub fn read(&self, places: &[EventPlace]) -> Result<Vec<AccessEvent>, StoreError> {
        let mut reader = self.store.events();
        places.iter().map(|it| read_event(&mut reader, it.location)).collect()
    }

    /// The number of events in each slot of [`limits::HISTOGRAM_SLOT_MS`].
    pub fn slots(&self) -> HashMap<i64, u64> {
        let mut slots = HashMap::new();
        for place in self.places() {
            *slots.entry(place.ms.div_euclid(limits::HISTOGRAM_SLOT_MS)).or_default() += 1;
        }
        slots
    }
}

fn read_event(reader: &mut EventReader<'_>, location: Location) -> Result<AccessEvent, StoreError> {
    let record = reader.record(location)?;
    let event = match OtherRecord::parse(&record.message) {
        Some(OtherRecord::Audit(event)) => event.into_owned(),
        // The index claims that it is one. `verify --deep` reports such an index.
        _ => AuditEvent::default(),
    };
    Ok(AccessEvent { record, event })
}

fn sets_of(
    index: &AuditIndex,
    request: &AccessRequest,
    people: &People,
) -> Result<Vec<DocumentSet>, IndexError> {
    let ms = |it: Option<Timestamp>| it.map(Timestamp::as_ms);
    let since = ms(request.range.since).unwrap_or(i64::MIN);
    let until = ms(request.range.until).unwrap_or(i64::MAX);
    let found_in = |segment: &AuditSegment| {
        let mut set = found(&request.query, segment, people)?;
        // The index also holds the statements of the directory, which are no events.
        let mut directory = segment.of_directory()?;
        directory.negate();
        set.and(&directory);
        set.and(&segment.counting());
        segment.within(&mut set, since, until);
        Ok(set)
    };
    let sets: Result<Vec<DocumentSet>, IndexError> =
        index.segments().par_iter().map(found_in).collect();
    let mut sets = sets?;
    keep(&request.conditions, index, people, request.range, &mut sets)?;
    Ok(sets)
}

/// The position of an event in an order: the smaller, the earlier.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum OrderKey {
    Newest(Reverse<EventPlace>),
    Oldest(EventPlace),
}

impl OrderKey {
    fn of(order: AccessOrder, place: EventPlace) -> Self {
        match order {
            AccessOrder::Newest => Self::Newest(Reverse(place)),
            AccessOrder::Oldest => Self::Oldest(place),
        }
    }

    fn place(self) -> EventPlace {
        match self {
            Self::Newest(Reverse(place)) | Self::Oldest(place) => place,
        }
    }
}
