//! What can go wrong with a store.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The path holds no store.
    #[error(
        "there is no store at {}: import into it first, or name another with --store", .path.display()
    )]
    NoStore {
        /// Where one was expected.
        path: PathBuf,
    },
    /// The path holds something else.
    #[error(
        "{} is not a mailtrace store (it is not empty and has no {}): name another directory with --store",
        .path.display(), super::layout::MARKER
    )]
    NotAStore {
        /// The directory.
        path: PathBuf,
    },
    /// A later version of the program made it.
    #[error(
        "the store at {} has format {found}, and this version reads formats up to {known}: use a newer mailtrace",
        .path.display()
    )]
    NewerFormat {
        /// The store.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest format that is known here.
        known: u64,
    },
    /// Somebody else writes to it.
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
        /// What was found instead.
        reason: String,
    },
    /// The archive is not what the last commit left.
    #[error("{} was changed after it was written ({reason}): run `mailtrace verify`", .path.display())]
    ArchiveDamaged {
        /// The archive file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
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
    /// Tantivy refused.
    #[error("the index at {} failed", .path.display())]
    Index {
        /// The index's directory.
        path: PathBuf,
        /// Why it failed.
        source: tantivy::TantivyError,
    },
}

impl StoreError {
    /// For `map_err`: an I/O error with what was tried, and on what.
    pub(super) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    /// For `map_err`: tantivy's error with the index's place.
    pub(super) fn index<E: Into<tantivy::TantivyError>>(path: &Path) -> impl FnOnce(E) -> Self {
        move |source| Self::Index { path: path.to_owned(), source: source.into() }
    }
}
