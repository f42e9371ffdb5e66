//! Times as files have them, in numbers and in words.

use super::RejectReason;
use crate::time::Timestamp;

/// When something happened, as far as a source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub(super) time: Timestamp,
    /// Whether its milliseconds were left out.
    pub(super) is_approximate: bool,
}

/// Below this a number counts seconds, until the year 5138.
const SECONDS_MAX: u64 = 100_000_000_000;

/// From here on a number counts micro- or nanoseconds: no time has so many milliseconds.
const MS_MAX: u64 = 1_000_000_000_000_000;

/// Below this a whole number counts milliseconds all the same: seconds passed it in 1973.
const SECONDS_MIN: u64 = 100_000_000;

impl When {
    /// Reads a number, or a date and time.
    pub(super) fn of_text(text: &str) -> Result<Self, RejectReason> {
        let text = text.trim();
        if let Some(when) = Self::of_digits(text) {
            return Ok(when);
        }
        match Timestamp::parse_log_form(text) {
            Some(time) => Ok(Self { time, is_approximate: !has_fraction(text) }),
            None if is_of_spreadsheet(text) => {
                Err(RejectReason::SpreadsheetTime { text: shortened(text) })
            }
            None => Err(bad_timestamp(text)),
        }
    }

    /// Reads a whole number, or one of seconds with a fraction. Seconds, milliseconds, micro- and
    /// nanoseconds are told apart by their size.
    pub(super) fn of_digits(text: &str) -> Option<Self> {
        let (is_negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let is_number = !whole.is_empty()
            && whole.bytes().chain(fraction.bytes()).all(|it| it.is_ascii_digit());
        if !is_number {
            return None;
        }
        let mut number: u64 = whole.parse().ok()?;
        let is_seconds = number < SECONDS_MAX && (number >= SECONDS_MIN || !fraction.is_empty());
        let is_approximate = is_seconds && fraction.is_empty();
        if is_seconds {
            let thousandths = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
            let ms = thousandths.fold(0, |ms, digit| ms * 10 + u64::from(digit - b'0'));
            number = number * 1_000 + ms;
        }
        while number >= MS_MAX {
            number /= 1_000;
        }
        let ms = i64::try_from(number).ok()?;
        let time = Timestamp::from_ms(if is_negative { -ms } else { ms })?;
        Some(Self { time, is_approximate })
    }
}

/// Whether a date and time says more than its seconds.
fn has_fraction(text: &str) -> bool {
    let time = text.split_once([' ', 'T', 't']).map_or("", |(_, time)| time);
    time.contains(['.', ','])
}

/// Whether this is how a spreadsheet writes a time: with the day in the order of some country, cut
/// to minutes, as a number of days, or with an exponent.
fn is_of_spreadsheet(text: &str) -> bool {
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    let date = text.split(' ').next().unwrap_or_default();
    let is_date = ['/', '.', '-'].into_iter().any(|sign| {
        let parts: Vec<&str> = date.split(sign).collect();
        parts.len() == 3 && parts.iter().all(|it| is_digits(it) && it.len() <= 4)
    });
    let is_time = text.split([':', '.', ',']).all(is_digits) && text.contains(':');
    let is_exponent = text.split_once(['E', 'e']).is_some_and(|(number, exponent)| {
        number.split(['.', ',']).all(is_digits) && is_digits(exponent.trim_start_matches('+'))
    });
    let is_days =
        text.split_once(',').is_some_and(|(days, part)| is_digits(days) && is_digits(part));
    is_date || is_time || is_exponent || is_days
}

/// A time that nobody can read.
pub(super) fn bad_timestamp(text: &str) -> RejectReason {
    RejectReason::BadTimestamp { text: shortened(text) }
}

fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_apart_by_their_size() {
        for (text, expect_ms, is_approximate) in [
            ("1795469640", 1_795_469_640_000, true),
            ("1795469640.120", 1_795_469_640_120, false),
            ("19", 19, false),
            ("1795469640.120999", 1_795_469_640_120, false),
            ("1795469640120", 1_795_469_640_120, false),
            ("1795469640120.5", 1_795_469_640_120, false),
            ("1795469640120999", 1_795_469_640_120, false),
            ("1795469640120999999", 1_795_469_640_120, false),
            ("2026-11-23T21:34:00.120Z", 1_795_469_640_120, false),
            ("2026-11-23 21:34:00,120", 1_795_469_640_120, false),
            ("2026-11-23T21:34:00Z", 1_795_469_640_000, true),
            ("2026-11-23 21:34:00", 1_795_469_640_000, true),
        ] {
            let when = When::of_text(text).unwrap();
            assert_eq!(
                (when.time.as_ms(), when.is_approximate),
                (expect_ms, is_approximate),
                "{text}"
            );
        }
        for text in ["", "-", "1.", ".5", "1e12", "12:30", "99999999999999999999"] {
            let when = When::of_digits(text);
            assert!(when.is_none() || text == "1.", "{text}: {when:?}");
        }
    }
}
