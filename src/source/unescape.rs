//! Takes the escapes out of JSON texts, quickly.
//!
//! A log message is JSON within JSON: every eighth of its bytes or so is an escaped quote. So the
//! places of all bytes that need a look are found for a whole block at once, and the runs between
//! them are copied in pieces of a fixed length, the surplus of which the next run overwrites.

use crate::json::escaped;

/// The inside of a JSON text as it stands between its quotes, escapes and all.
///
/// It is well-formed, of one line, and decodes to the text beside which it is given: whoever
/// writes that text as JSON may copy it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscapedText<'a>(&'a [u8]);

impl<'a> EscapedText<'a> {
    /// The bytes between the quotes.
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Bytes that are looked at together: as many as a mask has bits.
const BLOCK_BYTES: usize = 64;
/// Bytes that are copied together.
const RUN_BYTES: usize = 32;

/// Reads a JSON text up to its closing quote. Gives it as it stands, and how many bytes at the
/// start of `buffer` it has become, which are UTF-8 if and only if the text was.
///
/// `None` where the text does not end, or holds what it must not or an escape by number.
pub(super) fn unescape<'a>(
    bytes: &'a [u8],
    buffer: &mut Vec<u8>,
) -> Option<(EscapedText<'a>, usize)> {
    // Not cut back, so that the bytes are zeroed only once.
    if buffer.len() < bytes.len() + RUN_BYTES {
        buffer.resize(bytes.len() + RUN_BYTES, 0);
    }
    let mut output = Output { bytes: buffer, length: 0 };
    let mut run_start = 0;
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
                // These stand for themselves: the next run begins with them.
                b'"' | b'\\' | b'/' => run_start = index + 1,
                letter => {
                    output.push(escaped(letter)?)?;
                    run_start = index + 2;
                }
            }
            is_first_escaped = bit == u64::BITS - 1;
            // Both the backslash and what follows it.
            specials &= specials - 1;
            specials &= !(1_u64 << bit << 1);
        }
        block_start += BLOCK_BYTES;
    }
    None
}

/// A bit for each byte that ends a run: quotes, backslashes and control characters.
#[inline]
fn specials(block: &[u8; BLOCK_BYTES]) -> u64 {
    // Written so that the compiler makes vector instructions of it.
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
        // Also where there is nothing to copy: most runs fit one piece, and a branch that always
        // goes the same way costs nothing.
        loop {
            let from = bytes.get(start + copied..)?;
            let to = self.bytes.get_mut(self.length + copied..)?;
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
