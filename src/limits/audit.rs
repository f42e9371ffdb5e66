//! Bounds of audit events and their index.

/// Memory for the index of audit events until it is written, in bytes.
pub const AUDIT_INDEX_MEMORY_BYTES: usize = 128 << 20;

/// Segments of about the same size that are merged: fewer than of the other indexes, because a trace
/// opens those of this one for what stands beside mail.
pub const AUDIT_MERGED_SEGMENTS_MIN: usize = 4;

/// Times that the index of audit events is looked for while it is being exchanged.
pub const AUDIT_OPEN_ATTEMPTS_MAX: u32 = 5;

/// Milliseconds within which a success follows failures to get in, to belong to them: an hour.
pub const FAILED_THEN_OK_MS: i64 = 3_600_000;

/// Synthetic audit events from which on one account among them is taken over.
pub const SYNTH_TAKE_OVER_EVENTS_MIN: u64 = 100;
