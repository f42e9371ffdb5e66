//! Why an import could not go on.

#[cfg(feature = "aws")]
use crate::aws::AwsError;
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
    /// A service does not give what is asked for.
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The system does not let us talk to the network.
    #[cfg(feature = "aws")]
    #[error("cannot start to talk to the network")]
    NoNetwork(#[source] std::io::Error),
    /// There is no place for a temporary store.
    #[error("cannot make a temporary directory: set TMPDIR to one with room")]
    NoTemporaryDirectory(#[source] std::io::Error),
}
