//! Writing the index.

use std::path::{Path, PathBuf};

use tantivy::indexer::{LogMergePolicy, UserOperation};
use tantivy::store::Compressor;
use tantivy::{Index, IndexSettings};

use super::columns;
use super::directory::IndexDirectory;
use super::document::Document;
use super::schema::Fields;
use super::tokens;
use crate::limits;
use crate::store::StoreError;

/// Adds documents, and makes them visible together with a payload.
pub(in crate::store) struct IndexWriter {
    path: PathBuf,
    writer: tantivy::IndexWriter<Document>,
}

/// Opens the index in a directory.
pub(super) fn open(path: &Path) -> Result<Index, tantivy::TantivyError> {
    let mut index = Index::open(IndexDirectory::open(path)?)?;
    tokens::register(index.tokenizers());
    index.register_plugin(columns::plugin());
    if index.schema() != Fields::schema() {
        return Err(tantivy::TantivyError::SchemaError("its fields are others".to_owned()));
    }
    Ok(index)
}

impl IndexWriter {
    /// Makes an empty index and commits `payload` with it.
    pub(in crate::store) fn create(path: &Path, payload: &str) -> Result<Self, StoreError> {
        let make = || {
            let settings = IndexSettings {
                docstore_compression: Compressor::None,
                docstore_compress_dedicated_thread: false,
                ..IndexSettings::default()
            };
            let index = Index::builder()
                .schema(Fields::schema())
                .settings(settings)
                .register_plugin(columns::plugin())
                .open_or_create(IndexDirectory::open(path)?)?;
            tokens::register(index.tokenizers());
            Ok::<_, tantivy::TantivyError>(index)
        };
        let index = make().map_err(StoreError::index(path))?;
        let mut writer = Self::with_index(path, &index)?;
        writer.commit(payload)?;
        Ok(writer)
    }

    /// Opens the index for writing.
    pub(in crate::store) fn open(path: &Path) -> Result<Self, StoreError> {
        let index = open(path).map_err(|error| StoreError::NoIndex {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::with_index(path, &index)
    }

    fn with_index(path: &Path, index: &Index) -> Result<Self, StoreError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let writer = index
            .writer_with_num_threads(threads, limits::INDEX_MEMORY_BYTES)
            .map_err(StoreError::index(path))?;
        writer.set_merge_policy(Box::new(LogMergePolicy::default()));
        Ok(Self { path: path.to_owned(), writer })
    }

    /// Hands over documents; they stay together in one segment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`]; the writer is then of no more use.
    pub(in crate::store) fn add(
        &mut self,
        documents: impl IntoIterator<Item = Document>,
    ) -> Result<(), StoreError> {
        let operations: Vec<_> = documents.into_iter().map(UserOperation::Add).collect();
        if let Err(error) = self.writer.run(operations) {
            // It says only that a thread of tantivy's has ended; waiting for that thread says why.
            let cause = self.writer.prepare_commit().err().unwrap_or(error);
            return Err(StoreError::index(&self.path)(cause));
        }
        Ok(())
    }

    /// Makes everything that was added visible and durable, with `payload`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`]; the writer is then of no more use.
    pub(in crate::store) fn commit(&mut self, payload: &str) -> Result<(), StoreError> {
        let mut prepared = self.writer.prepare_commit().map_err(StoreError::index(&self.path))?;
        prepared.set_payload(payload);
        prepared.commit().map_err(StoreError::index(&self.path))?;
        Ok(())
    }

    /// Waits for the merges that are under way.
    pub(in crate::store) fn finish(self) -> Result<(), StoreError> {
        self.writer.wait_merging_threads().map_err(StoreError::index(&self.path))
    }
}
