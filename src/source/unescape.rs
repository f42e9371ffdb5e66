//! Removes the escapes of JSON texts, quickly.
//!
//! A log message is JSON within JSON, and about every eighth byte of it is an escaped quote. So all
//! special bytes of a block are found at once, and the runs between them are copied in pieces of a
//! fixed length, whose surplus the next run overwrites.

use crate::json::escaped;

/// The inside of a JSON text between its quotes, escapes included.
///
/// It is well formed, has no newline, and decodes to the text that it accompanies, so it may be
/// copied wherever that text is written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscapedText<'a>(&'a [u8]);

impl<'a> EscapedText<'a> {
    /// Returns the bytes between the quotes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Bytes that are examined together: as many as a mask has bits.
const BLOCK_BYTES: usize = 64;
/// Bytes that are copied together.
const RUN_BYTES: usize = 32;

/// Reads a JSON text up to its closing quote. Returns it still escaped, and the length of the
/// decoded text at the start of `buffer`, which is UTF-8 if and only if the input was.
///
/// Returns `None` if the text does not end, or has a control character, an invalid escape or a `\u`
/// escape.
pub(super) fn unescape<'a>(
    bytes: &'a [u8],
    buffer: &mut Vec<u8>,
) -> Option<(EscapedText<'a>, usize)> {
    // Never shrunk, so that its bytes are zeroed only once.
    if buffer.len() < bytes.len() + RUN_BYTES {
        buffer.resize(bytes.len() + RUN_BYTES, 0);
    }
    let mut output = Output { bytes: buffer, length: 0 };
    let mut run_start = 0;
    // A backslash at the end of a block escapes the first byte of the next.
    let mut is_first_escaped = false;
    let mut last = [0; BLOCK_BYTES];
    let mut block_start = 0;
    while block_start < bytes.len() {
        let rest = bytes.get(block_start..)?;
        let block = match rest.first_chunk() {
            Some(block) => block,
            None => {
                last.get_mut(..rest.len())?.copy_from_slice(rest);
                &last
            }
        };
        let mut specials = specials(block) & !u64::from(is_first_escaped);
        is_first_escaped = false;
        while specials != 0 {
            let bit = specials.trailing_zeros();
            let index = block_start + usize::try_from(bit).ok()?;
            output.copy(bytes, run_start, index)?;
            match bytes.get(index)? {
                b'\\' => {}
                b'"' => return Some((EscapedText(bytes.get(..index)?), output.length)),
                _ => return None,
            }
            match *bytes.get(index + 1)? {
                // The next run begins with these, as they decode to themselves.
                b'"' | b'\\' | b'/' => run_start = index + 1,
                letter => {
                    output.push(escaped(letter)?)?;
                    run_start = index + 2;
                }
            }
            is_first_escaped = bit == u64::BITS - 1;
            // Clears the backslash and the byte that it escapes.
            specials &= specials - 1;
            specials &= !(1_u64 << bit << 1);
        }
        block_start += BLOCK_BYTES;
    }
    None
}

/// Returns a bit for each byte that ends a run: quotes, backslashes and control characters.
#[inline]
fn specials(block: &[u8; BLOCK_BYTES]) -> u64 {
    // Written so that the compiler vectorises it.
    let is_special = block.map(|byte| u8::from((byte == b'\\') | (byte == b'"') | (byte < b' ')));
    let (words, _) = is_special.as_chunks();
    let mut bits = 0;
    for (index, word) in words.iter().enumerate() {
        bits |= gathered(*word) << (8 * index);
    }
    bits
}

/// Gathers eight bytes that are 0 or 1 into as many bits.
#[inline]
fn gathered(bytes: [u8; 8]) -> u64 {
    // The multiplication moves the lowest bit of byte i to bit 56 + i, without carries.
    u64::from_le_bytes(bytes).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

struct Output<'b> {
    bytes: &'b mut [u8],
    length: usize,
}

impl Output<'_> {
    #[inline]
    fn copy(&mut self, bytes: &[u8], start: usize, end: usize) -> Option<()> {
        let length = end - start;
        let mut copied = 0;
        // Copies even an empty run: most runs fit one piece, and a branch that always goes the same
        // way costs nothing.
        loop {
            let from = bytes.get(start + copied..)?;
            let to = self.bytes.get_mut(self.length + copied..)?;
            // Near the end of the input there is no whole piece left to read.
            let Some(from) = from.first_chunk::<RUN_BYTES>() else {
                let from = bytes.get(start + copied..end)?;
                to.get_mut(..from.len())?.copy_from_slice(from);
                break;
            };
            *to.first_chunk_mut()? = *from;
            copied += RUN_BYTES;
            if copied >= length {
                break;
            }
        }
        self.length += length;
        Some(())
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.length)? = byte;
        self.length += 1;
        Some(())
    }
}
