//! The log groups that were pulled, and when each range of them was last listed.
//!
//! CloudWatch accepts events up to 14 days after they happened, so listing a range once is not
//! enough. For each log group the store keeps when each range was last listed; what to list again
//! follows from that.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::coverage::CoveredRange;
use crate::limits;
use crate::time::{DAY_MS, Timestamp};

/// One listing of one range: every event that happened in the range and was visible at `at_ms` is
/// in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, i64, i64)", into = "(i64, i64, i64)")]
pub struct Look {
    /// The range.
    pub range: CoveredRange,
    /// When its listing began, in milliseconds since 1970.
    pub at_ms: i64,
}

impl From<(i64, i64, i64)> for Look {
    fn from((first_ms, last_ms, at_ms): (i64, i64, i64)) -> Self {
        Self { range: (first_ms, last_ms).into(), at_ms }
    }
}

impl From<Look> for (i64, i64, i64) {
    fn from(look: Look) -> Self {
        (look.range.first_ms, look.range.last_ms, look.at_ms)
    }
}

impl Look {
    /// The last millisecond for which no more events could arrive after this look.
    pub fn settled_until_ms(self) -> i64 {
        self.at_ms.saturating_sub(limits::SETTLING_MS)
    }

    /// True if no more events of its range can arrive after it.
    pub fn is_settled(self) -> bool {
        self.range.last_ms <= self.settled_until_ms()
    }

    fn touches(self, later: Self) -> bool {
        self.range.last_ms.saturating_add(1) >= later.range.first_ms
    }

    /// Joins two looks at ranges that touch. One look can only claim the earlier of their times.
    fn joined(self, other: Self) -> Self {
        Self { range: self.range.joined(other.range), at_ms: self.at_ms.min(other.at_ms) }
    }
}

/// The facts about a log group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupFacts {
    /// The name of the group.
    pub name: String,
    /// Days after which CloudWatch deletes its events, when last asked; `None` for never, or if
    /// unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// The time of its creation, in milliseconds since 1970; `None` if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_ms: Option<i64>,
}

impl GroupFacts {
    /// The part of a look's range of which it saw all events.
    pub fn seen(&self, look: Look) -> Option<CoveredRange> {
        let kept_ms = self.kept_from_ms(look.at_ms).unwrap_or(i64::MIN);
        let first_ms = look.range.first_ms.max(kept_ms);
        (first_ms <= look.range.last_ms).then_some(CoveredRange { first_ms, ..look.range })
    }

    /// The first millisecond of which a look at `now_ms` sees all events: older ones may have been
    /// deleted, or are older than the group accepted when it was new.
    pub fn kept_from_ms(&self, now_ms: i64) -> Option<i64> {
        let kept_ms = self.kept_ms().map(|it| now_ms.saturating_sub(it));
        let oldest_ms = self.created_ms.map(|it| it.saturating_sub(limits::SETTLING_MS));
        kept_ms.into_iter().chain(oldest_ms).max()
    }

    /// Milliseconds for which events are kept; `None` for ever. If nothing is known of the group,
    /// it is assumed to be as WorkMail creates it.
    pub fn kept_ms(&self) -> Option<i64> {
        let is_known = self.is_known();
        let days = self.retention_days.or((!is_known).then_some(limits::RETENTION_DAYS_ASSUMED));
        days.map(|it| i64::from(it) * DAY_MS)
    }

    /// True if the group could be described.
    pub fn is_known(&self) -> bool {
        self.retention_days.is_some() || self.created_ms.is_some()
    }
}

/// The pulls of one log group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PulledGroup {
    /// The facts about the group.
    #[serde(flatten)]
    pub facts: GroupFacts,
    /// The newest look at each range, in order of time, without overlaps.
    looks: Vec<Look>,
}

impl PulledGroup {
    /// The newest look at each range, in order of time, without overlaps.
    pub fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// The looks that can be believed at `now_ms`, cut off at what has happened by then. A look
    /// that claims to be from the future was made by a wrong clock, so its true time is unknown.
    pub fn looks_until(&self, now_ms: i64) -> impl Iterator<Item = Look> + '_ {
        let latest_ms = now_ms.saturating_add(limits::CLOCK_JUMP_MS);
        let believed = self.looks.iter().filter(move |it| it.at_ms <= latest_ms);
        believed.filter(move |it| it.range.first_ms <= now_ms).map(move |it| Look {
            range: CoveredRange { last_ms: it.range.last_ms.min(now_ms), ..it.range },
            ..*it
        })
    }

    /// The ranges of the group seen by `now_ms`, whenever that was.
    pub fn ranges(&self, now_ms: i64) -> Vec<CoveredRange> {
        let mut ranges: Vec<CoveredRange> = Vec::new();
        for range in self.looks_until(now_ms).filter_map(|it| self.facts.seen(it)) {
            match ranges.last_mut() {
                Some(before) if before.last_ms.saturating_add(1) >= range.first_ms => {
                    *before = before.joined(range);
                }
                _ => ranges.push(range),
            }
        }
        ranges
    }

    /// Adds a look. Where it overlaps others, the newest counts, unless that one claims to have
    /// been made well after the look that is added now: then the clock was wrong for one of them,
    /// and the earlier time claims less.
    pub fn add(&mut self, look: Look) {
        let mut looks = Vec::with_capacity(self.looks.len() + 2);
        // The part of the new look that is still to be placed begins here.
        let mut next_ms = look.range.first_ms;
        let place = |looks: &mut Vec<Look>, first_ms: i64, last_ms: i64, at_ms: i64| {
            if first_ms <= last_ms {
                looks.push(Look { range: (first_ms, last_ms).into(), at_ms });
            }
        };
        for old in &self.looks {
            // The old looks are in order and do not overlap. The new one is cut at their ends, so
            // that the result is in order without overlaps too.
            let (first, last) = (old.range.first_ms, old.range.last_ms);
            if last < look.range.first_ms || first > look.range.last_ms {
                if first > look.range.last_ms {
                    place(&mut looks, next_ms, look.range.last_ms, look.at_ms);
                    next_ms = next_ms.max(look.range.last_ms.saturating_add(1));
                }
                looks.push(*old);
                continue;
            }
            place(&mut looks, first, look.range.first_ms.saturating_sub(1), old.at_ms);
            place(&mut looks, next_ms, first.saturating_sub(1), look.at_ms);
            let overlap_first = first.max(look.range.first_ms);
            let overlap_last = last.min(look.range.last_ms);
            let is_ahead = old.at_ms.saturating_sub(look.at_ms) > limits::CLOCK_JUMP_MS;
            let at_ms = if is_ahead { look.at_ms } else { old.at_ms.max(look.at_ms) };
            place(&mut looks, overlap_first, overlap_last, at_ms);
            next_ms = next_ms.max(overlap_last.saturating_add(1));
            place(&mut looks, look.range.last_ms.saturating_add(1), last, old.at_ms);
        }
        place(&mut looks, next_ms, look.range.last_ms, look.at_ms);
        self.looks = looks;
        self.compact();
    }

    /// Joins looks that need not be told apart. Rather than keep more than the bound, it claims
    /// less.
    fn compact(&mut self) {
        let mut compact: Vec<Look> = Vec::with_capacity(self.looks.len());
        for look in self.looks.drain(..) {
            match compact.last_mut() {
                Some(before)
                    if before.touches(look)
                        // Settled ranges are never listed again, so their times do not matter.
                        && (before.at_ms == look.at_ms
                            || (before.is_settled() && look.is_settled())) =>
                {
                    let joined = before.joined(look);
                    // The earlier of the two times must settle the later range too.
                    if before.at_ms == look.at_ms || joined.is_settled() {
                        *before = joined;
                    } else {
                        compact.push(look);
                    }
                }
                _ => compact.push(look),
            }
        }
        while compact.len() > limits::LOOKS_MAX {
            // Two looks whose times are nearest lose the least, as both count as of the earlier.
            let distance = |pair: &[Look]| match pair {
                [a, b] if a.touches(*b) => a.at_ms.abs_diff(b.at_ms),
                _ => u64::MAX,
            };
            let nearest = (1..compact.len())
                .min_by_key(|it| compact.get(it - 1..=*it).map_or(u64::MAX, distance))
                .unwrap_or(1);
            let later = compact.remove(nearest);
            if let Some(earlier) = compact.get_mut(nearest - 1)
                && earlier.touches(later)
            {
                *earlier = earlier.joined(later);
            }
        }
        self.looks = compact;
    }

    /// The first instant from `from` on that no look has seen, up to `until`, which is the present.
    pub fn first_unseen(&self, from: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let mut unseen = from.as_ms();
        for look in self.looks_until(until.as_ms()) {
            if look.range.first_ms > unseen {
                break;
            }
            unseen = unseen.max(look.range.last_ms.saturating_add(1));
        }
        Timestamp::from_ms(unseen).filter(|it| *it <= until)
    }
}

/// The pulls of all log groups, by ARN, which distinguishes groups of the same name in several
/// accounts or regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pulls {
    groups: BTreeMap<String, PulledGroup>,
}

impl Pulls {
    /// True if nothing was ever pulled.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The groups, in order of their ARNs.
    pub fn groups(&self) -> impl Iterator<Item = (&str, &PulledGroup)> {
        self.groups.iter().map(|(arn, group)| (arn.as_str(), group))
    }

    /// One group.
    pub fn group(&self, arn: &str) -> Option<&PulledGroup> {
        self.groups.get(arn)
    }

    /// Adds a look at a group, and the latest facts about the group.
    pub fn add(&mut self, arn: &str, facts: &GroupFacts, look: Look) {
        if let Some(group) = self.describe(arn, facts) {
            group.add(look);
        }
    }

    /// Adds all looks of another.
    pub fn merge(&mut self, other: &Self) {
        for (arn, group) in &other.groups {
            if let Some(mine) = self.describe(arn, &group.facts) {
                for look in &group.looks {
                    mine.add(*look);
                }
            }
        }
    }

    fn describe(&mut self, arn: &str, facts: &GroupFacts) -> Option<&mut PulledGroup> {
        let is_known = self.groups.contains_key(arn);
        if !is_known && self.groups.len() >= limits::COVERAGE_GROUPS_MAX {
            // What is not kept is listed again, which costs time, never events.
            return None;
        }
        let group = self.groups.entry(arn.to_owned()).or_default();
        facts.clone_into(&mut group.facts);
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_may_have_been_deleted_is_not_seen() {
        let day = 24 * 60 * 60 * 1_000;
        let facts = |retention_days, created_ms| GroupFacts {
            retention_days,
            created_ms,
            ..GroupFacts::default()
        };
        assert_eq!(facts(Some(30), Some(5 * day)).kept_from_ms(100 * day), Some(70 * day));
        let oldest = 90 * day - limits::SETTLING_MS;
        assert_eq!(facts(Some(30), Some(90 * day)).kept_from_ms(100 * day), Some(oldest));
        assert_eq!(facts(None, Some(90 * day)).kept_from_ms(100 * day), Some(oldest));
        assert_eq!(facts(None, None).kept_from_ms(100 * day), Some(70 * day));
    }

    #[test]
    fn what_a_wrong_clock_said_is_not_believed_and_is_replaced() {
        let day = 24 * 60 * 60 * 1_000;
        let mut group = PulledGroup::default();
        group.facts.created_ms = Some(0);
        group.add((0, 40 * day, 40 * day).into());
        assert_eq!(group.looks_until(25 * day).count(), 0);
        assert_eq!(group.ranges(25 * day), []);
        assert_eq!(group.ranges(45 * day), [(0, 40 * day).into()]);
        group.add((0, 25 * day, 25 * day).into());
        let believed: Vec<Look> = group.looks_until(25 * day).collect();
        assert_eq!(believed, [(0, 25 * day, 25 * day).into()]);
        // A little ahead is no matter, but nothing is claimed of what has not happened.
        assert_eq!(group.ranges(25 * day - 60_000), [(0, 25 * day - 60_000).into()]);
    }

    #[test]
    fn settled_looks_become_one() {
        let day = 24 * 60 * 60 * 1_000;
        let mut group = PulledGroup::default();
        group.add((0, day - 1, 40 * day).into());
        group.add((day, 2 * day - 1, 41 * day).into());
        group.add((2 * day, 30 * day, 41 * day).into());
        assert_eq!(
            group.looks(),
            [(0, 2 * day - 1, 40 * day).into(), (2 * day, 30 * day, 41 * day).into()]
        );
    }

    #[test]
    fn the_first_unseen_instant_is_behind_what_is_seen_without_a_gap() {
        let mut group = PulledGroup::default();
        let at = |ms| Timestamp::from_ms(ms).unwrap();
        assert_eq!(group.first_unseen(at(5), at(100)), Some(at(5)));
        group.add((0, 10, 50).into());
        group.add((11, 20, 60).into());
        group.add((30, 40, 60).into());
        assert_eq!(group.first_unseen(at(5), at(100)), Some(at(21)));
        assert_eq!(group.first_unseen(at(5), at(20)), None);
    }

    proptest! {
        #[test]
        fn each_millisecond_was_seen_when_it_was_last_looked_at(
            looks in proptest::collection::vec((0i64..60, 0i64..20, 0i64..30), 0..24),
        ) {
            let mut group = PulledGroup::default();
            let mut model = [None; 90];
            for (first, length, at) in looks {
                group.add((first, first + length, at).into());
                for ms in first..=first + length {
                    let seen: &mut Option<i64> = &mut model[usize::try_from(ms).unwrap()];
                    *seen = Some(seen.map_or(at, |it| it.max(at)));
                }
            }
            for (ms, at) in (0i64..).zip(model) {
                let found: Vec<_> = group
                    .looks()
                    .iter()
                    .filter(|it| it.range.first_ms <= ms && ms <= it.range.last_ms)
                    .map(|it| it.at_ms)
                    .collect();
                prop_assert_eq!(found, Vec::from_iter(at), "{}", ms);
            }
        }

    }

    proptest! {
        // A case adds thrice what the bound allows, which takes long.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn the_bound_is_kept_and_nothing_is_claimed_that_was_not_seen(seed in 0i64..1_000) {
            let mut group = PulledGroup::default();
            for index in 0..3 * i64::try_from(limits::LOOKS_MAX).unwrap() {
                let at = 1_000_000 + (index * 7_919 + seed) % 1_009;
                group.add((index * 2, index * 2 + 1, at).into());
            }
            prop_assert!(group.looks().len() <= limits::LOOKS_MAX);
            for look in group.looks() {
                for index in look.range.first_ms / 2..=look.range.last_ms / 2 {
                    prop_assert!(look.at_ms <= 1_000_000 + (index * 7_919 + seed) % 1_009);
                }
            }
        }
    }
}
