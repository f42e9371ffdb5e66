//! Why a pull could not begin or go on.

use crate::aws::AwsError;
use crate::directory::StatementError;
use crate::store::StoreError;

/// Why a pull could not begin or go on. What it had committed stays.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// What AWS said.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The store cannot take more.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the directory said cannot be written down.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// There is no group of that name.
    #[error("there is no log group {name} in {region}{near}")]
    NoSuchGroup {
        /// As it was given.
        name: String,
        /// Where it was looked for.
        region: String,
        /// What else there is, and what to do.
        near: String,
    },
    /// No group was named and none has the usual name.
    #[error(
        "no log group under {prefix} in {region}: name one with --log-group, or look in another region with --region"
    )]
    NoGroup {
        /// Where WorkMail puts its groups.
        prefix: &'static str,
        /// Where it was looked for.
        region: String,
    },
    /// No group was named and several may be meant.
    #[error("several log groups under {prefix} in {region}: choose one with --log-group: {names}")]
    SeveralGroups {
        /// Where WorkMail puts its groups.
        prefix: &'static str,
        /// Where they are.
        region: String,
        /// Their names.
        names: String,
    },
    /// The operating system gives us no event loop.
    #[error("cannot start the network")]
    Runtime(#[source] std::io::Error),
}
