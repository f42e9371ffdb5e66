//! What one commit says: how much of the archive counts, and what has been looked at.
//!
//! It travels as the payload of the index's commit, so that records, coverage and position become
//! visible together or not at all.

use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use super::objects::TakenObjects;
use super::pulls::Pulls;
use super::removal::Tombstone;

/// The format of the index's fields. Another number than this one means a reindex.
///
/// 2: addresses and statuses in their normal forms, legs without a trace ID by what their JSON
/// means.
pub(super) const INDEX_FORMAT: u32 = 2;

/// The state of the store as of one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The format of the index's fields.
    pub(super) index_format: u32,
    /// Records in the archive, each of which the index has once.
    pub records: u64,
    /// How far the archive counts.
    pub(super) archive: ArchivePosition,
    /// What has been looked at.
    pub coverage: Coverage,
    /// What was pulled, and when it was last looked at.
    #[serde(default, skip_serializing_if = "Pulls::is_empty")]
    pub pulls: Pulls,
    /// Which objects of buckets were taken.
    #[serde(default, skip_serializing_if = "TakenObjects::is_empty")]
    pub objects: TakenObjects,
    /// What was removed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tombstones: Vec<Tombstone>,
    /// Files of rejected input that the last removal replaced, as long as they may still be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) leftovers: Vec<String>,
}

/// How far the archive counts: all files before `file`, and `bytes` of that one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ArchivePosition {
    /// The number of the file that is still written to; 0 when there is none yet.
    pub(super) file: u32,
    /// Its committed length in bytes.
    pub(super) bytes: u64,
    /// SHA-256 of those bytes, in hexadecimal.
    pub(super) sha256: String,
    /// SHA-256 over the lines of SHA256SUMS for the sealed files, in hexadecimal.
    pub(super) sealed_sha256: String,
    /// What stands for the whole archive as of this commit; see
    /// [`Sums::head`](super::archive::Sums::head). Empty in a commit of an earlier build.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) head: String,
    /// Numbers of files before `file` that were removed on purpose.
    #[serde(default, skip_serializing_if = "RemovedNumbers::is_empty")]
    pub(super) removed: RemovedNumbers,
}

impl ArchivePosition {
    /// The numbers of the files that count, in order.
    pub(super) fn files(&self) -> Vec<u32> {
        (1..=self.file).filter(|it| !self.removed.contains(*it)).collect()
    }

    /// The numbers of those that are not written to any more, in order.
    pub(super) fn sealed_files(&self) -> Vec<u32> {
        (1..self.file).filter(|it| !self.removed.contains(*it)).collect()
    }

    /// Whether the file with that number was removed on purpose.
    pub(super) fn is_removed(&self, number: u32) -> bool {
        self.removed.contains(number)
    }

    /// The numbers of all files that were.
    pub(super) fn removed_numbers(&self) -> impl Iterator<Item = u32> {
        self.removed.0.iter().flat_map(|(first, last)| *first..=*last)
    }
}

/// Numbers of archive files, as ranges with both ends inside, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct RemovedNumbers(Vec<(u32, u32)>);

impl RemovedNumbers {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, number: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Adds a number, joining it to those beside it.
    pub(super) fn add(&mut self, number: u32) {
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
    /// What a store says before its first record.
    pub(super) fn empty() -> Self {
        Self { index_format: INDEX_FORMAT, ..Self::default() }
    }

    pub(super) fn to_payload(&self) -> String {
        // Maps with text keys, numbers and text: nothing that JSON cannot hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a commit says of the archive, which is the same in all formats of the index.
    pub(super) fn of_any_format(payload: &str) -> Result<Self, String> {
        serde_json::from_str(payload).map_err(|error| format!("its commit cannot be read: {error}"))
    }

    pub(super) fn from_payload(payload: &str) -> Result<Self, String> {
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
        assert_eq!(position.removed_numbers().collect::<Vec<_>>(), [2, 3, 4, 5, 9]);
    }
}
