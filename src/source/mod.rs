//! Where records come from: files in the formats that hold CloudWatch log events.
//!
//! Reading goes bytes → decompressed bytes → framed units → [`Record`]s. This module knows what a
//! log message's envelope is, and of the message itself only where it begins and ends.
//!
//! [`walk`] lists the inputs. One thread runs a [`SourceReader`], which takes compression off
//! and cuts the stream into units, a [`Batch`] at a time; each worker runs a [`Decoder`], which
//! turns batches into [`Output`]s. Content that is not understood is a [`Reject`], with its bytes
//! and its place, and never stops what comes after it.

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
/// Text borrows from the unit that it was decoded from where it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The log group, where the source tells it.
    pub log_group: Option<Cow<'a, str>>,
    /// The log stream, where the source tells it.
    pub log_stream: Option<Cow<'a, str>>,
    /// CloudWatch's ID of the event. Opaque: never sorted or compared by.
    pub event_id: Option<Cow<'a, str>>,
    /// When the event happened.
    pub timestamp: Timestamp,
    /// Whether `timestamp` was borrowed from a neighbour or lacks its milliseconds, because the
    /// source has no better one.
    pub is_time_approximate: bool,
    /// When CloudWatch took it in.
    pub ingestion_time: Option<Timestamp>,
    /// The original message, byte for byte.
    pub message: Cow<'a, str>,
}

impl Record<'_> {
    /// The same record, with its text its own.
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

/// What one unit of a file turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A record with its envelope.
    Record(Record<'a>),
    /// A message alone, whose time must come from the event itself or from a neighbour.
    Raw(Cow<'a, str>),
    /// The same, of which the source says where it comes from.
    Undated {
        /// The log group, where the source tells it.
        log_group: Option<Cow<'a, str>>,
        /// The log stream, where the source tells it.
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

/// The shape of a file that holds records.
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
    /// What a subscription filter sends to Lambda, Kinesis or Firehose.
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
    /// What `start-live-tail` sends.
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

    /// Whether a file of this shape has all events between its first and its last, if nothing else
    /// speaks against it. The others are what a question found, or a part of what went by.
    pub fn has_all_between(self) -> bool {
        matches!(self, Self::Ndjson | Self::Json | Self::S3Export | Self::Subscription | Self::Tail)
    }
}

/// What a decoder hands out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<'a> {
    /// Something that was understood.
    Found(FoundUnit<'a>),
    /// Something that was not, or a part of it.
    Rejected(Reject<'a>),
    /// What the input says of its own completeness.
    Claimed(Claim),
}

/// A record or a message, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundUnit<'a> {
    /// The shape that it was found in. A file may mix them.
    pub format: Format,
    /// The line of the decompressed input that it begins on, from 1. What lies within a
    /// payload has the line of the payload.
    pub line: u64,
    /// The byte of the decompressed input that it begins at, from 0.
    pub byte_offset: u64,
    /// Its exact bytes, envelope and all: what to keep when the message turns out to be none.
    pub unit: &'a [u8],
    /// What it holds.
    pub decoded: Decoded<'a>,
    /// The record's message as it stands in the unit, where it stands there as JSON text.
    pub escaped_message: Option<EscapedText<'a>>,
}

/// Something that was not understood, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject<'a> {
    /// The line of the decompressed input that this part begins on, from 1. What lies within a
    /// payload has the place of the payload.
    pub line: u64,
    /// The byte of the decompressed input that this part begins at, from 0.
    pub byte_offset: u64,
    /// Why.
    pub reason: RejectReason,
    /// The exact bytes, at most [`limits::REJECTED_PART_BYTES`](crate::limits::REJECTED_PART_BYTES).
    /// None where an input ends too early and the part before the end is whole.
    pub bytes: &'a [u8],
    /// Whether it goes on from the reject before, and is not counted again.
    pub is_continuation: bool,
}
