//! Errors that end an import.

#[cfg(feature = "aws")]
use crate::aws::AwsError;
use crate::source::SourceError;
use crate::store::StoreError;

/// An error that ends an import. Bad content is never one of these.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[cfg(feature = "aws")]
    #[error("cannot start the network")]
    NoNetwork(#[source] std::io::Error),
    #[error("cannot create a temporary directory: set TMPDIR to one with free space")]
    NoTemporaryDirectory(#[source] std::io::Error),
}
