//! Drives reader and decoder together.
#![allow(
    clippy::string_slice,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_lossless,
    reason = "tests cut texts of their own making and count small numbers"
)]

mod broken;
mod compressed;
mod flat;
mod formats;
mod properties;
mod samples;

use std::io::{Cursor, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Claim, Decoded, Decoder, Format, Output, RejectReason, SourceReader};

/// What came out of an input.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    found: Vec<Seen>,
    rejected: Vec<Refused>,
    claims: Vec<Claim>,
}

#[derive(Clone, Debug, PartialEq)]
struct Seen {
    format: Format,
    line: u64,
    byte_offset: u64,
    unit: Vec<u8>,
    log_group: Option<String>,
    log_stream: Option<String>,
    event_id: Option<String>,
    /// `None` for a raw message.
    timestamp_ms: Option<i64>,
    is_time_approximate: bool,
    ingestion_ms: Option<i64>,
    message: String,
}

#[derive(Clone, Debug, PartialEq)]
struct Refused {
    line: u64,
    byte_offset: u64,
    reason: RejectReason,
    bytes: Vec<u8>,
    parts: usize,
}

impl Outcome {
    fn messages(&self) -> Vec<&str> {
        self.found.iter().map(|it| it.message.as_str()).collect()
    }

    fn reasons(&self) -> Vec<&RejectReason> {
        self.rejected.iter().map(|it| &it.reason).collect()
    }

    fn push(&mut self, output: Output<'_>) {
        match output {
            Output::Found(found) => {
                let mut seen = Seen {
                    format: found.format,
                    line: found.line,
                    byte_offset: found.byte_offset,
                    unit: found.unit.to_vec(),
                    log_group: None,
                    log_stream: None,
                    event_id: None,
                    timestamp_ms: None,
                    is_time_approximate: false,
                    ingestion_ms: None,
                    message: String::new(),
                };
                match found.decoded {
                    Decoded::Raw(message) => seen.message = message.into_owned(),
                    Decoded::Undated { log_group, log_stream, message } => {
                        seen.log_group = log_group.map(Into::into);
                        seen.log_stream = log_stream.map(Into::into);
                        seen.message = message.into_owned();
                    }
                    Decoded::Record(record) => {
                        seen.log_group = record.log_group.map(Into::into);
                        seen.log_stream = record.log_stream.map(Into::into);
                        seen.event_id = record.event_id.map(Into::into);
                        seen.timestamp_ms = Some(record.timestamp.as_ms());
                        seen.is_time_approximate = record.is_time_approximate;
                        seen.ingestion_ms = record.ingestion_time.map(|it| it.as_ms());
                        seen.message = record.message.into_owned();
                    }
                }
                self.found.push(seen);
            }
            Output::Claimed(claim) => self.claims.push(claim),
            Output::Rejected(reject) => {
                assert!(reject.bytes.len() <= crate::limits::REJECTED_PART_BYTES);
                if reject.is_continuation {
                    let last = self.rejected.last_mut().expect("a first part");
                    let next = last.byte_offset + last.bytes.len() as u64;
                    // Parts within a payload all stand where the payload does.
                    assert!([next, last.byte_offset].contains(&reject.byte_offset));
                    last.bytes.extend_from_slice(reject.bytes);
                    last.parts += 1;
                } else {
                    self.rejected.push(Refused {
                        line: reject.line,
                        byte_offset: reject.byte_offset,
                        reason: reject.reason,
                        bytes: reject.bytes.to_vec(),
                        parts: 1,
                    });
                }
            }
        }
    }
}

fn read_from(read: Box<dyn Read + Send>) -> Outcome {
    let mut reader = SourceReader::from_reader(read, "test".to_owned()).unwrap();
    let mut decoder = Decoder::new();
    let mut result = Outcome::default();
    while let Some(batch) = reader.next_batch().unwrap() {
        assert!(!batch.is_empty());
        decoder.decode(&batch, &mut |output| result.push(output));
    }
    assert!(reader.next_batch().unwrap().is_none(), "the end is final");
    result
}

fn read(bytes: impl Into<Vec<u8>>) -> Outcome {
    read_from(Box::new(Cursor::new(bytes.into())))
}

/// Gives a few bytes at a time, as a slow pipe does.
struct Dribble {
    bytes: Cursor<Vec<u8>>,
    sizes: Vec<usize>,
    turn: usize,
}

impl Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.turn += 1;
        let size = self.sizes[self.turn % self.sizes.len()].max(1).min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}

fn read_in_chunks(bytes: &[u8], sizes: &[usize]) -> Outcome {
    let bytes = Cursor::new(bytes.to_vec());
    read_from(Box::new(Dribble { bytes, sizes: sizes.to_vec(), turn: 0 }))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn base64_of_gzip(text: &str) -> String {
    STANDARD.encode(gzip(text.as_bytes()))
}

fn event(number: usize) -> String {
    format!(r#"{{"traceId":"t{number}","event":{{"eventName":"OUTGOING_EMAIL_SENT"}}}}"#)
}

/// A record as `filter-log-events` gives it.
fn record(number: usize) -> String {
    let message = serde_json::to_string(&event(number)).unwrap();
    let timestamp = 1_795_469_640_000 + number;
    format!(
        r#"{{"logStreamName":"s","timestamp":{timestamp},"message":{message},"ingestionTime":{timestamp},"eventId":"{number}"}}"#
    )
}

fn events(count: usize) -> Vec<String> {
    (0..count).map(event).collect()
}

fn data_message(numbers: std::ops::Range<usize>) -> String {
    let events: Vec<String> = numbers
        .map(|number| {
            let message = serde_json::to_string(&event(number)).unwrap();
            format!(r#"{{"id":"{number}","timestamp":1795469640000,"message":{message}}}"#)
        })
        .collect();
    format!(
        r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/g","logStream":"s","subscriptionFilters":["f"],"logEvents":[{}]}}"#,
        events.join(",")
    )
}

const CONTROL: &str = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1795469640000,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#;
