//! Messages on lines that begin with a time: an export task's, and those of `aws logs tail`.

use serde_json::json;

use super::choice;
use super::reading::{read, read_slowly};
use super::shapes::messages;

/// Messages that are JSON come back byte for byte, also over several lines; other texts do where
/// they have no line to go on over.
pub fn log_lines(input: &[u8]) {
    let (variant, input) = choice(input);
    let texts = messages(input);
    let as_json = |it: &String| json!({"traceId": "t", "event": {"subject": it}});
    let compact = || texts.iter().map(|it| as_json(it).to_string()).collect();
    let pretty = || texts.iter().map(|it| serde_json::to_string_pretty(&as_json(it)).unwrap());
    let messages: Vec<String> = match variant % 5 {
        0 | 1 => compact(),
        2 | 3 => pretty().collect(),
        _ => texts.iter().filter(|it| is_of_one_line(it)).cloned().collect(),
    };
    let end = if variant & 8 == 8 { "\r\n" } else { "\n" };
    let time = match variant % 5 {
        0 | 2 => "2026-11-23T21:34:00.000Z",
        1 => "2026-11-23T21:34:00.000000+00:00 stream/[$LATEST] 1",
        3 => "\x1b[32m2026-11-23T21:34:00\x1b[0m \x1b[36mstream 1\x1b[0m",
        _ => "2026-11-23T21:34:00.000Z",
    };
    let file: String = messages.iter().map(|it| format!("{time} {it}{end}")).collect();
    let reading = read(file.as_str());
    assert_eq!(reading.messages(), messages, "{file}");
    assert!(reading.rejects().is_empty(), "{file}");
    assert_eq!(read_slowly(file.as_str(), 5), reading, "{file}");
}

/// Whether a text is a message that ends with its line and may have neither colours around it nor
/// blanks at its end, which are not its own.
fn is_of_one_line(text: &str) -> bool {
    let has_own_end = text.trim_ascii_end() == text;
    has_own_end && !text.contains(['\n', '{', '\x1b'])
}
