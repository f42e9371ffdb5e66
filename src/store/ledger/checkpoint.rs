//! The state that one commit records: how much of the archive counts, and what has been covered.
//!
//! It travels as the payload of the index's commit, so that records, coverage and position become
//! visible together or not at all.

use std::io;

use serde::{Deserialize, Serialize};

use super::Ledger;
use crate::limits;
use crate::store::audit_index::OtherRecords;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, is_rejected_name};
use crate::store::removal::Tombstone;

/// The format of the index's fields. An index with any other number needs a reindex.
///
/// 2: addresses and statuses in their normal forms, legs without a trace ID by what their JSON
/// means.
pub(in crate::store) const INDEX_FORMAT: u32 = 3;

/// The state of the store as of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The format of the index's fields.
    pub(in crate::store) index_format: u32,
    /// Records in the archive, each of which is once in the index or in the index of audit events.
    pub records: u64,
    /// The number of those that are no email events.
    #[serde(default, skip_serializing_if = "OtherRecords::is_none")]
    pub(in crate::store) others: OtherRecords,
    /// The part of the archive that counts.
    pub(in crate::store) archive: ArchivePosition,
    /// The coverage, the pulls and the objects taken.
    #[serde(flatten)]
    pub ledger: Ledger,
    /// The removals, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tombstones: Vec<Tombstone>,
    /// Files of rejected input that the last removal replaced, while they may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::store) leftovers: Vec<String>,
}

/// The part of an archive file that counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::store) enum Extent {
    /// The whole file.
    #[default]
    Whole,
    /// Its first bytes, as many as given.
    Bytes(u64),
    /// Unknown, as the commit that ended in it is lost.
    Unknown,
}

/// The part of the archive that counts: all files before `file`, and `bytes` of that one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct ArchivePosition {
    /// The number of the file that is still written to; 0 if there is none yet.
    pub(in crate::store) file: u32,
    /// Its committed length in bytes; `None` if the note of its last commit is lost, and the length
    /// with it.
    pub(in crate::store) bytes: Option<u64>,
    /// SHA-256 of those bytes, in hexadecimal.
    pub(in crate::store) sha256: String,
    /// SHA-256 over the lines of SHA256SUMS for the sealed files, in hexadecimal.
    pub(in crate::store) sealed_sha256: String,
    /// The head, which stands for the whole archive as of this commit; see
    /// [`Sums::head`](crate::store::archive::Sums::head). Empty in a commit of an earlier build.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(in crate::store) head: String,
    /// The numbers of files before `file` that were removed on purpose.
    #[serde(default, skip_serializing_if = "RemovedNumbers::is_empty")]
    pub(in crate::store) removed: RemovedNumbers,
}

impl ArchivePosition {
    /// The numbers of the files that count, in order.
    pub(in crate::store) fn files(&self) -> Vec<u32> {
        (1..=self.file).filter(|it| !self.removed.contains(*it)).collect()
    }

    /// The numbers of the files that are sealed, in order.
    pub(in crate::store) fn sealed_files(&self) -> Vec<u32> {
        (1..self.file).filter(|it| !self.removed.contains(*it)).collect()
    }

    /// The numbers of the files that count, last first.
    pub(in crate::store) fn files_backwards(&self) -> impl Iterator<Item = u32> {
        (1..=self.file).rev().filter(|it| !self.removed.contains(*it))
    }

    /// The part that counts of the file with that number.
    pub(in crate::store) fn extent(&self, number: u32) -> Extent {
        match self.bytes {
            _ if number != self.file => Extent::Whole,
            Some(bytes) => Extent::Bytes(bytes),
            None => Extent::Unknown,
        }
    }

    /// True if the file with that number was removed on purpose.
    pub(in crate::store) fn is_removed(&self, number: u32) -> bool {
        self.removed.contains(number)
    }

    /// The numbers of all files that were removed on purpose.
    pub(in crate::store) fn removed_numbers(&self) -> impl Iterator<Item = u32> {
        self.removed.0.iter().flat_map(|(first, last)| *first..=*last)
    }
}

/// Numbers of archive files, as inclusive ranges in order: pruning removes the oldest files, which
/// follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(in crate::store) struct RemovedNumbers(Vec<(u32, u32)>);

impl RemovedNumbers {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, number: u32) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= number);
        let before = behind.checked_sub(1).and_then(|it| self.0.get(it));
        before.is_some_and(|(_, last)| number <= *last)
    }

    /// True if these are ranges in order, all of files before `file`.
    fn are_before(&self, file: u32) -> bool {
        let mut next = 1;
        self.0.iter().all(|(first, last)| {
            let is_behind = *first >= next && last >= first && *last < file;
            next = last.saturating_add(1);
            is_behind
        })
    }

    /// Adds a number, joining it to those beside it.
    pub(in crate::store) fn add(&mut self, number: u32) {
        if self.contains(number) {
            return;
        }
        let (mut first, mut last) = (number, number);
        self.0.retain(|it| {
            let is_before = it.1.saturating_add(1) == number;
            let is_after = number.saturating_add(1) == it.0;
            if is_before {
                first = it.0;
            }
            if is_after {
                last = it.1;
            }
            !is_before && !is_after
        });
        let index = self.0.partition_point(|it| it.0 < first);
        self.0.insert(index, (first, last));
    }
}

impl Checkpoint {
    /// The state of a store before its first record.
    pub(in crate::store) fn empty() -> Self {
        let archive = ArchivePosition { bytes: Some(0), ..ArchivePosition::default() };
        Self { index_format: INDEX_FORMAT, archive, ..Self::default() }
    }

    /// The number of records that are email events.
    pub fn mail_records(&self) -> u64 {
        self.records.saturating_sub(self.others.records)
    }

    /// The number of other records: audit events and those of the directory.
    pub fn other_records(&self) -> u64 {
        self.others.records
    }

    /// Encodes the text that is committed with the index.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] if it could not be read back: better no commit than an unreadable one.
    pub(in crate::store) fn to_payload(&self, layout: &Layout) -> Result<String, StoreError> {
        let refused = StoreError::io("write the commit to", layout.root());
        if let Some(problem) = self.problem() {
            return Err(refused(io::Error::other(problem)));
        }
        serde_json::to_string(self).map_err(|error| refused(error.into()))
    }

    /// Describes what no writer would leave in a commit, so that no reader acts on it.
    fn problem(&self) -> Option<String> {
        // A store may be somebody else's work. Numbers bound loops over files, and leftovers are
        // removed by name.
        let ArchivePosition { file, removed, .. } = &self.archive;
        if *file > limits::ARCHIVE_FILES_MAX {
            return Some(format!(
                "its commit names archive file {file}, and there cannot be that many"
            ));
        }
        if !removed.are_before(*file) {
            return Some("its commit names removed files that cannot have existed".to_owned());
        }
        let name = self.leftovers.iter().find(|it| !is_rejected_name(it));
        name.map(|it| format!("its commit names {it:?}, which is not a file of rejected input"))
    }

    /// Decodes a commit, whatever the format of the index: what it says of the archive is the same
    /// in all of them.
    pub(in crate::store) fn of_any_format(payload: &str) -> Result<Self, String> {
        let checkpoint: Self = serde_json::from_str(payload)
            .map_err(|error| format!("its commit cannot be read: {error}"))?;
        match checkpoint.problem() {
            Some(problem) => Err(problem),
            None => Ok(checkpoint),
        }
    }

    pub(in crate::store) fn from_payload(payload: &str) -> Result<Self, String> {
        let checkpoint = Self::of_any_format(payload)?;
        if checkpoint.index_format != INDEX_FORMAT {
            return Err(format!(
                "it has format {}, and this version needs {INDEX_FORMAT}",
                checkpoint.index_format
            ));
        }
        Ok(checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_numbers_join_to_ranges() {
        let mut removed = RemovedNumbers::default();
        [5, 2, 9, 4, 3, 2].into_iter().for_each(|it| removed.add(it));
        assert_eq!(removed.0, [(2, 5), (9, 9)]);
        let position = ArchivePosition { file: 10, removed, ..ArchivePosition::default() };
        assert_eq!(position.files(), [1, 6, 7, 8, 10]);
        assert_eq!(position.sealed_files(), [1, 6, 7, 8]);
        assert_eq!(position.files_backwards().collect::<Vec<_>>(), [10, 8, 7, 6, 1]);
        assert_eq!(position.removed_numbers().collect::<Vec<_>>(), [2, 3, 4, 5, 9]);
    }

    #[test]
    fn what_no_writer_commits_is_not_believed() {
        let sound = r#"{"index_format":1,"records":0,"archive":{"file":9,"bytes":0,"sha256":"","sealed_sha256":"","removed":[[2,3],[5,5]]},"coverage":{},"leftovers":["0123456789abcdef.ndjson"]}"#;
        let sound =
            sound.replace(r#""index_format":1"#, &format!(r#""index_format":{INDEX_FORMAT}"#));
        Checkpoint::from_payload(&sound).unwrap();
        let changes = [
            (r#""file":9"#, r#""file":4294967295"#),
            ("[[2,3],[5,5]]", "[[2,4294967295]]"),
            ("[[2,3],[5,5]]", "[[2,9]]"),
            ("[[2,3],[5,5]]", "[[0,3]]"),
            ("[[2,3],[5,5]]", "[[3,2]]"),
            ("[[2,3],[5,5]]", "[[5,5],[2,3]]"),
            ("[[2,3],[5,5]]", "[[2,5],[3,3]]"),
            ("0123456789abcdef", "../../victim"),
            ("0123456789abcdef.ndjson", "/home/me/thesis.ndjson"),
            ("0123456789abcdef.ndjson", ".."),
        ];
        for (from, to) in changes {
            let forged = sound.replace(from, to);
            assert_ne!(forged, sound);
            Checkpoint::from_payload(&forged).unwrap_err();
        }
    }
}
