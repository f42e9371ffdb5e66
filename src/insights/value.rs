//! Values and their order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::time::{Timestamp, Zone};

/// The value of a field or the result of a function.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// No value: the field is missing, or the function has no result.
    Null,
    Bool(bool),
    /// A computed number. Numbers of events are texts, so that they keep all their digits.
    Number(f64),
    Text(Cow<'a, str>),
    /// A list or object of the event, as its JSON text.
    Raw(Cow<'a, str>),
    Time(i64),
    /// A map or list that a function made.
    Structure(Arc<serde_json::Value>),
}

impl<'a> Value<'a> {
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    /// A number; `Null` if it is infinite or not a number.
    pub(super) fn number(number: f64) -> Self {
        if number.is_finite() { Self::Number(number) } else { Self::Null }
    }

    /// 1 or 0, the result of functions that answer yes or no.
    pub(super) fn flag(is_so: bool) -> Self {
        Self::Number(f64::from(u8::from(is_so)))
    }

    /// The value of a part of a structure.
    pub(super) fn of_json(json: &serde_json::Value) -> Value<'static> {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(it) => Value::Bool(*it),
            serde_json::Value::Number(it) => Value::text(it.to_string()),
            serde_json::Value::String(it) => Value::text(it.clone()),
            it => Value::Structure(Arc::new(it.clone())),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// True if a condition with this value holds.
    pub(super) fn holds(&self) -> bool {
        match self {
            Self::Bool(it) => *it,
            Self::Text(it) if it.eq_ignore_ascii_case("true") => true,
            other => other.as_number().is_some_and(|it| it != 0.0),
        }
    }

    /// The number, if the value reads as one.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(it) => Some(*it),
            Self::Text(it) => number_in(it),
            #[expect(clippy::cast_precision_loss, reason = "times fit into a double for long")]
            Self::Time(ms) => Some(*ms as f64),
            Self::Bool(it) => Some(f64::from(u8::from(*it))),
            Self::Null | Self::Raw(_) | Self::Structure(_) => None,
        }
    }

    /// The text as it is shown; `None` for `Null` and structures.
    pub(super) fn as_text(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(it) | Self::Raw(it) => Some(Cow::Borrowed(it)),
            Self::Number(it) => Some(Cow::Owned(number_text(*it))),
            Self::Time(ms) => Some(Cow::Owned(time_text(*ms))),
            Self::Bool(it) => Some(Cow::Borrowed(if *it { "true" } else { "false" })),
            Self::Null | Self::Structure(_) => None,
        }
    }

    /// Does the same and takes ownership.
    pub(super) fn into_text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(it) | Self::Raw(it) => Some(it),
            other => other.as_text().map(|it| Cow::Owned(it.into_owned())),
        }
    }

    /// The text to show, with structures as JSON.
    pub(super) fn shown(&self) -> Option<String> {
        match self {
            Self::Structure(it) => Some(it.to_string()),
            other => other.as_text().map(Cow::into_owned),
        }
    }

    pub(super) fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(it) => Value::Bool(it),
            Self::Number(it) => Value::Number(it),
            Self::Text(it) => Value::Text(Cow::Owned(it.into_owned())),
            Self::Raw(it) => Value::Raw(Cow::Owned(it.into_owned())),
            Self::Time(it) => Value::Time(it),
            Self::Structure(it) => Value::Structure(it),
        }
    }

    /// The approximate number of bytes in memory.
    pub(super) fn bytes(&self) -> usize {
        let own = match self {
            Self::Text(it) | Self::Raw(it) => it.len(),
            // The parts of a structure have an overhead of their own.
            Self::Structure(it) => it.to_string().len() * 4,
            _ => 0,
        };
        size_of::<Self>() + own
    }

    /// Compares two values, as numbers if both read as numbers, otherwise as texts. `None` if one
    /// is `Null` or a structure: those compare false with anything.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        // Two texts go first: as numbers, long IDs would lose their last digits.
        if let (Self::Text(a), Self::Text(b)) = (self, other) {
            return Some(compare_texts(a, b));
        }
        if let (Some(a), Some(b)) = (self.as_number(), other.as_number()) {
            return a.partial_cmp(&b);
        }
        Some(self.as_text()?.cmp(&other.as_text()?))
    }

    /// The order of `sort`: nulls, then texts by runs of digits and of other characters, then
    /// numbers.
    pub(super) fn natural_order(&self, other: &Self) -> Ordering {
        let is_nothing = |it: &Self| matches!(it, Self::Null | Self::Structure(_));
        match (is_nothing(self), is_nothing(other)) {
            (true, true) => return Ordering::Equal,
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            (false, false) => {}
        }
        match (self.as_number(), other.as_number()) {
            (Some(a), Some(b)) => a.total_cmp(&b).then_with(|| self.exact_order(other)),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (None, None) => {
                let (a, b) = (self.as_text(), other.as_text());
                natural(a.as_deref().unwrap_or(""), b.as_deref().unwrap_or(""))
            }
        }
    }

    /// The order of numbers that are equal as doubles.
    fn exact_order(&self, other: &Self) -> Ordering {
        let digits = |it: &Self| match it {
            Self::Text(text) if is_long_integer(text) => Some(text.to_string()),
            _ => None,
        };
        match (digits(self), digits(other)) {
            (Some(a), Some(b)) => compare_texts(&a, &b),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    }
}

/// The number of decimal digits that a double holds exactly.
const EXACT_DIGITS: usize = 15;

fn compare_texts(a: &str, b: &str) -> Ordering {
    match (number_in(a), number_in(b)) {
        // Identifiers may be long runs of digits.
        (Some(_), Some(_)) if is_long_integer(a) && is_long_integer(b) => {
            let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
            a.len().cmp(&b.len()).then_with(|| a.cmp(b))
        }
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

fn is_long_integer(text: &str) -> bool {
    text.len() > EXACT_DIGITS && text.bytes().all(|it| it.is_ascii_digit())
}

/// The number that a text spells in decimal digits.
pub(super) fn number_in(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text).as_bytes();
    let is_start = |it: &u8| it.is_ascii_digit();
    // Rust would also parse `inf` and `nan`, which are words here.
    match digits {
        [first, ..] if is_start(first) => {}
        [b'.', first, ..] if is_start(first) => {}
        _ => return None,
    }
    text.parse().ok().filter(|it: &f64| it.is_finite())
}

/// A number without needless decimals.
pub(super) fn number_text(number: f64) -> String {
    // Negative zero would be written as `-0`.
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

/// A time as Logs Insights prints it.
pub(super) fn time_text(ms: i64) -> String {
    match Timestamp::from_ms(ms) {
        Some(time) => time.in_zone(&Zone::UTC).trim_end_matches('Z').replace('T', " "),
        None => ms.to_string(),
    }
}

/// Compares runs of digits by length, then by value, and everything else by character.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (first, second) = match (a.chars().next(), b.chars().next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(first), Some(second)) => (first, second),
        };
        if first.is_ascii_digit() && second.is_ascii_digit() {
            let (run_a, rest_a) = digits(a);
            let (run_b, rest_b) = digits(b);
            let order = run_a.len().cmp(&run_b.len()).then_with(|| run_a.cmp(run_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (rest_a, rest_b);
            continue;
        }
        if first != second {
            return first.cmp(&second);
        }
        (_, a) = a.split_at(first.len_utf8());
        (_, b) = b.split_at(second.len_utf8());
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value<'_> {
        Value::text(text)
    }

    #[test]
    fn numbers_compare_as_numbers_and_all_else_as_texts() {
        let equal = |a: Value<'_>, b: Value<'_>| a.compare(&b) == Some(Ordering::Equal);
        assert!(equal(text("200"), Value::Number(200.0)));
        assert!(equal(text("200"), text("200.0")));
        assert!(equal(text("PASS"), text("PASS")));
        assert!(!equal(text("PASS"), text("pass")));
        assert!(equal(Value::Bool(true), text("true")) && equal(Value::Bool(true), text("1")));
        assert_eq!(text("9").compare(&text("10")), Some(Ordering::Less));
        assert_eq!(text("9a").compare(&text("10a")), Some(Ordering::Greater));
        assert_eq!(text("nan").compare(&text("inf")), Some(Ordering::Greater));
        assert_eq!(Value::Time(5).compare(&Value::Number(6.0)), Some(Ordering::Less));
    }

    #[test]
    fn long_rows_of_digits_keep_all_of_them() {
        let id = "39".repeat(28);
        let next = format!("{}38", "39".repeat(27));
        assert_eq!(text(&id).compare(&text(&next)), Some(Ordering::Greater));
        assert_eq!(text(&id).compare(&text(&format!("00{id}"))), Some(Ordering::Equal));
    }

    #[test]
    fn nothing_compares_false_with_anything() {
        let list = Value::Structure(Arc::new(serde_json::json!([1])));
        for value in [Value::Null, list] {
            for other in [Value::Null, text(""), Value::Number(0.0), value.clone()] {
                assert_eq!(value.compare(&other), None, "{other:?}");
                assert_eq!(other.compare(&value), None, "{other:?}");
            }
        }
    }

    #[test]
    fn the_order_of_sort_is_natural() {
        let sorted = [
            Value::Null,
            text(""),
            text("Zoe"),
            text("a"),
            text("a2"),
            text("a02"),
            text("a10"),
            text("b"),
            text("é"),
            text("-3"),
            text("0"),
            Value::Number(2.5),
            text("10"),
            Value::Time(11),
        ];
        for (index, a) in sorted.iter().enumerate() {
            for (other, b) in sorted.iter().enumerate() {
                assert_eq!(a.natural_order(b), index.cmp(&other), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn values_are_shown_as_the_service_does() {
        let shown = |it: Value<'_>| it.shown().unwrap();
        assert_eq!(shown(Value::Time(1_795_469_640_000)), "2026-11-23 21:34:00.000");
        assert_eq!(shown(Value::Number(3.0)), "3");
        assert_eq!(shown(Value::Number(-0.0)), "0");
        assert_eq!(shown(Value::Number(0.1)), "0.1");
        assert_eq!(shown(Value::Bool(true)), "true");
        assert_eq!(shown(Value::Structure(Arc::new(serde_json::json!({"a": [1]})))), "{\"a\":[1]}");
        assert_eq!(Value::Null.shown(), None);
    }
}
