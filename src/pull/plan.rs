//! Decides what to list, and what to list again.
//!
//! An event may appear until 14 days after it happened, so one look at a range is not enough, but
//! looking at everything every time would be too much. A range is looked at again
//!
//! - when it is twice as old as at the last look: a delayed event is found before twice its delay
//!   is over, and each range is listed some ten times in all;
//! - once when no more of its events can arrive, whatever was seen before;
//! - once before CloudWatch deletes it, if that is sooner.
//!
//! The rest of the 14 days is swept with a budget of requests, the ranges first that were looked at
//! the longest ago: usually all of them each time, in a large log in turns.
//!
//! Ages are rounded to minutes for the last two hours and to hours before that, so that a pull that
//! follows makes few requests.

use crate::limits;
use crate::store::{CoveredRange, Look, PulledGroup};
use crate::time::{DAY_MS, Timestamp};

const MINUTE_MS: i64 = 60 * 1_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// The age up to which ranges are looked at by the minute.
const YOUNG_MS: i64 = 2 * HOUR_MS;

/// A range to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The range.
    pub range: CoveredRange,
    /// When all of it had been looked at, in milliseconds since 1970; `None` if never.
    pub seen_ms: Option<i64>,
    /// True if this look must list all streams, however long ago their last ingestion was.
    pub is_thorough: bool,
    /// True if it may be left for another time.
    pub is_spare: bool,
}

impl Piece {
    /// Covers a whole window, for the first time.
    pub(super) fn whole(range: CoveredRange) -> Self {
        Self { range, seen_ms: None, is_thorough: true, is_spare: false }
    }

    /// Returns the milliseconds from its first to its last, both included.
    pub fn length_ms(self) -> i64 {
        self.range.last_ms.saturating_sub(self.range.first_ms).saturating_add(1)
    }
}

/// Returns what to look at within `window`, in order of time. With `is_recheck`, all of it.
pub fn plan(
    pulled: Option<&PulledGroup>,
    window: CoveredRange,
    retention_days: Option<u32>,
    now: Timestamp,
    is_recheck: bool,
) -> Vec<Piece> {
    let now_ms = now.as_ms();
    let mut pieces = Vec::new();
    let mut unseen_ms = window.first_ms;
    let looks = pulled.into_iter().flat_map(|it| it.looks_until(now_ms));
    let looks: Vec<Look> = looks.filter_map(|it| within(it, window)).collect();
    for run in looks.chunk_by(|a, b| a.range.last_ms.saturating_add(1) >= b.range.first_ms) {
        let Some(range) = run.iter().map(|it| it.range).reduce(CoveredRange::joined) else {
            continue;
        };
        if unseen_ms < range.first_ms {
            pieces.push(unseen(unseen_ms, range.first_ms - 1));
        }
        unseen_ms = range.last_ms.saturating_add(1);
        if is_recheck {
            let seen_ms = run.iter().map(|it| it.at_ms).min();
            pieces.push(Piece { range, seen_ms, is_thorough: true, is_spare: false });
        } else {
            again(run, range, retention_days, now_ms, &mut pieces);
        }
    }
    if unseen_ms <= window.last_ms {
        pieces.push(unseen(unseen_ms, window.last_ms));
    }
    pieces
}

/// Returns the part of a look within the window.
fn within(look: Look, window: CoveredRange) -> Option<Look> {
    let first_ms = look.range.first_ms.max(window.first_ms);
    let last_ms = look.range.last_ms.min(window.last_ms);
    (first_ms <= last_ms).then_some(Look { range: CoveredRange { first_ms, last_ms }, ..look })
}

fn unseen(first_ms: i64, last_ms: i64) -> Piece {
    Piece::whole(CoveredRange { first_ms, last_ms })
}

/// Adds the parts of `range`, which `looks` cover, that are to be looked at again.
fn again(
    looks: &[Look],
    range: CoveredRange,
    retention_days: Option<u32>,
    now_ms: i64,
    pieces: &mut Vec<Piece>,
) {
    let unsettled = looks.iter().filter(|it| !it.is_settled());
    // A look was made after everything before `settled_until_ms` could arrive, so only the rest is
    // open.
    let unsettled = unsettled.map(|it| it.range.first_ms.max(it.settled_until_ms() + 1)).min();
    let mut looks = looks;
    let mut first_ms = unsettled.unwrap_or(i64::MAX);
    while first_ms <= range.last_ms {
        let is_young = now_ms.saturating_sub(first_ms) < YOUNG_MS;
        let step_ms = if is_young { MINUTE_MS } else { HOUR_MS };
        // Aligned to the clock, so that the same blocks come up in the next pull.
        let next_ms = (first_ms.div_euclid(step_ms) + 1).saturating_mul(step_ms);
        let block = CoveredRange { first_ms, last_ms: range.last_ms.min(next_ms - 1) };
        first_ms = next_ms;
        while let [before, rest @ ..] = looks
            && before.range.last_ms < block.first_ms
        {
            looks = rest;
        }
        let here = looks.iter().take_while(|it| it.range.first_ms <= block.last_ms);
        // The block as a whole was last seen by the earliest of its looks.
        let Some(seen_ms) = here.map(|it| it.at_ms).min() else { continue };
        if (Look { range: block, at_ms: seen_ms }).is_settled() {
            continue;
        }
        let is_last = is_last_chance(block, seen_ms, retention_days, now_ms);
        let age_ms = seen_ms.saturating_sub(block.last_ms).max(1);
        // Not twice as old yet: the time since the look is less than its age at the look.
        if !is_last && now_ms.saturating_sub(seen_ms) < age_ms {
            continue;
        }
        let piece =
            Piece { range: block, seen_ms: Some(seen_ms), is_thorough: is_last, is_spare: false };
        match pieces.last_mut() {
            Some(before)
                if before.seen_ms.is_some()
                    && before.range.last_ms.saturating_add(1) == block.first_ms =>
            {
                before.range = before.range.joined(block);
                before.seen_ms = before.seen_ms.min(piece.seen_ms);
                before.is_thorough |= is_last;
            }
            _ => pieces.push(piece),
        }
    }
}

/// Returns what else may still change beyond the planned pieces, the longest unseen first: as much
/// as `requests_max` requests list if an hour of the log takes `hour_requests`.
pub(super) fn sweep(
    pulled: Option<&PulledGroup>,
    window: CoveredRange,
    planned: &[Piece],
    hour_requests: f64,
    requests_max: f64,
) -> Vec<Piece> {
    let looks = pulled.map_or(&[][..], PulledGroup::looks);
    let mut blocks: Vec<Piece> = Vec::new();
    for look in looks.iter().filter_map(|it| within(*it, window)) {
        let mut first_ms = look.range.first_ms.max(look.settled_until_ms().saturating_add(1));
        while first_ms <= look.range.last_ms {
            let next_ms = (first_ms.div_euclid(HOUR_MS) + 1).saturating_mul(HOUR_MS);
            let range = CoveredRange { first_ms, last_ms: look.range.last_ms.min(next_ms - 1) };
            first_ms = next_ms;
            let seen_ms = Some(look.at_ms);
            blocks.push(Piece { range, seen_ms, is_thorough: false, is_spare: true });
        }
    }
    blocks.retain(|block| {
        let is_within = |it: &Piece| {
            it.range.first_ms <= block.range.first_ms && block.range.last_ms <= it.range.last_ms
        };
        !planned.iter().any(is_within)
    });
    blocks.sort_by_key(|it| (it.seen_ms, it.range.first_ms));
    let mut left = requests_max;
    blocks.retain(|block| {
        left -= hour_requests * block.length_ms() as f64 / HOUR_MS as f64;
        left >= 0.0
    });
    // Back in order of time, so that neighbours become one piece and take fewer requests.
    blocks.sort_by_key(|it| it.range.first_ms);
    let mut pieces: Vec<Piece> = Vec::new();
    for block in blocks {
        match pieces.last_mut() {
            Some(before) if before.range.last_ms.saturating_add(1) == block.range.first_ms => {
                before.range = before.range.joined(block.range);
                before.seen_ms = before.seen_ms.min(block.seen_ms);
            }
            _ => pieces.push(block),
        }
    }
    pieces
}

/// True if the last moment to look at a block has come since it was last looked at: when nothing
/// more can arrive, or shortly before it is deleted.
fn is_last_chance(
    block: CoveredRange,
    seen_ms: i64,
    retention_days: Option<u32>,
    now_ms: i64,
) -> bool {
    let has_come = |moment: i64| seen_ms < moment && moment <= now_ms;
    let deletion = retention_days.map(|days| {
        let retention_ms = i64::from(days).saturating_mul(DAY_MS);
        block.first_ms.saturating_add(retention_ms - (retention_ms / 8).min(DAY_MS / 2))
    });
    has_come(block.last_ms.saturating_add(limits::SETTLING_MS)) || deletion.is_some_and(has_come)
}

/// Returns the window of a pull: from the oldest event that can still exist to now.
pub fn window(
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    created_ms: Option<i64>,
    retention_days: Option<u32>,
    now: Timestamp,
) -> Option<CoveredRange> {
    // Deletion lags by up to three days (CloudWatch Logs user guide).
    let kept = retention_days.map(|it| now.as_ms().saturating_sub(i64::from(it + 3) * DAY_MS));
    let oldest = kept.into_iter().chain(oldest_ms(created_ms)).max().unwrap_or(0).max(0);
    let first_ms = since.map_or(oldest, |it| it.as_ms().max(oldest));
    let last_ms = until.map_or(now.as_ms(), |it| (it.as_ms() - 1).min(now.as_ms()));
    (first_ms <= last_ms).then_some(CoveredRange { first_ms, last_ms })
}

/// Returns the oldest time of an event in a group: a new group accepts events of the two weeks
/// before it.
fn oldest_ms(created_ms: Option<i64>) -> Option<i64> {
    created_ms.map(|it| it.saturating_sub(limits::SETTLING_MS))
}

/// Cuts pieces so that several can be listed at once, each short enough to be begun again.
pub(super) fn slices(pieces: &[Piece], bytes: Option<u64>, window: CoveredRange) -> Vec<Piece> {
    let whole = Piece::whole(window).length_ms().max(1);
    let mut slices = Vec::new();
    for piece in pieces {
        let length = piece.length_ms();
        let share = length as f64 / whole as f64;
        let pages = bytes.unwrap_or(0) as f64 * share / limits::PAGE_BYTES as f64;
        let by_pages = (pages / limits::SLICE_PAGES as f64).ceil();
        let by_time = (length as f64 / DAY_MS as f64).ceil().min(limits::PULL_LISTINGS_MAX as f64);
        let count = by_pages.max(by_time).clamp(1.0, limits::SLICES_MAX as f64);
        let step = ((length as f64 / count).ceil()).max(MINUTE_MS as f64);
        // At most the piece's length, which is an i64, or a minute.
        #[expect(clippy::cast_possible_truncation, reason = "at most the length, or a minute")]
        let step = step as i64;
        let mut first_ms = piece.range.first_ms;
        while first_ms <= piece.range.last_ms {
            let last_ms = first_ms.saturating_add(step - 1).min(piece.range.last_ms);
            slices.push(Piece { range: CoveredRange { first_ms, last_ms }, ..*piece });
            first_ms = last_ms.saturating_add(1);
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms).unwrap()
    }

    fn range(first_ms: i64, last_ms: i64) -> CoveredRange {
        CoveredRange { first_ms, last_ms }
    }

    /// Pulls every `interval` from 0 to `until`; returns for one event, which happens at
    /// `happens` and appears at `appears`, when it is found, and the hours listed in all.
    fn simulate(
        interval: i64,
        until: i64,
        happens: i64,
        appears: i64,
        retention_days: u32,
    ) -> (Option<i64>, f64) {
        let mut group = PulledGroup::default();
        let (mut found, mut listed) = (None, 0.0);
        let mut now = interval;
        while now <= until {
            let window = window(None, None, Some(0), Some(retention_days), at(now)).unwrap();
            for piece in plan(Some(&group), window, Some(retention_days), at(now), false) {
                listed += piece.length_ms() as f64 / HOUR_MS as f64;
                let is_there = now >= appears
                    && now < happens + i64::from(retention_days) * DAY_MS
                    && piece.range.first_ms <= happens
                    && happens <= piece.range.last_ms;
                if is_there && found.is_none() {
                    found = Some(now);
                }
                group.add(Look { range: piece.range, at_ms: now });
            }
            now += interval;
        }
        (found, listed)
    }

    #[test]
    fn what_was_never_looked_at_is_listed_first() {
        let mut group = PulledGroup::default();
        group.add((HOUR_MS, 2 * HOUR_MS, 40 * DAY_MS).into());
        let pieces = plan(Some(&group), range(0, 3 * HOUR_MS), None, at(40 * DAY_MS), false);
        assert_eq!(pieces, [unseen(0, HOUR_MS - 1), unseen(2 * HOUR_MS + 1, 3 * HOUR_MS)]);
        let pieces = plan(Some(&group), range(0, 3 * HOUR_MS), None, at(40 * DAY_MS), true);
        assert_eq!(pieces.len(), 3);
    }

    #[test]
    fn a_late_event_is_found_before_its_delay_has_doubled() {
        let start = 20 * DAY_MS;
        for delay in [10 * MINUTE_MS, 5 * HOUR_MS, 3 * DAY_MS, 13 * DAY_MS] {
            let (found, _) = simulate(HOUR_MS, start + 29 * DAY_MS, start, start + delay, 30);
            let found = found.expect("found at all") - start;
            assert!(found <= (2 * delay + 3 * HOUR_MS).min(15 * DAY_MS), "{delay}: {found}");
        }
    }

    #[test]
    fn a_daily_pull_and_a_short_retention_lose_nothing() {
        for (retention_days, delay) in [(30, 14 * DAY_MS), (7, 6 * DAY_MS), (3, 2 * DAY_MS)] {
            let start = 20 * DAY_MS + 5 * HOUR_MS;
            let (found, _) =
                simulate(6 * HOUR_MS, start + 40 * DAY_MS, start, start + delay, retention_days);
            assert!(found.is_some(), "{retention_days} {delay}");
        }
    }

    #[test]
    fn a_sweep_takes_what_its_budget_allows_the_longest_unseen_first() {
        let mut group = PulledGroup::default();
        let now = 40 * DAY_MS;
        group.add((0, 30 * DAY_MS - 1, now - DAY_MS).into());
        group.add((30 * DAY_MS, now, now - HOUR_MS).into());
        let window = range(0, now);
        let all = sweep(Some(&group), window, &[], 0.01, 60.0);
        let unsettled = now - DAY_MS - limits::SETTLING_MS + 1;
        assert_eq!(all.iter().map(|it| it.range).collect::<Vec<_>>(), [range(unsettled, now)]);
        let part = sweep(Some(&group), window, &[], 1.0, 10.0);
        assert_eq!(part.len(), 1, "{part:?}");
        assert_eq!(part[0].range.first_ms, unsettled);
        assert!(part[0].length_ms() <= 10 * HOUR_MS && part[0].length_ms() > 8 * HOUR_MS);
        assert!(sweep(Some(&group), window, &all, 0.01, 60.0).is_empty());
        assert!(sweep(None, window, &[], 0.01, 60.0).is_empty());
    }

    #[test]
    fn looking_again_costs_a_bounded_multiple() {
        for (interval, most) in [(DAY_MS, 9.0), (HOUR_MS, 14.0)] {
            let days = 60;
            let (_, hours) = simulate(interval, days * DAY_MS, 0, i64::MAX, 30);
            let times = hours / (days as f64 * 24.0);
            assert!(times < most, "{interval}: {times}");
        }
    }

    #[test]
    fn following_makes_few_requests() {
        let mut group = PulledGroup::default();
        let (mut requests, mut passes) = (0, 0);
        let mut now = 20 * DAY_MS;
        group.add((0, now, now).into());
        while now < 21 * DAY_MS {
            now += 10_000;
            let window = window(None, None, Some(0), Some(30), at(now)).unwrap();
            let pieces = plan(Some(&group), window, Some(30), at(now), false);
            requests += pieces.len();
            passes += 1;
            for piece in pieces {
                group.add(Look { range: piece.range, at_ms: now });
            }
        }
        assert!(group.looks().len() < limits::LOOKS_MAX);
        assert!(requests < 4 * passes, "{requests} in {passes} passes");
    }

    proptest! {
        #[test]
        fn slices_are_the_pieces_without_gap_or_overlap(
            first in 0i64..1_000_000_000, length in 0i64..4_000_000_000,
            bytes in proptest::option::of(0u64..1 << 42),
        ) {
            let window = range(first, first + length);
            let slices = slices(&[unseen(first, first + length)], bytes, window);
            prop_assert!(slices.len() <= limits::SLICES_MAX);
            prop_assert_eq!(slices[0].range.first_ms, first);
            prop_assert_eq!(slices[slices.len() - 1].range.last_ms, first + length);
            for pair in slices.windows(2) {
                prop_assert_eq!(pair[0].range.last_ms + 1, pair[1].range.first_ms);
            }
        }
    }
}
