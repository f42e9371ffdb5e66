//! The end of WorkMail.

use super::{DAY_MS, Timestamp};

/// The last day of WorkMail (administrator guide, "End of support").
pub const LAST_DAY: &str = "2027-03-31";

/// The end of that day in UTC, in milliseconds since 1970.
const END_MS: i64 = 1_806_537_600_000;

/// Returns the whole days until WorkMail shuts down; 0 from the last day on.
pub fn days_left(now: Timestamp) -> i64 {
    (END_MS - now.as_ms()).div_euclid(DAY_MS).max(0)
}

/// True if WorkMail has shut down, so that its API no longer answers. Its log groups still exist.
pub fn has_ended(now: Timestamp) -> bool {
    now.as_ms() >= END_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_to_the_end_of_the_last() {
        let at = |text: &str| Timestamp::parse_log_form(text).unwrap();
        assert_eq!(days_left(at("2026-11-20T12:00:00Z")), 131);
        assert_eq!(days_left(at("2027-03-31T12:00:00Z")), 0);
        assert!(!has_ended(at("2027-03-31T23:59:59Z")));
        assert!(has_ended(at("2027-04-01T00:00:00Z")));
    }
}
