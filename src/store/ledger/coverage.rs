//! Coverage: for each log group, the time ranges that were pulled or imported.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::limits;
use crate::time::Timestamp;

/// A closed range in milliseconds since 1970: both ends were seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "(i64, i64)", into = "(i64, i64)")]
pub struct CoveredRange {
    /// The first millisecond inside.
    pub first_ms: i64,
    /// The last millisecond inside.
    pub last_ms: i64,
}

impl From<(i64, i64)> for CoveredRange {
    fn from((first_ms, last_ms): (i64, i64)) -> Self {
        Self { first_ms, last_ms: last_ms.max(first_ms) }
    }
}

impl From<CoveredRange> for (i64, i64) {
    fn from(range: CoveredRange) -> Self {
        (range.first_ms, range.last_ms)
    }
}

impl CoveredRange {
    /// The range that holds one instant.
    #[must_use]
    pub fn at(instant: Timestamp) -> Self {
        Self { first_ms: instant.as_ms(), last_ms: instant.as_ms() }
    }

    /// The first instant inside.
    pub fn first(self) -> Timestamp {
        Timestamp::MIN.max(Timestamp::from_ms(self.first_ms).unwrap_or(Timestamp::MIN))
    }

    /// The last instant inside.
    pub fn last(self) -> Timestamp {
        Timestamp::from_ms(self.last_ms).unwrap_or(Timestamp::MAX)
    }

    /// The shortest range that holds both.
    #[must_use]
    pub fn joined(self, other: Self) -> Self {
        Self {
            first_ms: self.first_ms.min(other.first_ms),
            last_ms: self.last_ms.max(other.last_ms),
        }
    }
}

/// The time ranges that have been looked at, by log group. They tell "no such mail" from "not
/// looked at".
///
/// The log group `""` stands for records whose source does not name its group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Coverage {
    groups: BTreeMap<String, Vec<CoveredRange>>,
}

impl Coverage {
    /// Adds a range, joining those that overlap or touch.
    pub fn add(&mut self, log_group: &str, range: CoveredRange) {
        // No group has a longer name, and a commit's note has to hold them all.
        if log_group.len() > limits::LOG_NAME_BYTES_MAX {
            return;
        }
        if !self.groups.contains_key(log_group) && self.groups.len() >= limits::COVERAGE_GROUPS_MAX
        {
            return;
        }
        let ranges = self.groups.entry(log_group.to_owned()).or_default();
        let mut joined = range;
        // Both ends of a range are inside, so ranges a millisecond apart touch.
        ranges.retain(|it| {
            let is_apart = it.last_ms < joined.first_ms.saturating_sub(1)
                || it.first_ms > joined.last_ms.saturating_add(1);
            if !is_apart {
                joined = joined.joined(*it);
            }
            is_apart
        });
        let index = ranges.partition_point(|it| it < &joined);
        ranges.insert(index, joined);
        if ranges.len() > limits::COVERAGE_RANGES_MAX {
            // The shortest claims the least: coverage may say less than was seen, never more.
            let shortest = ranges
                .iter()
                .enumerate()
                .min_by_key(|(_, it)| it.last_ms.saturating_sub(it.first_ms))
                .map(|(index, _)| index);
            if let Some(index) = shortest {
                ranges.remove(index);
            }
        }
    }

    /// Adds all ranges of another coverage.
    pub fn merge(&mut self, other: &Self) {
        for (log_group, ranges) in &other.groups {
            for range in ranges {
                self.add(log_group, *range);
            }
        }
    }

    /// Forgets everything before a time, in milliseconds since 1970: what was seen is no longer
    /// there.
    pub(in crate::store) fn forget_before(&mut self, before_ms: i64) {
        for ranges in self.groups.values_mut() {
            ranges.retain(|it| it.last_ms >= before_ms);
            for range in ranges.iter_mut() {
                range.first_ms = range.first_ms.max(before_ms);
            }
        }
        self.groups.retain(|_, ranges| !ranges.is_empty());
    }

    /// The coverage of what has happened by `now`. Nothing later can have been seen, whatever a
    /// clock said.
    #[must_use]
    pub fn until(&self, now: Timestamp) -> Self {
        let now_ms = now.as_ms();
        let cut = |it: &CoveredRange| CoveredRange { last_ms: it.last_ms.min(now_ms), ..*it };
        let groups = self.groups.iter().map(|(group, ranges)| {
            let ranges = ranges.iter().filter(|it| it.first_ms <= now_ms).map(cut);
            (group.clone(), ranges.collect::<Vec<_>>())
        });
        Self { groups: groups.filter(|(_, ranges)| !ranges.is_empty()).collect() }
    }

    /// The log groups in order of their names, with their ranges in order of time.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &[CoveredRange])> {
        self.groups.iter().map(|(log_group, ranges)| (log_group.as_str(), ranges.as_slice()))
    }

    /// True if nothing has been looked at.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// From the first to the last covered instant over all groups, gaps included.
    pub fn span(&self) -> Option<CoveredRange> {
        self.groups.values().flatten().copied().reduce(CoveredRange::joined)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(first_ms: i64, last_ms: i64) -> CoveredRange {
        CoveredRange { first_ms, last_ms }
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let mut coverage = Coverage::default();
        coverage.add("g", range(10, 20));
        coverage.add("g", range(30, 40));
        coverage.add("g", range(21, 29));
        assert_eq!(coverage.groups().next(), Some(("g", &[range(10, 40)][..])));
    }

    #[test]
    fn the_future_is_not_covered() {
        let mut coverage = Coverage::default();
        coverage.add("g", range(10, 20));
        coverage.add("g", range(30, 40));
        coverage.add("h", range(50, 55));
        let now = |ms| coverage.until(Timestamp::from_ms(ms).unwrap());
        assert_eq!(
            now(35).groups().collect::<Vec<_>>(),
            [("g", &[range(10, 20), range(30, 35)][..])]
        );
        assert_eq!(now(60), coverage);
    }

    #[test]
    fn what_was_removed_is_not_covered() {
        let mut coverage = Coverage::default();
        coverage.add("g", range(10, 20));
        coverage.add("g", range(30, 40));
        coverage.add("h", range(0, 5));
        coverage.forget_before(15);
        let left: Vec<_> = coverage.groups().collect();
        assert_eq!(left, [("g", &[range(15, 20), range(30, 40)][..])]);
    }

    proptest! {
        #[test]
        fn exactly_the_added_milliseconds_are_covered(
            added in proptest::collection::vec((0i64..60, 0i64..8), 0..20),
        ) {
            let mut coverage = Coverage::default();
            let mut model = [false; 80];
            for (first, length) in added {
                coverage.add("g", range(first, first + length));
                for ms in first..=first + length {
                    model[usize::try_from(ms).unwrap()] = true;
                }
            }
            let ranges: Vec<_> = coverage.groups().flat_map(|(_, it)| it.iter().copied()).collect();
            for (ms, is_covered) in (0i64..).zip(model) {
                let found = ranges.iter().any(|it| it.first_ms <= ms && ms <= it.last_ms);
                prop_assert_eq!(found, is_covered, "{}", ms);
            }
            prop_assert!(ranges.windows(2).all(|it| it[0].last_ms + 1 < it[1].first_ms));
        }
    }
}
