//! One record as one line of JSON, in the shape that `filter-log-events` gives records.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::source::{EscapedText, Record};
use crate::time::Timestamp;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, default)]
    log_group: Option<Lent<'a>>,
    #[serde(borrow, default)]
    log_stream: Option<Lent<'a>>,
    #[serde(borrow, default)]
    event_id: Option<Lent<'a>>,
    timestamp: i64,
    #[serde(default)]
    time_approximate: bool,
    #[serde(default)]
    ingestion_time: Option<i64>,
    #[serde(borrow)]
    message: Cow<'a, str>,
}

/// A text borrowed from the line. Serde would copy it into a plain `Option<Cow<str>>`.
#[derive(Deserialize)]
#[serde(transparent)]
struct Lent<'a>(#[serde(borrow)] Cow<'a, str>);

/// Appends the record and a line feed. `escaped` is its message as JSON text, where the caller has
/// that already.
pub(in crate::store) fn write_line(
    record: &Record<'_>,
    escaped: Option<EscapedText<'_>>,
    lines: &mut Vec<u8>,
) {
    // By hand rather than by serde, so that an escaped message is copied as it is.
    let texts = [
        (&b"\"logGroup\":"[..], &record.log_group),
        (b"\"logStream\":", &record.log_stream),
        (b"\"eventId\":", &record.event_id),
    ];
    lines.push(b'{');
    for (key, text) in texts {
        if let Some(text) = text {
            lines.extend_from_slice(key);
            push_text(text, lines);
            lines.push(b',');
        }
    }
    lines.extend_from_slice(b"\"timestamp\":");
    push_json(&record.timestamp.as_ms(), lines);
    if record.is_time_approximate {
        lines.extend_from_slice(b",\"timeApproximate\":true");
    }
    if let Some(time) = record.ingestion_time {
        lines.extend_from_slice(b",\"ingestionTime\":");
        push_json(&time.as_ms(), lines);
    }
    lines.extend_from_slice(b",\"message\":");
    match escaped {
        Some(escaped) => {
            let start = lines.len();
            push_quoted(escaped.as_bytes(), lines);
            debug_assert!(
                serde_json::from_slice::<String>(lines.split_at(start).1)
                    .is_ok_and(|it| it == record.message),
                "the JSON text of another message"
            );
        }
        None => push_json(record.message.as_ref(), lines),
    }
    lines.extend_from_slice(b"}\n");
}

/// Appends a text that rarely needs an escape.
fn push_text(text: &str, lines: &mut Vec<u8>) {
    // Without an early exit the compiler can look at many bytes at once.
    let needs_escape =
        text.bytes().fold(false, |any, it| any | (it < b' ') | (it == b'"') | (it == b'\\'));
    if needs_escape { push_json(text, lines) } else { push_quoted(text.as_bytes(), lines) }
}

fn push_quoted(text: &[u8], lines: &mut Vec<u8>) {
    lines.push(b'"');
    lines.extend_from_slice(text);
    lines.push(b'"');
}

fn push_json(value: &(impl Serialize + ?Sized), lines: &mut Vec<u8>) {
    // Writing texts and numbers to memory cannot fail.
    let _infallible = serde_json::to_writer(lines, value);
}

/// Parses an archived line; the error says why it is not one of ours.
pub(in crate::store) fn parse_line(line: &[u8]) -> Result<Record<'_>, String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let timestamp = Timestamp::from_ms(line.timestamp).ok_or("a time out of range")?;
    Ok(Record {
        log_group: line.log_group.map(|it| it.0),
        log_stream: line.log_stream.map(|it| it.0),
        event_id: line.event_id.map(|it| it.0),
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
            write_line(&record, None, &mut line);
            prop_assert_eq!(line.pop(), Some(b'\n'));
            prop_assert!(!line.contains(&b'\n'));
            prop_assert_eq!(parse_line(&line), Ok(record));
        }
    }
}
