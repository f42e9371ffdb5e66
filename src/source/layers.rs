//! Removes compression and base64 from a stream, detected by content and never by name.
//!
//! All decompressors count their output against one budget, so that a bomb ends early and nested
//! bombs do not multiply.

use std::io::{self, BufRead, Read};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::base64_text::Base64Text;
use super::error::{RawFault, RejectReason};
use super::expansion::{Expansion, InputExpansion, LayerEnd};
use super::gzip::GzipMembers;
use super::utf16::{self, ByteOrder, Utf16Text};
use crate::limits;

/// One layer that was removed from an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Compression {
    /// gzip, one or several members.
    Gzip,
    /// Zstandard, one or several frames.
    Zstd,
    /// Base64 text.
    Base64,
    /// Text in UTF-16.
    #[strum(serialize = "utf-16")]
    Utf16,
}

impl Compression {
    /// `gzip`, `zstd`, `base64` or `utf-16`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

pub(super) type Bytes = Box<dyn Read + Send>;

/// A stream without its layers, and what they were.
pub(super) struct Peeled {
    pub(super) stream: Lookahead,
    pub(super) layers: Vec<Compression>,
    /// The raw input, for its checksum.
    pub(super) raw: RawInput,
    /// True if there is yet another layer, one too many.
    pub(super) is_too_deep: bool,
}

/// Bytes of base64 text that decide whether the file is one payload or has one per line.
const BASE64_SAMPLE_BYTES: usize = 64 << 10;

/// Largest accepted zstd window, as a power of two: the default of the `zstd` tool.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// The same for payloads, which are decoded on all cores at once: the window of `zstd -19`.
const PAYLOAD_WINDOW_LOG_MAX: u32 = 23;

/// Removes all layers. The bytes of a whole input are counted and hashed as they are read.
pub(super) fn peel(read: Bytes, expansion: &Expansion) -> io::Result<Peeled> {
    let input = match expansion {
        Expansion::Input(input) => Some(input.clone()),
        Expansion::Payload(_) => None,
    };
    let raw = RawInput(Arc::new(Mutex::new(RawRead {
        inner: read,
        hasher: input.is_some().then(Sha256::new),
        input: input.clone(),
        is_at_end: false,
    })));
    let mut stream = Lookahead::new(Box::new(raw.clone()));
    let mut layers = Vec::new();
    let mut is_too_deep = false;
    while let Some((layer, order)) = detect(&mut stream) {
        if layers.len() == limits::COMPRESSION_LAYERS_MAX {
            is_too_deep = true;
            break;
        }
        layers.push(layer);
        let inner: Bytes = match layer {
            Compression::Gzip => Box::new(GzipMembers::new(stream)),
            Compression::Zstd => {
                let mut decoder = zstd::Decoder::with_buffer(stream)?;
                let is_payload = input.is_none();
                let window_log =
                    if is_payload { PAYLOAD_WINDOW_LOG_MAX } else { ZSTD_WINDOW_LOG_MAX };
                decoder.window_log_max(window_log)?;
                Box::new(ZstdFrames { decoder })
            }
            Compression::Base64 => Box::new(Base64Text::new(stream)),
            Compression::Utf16 => Box::new(Utf16Text::new(stream, order)),
        };
        let bounded = Bounded { inner, expansion: expansion.clone() };
        stream = Lookahead::new(Box::new(bounded));
    }
    Ok(Peeled { stream, layers, raw, is_too_deep })
}

/// Detects the next layer, and its byte order if it is UTF-16.
fn detect(stream: &mut Lookahead) -> Option<(Compression, ByteOrder)> {
    // Padded with ones: zeros after a short input would look like UTF-16.
    let mut first = [1; 4];
    let held = stream.peek(first.len());
    first.iter_mut().zip(held).for_each(|(to, from)| *to = *from);
    let layer = match &first {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Compression::Zstd,
        // Only base64 of gzip, whose first two bytes and method it is: any word might be base64.
        b"H4sI" if is_one_payload(stream.peek(BASE64_SAMPLE_BYTES)) => Compression::Base64,
        [0xff, ..] | [0xfe, ..] | [0, ..] | [_, 0, ..] => {
            let order = utf16::byte_order(stream.peek(utf16::SAMPLE_BYTES))?;
            return Some((Compression::Utf16, order));
        }
        _ => return None,
    };
    Some((layer, ByteOrder::Little))
}

/// True if base64 text is one long or wrapped payload rather than one per line. Lines are decoded
/// one by one, so that a broken one does not spoil the next.
fn is_one_payload(sample: &[u8]) -> bool {
    let mut lines = sample.split(|byte| *byte == b'\n');
    let _first = lines.next();
    match lines.next().map(<[u8]>::trim_ascii_end) {
        // A long line may exceed the bound of a unit, so it is decoded as a stream.
        None => sample.len() >= BASE64_SAMPLE_BYTES,
        Some(second) => {
            let is_base64 =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
            !second.is_empty() && !second.starts_with(b"H4sI") && second.iter().all(is_base64)
        }
    }
}

/// The raw input. Counts and hashes its bytes, and marks its failures as the machine's.
struct RawRead {
    inner: Bytes,
    input: Option<InputExpansion>,
    hasher: Option<Sha256>,
    is_at_end: bool,
}

impl Read for RawRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.inner.read(buffer) {
                Ok(count) => {
                    if let Some(input) = &self.input {
                        input.read(count);
                    }
                    self.is_at_end |= count == 0 && !buffer.is_empty();
                    if let Some(hasher) = &mut self.hasher {
                        hasher.update(buffer.split_at(count).0);
                    }
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Damage within a zip, which is unpacked below this: the content is broken, not the
                // machine.
                Err(error) if error.get_ref().is_some_and(|it| it.is::<RejectReason>()) => {
                    return Err(error);
                }
                Err(error) => return Err(io::Error::other(RawFault(error))),
            }
        }
    }
}

/// The raw input, shared by the layers above it and the request for its checksum.
#[derive(Clone)]
pub(super) struct RawInput(Arc<Mutex<RawRead>>);

impl RawInput {
    /// Reads what the layers above left unread, and returns the SHA-256 of all bytes in
    /// hexadecimal; `None` if they cannot be read to their end.
    pub(super) fn sha256(&self) -> Option<String> {
        let mut raw = self.0.lock().ok()?;
        if !raw.is_at_end {
            io::copy(&mut (&mut *raw).take(limits::UNREAD_BYTES_MAX), &mut io::sink()).ok()?;
        }
        if !raw.is_at_end {
            return None;
        }
        let digest = raw.hasher.take()?.finalize();
        Some(digest.iter().map(|it| format!("{it:02x}")).collect())
    }
}

impl Read for RawInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A panic while reading ends the reading thread, so nobody sees a half-done read.
        let mut raw = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raw.read(buffer)
    }
}

/// Turns the zstd decoder's errors into reject reasons.
struct ZstdFrames {
    decoder: zstd::Decoder<'static, Lookahead>,
}

impl Read for ZstdFrames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| {
            // Errors of the layers below pass through the decoder and keep their meaning.
            let is_ours =
                error.get_ref().is_some_and(|it| it.is::<RawFault>() || it.is::<RejectReason>());
            if is_ours {
                return error;
            }
            let layer = "zstd";
            io::Error::other(match error.kind() {
                io::ErrorKind::UnexpectedEof => RejectReason::Truncated { layer },
                _ => RejectReason::Corrupt { layer, reason: error.to_string() },
            })
        })
    }
}

/// Stops a stream that grows out of proportion to its raw bytes.
struct Bounded {
    inner: Bytes,
    expansion: Expansion,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.expansion.expand(count) {
            Ok(()) => Ok(count),
            Err(LayerEnd::Rejected(reason)) => Err(io::Error::other(reason)),
            Err(LayerEnd::Halted) => Err(io::Error::other(RawFault(io::Error::other("halted")))),
        }
    }
}

/// A buffered reader that can peek beyond one read, and yields everything before an error.
pub(super) struct Lookahead {
    inner: Bytes,
    bytes: Vec<u8>,
    start: usize,
    fault: Option<io::Error>,
    is_at_end: bool,
}

/// Bytes that a layer reads at once from the one below.
const CHUNK_BYTES: usize = 64 << 10;

impl Lookahead {
    pub(super) fn new(inner: Bytes) -> Self {
        Self { inner, bytes: Vec::new(), start: 0, fault: None, is_at_end: false }
    }

    fn held(&self) -> &[u8] {
        self.bytes.split_at(self.start).1
    }

    /// Returns the next `count` bytes, or fewer where the stream ends or fails before.
    pub(super) fn peek(&mut self, count: usize) -> &[u8] {
        while self.held().len() < count && self.fault.is_none() && !self.is_at_end {
            self.fill(count.max(4 << 10));
        }
        self.held().get(..count).unwrap_or_else(|| self.held())
    }

    fn fill(&mut self, count: usize) {
        self.bytes.drain(..self.start);
        self.start = 0;
        let held = self.bytes.len();
        self.bytes.resize(held.saturating_add(count), 0);
        let result = self.inner.read(self.bytes.split_at_mut(held).1);
        self.bytes.truncate(held.saturating_add(*result.as_ref().unwrap_or(&0)));
        match result {
            Ok(0) => self.is_at_end = true,
            Ok(_) => {}
            Err(error) => self.fault = Some(error),
        }
    }
}

impl Read for Lookahead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.held().is_empty() {
            if let Some(fault) = self.fault.take() {
                self.is_at_end = true;
                return Err(fault);
            }
            if self.is_at_end {
                return Ok(0);
            }
            // Reading past the empty buffer saves a copy.
            return self.inner.read(buffer);
        }
        let mut held = self.held();
        let count = held.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl BufRead for Lookahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.held().is_empty() && self.fault.is_none() && !self.is_at_end {
            self.fill(CHUNK_BYTES);
        }
        if self.held().is_empty()
            && let Some(fault) = self.fault.take()
        {
            self.is_at_end = true;
            return Err(fault);
        }
        Ok(self.held())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.start.saturating_add(count).min(self.bytes.len());
    }
}
