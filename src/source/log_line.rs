//! Lines that begin with a time: an S3 export's, and those of `aws logs tail`.

use super::Format;
use crate::time::Timestamp;

/// A line with a time, taken apart.
pub(super) struct LogLine<'a> {
    pub(super) format: Format,
    pub(super) timestamp: Timestamp,
    /// Whether the time was printed to the second only.
    pub(super) is_time_approximate: bool,
    pub(super) log_stream: Option<&'a str>,
    pub(super) message: &'a str,
}

/// Length of the time to the second: `2026-11-23T21:34:00`.
const SECOND_PRECISION_BYTES: usize = 19;

/// Longest form of a time: nanoseconds and an offset.
const STAMP_BYTES_MAX: usize = 40;

/// Where the time at the start of a line begins and ends, colours left out.
pub(super) fn stamp(line: &[u8]) -> Option<(usize, usize)> {
    let start = skip_colours(line, 0);
    let rest = line.get(start..)?;
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = rest.len() >= shape.len()
        && rest.iter().zip(shape).all(|(byte, form)| match form {
            b'd' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b' '),
            _ => byte == form,
        });
    if !fits {
        return None;
    }
    let tail = rest.get(SECOND_PRECISION_BYTES..).unwrap_or_default();
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | 0x1b | b'\r' | b'\n');
    let length = SECOND_PRECISION_BYTES + tail.iter().position(is_end).unwrap_or(tail.len());
    (length <= STAMP_BYTES_MAX).then_some((start, start + length))
}

/// Where the message's JSON begins in a line whose time ends at `stamp_end`, if it has some.
pub(super) fn brace(line: &[u8], stamp_end: usize) -> Option<usize> {
    let start = message_start(line, stamp_end);
    if line.get(start) == Some(&b'{') {
        return Some(start);
    }
    let rest = line.get(start..)?;
    memchr::memmem::find(rest, b" {").map(|index| start + index + 1)
}

impl<'a> LogLine<'a> {
    /// Takes a line apart. `None` when it does not begin with a time.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (start, end) = stamp(bytes)?;
        let token = text.get(start..end)?;
        let timestamp = Timestamp::parse_log_form(token)?;
        let first = message_start(bytes, end);
        let format = if token.ends_with('Z') { Format::S3Export } else { Format::Tail };
        let (log_stream, message) = match brace(bytes, end) {
            Some(brace) if format == Format::Tail && brace > first => {
                (text.get(first..brace)?, text.get(brace..)?)
            }
            _ => ("", text.get(first..)?),
        };
        Some(Self {
            format,
            timestamp,
            is_time_approximate: token.len() == SECOND_PRECISION_BYTES,
            log_stream: strip_colours(log_stream),
            message: match format {
                Format::S3Export => message,
                _ => without_last_colours(message),
            },
        })
    }
}

/// What stands behind the time, its colours and one space.
fn message_start(line: &[u8], stamp_end: usize) -> usize {
    let index = skip_colours(line, stamp_end);
    let index = if matches!(line.get(index), Some(b' ' | b'\t')) { index + 1 } else { index };
    skip_colours(line, index)
}

/// Steps over sequences such as `ESC [ 1 ; 32 m`.
fn skip_colours(bytes: &[u8], start: usize) -> usize {
    let mut index = start;
    while let Some(length) = bytes.get(index..).and_then(colour_length) {
        index += length;
    }
    index
}

fn colour_length(bytes: &[u8]) -> Option<usize> {
    let parameters = bytes.strip_prefix(b"\x1b[")?;
    let is_parameter = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
    let length = parameters.iter().take_while(is_parameter).count();
    (parameters.get(length) == Some(&b'm')).then_some(2 + length + 1)
}

/// A stream's name without the colours around it and blanks.
fn strip_colours(name: &str) -> Option<&str> {
    let name = name.get(skip_colours(name.as_bytes(), 0)..)?;
    let name = without_last_colours(name.trim_end()).trim();
    (!name.is_empty()).then_some(name)
}

/// The text without colours at its end.
fn without_last_colours(text: &str) -> &str {
    let mut text = text;
    while let Some(index) = text.rfind("\x1b[") {
        let is_last =
            text.as_bytes().get(index..).and_then(colour_length) == Some(text.len() - index);
        match text.get(..index) {
            Some(rest) if is_last => text = rest,
            _ => break,
        }
    }
    text
}

/// Whether a message on one line has its end there.
pub(super) fn ends_with_brace(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    if line.last() == Some(&b'}') {
        return true;
    }
    line.last() == Some(&b'm')
        && std::str::from_utf8(line).is_ok_and(|text| without_last_colours(text).ends_with('}'))
}

/// Length of the colours that `bytes` begins with.
pub(super) fn colours(bytes: &[u8]) -> usize {
    skip_colours(bytes, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, stream: Option<&str>, message: &str, is_time_approximate: bool) {
        let read = LogLine::parse(line).unwrap();
        assert_eq!(read.log_stream, stream, "{line}");
        assert_eq!(read.message, message, "{line}");
        assert_eq!(read.is_time_approximate, is_time_approximate, "{line}");
        assert!(read.timestamp.to_string().starts_with("2026-11-23T21:34:00."), "{line}");
    }

    #[test]
    fn each_form_of_line_is_taken_apart() {
        check(r#"2026-11-23T21:34:00.000Z {"a": {"b":1}}"#, None, r#"{"a": {"b":1}}"#, false);
        check("2026-11-23T21:34:00.000Z START {x}", None, "START {x}", false);
        check(
            r#"2026-11-23T21:34:00.000000+00:00 a b/[$LATEST]c {"a":1}"#,
            Some("a b/[$LATEST]c"),
            r#"{"a":1}"#,
            false,
        );
        check(r#"2026-11-23T21:34:00 {"a":1}"#, None, r#"{"a":1}"#, true);
        check("2026-11-23T21:34:00 s {\n  \"a\":1\n}", Some("s"), "{\n  \"a\":1\n}", true);
        check(
            "\x1b[32m2026-11-23T21:34:00.000000+00:00\x1b[0m \x1b[36ms 1\x1b[0m {\"a\":1}\x1b[0m",
            Some("s 1"),
            "{\"a\":1}",
            false,
        );
    }

    #[test]
    fn other_lines_have_no_time() {
        for line in ["", "2026-11-23", "hello", "2026-11-23T21:34", "{}", "\x1b[0m", "2026-99-23T"]
        {
            assert!(LogLine::parse(line).is_none(), "{line}");
        }
        assert!(LogLine::parse("2026-99-99T21:34:00Z x").is_none());
    }
}
