//! Turns fetched events into records that are ready for the store.

use std::borrow::Cow;

use serde::Serialize;

use crate::audit::OtherRecord;
use crate::aws::LogEvent;
use crate::event::Parser;
use crate::ingest::RejectedPiece;
use crate::json;
use crate::source::Record;
use crate::store::{MessageContent, PreparedBatch, Preparer, Preparers, StoreError, StoredEvent};
use crate::time::Timestamp;

pub(super) struct PageWorker {
    parser: Parser,
    preparer: Preparer,
}

/// Events of one page that are decoded together.
pub(super) struct Chunk<'p> {
    pub(super) events: &'p [LogEvent],
    pub(super) is_again: bool,
}

pub(super) struct DecodedChunk {
    pub(super) prepared: PreparedBatch,
    pub(super) rejects: Vec<RejectedPiece>,
    pub(super) is_again: bool,
    /// Events left out because events like them were removed from the store.
    pub(super) withheld: u64,
    /// The index in the chunk of each prepared record.
    pub(super) indices: Vec<usize>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'e> {
    log_group: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream_name: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingestion_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'e str>,
}

impl PageWorker {
    pub(super) fn new(preparers: &Preparers) -> Self {
        Self { parser: Parser::new(), preparer: preparers.preparer() }
    }

    pub(super) fn decode(
        &mut self,
        chunk: &Chunk<'_>,
        log_group: &str,
    ) -> Result<DecodedChunk, StoreError> {
        let mut rejects = Vec::new();
        let mut withheld = 0;
        let mut indices = Vec::with_capacity(chunk.events.len());
        for (index, event) in chunk.events.iter().enumerate() {
            let record = record(event, log_group);
            // Before parsing: an erased record must not even be kept as a reject.
            if record.as_ref().is_ok_and(|it| self.preparer.withholds(it)) {
                withheld += 1;
                continue;
            }
            let parsed = record.and_then(|record| self.prepare(&record));
            match parsed {
                Ok(()) => indices.push(index),
                Err(reason) => rejects.push(rejected(reason, event, log_group)),
            }
        }
        let prepared = self.preparer.finish()?;
        Ok(DecodedChunk { prepared, rejects, is_again: chunk.is_again, withheld, indices })
    }

    /// Prepares a record of any kind; the error is the reason if it is of none.
    fn prepare(&mut self, record: &Record<'_>) -> Result<(), String> {
        match self.parser.parse(&record.message) {
            Ok(event) => self.preparer.add(record, &event),
            Err(error) => {
                let other = OtherRecord::parse(&record.message).ok_or_else(|| error.to_string())?;
                self.preparer.take(None, record, None, &MessageContent::Other(&other));
            }
        }
        Ok(())
    }
}

/// Makes a record of an event; the error is the reason if it cannot be one.
fn record<'e>(event: &'e LogEvent, log_group: &'e str) -> Result<Record<'e>, String> {
    let timestamp = event.timestamp_ms.and_then(Timestamp::from_ms).ok_or("no time")?;
    Ok(Record {
        log_group: Some(Cow::Borrowed(log_group)),
        log_stream: event.log_stream.as_deref().map(Cow::Borrowed),
        event_id: event.event_id.as_deref().map(Cow::Borrowed),
        timestamp,
        is_time_approximate: false,
        ingestion_time: event.ingestion_ms.and_then(Timestamp::from_ms),
        message: Cow::Borrowed(event.message.as_deref().ok_or("no message")?),
    })
}

/// Returns an event as the store would return it.
pub(super) fn stored(event: &LogEvent, log_group: &str) -> Option<StoredEvent> {
    let record = record(event, log_group).ok()?;
    let parsed = Parser::new().parse(&record.message).ok()?.into_owned();
    Some(StoredEvent { record: record.into_owned(), event: parsed })
}

/// Rejects an event of no known kind, with its envelope and message as JSON.
fn rejected(reason: String, event: &LogEvent, log_group: &str) -> RejectedPiece {
    let envelope = Envelope {
        log_group,
        log_stream_name: event.log_stream.as_deref(),
        timestamp: event.timestamp_ms,
        message: event.message.as_deref(),
        ingestion_time: event.ingestion_ms,
        event_id: event.event_id.as_deref(),
    };
    let bytes = json::bytes(&envelope);
    // An event from the service has no place in a file.
    RejectedPiece { line: 0, byte_offset: 0, reason, is_continuation: false, bytes }
}
