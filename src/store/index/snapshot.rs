//! The index as of one commit, for reading.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;
use tantivy::index::SegmentId;
use tantivy::query::Query;
use tantivy::{ReloadPolicy, Searcher, SegmentReader};

use super::columns::{Chains, Columns, TimeReader};
use super::directory::{IndexDirectory, META};
use super::document::IdHash;
use super::event_set::EventSet;
use super::newest::{EventPlace, Newest};
use super::opening::open;
use crate::limits;
use crate::store::archive::Location;
use crate::store::error::{StoreError, in_words};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::names::INDEX_ASIDE;

/// The pause before another attempt while the index directories are being swapped.
const EXCHANGE_PAUSE: Duration = Duration::from_millis(5);

/// Attempts to open an unreadable index when nothing suggests that it is being swapped.
const BLIND_ATTEMPTS_MAX: u32 = 3;

/// An index as of one commit, before its segments are opened: they may be too damaged for that.
pub(in crate::store) struct CommittedIndex {
    path: PathBuf,
    directory: IndexDirectory,
    index: tantivy::Index,
}

impl CommittedIndex {
    /// Opens the latest commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] when there is no readable commit.
    pub(in crate::store) fn open(layout: &Layout) -> Result<Self, StoreError> {
        let path = layout.index();
        let dir = layout.index_dir().map_err(|error| error.or_no_index(&path))?;
        Self::of(path, IndexDirectory::open_to_read(&dir))
    }

    pub(super) fn of(
        path: PathBuf,
        directory: tantivy::Result<IndexDirectory>,
    ) -> Result<Self, StoreError> {
        let opened = directory.and_then(|it| Ok((open(it.clone())?, it)));
        match opened {
            Ok((index, directory)) => Ok(Self { path, directory, index }),
            Err(error) => Err(StoreError::NoIndex { path, reason: in_words(&error) }),
        }
    }

    /// The checkpoint that the commit carries.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] when it cannot be read.
    pub(in crate::store) fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        let payload = self.payload()?;
        Checkpoint::from_payload(&payload).map_err(|it| self.no_index(it))
    }

    fn payload(&self) -> Result<String, StoreError> {
        let metas = self.index.load_metas().map_err(|error| self.no_index(in_words(&error)))?;
        metas.payload.ok_or_else(|| self.no_index("it was never committed".to_owned()))
    }

    fn no_index(&self, reason: String) -> StoreError {
        StoreError::NoIndex { path: self.path.clone(), reason }
    }

    pub(in crate::store) fn index(&self) -> &tantivy::Index {
        &self.index
    }

    /// True if another commit has been made since.
    fn is_outdated(&self, layout: &Layout) -> bool {
        let meta = layout.index_dir().and_then(|it| it.read(META, limits::STORE_FILE_BYTES_MAX));
        meta.is_ok_and(|it| Some(it.as_slice()) != self.directory.meta())
    }
}

/// Reads the checkpoint of the latest commit without opening its segments.
///
/// # Errors
///
/// [`StoreError::NoIndex`] when there is no readable commit.
pub(in crate::store) fn read_checkpoint(layout: &Layout) -> Result<Checkpoint, StoreError> {
    let read = || CommittedIndex::open(layout)?.checkpoint();
    let path = layout.index();
    quietly(read).unwrap_or_else(|reason| Err(StoreError::NoIndex { path, reason }))
}

/// Like [`read_checkpoint`], but also accepts an index with the fields of an earlier format; for
/// rebuilding it.
pub(in crate::store) fn read_checkpoint_of_any_format(
    layout: &Layout,
) -> Result<Checkpoint, StoreError> {
    let read = || {
        let index = CommittedIndex::open(layout)?;
        let payload = index.payload()?;
        Checkpoint::of_any_format(&payload).map_err(|it| index.no_index(it))
    };
    let path = layout.index();
    quietly(read).unwrap_or_else(|reason| Err(StoreError::NoIndex { path, reason }))
}

/// Runs work that may panic on damaged data, and returns the panic's message if it does.
///
/// The process's panic hook still runs: the program chooses what that hook does.
pub(in crate::store) fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // The hook is not replaced here: it is global, and two threads could restore it in the wrong
    // order.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()))
            .unwrap_or_else(|| "it is damaged".to_owned())
    })
}

/// The columns of each segment of a snapshot.
pub(crate) type ColumnsBySegment = Arc<HashMap<SegmentId, Columns>>;

/// The contents of one commit. Later commits do not change it.
#[derive(Clone)]
pub(crate) struct IndexSnapshot {
    path: PathBuf,
    searcher: Searcher,
    /// The segments that are read one by one, and their columns.
    segments: Vec<SegmentReader>,
    columns: Vec<Columns>,
}

impl IndexSnapshot {
    /// Opens the latest commit, and returns its checkpoint too.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] when there is no readable commit.
    pub(in crate::store) fn open(layout: &Layout) -> Result<(Self, Checkpoint), StoreError> {
        for attempts_left in (0..limits::OPEN_ATTEMPTS_MAX).rev() {
            let error = match CommittedIndex::open(layout) {
                Ok(committed) => match Self::of(&committed) {
                    // The directory was swapped, or a merge has removed files: the newer commit has
                    // its own, so no pause is needed.
                    Err(_) if attempts_left > 0 && committed.is_outdated(layout) => continue,
                    other => return other,
                },
                Err(error) => error,
            };
            // The swap may have happened before we looked inside; and on a file system that cannot
            // exchange two names atomically, there is no index at all for an instant.
            let is_being_exchanged = layout.root_dir()?.has(INDEX_ASIDE)?;
            let attempts_used = limits::OPEN_ATTEMPTS_MAX - attempts_left;
            if attempts_left == 0 || attempts_used >= BLIND_ATTEMPTS_MAX && !is_being_exchanged {
                return Err(error);
            }
            std::thread::sleep(EXCHANGE_PAUSE);
        }
        Err(StoreError::NoIndex {
            path: layout.index(),
            reason: "it is always another one".to_owned(),
        })
    }

    /// Opens the segments of a commit.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] when they cannot be read.
    pub(in crate::store) fn of(
        committed: &CommittedIndex,
    ) -> Result<(Self, Checkpoint), StoreError> {
        // tantivy panics on some damaged segments.
        quietly(|| Self::of_sound(committed)).unwrap_or_else(|reason| {
            Err(StoreError::NoIndex { path: committed.path.clone(), reason })
        })
    }

    fn of_sound(committed: &CommittedIndex) -> Result<(Self, Checkpoint), StoreError> {
        let CommittedIndex { path, index, .. } = committed;
        let unreadable = |error: tantivy::TantivyError| StoreError::NoIndex {
            path: path.clone(),
            reason: in_words(&error),
        };
        let checkpoint = committed.checkpoint()?;
        let reader = index
            .reader_builder()
            .reload_policy(ReloadPolicy::Manual)
            .try_into()
            .map_err(unreadable)?;
        let searcher = reader.searcher();
        let segments = searcher.segment_readers().to_vec();
        let columns = segments.iter().map(Columns::open).collect::<tantivy::Result<_>>();
        let columns = columns.map_err(unreadable)?;
        Ok((Self { path: path.clone(), searcher, segments, columns }, checkpoint))
    }

    /// The directory of the index.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(in crate::store) fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    /// The segments, in the order of their columns.
    pub(in crate::store) fn segments(&self) -> &[SegmentReader] {
        &self.segments
    }

    /// The same commit, but with only those segments read one by one that have a document at a
    /// matching place.
    pub(in crate::store) fn with_segments_of(&self, has: &dyn Fn(Location) -> bool) -> Self {
        // The searcher stays whole: this narrows what is read in passes over columns, not what
        // queries search.
        let both = self.segments.iter().zip(&self.columns);
        let kept = both.filter(|(_, columns)| columns.places.locations().any(has));
        let (segments, columns) = kept.map(|(it, columns)| (it.clone(), columns.clone())).unzip();
        Self { segments, columns, ..self.clone() }
    }

    /// The locations of all documents in matching blocks of the archive.
    pub(crate) fn places_in_blocks(&self, is_such: &dyn Fn(Location) -> bool) -> Vec<Location> {
        self.columns.iter().flat_map(|it| it.places.locations_in_blocks(is_such)).collect()
    }

    /// The locations of documents in matching blocks of the archive that share the hash of an ID
    /// with a document in another block: one for each ID.
    pub(crate) fn places_that_share_ids(
        &self,
        is_such: &(dyn Fn(Location) -> bool + Sync),
    ) -> Vec<Location> {
        let of_segment = |columns: &Columns| {
            let mut found = Vec::new();
            for chains in [Self::legs_of, Self::messages_of] {
                let place = |it| columns.places.get(it);
                for (id, documents) in chains(columns).iter() {
                    let Some(such) = documents.filter_map(place).find(|it| is_such(*it)) else {
                        continue;
                    };
                    let has_other = |columns: &Columns| {
                        let documents = chains(columns).documents(id);
                        { documents }.filter_map(|it| columns.places.get(it)).any(|it| !is_such(it))
                    };
                    if self.columns.iter().any(has_other) {
                        found.push(such);
                    }
                }
            }
            found
        };
        // There are few runs: a segment without a matching block is skipped before any of its IDs
        // is looked up.
        let has_such = |it: &&Columns| it.places.locations_in_blocks(is_such).next().is_some();
        self.columns.par_iter().filter(has_such).flat_map_iter(of_segment).collect()
    }

    fn legs_of(columns: &Columns) -> &Chains {
        &columns.legs
    }

    fn messages_of(columns: &Columns) -> &Chains {
        &columns.messages
    }

    /// The columns of each segment.
    pub(in crate::store) fn columns(&self) -> &[Columns] {
        &self.columns
    }

    /// The columns by segment, for queries: they run segment by segment, when the files may already
    /// be gone.
    pub(crate) fn columns_by_segment(&self) -> ColumnsBySegment {
        let ids = self.searcher.segment_readers().iter().map(SegmentReader::segment_id);
        Arc::new(ids.zip(self.columns.iter().cloned()).collect())
    }

    /// The locations of a leg's documents, at most `limit` of them.
    pub(in crate::store) fn leg_locations(&self, leg: IdHash, limit: usize) -> Vec<Location> {
        self.locations(|it| &it.legs, leg, limit)
    }

    /// The locations of the documents with a message ID, at most `limit` of them.
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
            // Never below zero: no segment adds more than was left to take.
            let documents = chains(columns).documents(id).take(limit - locations.len());
            locations.extend(documents.filter_map(|it| columns.places.get(it)));
        }
        locations
    }

    /// The number of documents for the records of each archive file.
    pub(in crate::store) fn counts_by_file(&self) -> BTreeMap<u32, u64> {
        let mut counts = BTreeMap::new();
        let places = self.columns.iter().flat_map(|it| it.places.locations());
        for place in places {
            *counts.entry(place.file).or_insert(0) += 1;
        }
        counts
    }

    /// The locations of the records of an archive file, in order, with their times in milliseconds
    /// since 1970.
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

    /// A reader of times for each segment.
    pub(in crate::store) fn times(&self) -> Vec<TimeReader> {
        self.columns.iter().map(Columns::times).collect()
    }

    /// The times, in milliseconds since 1970, and locations of all documents of a leg, in order.
    pub(in crate::store) fn leg_times(&self, leg: IdHash) -> Vec<(i64, Location)> {
        let mut found = Vec::new();
        for columns in &self.columns {
            let mut times = columns.times();
            for document in columns.legs.documents(leg) {
                found.extend(columns.places.get(document).map(|it| (times.get(document), it)));
            }
        }
        found.sort_unstable();
        found
    }

    /// The locations of a leg's documents whose times are within a range, both ends included.
    /// `times` must be readers of this snapshot.
    pub(in crate::store) fn leg_in_range(
        &self,
        leg: IdHash,
        first_ms: i64,
        last_ms: i64,
        times: &mut [TimeReader],
    ) -> Vec<Location> {
        self.leg_in_range_counted(leg, first_ms, last_ms, times).0
    }

    /// Like [`IndexSnapshot::leg_in_range`], and also returns how many documents were examined.
    pub(in crate::store) fn leg_in_range_counted(
        &self,
        leg: IdHash,
        first_ms: i64,
        last_ms: i64,
        times: &mut [TimeReader],
    ) -> (Vec<Location>, usize) {
        let mut found = Vec::new();
        let mut count = 0;
        for (columns, times) in self.columns.iter().zip(times) {
            let overlaps =
                columns.time_span().is_some_and(|(min, max)| min <= last_ms && max >= first_ms);
            if !overlaps {
                continue;
            }
            // Documents outside the range count too: the caller wants to know the cost of the walk,
            // to treat legs with very many events in another way.
            let documents = columns.legs.documents(leg).inspect(|_| count += 1);
            let in_range = documents.filter(|it| (first_ms..=last_ms).contains(&times.get(*it)));
            found.extend(in_range.filter_map(|it| columns.places.get(it)));
        }
        (found, count)
    }

    /// The number of documents that a query matches, and the places of the newest `limit` of them,
    /// newest first.
    pub(crate) fn newest(
        &self,
        query: &dyn Query,
        limit: usize,
        after: Option<EventPlace>,
    ) -> Result<(u64, Vec<EventPlace>), StoreError> {
        self.searcher
            .search(query, &Newest { limit, after, columns: &self.columns })
            .map_err(StoreError::index(&self.path))
    }

    /// The locations of all documents that a query matches, in order.
    pub(crate) fn places(&self, query: &dyn Query) -> Result<Vec<Location>, StoreError> {
        let events = self.event_set(query)?;
        let mut places = Vec::new();
        let mut base = 0;
        for columns in &self.columns {
            let found = (base..).zip(columns.places.locations());
            places.extend(found.filter(|it| events.contains(it.0)).map(|it| it.1));
            base += columns.document_count();
        }
        places.sort_unstable();
        Ok(places)
    }

    /// The events at some locations, which must be sorted.
    pub(crate) fn event_set_at(&self, places: &[Location]) -> EventSet {
        let all = || self.columns.iter().flat_map(|it| it.places.locations());
        let numbers = (0..).zip(all()).filter(|(_, it)| places.binary_search(it).is_ok());
        let count = self.columns.iter().map(Columns::document_count).sum();
        EventSet::of(numbers.map(|it| it.0), count)
    }

    /// All events that a query matches.
    pub(crate) fn event_set(&self, query: &dyn Query) -> Result<EventSet, StoreError> {
        EventSet::find(query, &self.searcher).map_err(StoreError::index(&self.path))
    }

    /// The latest time that is not after `last_ms`, in milliseconds since 1970.
    pub(in crate::store) fn newest_until(&self, last_ms: i64) -> Option<i64> {
        // Only a segment that straddles `last_ms` needs a look at its chunks: one event with a time
        // in the future must not make every question read all times.
        let of_segment = |columns: &Columns| match columns.time_span() {
            Some((_, max)) if max <= last_ms => Some(max),
            Some((min, _)) if min > last_ms => None,
            _ => columns.latest_until(last_ms),
        };
        self.columns.iter().filter_map(of_segment).max()
    }

    /// The earliest and the latest time, in milliseconds since 1970.
    pub(in crate::store) fn time_span(&self) -> Option<(i64, i64)> {
        self.columns
            .iter()
            .filter_map(Columns::time_span)
            .reduce(|(first, last), (min, max)| (first.min(min), last.max(max)))
    }
}
