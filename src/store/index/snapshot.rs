//! The index as of one commit, for reading.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tantivy::columnar::Column;
use tantivy::query::Query;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, DocSet, ReloadPolicy, Searcher, TERMINATED};

use super::document::{IdTerm, LegTerm};
use super::newest::Newest;
use super::schema::{Fields, LOCATION, TIMESTAMP};
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
    let (index, _) = open(path).map_err(|error| StoreError::NoIndex {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    checkpoint_of(path, &index)
}

fn checkpoint_of(path: &Path, index: &tantivy::Index) -> Result<Checkpoint, StoreError> {
    let no_index = |reason: String| StoreError::NoIndex { path: path.to_owned(), reason };
    let metas = index.load_metas().map_err(|error| no_index(error.to_string()))?;
    let payload = metas.payload.ok_or_else(|| no_index("it was never committed".to_owned()))?;
    Checkpoint::from_payload(&payload).map_err(no_index)
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

/// What one commit made visible. Later commits do not change it.
#[derive(Clone)]
pub(in crate::store) struct IndexSnapshot {
    path: PathBuf,
    searcher: Searcher,
    fields: Fields,
    columns: Vec<Columns>,
}

/// The columns of one segment.
#[derive(Clone)]
struct Columns {
    timestamp: Column<i64>,
    location: Column<u64>,
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
        let (index, fields) = open(path).map_err(unreadable)?;
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
            .map(|segment| {
                Ok(Columns {
                    timestamp: segment.fast_fields().i64(TIMESTAMP)?,
                    location: segment.fast_fields().u64(LOCATION)?,
                })
            })
            .collect::<tantivy::Result<_>>()
            .map_err(unreadable)?;
        Ok((Self { path: path.to_owned(), searcher, fields, columns }, checkpoint))
    }

    pub(in crate::store) fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    pub(in crate::store) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Where the documents with this hash lie, at most `limit` of them.
    pub(in crate::store) fn locations(
        &self,
        field: Field,
        id: IdTerm,
        limit: usize,
    ) -> Result<Vec<Location>, StoreError> {
        let mut locations = Vec::new();
        self.for_each(
            field,
            id,
            |_| true,
            |columns, document| {
                locations.extend(columns.location.first(document).map(Location::from_bits));
                locations.len() < limit
            },
        )?;
        Ok(locations)
    }

    /// The times and places of the documents of one leg, in segments that reach into the range.
    pub(in crate::store) fn leg_in_range(
        &self,
        leg: LegTerm,
        first_ms: i64,
        last_ms: i64,
    ) -> Result<Vec<(i64, Location)>, StoreError> {
        let mut found = Vec::new();
        let overlaps = |columns: &Columns| {
            columns.timestamp.min_value() <= last_ms && columns.timestamp.max_value() >= first_ms
        };
        let (field, id) = leg.field_and_id(&self.fields);
        self.for_each(field, id, overlaps, |columns, document| {
            let timestamp = columns.timestamp.first(document);
            let location = columns.location.first(document).map(Location::from_bits);
            found.extend(timestamp.zip(location));
            true
        })?;
        Ok(found)
    }

    /// Calls `visit` for each document with the hash, in segments that `is_wanted`, until it
    /// returns false.
    fn for_each(
        &self,
        field: Field,
        id: IdTerm,
        is_wanted: impl Fn(&Columns) -> bool,
        mut visit: impl FnMut(&Columns, DocId) -> bool,
    ) -> Result<(), StoreError> {
        let term = id.in_field(field);
        for (segment, columns) in self.searcher.segment_readers().iter().zip(&self.columns) {
            if !is_wanted(columns) {
                continue;
            }
            let postings = segment
                .inverted_index(field)
                .and_then(|it| Ok(it.read_postings(&term, IndexRecordOption::Basic)?))
                .map_err(StoreError::index(&self.path))?;
            let Some(mut postings) = postings else { continue };
            while postings.doc() != TERMINATED {
                if !visit(columns, postings.doc()) {
                    return Ok(());
                }
                postings.advance();
            }
        }
        Ok(())
    }

    /// How many documents a query finds, and where the newest `limit` of them lie, newest first.
    pub(in crate::store) fn newest(
        &self,
        query: &dyn Query,
        limit: usize,
    ) -> Result<(u64, Vec<Location>), StoreError> {
        self.searcher.search(query, &Newest { limit }).map_err(StoreError::index(&self.path))
    }

    /// How many documents have each term of a field of whole values.
    pub(in crate::store) fn term_counts(
        &self,
        field: Field,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut counts = BTreeMap::new();
        for segment in self.searcher.segment_readers() {
            let inverted = segment.inverted_index(field).map_err(StoreError::index(&self.path))?;
            let mut terms = inverted.terms().stream().map_err(StoreError::index(&self.path))?;
            while terms.advance() {
                let term = String::from_utf8_lossy(terms.key()).into_owned();
                *counts.entry(term).or_default() += u64::from(terms.value().doc_freq);
            }
        }
        Ok(counts)
    }

    /// The earliest and the latest time, in milliseconds since 1970.
    pub(in crate::store) fn time_span(&self) -> Option<(i64, i64)> {
        self.searcher
            .segment_readers()
            .iter()
            .zip(&self.columns)
            .filter(|(segment, _)| segment.num_docs() > 0)
            .map(|(_, it)| (it.timestamp.min_value(), it.timestamp.max_value()))
            .reduce(|(first, last), (min, max)| (first.min(min), last.max(max)))
    }

    /// The columns of each segment: times in milliseconds since 1970, and locations.
    pub(in crate::store) fn columns(&self) -> impl Iterator<Item = (&Column<i64>, &Column<u64>)> {
        self.columns.iter().map(|it| (&it.timestamp, &it.location))
    }
}
