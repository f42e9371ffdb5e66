//! What could not be understood, kept byte for byte, each piece once.
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

/// What the name of a rejected file ends with.
const SUFFIX: &str = ".ndjson.zst";

/// What it ended with before they were compressed.
const PLAIN_SUFFIX: &str = ".ndjson";

/// One part of rejected input, as a line of a file in `rejected/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedEntry {
    /// The path as it was given, or `-`.
    pub source: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The byte at which it begins in the decompressed input.
    pub byte_offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// Whether it goes on from the entry before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_continuation: bool,
    /// The bytes, where they are UTF-8 and no control characters but white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in base64, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}
