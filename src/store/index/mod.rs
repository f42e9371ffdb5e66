//! The index over the archive: tantivy, without a copy of what the archive holds.
//!
//! IDs are indexed as short hashes ([`IdTerm`]), so whoever looks one up must check what is found against the
//! original. tantivy's writer goes no further than this module.

mod directory;
mod document;
mod fingerprint;
mod newest;
mod schema;
mod snapshot;
mod tokens;
mod writer;

pub(super) use document::{Document, LegTerm, document};
pub use document::{IdTerm, truncate_term};
pub(super) use fingerprint::{Fingerprint, check_segment_files, fingerprints_of_index};
pub use schema::Fields;
pub(super) use snapshot::{IndexSnapshot, quietly, read_checkpoint};
pub(super) use writer::IndexWriter;
