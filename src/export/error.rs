//! The errors of exports.

use std::io;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::signing::SigningError;
use crate::source::RejectReason;
use crate::store::StoreError;

/// The reason why an export could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} exists already: an export never overwrites; give another path with --out", .path.display())]
    TargetExists { path: PathBuf },
    #[error(
        "more than {} messages: export less at a time, with --since and --until",
        limits::EXPORT_MESSAGES_MAX
    )]
    TooManyMessages,
    #[error(
        "more than {} events: export less at a time, with --since and --until",
        limits::EXPORT_MESSAGES_MAX
    )]
    TooManyEvents,
    #[error("cannot {action} {}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot write the export")]
    Write { source: io::Error },
    #[error(
        "{}: a key for pseudonyms must have {} to {} bytes: make one with `head -c 32 /dev/urandom > FILE`",
        .path.display(), limits::REDACT_KEY_BYTES_MIN, limits::REDACT_KEY_BYTES_MAX
    )]
    BadKey { path: PathBuf },
    #[error("{}: {reason}", .path.display())]
    NoKey { path: PathBuf, reason: RejectReason },
    #[error("a record cannot be redacted ({reason}): leave its message out of the export")]
    NotRedacted { reason: String },
    #[error(transparent)]
    Signing(#[from] SigningError),
    #[error("{} is neither a directory nor a zip: give what `mailtrace export --out` wrote", .path.display())]
    NotABundle { path: PathBuf },
}

impl ExportError {
    /// Returns a function for `map_err` that adds the action and the path to an I/O error.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
