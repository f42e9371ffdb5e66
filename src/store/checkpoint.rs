//! What one commit says: how much of the archive counts, and what has been looked at.
//!
//! It travels as the payload of the index's commit, so that records, coverage and position become
//! visible together or not at all.

use serde::{Deserialize, Serialize};

use super::coverage::Coverage;
use super::objects::TakenObjects;
use super::pulls::Pulls;

/// The format of the index's fields. Another number than this one means a reindex.
pub(super) const INDEX_FORMAT: u32 = 1;

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

    pub(super) fn from_payload(payload: &str) -> Result<Self, String> {
        let checkpoint: Self = serde_json::from_str(payload)
            .map_err(|error| format!("its commit cannot be read: {error}"))?;
        if checkpoint.index_format != INDEX_FORMAT {
            return Err(format!(
                "it has format {}, and this version needs {INDEX_FORMAT}",
                checkpoint.index_format
            ));
        }
        Ok(checkpoint)
    }
}

/// What a commit leaves in the archive itself, in a frame that zstd skips, so that coverage can be
/// recovered when the index is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CommitNote {
    /// Records in the archive up to here.
    pub(super) records: u64,
    /// What this commit added to the coverage.
    pub(super) coverage: Coverage,
    /// What this commit adds to what was pulled.
    #[serde(default, skip_serializing_if = "Pulls::is_empty")]
    pub(super) pulls: Pulls,
    /// Which objects all of whose records are there with this commit.
    #[serde(default, skip_serializing_if = "TakenObjects::is_empty")]
    pub(super) objects: TakenObjects,
}
