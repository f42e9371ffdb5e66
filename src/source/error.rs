//! What can go wrong while reading: errors of the machine, and reasons to reject content.

use std::io;
use std::path::PathBuf;

use crate::limits;

/// An input that the machine would not give us. Bad content is never one of these: it is a
/// [`RejectReason`].
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A path that the user named does not exist.
    #[error("cannot find {}", path.display())]
    NotFound {
        /// As it was named.
        path: PathBuf,
    },
    /// A file that cannot be opened.
    #[error("cannot open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A directory, or an entry of one, that cannot be looked at.
    #[error("cannot list {}", path.display())]
    Walk {
        /// The directory or entry.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// A directory below [`limits::DIRECTORY_DEPTH_MAX`] others, which is not entered.
    #[error("{} is nested deeper than {} directories", path.display(), limits::DIRECTORY_DEPTH_MAX)]
    TooDeep {
        /// The directory.
        path: PathBuf,
    },
    /// A service that did not give an input, or not all of it.
    #[error("cannot fetch {name} beyond byte {byte_offset}")]
    Fetch {
        /// The input's address.
        name: String,
        /// Bytes that came before.
        byte_offset: u64,
        /// What the service or the network said.
        source: io::Error,
    },
    /// A list or the like that is no text.
    #[error("cannot read {name}: {reason}")]
    Foreign {
        /// The file's path, or `stdin`.
        name: String,
        /// What it is.
        reason: RejectReason,
    },
    /// A read that failed in the middle of an input.
    #[error("cannot read {name} beyond byte {byte_offset}")]
    Read {
        /// The file's path, or `stdin`.
        name: String,
        /// Bytes that were read from it before.
        byte_offset: u64,
        /// The system's words.
        source: io::Error,
    },
}

impl SourceError {
    /// The same error once more: an `io::Error` cannot be cloned.
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

    /// What the user can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "check the path; give - to read standard input",
            Self::Open { .. } | Self::Walk { .. } => {
                "check the permissions, then import it again: what is there already is not added twice"
            }
            Self::TooDeep { .. } => "name that directory itself",
            Self::Foreign { .. } => "give a text file",
            Self::Fetch { .. } => {
                "run the same command again: what is there already is not fetched twice"
            }
            Self::Read { .. } => {
                "check the disk or the mount, then import it again: what is there already is not added twice"
            }
        }
    }
}

/// Why a part of an input is no record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RejectReason {
    /// A line of no known format.
    #[error("neither JSON nor a line of a known log format")]
    UnknownLine,
    /// JSON, but neither a record, an event nor a document that holds some.
    #[error("JSON, but neither a log record nor an email event")]
    UnknownShape,
    /// Both parsers refuse it.
    #[error("not JSON: {reason}")]
    NotJson {
        /// The parser's words.
        reason: String,
    },
    /// It begins well and lacks its end.
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
    /// Bytes that are no UTF-8.
    #[error("not UTF-8")]
    InvalidUtf8,
    /// A file in UTF-32.
    #[error("UTF-32 text: convert it to UTF-8 first (iconv -f UTF-32 -t UTF-8)")]
    Utf32,
    /// A file that is no text and of no known format.
    #[error("binary data of no known format")]
    Binary,
    /// A file in a format that is no log.
    #[error("{name} is not read: {advice}")]
    Unsupported {
        /// The format.
        name: &'static str,
        /// What to do.
        advice: &'static str,
    },
    /// A time that cannot be read.
    #[error("cannot read the timestamp \"{text}\"")]
    BadTimestamp {
        /// As it stands there, at most 64 characters.
        text: String,
    },
    /// A time as a spreadsheet has written it, from which some of it is lost.
    #[error(
        "\"{text}\" is a time as Excel and other spreadsheets write it: take the CSV as it was \
         downloaded, or give the column the format yyyy-mm-dd hh:mm:ss.000 (or Text, before opening it)"
    )]
    SpreadsheetTime {
        /// As it stands there, at most 64 characters.
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
        /// What is wrong.
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
        /// The decompressor's words.
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
        "expands more than {} times and beyond {} bytes",
        limits::EXPANSION_RATIO_MAX,
        limits::EXPANSION_FREE_BYTES
    )]
    Expansion,
    /// Wrapped more often than [`limits::COMPRESSION_LAYERS_MAX`].
    #[error("more than {} layers of compression", limits::COMPRESSION_LAYERS_MAX)]
    TooManyLayers,
}

impl RejectReason {
    /// Whether compressed data broke, so that what came out of it before may not be what went in:
    /// the checksum that would tell stands at its end.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Corrupt { .. } | Self::Truncated { .. })
    }
}

/// A failed read of the raw input, marked so that it is told apart from broken compression after
/// it has come up through the decompressors.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct RawFault(pub(super) io::Error);
