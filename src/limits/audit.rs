//! Bounds of audit events and their index.

/// Memory for the index of audit events until it is written, in bytes.
pub const AUDIT_INDEX_MEMORY_BYTES: usize = 128 << 20;

/// Segments of about the same size that are merged: fewer than in the other indexes, because a
/// trace opens all of this one's for what happened beside the mail.
pub const AUDIT_MERGED_SEGMENTS_MIN: usize = 4;

/// Attempts to open the index of audit events while it is being exchanged.
pub const AUDIT_OPEN_ATTEMPTS_MAX: u32 = 5;

/// Milliseconds in which a successful login must follow failed ones to belong to them: an hour.
pub const FAILED_THEN_OK_MS: i64 = 3_600_000;

/// Synthetic audit events from which one account among them is taken over.
pub const SYNTH_TAKE_OVER_EVENTS_MIN: u64 = 100;
