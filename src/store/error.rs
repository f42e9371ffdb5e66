//! The errors of a store.

use std::io;
use std::path::{Path, PathBuf};

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The caller has stopped the work ([`super::Store::stoppable`]).
    #[error("stopped before the end")]
    Stopped,
    /// The path holds no store.
    #[error(
        "there is no store at {}: import into it first, or name another with --store", .path.display()
    )]
    NoStore {
        /// The path at which a store was expected.
        path: PathBuf,
    },
    /// The path holds something that is not a store.
    #[error(
        "{} is not a mailtrace store (it is not empty and has no {}): name another directory with --store",
        .path.display(), super::names::MARKER
    )]
    NotAStore {
        /// The directory.
        path: PathBuf,
    },
    /// A later version of the program created the store.
    #[error(
        "the store at {} has format {found}, and this version reads formats up to {known}: use a newer mailtrace",
        .path.display()
    )]
    NewerFormat {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that this version reads.
        known: u64,
    },
    /// Something else is in the place of one of the store's files or directories.
    #[error(
        "{} is {found}, but a store has {expected} of its own there: it was not followed, and nothing was changed",
        .path.display()
    )]
    Misplaced {
        /// The place.
        path: PathBuf,
        /// The kind of entry found there.
        found: &'static str,
        /// The kind of entry expected.
        expected: &'static str,
    },
    /// The store belongs to another user.
    #[error(
        "{} belongs to user {owner}, and this process runs as user {user}: only its owner may write to a store; copy it with `cp -r` and write to the copy, or make it yours with `chown -R`",
        .path.display()
    )]
    OtherOwner {
        /// The store, or a directory of it.
        path: PathBuf,
        /// The owner's user ID.
        owner: u32,
        /// The user ID of this process.
        user: u32,
    },
    /// Another writer holds the store's lock.
    #[error(
        "the store at {} is being written by {holder}: wait until it is done, or stop it",
        .path.display()
    )]
    Locked {
        /// The store.
        path: PathBuf,
        /// The other writer, in words.
        holder: String,
    },
    /// There are archived records and no index over them.
    #[error(
        "the index at {} is missing or cannot be read ({reason}): rebuild it with `mailtrace reindex`",
        .path.display()
    )]
    NoIndex {
        /// The index's directory.
        path: PathBuf,
        /// The reason, in words.
        reason: String,
    },
    /// There are archived audit events and no index over them.
    #[error(
        "the index of audit events at {} cannot be used ({reason}): try again, or rebuild it with `mailtrace reindex`",
        .path.display()
    )]
    NoAuditIndex {
        /// The index's directory.
        path: PathBuf,
        /// The reason, in words.
        reason: String,
    },
    /// The archive differs from what the last commit left.
    #[error("{} was changed after it was written ({reason}): run `mailtrace verify`", .path.display())]
    ArchiveDamaged {
        /// The archive file.
        path: PathBuf,
        /// The reason, in words.
        reason: String,
    },
    /// The disk is too full to build a new index, or new archive files, beside the old ones.
    #[error(
        "not enough disk space for {}: this needs up to {} more, and {} is free; nothing was changed: free that much space, or copy the store to a larger disk and run it there",
        .path.display(), megabytes(*.needed_bytes), megabytes(*.free_bytes)
    )]
    NoRoom {
        /// The store.
        path: PathBuf,
        /// Bytes needed at most.
        needed_bytes: u64,
        /// Bytes free.
        free_bytes: u64,
        /// The error that showed it.
        source: Box<StoreError>,
    },
    /// The file system returned an error.
    #[error("cannot {action} {}", .path.display())]
    Io {
        /// The attempted action, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Tantivy returned an error.
    #[error("the index at {} failed", .path.display())]
    Index {
        /// The index's directory.
        path: PathBuf,
        /// The cause.
        source: tantivy::TantivyError,
    },
}

fn megabytes(bytes: u64) -> String {
    format!("{} MB", bytes.div_ceil(1_000_000))
}

/// tantivy's message for people: its own text shows how its errors are built.
pub(super) fn in_words(error: &tantivy::TantivyError) -> String {
    use tantivy::TantivyError;
    use tantivy::directory::error::OpenReadError;
    match error {
        TantivyError::OpenReadError(OpenReadError::IoError { io_error, filepath }) => {
            format!("{}: {io_error}", filepath.display())
        }
        TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(path)) => {
            format!("{} is missing", path.display())
        }
        TantivyError::IoError(error) => error.to_string(),
        other => other.to_string(),
    }
}

impl StoreError {
    /// True if the disk is full, or the user's quota of it.
    pub(super) fn is_no_room(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::Io { source, .. } if matches!(source.kind(), StorageFull | QuotaExceeded))
    }

    /// True if there is no such file or directory.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }

    /// True if the user lacks the permission.
    pub(super) fn is_not_permitted(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Turns an I/O error on opening an index's directory into [`StoreError::NoIndex`].
    pub(super) fn or_no_index(self, path: &Path) -> Self {
        match self {
            Self::Io { source, .. } => {
                Self::NoIndex { path: path.to_owned(), reason: source.to_string() }
            }
            other => other,
        }
    }

    /// For `map_err`: an I/O error with the attempted action and the path.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// For `map_err`: tantivy's error with the index's path.
    pub(super) fn index<E: Into<tantivy::TantivyError>>(path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Index { path: path.to_owned(), source: source.into() }
    }
}
