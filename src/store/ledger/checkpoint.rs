//! The state that one commit records: how much of the archive counts, and what has been covered.
//!
//! It travels as the payload of the index's commit, so that records, coverage and position become
//! visible together or not at all.

use std::io;

use serde::{Deserialize, Serialize};

use super::Ledger;
use super::other_records::OtherRecords;
use super::tombstone::Tombstone;
use crate::limits;
use crate::store::archive::ArchivePosition;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, is_rejected_name};

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
