//! Bounds the expansion of an input with everything in it: one budget, whatever is wrapped in what.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::error::RejectReason;
use crate::limits;

/// Returns the bytes to which `raw_bytes` of an input may expand, all layers and payloads together.
fn allowed(raw_bytes: u64) -> u64 {
    raw_bytes.saturating_mul(limits::EXPANSION_RATIO_MAX).max(limits::EXPANSION_FREE_BYTES)
}

/// Counts the output of the layers around a whole input.
#[derive(Clone, Default)]
pub(super) struct InputExpansion(Arc<InputCounts>);

#[derive(Default)]
struct InputCounts {
    raw_bytes: AtomicU64,
    expanded_bytes: AtomicU64,
}

impl InputExpansion {
    /// Returns the bytes read from the raw input so far.
    pub(super) fn raw_bytes(&self) -> u64 {
        self.0.raw_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn read(&self, bytes: usize) {
        // Relaxed, here and below, because these counts guard no other memory.
        self.0.raw_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Returns the bytes by which the input read so far may still expand.
    pub(super) fn left_bytes(&self) -> u64 {
        allowed(self.raw_bytes()).saturating_sub(self.0.expanded_bytes.load(Ordering::Relaxed))
    }
}

/// Memory shared by the decoders of a round of batches.
#[derive(Debug)]
pub struct DecodedRoom {
    used_bytes: AtomicU64,
    bytes_max: u64,
}

impl DecodedRoom {
    /// Creates room for `bytes_max` bytes.
    pub fn new(bytes_max: u64) -> Self {
        Self { used_bytes: AtomicU64::new(0), bytes_max }
    }
}

/// Counts the expansion of a batch's payloads, and the memory that its decoding takes.
#[derive(Debug)]
pub struct DecodingBudget {
    expansion_bytes_max: u64,
    /// Bytes to which payloads may have expanded by the end of the current unit.
    unit_bytes_max: AtomicU64,
    expanded_bytes: AtomicU64,
    room: Option<Arc<DecodedRoom>>,
    is_halted: AtomicBool,
    /// Set from outside to end the decoder.
    stop: Option<Arc<AtomicBool>>,
}

impl DecodingBudget {
    /// Allows all payloads together to expand to `expansion_bytes_max`. With a `room`, decoding
    /// halts once that is full.
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

    /// Halts the decoder also once `stop` is set: input of blanks alone has no output, at which the
    /// caller could halt it.
    pub fn halted_by(self, stop: &Arc<AtomicBool>) -> Self {
        Self { stop: Some(Arc::clone(stop)), ..self }
    }

    /// Lets the payloads of a unit of `bytes` expand like an input of that length, within the
    /// budget of the whole input: a long input before it does not allow a larger bomb.
    pub(super) fn begin_unit(&self, bytes: usize) {
        let unit_bytes_max = self.expanded_bytes().saturating_add(allowed(bytes as u64));
        // The unit's own length is what a bomb has to pay with, but never beyond the input's
        // budget.
        let unit_bytes_max = unit_bytes_max.min(self.expansion_bytes_max);
        self.unit_bytes_max.store(unit_bytes_max, Ordering::Relaxed);
    }

    /// Returns the bytes to which payloads have expanded.
    pub fn expanded_bytes(&self) -> u64 {
        self.expanded_bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that the receiver of the decoder's output keeps.
    pub fn keep(&self, bytes: usize) {
        let Some(room) = &self.room else { return };
        let used = room.used_bytes.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        if used > room.bytes_max {
            self.halt();
        }
    }

    /// Makes the decoder leave out the rest of its batch.
    pub fn halt(&self) {
        self.is_halted.store(true, Ordering::Relaxed);
    }

    /// True if the decoder has left out, or must leave out, the rest of its batch.
    pub fn is_halted(&self) -> bool {
        self.is_halted.load(Ordering::Relaxed)
            || self.stop.as_ref().is_some_and(|it| it.load(Ordering::Relaxed))
    }
}

/// The budget that a layer counts its output against.
#[derive(Clone)]
pub(super) enum Expansion {
    /// A layer around the whole input.
    Input(InputExpansion),
    /// A layer within a payload of a batch.
    Payload(Arc<DecodingBudget>),
}

/// The reason why a layer ends early.
pub(super) enum LayerEnd {
    Rejected(RejectReason),
    Halted,
}

impl Expansion {
    /// Counts a layer's output.
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
                // Counted here too, because blanks take time and leave no output to count.
                budget.keep(usize::try_from(bytes).unwrap_or(usize::MAX));
                if budget.is_halted() {
                    return Err(LayerEnd::Halted);
                }
            }
        }
        Ok(())
    }
}
