//! The pipeline from sources to the store.
//!
//! One thread reads and frames ([`SourceReader`](crate::source::SourceReader)); rayon's workers
//! decode, parse and prepare batches ([`decode`]); then the store takes the new records in the
//! order of the input. Every queue is bounded, so memory does not grow with the input.
//!
//! Files are opened by the reading thread itself ([`import`]); the objects of a bucket come from a
//! thread that talks to the network (`import_s3`, with the feature `aws`).

#[cfg(feature = "aws")]
mod bucket;
mod decode;
mod error;
mod import;
mod intake;
mod pipeline;
mod reading;
mod report;
mod room;
mod rounds;
#[cfg(feature = "aws")]
mod s3;
#[cfg(test)]
#[cfg(feature = "aws")]
mod s3_tests;
mod spans;
mod workers;

pub use error::IngestError;
pub use import::{ImportOptions, Progress, import, import_temporarily, temporary_directory};
pub(crate) use intake::{Intake, RejectedPiece};
pub use report::{FileReport, ImportReport, NoCoverage};
#[cfg(feature = "aws")]
pub use s3::{S3Report, import_s3};
