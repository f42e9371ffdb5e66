//! How much of the archive counts, as of one commit.

use serde::{Deserialize, Serialize};

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
    /// [`Sums::head`](super::Sums::head). Empty in a commit of an earlier build.
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
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn contains(&self, number: u32) -> bool {
        let behind = self.0.partition_point(|(first, _)| *first <= number);
        let before = behind.checked_sub(1).and_then(|it| self.0.get(it));
        before.is_some_and(|(_, last)| number <= *last)
    }

    /// True if these are ranges in order, all of files before `file`.
    pub(in crate::store) fn are_before(&self, file: u32) -> bool {
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
}
