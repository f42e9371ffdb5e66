//! Sets of events, by the numbers that an [`super::EventTable`] gives them.

use tantivy::query::{EnableScoring, Query};
use tantivy::{BitSet, Searcher};

/// A set of a store's events: one bit for each event.
pub(crate) struct EventSet(BitSet);

impl EventSet {
    /// The events that a query matches.
    pub(super) fn find(query: &dyn Query, searcher: &Searcher) -> tantivy::Result<Self> {
        let readers = searcher.segment_readers();
        let count = readers.iter().map(|it| it.max_doc()).sum();
        let mut events = BitSet::with_max_value(count);
        let weight = query.weight(EnableScoring::disabled_from_searcher(searcher))?;
        let mut base = 0;
        for reader in readers {
            // Events are numbered through the segments in the searcher's order, as in `EventTable`.
            weight.for_each_no_score(reader, &mut |documents| {
                for document in documents {
                    events.insert(base + document);
                }
            })?;
            base += reader.max_doc();
        }
        Ok(Self(events))
    }

    /// The events with these numbers, out of `count`.
    pub(super) fn of(numbers: impl Iterator<Item = u32>, count: u32) -> Self {
        let mut events = BitSet::with_max_value(count);
        for number in numbers.filter(|it| *it < count) {
            events.insert(number);
        }
        Self(events)
    }

    /// True if the set has an event.
    pub(crate) fn contains(&self, event: u32) -> bool {
        // tantivy's set panics beyond its end.
        event < self.0.max_value() && self.0.contains(event)
    }
}
