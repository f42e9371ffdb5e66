//! Finds the end of a JSON value or a CSV row without parsing it.
//!
//! It checks only what distinguishes a cut line from a whole value: the order of tokens, no raw
//! newline within a string, a bounded depth. Malformed numbers and escapes are left to the parser.

use crate::json::{Token, TokenKind, Tokens, is_blank, text_end};
use crate::limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanError {
    /// The bytes end before the value does.
    More,
    /// The bytes cannot be part of a value.
    Broken,
    /// Nested too deep.
    TooDeep,
}

#[derive(Clone, Copy)]
enum Expect {
    Value,
    ValueOrEnd,
    Key,
    KeyOrEnd,
    Colon,
    CommaOrEnd,
}

/// The open brackets, one bit each (1 is an object), so that a scan allocates nothing.
struct Nesting {
    bits: u128,
    depth: usize,
}

const _: () = assert!(limits::JSON_DEPTH_MAX <= 128, "a bit for each level");

impl Nesting {
    fn push(&mut self, is_object: bool) -> Result<(), ScanError> {
        if self.depth == limits::JSON_DEPTH_MAX {
            return Err(ScanError::TooDeep);
        }
        self.depth += 1;
        self.bits = (self.bits << 1) | u128::from(is_object);
        Ok(())
    }

    fn pop(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.bits >>= 1;
    }

    fn is_in_object(&self) -> bool {
        self.depth > 0 && self.bits & 1 == 1
    }
}

/// Returns the length of the JSON value that `bytes` begins with.
pub(super) fn value(bytes: &[u8]) -> Result<usize, ScanError> {
    let mut nesting = Nesting { bits: 0, depth: 0 };
    let mut expect = Expect::Value;
    for Token { kind, range, has_newline, .. } in Tokens::new(bytes) {
        let is_of_object = || matches!(bytes.get(range.start), Some(b'{' | b'}'));
        expect = match (kind, expect) {
            (TokenKind::Open, Expect::Value | Expect::ValueOrEnd) => {
                let is_object = is_of_object();
                nesting.push(is_object)?;
                if is_object { Expect::KeyOrEnd } else { Expect::ValueOrEnd }
            }
            (TokenKind::Close, Expect::KeyOrEnd | Expect::ValueOrEnd | Expect::CommaOrEnd)
                if is_of_object() == nesting.is_in_object() =>
            {
                nesting.pop();
                Expect::CommaOrEnd
            }
            (TokenKind::Text | TokenKind::Unclosed, Expect::Colon | Expect::CommaOrEnd) => {
                return Err(ScanError::Broken);
            }
            // Before `More`: a raw newline in an open string means a cut line, not a long value.
            (TokenKind::Text | TokenKind::Unclosed, _) if has_newline => {
                return Err(ScanError::Broken);
            }
            (TokenKind::Unclosed, _) => return Err(ScanError::More),
            (TokenKind::Text, Expect::Key | Expect::KeyOrEnd) => Expect::Colon,
            (TokenKind::Text, _) => Expect::CommaOrEnd,
            (TokenKind::Colon, Expect::Colon) => Expect::Value,
            (TokenKind::Comma, Expect::CommaOrEnd) if nesting.is_in_object() => Expect::Key,
            (TokenKind::Comma, Expect::CommaOrEnd) => Expect::Value,
            (TokenKind::Other, Expect::Value | Expect::ValueOrEnd) => {
                let length = bytes.get(range.clone()).map_or(0, scalar_length);
                match range.start + length {
                    _ if length == 0 => return Err(ScanError::Broken),
                    // The next bytes may still belong to the number or word.
                    end if end == bytes.len() => return Err(ScanError::More),
                    end if nesting.depth == 0 => return Ok(end),
                    end if end < range.end => return Err(ScanError::Broken),
                    _ => Expect::CommaOrEnd,
                }
            }
            _ => return Err(ScanError::Broken),
        };
        if nesting.depth == 0 {
            return Ok(range.end);
        }
    }
    Err(ScanError::More)
}

/// Returns the length of the number or word that a part begins with.
fn scalar_length(part: &[u8]) -> usize {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'-' | b'+' | b'.');
    match part.first() {
        Some(b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => part.iter().take_while(is_part).count(),
        _ => 0,
    }
}

/// Returns the index after the string whose opening quote is at `start`.
pub(super) fn string_end(bytes: &[u8], start: usize) -> Result<usize, ScanError> {
    let mut has_newline = false;
    let end = text_end(bytes, start, &mut has_newline);
    if has_newline { Err(ScanError::Broken) } else { end.ok_or(ScanError::More) }
}

/// Returns the length of the blanks and commas that `bytes` begins with.
pub(super) fn separators(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_blank(**byte) || **byte == b',').count()
}

/// Returns the length of the CSV row that `bytes` begins with, without its newline.
///
/// A closing quote must be followed by a delimiter or the row's end: this distinguishes a row that
/// was cut within quotes from one with a newline there.
pub(super) fn csv_row(bytes: &[u8], delimiter: u8, is_at_end: bool) -> Result<usize, ScanError> {
    let mut index = 0;
    loop {
        // At the start of a field.
        let rest = bytes.get(index..).ok_or(ScanError::More)?;
        if rest.first() == Some(&b'"') {
            index = quoted_end(bytes, index + 1, delimiter, is_at_end)?;
        }
        let rest = bytes.get(index..).ok_or(ScanError::More)?;
        match memchr::memchr2(delimiter, b'\n', rest) {
            Some(found) if rest.get(found) == Some(&delimiter) => index += found + 1,
            Some(found) => return Ok(index + found),
            None if is_at_end => return Ok(bytes.len()),
            None => return Err(ScanError::More),
        }
    }
}

/// Returns the index after the closing quote of the field whose text starts at `start`.
fn quoted_end(
    bytes: &[u8],
    start: usize,
    delimiter: u8,
    is_at_end: bool,
) -> Result<usize, ScanError> {
    let mut index = start;
    loop {
        let rest = bytes.get(index..).ok_or(ScanError::More)?;
        index += memchr::memchr(b'"', rest).ok_or(ScanError::More)? + 1;
        match bytes.get(index) {
            Some(b'"') => index += 1,
            Some(b'\n') => return Ok(index),
            Some(byte) if *byte == delimiter => return Ok(index),
            Some(b'\r') if matches!(bytes.get(index + 1), Some(b'\n') | None) => return Ok(index),
            None if is_at_end => return Ok(index),
            None => return Err(ScanError::More),
            _ => return Err(ScanError::Broken),
        }
    }
}

/// Blanks that are skipped backwards to see what precedes a bracket. Bounded, since each bracket
/// looks back anew.
const LOOK_BACK_BYTES: usize = 80;

/// Returns where the next element of a list probably begins within a broken part: at a bracket that
/// begins a line or directly follows the end of another element. Never 0.
pub(super) fn next_element(bytes: &[u8]) -> Option<usize> {
    memchr::memchr2_iter(b'{', b'[', bytes).find(|index| {
        let (before, _) = bytes.split_at(*index);
        let blanks = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b',' | b'\r');
        let previous = before.iter().rev().take(LOOK_BACK_BYTES).find(|byte| !blanks(byte));
        let after = bytes.get(index + 1);
        match (bytes.get(*index), previous) {
            (_, Some(b'\n')) => true,
            // Weaker evidence than the start of a line, so the next byte must fit an object or a
            // row.
            (Some(b'{'), Some(b'}')) => after == Some(&b'"'),
            (Some(b'['), Some(b']')) => after == Some(&b'{'),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_values_end_where_they_end() {
        for (text, length) in [
            ("{} x", 2),
            (r#"{"a":"}"}{"#, 9),
            (r#"{"a":"\"}"}"#, 11),
            ("[1,[2,{}],null]  ", 15),
            ("{\n \"a\": [true, -1.5e3]\n}\n", 25 - 1),
            (r#""text","#, 6),
            ("12,", 2),
        ] {
            assert_eq!(value(text.as_bytes()), Ok(length), "{text}");
        }
    }

    #[test]
    fn what_cannot_go_on_is_told_from_what_may() {
        for text in ["{", r#"{"a"#, r#"{"a":"#, r#"{"a":1"#, "[", "[1", r#"{"a":"\"#, "12", ""] {
            assert_eq!(value(text.as_bytes()), Err(ScanError::More), "{text}");
        }
        for text in [
            "{{",
            r#"{"a"{"#,
            r#"{"a":1 {"#,
            "{\"a\":\"x\n",
            "{\"a\":\"x\\\n",
            r#"{"a":1,}"#,
            "[1}",
            r#"{"a":1]"#,
            "]",
            "{1",
            "[,",
            "\u{0}",
        ] {
            assert_eq!(value(text.as_bytes()), Err(ScanError::Broken), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deepest = "[".repeat(limits::JSON_DEPTH_MAX) + &"]".repeat(limits::JSON_DEPTH_MAX);
        assert_eq!(value(deepest.as_bytes()), Ok(deepest.len()));
        assert_eq!(value("[".repeat(100_000).as_bytes()), Err(ScanError::TooDeep));
        assert_eq!(value(r#"{"a":"#.repeat(100_000).as_bytes()), Err(ScanError::TooDeep));
    }

    #[test]
    fn csv_rows_end_outside_of_quotes() {
        assert_eq!(csv_row(b"a,b\nc", b',', false), Ok(3));
        assert_eq!(csv_row(b"a,\"b\nb\"\"\"\nc", b',', false), Ok(9));
        assert_eq!(csv_row(b"\"a\",\"b\"\r\n", b',', false), Ok(8));
        assert_eq!(csv_row(b"a,b", b',', true), Ok(3));
        assert_eq!(csv_row(b"a,\"b\"", b',', true), Ok(5));
        assert_eq!(csv_row(b"a,\"b", b',', true), Err(ScanError::More));
        assert_eq!(csv_row(b"a,b", b',', false), Err(ScanError::More));
        assert_eq!(csv_row(b"a,\"cut\nc,\"{\"\"k\"\"}\"", b',', true), Err(ScanError::Broken));
    }

    #[test]
    fn the_next_element_is_found_behind_a_broken_one() {
        assert_eq!(next_element(br#"{"a":tru},{"b":1}"#), Some(10));
        assert_eq!(next_element(b"{\"a\":\"x\n   {\n"), Some(11));
        assert_eq!(next_element(br#"{"a":"},{\"b\"""#), None);
        assert_eq!(next_element(br#"[{"a"],[{"b""#), Some(7));
    }
}
