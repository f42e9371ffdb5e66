//! What can go wrong with an export.

use std::io;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::signing::SigningError;
use crate::source::RejectReason;
use crate::store::StoreError;

/// Why an export could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is something where the export is to go.
    #[error("{} exists already: an export never overwrites, name another place with --out", .path.display())]
    TargetExists {
        /// The place.
        path: PathBuf,
    },
    /// More than [`limits::EXPORT_MESSAGES_MAX`].
    #[error(
        "more than {} messages: export less at a time, by --since and --until",
        limits::EXPORT_MESSAGES_MAX
    )]
    TooManyMessages,
    /// More audit events than [`limits::EXPORT_MESSAGES_MAX`].
    #[error(
        "more than {} events: export less at a time, by --since and --until",
        limits::EXPORT_MESSAGES_MAX
    )]
    TooManyEvents,
    /// The file system refused.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The answer could not be written where it goes.
    #[error("cannot write the export")]
    Write {
        /// Why it failed.
        source: io::Error,
    },
    /// A key for pseudonyms that could be guessed, or that is no key.
    #[error(
        "{}: a key for pseudonyms has {} to {} bytes: make one with `head -c 32 /dev/urandom > FILE`",
        .path.display(), limits::REDACT_KEY_BYTES_MIN, limits::REDACT_KEY_BYTES_MAX
    )]
    BadKey {
        /// The file that it was read from.
        path: PathBuf,
    },
    /// A file that is named as a key and is something else.
    #[error("{}: {reason}", .path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// What it is.
        reason: RejectReason,
    },
    /// A record that is not understood any more after it was redacted; nothing is given out then.
    #[error("a record cannot be redacted ({reason}): leave its message out of the export")]
    NotRedacted {
        /// What is wrong.
        reason: String,
    },
    /// The sums could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// Neither a directory nor a zip.
    #[error("{} is neither a directory nor a zip: name what `mailtrace export --out` made", .path.display())]
    NotABundle {
        /// What was named.
        path: PathBuf,
    },
}

impl ExportError {
    /// For `map_err`: an I/O error with what was tried, and on what.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}
