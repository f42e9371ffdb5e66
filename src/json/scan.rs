//! Splits a JSON text into its tokens without parsing their content.
//!
//! Accepts any bytes: quotes and brackets are found in invalid JSON too. Callers that need valid
//! JSON check the order of the tokens.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// `{` or `[`.
    Open,
    /// `}` or `]`.
    Close,
    Comma,
    Colon,
    /// A text with its quotes.
    Text,
    /// A text without its closing quote.
    Unclosed,
    /// A number, a word, or bytes that are not JSON.
    Other,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub kind: TokenKind,
    pub range: Range<usize>,
    /// Open brackets after it.
    pub depth: usize,
    /// True for a text with a raw newline, which JSON forbids.
    pub has_newline: bool,
}

/// Iterates over the tokens. Between them there are only blanks.
#[derive(Clone, Debug)]
pub struct Tokens<'j> {
    bytes: &'j [u8],
    position: usize,
    depth: usize,
}

impl<'j> Tokens<'j> {
    pub fn new(bytes: &'j [u8]) -> Self {
        Self { bytes, position: 0, depth: 0 }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    #[inline]
    fn next(&mut self) -> Option<Token> {
        let mut byte = *self.bytes.get(self.position)?;
        while is_blank(byte) {
            self.position += 1;
            byte = *self.bytes.get(self.position)?;
        }
        let start = self.position;
        let mut has_newline = false;
        let (kind, end) = match byte {
            b'{' | b'[' => {
                self.depth += 1;
                (TokenKind::Open, start + 1)
            }
            b'}' | b']' => {
                // Any bytes are accepted, so a bracket may close that never opened.
                self.depth = self.depth.saturating_sub(1);
                (TokenKind::Close, start + 1)
            }
            b',' => (TokenKind::Comma, start + 1),
            b':' => (TokenKind::Colon, start + 1),
            b'"' => match text_end(self.bytes, start, &mut has_newline) {
                Some(end) => (TokenKind::Text, end),
                None => (TokenKind::Unclosed, self.bytes.len()),
            },
            _ => {
                let rest = self.bytes.get(start..)?;
                (TokenKind::Other, start + rest.iter().position(is_end).unwrap_or(rest.len()))
            }
        };
        self.position = end;
        Some(Token { kind, range: start..end, depth: self.depth, has_newline })
    }
}

/// True if a byte ends a number or word.
fn is_end(byte: &u8) -> bool {
    is_blank(*byte) || matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':' | b'"')
}

/// Returns the index after the text whose opening quote is at `start`, and sets `has_newline` if
/// there is a raw newline in it. One pass finds both, since framing needs both for all input.
pub fn text_end(bytes: &[u8], start: usize, has_newline: &mut bool) -> Option<usize> {
    let mut index = start + 1;
    loop {
        index += memchr::memchr3(b'"', b'\\', b'\n', bytes.get(index..)?)?;
        match bytes.get(index)? {
            b'"' => return Some(index + 1),
            b'\\' => {
                // An escaped newline is a raw one all the same.
                *has_newline |= bytes.get(index + 1) == Some(&b'\n');
                index += 2;
            }
            _ => {
                *has_newline = true;
                index += 1;
            }
        }
    }
}

pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Returns the length of the escape that a text begins with, and its character: none for half of a
/// surrogate pair. `None` if the text does not begin with an escape.
pub fn escape(text: &str) -> Option<(usize, Option<char>)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        // Checked apart, because `from_str_radix` accepts a sign.
        let is_number = digits.bytes().all(|it| it.is_ascii_hexdigit());
        u16::from_str_radix(digits, 16).ok().filter(|_| is_number)
    };
    if let Some(first) = unit(0) {
        if let Some(character) = char::from_u32(first.into()) {
            return Some((6, Some(character)));
        }
        let pair = unit(6).and_then(|second| char::decode_utf16([first, second]).next()?.ok());
        return Some(pair.map_or((6, None), |it| (12, Some(it))));
    }
    match text.as_bytes() {
        [b'\\', letter, ..] => Some((2, Some(escaped(*letter)?.into()))),
        _ => None,
    }
}

/// Returns the character that a letter means after a backslash.
pub fn escaped(letter: u8) -> Option<u8> {
    match letter {
        b'"' | b'\\' | b'/' => Some(letter),
        b'n' => Some(b'\n'),
        b't' => Some(b'\t'),
        b'r' => Some(b'\r'),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<(TokenKind, &str, usize)> {
        Tokens::new(text.as_bytes())
            .map(|it| (it.kind, text.get(it.range).unwrap(), it.depth))
            .collect()
    }

    #[test]
    fn each_part_has_its_place_and_depth() {
        use TokenKind::{Close, Colon, Comma, Open, Other, Text, Unclosed};
        assert_eq!(
            parts("{\"a\\\"}\" :[1e9,\n nul]} \"x"),
            [
                (Open, "{", 1),
                (Text, "\"a\\\"}\"", 1),
                (Colon, ":", 1),
                (Open, "[", 2),
                (Other, "1e9", 2),
                (Comma, ",", 2),
                (Other, "nul", 2),
                (Close, "]", 1),
                (Close, "}", 0),
                (Unclosed, "\"x", 0),
            ]
        );
        assert_eq!(
            parts("]\u{0}é\"\\"),
            [(Close, "]", 0), (Other, "\0é", 0), (Unclosed, "\"\\", 0)]
        );
        assert_eq!(parts(" \t\r\n"), []);
    }

    #[test]
    fn escapes_stand_for_characters() {
        let check = |text, expect| assert_eq!(escape(text), expect, "{text}");
        check("\\u0041x", Some((6, Some('A'))));
        check("\\ud83d\\uDE00", Some((12, Some('😀'))));
        check("\\ud83dx", Some((6, None)));
        check("\\ude00\\ud83d", Some((6, None)));
        check("\\n", Some((2, Some('\n'))));
        check("\\/", Some((2, Some('/'))));
        for text in ["", "\\", "\\x", "\\u00g1", "\\u+041", "n", "\\é"] {
            check(text, None);
        }
    }
}
