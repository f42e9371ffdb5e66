//! What a verification is asked for, and what it found.

use crate::store::Tombstone;
use crate::time::Timestamp;

/// What to check beyond what is always checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerifyOptions<'a> {
    /// Whether every document of the index is compared with its record.
    pub is_deep: bool,
    /// The head of an earlier commit that the store must have, in hexadecimal.
    pub head: Option<&'a str>,
}

/// How far a verification has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Bytes of archive and index that have been read.
    pub bytes: u64,
    /// Bytes that there are.
    pub total_bytes: u64,
}

/// What a verification found.
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
    /// The head of the last commit: what stands for the whole archive.
    pub head: Option<String>,
    /// The commit that has the head that was asked for.
    pub found_head: Option<FoundHead>,
    /// What was removed on purpose, in order.
    pub tombstones: Vec<Tombstone>,
    /// Everything that is wrong, each with its place. Empty when the store is sound.
    pub problems: Vec<String>,
    /// Which records the problems affect, as far as the index tells.
    pub damage: Vec<Damage>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

/// The commit that has a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundHead {
    /// The head, in lower-case hexadecimal.
    pub head: String,
    /// The name of the archive file in which its note stands.
    pub archive_file: String,
    /// When it was made, where that was recorded.
    pub at: Option<Timestamp>,
    /// Records in the archive by then; `None` where its file was removed.
    pub records: Option<u64>,
    /// Records that were added since; `None` where its file was removed.
    pub records_since: Option<u64>,
    /// Commits that were made since.
    pub commits_since: u64,
    /// Whether its file was removed, so that only the first one of `tombstones` knows of it.
    pub is_removed: bool,
    /// What was removed since, in order.
    pub tombstones: Vec<Tombstone>,
}

/// Records that are affected by damage, from one block of an archive file on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The name of the archive file.
    pub archive_file: String,
    /// The byte at which the first block begins.
    pub first_block: u64,
    /// The byte at which the last block begins.
    pub last_block: u64,
    /// The first line that is affected in the first block, from 1.
    pub first_line: u64,
    /// The last line that is affected in the last block, from 1.
    pub last_line: u64,
    /// How many records.
    pub records: u64,
    /// The time of the earliest of them.
    pub first: Timestamp,
    /// The time of the latest of them.
    pub last: Timestamp,
}
