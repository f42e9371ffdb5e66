//! The options and the result of a verification.

use crate::store::ledger::tombstone::Tombstone;
use crate::time::Timestamp;

/// Checks beyond those that are always made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions<'a> {
    /// True to compare every document of the index with its record.
    pub is_deep: bool,
    /// The head of an earlier commit that the store must have, in hexadecimal.
    pub head: Option<&'a str>,
}

/// The progress of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes of archive and index that have been read.
    pub bytes: u64,
    /// All bytes of both.
    pub total_bytes: u64,
}

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Archive files that were read.
    pub archive_files: u64,
    /// Records in them, as the last commit in the archive counts them.
    pub records: u64,
    /// Documents in the index.
    pub documents: u64,
    /// Commits in the archive.
    pub commits: u64,
    /// The head of the last commit, which stands for the whole archive.
    pub head: Option<String>,
    /// The commit that has the head that was asked for.
    pub found_head: Option<FoundHead>,
    /// The removals, in order.
    pub tombstones: Vec<Tombstone>,
    /// Every problem, with its place. Empty if the store is sound.
    pub problems: Vec<String>,
    /// The records that the problems affect, as far as the index knows.
    pub damage: Vec<Damage>,
    /// Worth knowing, but no problem.
    pub notes: Vec<String>,
}

/// The commit that has a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHead {
    /// The head, in lower-case hexadecimal.
    pub head: String,
    /// The name of the archive file that holds its note.
    pub archive_file: String,
    /// The time of the commit, where it was recorded.
    pub at: Option<Timestamp>,
    /// Records in the archive by then; `None` if its file was removed.
    pub records: Option<u64>,
    /// Records added since; `None` if its file was removed.
    pub records_since: Option<u64>,
    /// Commits made since.
    pub commits_since: u64,
    /// True if its file was removed, so that only the first of `tombstones` knows of it.
    pub is_removed: bool,
    /// The removals since, in order.
    pub tombstones: Vec<Tombstone>,
}

/// A stretch of records in one archive file that damage affects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The name of the archive file.
    pub archive_file: String,
    /// The byte at which the first block begins.
    pub first_block: u64,
    /// The byte at which the last block begins.
    pub last_block: u64,
    /// The first affected line of the first block, from 1.
    pub first_line: u64,
    /// The last affected line of the last block, from 1.
    pub last_line: u64,
    /// The number of affected records.
    pub records: u64,
    /// The time of the earliest of them.
    pub first: Timestamp,
    /// The time of the latest of them.
    pub last: Timestamp,
}
