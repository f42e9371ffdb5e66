//! The index over the archive: tantivy, without a copy of the archive's contents.
//!
//! IDs are found by their hashes ([`IdHash`]), so a hit must be compared with the original.
//! tantivy's writer is used only in this module.

mod attribute_sets;
mod attributes;
mod columns;
mod directory;
mod document;
mod empty_store;
mod event_attributes;
mod event_set;
mod explain;
mod fingerprint;
mod interval_counts;
mod newest;
mod opening;
mod postings;
mod schema;
mod senders;
mod snapshot;
mod table;
mod term;
mod tokens;
mod writer;

pub(crate) use attribute_sets::{AttributeSet, AttributeTerm};
pub(super) use attribute_sets::{attribute_counts, fold_attribute_sets};
pub use attributes::{Attribute, attribute_values};
pub(crate) use columns::{Columns, TimeReader};
pub(super) use directory::{IndexDirectory, META, NEXT};
pub use document::IdHash;
pub(super) use document::{Document, Documents};
pub(crate) use event_attributes::EventAttributes;
pub(crate) use event_set::EventSet;
pub(crate) use explain::explain;
pub(super) use fingerprint::{Fingerprint, check_segment_files, fingerprints_of_index};
pub(super) use interval_counts::count_in_intervals;
pub(crate) use interval_counts::{IntervalCounts, IntervalQuestion, NAMES_MAX};
pub use newest::EventPlace;
pub(crate) use postings::for_each_document;
pub use schema::Fields;
pub(crate) use senders::Senders;
pub(crate) use snapshot::{ColumnsBySegment, IndexSnapshot};
pub(super) use snapshot::{
    CommittedIndex, quietly, read_checkpoint, read_checkpoint_of_any_format,
};
pub(crate) use table::EventTable;
pub use term::truncate_term;
pub(super) use writer::{IndexWriter, commit, merge_policy, settings};
