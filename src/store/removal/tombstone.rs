//! Tombstones: what the store keeps of records that were removed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::mention::each_mention;
use super::person::is_of_any;
use crate::event::normal_address;
use crate::source::Record;
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
    pub(super) fn of_address<'i>(address: &str, ids: impl Iterator<Item = &'i str>) -> Self {
        use std::hash::{BuildHasher, RandomState};
        // It need not be secret, only different each time, as the keys of `RandomState` are.
        let salt = format!("{:016x}", RandomState::new().hash_one(address));
        let sha256 = salted(&salt, &normal_address(address));
        let ids = ids.map(|it| salted(&salt, it)).collect();
        Self::Address { salt, sha256, ids }
    }
}

fn salted(salt: &str, address: &str) -> String {
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

    fn is_spelled(&self, normal: &str) -> bool {
        match &self.rule {
            RemovalRule::Address { salt, sha256, .. } => salted(salt, normal) == *sha256,
            RemovalRule::Before { .. } => false,
        }
    }

    /// True if the removal removed such a record, or would have.
    fn covers(&self, record: &Record<'_>) -> bool {
        match &self.rule {
            RemovalRule::Before { before_ms } => record.timestamp.as_ms() < *before_ms,
            // An address is erased from the past: its later mail is stored again.
            RemovalRule::Address { .. } if record.timestamp.as_ms() > self.at_ms => false,
            RemovalRule::Address { salt, ids, .. } => {
                let mut is_named = false;
                each_mention(&record.message, &mut |it| is_named |= self.is_spelled(it));
                is_named || is_of_any(&record.message, &|id| ids.contains(&salted(salt, id)))
            }
        }
    }
}

/// All removals from a store.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Removals(Vec<Tombstone>);

impl Removals {
    pub(in crate::store) fn new(tombstones: &[Tombstone]) -> Self {
        Self(tombstones.to_vec())
    }

    /// True if one of the removals covers such a record.
    pub(in crate::store) fn cover(&self, record: &Record<'_>) -> bool {
        self.0.iter().any(|it| it.covers(record))
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
    pub(super) fn new<'h>(number: u32, sha256: &str, heads: impl Iterator<Item = &'h str>) -> Self {
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
    fn an_address_is_known_again_and_not_kept() {
        let of_ana = || RemovalRule::of_address("ana@x.example", ["u-1"].into_iter());
        let rule = of_ana();
        assert_ne!(rule, of_ana(), "the salt is always another");
        let json = serde_json::to_string(&rule).unwrap();
        assert!(!json.contains("ana"), "{json}");
        let tombstone = Tombstone {
            number: 1,
            rule,
            at_ms: 10,
            reason: String::new(),
            version: String::new(),
            records: 0,
            rejected: 0,
            files: 0,
        };
        let record = |ms, message: &'static str| Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::from_ms(ms).unwrap(),
            is_time_approximate: false,
            ingestion_time: None,
            message: message.into(),
        };
        let removals = Removals::new(&[tombstone]);
        assert!(removals.cover(&record(10, r#"{"to":"ANA@x.example"}"#)));
        assert!(!removals.cover(&record(11, r#"{"to":"ANA@x.example"}"#)));
        assert!(!removals.cover(&record(10, r#"{"to":"diana@x.example"}"#)));
        let audit = |id: &str| {
            format!(r#"{{"organization_arn":"arn:aws:workmail:r:1:o/m","owner_id":"{id}"}}"#).leak()
        };
        assert!(removals.cover(&record(10, audit("U-1"))));
        assert!(!removals.cover(&record(10, audit("u-2"))));
    }

    #[test]
    fn heads_of_removed_commits_are_known_again() {
        let heads = ["ab".repeat(32), "cd".repeat(32)];
        let file = RemovedFile::new(3, "", heads.iter().map(String::as_str));
        assert!(heads.iter().all(|it| file.had_head(it)));
        assert!(!file.had_head(&"ef".repeat(32)));
    }
}
