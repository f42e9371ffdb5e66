//! Ranges of RFC 3463 status codes.

use std::cmp::Ordering;

use crate::event::StatusCode;

/// The numbers of a status: class, subject, detail.
type Code = [u32; 3];

/// A half-open range of statuses, compared number by number: 5.9.9 comes before 5.10.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusRange {
    low: Option<Code>,
    high: Option<Code>,
}

/// An end of a range: a status, or the beginning of one (`5`, `5.1`), which stands for all statuses
/// that begin with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StatusBound {
    first: Code,
    /// The first code after all those that begin with it; `None` if there is none.
    after: Option<Code>,
}

impl StatusBound {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut first: Code = [0; 3];
        let mut count = 0;
        for part in text.split('.') {
            let is_number = !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
            let number = is_number.then(|| part.parse().ok()).flatten()?;
            *first.get_mut(count)? = number;
            count += 1;
        }
        let mut after = first;
        let last = after.get_mut(count.checked_sub(1)?)?;
        let next = last.checked_add(1);
        *last = next.unwrap_or(u32::MAX);
        Some(Self { first, after: next.map(|_| after) })
    }
}

impl StatusRange {
    /// From `low` to `high`, each with a flag that includes all that begin with it; `None` is open.
    pub(super) fn between(
        low: Option<(StatusBound, bool)>,
        high: Option<(StatusBound, bool)>,
    ) -> Self {
        // No code comes after the last one, so a half-open range can express "nothing" only by
        // beginning at its end.
        let past_the_last = [u32::MAX; 3];
        Self {
            low: low.map(|(bound, is_inside)| {
                if is_inside { bound.first } else { bound.after.unwrap_or(past_the_last) }
            }),
            high: high.and_then(
                |(bound, is_inside)| {
                    if is_inside { bound.after } else { Some(bound.first) }
                },
            ),
        }
    }

    /// The first status inside, or no bound.
    pub fn low(&self) -> Option<[u32; 3]> {
        self.low
    }

    /// The first status after, or no bound.
    pub fn high(&self) -> Option<[u32; 3]> {
        self.high
    }

    /// True if `status` begins with a status inside the range.
    pub fn contains(&self, status: &str) -> bool {
        let Some(code) = code(status) else { return false };
        self.low.is_none_or(|low| low.cmp(&code) != Ordering::Greater)
            && self.high.is_none_or(|high| code.cmp(&high) == Ordering::Less)
    }
}

/// Reads the numbers at the beginning of a logged status, as far as possible.
fn code(status: &str) -> Option<Code> {
    if let Some(StatusCode { class, subject, detail }) = StatusCode::find(status) {
        return Some([class.into(), subject.into(), detail.into()]);
    }
    let status = status.trim_start();
    let end = status.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(status.len());
    let digits = status.get(..end)?.trim_end_matches('.');
    let mut code: Code = [0; 3];
    for (place, part) in code.iter_mut().zip(digits.split('.')) {
        *place = part.parse().ok()?;
    }
    Some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound(text: &str) -> StatusBound {
        StatusBound::parse(text).unwrap()
    }

    #[test]
    fn bounds_stand_for_all_that_begin_so() {
        let range = StatusRange::between(Some((bound("5.0"), true)), Some((bound("5.1"), true)));
        for (status, expect) in
            [("5.0.0", true), ("5.1.10", true), ("5.2.0", false), ("4.9.9", false), ("5", true)]
        {
            assert_eq!(range.contains(status), expect, "{status}");
        }
        let above = StatusRange::between(Some((bound("5.1"), false)), None);
        assert!(!above.contains("5.1.10") && above.contains("5.2.0"));
        let below = StatusRange::between(None, Some((bound("5"), false)));
        assert!(below.contains("4.4.7") && !below.contains("5.0.0"));
    }

    #[test]
    fn what_is_no_status_is_in_no_range() {
        let all = StatusRange::default();
        for status in ["", "x", "unknown", "."] {
            assert!(!all.contains(status), "{status}");
        }
        assert!(all.contains("5.1.1 (bad mailbox)"));
        assert!(all.contains("550"));
        for text in ["", "5.", "5.1.1.1", "x", "5.x", "-1", "99999999999"] {
            assert_eq!(StatusBound::parse(text), None, "{text}");
        }
        let last = StatusRange::between(None, Some((bound("4294967295"), true)));
        assert!(last.contains("5.1.1"));
    }
}
