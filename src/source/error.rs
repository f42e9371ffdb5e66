//! Failures while reading: errors of the machine, and reasons to reject content.

use std::io;
use std::path::PathBuf;

use crate::limits;

/// An input that the machine could not read. Bad content is never one of these: it is a
/// [`RejectReason`].
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path that the user named does not exist.
    #[error("cannot find {}", path.display())]
    NotFound {
        /// The path as named.
        path: PathBuf,
    },
    /// A file that cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A directory, or an entry of one, that cannot be read.
    #[error("cannot list {}", path.display())]
    Walk {
        /// The directory or entry.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A directory below [`limits::DIRECTORY_DEPTH_MAX`] others, which the walk does not enter.
    #[error("{} is nested deeper than {} directories", path.display(), limits::DIRECTORY_DEPTH_MAX)]
    TooDeep {
        /// The directory.
        path: PathBuf,
    },
    /// A service that did not deliver an input, or not all of it.
    #[error("cannot fetch {name} beyond byte {byte_offset}")]
    Fetch {
        /// The input's address.
        name: String,
        /// Bytes received before.
        byte_offset: u64,
        /// The error of the service or the network.
        source: io::Error,
    },
    /// A list or the like that is not text.
    #[error("cannot read {name}: {reason}")]
    Foreign {
        /// The file's path, or `stdin`.
        name: String,
        /// The kind of file it is.
        reason: RejectReason,
    },
    /// A read that failed in the middle of an input.
    #[error("cannot read {name} beyond byte {byte_offset}")]
    Read {
        /// The file's path, or `stdin`.
        name: String,
        /// Bytes read from it before.
        byte_offset: u64,
        /// The system's error.
        source: io::Error,
    },
}

impl SourceError {
    /// Returns the same error again: an `io::Error` cannot be cloned.
    pub(super) fn again(&self) -> Self {
        let copy = |source: &io::Error| io::Error::new(source.kind(), source.to_string());
        match self {
            Self::NotFound { path } => Self::NotFound { path: path.clone() },
            Self::TooDeep { path } => Self::TooDeep { path: path.clone() },
            Self::Foreign { name, reason } => {
                Self::Foreign { name: name.clone(), reason: reason.clone() }
            }
            Self::Open { path, source } => Self::Open { path: path.clone(), source: copy(source) },
            Self::Walk { path, source } => Self::Walk { path: path.clone(), source: copy(source) },
            Self::Fetch { name, byte_offset, source } => {
                Self::Fetch { name: name.clone(), byte_offset: *byte_offset, source: copy(source) }
            }
            Self::Read { name, byte_offset, source } => {
                Self::Read { name: name.clone(), byte_offset: *byte_offset, source: copy(source) }
            }
        }
    }

    /// Returns what the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "check the path; give - to read standard input",
            Self::Open { .. } | Self::Walk { .. } => {
                "check the permissions, then import it again: what the store already has is not added twice"
            }
            Self::TooDeep { .. } => "name that directory itself",
            Self::Foreign { .. } => "give a text file",
            Self::Fetch { .. } => {
                "run the same command again: what the store already has is not fetched twice"
            }
            Self::Read { .. } => {
                "check the disk or the mount, then import it again: what the store already has is not added twice"
            }
        }
    }
}

/// The reason why a part of an input is not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// A line of no known format.
    #[error("neither JSON nor a line of a known log format")]
    UnknownLine,
    /// JSON, but neither a record nor an event nor a document of these.
    #[error("JSON, but neither a log record nor an email event")]
    UnknownShape,
    /// Refused by both parsers.
    #[error("not JSON: {reason}")]
    NotJson {
        /// The parser's message.
        reason: String,
    },
    /// Well begun, but cut.
    #[error("ends in the middle")]
    Cut,
    /// Tokens in an order that JSON does not allow.
    #[error("broken JSON")]
    Broken,
    /// Nested deeper than [`limits::JSON_DEPTH_MAX`].
    #[error("JSON nested deeper than {} levels", limits::JSON_DEPTH_MAX)]
    TooDeep,
    /// Longer than [`limits::RECORD_BYTES_MAX`].
    #[error("longer than {} bytes", limits::RECORD_BYTES_MAX)]
    TooLong,
    /// Bytes that are not UTF-8.
    #[error("not UTF-8")]
    InvalidUtf8,
    /// A file in UTF-32.
    #[error("UTF-32 text: convert it to UTF-8 first (iconv -f UTF-32 -t UTF-8)")]
    Utf32,
    /// A file that is neither text nor of a known format.
    #[error("binary data of no known format")]
    Binary,
    /// A file in a format that is not a log.
    #[error("{name} is not supported: {advice}")]
    Unsupported {
        /// The format.
        name: &'static str,
        /// The user's remedy.
        advice: &'static str,
    },
    /// A time that cannot be read.
    #[error("cannot read the timestamp \"{text}\"")]
    BadTimestamp {
        /// The time as logged, at most 64 characters.
        text: String,
    },
    /// A time that a spreadsheet has rewritten and cut.
    #[error(
        "\"{text}\" is a time as Excel and other spreadsheets write it: use the CSV as it was downloaded, or give the column the format yyyy-mm-dd hh:mm:ss.000 (or Text, before opening it)"
    )]
    SpreadsheetTime {
        /// The time as logged, at most 64 characters.
        text: String,
    },
    /// A CSV export whose header lacks `@message`.
    #[error("a CSV without the column @message: export a query that has `fields @message`")]
    NoMessageColumn,
    /// A Logs Insights row without `@message`.
    #[error("a row without @message: run a query that has `fields @message`")]
    NoMessage,
    /// A CSV row that does not fit its header or its quoting.
    #[error("broken CSV row: {reason}")]
    BrokenCsv {
        /// The fault.
        reason: String,
    },
    /// A payload that should be base64.
    #[error("broken base64")]
    BadBase64,
    /// A compressed input that breaks.
    #[error("corrupt {layer} data: {reason}")]
    Corrupt {
        /// `gzip` or `zstd`.
        layer: &'static str,
        /// The decompressor's message.
        reason: String,
    },
    /// A compressed input that ends too early.
    #[error("truncated {layer} data")]
    Truncated {
        /// `gzip` or `zstd`.
        layer: &'static str,
    },
    /// A bomb.
    #[error(
        "expands to more than {} times its size and beyond {} bytes",
        limits::EXPANSION_RATIO_MAX,
        limits::EXPANSION_FREE_BYTES
    )]
    Expansion,
    /// Wrapped in more than [`limits::COMPRESSION_LAYERS_MAX`] layers.
    #[error("more than {} layers of compression", limits::COMPRESSION_LAYERS_MAX)]
    TooManyLayers,
}

impl RejectReason {
    /// True if compressed data broke, so that even the output before the break may be wrong: the
    /// checksum that would show it comes at the end of the data.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Truncated { .. })
    }
}

/// A failed read of the raw input, marked so that it remains distinct from broken compression on
/// its way up through the decompressors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct RawFault(pub(super) io::Error);
