//! The directory that holds everything: the archive, the index over it, and what was rejected.
//!
//! The archive is the truth and the index is derived from it. One commit of the index makes
//! archive data, index data and coverage visible together: its payload says how much of the
//! archive counts ([`Checkpoint`]), and what lies beyond is cut off when the store is next opened
//! for writing. [`StoreWriter`] writes, [`Store`] reads; readers need no lock.

mod archive;
mod audit_index;
mod blocks;
mod checkpoint;
mod counting;
mod coverage;
mod derived_index;
mod dir;
mod directory;
mod disjoint_sets;
mod error;
mod folded;
mod identity;
mod index;
#[cfg(test)]
mod instant_tests;
mod large_legs;
mod layout;
mod lock;
mod message_table;
mod note;
mod objects;
mod open_index;
mod others;
mod prepare;
mod provenance;
mod published;
mod pulls;
mod reader;
mod reindex;
mod rejected;
mod removal;
mod scan;
mod slice;
mod standing;
mod uncommitted;
mod verify;
mod whole;
pub mod words;
mod writer;

pub use archive::Location;
pub use audit_index::{AuditColumn, audit_term, ip_term};
pub(crate) use audit_index::{AuditIndex, AuditSegment, ColumnValues, DocumentSet};
pub use checkpoint::Checkpoint;
pub use coverage::{Coverage, CoveredRange};
pub(crate) use disjoint_sets::DisjointSets;
pub use error::StoreError;
pub use identity::Identity;
pub use index::{
    Attribute, EventPlace, Fields, IdHash, NoEventPlace, attribute_values, truncate_term,
};
pub(crate) use index::{
    AttributeSet, AttributeTerm, Columns, ColumnsBySegment, EventAttributes, EventSet, EventTable,
    IntervalCounts, IntervalQuestion, NAMES_MAX, Senders, explain, for_each_document,
};
pub(crate) use message_table::{
    BLOCK_DOCUMENTS, EntryRow, LATENCY_MAX_MS, LEGS_MAX, LegEntry, MessageEntry, MessageTable,
    RecipientEntry, RowBits, TableSegment, TableWriter, TextColumn, Upkeep, joined_verdicts,
    verdicts_of,
};
pub use objects::{ObjectHash, TakenObjects};
pub use prepare::{Content, PreparedBatch, Preparer, Preparers};
pub use provenance::{
    Origin, OriginCounts, OriginEnd, OriginHistory, OriginId, OriginKind, OriginStart, Place,
    Provenance, ProvenanceReader, RepeatedOrigin,
};
pub use published::{Published, RecordPlace, read_published};
pub use pulls::{GroupFacts, Look, PulledGroup, Pulls};
pub use reader::{CommitStamp, EventReader, Locator, Sizes, Store};
pub use reindex::{ReindexReport, reindex};
pub use rejected::{RejectedEntry, RejectedWriter};
pub use removal::{Removal, RemovalReport, RemovalRequest, RemovalRule, Tombstone, remove_records};
pub use standing::Standing;
pub use uncommitted::Appended;
pub use verify::{Damage, FoundHead, VerifyOptions, VerifyProgress, VerifyReport, verify};
pub use whole::Whole;
pub use writer::StoreWriter;

/// What an index cannot do.
pub(crate) use tantivy::TantivyError as IndexError;

use crate::event::Event;
/// What a stored event's original is.
pub use crate::source::Record;

/// A record that the store holds, with the event that was read out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The original.
    pub record: Record<'static>,
    /// What it says.
    pub event: Event<'static>,
}
