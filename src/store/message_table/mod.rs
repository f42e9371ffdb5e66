//! The message table: one entry for each message, with its outcome for each recipient, so that
//! questions about many messages need not join and judge all events again.
//!
//! It is a separate tantivy index that uses columns only; a document is a message. It is derived
//! from the archive and carries the commit that it is as of; an entry is replaced whenever an event
//! arrives that may change it. The one judge, in a layer above, decides what it holds.
//!
//! Two indexes have two commits, yet these must become visible together. So the table's commit is
//! written first, beside the last one, and readers take the one that fits the store's commit: that
//! commit puts both into effect.

mod entry;
mod mailbox_domains;
mod opened;
mod reader;
mod schema;
mod writer;

pub(crate) use entry::{
    LATENCY_MAX_MS, LEGS_MAX, LegEntry, MessageEntry, RecipientEntry, RowBits, joined_verdicts,
    verdicts_of,
};
pub(super) use opened::OpenTables;
pub(super) use reader::HeldTable;
pub(crate) use reader::{BLOCK_DOCUMENTS, EntryRow, MessageTable, TableSegment, TextColumn};
pub(crate) use writer::TableWriter;
pub(super) use writer::remove_table;

use serde::{Deserialize, Serialize};

/// The format of the entries. A table with another number is built again.
const TABLE_FORMAT: u32 = 4;

/// The commit of the store that the table is as of. It travels as the payload of the table's own
/// commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TablePosition {
    format: u32,
    /// The format of the index whose columns the entries were made from.
    index_format: u32,
    /// Email events in the archive as of the commit.
    records: u64,
    /// The last archive file, and how many of its bytes belong to the commit.
    file: u32,
    bytes: u64,
    /// The hash that stands for the whole archive.
    head: String,
    /// The number of removals so far.
    removals: usize,
}

/// The payload of a commit of the table.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct TableCommit {
    #[serde(flatten)]
    position: TablePosition,
    /// The domains that have mailboxes; none where there are too many.
    mailbox_domains: Option<Vec<String>>,
}
