//! Messages in the shapes in which they leave AWS: each must come back byte for byte.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use csv::{QuoteStyle, Terminator, WriterBuilder};
use mailtrace::internals::RejectReason;
use serde_json::json;

use super::choice;
use super::layers::gzip;
use super::reading::{Content, Reading, read, read_slowly};

/// The time of the first record; the next comes a millisecond later.
const START_MS: usize = 1_795_469_640_000;

/// Messages of one input: more teach a fuzzer nothing and make it slow.
const MESSAGES_MAX: usize = 16;

/// The messages that an input stands for. Zeros part them, so that they may hold newlines.
pub fn messages(input: &[u8]) -> Vec<String> {
    let parts = input.split(|it| *it == 0).take(MESSAGES_MAX);
    parts.map(|it| String::from_utf8_lossy(it).into_owned()).collect()
}

/// A record as `filter-log-events` gives it.
pub fn record(at: usize, message: &str) -> String {
    let message = serde_json::to_string(message).unwrap();
    let time = START_MS + at;
    format!(
        r#"{{"logStreamName":"s","timestamp":{time},"message":{message},"ingestionTime":{time},"eventId":"{at}"}}"#
    )
}

/// What a subscription delivers.
pub fn data_message(messages: &[String]) -> String {
    let events: Vec<_> = messages
        .iter()
        .enumerate()
        .map(|(at, it)| json!({"id": at.to_string(), "timestamp": START_MS + at, "message": it}))
        .collect();
    json!({"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/acme",
        "logStream": "s", "subscriptionFilters": ["f"], "logEvents": events})
    .to_string()
}

fn check(file: &[u8], messages: &[String]) -> Reading {
    let reading = read(file);
    let shown = String::from_utf8_lossy(file);
    assert_eq!(reading.rejects(), Vec::<&_>::new(), "{shown}");
    assert_eq!(reading.messages(), messages, "{shown}");
    assert_eq!(read_slowly(file, 7), reading, "{shown}");
    reading
}

fn check_times(reading: &Reading) {
    for (at, piece) in reading.pieces.iter().enumerate() {
        let Content::Record(_, record) = &piece.content else { panic!("{piece:?}") };
        assert_eq!(record.timestamp.as_ms(), i64::try_from(START_MS + at).unwrap());
        assert!(!record.is_time_approximate);
    }
}

/// Messages in records, one a line and in documents.
pub fn records(input: &[u8]) {
    let (variant, input) = choice(input);
    let messages = messages(input);
    let all: Vec<String> = messages.iter().enumerate().map(|(at, it)| record(at, it)).collect();
    let file = match variant % 8 {
        0 => all.join("\n"),
        1 => all.join("\r\n") + "\r\n",
        2 => all.join(""),
        3 => format!(r#"{{"events":[{}],"searchedLogStreams":[]}}"#, all.join(",")),
        4 => format!("[{}]", all.join(",\n")),
        5 => {
            let values: Vec<serde_json::Value> =
                all.iter().map(|it| serde_json::from_str(it).unwrap()).collect();
            serde_json::to_string_pretty(&json!({"nextToken": "{[\"", "events": values})).unwrap()
        }
        // What no fast path takes: a number that no double holds, and escapes by number.
        6 => all.join("\n").replace("\"eventId\":", "\"size\":1e999,\"event\\u0049d\":"),
        _ => format!("\u{feff}{}\n", all.join("\n\u{feff}")),
    };
    check_times(&check(file.as_bytes(), &messages));
}

/// Messages that a subscription filter sends to Firehose, Lambda or Kinesis.
pub fn subscription(input: &[u8]) {
    let (variant, input) = choice(input);
    let messages = messages(input);
    let whole = data_message(&messages);
    let parts = || messages.chunks(2).map(data_message);
    let file = match variant % 7 {
        0 => whole.into_bytes(),
        1 => parts().collect::<String>().into_bytes(),
        2 => parts().flat_map(|it| gzip(it.as_bytes())).collect(),
        3 => gzip(&gzip(whole.as_bytes())),
        4 => {
            let data = STANDARD.encode(gzip(whole.as_bytes()));
            json!({"awslogs": {"data": data}}).to_string().into_bytes()
        }
        5 => {
            let rows: Vec<_> = parts()
                .map(|it| json!({"kinesis": {"data": STANDARD.encode(gzip(it.as_bytes()))}}))
                .collect();
            serde_json::to_vec_pretty(&json!({"Records": rows})).unwrap()
        }
        _ => {
            let lines: Vec<_> = parts().map(|it| STANDARD.encode(gzip(it.as_bytes()))).collect();
            lines.join("\n").into_bytes()
        }
    };
    check(&file, &messages);
}

/// Messages in the JSON and the CSV of Logs Insights.
pub fn insights(input: &[u8]) {
    let (variant, input) = choice(input);
    let messages = messages(input);
    let file = if variant.is_multiple_of(2) {
        insights_json(&messages)
    } else {
        insights_csv(&messages, variant / 2)
    };
    let reading = read(file.as_slice());
    let shown = String::from_utf8_lossy(&file);
    // A row with a blank in the place of its message is one without a message.
    let (found, blank): (Vec<&str>, Vec<&str>) =
        messages.iter().map(String::as_str).partition(|it| !it.trim().is_empty());
    assert_eq!(reading.messages(), found, "{shown}");
    assert_eq!(reading.rejects().len(), blank.len(), "{shown}");
    for reject in reading.rejects() {
        assert_eq!(reject.content, Content::Rejected(RejectReason::NoMessage), "{shown}");
    }
    assert_eq!(read_slowly(file.as_slice(), 5), reading, "{shown}");
}

fn insights_json(messages: &[String]) -> Vec<u8> {
    let rows: Vec<_> = messages
        .iter()
        .map(|it| {
            json!([{"field": "@timestamp", "value": "2026-11-23 21:34:00.000"},
                {"field": "@message", "value": it}, {"field": "@ptr", "value": "x"}])
        })
        .collect();
    serde_json::to_vec_pretty(&json!({"results": rows, "status": "Complete"})).unwrap()
}

fn insights_csv(messages: &[String], variant: usize) -> Vec<u8> {
    // Where the message comes first it is always quoted: a row that begins with a bracket is JSON.
    let is_message_first = variant & 1 == 1;
    let mut writer = WriterBuilder::new()
        .quote_style(if is_message_first { QuoteStyle::Always } else { QuoteStyle::Necessary })
        .terminator(if variant & 2 == 2 { Terminator::CRLF } else { Terminator::Any(b'\n') })
        .from_writer(Vec::new());
    let mut write = |time: &str, message: &str| {
        let row = if is_message_first { [message, time] } else { [time, message] };
        writer.write_record(row).unwrap();
    };
    write("@timestamp", "@message");
    for message in messages {
        write("2026-11-23 21:34:00.000", message);
    }
    writer.into_inner().unwrap()
}
