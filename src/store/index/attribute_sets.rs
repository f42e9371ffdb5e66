//! All events of a store, grouped by their attributes: for counts over all of them.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;
use std::ops::Range;

use rayon::prelude::*;
use tantivy::{DocId, SegmentReader};

use super::attributes::{Attribute, attribute_values, is_arrival, role_in};
use super::columns::{CHUNK_DOCUMENTS, Columns};
use super::postings::for_each_document;
use super::schema::Fields;
use super::snapshot::IndexSnapshot;
use crate::event::Role;
use crate::store::archive::Location;

/// The attributes of some events. Not all actions and targets of a rule may be among them, since
/// there may be many; then the role is partial.
pub(crate) struct AttributeTerm<'s> {
    term: &'s [u8],
    /// The role of the events.
    pub(crate) role: Role,
}

/// The events of one segment that have the same attributes.
pub(crate) struct AttributeSet<'s> {
    /// Their attributes.
    pub(crate) said: AttributeTerm<'s>,
    documents: &'s [DocId],
    /// The times of all documents of the segment, read on first use.
    all_times: &'s AllTimes,
    columns: &'s Columns,
}

impl<'s> AttributeTerm<'s> {
    /// The first value of an attribute, in the form in which values compare.
    pub(crate) fn value(&self, attribute: Attribute) -> Option<String> {
        self.values(attribute).next().map(Cow::into_owned)
    }

    /// The values of an attribute, in the form in which values compare.
    pub(crate) fn values(
        &self,
        attribute: Attribute,
    ) -> impl Iterator<Item = Cow<'s, str>> + use<'s> {
        attribute_values(self.term, attribute)
    }

    /// True if the events say that the organization received a message.
    pub(crate) fn is_arrival(&self) -> bool {
        is_arrival(self.term, self.role)
    }
}

/// A set with at least one in so many of a segment's documents reads the times of all at once.
const DENSE: usize = 16;

impl AttributeSet<'_> {
    /// The times of the events, in milliseconds since 1970.
    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        let count = self.columns.document_count() as usize;
        // Many questions want few of a segment's events, and need not read all times for them.
        let is_dense = self.documents.len() >= count / DENSE;
        let all = is_dense.then(|| self.all_times.of(self.columns));
        let mut reader = self.columns.times();
        self.documents.iter().map(move |it| match all {
            Some(times) => times.get(*it as usize).copied().unwrap_or_default(),
            None => reader.get(*it),
        })
    }

    /// Calls `visit` with the time and the location of each event within a period, in milliseconds
    /// since 1970, and returns true if there are earlier ones. Times of other chunks of the columns
    /// are not read.
    pub(crate) fn visit_between(
        &self,
        period: &Range<i64>,
        mut visit: impl FnMut(i64, Location),
    ) -> bool {
        let mut times = self.columns.times();
        let mut has_earlier = false;
        let bounds = self.all_times.bounds(self.columns);
        for document in self.documents {
            match bounds.get((document / CHUNK_DOCUMENTS) as usize).copied().flatten() {
                Some((_, last)) if last < period.start => has_earlier = true,
                Some((first, _)) if first >= period.end => {}
                _ => match times.get(*document) {
                    ms if ms < period.start => has_earlier = true,
                    ms if ms < period.end => {
                        self.columns.places.get(*document).into_iter().for_each(|it| visit(ms, it));
                    }
                    _ => {}
                },
            }
        }
        has_earlier
    }

    /// The locations of the events.
    pub(crate) fn locations(&self) -> impl Iterator<Item = Location> {
        self.documents.iter().filter_map(|it| self.columns.places.get(*it))
    }
}

/// The times of all documents of a segment, read on first use.
struct AllTimes {
    times: OnceCell<Vec<i64>>,
    /// The memory that they are read into.
    memory: Cell<Vec<i64>>,
    /// Two times between which those of each chunk are, where that is known, read on first use.
    bounds: OnceCell<Vec<Option<(i64, i64)>>>,
}

impl AllTimes {
    fn of(&self, columns: &Columns) -> &[i64] {
        self.times.get_or_init(|| {
            let mut times = self.memory.take();
            times.clear();
            times.extend(columns.all_times());
            times
        })
    }

    fn bounds(&self, columns: &Columns) -> &[Option<(i64, i64)>] {
        self.bounds.get_or_init(|| columns.time_bounds().collect())
    }
}

/// The memory that a worker keeps from one segment to the next: fresh pages cost more than filling
/// them.
#[derive(Default)]
struct Memory {
    documents: Vec<DocId>,
    times: Vec<i64>,
}

/// The number of documents for each value of an attribute.
pub(in crate::store) fn attribute_counts(
    snapshot: &IndexSnapshot,
    attribute: Attribute,
) -> tantivy::Result<BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for segment in snapshot.searcher().segment_readers() {
        let inverted = segment.inverted_index(Fields::ATTRIBUTES)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            // Documents are never deleted from this index, so a term's frequency counts its events.
            let values = attribute_values(terms.key(), attribute);
            for value in values.take(attribute.values_max()) {
                let count = u64::from(terms.value().doc_freq);
                // Not `entry`, which would copy the value for each of the hundreds of terms that
                // repeat it.
                match counts.get_mut(value.as_ref()) {
                    Some(known) => *known += count,
                    None => _ = counts.insert(value.into_owned(), count),
                }
            }
        }
    }
    Ok(counts)
}

/// Calls `visit` once for each set of events that have the same attributes and are wanted, with
/// each segment on one core. It takes 4 bytes for each event of the set at hand in each of these
/// segments, and 8 for each event of the segment where a set is a large part of it.
pub(in crate::store) fn fold_attribute_sets<T: Default + Send>(
    snapshot: &IndexSnapshot,
    is_wanted: impl Fn(&AttributeTerm<'_>) -> bool + Sync,
    visit: impl Fn(&mut T, &AttributeSet<'_>) + Sync,
) -> tantivy::Result<Vec<T>> {
    let readers = snapshot.searcher().segment_readers();
    let segments = readers.par_iter().zip(snapshot.columns());
    let made = segments.map_init(Memory::default, |memory, (reader, columns)| {
        let mut made = T::default();
        let mut visit = |set: &AttributeSet<'_>| visit(&mut made, set);
        for_each_of_segment(reader, columns, memory, &is_wanted, &mut visit)?;
        Ok(made)
    });
    made.collect()
}

fn for_each_of_segment(
    reader: &SegmentReader,
    columns: &Columns,
    memory: &mut Memory,
    is_wanted: &dyn Fn(&AttributeTerm<'_>) -> bool,
    visit: &mut dyn FnMut(&AttributeSet<'_>),
) -> tantivy::Result<()> {
    let Memory { documents, times } = memory;
    let all_times = AllTimes {
        times: OnceCell::new(),
        memory: Cell::new(std::mem::take(times)),
        bounds: OnceCell::new(),
    };
    let inverted = reader.inverted_index(Fields::ATTRIBUTES)?;
    let mut terms = inverted.terms().stream()?;
    while terms.advance() {
        // Exactly one term of each event holds its role, so each event is visited once.
        let Some(role) = role_in(terms.key()) else { continue };
        let said = AttributeTerm { term: terms.key(), role };
        if !is_wanted(&said) {
            continue;
        }
        documents.clear();
        for_each_document(&inverted, terms.value(), |it| documents.push(it))?;
        visit(&AttributeSet { said, documents, all_times: &all_times, columns });
    }
    // The memory is in one of the two, depending on whether the times were asked for.
    let AllTimes { times: read, memory, .. } = all_times;
    *times = read.into_inner().unwrap_or_else(|| memory.into_inner());
    Ok(())
}
