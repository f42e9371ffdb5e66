//! Tombstones: what the store keeps of records that were removed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::event::normal_address;
use crate::time::Timestamp;

/// The rule by which records were removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemovalRule {
    /// Records that happened before a time.
    #[serde(rename_all = "camelCase")]
    Before {
        /// The time, in milliseconds since 1970.
        before_ms: i64,
    },
    /// Records that name an address. The address itself is not kept.
    Address {
        /// The text that was hashed before the address.
        salt: String,
        /// SHA-256 of salt and address, in hexadecimal.
        sha256: String,
        /// The same of each ID that audit events tie to the address.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ids: Vec<String>,
    },
}

impl RemovalRule {
    /// Makes the rule for an address, with a salt of its own.
    pub(in crate::store) fn of_address<'i>(
        address: &str,
        ids: impl Iterator<Item = &'i str>,
    ) -> Self {
        use std::hash::{BuildHasher, RandomState};
        // It need not be secret, only different each time, as the keys of `RandomState` are.
        let salt = format!("{:016x}", RandomState::new().hash_one(address));
        let sha256 = salted(&salt, &normal_address(address));
        let ids = ids.map(|it| salted(&salt, it)).collect();
        Self::Address { salt, sha256, ids }
    }
}

pub(in crate::store) fn salted(salt: &str, address: &str) -> String {
    hex::encode(Sha256::digest(format!("{salt}{address}")))
}

/// The permanent note that records were removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tombstone {
    /// The number of the removal, from 1.
    pub number: u32,
    /// The rule by which records were removed.
    pub rule: RemovalRule,
    /// The time of the removal, in milliseconds since 1970.
    pub at_ms: i64,
    /// The reason, in the words of the person who removed the records.
    pub reason: String,
    /// The version of the program that removed them.
    pub version: String,
    /// The number of records removed.
    pub records: u64,
    /// The number of pieces of rejected input removed.
    pub rejected: u64,
    /// The number of archive files that were replaced by others without those records.
    pub files: u64,
}

impl Tombstone {
    /// The time of the removal.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_ms(self.at_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// True if this is the normal form of the address that was erased.
    pub(in crate::store) fn is_spelled(&self, normal: &str) -> bool {
        match &self.rule {
            RemovalRule::Address { salt, sha256, .. } => salted(salt, normal) == *sha256,
            RemovalRule::Before { .. } => false,
        }
    }
}

/// A tombstone as the archive keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct NotedTombstone {
    pub(in crate::store) tombstone: Tombstone,
    /// The archive file in which it was first noted.
    pub(in crate::store) file: u32,
    /// The byte at which that note begins.
    pub(in crate::store) offset: u64,
    /// The files that the removal replaced.
    pub(in crate::store) removed: Vec<RemovedFile>,
}

impl NotedTombstone {
    /// True if it was noted after the commit whose note ends at byte `end` of `file`.
    pub(in crate::store) fn is_after(&self, file: u32, end: u64) -> bool {
        (self.file, self.offset) >= (file, end)
    }
}

/// An archive file that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::store) struct RemovedFile {
    pub(in crate::store) number: u32,
    pub(in crate::store) sha256: String,
    /// The first bytes of the head of each commit whose note was in the file, in base64.
    heads: String,
}

/// Bytes of a head that are kept to recognise it.
const MARK_BYTES: usize = 8;

fn mark(head: &str) -> Vec<u8> {
    let digits = head.as_bytes().as_chunks::<2>().0.iter().take(MARK_BYTES);
    let byte = |it: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(it).ok()?, 16).ok();
    // Text that is not hexadecimal is no head: zeros match none that was kept.
    digits.map(|it| byte(it).unwrap_or(0)).collect()
}

impl RemovedFile {
    pub(in crate::store) fn new<'h>(
        number: u32,
        sha256: &str,
        heads: impl Iterator<Item = &'h str>,
    ) -> Self {
        let marks: Vec<u8> = heads.flat_map(mark).collect();
        Self { number, sha256: sha256.to_owned(), heads: STANDARD.encode(marks) }
    }

    /// True if a commit with this head had its note in the file.
    pub(in crate::store) fn had_head(&self, head: &str) -> bool {
        let marks = STANDARD.decode(&self.heads).unwrap_or_default();
        marks.chunks(MARK_BYTES).any(|it| it == mark(head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_removed_commits_are_known_again() {
        let heads = ["ab".repeat(32), "cd".repeat(32)];
        let file = RemovedFile::new(3, "", heads.iter().map(String::as_str));
        assert!(heads.iter().all(|it| file.had_head(it)));
        assert!(!file.had_head(&"ef".repeat(32)));
    }
}
