//! All events of a store, by the attributes that they have: for counts over all of them.

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

/// What events say by their attributes. Of the actions of a rule, which may be many, not all may be
/// among them, nor all of its targets; then the role is partial.
pub(crate) struct AttributeTerm<'s> {
    term: &'s [u8],
    /// The part that the events play.
    pub(crate) role: Role,
}

/// The events of one segment that have the same attributes.
pub(crate) struct AttributeSet<'s> {
    /// What they say.
    pub(crate) said: AttributeTerm<'s>,
    documents: &'s [DocId],
    /// The times of all documents of the segment, once they were asked for.
    all_times: &'s AllTimes,
    columns: &'s Columns,
}

impl<'s> AttributeTerm<'s> {
    /// The first value of an attribute, as it compares.
    pub(crate) fn value(&self, attribute: Attribute) -> Option<String> {
        self.values(attribute).next().map(Cow::into_owned)
    }

    /// The values of an attribute, as they compare.
    pub(crate) fn values(
        &self,
        attribute: Attribute,
    ) -> impl Iterator<Item = Cow<'s, str>> + use<'s> {
        attribute_values(self.term, attribute)
    }

    /// Whether the events tell that the organization received a message.
    pub(crate) fn is_arrival(&self) -> bool {
        is_arrival(self.term, self.role)
    }
}

/// One in so many documents, from which on the times of all are read at once.
const DENSE: usize = 16;

impl AttributeSet<'_> {
    /// The times of the events, in milliseconds since 1970.
    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        let count = self.columns.document_count() as usize;
        // Of many questions a segment has few events.
        let is_dense = self.documents.len() >= count / DENSE;
        let all = is_dense.then(|| self.all_times.of(self.columns));
        let mut reader = self.columns.times();
        self.documents.iter().map(move |it| match all {
            Some(times) => times.get(*it as usize).copied().unwrap_or_default(),
            None => reader.get(*it),
        })
    }

    /// Hands the events of a period, in milliseconds since 1970, to `visit`, with where they lie;
    /// tells whether there are earlier ones. Of other chunks of the columns no time is read.
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

    /// Where the events lie.
    pub(crate) fn locations(&self) -> impl Iterator<Item = Location> {
        self.documents.iter().filter_map(|it| self.columns.places.get(*it))
    }
}

/// The times of all documents of a segment, once they were asked for.
struct AllTimes {
    times: OnceCell<Vec<i64>>,
    /// What they are read into.
    memory: Cell<Vec<i64>>,
    /// Between which times those of each chunk lie, as far as that is known, once it was asked for.
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

/// What a worker keeps from one segment to the next: fresh memory is dearer than what is read into
/// it.
#[derive(Default)]
struct Memory {
    documents: Vec<DocId>,
    times: Vec<i64>,
}

/// How many documents have each value of an attribute.
pub(in crate::store) fn attribute_counts(
    snapshot: &IndexSnapshot,
    attribute: Attribute,
) -> tantivy::Result<BTreeMap<String, u64>> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for segment in snapshot.searcher().segment_readers() {
        let inverted = segment.inverted_index(Fields::ATTRIBUTES)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            let values = attribute_values(terms.key(), attribute);
            for value in values.take(attribute.values_max()) {
                let count = u64::from(terms.value().doc_freq);
                match counts.get_mut(value.as_ref()) {
                    Some(known) => *known += count,
                    None => _ = counts.insert(value.into_owned(), count),
                }
            }
        }
    }
    Ok(counts)
}

/// Hands each event that says what is wanted to `visit` once, with those that have the same
/// attributes, each segment on one of the cores. It takes 4 bytes for each such event of the segments
/// at hand, and 8 for each event of these where many of them are such.
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
        // The first term of each event, and no other, holds its role.
        let Some(role) = role_in(terms.key()) else { continue };
        let said = AttributeTerm { term: terms.key(), role };
        if !is_wanted(&said) {
            continue;
        }
        documents.clear();
        for_each_document(&inverted, terms.value(), |it| documents.push(it))?;
        visit(&AttributeSet { said, documents, all_times: &all_times, columns });
    }
    let AllTimes { times: read, memory, .. } = all_times;
    *times = read.into_inner().unwrap_or_else(|| memory.into_inner());
    Ok(())
}
