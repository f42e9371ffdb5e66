//! The pipeline from sources to the store.
//!
//! One thread reads and frames ([`SourceReader`](crate::source::SourceReader)); rayon's workers
//! decode, parse and prepare batches ([`decode`]); then, in the order of the input, the store takes
//! what is new. Every queue is bounded, so memory does not grow with the input.

mod decode;
mod error;
mod import;
mod report;

pub use error::IngestError;
pub use import::{ImportOptions, Progress, import, import_temporarily, temporary_directory};
pub use report::{FileReport, ImportReport};
