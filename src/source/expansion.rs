//! How much an input may expand to, with all that lies in it: one budget, whatever is wrapped in
//! what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::RejectReason;
use crate::limits;

/// The bytes that `raw_bytes` of an input may expand to, all layers and payloads together.
fn allowed(raw_bytes: u64) -> u64 {
    raw_bytes.saturating_mul(limits::EXPANSION_RATIO_MAX).max(limits::EXPANSION_FREE_BYTES)
}

/// Counts what the layers around a whole input expand to.
#[derive(Clone, Default)]
pub(super) struct InputExpansion(Arc<InputCounts>);

#[derive(Default)]
struct InputCounts {
    raw_bytes: AtomicU64,
    expanded_bytes: AtomicU64,
}

impl InputExpansion {
    /// Bytes read from the raw input so far.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.0.raw_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self, bytes: usize) {
        self.0.raw_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Bytes that what was read so far may still expand to.
    pub(super) fn left_bytes(&self) -> u64 {
        allowed(self.raw_bytes()).saturating_sub(self.0.expanded_bytes.load(Ordering::Relaxed))
    }
}

/// Memory that the decoders of a round of batches share.
#[derive(Debug)]
pub struct DecodedRoom {
    used_bytes: AtomicU64,
    bytes_max: u64,
}

impl DecodedRoom {
    /// Room for so many bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self { used_bytes: AtomicU64::new(0), bytes_max }
    }
}

/// Counts what the payloads in a batch expand to, and what comes of decoding it.
#[derive(Debug)]
pub struct DecodingBudget {
    expansion_bytes_max: u64,
    /// What payloads may have expanded to by the end of the unit that is decoded.
    unit_bytes_max: AtomicU64,
    expanded_bytes: AtomicU64,
    room: Option<Arc<DecodedRoom>>,
    is_halted: AtomicBool,
    /// Somebody else's wish that the decoder ends.
    stop: Option<Arc<AtomicBool>>,
}

impl DecodingBudget {
    /// Payloads may expand to `expansion_bytes_max`, all of them together. With a `room`, decoding
    /// halts where that is full.
    pub fn new(expansion_bytes_max: u64, room: Option<Arc<DecodedRoom>>) -> Self {
        Self {
            expansion_bytes_max,
            unit_bytes_max: AtomicU64::new(expansion_bytes_max),
            expanded_bytes: AtomicU64::new(0),
            room,
            is_halted: AtomicBool::new(false),
            stop: None,
        }
    }

    /// The same, which halts the decoder also once `stop` is set: what is only blanks gives nobody
    /// an occasion to ask.
    pub fn halted_by(self, stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Some(Arc::clone(stop)), ..self }
    }

    /// Lets the payloads of a unit of so many bytes expand as an input of that length may, as far
    /// as the whole input may: what came before it does not make a bomb larger.
    pub(super) fn begin_unit(&self, bytes: usize) {
        let unit_bytes_max = self.expanded_bytes().saturating_add(allowed(bytes as u64));
        let unit_bytes_max = unit_bytes_max.min(self.expansion_bytes_max);
        self.unit_bytes_max.store(unit_bytes_max, Ordering::Relaxed);
    }

    /// Bytes that payloads have expanded to.
    pub fn expanded_bytes(&self) -> u64 {
        self.expanded_bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that whoever takes the decoder's output keeps.
    pub fn keep(&self, bytes: usize) {
        let Some(room) = &self.room else { return };
        let used = room.used_bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if used > room.bytes_max {
            self.halt();
        }
    }

    /// Makes the decoder leave the rest of its batch.
    pub fn halt(&self) {
        self.is_halted.store(true, Ordering::Relaxed);
    }

    /// Whether the decoder has left, or is to leave, the rest of its batch.
    pub fn is_halted(&self) -> bool {
        self.is_halted.load(Ordering::Relaxed)
            || self.stop.as_ref().is_some_and(|it| it.load(Ordering::Relaxed))
    }
}

/// What a layer counts the bytes with that come out of it.
#[derive(Clone)]
pub(super) enum Expansion {
    /// A layer around the whole input.
    Input(InputExpansion),
    /// A layer within a payload of a batch.
    Payload(Arc<DecodingBudget>),
}

/// Why a layer gives nothing more.
pub(super) enum LayerEnd {
    Rejected(RejectReason),
    Halted,
}

impl Expansion {
    /// Counts what came out of a layer.
    pub(super) fn expand(&self, bytes: usize) -> Result<(), LayerEnd> {
        let bytes = bytes as u64;
        match self {
            Self::Input(input) => {
                let counts = &input.0;
                let expanded = counts.expanded_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
                if expanded > allowed(input.raw_bytes()) {
                    return Err(LayerEnd::Rejected(RejectReason::Expansion));
                }
            }
            Self::Payload(budget) => {
                let expanded = budget.expanded_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
                if expanded > budget.unit_bytes_max.load(Ordering::Relaxed) {
                    return Err(LayerEnd::Rejected(RejectReason::Expansion));
                }
                // What is only blanks takes time and leaves nothing that could be counted.
                budget.keep(usize::try_from(bytes).unwrap_or(usize::MAX));
                if budget.is_halted() {
                    return Err(LayerEnd::Halted);
                }
            }
        }
        Ok(())
    }
}
