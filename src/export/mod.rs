//! Self-contained extracts of a store: evidence bundles, and files for other programs.
//!
//! An [`ExportSelection`] lists the messages in order; [`write_bundle`] and [`write_flat`] go
//! through them once and write as they go, so that memory does not grow with the extract. Redaction
//! happens in the record itself, before anything is derived from it: tables, report and timeline
//! are made of redacted events and cannot reveal more. Nothing here reads the clock: the same
//! export twice is the same bytes, except for a signature. [`check_bundle`] needs no store.

mod access;
mod bundle;
mod check;
mod error;
mod facts;
mod flat;
mod manifest;
mod pack;
mod parts;
mod passage;
mod records;
mod redact;
mod repack;
mod report;
mod selection;
mod staging;
mod tables;

pub use access::{
    AccessBundleOptions, write_access_bundle, write_access_flat, write_access_flat_file,
};
pub use bundle::{BundleOptions, BundleReport, write_bundle};
pub use check::{ProblemKind, check_bundle};
pub use error::ExportError;
pub use flat::{FlatFormat, write_flat, write_flat_file};
pub use manifest::{BundleQuestion, TimeBound};
pub use passage::Passed;
pub use redact::Redactor;
pub use selection::{ExportSelection, Selector};
pub use staging::Staging;
