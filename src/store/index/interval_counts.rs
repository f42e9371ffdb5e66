//! Events by name and interval of time, of the whole store: by far the most that is counted at once.
//!
//! Names are laid out by document, a byte each, and times are gone through once, in order. Most
//! chunks of times lie in one interval, which their headers tell.

use std::ops::Range;

use rayon::prelude::*;
use tantivy::{DocId, SegmentReader};

use super::attributes::{Attribute, attribute_values, role_in};
use super::columns::{CHUNK_DOCUMENTS, Columns};
use super::postings::for_each_document;
use super::schema::Fields;
use super::snapshot::IndexSnapshot;

/// What is counted.
pub(crate) struct IntervalQuestion<'q> {
    /// The number of an event's name, in lower case, or of none; nothing for a name that is not
    /// counted like this. Numbers are smaller than [`NAMES_MAX`].
    pub(crate) number_of: &'q (dyn Fn(Option<&str>) -> Option<u8> + Sync),
    /// The times that count, in milliseconds since 1970.
    pub(crate) times: Range<i64>,
    /// Where among the intervals an instant lies, and all instants that lie there with it.
    pub(crate) interval_of: &'q (dyn Fn(i64) -> (usize, Range<i64>) + Sync),
}

/// How many names there can be.
pub(crate) const NAMES_MAX: usize = 16;

/// The number of what is not counted.
const UNCOUNTED: u8 = u8::MAX;

/// How many events there are of each name in one interval.
type Slot = [u64; NAMES_MAX];

/// What was counted in one segment.
#[derive(Clone, Debug, Default)]
pub(crate) struct IntervalCounts {
    /// For each interval, for each number.
    pub(crate) slots: Vec<Slot>,
    /// The first and the last time that was counted, in milliseconds since 1970.
    pub(crate) span: Option<(i64, i64)>,
}

/// Counts all events; nothing where one has a name that is not counted like this.
pub(in crate::store) fn count_in_intervals(
    snapshot: &IndexSnapshot,
    question: &IntervalQuestion<'_>,
) -> tantivy::Result<Option<Vec<IntervalCounts>>> {
    let readers = snapshot.searcher().segment_readers();
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

/// Writes the number of each document's name; tells whether all have one.
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
        // The first term of each event, and no other, holds its role.
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
    /// Between which times those of each chunk lie, as far as that is known.
    bounds: Vec<Option<(i64, i64)>>,
    names: &'s [u8],
    question: &'s IntervalQuestion<'s>,
}

impl SegmentTimes<'_> {
    fn count(&self) -> IntervalCounts {
        let mut counts = IntervalCounts::default();
        let mut times = self.columns.times();
        // The interval of the last time that was looked at.
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

    /// The first and the last time that counts, which lie in the first and the last interval that
    /// has anything.
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
        // What is not counted has a number beyond them.
        let slot = self.slots.get_mut(place).and_then(|it| it.get_mut(usize::from(name)));
        slot.into_iter().for_each(|it| *it += 1);
    }
}
