//! One record as one line of JSON, in the shape that `filter-log-events` gives records.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::source::Record;
use crate::time::Timestamp;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    log_group: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    log_stream: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    event_id: Option<Cow<'a, str>>,
    timestamp: i64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    time_approximate: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ingestion_time: Option<i64>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

fn borrowed<'a>(text: Option<&'a Cow<'_, str>>) -> Option<Cow<'a, str>> {
    text.map(|it| Cow::Borrowed(it.as_ref()))
}

/// Appends the record and a line feed.
pub(in crate::store) fn write_line(record: &Record<'_>, lines: &mut Vec<u8>) {
    let line = Line {
        log_group: borrowed(record.log_group.as_ref()),
        log_stream: borrowed(record.log_stream.as_ref()),
        event_id: borrowed(record.event_id.as_ref()),
        timestamp: record.timestamp.as_ms(),
        time_approximate: record.is_time_approximate,
        ingestion_time: record.ingestion_time.map(Timestamp::as_ms),
        message: Cow::Borrowed(&record.message),
    };
    // Text and numbers into memory: there is nothing here that could fail.
    let _infallible = serde_json::to_writer(&mut *lines, &line);
    lines.push(b'\n');
}

/// Reads a line back; the reason when it is not one of ours.
pub(in crate::store) fn parse_line(line: &[u8]) -> Result<Record<'_>, String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let timestamp = Timestamp::from_ms(line.timestamp).ok_or("a time out of range")?;
    Ok(Record {
        log_group: line.log_group,
        log_stream: line.log_stream,
        event_id: line.event_id,
        timestamp,
        is_time_approximate: line.time_approximate,
        ingestion_time: line.ingestion_time.and_then(Timestamp::from_ms),
        message: line.message,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_record_survives_its_line(
            log_group in proptest::option::of(".{0,20}"), event_id in proptest::option::of("[0-9]{1,56}"),
            ms in -377_705_023_201_000i64..=253_402_207_200_000, is_time_approximate: bool,
            ingestion_ms in proptest::option::of(0i64..2_000_000_000_000), message in "(?s).{0,200}",
        ) {
            let record = Record {
                log_group: log_group.map(Cow::Owned),
                log_stream: None,
                event_id: event_id.map(Cow::Owned),
                timestamp: Timestamp::from_ms(ms).unwrap(),
                is_time_approximate,
                ingestion_time: ingestion_ms.and_then(Timestamp::from_ms),
                message: Cow::Owned(message),
            };
            let mut line = Vec::new();
            write_line(&record, &mut line);
            prop_assert_eq!(line.pop(), Some(b'\n'));
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(parse_line(&line), Ok(record));
        }
    }
}
