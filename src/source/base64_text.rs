//! Decodes base64 text as a stream: one payload, wrapped or not, or several after one another.

use std::io::{self, BufRead, Cursor, Read};

use super::error::RejectReason;
use super::layers::Lookahead;

pub(super) struct Base64Text {
    input: Lookahead,
    /// Up to three six-bit values of an open group of four.
    bits: u32,
    bit_count: u32,
    decoded: Cursor<Vec<u8>>,
}

impl Base64Text {
    pub(super) fn new(input: Lookahead) -> Self {
        Self { input, bits: 0, bit_count: 0, decoded: Cursor::default() }
    }

    /// Ends a payload. The rest of an open group is padding.
    fn end_group(&mut self) {
        self.bits = 0;
        self.bit_count = 0;
    }

    fn push(&mut self, value: u32) {
        self.bits = (self.bits << 6) | value;
        self.bit_count += 6;
        if self.bit_count >= 8 {
            self.bit_count -= 8;
            let [.., byte] = (self.bits >> self.bit_count).to_be_bytes();
            self.decoded.get_mut().push(byte);
        }
    }

    /// Decodes the buffered bytes up to the end of a line, where the next payload may begin. False
    /// at the end of the input.
    fn decode_more(&mut self) -> io::Result<bool> {
        self.decoded.get_mut().clear();
        self.decoded.set_position(0);
        let held = self.input.fill_buf()?;
        if held.is_empty() {
            return Ok(false);
        }
        let (line, _) = held.split_at(memchr::memchr(b'\n', held).map_or(held.len(), |it| it + 1));
        let chunk = line.to_vec();
        self.input.consume(chunk.len());
        for byte in &chunk {
            match byte {
                // Padding ends one payload, and another may follow at once.
                b'=' => self.end_group(),
                _ if byte.is_ascii_whitespace() => {}
                _ => match six_bits(*byte) {
                    Some(value) => self.push(value),
                    None => return Err(io::Error::other(RejectReason::BadBase64)),
                },
            }
        }
        // Without padding, only the gzip header of the next payload shows where one ends.
        if chunk.ends_with(b"\n") && self.bit_count > 0 && self.input.peek(4) == b"H4sI" {
            self.end_group();
        }
        Ok(true)
    }
}

fn six_bits(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

impl Read for Base64Text {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.decoded.read(buffer)?;
            if count > 0 || buffer.is_empty() || !self.decode_more()? {
                return Ok(count);
            }
        }
    }
}
