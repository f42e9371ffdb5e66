//! Writes the file formats in which people have CloudWatch log events.

use std::fmt;
use std::io::{self, Write};

use super::body::push_json_text;
use crate::source::Record;

/// A format for files of log events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// One FilterLogEvents record a line.
    #[default]
    Ndjson,
    /// The output of `aws logs filter-log-events --output json`.
    Json,
    /// Lines of an S3 export task: time, space, message.
    S3Export,
    /// Objects as a subscription filter hands them to Firehose, without a newline between them.
    Firehose,
    /// The output of `aws logs tail`.
    Tail,
    /// The output of `aws logs get-query-results`.
    InsightsJson,
    /// The CSV export of the Logs Insights console.
    InsightsCsv,
    /// The messages alone.
    Raw,
}

/// The number of records in one object of [`Shape::Firehose`].
const FIREHOSE_RECORDS: usize = 100;

/// Writes records in a [`Shape`].
///
/// Each call of [`Writer::write`] hands over whole lines or nothing, and with [`Shape::Firehose`]
/// whole objects, so that a compressor may cut between calls.
pub struct Writer<W> {
    out: W,
    shape: Shape,
    text: String,
    record_count: u64,
    batch_count: usize,
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("shape", &self.shape).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(out: W, shape: Shape) -> Self {
        let text = match shape {
            Shape::Json => "{\n    \"events\": [",
            Shape::InsightsJson => "{\n    \"results\": [",
            Shape::InsightsCsv => "@timestamp,@message,@logStream\n",
            _ => "",
        };
        Self { out, shape, text: text.to_owned(), record_count: 0, batch_count: 0 }
    }

    /// Writes one record.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        match self.shape {
            Shape::Ndjson => self.push_ndjson(record),
            Shape::Json => self.push_json(record),
            Shape::S3Export => {
                self.push(&[&record.timestamp.to_string(), " ", &record.message, "\n"]);
            }
            Shape::Firehose => {
                self.push_firehose(record);
                if self.batch_count < FIREHOSE_RECORDS {
                    self.record_count += 1;
                    return Ok(());
                }
                self.end_batch();
            }
            Shape::Tail => self.push_tail(record),
            Shape::InsightsJson => self.push_insights_json(record),
            Shape::InsightsCsv => self.push_insights_csv(record),
            Shape::Raw => self.push(&[&record.message, "\n"]),
        }
        self.record_count += 1;
        self.flush_text()
    }

    /// Ends the file and returns the output.
    pub fn finish(mut self) -> io::Result<W> {
        match self.shape {
            Shape::Json => {
                self.text.push_str("\n    ],\n    \"searchedLogStreams\": []\n}\n");
            }
            Shape::InsightsJson => self.text.push_str(
                "\n    ],\n    \"statistics\": {\n        \"recordsMatched\": 0.0\n    },\n    \"status\": \"Complete\"\n}\n",
            ),
            Shape::Firehose => self.end_batch(),
            _ => {}
        }
        self.flush_text()?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn flush_text(&mut self) -> io::Result<()> {
        if self.text.is_empty() {
            return Ok(());
        }
        self.out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }

    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
    }

    fn push_ndjson(&mut self, record: &Record<'_>) {
        self.push(&["{\"logStreamName\":\"", stream(record), "\",\"timestamp\":"]);
        self.push(&[&record.timestamp.as_ms().to_string(), ",\"message\":\""]);
        push_escaped_json(&mut self.text, &record.message);
        self.push(&["\",\"ingestionTime\":", &ingestion_ms(record).to_string()]);
        self.push(&[",\"eventId\":\"", id(record), "\"}\n"]);
    }

    fn push_json(&mut self, record: &Record<'_>) {
        const INDENT: &str = ",\n            \"";
        self.push_comma();
        self.push(&["\n        {\n            \"logStreamName\": \"", stream(record), "\""]);
        self.push(&[INDENT, "timestamp\": ", &record.timestamp.as_ms().to_string()]);
        self.push(&[INDENT, "message\": \""]);
        push_escaped_json(&mut self.text, &record.message);
        self.push(&["\"", INDENT, "ingestionTime\": ", &ingestion_ms(record).to_string()]);
        self.push(&[INDENT, "eventId\": \"", id(record), "\"\n        }"]);
    }

    fn push_firehose(&mut self, record: &Record<'_>) {
        if self.batch_count == 0 {
            self.push(&[
                "{\"messageType\":\"DATA_MESSAGE\",\"owner\":\"123456789012\",\"logGroup\":",
            ]);
            push_json_text(&mut self.text, record.log_group.as_deref().unwrap_or(""));
            self.push(&[",\"logStream\":\"", stream(record), "\""]);
            self.push(&[",\"subscriptionFilters\":[\"mailtrace\"],\"logEvents\":["]);
        } else {
            self.text.push(',');
        }
        self.push(&["{\"id\":\"", id(record), "\",\"timestamp\":"]);
        self.push(&[&record.timestamp.as_ms().to_string(), ",\"message\":\""]);
        push_escaped_json(&mut self.text, &record.message);
        self.push(&["\"}"]);
        self.batch_count += 1;
    }

    fn end_batch(&mut self) {
        if self.batch_count > 0 {
            self.text.push_str("]}");
            self.batch_count = 0;
        }
    }

    fn push_tail(&mut self, record: &Record<'_>) {
        let time = record.timestamp.to_string();
        let time = time.strip_suffix('Z').unwrap_or(&time);
        self.push(&[time, "000+00:00 ", stream(record), " ", &record.message, "\n"]);
    }

    fn push_insights_json(&mut self, record: &Record<'_>) {
        self.push_comma();
        self.push(&["\n        ["]);
        let time = insights_time(record);
        let fields =
            [("@timestamp", time.as_str()), ("@message", &record.message), ("@ptr", id(record))];
        for (index, (field, value)) in fields.into_iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            self.push(&[comma, "\n            {\n                \"field\": \"", field]);
            self.push(&["\",\n                \"value\": "]);
            push_json_text(&mut self.text, value);
            self.push(&["\n            }"]);
        }
        self.push(&["\n        ]"]);
    }

    fn push_insights_csv(&mut self, record: &Record<'_>) {
        let quoted = record.message.replace('"', "\"\"");
        self.push(&[&insights_time(record), ",\"", &quoted, "\",", stream(record), "\n"]);
    }

    fn push_comma(&mut self) {
        if self.record_count > 0 {
            self.text.push(',');
        }
    }
}

fn stream<'r>(record: &'r Record<'_>) -> &'r str {
    record.log_stream.as_deref().unwrap_or("")
}

fn id<'r>(record: &'r Record<'_>) -> &'r str {
    record.event_id.as_deref().unwrap_or("")
}

fn ingestion_ms(record: &Record<'_>) -> i64 {
    record.ingestion_time.unwrap_or(record.timestamp).as_ms()
}

fn insights_time(record: &Record<'_>) -> String {
    record.timestamp.to_string().replace('T', " ").replace('Z', "")
}

/// Appends JSON as the inside of a JSON string. JSON on one line has no control characters, so
/// only quotes and backslashes need an escape.
fn push_escaped_json(text: &mut String, json: &str) {
    text.reserve(json.len() + json.len() / 4);
    for part in json.split_inclusive(['"', '\\']) {
        match part.strip_suffix(['"', '\\']) {
            Some(plain) => {
                text.push_str(plain);
                text.push_str(if part.ends_with('"') { "\\\"" } else { "\\\\" });
            }
            None => text.push_str(part),
        }
    }
}
