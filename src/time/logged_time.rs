//! Times as logs, exports and spreadsheets write them.

use super::Timestamp;

/// An instant out of a log, and how exactly the log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedTime {
    /// The instant.
    pub at: Timestamp,
    /// Whether it is known to the second only, so that the event may have happened at any
    /// millisecond of it.
    pub is_to_the_second: bool,
}

/// Seconds stay below this until the year 5138; milliseconds passed it in 1973.
const SECONDS_MAX: u64 = 100_000_000_000;

/// Milliseconds stay below this until the year 10,000; microseconds passed it in 1978.
const MILLISECONDS_MAX: u64 = 254_000_000_000_000;

/// Microseconds stay below this until the year 10,000; nanoseconds passed it in 1978.
const MICROSECONDS_MAX: u64 = 254_000_000_000_000_000;

impl LoggedTime {
    /// Takes a number since 1970: seconds, milliseconds, microseconds or nanoseconds, told apart by
    /// its size. `None` beyond the years -9999 to 9999.
    ///
    /// # Example
    /// ```
    /// use mailtrace::time::LoggedTime;
    /// let exact = LoggedTime::from_number(1_795_446_131_120).unwrap();
    /// assert_eq!(LoggedTime::from_number(1_795_446_131_120_400), Some(exact));
    /// assert!(LoggedTime::from_number(1_795_446_131).unwrap().is_to_the_second);
    /// ```
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        let ms = match number.unsigned_abs() {
            ..SECONDS_MAX => number.checked_mul(1_000)?,
            SECONDS_MAX..MILLISECONDS_MAX => number,
            MILLISECONDS_MAX..MICROSECONDS_MAX => number.div_euclid(1_000),
            _ => number.div_euclid(1_000_000),
        };
        let is_to_the_second = number.unsigned_abs() < SECONDS_MAX;
        Some(Self { at: Timestamp::from_ms(ms)?, is_to_the_second })
    }

    /// Reads a text: a number as [`LoggedTime::from_number`] takes it, perhaps with decimals, or
    /// one of the forms of [`Timestamp::parse_log_form`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse::<i64>() {
            return Self::from_number(number);
        }
        if text.bytes().all(|it| it.is_ascii_digit() || b".-+eE".contains(&it))
            && let Ok(number) = text.parse::<f64>()
        {
            return Self::from_decimal(number);
        }
        let has_fraction =
            text.split(['.', ',']).skip(1).any(|it| it.starts_with(|it: char| it.is_ascii_digit()));
        let at = Timestamp::parse_log_form(text)?;
        Some(Self { at, is_to_the_second: !has_fraction })
    }

    /// Takes a number that is written with decimals or an exponent.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "a cast of floats saturates, and a millisecond is all that is wanted"
    )]
    #[must_use]
    pub fn from_decimal(number: f64) -> Option<Self> {
        if number.abs() < SECONDS_MAX as f64 && number.fract() != 0.0 {
            let at = Timestamp::from_ms((number * 1_000.0).round() as i64)?;
            return Some(Self { at, is_to_the_second: false });
        }
        let is_number = number.abs() < i64::MAX as f64;
        is_number.then(|| Self::from_number(number.round() as i64)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str, is_to_the_second: bool) {
        let at = Timestamp::parse_log_form(expect).unwrap();
        assert_eq!(LoggedTime::parse(text), Some(LoggedTime { at, is_to_the_second }), "{text}");
    }

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        check("1795446131", "2026-11-23T15:02:11.000Z", true);
        check("1795446131.12", "2026-11-23T15:02:11.120Z", false);
        check("1795446131120", "2026-11-23T15:02:11.120Z", false);
        check("1.79544613112E12", "2026-11-23T15:02:11.120Z", false);
        check("1795446131120999", "2026-11-23T15:02:11.120Z", false);
        check("1795446131120999999", "2026-11-23T15:02:11.120Z", false);
        check("-1", "1969-12-31T23:59:59.000Z", true);
        assert_eq!(LoggedTime::from_number(i64::MAX).unwrap().at.as_ms(), i64::MAX / 1_000_000);
        assert_eq!(LoggedTime::from_number(253_402_207_200_000).unwrap().at, Timestamp::MAX);
        assert_eq!(LoggedTime::from_number(253_999_999_999_999), None);
    }

    #[test]
    fn a_text_without_a_fraction_is_to_the_second() {
        check("2026-11-23 15:02:11", "2026-11-23T15:02:11.000Z", true);
        check("2026-11-23T15:02:11Z", "2026-11-23T15:02:11.000Z", true);
        check("2026-11-23T16:02:11+01:00", "2026-11-23T15:02:11.000Z", true);
        check("2026-11-23 15:02:11.000", "2026-11-23T15:02:11.000Z", false);
        check("2026-11-23T15:02:11.12Z", "2026-11-23T15:02:11.120Z", false);
        for text in ["", "soon", "1e999", "-", "NaN", "99999999999999999999"] {
            assert!(LoggedTime::parse(text).is_none(), "{text}");
        }
    }
}
