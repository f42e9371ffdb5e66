//! Counts of events by name and interval of time, over the whole store.
//!
//! No other question counts as much at once. So names are laid out by document, a byte each, and
//! times are read once, in order; most chunks of times are within one interval, and their headers
//! say so.

use std::ops::Range;

use rayon::prelude::*;
use tantivy::{DocId, SegmentReader};

use super::attributes::{Attribute, attribute_values, role_in};
use super::columns::{CHUNK_DOCUMENTS, Columns};
use super::postings::for_each_document;
use super::schema::Fields;
use super::snapshot::IndexSnapshot;

/// The question: what to count.
pub(crate) struct IntervalQuestion<'q> {
    /// Returns the number of an event's name, which is in lower case or missing; none for a name
    /// that cannot be counted in this way. Numbers are smaller than [`NAMES_MAX`].
    pub(crate) number_of: &'q (dyn Fn(Option<&str>) -> Option<u8> + Sync),
    /// The times that count, in milliseconds since 1970.
    pub(crate) times: Range<i64>,
    /// Returns the position of an instant's interval, and all instants of that interval.
    pub(crate) interval_of: &'q (dyn Fn(i64) -> (usize, Range<i64>) + Sync),
}

/// The number of different names.
pub(crate) const NAMES_MAX: usize = 16;

/// The number of a name that is not counted.
const UNCOUNTED: u8 = u8::MAX;

/// The number of events of each name in one interval.
type Slot = [u64; NAMES_MAX];

/// The counts of one segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntervalCounts {
    /// For each interval, for each number.
    pub(crate) slots: Vec<Slot>,
    /// The first and the last time counted, in milliseconds since 1970.
    pub(crate) span: Option<(i64, i64)>,
}

/// Counts all events; none where one has a name that cannot be counted in this way.
pub(in crate::store) fn count_in_intervals(
    snapshot: &IndexSnapshot,
    question: &IntervalQuestion<'_>,
) -> tantivy::Result<Option<Vec<IntervalCounts>>> {
    let readers = snapshot.searcher().segment_readers();
    // Each worker reuses its bytes from segment to segment: fresh pages cost more than filling
    // them.
    let segments = readers.par_iter().zip(snapshot.columns());
    let counted = segments.map_init(Vec::new, |names, (reader, columns)| {
        if !lay_out_names(reader, question, names)? {
            return Ok(None);
        }
        let bounds = columns.time_bounds().collect();
        Ok(Some(SegmentTimes { columns, bounds, names, question }.count()))
    });
    counted.collect::<tantivy::Result<Option<Vec<_>>>>()
}

/// Writes the number of each document's name; false where one has no number.
fn lay_out_names(
    reader: &SegmentReader,
    question: &IntervalQuestion<'_>,
    names: &mut Vec<u8>,
) -> tantivy::Result<bool> {
    names.clear();
    names.resize(reader.max_doc() as usize, UNCOUNTED);
    let inverted = reader.inverted_index(Fields::ATTRIBUTES)?;
    let mut terms = inverted.terms().stream()?;
    while terms.advance() {
        // Exactly one term of each event holds its role, and the same one holds its name.
        if role_in(terms.key()).is_none() {
            continue;
        }
        let name = attribute_values(terms.key(), Attribute::Event).next();
        let number = (question.number_of)(name.as_deref());
        let Some(number) = number.filter(|it| usize::from(*it) < NAMES_MAX) else {
            return Ok(false);
        };
        for_each_document(&inverted, terms.value(), |document| {
            if let Some(slot) = names.get_mut(document as usize) {
                *slot = number;
            }
        })?;
    }
    Ok(true)
}

struct SegmentTimes<'s> {
    columns: &'s Columns,
    /// Two times between which those of each chunk are, where that is known.
    bounds: Vec<Option<(i64, i64)>>,
    names: &'s [u8],
    question: &'s IntervalQuestion<'s>,
}

impl SegmentTimes<'_> {
    fn count(&self) -> IntervalCounts {
        let mut counts = IntervalCounts::default();
        let mut times = self.columns.times();
        // The interval of the last time: times mostly ascend, so the next is usually within it.
        let (mut place, mut instants) = (0, 0..0);
        let mut enter = |ms: i64| {
            if !instants.contains(&ms) {
                (place, instants) = (self.question.interval_of)(ms);
            }
            (place, instants.clone())
        };
        for (bounds, first, names) in self.chunks() {
            let inside = bounds.filter(|(low, high)| {
                self.question.times.contains(low) && self.question.times.contains(high)
            });
            // All of the chunk is in one interval, so its times need not be unpacked.
            let whole = inside.and_then(|(low, high)| {
                let (place, instants) = enter(low);
                instants.contains(&high).then_some(place)
            });
            if let Some(place) = whole {
                names.iter().for_each(|it| counts.count(place, *it));
                continue;
            }
            for (document, name) in (first..).zip(names) {
                let ms = times.get(document);
                if self.question.times.contains(&ms) {
                    counts.count(enter(ms).0, *name);
                }
            }
        }
        counts.span = self.span(&counts);
        counts
    }

    /// The first and the last time counted. They are in the first and the last interval with any
    /// count, so only chunks that reach into these are unpacked.
    fn span(&self, counts: &IntervalCounts) -> Option<(i64, i64)> {
        let has_any = |slot: &Slot| slot.iter().any(|it| *it > 0);
        let first = counts.slots.iter().position(has_any)?;
        let last = counts.slots.iter().rposition(has_any)?;
        let mut span: Option<(i64, i64)> = None;
        let mut times = self.columns.times();
        for (bounds, begin, names) in self.chunks() {
            let is_between = |(low, high): (i64, i64)| {
                span.is_some_and(|(first, last)| first <= low && high <= last) || {
                    let of = |ms| (self.question.interval_of)(ms).0;
                    first < of(low) && of(high) < last
                }
            };
            if bounds.is_some_and(is_between) {
                continue;
            }
            for (document, name) in (begin..).zip(names) {
                let ms = times.get(document);
                if *name != UNCOUNTED && self.question.times.contains(&ms) {
                    let (first, last) = span.unwrap_or((ms, ms));
                    span = Some((first.min(ms), last.max(ms)));
                }
            }
        }
        span
    }

    /// The bounds of each chunk, its first document, and the names of its documents.
    fn chunks(&self) -> impl Iterator<Item = (Option<(i64, i64)>, DocId, &[u8])> {
        let size = usize::try_from(CHUNK_DOCUMENTS).unwrap_or(usize::MAX);
        let documents = (0..).step_by(size).zip(self.names.chunks(size));
        self.bounds.iter().zip(documents).map(|(bounds, (first, names))| (*bounds, first, names))
    }
}

impl IntervalCounts {
    fn count(&mut self, place: usize, name: u8) {
        if self.slots.len() <= place {
            self.slots.resize(place + 1, [0; NAMES_MAX]);
        }
        // `UNCOUNTED` is beyond the slot's end.
        let slot = self.slots.get_mut(place).and_then(|it| it.get_mut(usize::from(name)));
        slot.into_iter().for_each(|it| *it += 1);
    }
}
