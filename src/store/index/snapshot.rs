//! The index as of one commit, for reading.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::index::SegmentId;
use tantivy::query::Query;
use tantivy::{ReloadPolicy, Searcher, SegmentReader};

use super::attribute_sets::{AttributeSet, for_each_attribute_set};
use super::attributes::{Attribute, attribute_values};
use super::columns::{Chains, Columns, TimeReader};
use super::document::IdHash;
use super::event_attributes::EventAttributes;
use super::event_set::EventSet;
use super::newest::Newest;
use super::schema::Fields;
use super::senders::Senders;
use super::table::EventTable;
use super::writer::open;
use crate::store::StoreError;
use crate::store::archive::Location;
use crate::store::checkpoint::Checkpoint;

/// What the latest commit says of the store, without a look at its segments: those may be too
/// damaged to be opened.
///
/// # Errors
///
/// [`StoreError::NoIndex`] when there is no commit that can be read.
pub(in crate::store) fn read_checkpoint(path: &Path) -> Result<Checkpoint, StoreError> {
    let index = open(path).map_err(|error| StoreError::NoIndex {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    checkpoint_of(path, &index)
}

/// What the last commit of an index says, be its fields of this format or an earlier one; for
/// whoever builds it anew.
pub(in crate::store) fn read_checkpoint_of_any_format(
    path: &Path,
) -> Result<Checkpoint, StoreError> {
    let no_index = |reason: String| StoreError::NoIndex { path: path.to_owned(), reason };
    let index = open(path).map_err(|error| no_index(error.to_string()))?;
    let payload = payload_of(path, &index)?;
    Checkpoint::of_any_format(&payload).map_err(no_index)
}

fn checkpoint_of(path: &Path, index: &tantivy::Index) -> Result<Checkpoint, StoreError> {
    let payload = payload_of(path, index)?;
    Checkpoint::from_payload(&payload)
        .map_err(|reason| StoreError::NoIndex { path: path.to_owned(), reason })
}

fn payload_of(path: &Path, index: &tantivy::Index) -> Result<String, StoreError> {
    let no_index = |reason: String| StoreError::NoIndex { path: path.to_owned(), reason };
    let metas = index.load_metas().map_err(|error| no_index(error.to_string()))?;
    metas.payload.ok_or_else(|| no_index("it was never committed".to_owned()))
}

/// Runs what may panic on damaged data; the panic's message when it did.
pub(in crate::store) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let result = catch_unwind(AssertUnwindSafe(work));
    std::panic::set_hook(hook);
    result.map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()))
            .unwrap_or_else(|| "it is damaged".to_owned())
    })
}

/// The columns of each segment of a snapshot.
pub(crate) type ColumnsBySegment = Arc<HashMap<SegmentId, Columns>>;

/// Times that an index is opened which changes meanwhile.
const OPEN_ATTEMPTS_MAX: u32 = 10;

/// What one commit made visible. Later commits do not change it.
#[derive(Clone)]
pub(in crate::store) struct IndexSnapshot {
    path: PathBuf,
    searcher: Searcher,
    columns: Vec<Columns>,
}

impl IndexSnapshot {
    /// Opens the latest commit, with what it says of the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] when there is none that can be read.
    pub(in crate::store) fn open(path: &Path) -> Result<(Self, Checkpoint), StoreError> {
        // tantivy panics on some damaged segments.
        quietly(|| Self::open_sound(path)).unwrap_or_else(|panic| {
            Err(StoreError::NoIndex { path: path.to_owned(), reason: panic })
        })
    }

    fn open_sound(path: &Path) -> Result<(Self, Checkpoint), StoreError> {
        let no_index = |reason: String| StoreError::NoIndex { path: path.to_owned(), reason };
        let unreadable = |error: tantivy::TantivyError| no_index(error.to_string());
        let mut attempts = OPEN_ATTEMPTS_MAX;
        loop {
            let index = open(path).map_err(unreadable)?;
            // The payload first: a commit in between then shows records beyond the coverage, never
            // coverage without its records.
            let checkpoint = checkpoint_of(path, &index)?;
            let reader = index
                .reader_builder()
                .reload_policy(ReloadPolicy::Manual)
                .try_into()
                .map_err(unreadable)?;
            let searcher = reader.searcher();
            let columns = searcher
                .segment_readers()
                .iter()
                .map(Columns::open)
                .collect::<tantivy::Result<_>>();
            attempts -= 1;
            match columns {
                Ok(columns) => {
                    return Ok((Self { path: path.to_owned(), searcher, columns }, checkpoint));
                }
                // tantivy keeps a merge from removing what it opens, but not what we open after it.
                Err(_) if attempts > 0 => {}
                Err(error) => return Err(unreadable(error)),
            }
        }
    }

    pub(in crate::store) fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The columns of each segment.
    pub(in crate::store) fn columns(&self) -> &[Columns] {
        &self.columns
    }

    /// The columns by segment, for queries: these are asked segment by segment, when the files may
    /// be gone.
    pub(in crate::store) fn columns_by_segment(&self) -> ColumnsBySegment {
        let ids = self.searcher.segment_readers().iter().map(SegmentReader::segment_id);
        Arc::new(ids.zip(self.columns.iter().cloned()).collect())
    }

    /// Where the documents of a leg lie, at most `limit` of them.
    pub(in crate::store) fn leg_locations(&self, leg: IdHash, limit: usize) -> Vec<Location> {
        self.locations(|it| &it.legs, leg, limit)
    }

    /// Where the documents with a message ID lie, at most `limit` of them.
    pub(in crate::store) fn message_locations(&self, id: IdHash, limit: usize) -> Vec<Location> {
        self.locations(|it| &it.messages, id, limit)
    }

    fn locations(
        &self,
        chains: impl Fn(&Columns) -> &Chains,
        id: IdHash,
        limit: usize,
    ) -> Vec<Location> {
        let mut locations = Vec::new();
        for columns in &self.columns {
            let documents = chains(columns).documents(id).take(limit - locations.len());
            locations.extend(documents.filter_map(|it| columns.places.get(it)));
        }
        locations
    }

    /// How many documents there are of the records of each archive file.
    pub(in crate::store) fn counts_by_file(&self) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        let places = self.columns.iter().flat_map(|it| it.places.locations());
        for place in places {
            *counts.entry(place.file).or_insert(0) += 1;
        }
        counts
    }

    /// Where the records of an archive file lie, in order, with their times in milliseconds since
    /// 1970.
    pub(in crate::store) fn places_of_file(&self, file: u32) -> Vec<(Location, i64)> {
        let mut found = Vec::new();
        for columns in &self.columns {
            let mut times = columns.times();
            for (document, place) in (0..).zip(columns.places.locations()) {
                if place.file == file {
                    found.push((place, times.get(document)));
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Reads times: a reader for each segment.
    pub(in crate::store) fn times(&self) -> Vec<TimeReader> {
        self.columns.iter().map(Columns::times).collect()
    }

    /// The places of the documents of one leg whose times are in the range, ends included. `times`
    /// reads this snapshot's.
    pub(in crate::store) fn leg_in_range(
        &self,
        leg: IdHash,
        first_ms: i64,
        last_ms: i64,
        times: &mut [TimeReader],
    ) -> Vec<Location> {
        let mut found = Vec::new();
        for (columns, times) in self.columns.iter().zip(times) {
            let overlaps =
                columns.time_span().is_some_and(|(min, max)| min <= last_ms && max >= first_ms);
            if !overlaps {
                continue;
            }
            let documents = columns.legs.documents(leg);
            let in_range = documents.filter(|it| (first_ms..=last_ms).contains(&times.get(*it)));
            found.extend(in_range.filter_map(|it| columns.places.get(it)));
        }
        found
    }

    /// How many documents a query finds, and where the newest `limit` of them lie, newest first.
    pub(in crate::store) fn newest(
        &self,
        query: &dyn Query,
        limit: usize,
    ) -> Result<(u64, Vec<Location>), StoreError> {
        self.searcher
            .search(query, &Newest { limit, columns: &self.columns })
            .map_err(StoreError::index(&self.path))
    }

    /// How many documents have each value of an attribute.
    pub(in crate::store) fn attribute_counts(
        &self,
        attribute: Attribute,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for segment in self.searcher.segment_readers() {
            let inverted = segment
                .inverted_index(Fields::ATTRIBUTES)
                .map_err(StoreError::index(&self.path))?;
            let mut terms = inverted.terms().stream().map_err(StoreError::index(&self.path))?;
            while terms.advance() {
                for value in attribute_values(terms.key(), attribute) {
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

    /// Hands each event to `visit` once, with those that have the same attributes.
    pub(in crate::store) fn for_each_attribute_set(
        &self,
        visit: &mut dyn FnMut(&AttributeSet<'_>),
    ) -> Result<(), StoreError> {
        for_each_attribute_set(self, visit).map_err(StoreError::index(&self.path))
    }

    /// Who sent each event.
    pub(in crate::store) fn senders(&self) -> Result<Senders, StoreError> {
        Senders::read(self).map_err(StoreError::index(&self.path))
    }

    /// The attributes of each event.
    pub(in crate::store) fn event_attributes(&self) -> Result<EventAttributes, StoreError> {
        EventAttributes::read(self).map_err(StoreError::index(&self.path))
    }

    /// All events as one table.
    pub(in crate::store) fn event_table(&self) -> Result<EventTable, StoreError> {
        EventTable::read(self).map_err(StoreError::index(&self.path))
    }

    /// All events that a query finds.
    pub(in crate::store) fn event_set(&self, query: &dyn Query) -> Result<EventSet, StoreError> {
        EventSet::find(query, &self.searcher).map_err(StoreError::index(&self.path))
    }

    /// The earliest and the latest time, in milliseconds since 1970.
    pub(in crate::store) fn time_span(&self) -> Option<(i64, i64)> {
        self.columns
            .iter()
            .filter_map(Columns::time_span)
            .reduce(|(first, last), (min, max)| (first.min(min), last.max(max)))
    }
}
