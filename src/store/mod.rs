//! The store: a directory with the archive, the index over it, and rejected input.
//!
//! The archive is the truth and the index is derived from it. One commit of the index makes archive
//! data, index data and coverage visible together: its payload says how much of the archive counts
//! ([`Checkpoint`]), and everything after that is cut off when the store is next opened for
//! writing. [`StoreWriter`] writes, [`Store`] reads; readers need no lock.

mod archive;
mod audit_index;
mod blocks;
mod counting;
mod derived_index;
mod dir;
mod directory;
mod disjoint_sets;
mod error;
mod event;
mod identity;
mod index;
#[cfg(test)]
mod instant_tests;
mod large_legs;
mod layout;
mod ledger;
mod leftovers;
mod lock;
mod message_table;
mod names;
mod open_index;
mod opened_table;
mod others;
mod part;
mod prepare;
mod provenance;
mod provenance_reader;
mod published;
mod reader;
mod reindex;
mod rejected;
mod removal;
mod scan;
mod slice;
mod uncommitted;
mod verify;
mod whole;
pub mod words;
mod writer;

pub use archive::Location;
pub use audit_index::{AuditColumn, audit_term, ip_term};
pub(crate) use audit_index::{AuditIndex, AuditSegment, ColumnValues, DocumentSet};
pub(crate) use disjoint_sets::DisjointSets;
pub use error::StoreError;
pub use event::StoredEvent;
pub use identity::Identity;
pub use index::{Attribute, EventPlace, Fields, IdHash, attribute_values, truncate_term};
pub(crate) use index::{
    AttributeSet, AttributeTerm, Columns, ColumnsBySegment, EventAttributes, EventSet, EventTable,
    IntervalCounts, IntervalQuestion, NAMES_MAX, Senders, explain, for_each_document,
};
pub use ledger::checkpoint::Checkpoint;
pub use ledger::coverage::{Coverage, CoveredRange};
pub use ledger::objects::{ObjectHash, TakenObjects};
pub use ledger::pulls::{GroupFacts, Look, PulledGroup, Pulls};
pub use ledger::standing::Standing;
pub use ledger::tombstone::{RemovalRule, Tombstone};
pub(crate) use message_table::{
    BLOCK_DOCUMENTS, EntryRow, LATENCY_MAX_MS, LEGS_MAX, LegEntry, MessageEntry, MessageTable,
    RecipientEntry, RowBits, TableSegment, TableWriter, TextColumn, joined_verdicts, verdicts_of,
};
pub(crate) use opened_table::Upkeep;
pub use prepare::{MessageContent, PreparedBatch, Preparer, Preparers};
pub use provenance::{
    Origin, OriginCounts, OriginEnd, OriginId, OriginKind, OriginStart, Place, RepeatedOrigin,
};
pub use provenance_reader::{OriginHistory, Provenance, ProvenanceReader};
pub use published::{Published, RecordPlace, read_published};
pub use reader::{CommitStamp, EventReader, Sizes, Store};
pub use reindex::reindex;
pub use rejected::RejectedWriter;
pub use removal::{Removal, RemovalReport, RemovalRequest, remove_records};
pub use uncommitted::Appended;
pub use verify::{Damage, FoundHead, VerifyOptions, VerifyProgress, VerifyReport, verify};
pub use whole::Whole;
pub use writer::StoreWriter;

/// An error of the index.
pub(crate) use tantivy::TantivyError as IndexError;

/// The original of a stored event.
pub use crate::source::Record;
