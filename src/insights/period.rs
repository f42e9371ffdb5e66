//! Periods of time, and the instants at which they begin.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::time::DAY_MS;

/// A duration such as `5m` or `1mo`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) count: i64,
    pub(super) unit: Unit,
}

/// The unit of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// 1970-01-05, the first Monday from which weeks can be counted.
const FIRST_MONDAY_MS: i64 = 4 * DAY_MS;

impl Unit {
    /// Parses a unit in any of its spellings.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let unit = match name.as_str() {
            "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => Self::Millisecond,
            "s" | "sec" | "secs" | "second" | "seconds" => Self::Second,
            "m" | "min" | "mins" | "minute" | "minutes" => Self::Minute,
            "h" | "hr" | "hrs" | "hour" | "hours" => Self::Hour,
            "d" | "day" | "days" => Self::Day,
            "w" | "week" | "weeks" => Self::Week,
            "mo" | "mos" | "mon" | "mons" | "month" | "months" => Self::Month,
            "q" | "qtr" | "qtrs" | "quarter" | "quarters" => Self::Quarter,
            "y" | "yr" | "yrs" | "year" | "years" => Self::Year,
            _ => return None,
        };
        Some(unit)
    }

    /// The length of one unit in milliseconds; `None` if it varies.
    fn ms(self) -> Option<i64> {
        Some(match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => DAY_MS,
            Self::Week => 7 * DAY_MS,
            Self::Month | Self::Quarter | Self::Year => return None,
        })
    }

    fn months(self) -> i64 {
        match self {
            Self::Year => 12,
            Self::Quarter => 3,
            _ => 1,
        }
    }
}

impl Period {
    /// A period; `None` if it is longer than all of time.
    pub(super) fn new(count: i64, unit: Unit) -> Option<Self> {
        let is_possible = (0..=10_000_000_000).contains(&count)
            && unit.ms().is_none_or(|it| it.checked_mul(count).is_some());
        is_possible.then_some(Self { count, unit })
    }

    /// The length in milliseconds; `None` if it varies.
    pub(super) fn ms(self) -> Option<i64> {
        self.unit.ms().map(|it| it.saturating_mul(self.count))
    }

    /// The last instant not after `ms` at which such a period begins. Periods are counted from 1970
    /// in UTC; weeks begin on Monday; months, quarters and years follow the calendar.
    pub(super) fn floor(self, ms: i64) -> Option<i64> {
        if self.count == 0 {
            return None;
        }
        if let Some(length) = self.ms() {
            let origin = if self.unit == Unit::Week { FIRST_MONDAY_MS } else { 0 };
            // Not `%`, which rounds towards 1970 and so would put earlier times into the next
            // period.
            let behind = ms.checked_sub(origin)?.rem_euclid(length);
            return ms.checked_sub(behind);
        }
        let length = self.count.checked_mul(self.unit.months())?;
        let date = date_of(ms)?;
        let month = i64::from(date.year() - 1970) * 12 + i64::from(date.month()) - 1;
        first_of_month(month.checked_sub(month.rem_euclid(length))?)
    }

    /// The first instant not before `ms` at which such a period begins.
    pub(super) fn ceil(self, ms: i64) -> Option<i64> {
        let floor = self.floor(ms)?;
        if floor == ms {
            return Some(ms);
        }
        if let Some(length) = self.ms() {
            return floor.checked_add(length);
        }
        // A period of months has no fixed length to add.
        let date = date_of(floor)?;
        let month = i64::from(date.year() - 1970) * 12 + i64::from(date.month()) - 1;
        first_of_month(month.checked_add(self.count.checked_mul(self.unit.months())?)?)
    }
}

fn date_of(ms: i64) -> Option<Date> {
    let instant = jiff::Timestamp::from_millisecond(ms).ok()?;
    Some(TimeZone::UTC.to_datetime(instant).date())
}

/// The beginning of the month that is this many months after January 1970.
fn first_of_month(month: i64) -> Option<i64> {
    let year = i16::try_from(1970 + month.div_euclid(12)).ok()?;
    let month = i8::try_from(month.rem_euclid(12) + 1).ok()?;
    let first = Date::new(year, month, 1).ok()?.at(0, 0, 0, 0);
    TimeZone::UTC.to_timestamp(first).ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn check(count: i64, unit: &str, at: &str, floor: &str, ceil: &str) {
        let ms = |it: &str| Timestamp::parse_log_form(it).unwrap().as_ms();
        let period = Period::new(count, Unit::from_name(unit).unwrap()).unwrap();
        assert_eq!(period.floor(ms(at)), Some(ms(floor)), "{count}{unit} {at}");
        assert_eq!(period.ceil(ms(at)), Some(ms(ceil)), "{count}{unit} {at}");
    }

    #[test]
    fn periods_begin_where_their_unit_does() {
        let at = "2026-11-26T12:34:56.789Z";
        check(5, "m", at, "2026-11-26T12:30:00Z", "2026-11-26T12:35:00Z");
        check(300, "seconds", at, "2026-11-26T12:30:00Z", "2026-11-26T12:35:00Z");
        check(1, "hr", at, "2026-11-26T12:00:00Z", "2026-11-26T13:00:00Z");
        check(1, "d", at, "2026-11-26T00:00:00Z", "2026-11-27T00:00:00Z");
        // A Thursday.
        check(1, "w", at, "2026-11-23T00:00:00Z", "2026-11-30T00:00:00Z");
        check(1, "mo", at, "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
        check(1, "qtr", at, "2026-10-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check(1, "year", at, "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z");
        check(1, "h", "1969-12-31T23:59:59Z", "1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z");
        check(1, "mon", "1969-12-31T23:59:59Z", "1969-12-01T00:00:00Z", "1970-01-01T00:00:00Z");
    }

    #[test]
    fn an_instant_at_the_boundary_begins_its_period() {
        let at = "2026-11-26T13:00:00Z";
        check(1, "h", at, at, at);
        check(1, "h", "2026-11-26T12:59:59.999Z", "2026-11-26T12:00:00Z", at);
        check(1, "mo", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z");
    }

    #[test]
    fn the_ends_of_time_do_no_harm() {
        for unit in ["ms", "w", "mo", "y"] {
            for count in [1, 7, 10_000_000_000] {
                let unit = Unit::from_name(unit).unwrap();
                let Some(period) = Period::new(count, unit) else { continue };
                for ms in [i64::MIN, i64::MAX, Timestamp::MIN.as_ms(), Timestamp::MAX.as_ms()] {
                    let _any = (period.floor(ms), period.ceil(ms));
                }
            }
        }
        assert_eq!(Period::new(0, Unit::Second).unwrap().ceil(5), None);
        assert_eq!(Period::new(10_000_000_001, Unit::Millisecond), None);
    }
}
