//! The hits of a search.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ClusterError;
use crate::store::{Location, Record};
use crate::time::Timestamp;

/// A record that was found.
#[derive(Deserialize)]
pub(super) struct Hit {
    #[serde(rename = "_source")]
    pub(super) source: Source,
    /// Its sort values, after which the next page begins.
    pub(super) sort: Value,
}

/// A document's fields.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Source {
    #[serde(default)]
    place: i64,
    at: Value,
    /// The time of the record, if its event has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logged_at: Option<Value>,
    #[serde(default)]
    is_time_approximate: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ingested_at: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log_stream: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(default, skip_serializing)]
    pub(super) trace_id: Option<String>,
    #[serde(default, skip_serializing)]
    pub(super) message_id: Option<String>,
    pub(super) original: String,
}

impl Source {
    /// The fields of a document that are fetched.
    pub(super) const FIELDS: [&str; 11] = [
        "place",
        "at",
        "loggedAt",
        "isTimeApproximate",
        "ingestedAt",
        "logGroup",
        "logStream",
        "eventId",
        "traceId",
        "messageId",
        "original",
    ];

    /// The place in the archive of the store that published it.
    pub(super) fn place(&self) -> Location {
        Location::from_bits(self.place.cast_unsigned())
    }

    /// The record; `None` if it has no time.
    pub(super) fn into_record(self) -> Option<Record<'static>> {
        Some(Record {
            timestamp: instant(self.logged_at.as_ref().unwrap_or(&self.at))?,
            log_group: self.log_group.map(Into::into),
            log_stream: self.log_stream.map(Into::into),
            event_id: self.event_id.map(Into::into),
            is_time_approximate: self.is_time_approximate,
            ingestion_time: self.ingested_at.as_ref().and_then(instant),
            message: self.original.into(),
        })
    }
}

/// The hits of an answer.
pub(super) fn hits(found: Value, call: &str) -> Result<Vec<Hit>, ClusterError> {
    let mut found = found;
    let hits = found.pointer_mut("/hits/hits").map(Value::take).unwrap_or_default();
    serde_json::from_value(hits).map_err(|error| ClusterError::Incomprehensible {
        call: call.to_owned(),
        detail: error.to_string(),
    })
}

/// A time as documents have it.
pub(super) fn instant(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::parse_log_form(text),
        other => other.as_i64().and_then(Timestamp::from_ms),
    }
}
