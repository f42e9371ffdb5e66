//! Consecutive intervals of equal length that begin where people expect them to.

use std::ops::Range;

use jiff::{ToSpan, ZonedDateTime};

use super::{DAY_MS, Timestamp, Zone, parse_duration_ms};

/// A division of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// Lengths in milliseconds, counted from each day's midnight if they divide a day, else from
    /// the first day's.
    Length(i64),
    /// Calendar days.
    Day,
    /// Calendar weeks, from Monday on.
    Week,
}

impl Interval {
    /// Parses `hour`, `day`, `week`, or a length such as `15m`; `None` if it is none of these, or
    /// zero.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "hour" => Some(Self::Length(3_600_000)),
            "day" => Some(Self::Day),
            "week" => Some(Self::Week),
            other => parse_duration_ms(other).filter(|it| *it > 0).map(Self::Length),
        }
    }
}

/// Intervals without gaps between their first and last instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intervals {
    /// The start of each, in milliseconds since 1970; never empty.
    starts: Vec<i64>,
}

impl Intervals {
    /// Builds the intervals in `zone` from the one with `first` to the one with `last`; `None` if
    /// there are more than `count_max`.
    pub fn new(
        interval: Interval,
        first: Timestamp,
        last: Timestamp,
        zone: &Zone,
        count_max: usize,
    ) -> Option<Self> {
        let (first_ms, last_ms) = (first.as_ms(), last.as_ms().max(first.as_ms()));
        let at_most = i64::try_from(count_max).unwrap_or(i64::MAX);
        let (length, days) = match interval {
            Interval::Day => (DAY_MS, 1),
            Interval::Week => (7 * DAY_MS, 7),
            Interval::Length(length) => (length, length / DAY_MS),
        };
        // Checked before any are made. With days of 23 to 25 hours, twice the bound is certainly
        // too many.
        if (last_ms - first_ms) / length >= at_most.saturating_mul(2) {
            return None;
        }
        let starts = match interval {
            Interval::Week => calendar(day_of(first, zone).as_ref(), first_ms, last_ms, days, true),
            _ if days > 0 && length % DAY_MS == 0 => {
                calendar(day_of(first, zone).as_ref(), first_ms, last_ms, days, false)
            }
            _ if days == 0 && DAY_MS % length == 0 && !zone.is_utc() => {
                within_days(day_of(first, zone).as_ref(), first_ms, last_ms, length, count_max)
            }
            _ => {
                let origin = day_of(first, zone).map_or(first_ms, |it| ms_of(&it));
                let start = origin + (first_ms - origin).div_euclid(length) * length;
                let count = (last_ms - start) / length;
                if count >= at_most {
                    return None;
                }
                (0..=count).map(|it| start + it * length).collect()
            }
        };
        (starts.len() <= count_max).then_some(Self { starts })
    }

    /// Adds the interval of an instant far after them, with a gap between.
    pub fn and_that_of(mut self, interval: Interval, instant: Timestamp, zone: &Zone) -> Self {
        let one = Self::new(interval, instant, instant, zone, 2);
        let start = one.and_then(|it| it.starts.first().copied());
        let is_behind = |it: &i64| self.starts.last().is_none_or(|last| last < it);
        if let Some(start) = start.filter(is_behind) {
            self.starts.push(start);
        }
        self
    }

    /// Returns the start of each.
    pub fn starts(&self) -> impl ExactSizeIterator<Item = Timestamp> {
        self.starts.iter().map(|it| Timestamp::from_ms(*it).unwrap_or(Timestamp::MIN))
    }

    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// Returns the index of the interval of an instant. Instants before the first belong to the
    /// first, those after the last to the last.
    pub fn place_of(&self, ms: i64) -> usize {
        self.starts.partition_point(|it| *it <= ms).saturating_sub(1)
    }

    /// Returns the instants of an interval, in milliseconds since 1970.
    pub(crate) fn instants_of(&self, place: usize) -> Range<i64> {
        // The first and the last interval are open at their outer ends, as in `place_of`.
        let start = self.starts.get(place).copied().filter(|_| place > 0);
        let end = self.starts.get(place + 1).copied();
        start.unwrap_or(i64::MIN)..end.unwrap_or(i64::MAX)
    }
}

/// Returns the start of an instant's day; `None` at the ends of time.
fn day_of(instant: Timestamp, zone: &Zone) -> Option<ZonedDateTime> {
    instant.to_jiff().to_zoned_datetime(zone.0.clone()).start_of_day().ok()
}

/// Returns the start of the day `days` after another.
fn days_after(day: &ZonedDateTime, days: i64) -> Option<ZonedDateTime> {
    day.checked_add(days.days()).and_then(|it| it.start_of_day()).ok()
}

fn ms_of(zoned: &ZonedDateTime) -> i64 {
    zoned.timestamp().as_millisecond()
}

/// Returns the starts of every `days` days; weeks start on a Monday.
fn calendar(
    first_day: Option<&ZonedDateTime>,
    first_ms: i64,
    last_ms: i64,
    days: i64,
    are_weeks: bool,
) -> Vec<i64> {
    let back = |it: &ZonedDateTime| {
        let since_monday = i64::from(it.weekday().to_monday_zero_offset());
        it.checked_sub((since_monday * i64::from(are_weeks)).days()).ok()
    };
    let Some(origin) = first_day.and_then(back) else { return vec![first_ms] };
    let mut starts = vec![ms_of(&origin)];
    for count in 1.. {
        // Counted from the origin each time: a day that begins at one o'clock must not move the
        // next.
        match days_after(&origin, count * days).map(|it| ms_of(&it)) {
            Some(start) if start <= last_ms => starts.push(start),
            _ => break,
        }
    }
    starts
}

/// The longest interval that counts elapsed time from midnight. Longer ones go by the clock: `6h`
/// begins at 0, 6, 12 and 18 o'clock even on days when clocks change.
const ELAPSED_MAX_MS: i64 = 3_600_000;

/// Returns the starts of parts of days, of which each day has about the same number, from the part
/// with `first_ms` on. Stops soon after `count_max`.
fn within_days(
    first_day: Option<&ZonedDateTime>,
    first_ms: i64,
    last_ms: i64,
    length: i64,
    count_max: usize,
) -> Vec<i64> {
    let Some(first_day) = first_day else { return vec![first_ms] };
    let mut starts: Vec<i64> = Vec::new();
    for day in 0_i64.. {
        let Some(date) = days_after(first_day, day) else { break };
        let midnight = ms_of(&date);
        let end = days_after(first_day, day + 1).map_or(i64::MAX, |it| ms_of(&it));
        if midnight > last_ms || starts.len() > count_max {
            break;
        }
        let is_elapsed = length <= ELAPSED_MAX_MS;
        let first_part = if is_elapsed { (first_ms - midnight).max(0) / length } else { 0 };
        for part in first_part.. {
            let Some(start) = part_of_day(&date, midnight, part * length, length) else { break };
            if start >= end || start > last_ms || starts.len() > count_max {
                break;
            }
            // Of the parts before the first instant only the last is wanted. Where clocks are put
            // forward, two parts may begin at the same time.
            if start <= first_ms {
                starts.clear();
            }
            if starts.last().is_none_or(|it| *it < start) {
                starts.push(start);
            }
        }
    }
    if starts.is_empty() { vec![first_ms] } else { starts }
}

/// Returns when the part of a day at `ms` after midnight begins; `None` after the day's end.
fn part_of_day(date: &ZonedDateTime, midnight: i64, ms: i64, length: i64) -> Option<i64> {
    if length <= ELAPSED_MAX_MS {
        return midnight.checked_add(ms);
    }
    if ms >= DAY_MS {
        return None;
    }
    let civil = date.date().at(0, 0, 0, 0).checked_add(ms.milliseconds()).ok()?;
    civil.to_zoned_datetime(date.time_zone().clone()).ok().map(|it| ms_of(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_far_behind_has_an_interval_of_its_own() {
        let at = |it| Timestamp::parse_log_form(it).unwrap();
        let (first, far) = (at("2026-10-24T12:00:00Z"), at("9999-12-30T20:00:00Z"));
        let intervals = Intervals::new(Interval::Day, first, first, &Zone::UTC, 10).unwrap();
        let intervals = intervals.and_that_of(Interval::Day, far, &Zone::UTC);
        let starts: Vec<_> = intervals.starts().map(|it| it.in_zone(&Zone::UTC)).collect();
        assert_eq!(starts, ["2026-10-24T00:00:00.000Z", "9999-12-30T00:00:00.000Z"]);
        assert_eq!(intervals.place_of(far.as_ms()), 1);
        let again = intervals.clone().and_that_of(Interval::Day, first, &Zone::UTC);
        assert_eq!(again, intervals);
    }

    fn starts(interval: &str, first: &str, last: &str, zone: &str) -> Option<Vec<String>> {
        let at = |it| Timestamp::parse_log_form(it).unwrap();
        let zone = Zone::named(zone).unwrap();
        let interval = Interval::parse(interval).unwrap();
        let intervals = Intervals::new(interval, at(first), at(last), &zone, 10)?;
        Some(intervals.starts().map(|it| it.in_zone(&zone)).collect())
    }

    #[test]
    fn days_and_weeks_are_those_of_the_calendar() {
        // Clocks go back on the 25th of October.
        assert_eq!(
            starts("day", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z", "Europe/Madrid").unwrap(),
            [
                "2026-10-24T00:00:00.000+02:00",
                "2026-10-25T00:00:00.000+02:00",
                "2026-10-26T00:00:00.000+01:00"
            ]
        );
        // 2026-11-26 is a Thursday.
        assert_eq!(
            starts("week", "2026-11-26T12:00:00Z", "2026-11-30T00:00:00Z", "UTC").unwrap(),
            ["2026-11-23T00:00:00.000Z", "2026-11-30T00:00:00.000Z"]
        );
    }

    #[test]
    fn lengths_count_from_midnight() {
        assert_eq!(
            starts("hour", "2026-11-26T12:34:56Z", "2026-11-26T14:00:00Z", "UTC").unwrap(),
            ["2026-11-26T12:00:00.000Z", "2026-11-26T13:00:00.000Z", "2026-11-26T14:00:00.000Z"]
        );
        // Half an hour beside the others.
        assert_eq!(
            starts("hour", "2026-11-26T12:34:56Z", "2026-11-26T12:35:00Z", "Asia/Kolkata").unwrap(),
            ["2026-11-26T18:00:00.000+05:30"]
        );
    }

    #[test]
    fn parts_of_days_begin_at_midnight_of_each_day() {
        // Clocks go back at three o'clock of the 25th of October.
        assert_eq!(
            starts("6h", "2026-10-24T20:00:00Z", "2026-10-26T01:00:00Z", "Europe/Madrid").unwrap(),
            [
                "2026-10-24T18:00:00.000+02:00",
                "2026-10-25T00:00:00.000+02:00",
                "2026-10-25T06:00:00.000+01:00",
                "2026-10-25T12:00:00.000+01:00",
                "2026-10-25T18:00:00.000+01:00",
                "2026-10-26T00:00:00.000+01:00",
            ]
        );
        // And forward at two o'clock of the 28th of March.
        assert_eq!(
            starts("12h", "2027-03-27T22:00:00Z", "2027-03-29T01:00:00Z", "Europe/Madrid").unwrap(),
            [
                "2027-03-27T12:00:00.000+01:00",
                "2027-03-28T00:00:00.000+01:00",
                "2027-03-28T12:00:00.000+02:00",
                "2027-03-29T00:00:00.000+02:00",
            ]
        );
        assert_eq!(
            starts("2h", "2027-03-28T00:30:00Z", "2027-03-28T03:00:00Z", "Europe/Madrid").unwrap(),
            [
                "2027-03-28T00:00:00.000+01:00",
                "2027-03-28T03:00:00.000+02:00",
                "2027-03-28T04:00:00.000+02:00",
            ]
        );
        // The hour that comes twice is two.
        assert_eq!(
            starts("hour", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "Europe/Madrid")
                .unwrap(),
            [
                "2026-10-25T02:00:00.000+02:00",
                "2026-10-25T02:00:00.000+01:00",
                "2026-10-25T03:00:00.000+01:00",
            ]
        );
        assert_eq!(
            starts("48h", "2026-10-24T12:00:00Z", "2026-10-27T12:00:00Z", "Europe/Madrid").unwrap(),
            ["2026-10-24T00:00:00.000+02:00", "2026-10-26T00:00:00.000+01:00"]
        );
    }

    #[test]
    fn too_many_are_none_and_the_ends_of_time_do_no_harm() {
        assert_eq!(starts("hour", "2026-11-26T12:00:00Z", "2026-11-26T22:00:00Z", "UTC"), None);
        for interval in ["day", "week", "1ms", "3h"] {
            for count_max in [1, 10, 100_000] {
                let interval = Interval::parse(interval).unwrap();
                let all = [Timestamp::MIN, Timestamp::MAX];
                let _any = Intervals::new(interval, all[0], all[0], &Zone::UTC, count_max);
                let _any = Intervals::new(interval, all[1], all[1], &Zone::UTC, count_max);
                assert_eq!(Intervals::new(interval, all[0], all[1], &Zone::UTC, count_max), None);
            }
        }
    }

    #[test]
    fn every_instant_has_its_place() {
        let at = |it| Timestamp::from_ms(it).unwrap();
        let intervals =
            Intervals::new(Interval::Length(10), at(25), at(44), &Zone::UTC, 9).unwrap();
        let places = [0, 20, 29, 30, 44, 99].map(|it| intervals.place_of(it));
        assert_eq!((intervals.count(), places), (3, [0, 0, 0, 1, 2, 2]));
    }
}
