//! Reads the times in files, and recognises those that a spreadsheet has spoilt.

use super::RejectReason;
use crate::time::{LoggedTime, is_exponential};

/// Reads a number, or a date and time.
pub(super) fn read_time(text: &str) -> Result<LoggedTime, RejectReason> {
    let text = text.trim();
    let spoilt = || RejectReason::SpreadsheetTime { text: shortened(text) };
    // The digits that an exponent leaves out are lost, even if the rest could be read as a time.
    if is_exponential(text) {
        return Err(spoilt());
    }
    match LoggedTime::parse(text) {
        Some(time) => Ok(time),
        None if is_of_spreadsheet(text) => Err(spoilt()),
        None => Err(bad_timestamp(text)),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit())
}

/// True if a spreadsheet wrote this time: with the date in some country's order, cut to minutes, or
/// as a number of days.
fn is_of_spreadsheet(text: &str) -> bool {
    let date = text.split_once(' ').map_or(text, |it| it.0);
    let is_date = ['/', '.', '-'].into_iter().any(|sign| {
        let parts: Vec<&str> = date.split(sign).collect();
        parts.len() == 3 && parts.iter().all(|it| is_digits(it) && it.len() <= 4)
    });
    let is_time = text.split([':', '.', ',']).all(is_digits) && text.contains(':');
    let is_days =
        text.split_once(',').is_some_and(|(days, part)| is_digits(days) && is_digits(part));
    is_date || is_time || is_days
}

/// Returns the reason to reject an unreadable time.
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
    fn what_a_spreadsheet_has_spoilt_is_told_as_such() {
        for text in [
            "1.79545E+12",
            "1,79545E+12",
            "1.5E-3",
            "-2e9",
            "23/11/2026 21:34",
            "34:00.1",
            "46349,9",
        ] {
            let read = read_time(text);
            assert!(matches!(read, Err(RejectReason::SpreadsheetTime { .. })), "{text}: {read:?}");
        }
        for text in ["", "-", ".5", "soon", "99999999999999999999"] {
            let read = read_time(text);
            assert!(matches!(read, Err(RejectReason::BadTimestamp { .. })), "{text}: {read:?}");
        }
        let read = read_time(" 1795469640.120 ").unwrap();
        assert_eq!((read.at.as_ms(), read.is_to_the_second), (1_795_469_640_120, false));
    }
}
