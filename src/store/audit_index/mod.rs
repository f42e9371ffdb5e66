//! The index of records that are no email events: audit events, and what the directory said.
//!
//! An index of tantivy's of its own, so that a million mailbox accesses a day cost mail's questions
//! nothing. It is derived from the archive. It is committed before the store's commit, and whoever
//! reads it looks no further than that commit says the archive goes: so both become visible
//! together. A writer takes away what lies beyond, and adds what is missing.

mod bring_up;
mod document;
mod reader;
mod schema;
mod set;
mod verify;
mod writer;

use serde::{Deserialize, Serialize};

pub(super) use bring_up::other_documents_of;
pub(super) use document::{OtherDocument, other_document};
pub use document::{audit_term, ip_term};
pub(crate) use reader::{AuditIndex, AuditSegment, ColumnValues};
pub use schema::AuditColumn;
pub(crate) use set::DocumentSet;
pub(super) use verify::compare_audit;
pub(super) use writer::{AuditBuilder, AuditWriter, remove_audit_index};

use super::ledger::checkpoint::{ArchivePosition, Checkpoint};

/// The format of the documents. Another number than this one means that they are built anew.
const AUDIT_FORMAT: u32 = 1;

/// How many records of the archive are no email events, and where the last commit that added some
/// ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OtherRecords {
    pub(super) records: u64,
    file: u32,
    bytes: u64,
}

impl OtherRecords {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// So many, as of a position in the archive.
    pub(super) fn at(records: u64, archive: &ArchivePosition) -> Self {
        if records == 0 {
            return Self::default();
        }
        Self { records, file: archive.file, bytes: archive.bytes.unwrap_or(u64::MAX) }
    }
}

/// Up to where the archive's records are in the index. It travels as the payload of the index's own
/// commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct AuditPosition {
    format: u32,
    /// The last archive file, and how many of its bytes are read.
    file: u32,
    bytes: u64,
    /// How many removals there had been.
    removals: usize,
    /// Whether none of them is the directory's. Of an index that does not say so, some may be.
    #[serde(default)]
    lacks_directory: bool,
}

impl AuditPosition {
    fn of(archive: &ArchivePosition, removals: usize) -> Self {
        let bytes = archive.bytes.unwrap_or(u64::MAX);
        let format = AUDIT_FORMAT;
        Self { format, file: archive.file, bytes, removals, lacks_directory: false }
    }

    /// Whether an index of this position can be brought to what a commit says.
    fn is_usable(&self, checkpoint: &Checkpoint) -> bool {
        self.format == AUDIT_FORMAT && self.removals == checkpoint.tombstones.len()
    }

    /// Whether it has all records that a commit counts.
    fn is_complete(&self, checkpoint: &Checkpoint) -> bool {
        let others = &checkpoint.others;
        self.is_usable(checkpoint) && (self.file, self.bytes) >= (others.file, others.bytes)
    }
}
