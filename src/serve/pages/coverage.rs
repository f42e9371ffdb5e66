//! The coverage, as a bar with its gaps.

use super::axis::lossy;
use super::words::{When, counted};
use crate::limits;
use crate::render::human_duration;
use crate::store::{CoveredRange, Store};
use crate::time::{Timestamp, Zone};

/// A bar for one log group, or for all of them together.
#[derive(Clone, Debug, Default)]
pub(super) struct CoverageBar {
    pub(super) first: When,
    pub(super) last: When,
    pub(super) is_empty: bool,
    /// The start and the width of each stretch, as SVG takes them.
    pub(super) stretches: Vec<(String, String)>,
    /// The number of gaps; the longest are in `longest`.
    pub(super) gaps: Option<String>,
    pub(super) longest: Vec<Gap>,
    /// The time since the newest covered instant.
    pub(super) behind: String,
    /// True if records were removed on purpose.
    pub(super) has_removals: bool,
}

/// A period that is not covered.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) from: When,
    pub(super) to: When,
    pub(super) lasted: String,
}

/// Maximum number of gaps that are named.
const GAPS_SHOWN: usize = 3;

impl CoverageBar {
    pub(super) fn of(store: &Store, now: Timestamp, zone: &Zone) -> Self {
        let coverage = store.checkpoint().ledger.coverage.until(now);
        let mut ranges: Vec<CoveredRange> =
            coverage.groups().flat_map(|(_, ranges)| ranges.iter().copied()).collect();
        ranges.sort_unstable();
        Self { has_removals: store.has_removals(), ..Self::of_ranges(&ranges, now, zone) }
    }

    /// Draws the bar of ranges, which must be in order.
    pub(super) fn of_ranges(ranges: &[CoveredRange], now: Timestamp, zone: &Zone) -> Self {
        let mut joined: Vec<CoveredRange> = Vec::new();
        for range in ranges {
            // Both ends are inclusive: ranges a millisecond apart have no gap between them.
            match joined.last_mut().filter(|it| it.last_ms >= range.first_ms.saturating_sub(1)) {
                Some(last) => *last = last.joined(*range),
                None => joined.push(*range),
            }
        }
        let (Some(first), Some(last)) = (joined.first().copied(), joined.last().copied()) else {
            return Self { is_empty: true, ..Self::default() };
        };
        let whole = lossy(last.last_ms.saturating_sub(first.first_ms).max(1));
        let place = |ms: i64| lossy(ms.saturating_sub(first.first_ms)) / whole * 100.0;
        let stretch = |it: &CoveredRange| {
            let (left, right) = (place(it.first_ms), place(it.last_ms));
            (format!("{left:.3}%"), format!("{:.3}%", (right - left).max(WIDTH_MIN)))
        };
        let pairs = joined.iter().zip(joined.iter().skip(1));
        let mut gaps: Vec<(i64, Timestamp, Timestamp)> = pairs
            .map(|(a, b)| (b.first_ms.saturating_sub(a.last_ms), a.last(), b.first()))
            .collect();
        let gap_count = gaps.len();
        gaps.sort_by_key(|it| std::cmp::Reverse(it.0));
        let longest = gaps.into_iter().take(GAPS_SHOWN).map(|(ms, from, to)| Gap {
            from: When::new(from, zone),
            to: When::new(to, zone),
            lasted: human_duration(ms),
        });
        Self {
            first: When::new(first.first(), zone),
            last: When::new(last.last(), zone),
            is_empty: false,
            stretches: joined.iter().take(limits::PAGE_COVERED_RANGES).map(stretch).collect(),
            gaps: (gap_count > 0).then(|| counted(gap_count as u64, "gap", "gaps")),
            longest: longest.collect(),
            behind: human_duration(now.ms_since(last.last()).max(0)),
            has_removals: false,
        }
    }
}

/// The width of the shortest stretch, in percent: it must be visible.
const WIDTH_MIN: f64 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_share_a_bar_and_gaps_are_named() {
        let hour = |first: i64, last: i64| CoveredRange {
            first_ms: first * 3_600_000,
            last_ms: last * 3_600_000,
        };
        let now = Timestamp::from_ms(12 * 3_600_000).unwrap();
        let bar = CoverageBar::of_ranges(&[hour(0, 2), hour(1, 4), hour(6, 10)], now, &Zone::UTC);
        assert_eq!(bar.stretches.len(), 2);
        assert_eq!(bar.stretches[1], ("60.000%".to_owned(), "40.000%".to_owned()));
        assert_eq!(bar.gaps.as_deref(), Some("1 gap"));
        assert_eq!((bar.longest[0].lasted.as_str(), bar.behind.as_str()), ("2 h", "2 h"));
        assert!(CoverageBar::of_ranges(&[], now, &Zone::UTC).is_empty);
    }
}
