//! Writing the index.

use std::path::{Path, PathBuf};

use tantivy::indexer::{LogMergePolicy, UserOperation};
use tantivy::schema::Schema;
use tantivy::{Index, IndexSettings};

use super::directory::IndexDirectory;
use super::document::Document;
use super::schema::Fields;
use super::tokens;
use crate::limits;
use crate::store::StoreError;
use crate::store::archive::Location;

/// Adds documents, and makes them visible together with a payload.
pub(in crate::store) struct IndexWriter {
    path: PathBuf,
    writer: tantivy::IndexWriter,
    fields: Fields,
}

/// Opens the index in a directory.
pub(super) fn open(path: &Path) -> Result<(Index, Fields), tantivy::TantivyError> {
    let (schema, fields) = Fields::schema();
    let index = Index::open(IndexDirectory::open(path)?)?;
    tokens::register(index.tokenizers());
    if index.schema() != schema {
        return Err(tantivy::TantivyError::SchemaError("its fields are others".to_owned()));
    }
    Ok((index, fields))
}

impl IndexWriter {
    /// Makes an empty index and commits `payload` with it.
    pub(in crate::store) fn create(path: &Path, payload: &str) -> Result<Self, StoreError> {
        let (schema, fields): (Schema, Fields) = Fields::schema();
        let make = || {
            let directory = IndexDirectory::open(path)?;
            let index = Index::create(directory, schema, IndexSettings::default())?;
            tokens::register(index.tokenizers());
            Ok::<_, tantivy::TantivyError>(index)
        };
        let index = make().map_err(StoreError::index(path))?;
        let mut writer = Self::with_index(path, &index, fields)?;
        writer.commit(payload)?;
        Ok(writer)
    }

    /// Opens the index for writing.
    pub(in crate::store) fn open(path: &Path) -> Result<Self, StoreError> {
        let (index, fields) = open(path).map_err(|error| StoreError::NoIndex {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::with_index(path, &index, fields)
    }

    fn with_index(path: &Path, index: &Index, fields: Fields) -> Result<Self, StoreError> {
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(8);
        let writer = index
            .writer_with_num_threads(threads, limits::INDEX_MEMORY_BYTES)
            .map_err(StoreError::index(path))?;
        writer.set_merge_policy(Box::new(LogMergePolicy::default()));
        Ok(Self { path: path.to_owned(), writer, fields })
    }

    pub(in crate::store) fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Hands over documents; they stay together in one segment.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`]; the writer is then of no more use.
    pub(in crate::store) fn add(
        &mut self,
        documents: impl IntoIterator<Item = (Document, Location)>,
    ) -> Result<(), StoreError> {
        let operations: Vec<_> = documents
            .into_iter()
            .map(|(mut document, location)| {
                document.add_u64(self.fields.location, location.to_bits());
                UserOperation::Add(document)
            })
            .collect();
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
