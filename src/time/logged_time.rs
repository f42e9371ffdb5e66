//! Times as logs, exports and spreadsheets write them.

use std::iter;
use std::ops::Range;

use super::Timestamp;

/// An instant from a log, with its precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedTime {
    /// The instant.
    pub at: Timestamp,
    /// True if it is known only to the second, so that the event may have happened at any
    /// millisecond of that.
    pub is_to_the_second: bool,
}

/// Whole numbers that count seconds. Smaller and larger ones count milliseconds, which passed the
/// lower bound in 1970 and the upper in 1973; seconds reach the upper in the year 5138.
pub(crate) const NUMBERS_OF_SECONDS: Range<u64> = 100_000_000..100_000_000_000;

/// From here on a number counts micro- or nanoseconds: no time has as many milliseconds.
const MS_MAX: u64 = 1_000_000_000_000_000;

impl LoggedTime {
    /// Converts a number since 1970: seconds, milliseconds, microseconds or nanoseconds, by its
    /// size. `None` beyond the years -9999 to 9999.
    pub fn from_number(number: i64) -> Option<Self> {
        let is_to_the_second = NUMBERS_OF_SECONDS.contains(&number.unsigned_abs());
        let mut ms = if is_to_the_second { number * 1_000 } else { number };
        while ms.unsigned_abs() >= MS_MAX {
            ms = ms.div_euclid(1_000);
        }
        Some(Self { at: Timestamp::from_ms(ms)?, is_to_the_second })
    }

    /// Parses a text: a number for [`LoggedTime::from_number`], perhaps with decimals, or one of
    /// the forms of [`Timestamp::parse_log_form`].
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(number) = text.parse::<i64>() {
            return Self::from_number(number);
        }
        if let Some((whole, fraction)) = text.split_once('.')
            && let Some(time) = Self::from_decimal(whole, fraction)
        {
            return Some(time);
        }
        if is_exponential(text) {
            let number: f64 = text.parse().ok()?;
            return Self::from_decimal(&format!("{number:.0}"), "");
        }
        let has_fraction =
            text.split(['.', ',']).skip(1).any(|it| it.starts_with(|it: char| it.is_ascii_digit()));
        let at = Timestamp::parse_log_form(text)?;
        Some(Self { at, is_to_the_second: !has_fraction })
    }

    /// Converts a number with decimals, of which seconds use the thousandths.
    fn from_decimal(whole: &str, fraction: &str) -> Option<Self> {
        if !fraction.bytes().all(|it| it.is_ascii_digit()) {
            return None;
        }
        let number: i64 = whole.parse().ok()?;
        // Milliseconds and finer units have decimals below a millisecond, which are dropped.
        if fraction.is_empty() || number.unsigned_abs() >= NUMBERS_OF_SECONDS.end {
            return Self::from_number(number);
        }
        let thousandths = fraction.bytes().chain(iter::repeat(b'0')).take(3);
        let ms = thousandths.fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
        // By the text, since the number is 0 in `-0.5`.
        let ms = if whole.starts_with('-') { number * 1_000 - ms } else { number * 1_000 + ms };
        Some(Self { at: Timestamp::from_ms(ms)?, is_to_the_second: false })
    }
}

/// True if a text is a number with an exponent, as spreadsheets write large ones.
pub(crate) fn is_exponential(text: &str) -> bool {
    let has_digits = |text: &str, signs: &[u8]| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        digits.bytes().any(|it| it.is_ascii_digit())
            && digits.bytes().all(|it| it.is_ascii_digit() || signs.contains(&it))
    };
    text.split_once(['e', 'E'])
        .is_some_and(|(number, exponent)| has_digits(number, b".,") && has_digits(exponent, b""))
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
        check("1795446131120.5", "2026-11-23T15:02:11.120Z", false);
        check("1795446131.120999", "2026-11-23T15:02:11.120Z", false);
        check("19", "1970-01-01T00:00:00.019Z", false);
        check("-1", "1969-12-31T23:59:59.999Z", false);
        check("-0.5", "1969-12-31T23:59:59.500Z", false);
        check("-200000000", "1963-08-31T04:26:40.000Z", true);
        assert_eq!(LoggedTime::from_number(i64::MAX).unwrap().at.as_ms(), i64::MAX / 1_000_000);
        assert_eq!(LoggedTime::from_number(253_402_207_200_000).unwrap().at, Timestamp::MAX);
        assert_eq!(LoggedTime::from_number(253_999_999_999_999), None);
        assert_eq!(LoggedTime::from_number(i64::MIN).unwrap().at.as_ms(), -9_223_372_036_855);
    }

    #[test]
    fn a_text_without_a_fraction_is_to_the_second() {
        check("2026-11-23 15:02:11", "2026-11-23T15:02:11.000Z", true);
        check("2026-11-23T15:02:11Z", "2026-11-23T15:02:11.000Z", true);
        check("2026-11-23T16:02:11+01:00", "2026-11-23T15:02:11.000Z", true);
        check("2026-11-23 15:02:11.000", "2026-11-23T15:02:11.000Z", false);
        check("2026-11-23T15:02:11.12Z", "2026-11-23T15:02:11.120Z", false);
        for text in ["", "soon", "1e999", "-", "NaN", ".5", "1.5.1", "99999999999999999999"] {
            assert!(LoggedTime::parse(text).is_none(), "{text}");
        }
    }
}
