//! Bounds of `triage`.

/// Events of rules that a triage reads: the newest. Older ones do not make a rule less new.
pub const TRIAGE_RULE_EVENTS_MAX: usize = 200_000;

/// Messages that must have bounced for an address, all of them, before it counts as failing.
pub const FAILING_BOUNCES_MIN: u64 = 3;

/// Messages that a sender must have sent to count as a burst.
pub const BURST_MESSAGES_MIN: u64 = 50;

/// How many times as many messages as in the period before make a burst.
pub const BURST_FACTOR: u64 = 5;
