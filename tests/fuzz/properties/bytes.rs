//! Input as it is, and files that mix all formats.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::event::event_holds;
use super::layers::gzip;
use super::reading::{Reading, read, read_slowly};
use super::shapes::{data_message, record};

/// Reads the input as a file: nothing of it is lost, and it does not matter how it arrives.
pub fn bytes(input: &[u8]) {
    let reading = read(input);
    for step_bytes in [1, 3, 64] {
        assert_eq!(read_slowly(input, step_bytes), reading, "in reads of {step_bytes} bytes");
    }
    if reading.layers.is_empty() {
        places_are_true(input, &reading);
        nothing_is_lost(input, &reading);
    }
    for piece in &reading.pieces {
        if let Some(message) = piece.message() {
            event_holds(message);
        }
    }
}

/// Reads a file in which each line of the input stands in the format that its first character
/// names, so that what one format does to the next is seen.
pub fn mixed(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let lines: Vec<String> = text.split('\n').enumerate().map(|(at, it)| dressed(at, it)).collect();
    bytes(lines.join("\n").as_bytes());
}

fn dressed(at: usize, line: &str) -> String {
    let mut characters = line.chars();
    let format = characters.next();
    let message = characters.as_str();
    match format {
        Some('r') => record(at, message),
        Some('d') => {
            format!("{{\n\"events\": [\n {},\n {}\n]}}", record(at, message), record(at, "{}"))
        }
        Some('l') => format!("[{},{}]", record(at, message), record(at, "{}")),
        Some('x') => format!("2026-11-23T21:34:00.000Z {message}"),
        Some('t') => format!("2026-11-23T21:34:00.000000+00:00 stream {message}"),
        Some('c') => {
            let cell = message.replace('"', "\"\"");
            format!("@timestamp,@message\n2026-11-23 21:34:00.000,\"{cell}\"")
        }
        Some('i') => {
            let value = serde_json::to_string(message).unwrap();
            format!(r#"{{"results":[[{{"field":"@message","value":{value}}}]]}}"#)
        }
        Some('s') => data_message(&[message.to_owned()]),
        Some('b') => STANDARD.encode(gzip(message.as_bytes())),
        _ => line.to_owned(),
    }
}

/// What was found stands where it says, unless it lay in a payload.
fn places_are_true(input: &[u8], reading: &Reading) {
    for piece in &reading.pieces {
        let before = &input[..piece.start()];
        let newlines = before.iter().filter(|it| **it == b'\n').count() as u64;
        assert_eq!(piece.line, newlines + 1, "{piece:?}");
    }
}

/// Words that mark what may leave nothing behind: envelopes of documents, the header of a CSV, labels
/// of the AWS CLI's text, a subscription's test messages, lines of a bulk request, payloads (which may hold these), an export task's test object. Names
/// may be written with escapes.
const LEAVES_NOTHING: [&str; 27] = [
    "\"hits\"",
    "sessionUpdate",
    "sessionStart",
    "sessionResults",
    "resourceLogs",
    "scopeLogs",
    "logRecords",
    "\"index\"",
    "\"create\"",
    "\"Events\"",
    "EVENTS\t",
    "SEARCHEDLOGSTREAMS",
    "NEXTTOKEN",
    "time",
    "message\n",
    "\"events\"",
    "\"logEvents\"",
    "\"Records\"",
    "\"records\"",
    "\"results\"",
    "@message",
    "CONTROL_MESSAGE",
    "data\"",
    "H4sI",
    "Permission Check",
    "\u{feff}",
    "\\u00",
];

/// In formats of lines each byte lies in what was found or what was rejected, but for blanks, and
/// for what parts the elements of a list.
fn nothing_is_lost(input: &[u8], reading: &Reading) {
    let has = |it: &str| input.windows(it.len()).any(|window| window == it.as_bytes());
    if LEAVES_NOTHING.into_iter().any(has) {
        return;
    }
    let mut is_kept = vec![false; input.len()];
    for piece in &reading.pieces {
        let end = piece.start() + piece.bytes.len();
        assert_eq!(&input[piece.start()..end], piece.bytes, "{piece:?}");
        is_kept[piece.start()..end].fill(true);
    }
    for (at, byte) in input.iter().enumerate() {
        let is_between = byte.is_ascii_whitespace() || b",[]".contains(byte);
        let byte = char::from(*byte);
        assert!(is_kept[at] || is_between, "byte {at}, {byte:?}, is lost: {reading:#?}");
    }
}
