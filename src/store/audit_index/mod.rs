//! The index of records that are not email events: audit events, and records of the directory.
//!
//! It is a separate tantivy index, so that a million mailbox accesses a day cost questions about
//! mail nothing. It is derived from the archive and committed before the store's commit. Its
//! readers look no further than that commit says the archive goes, so both become visible together.
//! A writer removes documents beyond that end, and adds missing ones.

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

use super::archive::ArchivePosition;
use super::ledger::checkpoint::Checkpoint;

/// The format of the documents. An index with another number is built again.
const AUDIT_FORMAT: u32 = 1;

/// The end of the archive's records that are in the index. It travels as the payload of the index's
/// own commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct AuditPosition {
    format: u32,
    /// The last archive file, and how many of its bytes are read.
    file: u32,
    bytes: u64,
    /// The number of removals so far.
    removals: usize,
    /// Whether none of the records is the directory's. An index that does not say so may have some.
    #[serde(default)]
    lacks_directory: bool,
}

impl AuditPosition {
    fn of(archive: &ArchivePosition, removals: usize) -> Self {
        let bytes = archive.bytes.unwrap_or(u64::MAX);
        let format = AUDIT_FORMAT;
        Self { format, file: archive.file, bytes, removals, lacks_directory: false }
    }

    /// True if an index at this position can be brought up to a commit.
    fn is_usable(&self, checkpoint: &Checkpoint) -> bool {
        // A removal changes locations in the archive.
        self.format == AUDIT_FORMAT && self.removals == checkpoint.tombstones.len()
    }

    /// True if it has all records that a commit counts. It may have more: a reader ignores those.
    fn is_complete(&self, checkpoint: &Checkpoint) -> bool {
        let others = &checkpoint.others;
        self.is_usable(checkpoint) && (self.file, self.bytes) >= (others.file, others.bytes)
    }
}
