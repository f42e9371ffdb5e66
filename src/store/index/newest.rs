//! A collector of the newest documents, in an order that no merge changes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::str::FromStr;

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::{DocId, Score, SegmentOrdinal, SegmentReader, TantivyError};

use super::columns::{Columns, TimeReader};
use crate::store::archive::Location;

/// Counts all documents and keeps the `limit` newest; of equal times, those archived last.
pub(super) struct Newest<'c> {
    pub(super) limit: usize,
    /// Only documents after this place in the order are kept; all are counted.
    pub(super) after: Option<EventPlace>,
    /// The columns of each segment.
    pub(super) columns: &'c [Columns],
}

/// Time in milliseconds since 1970, and the location's bits.
type Key = (i64, u64);

/// The place of an event in the order of the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventPlace {
    /// Its time in milliseconds since 1970.
    pub ms: i64,
    /// The location of its record.
    pub location: Location,
}

impl fmt::Display for EventPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "event.{}.{:x}", self.ms, self.location.to_bits())
    }
}

/// The error for a text that is not the place of an event.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a cursor from `search`")]
pub struct NoEventPlace(String);

impl FromStr for EventPlace {
    type Err = NoEventPlace;

    fn from_str(text: &str) -> Result<Self, NoEventPlace> {
        Self::behind("event.", text).ok_or_else(|| NoEventPlace(text.to_owned()))
    }
}

impl EventPlace {
    /// Parses a place after a prefix: its time, and the bits of its location.
    pub(crate) fn behind(word: &str, text: &str) -> Option<Self> {
        let (ms, bits) = text.trim().strip_prefix(word)?.split_once('.')?;
        let location = Location::from_bits(u64::from_str_radix(bits, 16).ok()?);
        Some(Self { ms: ms.parse().ok()?, location })
    }

    fn key(self) -> Key {
        (self.ms, self.location.to_bits())
    }
}

/// The newest documents of one segment, the oldest on top of the heap, to be pushed out next.
pub(super) struct NewestOfSegment {
    times: TimeReader,
    columns: Columns,
    limit: usize,
    after: Option<Key>,
    count: u64,
    keys: BinaryHeap<Reverse<Key>>,
}

impl Collector for Newest<'_> {
    type Fruit = (u64, Vec<EventPlace>);
    type Child = NewestOfSegment;

    fn for_segment(
        &self,
        segment: SegmentOrdinal,
        _reader: &SegmentReader,
    ) -> tantivy::Result<NewestOfSegment> {
        let columns = usize::try_from(segment).ok().and_then(|it| self.columns.get(it)).cloned();
        let no_columns = || TantivyError::InternalError("a segment of another snapshot".to_owned());
        let columns = columns.ok_or_else(no_columns)?;
        Ok(NewestOfSegment {
            times: columns.times(),
            columns,
            limit: self.limit,
            after: self.after.map(EventPlace::key),
            count: 0,
            keys: BinaryHeap::new(),
        })
    }

    fn requires_scoring(&self) -> bool {
        false
    }

    fn merge_fruits(&self, fruits: Vec<(u64, Vec<Key>)>) -> tantivy::Result<Self::Fruit> {
        let count = fruits.iter().map(|(count, _)| count).sum();
        let mut keys: Vec<Key> = fruits.into_iter().flat_map(|(_, keys)| keys).collect();
        keys.sort_unstable_by_key(|it| Reverse(*it));
        keys.truncate(self.limit);
        let place = |(ms, bits)| EventPlace { ms, location: Location::from_bits(bits) };
        Ok((count, keys.into_iter().map(place).collect()))
    }
}

impl SegmentCollector for NewestOfSegment {
    type Fruit = (u64, Vec<Key>);

    fn collect(&mut self, document: DocId, _score: Score) {
        self.count += 1;
        let ms = self.times.get(document);
        // Most documents of a large result are too old, and need no location. With a limit of 0 the
        // heap is full and empty, and documents are only counted.
        let is_full = self.keys.len() >= self.limit;
        // Strictly older: at the same time the location decides.
        if is_full && self.keys.peek().is_none_or(|it| ms < it.0.0) {
            return;
        }
        let Some(location) = self.columns.places.get(document) else { return };
        let key = (ms, location.to_bits());
        if self.after.is_some_and(|it| key >= it) {
            return;
        }
        if !is_full {
            self.keys.push(Reverse(key));
        } else if let Some(mut oldest) = self.keys.peek_mut()
            && oldest.0 < key
        {
            *oldest = Reverse(key);
        }
    }

    fn harvest(self) -> Self::Fruit {
        (self.count, self.keys.into_iter().map(|it| it.0).collect())
    }
}
