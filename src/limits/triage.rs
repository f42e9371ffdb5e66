//! Bounds of `triage`.

/// Events of rules that a triage reads: the newest. Older ones do not make a rule less new.
pub const TRIAGE_RULE_EVENTS_MAX: usize = 200_000;

/// Messages for an address that must have bounced, without exception, before it counts as failing.
pub const FAILING_BOUNCES_MIN: u64 = 3;

/// Messages of one sender that count as a burst.
pub const BURST_MESSAGES_MIN: u64 = 50;

/// Factor over the period before that makes a burst.
pub const BURST_FACTOR: u64 = 5;
