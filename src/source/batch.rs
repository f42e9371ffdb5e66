//! Batches of framed units, handed from the reader to the decoders.

use std::sync::{Arc, Mutex};

use super::Claim;
use super::csv_rows::CsvHeader;
use super::document::DocumentContext;
use super::error::RejectReason;
use crate::limits;

/// Framed units in order, with their own copy of the bytes: about [`limits::BATCH_BYTES`] of them,
/// more only if one unit alone is larger.
pub struct Batch {
    bytes: Vec<u8>,
    /// The pool to which the memory of `bytes` returns on drop.
    buffers: Buffers,
    units: Vec<BatchUnit>,
    /// The log stream named by the file's path in an S3 export.
    log_stream: Option<Arc<str>>,
    raw_bytes: u64,
    expansion_bytes_max: u64,
}

/// A pool of memory that passes from decoded batches to new ones: fresh memory costs a tenth of an
/// import.
#[derive(Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    fn take(&self) -> Vec<u8> {
        // A poisoned pool only costs a fresh allocation.
        let known = self.0.lock().ok().and_then(|mut it| it.pop());
        // Some more, because the last unit takes a batch beyond its bound.
        known.unwrap_or_else(|| Vec::with_capacity(limits::BATCH_BYTES + limits::BATCH_BYTES / 8))
    }

    fn give(&self, mut buffer: Vec<u8>) {
        // One unit may be much larger than the rest, and the pool would keep its memory for good.
        if buffer.capacity() > 4 * limits::BATCH_BYTES {
            return;
        }
        buffer.clear();
        if let Ok(mut buffers) = self.0.lock() {
            buffers.push(buffer);
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.buffers.give(std::mem::take(&mut self.bytes));
    }
}

pub(super) struct BatchUnit {
    pub(super) kind: UnitKind,
    start: usize,
    end: usize,
    /// From 1.
    pub(super) line: u64,
    /// In the decompressed input.
    pub(super) byte_offset: u64,
}

pub(super) enum UnitKind {
    /// A JSON value, or a line that looks like one or more.
    Json,
    /// An element of a document's list.
    Element(Arc<DocumentContext>),
    /// A line with a time or names before its message, and the lines over which the message
    /// continues; or a row of tab-separated values.
    Text,
    CsvRow(Arc<CsvHeader>),
    /// A line of base64.
    Payload,
    /// The input's claim about its own completeness.
    Claim(Claim),
    /// Not even understood by the reader.
    Rejected {
        reason: RejectReason,
        is_continuation: bool,
    },
}

/// Units after which a batch is full, however tiny they are.
const UNITS_MAX: usize = limits::BATCH_BYTES / 64;

impl Batch {
    pub(super) fn new(log_stream: Option<Arc<str>>, buffers: &Buffers) -> Self {
        Self {
            bytes: buffers.take(),
            buffers: buffers.clone(),
            units: Vec::new(),
            log_stream,
            raw_bytes: 0,
            expansion_bytes_max: limits::EXPANSION_FREE_BYTES,
        }
    }

    /// True if there is no unit in it.
    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    /// Returns the bytes of all units together.
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// Returns the number of units. A unit may decode to several records.
    pub fn unit_count(&self) -> usize {
        self.units.len()
    }

    /// Returns the bytes of the raw input that had been read when the batch was full.
    pub fn raw_bytes(&self) -> u64 {
        self.raw_bytes
    }

    /// Returns the bytes to which all payloads of the input up to the end of this batch may expand
    /// together.
    pub fn expansion_bytes_max(&self) -> u64 {
        self.expansion_bytes_max
    }

    /// Notes how far the input was read, and to how many bytes its payloads may expand.
    pub(super) fn set_origin(&mut self, raw_bytes: u64, expansion_bytes_max: u64) {
        self.raw_bytes = raw_bytes;
        self.expansion_bytes_max = expansion_bytes_max;
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= limits::BATCH_BYTES || self.units.len() >= UNITS_MAX
    }

    pub(super) fn push(&mut self, kind: UnitKind, bytes: &[u8], line: u64, byte_offset: u64) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.units.push(BatchUnit { kind, start, end: self.bytes.len(), line, byte_offset });
    }

    pub(super) fn units(&self) -> impl Iterator<Item = (&BatchUnit, &[u8])> {
        self.units.iter().map(|unit| {
            let bytes = self.bytes.get(unit.start..unit.end);
            (unit, bytes.expect("`push` notes where it has put a unit"))
        })
    }

    pub(super) fn log_stream(&self) -> Option<&str> {
        self.log_stream.as_deref()
    }
}
