//! Errors that end a pull.

use crate::aws::AwsError;
use crate::directory::StatementError;
use crate::store::StoreError;

/// An error that ends a pull or keeps it from beginning. Earlier commits stay.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("there is no log group {name} in {region}{near}")]
    NoSuchGroup { name: String, region: String, near: String },
    #[error(
        "no log group under {prefix} in {region}: name one with --log-group, or look in another region with --region"
    )]
    NoGroup { prefix: &'static str, region: String },
    #[error("several log groups under {prefix} in {region}: choose one with --log-group: {names}")]
    SeveralGroups { prefix: &'static str, region: String, names: String },
    #[error("cannot start the network")]
    Runtime(#[source] std::io::Error),
}
