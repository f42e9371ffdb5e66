//! The message table: one entry for each message with what became of it for each of its recipients,
//! so that questions about many messages need not join and judge all events anew.
//!
//! It is an index of tantivy's of its own, of which nothing but columns is used: a document is a
//! message. It is derived from the archive and says as of which commit; an entry is replaced
//! whenever an event comes that may change it. What it holds is decided above, by the one judge.
//!
//! Two indexes have two commits, and yet they must become visible together. So the table's is made
//! first, beside the one that stands, and whoever reads takes the one that fits the store's commit:
//! the store's own commit is the instant at which both stand.

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
pub(super) use writer::remove_table;
pub(crate) use writer::{TableWriter, Upkeep};

use serde::{Deserialize, Serialize};

/// The format of the entries. Another number than this one means that they are built anew.
const TABLE_FORMAT: u32 = 4;

/// As of which commit the table is. It travels as the payload of the table's own commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TablePosition {
    format: u32,
    /// The format of the index whose columns the entries were made from.
    index_format: u32,
    /// Email events in the archive as of the commit.
    records: u64,
    /// The last archive file, and how many of its bytes count.
    file: u32,
    bytes: u64,
    /// What stands for the whole archive.
    head: String,
    /// How many removals there had been.
    removals: usize,
}

/// What a commit of the table says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct TableCommit {
    #[serde(flatten)]
    position: TablePosition,
    /// The domains that have mailboxes; nothing where there are too many.
    mailbox_domains: Option<Vec<String>>,
}
