//! Times in queries: instants, days and ages.

use super::error::QueryErrorKind;
use crate::time::{TimeRange, Timestamp, Zone, day_of, parse_duration_ms, parse_time_argument};

/// An instant, or the day of a date: its first millisecond, and the first one after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct InstantBound {
    first: Timestamp,
    after: Timestamp,
}

impl InstantBound {
    pub(super) fn parse(text: &str, now: Timestamp, zone: &Zone) -> Result<Self, QueryErrorKind> {
        if let Some((first, after)) = day_of(text, now, zone) {
            return Ok(Self { first, after });
        }
        let first = parse_time_argument(text, now, zone).map_err(QueryErrorKind::BadTime)?;
        Ok(Self { first, after: first.saturating_add_ms(1) })
    }

    /// From `low` to `high`, each with a flag that includes its instant or day; `None` is open.
    pub(super) fn between(low: Option<(Self, bool)>, high: Option<(Self, bool)>) -> TimeRange {
        let edge = |(bound, is_first): (Self, bool)| {
            if is_first { bound.first } else { bound.after }
        };
        TimeRange { since: low.map(edge), until: high.map(|(it, inside)| edge((it, !inside))) }
    }
}

/// True if `text` is a duration rather than a point in time.
pub(super) fn is_age(text: &str) -> bool {
    let text = text.trim();
    parse_duration_ms(text.strip_suffix("ago").unwrap_or(text)).is_some()
}
