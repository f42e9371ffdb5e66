//! Input that could not be understood, kept byte for byte, each piece once.
//!
//! A file in `rejected/` is NDJSON in zstd, named by the hash of its bytes. Earlier versions wrote
//! plain NDJSON, which is read as well.

mod known;
mod reading;
mod writer;

use serde::{Deserialize, Serialize};

pub(super) use known::KnownRejects;
pub(super) use reading::{RejectedLine, RejectedLines, hash_in_name};
pub(super) use writer::RejectedFile;
pub use writer::RejectedWriter;

/// The end of a rejected file's name.
const SUFFIX: &str = ".ndjson.zst";

/// The end of its name before rejected files were compressed.
const PLAIN_SUFFIX: &str = ".ndjson";

/// One part of rejected input, as a line of a file in `rejected/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedEntry {
    /// The path as given, or `-`.
    pub source: String,
    /// The line on which the part begins, from 1.
    pub line: u64,
    /// The byte of the decompressed input at which the part begins.
    pub byte_offset: u64,
    /// Why it was rejected.
    pub reason: String,
    /// True if it continues the entry before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_continuation: bool,
    /// The bytes, if they are UTF-8 without control characters other than white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in base64, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}
