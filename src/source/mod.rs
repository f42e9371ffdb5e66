//! Where records come from: files in the formats that hold CloudWatch log events.
//!
//! Reading goes bytes → decompressed bytes → framed units → [`Record`]s. This module knows what a
//! log message's envelope is, and of the message itself only where it begins and ends.

use std::borrow::Cow;

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

/// What one unit of a file turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    /// A record with its envelope.
    Record(Record<'a>),
    /// A message alone, whose time must come from the event itself or from a neighbour.
    Raw(Cow<'a, str>),
}
