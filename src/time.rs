//! Instants, ranges and the forms in which people and logs write them.
//!
//! Everything is counted in milliseconds since 1970, as CloudWatch does. This module knows nothing
//! of records or events.

mod clock;
mod day;
mod duration;
mod interval;
mod logged_time;
pub mod workmail_end;

use std::fmt;

use jiff::SignedDuration;
use jiff::tz::TimeZone;

pub use clock::{Clock, ClockWatch};
pub use day::{HOURS_OF_DAY, WEEKDAYS, calendar_place, day_of};
pub use duration::human_duration;
pub use interval::{Interval, Intervals};
pub use logged_time::LoggedTime;
pub(crate) use logged_time::{NUMBERS_OF_SECONDS, is_exponential};

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// An instant in milliseconds since 1970-01-01T00:00:00Z, always within the years -9999 to 9999.
///
/// Displays as RFC 3339 in UTC with milliseconds: `2026-11-23T21:34:00.000Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest instant that has a date.
    pub const MIN: Self = Self(-377_705_023_201_000);
    /// The latest instant that has a date.
    pub const MAX: Self = Self(253_402_207_200_000);

    /// 1970-01-01T00:00:00Z.
    pub const UNIX_EPOCH: Self = Self(0);

    /// Converts milliseconds since 1970; `None` beyond the years -9999 to 9999.
    pub fn from_ms(ms: i64) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&ms).then_some(Self(ms))
    }

    /// Returns the current instant of the system's clock.
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// Returns the milliseconds since 1970.
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// Returns the milliseconds from `earlier` to `self`, negative if `earlier` is the later one.
    pub fn ms_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }

    /// Returns the instant `ms` milliseconds later, clamped to [`Timestamp::MIN`] and
    /// [`Timestamp::MAX`].
    pub fn saturating_add_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Parses the forms in which logs write an instant: RFC 3339 with `T` or a space and any number
    /// of fraction digits. Without a zone it is UTC, as Logs Insights prints it.
    pub fn parse_log_form(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Self::from_ms(instant.as_millisecond());
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let instant = TimeZone::UTC.to_timestamp(civil).ok()?;
        Self::from_ms(instant.as_millisecond())
    }

    /// Writes the instant in `zone`, RFC 3339 with milliseconds and the zone's offset (`Z` in UTC).
    pub fn in_zone(self, zone: &Zone) -> String {
        let instant = self.to_jiff();
        if zone.is_utc() {
            return format!("{instant:.3}");
        }
        let zoned = instant.to_zoned_datetime(zone.0.clone());
        zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
    }

    fn to_jiff(self) -> jiff::Timestamp {
        // Never the default: every `Timestamp` is in jiff's range.
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:.3}", self.to_jiff())
    }
}

/// The zone in which times are shown; UTC by default.
#[derive(Clone, Debug)]
pub struct Zone(TimeZone);

impl Zone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// Returns its IANA name, if it has one.
    pub fn iana_name(&self) -> Option<&str> {
        self.0.iana_name()
    }

    /// Finds a zone by its IANA name (`Europe/Madrid`), `UTC`, or `local` for the system's.
    pub fn named(name: &str) -> Result<Self, TimeError> {
        match name {
            "UTC" | "utc" | "Z" => Ok(Self::UTC),
            "local" => Ok(Self(TimeZone::system())),
            _ => TimeZone::get(name)
                .map(Self)
                .map_err(|_| TimeError::UnknownZone { name: name.to_owned() }),
        }
    }

    /// Returns its IANA name, or `local` for a system zone without one.
    pub fn name(&self) -> String {
        if self.is_utc() { "UTC" } else { self.0.iana_name().unwrap_or("local") }.to_owned()
    }

    /// True if this is UTC.
    pub fn is_utc(&self) -> bool {
        self.0 == TimeZone::UTC
    }
}

/// A half-open range of instants: from `since`, up to but not including `until`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The first instant inside, or no bound.
    pub since: Option<Timestamp>,
    /// The first instant after, or no bound.
    pub until: Option<Timestamp>,
}

impl TimeRange {
    /// True if `instant` is inside.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.since.is_none_or(|since| since <= instant)
            && self.until.is_none_or(|until| instant < until)
    }

    /// Returns the milliseconds since 1970 inside the range. An open end is the least or greatest
    /// number.
    pub fn in_ms(&self) -> std::ops::Range<i64> {
        let ms = |bound: Option<Timestamp>, open| bound.map_or(open, Timestamp::as_ms);
        ms(self.since, i64::MIN)..ms(self.until, i64::MAX)
    }

    /// True if all of `other` is inside.
    pub fn covers(&self, other: &Self) -> bool {
        self.since.is_none_or(|since| other.since.is_some_and(|it| since <= it))
            && self.until.is_none_or(|until| other.until.is_some_and(|it| it <= until))
    }

    /// Returns the range of the same length before the range from `since` to `until`.
    pub fn before(since: Timestamp, until: Timestamp) -> Self {
        let earlier = since.saturating_add_ms(-until.ms_since(since).max(0));
        Self { since: Some(earlier), until: Some(since) }
    }

    /// True if both ends are open.
    pub fn is_unbounded(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }
}

/// The reason why a time that a person wrote cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TimeError {
    /// None of the accepted forms.
    #[error(
        "cannot read \"{text}\" as a time: give RFC 3339 (2026-11-23T21:34:00Z), a date (2026-11-23), a day (yesterday, monday), or an age (2h, 7d, 1h30m)"
    )]
    UnknownForm {
        /// The text as written.
        text: String,
    },
    /// Not a day, or one in another order.
    #[error("cannot read \"{text}\" as a time: {hint}")]
    NoDay {
        /// The text as written.
        text: String,
        /// The mistake, or the day that was meant.
        hint: String,
    },
    /// A known form, but outside the years -9999 to 9999.
    #[error("the time \"{text}\" is out of range")]
    OutOfRange {
        /// The text as written.
        text: String,
    },
    /// No such time zone.
    #[error("unknown time zone \"{name}\": give an IANA name such as Europe/Madrid, UTC, or local")]
    UnknownZone {
        /// The text as written.
        name: String,
    },
}

/// Reads a time argument: RFC 3339, a date or a day by its name ([`day_of`]; its first instant in
/// `zone`), a local date and time, an age before `now` (`2h`, `7d`, `1h30m`, `2h ago`), or a number
/// since 1970, whose size shows if it counts seconds, milliseconds, microseconds or nanoseconds.
pub fn parse_time_argument(
    text: &str,
    now: Timestamp,
    zone: &Zone,
) -> Result<Timestamp, TimeError> {
    let trimmed = text.trim();
    let out_of_range = || TimeError::OutOfRange { text: text.to_owned() };
    if let Ok(instant) = trimmed.parse::<jiff::Timestamp>() {
        return Timestamp::from_ms(instant.as_millisecond()).ok_or_else(out_of_range);
    }
    if trimmed.len() >= NUMBER_BYTES_MIN
        && let Ok(number) = trimmed.parse::<i64>()
    {
        return LoggedTime::from_number(number).map(|it| it.at).ok_or_else(out_of_range);
    }
    // Before the ages, and after the numbers: a day is a name or has dashes.
    if let Some((first, _)) = day_of(trimmed, now, zone) {
        return Ok(first);
    }
    if let Ok(civil) = trimmed.parse::<jiff::civil::DateTime>() {
        let zoned = civil.to_zoned_datetime(zone.0.clone()).map_err(|_| out_of_range())?;
        return Timestamp::from_ms(zoned.timestamp().as_millisecond()).ok_or_else(out_of_range);
    }
    let age_ms =
        parse_duration_ms(trimmed.strip_suffix("ago").unwrap_or(trimmed)).ok_or_else(|| {
            match day::hint(trimmed) {
                Some(hint) => TimeError::NoDay { text: text.to_owned(), hint },
                None => TimeError::UnknownForm { text: text.to_owned() },
            }
        })?;
    now.as_ms().checked_sub(age_ms).and_then(Timestamp::from_ms).ok_or_else(out_of_range)
}

/// Digits of a number since 1970 at least: fewer may mean a year or a length.
const NUMBER_BYTES_MIN: usize = 10;

/// Reads a length of time such as `90s`, `5m`, `4h`, `7d`, `2w` or `1h30m`, in milliseconds. `None`
/// if it is not one, or is negative.
pub fn parse_duration_ms(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() || text.starts_with('-') {
        return None;
    }
    let span: jiff::Span = text.parse().ok()?;
    // Days and weeks count as 24 and 168 hours: an age is a length, not a calendar date.
    let days = i64::from(span.get_days()) + 7 * i64::from(span.get_weeks());
    // Refused: months and years have no fixed length.
    if span.get_months() != 0 || span.get_years() != 0 {
        return None;
    }
    let rest = SignedDuration::try_from(span.days(0).weeks(0)).ok()?;
    let ms = i64::try_from(rest.as_millis()).ok()?;
    days.checked_mul(DAY_MS)?.checked_add(ms).filter(|ms| *ms >= 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        Timestamp::parse_log_form("2026-11-23T12:00:00Z").unwrap()
    }

    fn check(text: &str, expect: &str) {
        let read = parse_time_argument(text, now(), &Zone::UTC).unwrap();
        assert_eq!(read.to_string(), expect, "{text}");
    }

    #[test]
    fn every_documented_form_is_read() {
        check("2026-11-23T21:34:00Z", "2026-11-23T21:34:00.000Z");
        check("2026-11-23T22:34:00+01:00", "2026-11-23T21:34:00.000Z");
        check("2026-11-23", "2026-11-23T00:00:00.000Z");
        check("2026-11-23 10:00", "2026-11-23T10:00:00.000Z");
        check("2h", "2026-11-23T10:00:00.000Z");
        check("7d", "2026-11-16T12:00:00.000Z");
        check("1w", "2026-11-16T12:00:00.000Z");
        check("1h30m", "2026-11-23T10:30:00.000Z");
        check("2h ago", "2026-11-23T10:00:00.000Z");
        check("1793000003347", "2026-10-26T07:33:23.347Z");
        check("1793000003", "2026-10-26T07:33:23.000Z");
        check("1793000003347999", "2026-10-26T07:33:23.347Z");
    }

    #[test]
    fn a_date_begins_in_the_zone_asked_for() {
        let zone = Zone::named("Europe/Madrid").unwrap();
        let read = parse_time_argument("2026-11-23", now(), &zone).unwrap();
        assert_eq!(read.to_string(), "2026-11-22T23:00:00.000Z");
        assert_eq!(read.in_zone(&zone), "2026-11-23T00:00:00.000+01:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        check("yesterday", "2026-11-22T00:00:00.000Z");
        for text in ["", "yesterday-ish", "-2h", "5", "2026-13-40", "99999999999999999999"] {
            assert!(parse_time_argument(text, now(), &Zone::UTC).is_err(), "{text}");
        }
    }

    #[test]
    fn log_forms_with_and_without_zone_agree() {
        let exact = Timestamp::from_ms(1_795_469_640_123).unwrap();
        for text in [
            "2026-11-23T21:34:00.123Z",
            "2026-11-23 21:34:00.123",
            "2026-11-23T21:34:00.123000+00:00",
        ] {
            assert_eq!(Timestamp::parse_log_form(text), Some(exact), "{text}");
        }
    }

    #[test]
    fn the_extremes_can_be_written() {
        assert!(Timestamp::MIN.to_string().starts_with("-009999"));
        assert!(Timestamp::MAX.to_string().starts_with("9999"));
        assert_eq!(Timestamp::from_ms(i64::MAX), None);
    }
}
