//! Reads records from files in all the formats that hold CloudWatch log events.
//!
//! Reading goes bytes → decompressed bytes → framed units → [`Record`]s. This module knows the
//! envelopes of log messages, and of a message only where it begins and ends.
//!
//! [`walk`] lists the inputs. One thread runs a [`SourceReader`], which removes compression and
//! cuts the stream into units, a [`Batch`] at a time; each worker runs a [`Decoder`], which turns
//! batches into [`Output`]s. Content that is not understood is a [`Reject`] with its bytes and
//! position, and never stops what comes after it.

mod base64_text;
mod batch;
mod bundle;
mod completeness;
mod csv_rows;
mod decoder;
mod document;
mod envelope;
mod error;
mod expansion;
mod flat_envelope;
mod framer;
mod gzip;
mod insights;
mod layers;
mod log_line;
mod reader;
mod row;
mod scan;
mod shippers;
mod sniff;
#[cfg(test)]
mod tests;
mod text_file;
mod unescape;
mod unwrap;
mod utf16;
mod walk;
mod when;
mod window;

use std::borrow::Cow;

pub use batch::Batch;
pub use bundle::{BUNDLE_FORMAT, BUNDLE_MANIFEST, BUNDLE_RECORDS};
pub(crate) use bundle::{expands_too_much, open_small_zip};
pub use completeness::{Claim, Completeness};
pub use decoder::Decoder;
pub use error::{RejectReason, SourceError};
pub use expansion::{DecodedRoom, DecodingBudget};
pub use layers::Compression;
pub use reader::SourceReader;
pub use text_file::{key_of, open_text};
pub use unescape::EscapedText;
pub use unwrap::unwrapped;
pub use walk::{EXPORT_TEST_OBJECT, Input, hidden_directories, walk};

use crate::time::Timestamp;

/// One CloudWatch log event as it was received.
///
/// Text borrows from its unit where it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The log group, if the source names it.
    pub log_group: Option<Cow<'a, str>>,
    /// The log stream, if the source names it.
    pub log_stream: Option<Cow<'a, str>>,
    /// CloudWatch's ID of the event. Opaque: never compare or sort by it.
    pub event_id: Option<Cow<'a, str>>,
    /// When the event happened.
    pub timestamp: Timestamp,
    /// True if `timestamp` was borrowed from a neighbour or lacks its milliseconds, because the
    /// source has no better one.
    pub is_time_approximate: bool,
    /// When CloudWatch ingested it.
    pub ingestion_time: Option<Timestamp>,
    /// The original message, byte for byte.
    pub message: Cow<'a, str>,
}

impl Record<'_> {
    /// Detaches the record from its unit.
    pub fn into_owned(self) -> Record<'static> {
        let own = |it: Cow<'_, str>| Cow::Owned(it.into_owned());
        Record {
            log_group: self.log_group.map(own),
            log_stream: self.log_stream.map(own),
            event_id: self.event_id.map(own),
            timestamp: self.timestamp,
            is_time_approximate: self.is_time_approximate,
            ingestion_time: self.ingestion_time,
            message: own(self.message),
        }
    }
}

/// The content of one unit of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A record with its envelope.
    Record(Record<'a>),
    /// A message alone, whose time must come from its event or from a neighbour.
    Raw(Cow<'a, str>),
    /// A message alone, with its origin.
    Undated {
        /// The log group, if the source names it.
        log_group: Option<Cow<'a, str>>,
        /// The log stream, if the source names it.
        log_stream: Option<Cow<'a, str>>,
        /// The original message, byte for byte.
        message: Cow<'a, str>,
    },
}

impl<'a> Decoded<'a> {
    /// A message without a time.
    pub(crate) fn undated(
        log_group: Option<Cow<'a, str>>,
        log_stream: Option<Cow<'a, str>>,
        message: Cow<'a, str>,
    ) -> Self {
        if log_group.is_none() && log_stream.is_none() {
            return Self::Raw(message);
        }
        Self::Undated { log_group, log_stream, message }
    }

    /// The message.
    pub fn message(&self) -> &str {
        match self {
            Self::Record(record) => &record.message,
            Self::Raw(message) | Self::Undated { message, .. } => message,
        }
    }
}

/// A format that holds records.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Format {
    /// One record a line.
    Ndjson,
    /// A document of `filter-log-events` or `get-log-events`, or a list of records.
    Json,
    /// An export task's lines: time, blank, message.
    #[strum(serialize = "s3-export")]
    S3Export,
    /// The documents that a subscription filter sends to Lambda, Kinesis or Firehose.
    Subscription,
    /// The text that `aws logs tail` prints.
    Tail,
    /// The JSON of Logs Insights.
    InsightsJson,
    /// The CSV of Logs Insights.
    InsightsCsv,
    /// Other CSV, such as the console's "Download search results".
    Csv,
    /// Rows of values without names: `--query 'events[].[timestamp,message]'`, `--output text`.
    Rows,
    /// Lines of awslogs, saw and cw.
    #[strum(serialize = "log-lines")]
    LogLine,
    /// The documents that `start-live-tail` sends.
    LiveTail,
    /// The envelope of a log shipper or of a log store.
    Shipper,
    /// Events of our own answers, such as those of `search --format ndjson`.
    Answer,
    /// Messages without an envelope.
    Raw,
}

impl Format {
    /// The name in reports: `ndjson`, `json`, `s3-export`, `subscription`, `tail`,
    /// `insights-json`, `insights-csv`, `csv`, `rows`, `log-lines`, `live-tail`, `shipper`,
    /// `answer` or `raw`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// True if a file of this format has all events between its first and its last, unless it says
    /// otherwise. The other formats hold the results of a query, or a part of the log.
    pub fn has_all_between(self) -> bool {
        matches!(self, Self::Ndjson | Self::Json | Self::S3Export | Self::Subscription | Self::Tail)
    }
}

/// A decoder's output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Content that was understood.
    Found(FoundUnit<'a>),
    /// Content that was not understood, or a part of it.
    Rejected(Reject<'a>),
    /// The input's claim about its own completeness.
    Claimed(Claim),
}

/// A record or a message, and its position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUnit<'a> {
    /// The format in which it was found. A file may mix formats.
    pub format: Format,
    /// The line of the decompressed input on which it begins, from 1. Within a payload, the line of
    /// the payload.
    pub line: u64,
    /// The byte of the decompressed input at which it begins, from 0.
    pub byte_offset: u64,
    /// Its exact bytes with the envelope, to keep if the message turns out to be no event.
    pub unit: &'a [u8],
    /// Its content.
    pub decoded: Decoded<'a>,
    /// The record's message still escaped, where the unit has it as JSON text.
    pub escaped_message: Option<EscapedText<'a>>,
}

/// Content that was not understood, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject<'a> {
    /// The line of the decompressed input on which this part begins, from 1. Within a payload, the
    /// line of the payload.
    pub line: u64,
    /// The byte of the decompressed input at which this part begins, from 0.
    pub byte_offset: u64,
    /// The reason for the reject.
    pub reason: RejectReason,
    /// The exact bytes, at most
    /// [`limits::REJECTED_PART_BYTES`](crate::limits::REJECTED_PART_BYTES). Empty if an input ends
    /// too early and the part before the end is whole.
    pub bytes: &'a [u8],
    /// True if this continues the reject before it, and is not counted again.
    pub is_continuation: bool,
}
