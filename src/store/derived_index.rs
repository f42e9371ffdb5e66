//! The common part of the indexes beside the main one: each is tantivy's, is derived from the
//! archive, and states with each commit how far it reaches.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tantivy::indexer::MergePolicy;
use tantivy::query::Query;
use tantivy::schema::Schema;
use tantivy::{Index, TantivyDocument, TantivyError};

use super::error::StoreError;
use super::index::{IndexDirectory, check_segment_files, commit, settings};
use super::layout::Layout;

/// Writes to such an index. `P` is the position that a commit reaches; it travels as its payload.
pub(super) struct DerivedWriter<P> {
    path: PathBuf,
    directory: IndexDirectory,
    index: Index,
    writer: tantivy::IndexWriter,
    committed: Option<P>,
}

impl<P: Serialize + DeserializeOwned> DerivedWriter<P> {
    /// Opens the index in a directory of the store, or creates an empty one.
    pub(super) fn open_or_create(
        layout: &Layout,
        name: &str,
        schema: Schema,
        memory_bytes: usize,
        merges: Box<dyn MergePolicy>,
    ) -> Result<Self, StoreError> {
        let dir = layout.root_dir()?.make_dir(name)?;
        let path = dir.path().to_owned();
        let directory = IndexDirectory::open(&dir).map_err(StoreError::index(&path))?;
        let open = || {
            let index = Index::builder()
                .schema(schema)
                .settings(settings())
                .open_or_create(directory.clone())?;
            let writer = index.writer_with_num_threads(1, memory_bytes)?;
            writer.set_merge_policy(merges);
            let committed = index.load_metas()?.payload;
            // A payload of another form counts as none, and the index is built again.
            let committed = committed.and_then(|it| serde_json::from_str(&it).ok());
            Ok::<_, TantivyError>((index, writer, committed))
        };
        let (index, writer, committed) = open().map_err(|error| {
            directory.take_failure().unwrap_or_else(|| StoreError::index(&path)(error))
        })?;
        Ok(Self { path, directory, index, writer, committed })
    }

    /// The tantivy index.
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    /// The position of the last commit; none where there is none in this form.
    pub(super) fn committed(&self) -> Option<&P> {
        self.committed.as_ref()
    }

    /// Adds a document.
    pub(super) fn add(&mut self, document: TantivyDocument) -> Result<(), StoreError> {
        self.writer.add_document(document).map(drop).map_err(|error| self.failed(error))
    }

    /// Removes the documents that a query matches.
    pub(super) fn remove(&mut self, query: impl Query) -> Result<(), StoreError> {
        self.writer.delete_query(Box::new(query)).map(drop).map_err(|error| self.failed(error))
    }

    /// Makes all changes visible and durable.
    pub(super) fn commit(&mut self, position: P) -> Result<(), StoreError> {
        let payload = serde_json::to_string(&position).map_err(|error| {
            StoreError::io("describe", &self.path)(std::io::Error::other(error))
        })?;
        commit(&mut self.writer, &payload).map_err(|error| self.failed(error))?;
        self.committed = Some(position);
        Ok(())
    }

    /// Makes all changes durable beside the last commit: they take effect with the store's commit,
    /// or when they are published.
    pub(super) fn prepare(&mut self, position: P) -> Result<(), StoreError> {
        // Before the commit, and it stays on until `publish`: a merge that ends in between must not
        // write the commit that readers see.
        self.directory.hold_back();
        self.commit(position)?;
        self.directory.prepare()
    }

    /// Makes the prepared commit the last one.
    pub(super) fn publish(&mut self) -> Result<(), StoreError> {
        self.directory.publish(&self.writer)
    }

    /// Waits for running merges.
    pub(super) fn finish(self) -> Result<(), StoreError> {
        let Self { path, directory, writer, .. } = self;
        writer.wait_merging_threads().map_err(|error| {
            directory.take_failure().unwrap_or_else(|| StoreError::index(&path)(error))
        })
    }

    /// The file system's error that came first, or else tantivy's.
    pub(super) fn failed(&self, error: TantivyError) -> StoreError {
        self.directory.take_failure().unwrap_or_else(|| StoreError::index(&self.path)(error))
    }
}

/// The damaged files of the index in a directory of the store, each with the reason; none where
/// there is no such index.
///
/// # Errors
///
/// [`StoreError::Index`] when the index cannot be opened, and [`StoreError::Io`].
pub(super) fn check_derived_files(
    layout: &Layout,
    name: &str,
) -> Result<Vec<(PathBuf, String)>, StoreError> {
    let Some(dir) = layout.dir_if_there(name)? else { return Ok(Vec::new()) };
    if was_never_made(&dir.names()?) {
        return Ok(Vec::new());
    }
    let check = || {
        let mut damaged = check_segment_files(&Index::open(IndexDirectory::open_to_read(&dir)?)?)?;
        // A crash has left it, and it may be the one that counts.
        if let Ok(next) = IndexDirectory::open_to_read_next(&dir) {
            let of_next = check_segment_files(&Index::open(next)?)?;
            let new = of_next.into_iter().filter(|it| !damaged.contains(it));
            damaged.extend(new.collect::<Vec<_>>());
        }
        Ok::<_, TantivyError>(damaged)
    };
    check().map_err(StoreError::index(dir.path()))
}

/// The payload of a commit, be it the last one or the next one.
pub(super) fn payload_of<P: DeserializeOwned>(meta: &[u8]) -> Option<P> {
    let meta: CommitMeta = serde_json::from_slice(meta).ok()?;
    serde_json::from_str(&meta.payload?).ok()
}

/// The part of tantivy's commit that is ours.
#[derive(Deserialize)]
struct CommitMeta {
    payload: Option<String>,
}

/// True if the writer that began an index was cut off before its first commit: all files are
/// tantivy's lists of files to come, locks, or files waiting to be renamed.
fn was_never_made(names: &[OsString]) -> bool {
    names
        .iter()
        .map(|it| it.as_encoded_bytes())
        .all(|it| it.starts_with(b".") || it.ends_with(b".tmp"))
}
