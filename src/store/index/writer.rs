//! Writing the index.

use std::path::{Path, PathBuf};

use tantivy::indexer::{LogMergePolicy, MergePolicy, UserOperation};
use tantivy::store::Compressor;
use tantivy::{Index, IndexSettings};

use super::columns;
use super::directory::IndexDirectory;
use super::document::Document;
use super::opening::open;
use super::schema::Fields;
use super::snapshot::{CommittedIndex, IndexSnapshot};
use super::tokens;
use crate::limits;
use crate::store::dir::Dir;
use crate::store::error::{StoreError, in_words};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::Checkpoint;

/// Adds documents, and makes them visible together with a payload.
pub(in crate::store) struct IndexWriter {
    path: PathBuf,
    directory: IndexDirectory,
    writer: tantivy::IndexWriter<Document>,
}

/// The settings of all indexes: they store columns and terms, and no documents.
pub(in crate::store) fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    }
}

/// Merges segments of about the same size, but only up to a bound: a merge holds some hundred bytes
/// in memory for each document that it writes.
pub(in crate::store) fn merge_policy(segments_min: usize) -> Box<dyn MergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(segments_min);
    policy.set_max_docs_before_merge(limits::INDEX_MERGED_DOCUMENTS_MAX);
    Box::new(policy)
}

/// Commits everything given to a writer, with `payload`.
pub(in crate::store) fn commit<D: tantivy::Document>(
    writer: &mut tantivy::IndexWriter<D>,
    payload: &str,
) -> tantivy::Result<()> {
    // In two steps, since only a prepared commit takes a payload.
    let mut prepared = writer.prepare_commit()?;
    prepared.set_payload(payload);
    prepared.commit().map(drop)
}

impl IndexSnapshot {
    /// Opens the commit that a writer has prepared, and returns its checkpoint too.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoIndex`] when it cannot be read.
    pub(in crate::store) fn of_prepared(
        writer: &IndexWriter,
        layout: &Layout,
    ) -> Result<(Self, Checkpoint), StoreError> {
        let opened = writer.directory().open_to_read_held();
        Self::of(&CommittedIndex::of(layout.index(), opened)?)
    }
}

impl IndexWriter {
    /// Creates an empty index and commits `payload` with it.
    pub(in crate::store) fn create(dir: &Dir, payload: &str) -> Result<Self, StoreError> {
        let directory = IndexDirectory::open(dir).map_err(StoreError::index(dir.path()))?;
        let make = || {
            let index = Index::builder()
                .schema(Fields::schema())
                .settings(settings())
                .register_plugin(columns::plugin())
                .open_or_create(directory.clone())?;
            tokens::register(index.tokenizers());
            Ok::<_, tantivy::TantivyError>(index)
        };
        let index = make().map_err(|error| {
            directory.take_failure().unwrap_or_else(|| StoreError::index(dir.path())(error))
        })?;
        let mut writer = Self::with_index(directory, dir.path(), &index)?;
        writer.commit(payload)?;
        Ok(writer)
    }

    /// Opens the index for writing.
    pub(in crate::store) fn open(layout: &Layout) -> Result<Self, StoreError> {
        let path = layout.index();
        let no_index = |reason: String| StoreError::NoIndex { path: path.clone(), reason };
        let dir = layout.index_dir().map_err(|error| error.or_no_index(&path))?;
        let directory = IndexDirectory::open(&dir).map_err(|error| no_index(in_words(&error)))?;
        let index = open(directory.clone()).map_err(|error| no_index(in_words(&error)))?;
        Self::with_index(directory, &path, &index)
    }

    fn with_index(
        directory: IndexDirectory,
        path: &Path,
        index: &Index,
    ) -> Result<Self, StoreError> {
        // tantivy's own bound; each thread also makes segments of its own, with its share of the
        // memory.
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let writer = index
            .writer_with_num_threads(threads, limits::INDEX_MEMORY_BYTES)
            .map_err(StoreError::index(path))?;
        writer.set_merge_policy(merge_policy(limits::INDEX_MERGED_SEGMENTS_MIN));
        Ok(Self { path: path.to_owned(), directory, writer })
    }

    /// Adds documents, which stay together in one segment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`]; the writer must not be used afterwards.
    pub(in crate::store) fn add(
        &mut self,
        documents: impl IntoIterator<Item = Document>,
    ) -> Result<(), StoreError> {
        // `run` keeps a group in one segment and in order. Columns rely on it to store places as
        // runs.
        let operations: Vec<_> = documents.into_iter().map(UserOperation::Add).collect();
        if let Err(error) = self.writer.run(operations) {
            // The error says only that a tantivy thread has ended; joining that thread gives its
            // reason.
            let cause = self.writer.prepare_commit().err().unwrap_or(error);
            return Err(self.failed(cause));
        }
        Ok(())
    }

    /// The file system's error, if there was one, or else tantivy's.
    fn failed(&self, error: tantivy::TantivyError) -> StoreError {
        self.directory.take_failure().unwrap_or_else(|| StoreError::index(&self.path)(error))
    }

    /// Makes everything added visible and durable, with `payload`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`]; the writer must not be used afterwards.
    pub(in crate::store) fn commit(&mut self, payload: &str) -> Result<(), StoreError> {
        commit(&mut self.writer, payload).map_err(|error| self.failed(error))
    }

    /// Commits everything added, with `payload`, so that only [`IndexSnapshot::of_prepared`] sees
    /// it until it is published.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`]; the writer must not be used afterwards.
    pub(in crate::store) fn prepare(&mut self, payload: &str) -> Result<(), StoreError> {
        self.directory.hold_back();
        self.commit(payload)
    }

    /// Makes the prepared commit visible and durable.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`]; the writer must not be used afterwards.
    pub(in crate::store) fn publish(&mut self) -> Result<(), StoreError> {
        self.directory.publish(&self.writer)
    }

    /// The directory of the index.
    pub(super) fn directory(&self) -> &IndexDirectory {
        &self.directory
    }

    /// Waits for running merges.
    pub(in crate::store) fn finish(self) -> Result<(), StoreError> {
        let Self { path, directory, writer } = self;
        writer.wait_merging_threads().map_err(|error| {
            directory.take_failure().unwrap_or_else(|| StoreError::index(&path)(error))
        })
    }
}
