//! Turns UTF-16 into UTF-8 as a stream. PowerShell's `>`, Excel's "Unicode text" and Exchange's
//! reports are UTF-16.

use std::io::{self, BufRead, Cursor, Read};

use super::error::RejectReason;
use super::layers::Lookahead;

/// Reads UTF-16 text as UTF-8.
///
/// Half of a surrogate pair comes out as three bytes that are not UTF-8, so that its line, and no
/// other, is rejected.
pub(super) struct Utf16Text {
    input: Lookahead,
    order: ByteOrder,
    /// The first byte of a unit whose second byte is still to come.
    half: Option<u8>,
    /// The first half of a surrogate pair.
    high: Option<u16>,
    is_at_start: bool,
    decoded: Cursor<Vec<u8>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

const LAYER: &str = "UTF-16";

const BYTE_ORDER_MARK: u16 = 0xfeff;

/// Bytes to examine where there is no byte order mark.
pub(super) const SAMPLE_BYTES: usize = 64;

/// ASCII units required at least where there is no byte order mark.
const PLAIN_UNITS_MIN: usize = 3;

/// Detects the byte order of UTF-16 text by its mark or by the zeros beside ASCII; `None` for other
/// bytes.
pub(super) fn byte_order(sample: &[u8]) -> Option<ByteOrder> {
    match sample {
        // Followed by two zeros, the mark is that of UTF-32.
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some(ByteOrder::Little),
        [0xfe, 0xff, ..] => return Some(ByteOrder::Big),
        _ => {}
    }
    let mut sample = sample.get(..SAMPLE_BYTES).unwrap_or(sample).chunks_exact(2);
    if sample.len() < PLAIN_UNITS_MIN {
        return None;
    }
    let is_text = |byte: u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    if sample.clone().all(|it| matches!(it, [text, 0] if is_text(*text))) {
        return Some(ByteOrder::Little);
    }
    sample.all(|it| matches!(it, [0, text] if is_text(*text))).then_some(ByteOrder::Big)
}

impl Utf16Text {
    pub(super) fn new(input: Lookahead, order: ByteOrder) -> Self {
        Self { input, order, half: None, high: None, is_at_start: true, decoded: Cursor::default() }
    }

    /// Decodes the buffered bytes. False at the end of the input.
    fn decode_more(&mut self) -> io::Result<bool> {
        self.decoded.get_mut().clear();
        self.decoded.set_position(0);
        let held = self.input.fill_buf()?;
        if held.is_empty() {
            if let Some(high) = self.high.take() {
                push_surrogate(high, self.decoded.get_mut());
                return Ok(true);
            }
            return match self.half.take() {
                Some(_) => Err(io::Error::other(RejectReason::Truncated { layer: LAYER })),
                None => Ok(false),
            };
        }
        // Copied, because decoding a unit changes `self`, from which the bytes are borrowed.
        let bytes = held.to_vec();
        self.input.consume(bytes.len());
        for byte in bytes {
            let Some(first) = self.half.take() else {
                self.half = Some(byte);
                continue;
            };
            let unit = match self.order {
                ByteOrder::Little => u16::from_le_bytes([first, byte]),
                ByteOrder::Big => u16::from_be_bytes([first, byte]),
            };
            let is_mark = std::mem::take(&mut self.is_at_start) && unit == BYTE_ORDER_MARK;
            if !is_mark {
                self.push(unit);
            }
        }
        Ok(true)
    }

    fn push(&mut self, unit: u16) {
        if let Some(high) = self.high.take() {
            if matches!(unit, 0xdc00..=0xdfff) {
                let code = 0x1_0000 + ((u32::from(high) & 0x3ff) << 10) + (u32::from(unit) & 0x3ff);
                push_character(code, self.decoded.get_mut());
                return;
            }
            push_surrogate(high, self.decoded.get_mut());
        }
        match unit {
            0xd800..=0xdbff => self.high = Some(unit),
            0xdc00..=0xdfff => push_surrogate(unit, self.decoded.get_mut()),
            _ => push_character(u32::from(unit), self.decoded.get_mut()),
        }
    }
}

fn push_character(code: u32, to: &mut Vec<u8>) {
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    to.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Appends half of a pair as the three bytes that UTF-8 would use if it allowed them.
fn push_surrogate(unit: u16, to: &mut Vec<u8>) {
    let [high, low] = unit.to_be_bytes();
    to.extend([0xe0 | high >> 4, 0x80 | (high & 0xf) << 2 | low >> 6, 0x80 | low & 0x3f]);
}

impl Read for Utf16Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.decoded.read(buffer)?;
            if count > 0 || buffer.is_empty() || !self.decode_more()? {
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: Vec<u8>, order: ByteOrder) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        let input = Lookahead::new(Box::new(Cursor::new(bytes)));
        Utf16Text::new(input, order).read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn both_byte_orders_become_utf8() {
        let text = "\u{feff}{\"é\": \"🦀 \u{feff}\"}\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let expect = text.trim_start_matches('\u{feff}').as_bytes();
        assert_eq!(byte_order(&little), Some(ByteOrder::Little));
        assert_eq!(byte_order(&big), Some(ByteOrder::Big));
        assert_eq!(decoded(little, ByteOrder::Little).unwrap(), expect);
        assert_eq!(decoded(big, ByteOrder::Big).unwrap(), expect);
    }

    #[test]
    fn without_a_mark_only_plain_text_is_taken_for_utf16() {
        let check = |bytes: &[u8], expect| assert_eq!(byte_order(bytes), expect, "{bytes:?}");
        check(b"{\0\"\0a\0", Some(ByteOrder::Little));
        check(b"\0{\0\"\0a", Some(ByteOrder::Big));
        check(b"{\0", None);
        check(b"{\"a\"", None);
        check(b"a\0b\0\x01\0", None);
        check(b"a\0b\0cd", None);
        check(&[0xff, 0xfe, 0, 0, b'a', 0, 0, 0], None);
    }

    #[test]
    fn a_broken_pair_and_a_cut_unit_are_no_text() {
        let units = [0xd83d, 0x61, 0xdc00, 0xd83d];
        let bytes: Vec<u8> = units.into_iter().flat_map(u16::to_le_bytes).collect();
        let text = decoded(bytes, ByteOrder::Little).unwrap();
        assert_eq!(text, b"\xed\xa0\xbda\xed\xb0\x80\xed\xa0\xbd");
        assert!(std::str::from_utf8(&text).is_err());
        assert!(decoded(b"a\0b".to_vec(), ByteOrder::Little).is_err());
    }
}
