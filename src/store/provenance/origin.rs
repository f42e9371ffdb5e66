//! A source of records, as the store keeps it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fs::first_of_sum;
use crate::time::Timestamp;

/// Identifies one reading of a source within a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OriginId(u64);

impl OriginId {
    /// The ID of the source called `name` that is the `ordinal`-th one to be read on top of the
    /// commit with head `head`.
    pub(super) fn new(head: &str, ordinal: u64, name: &str) -> Self {
        // The head changes with each commit, and the ordinal starts over with each writer. So both
        // come again only if nothing of the first reading was committed.
        let mut hasher = Sha256::new();
        hasher.update(head);
        hasher.update(ordinal.to_le_bytes());
        hasher.update(name);
        Self(u64::from_le_bytes(first_of_sum(hasher)))
    }
}

impl From<OriginId> for String {
    fn from(id: OriginId) -> Self {
        format!("{:016x}", id.0)
    }
}

impl TryFrom<String> for OriginId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self).map_err(|_| "a source's ID is not a number")
    }
}

/// The kind of a source.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::IntoStaticStr,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "kebab-case")]
pub enum OriginKind {
    /// A file.
    File,
    /// Standard input.
    Stdin,
    /// An object of a bucket.
    Object,
    /// A log group of CloudWatch Logs.
    Pull,
}

impl OriginKind {
    /// The word for it: `file`, `stdin`, `object` or `pull`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The counts of a source. read = added + duplicates + rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginCounts {
    /// Records and rejected pieces.
    pub read: u64,
    /// Records that were new.
    pub added: u64,
    /// Records that were there already.
    pub duplicates: u64,
    /// Pieces that could not be understood.
    pub rejected: u64,
}

impl OriginCounts {
    /// Adds the counts of another part of the same source.
    pub fn add(&mut self, other: Self) {
        self.read += other.read;
        self.added += other.added;
        self.duplicates += other.duplicates;
        self.rejected += other.rejected;
    }
}

/// The facts about a source when its reading begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginStart {
    /// The kind of source.
    pub kind: OriginKind,
    /// A file's path as given, `-` for standard input, an object's address, or the name of a log
    /// group.
    pub name: String,
    /// The account of a log group.
    pub account: Option<String>,
    /// The region of a log group.
    pub region: Option<String>,
    /// The time at which the reading began.
    pub began: Timestamp,
}

/// The facts about a source once it has been read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OriginEnd {
    /// The time at which the reading ended, in milliseconds since 1970.
    pub ended_ms: i64,
    /// The format of the first thing that was understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// The layers of compression that were removed, outermost first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// Its length in bytes as it was read, without decompressing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// SHA-256 of those bytes, in hexadecimal; only if they were read to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why the rest of it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Damage to compressed data in it. The checksum that shows it comes at the end of the data, so
    /// its records were stored before, and may not be what they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<String>,
}

/// A source of records, as seen by one commit or by several together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Origin {
    /// The ID of this reading.
    pub id: OriginId,
    /// The kind of source.
    pub kind: OriginKind,
    /// As [`OriginStart::name`].
    pub name: String,
    /// The account of a log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region of a log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The time at which the reading began, in milliseconds since 1970.
    pub began_ms: i64,
    /// The version of the program that read it.
    pub version: String,
    /// The counts of its records.
    pub counts: OriginCounts,
    /// The facts known once it was read to its end, or to where it could not be read further;
    /// `None` while it is being read, and for ever if the reading was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<OriginEnd>,
}

impl Origin {
    pub(super) fn new(id: OriginId, start: OriginStart) -> Self {
        Self {
            id,
            kind: start.kind,
            name: start.name,
            account: start.account,
            region: start.region,
            began_ms: start.began.as_ms(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            counts: OriginCounts::default(),
            end: None,
        }
    }

    /// The time at which the reading began.
    pub fn began(&self) -> Timestamp {
        Timestamp::from_ms(self.began_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The time at which the reading ended.
    pub fn ended(&self) -> Option<Timestamp> {
        self.end.as_ref().and_then(|it| Timestamp::from_ms(it.ended_ms))
    }

    /// SHA-256 of its bytes, in hexadecimal.
    pub fn sha256(&self) -> Option<&str> {
        self.end.as_ref().and_then(|it| it.sha256.as_deref())
    }

    /// Adds what a later commit says of the same reading.
    pub(in crate::store) fn merge(&mut self, later: &Self) {
        self.counts.add(later.counts);
        if later.end.is_some() {
            self.end.clone_from(&later.end);
        }
    }
}
