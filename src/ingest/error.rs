//! Why an import could not go on.

use crate::source::SourceError;
use crate::store::StoreError;

/// Why an import could not go on. What is wrong with the input's content is never one of these.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// A path that was named cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The store cannot take more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no place for a temporary store.
    #[error("cannot make a temporary directory: set TMPDIR to one with room")]
    NoTemporaryDirectory(#[source] std::io::Error),
}
