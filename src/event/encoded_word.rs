//! Encoded words of RFC 2047 (`=?charset?B?…?=`), read as loosely as mailers write them.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use charset::Charset;

use crate::limits;

/// An encoded word whose charset is known.
#[derive(Clone, Copy)]
pub(super) struct EncodedWord<'a> {
    charset: Charset,
    is_base64: bool,
    text: &'a str,
}

/// Bytes of a charset's name with its language at most; no name is longer.
const CHARSET_BYTES_MAX: usize = 64;

/// Base64 with or without padding. Surplus bits in the last character are an error.
const STRICT_BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, NO_PADDING);

/// The same, ignoring such bits.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, NO_PADDING.with_decode_allow_trailing_bits(true));

const NO_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

impl<'a> EncodedWord<'a> {
    /// Returns the word that `text` begins with, and the text after it.
    pub(super) fn at_start(text: &'a str) -> Option<(Self, &'a str)> {
        let after = text.strip_prefix("=?")?;
        let name_end = after.bytes().take(CHARSET_BYTES_MAX).position(|it| it == b'?')?;
        let (name, after) = (after.get(..name_end)?, after.get(name_end + 1..)?);
        let is_base64 = match after.as_bytes() {
            [b'b' | b'B', b'?', ..] => true,
            [b'q' | b'Q', b'?', ..] => false,
            _ => return None,
        };
        // RFC 2231 puts the language after the charset.
        let name = name.split_once('*').map_or(name, |it| it.0);
        let charset = Charset::for_label(name.trim().as_bytes())?;
        let after = after.get(2..)?;
        let end = word_end(after, is_base64)?;
        let word = Self { charset, is_base64, text: after.get(..end)? };
        let is_readable = !is_base64 || word.base64().bytes().all(is_of_base64);
        is_readable.then_some((word, after.get(end + 2..)?))
    }

    pub(super) fn is_of_same_charset(&self, other: &Self) -> bool {
        self.charset == other.charset
    }

    /// Returns the characters of base64 without padding.
    fn base64(&self) -> String {
        let is_noise = |it: char| it.is_whitespace() || it == '=';
        self.text.chars().filter(|it| !is_noise(*it)).collect()
    }
}

/// Returns where the text of a word ends, before its `?=`.
///
/// A `?` that should have been encoded, followed by an encoded character, looks like an end. It is
/// not one if the word's own end is still to come.
fn word_end(text: &str, is_base64: bool) -> Option<usize> {
    let text = text.get(..text.floor_char_boundary(limits::ENCODED_WORD_BYTES_MAX))?;
    let mut end = text.find("?=")?;
    if is_base64 {
        return Some(end);
    }
    loop {
        let after = text.get(end + 2..)?.as_bytes();
        let is_digit = |it: &u8| it.is_ascii_digit() || (b'A'..=b'F').contains(it);
        let is_character = after.first_chunk::<2>().is_some_and(|it| it.iter().all(is_digit));
        let pairs = || after.windows(2).take_while(|it| *it != b"=?");
        match pairs().position(|it| it == b"?=").filter(|_| is_character) {
            Some(next) => end += 2 + next,
            None => return Some(end),
        }
    }
}

/// Appends the text of neighbouring words that share a charset.
pub(super) fn decode_run(run: &[EncodedWord<'_>], decoded: &mut String) {
    let Some(charset) = run.first().map(|it| it.charset) else { return };
    let mut bytes = Vec::new();
    for part in run.chunk_by(|a, b| a.is_base64 == b.is_base64) {
        if part.first().is_some_and(|it| it.is_base64) {
            bytes.append(&mut base64_run(part, charset));
        } else {
            part.iter().for_each(|it| push_quoted(it.text, charset, &mut bytes, decoded));
        }
    }
    push_decoded(&mut bytes, charset, decoded);
}

/// Appends the text of `bytes`, and clears them.
fn push_decoded(bytes: &mut Vec<u8>, charset: Charset, decoded: &mut String) {
    decoded.push_str(&charset.decode_without_bom_handling(bytes).0);
    bytes.clear();
}

/// Reads the text of a word in the encoding `Q`. Characters that should have been encoded are taken
/// literally.
fn push_quoted(text: &str, charset: Charset, bytes: &mut Vec<u8>, decoded: &mut String) {
    let mut rest = text;
    loop {
        if let Some((byte, after)) = escaped_byte(rest) {
            bytes.push(byte);
            rest = after;
            continue;
        }
        let mut characters = rest.chars();
        let Some(character) = characters.next() else { break };
        rest = characters.as_str();
        match character {
            '_' => bytes.push(b' '),
            it if it.is_ascii() || charset.name() == "UTF-8" => {
                bytes.extend_from_slice(it.encode_utf8(&mut [0; 4]).as_bytes());
            }
            it => {
                // The log itself is UTF-8, so a raw character must not be decoded as the word's
                // charset.
                push_decoded(bytes, charset, decoded);
                decoded.push(it);
            }
        }
    }
}

/// Returns the byte of an escape such as `=C3`, and the text after it.
fn escaped_byte(text: &str) -> Option<(u8, &str)> {
    let digits = text.strip_prefix('=')?;
    // Checked apart, because `from_str_radix` accepts a sign.
    let is_escape = digits.as_bytes().first_chunk::<2>()?.iter().all(u8::is_ascii_hexdigit);
    let byte = u8::from_str_radix(digits.get(..2).filter(|_| is_escape)?, 16).ok()?;
    Some((byte, digits.get(2..)?))
}

/// Returns the bytes of neighbouring words of base64.
///
/// A mailer may have encoded each word alone, perhaps without padding, or cut the base64 of the
/// whole anywhere. The words do not always show which, so the reading that makes valid text wins.
fn base64_run(words: &[EncodedWord<'_>], charset: Charset) -> Vec<u8> {
    let mut apart = Vec::new();
    let mut joined = Vec::new();
    let mut open = String::new();
    let mut are_all_whole = true;
    for word in words {
        let text = word.base64();
        are_all_whole &= is_whole(&text);
        apart.append(&mut base64_bytes(&text));
        open.push_str(&text);
        if word.text.trim_end().ends_with('=') || open.len().is_multiple_of(4) {
            joined.append(&mut base64_bytes(&open));
            open.clear();
        }
    }
    joined.append(&mut base64_bytes(&open));
    let is_text = |bytes: &[u8]| !charset.decode_without_bom_handling(bytes).1;
    // RFC 2047 (section 5) requires each word to be whole, so that reading wins a tie.
    if are_all_whole && (is_text(&apart) || !is_text(&joined)) { apart } else { joined }
}

/// True if base64 without padding could end here: its last character has no surplus bits.
fn is_whole(text: &str) -> bool {
    text.len() % 4 != 1 && STRICT_BASE64.decode(text).is_ok()
}

/// Returns the bytes of base64; none if it is invalid.
fn base64_bytes(text: &str) -> Vec<u8> {
    // A single last character has too few bits for a byte.
    let end = if text.len() % 4 == 1 { text.len() - 1 } else { text.len() };
    BASE64.decode(text.as_bytes().split_at(end).0).unwrap_or_default()
}

fn is_of_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}
