//! A record as a line of JSON, which `import` reads back.

use std::io::{self, Write};

use serde::Serialize;

use crate::render::{event_source_json, write_json};
use crate::store::{Provenance, Record};
use crate::time::Zone;

/// A record in the shape of `filter-log-events`. Its message is the original, byte for byte, as
/// JSON text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordLine<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'r str>,
    timestamp: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    time_approximate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingestion_time: Option<i64>,
    message: &'r str,
    /// Its source in the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<serde_json::Value>,
}

/// Writes a record with its source in the store, and a line feed.
pub(super) fn write_record(
    record: &Record<'_>,
    source: Option<&Provenance>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let line = RecordLine {
        log_group: record.log_group.as_deref(),
        log_stream: record.log_stream.as_deref(),
        event_id: record.event_id.as_deref(),
        timestamp: record.timestamp.as_ms(),
        time_approximate: record.is_time_approximate,
        ingestion_time: record.ingestion_time.map(|it| it.as_ms()),
        message: &record.message,
        source: source.map(|it| event_source_json(it, record, &Zone::UTC)),
    };
    write_json(&line, out)
}
