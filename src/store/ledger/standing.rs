//! The progress of the pulls of a log group.

use super::pulls::{Look, PulledGroup};
use crate::limits;
use crate::time::Timestamp;

/// The progress of a pulled group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The time of the last look.
    pub last_look: Option<Timestamp>,
    /// All events up to here that were visible at the looks are in the store.
    pub complete_until: Option<Timestamp>,
    /// No more events up to here can arrive.
    pub final_until: Option<Timestamp>,
    /// The first instant, of those that CloudWatch still keeps, that no look has seen.
    pub not_taken: Timestamp,
    /// The time at which the events of that instant are deleted.
    pub deleted_at: Option<Timestamp>,
}

impl Standing {
    /// The progress of a group at `now`.
    #[must_use]
    pub fn of(group: &PulledGroup, now: Timestamp) -> Self {
        let retention_ms = group.facts.kept_ms();
        let looks: Vec<Look> = group.looks_until(now.as_ms()).collect();
        let oldest = group.facts.kept_from_ms(now.as_ms());
        let oldest = oldest.or_else(|| looks.first().map(|it| it.range.first_ms)).unwrap_or(0);
        let from = Timestamp::from_ms(oldest).unwrap_or(Timestamp::UNIX_EPOCH);
        // If everything is taken, it begins with what happens from now on.
        let not_taken = group.first_unseen(from, now).unwrap_or(now);
        let seen_to = not_taken.saturating_add_ms(-1);
        let in_order = looks.iter().take_while(|it| it.range.first_ms <= seen_to.as_ms());
        let mut final_until_ms = None;
        // Whatever a clock said, events of the last 14 days may still arrive.
        let settled_ms = now.as_ms().saturating_sub(limits::SETTLING_MS);
        for look in in_order {
            final_until_ms = Some(look.settled_until_ms().min(look.range.last_ms).min(settled_ms))
                .filter(|it| *it >= look.range.first_ms)
                .or(final_until_ms);
            if !look.is_settled() {
                // Later ranges may be settled, but "final" has no gaps.
                break;
            }
        }
        Self {
            last_look: looks.iter().map(|it| it.at_ms).max().and_then(Timestamp::from_ms),
            complete_until: (!looks.is_empty()).then_some(seen_to),
            final_until: final_until_ms.and_then(Timestamp::from_ms),
            not_taken,
            deleted_at: retention_ms.map(|it| not_taken.saturating_add_ms(it)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_final_that_may_still_come() {
        let day = 24 * 60 * 60 * 1_000;
        let at = |ms| Timestamp::from_ms(ms).unwrap();
        let mut group = PulledGroup::default();
        group.facts.created_ms = Some(15 * day);
        // By a clock that was fifteen days ahead, and by one that was three minutes ahead.
        for ahead_ms in [15 * day, 180_000] {
            let look_ms = 40 * day + ahead_ms;
            group.add((0, look_ms, look_ms).into());
            let standing = Standing::of(&group, at(40 * day));
            let latest_ms = 40 * day - limits::SETTLING_MS;
            assert!(standing.final_until.is_none_or(|it| it.as_ms() <= latest_ms), "{standing:?}");
            assert!(standing.not_taken <= at(40 * day), "{standing:?}");
        }
        let standing = Standing::of(&group, at(40 * day));
        assert_eq!(standing.final_until, Some(at(40 * day - limits::SETTLING_MS)));
        assert_eq!(standing.last_look, Some(at(40 * day + 180_000)));
    }
}
