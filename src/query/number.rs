//! Ranges of whole numbers: of counts, and of durations in milliseconds.

use crate::time::parse_duration_ms;

/// A half-open range of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NumberRange {
    /// The first number inside, or no bound.
    pub low: Option<i64>,
    /// The first number after, or no bound.
    pub high: Option<i64>,
}

impl NumberRange {
    /// From `low` to `high`, each with a flag that includes the number itself; `None` is open.
    pub(super) fn between(low: Option<(i64, bool)>, high: Option<(i64, bool)>) -> Self {
        // At `i64::MAX` the bound cannot move further. It is then wrong only for that number.
        let after = |number: i64| number.saturating_add(1);
        let edge = |(number, is_first): (i64, bool)| if is_first { number } else { after(number) };
        Self { low: low.map(edge), high: high.map(|(it, is_inside)| edge((it, !is_inside))) }
    }

    /// True if the number lies inside.
    pub fn contains(&self, number: i64) -> bool {
        self.low.is_none_or(|low| low <= number) && self.high.is_none_or(|high| number < high)
    }
}

/// Parses a duration in milliseconds; a bare `0` is one too.
pub(super) fn duration(text: &str) -> Option<i64> {
    if text.trim() == "0" {
        return Some(0);
    }
    parse_duration_ms(text)
}

pub(super) fn count(text: &str) -> Option<i64> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_inside_or_not() {
        let check = |range: NumberRange, inside: &[i64], outside: &[i64]| {
            assert!(inside.iter().all(|it| range.contains(*it)), "{range:?}");
            assert!(!outside.iter().any(|it| range.contains(*it)), "{range:?}");
        };
        check(NumberRange::between(Some((2, true)), Some((5, true))), &[2, 5], &[1, 6]);
        check(NumberRange::between(Some((2, false)), Some((5, false))), &[3, 4], &[2, 5]);
        check(NumberRange::between(None, None), &[i64::MIN, i64::MAX], &[]);
    }

    #[test]
    fn lengths_have_a_unit_but_for_none() {
        assert_eq!((duration("5m"), duration("0"), duration("5")), (Some(300_000), Some(0), None));
        assert_eq!(
            (count("12"), count("-1"), count("9".repeat(40).as_str())),
            (Some(12), None, None)
        );
    }
}
