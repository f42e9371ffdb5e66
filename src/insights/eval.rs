//! Evaluates expressions for one row.

use std::borrow::Cow;
use std::cell::Cell;

use super::ast::{Comparison, Operator, Pattern, Step};
use super::functions::call;
use super::paths::Found;
use super::program::{Node, System};
use super::value::Value;
use crate::limits;
use crate::store::{Location, Record};

/// A row: an event or a group, with the results of the steps so far.
#[derive(Debug, Default)]
pub(super) struct Scope<'r> {
    pub(super) event: Option<EventRow<'r>>,
    pub(super) cells: Vec<Value<'r>>,
    /// Whether a text exceeded its bound. A cell, because evaluation takes the scope by shared
    /// reference.
    pub(super) has_overflow: Cell<bool>,
}

/// An event with the fields that the query names.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventRow<'r> {
    pub(super) record: &'r Record<'r>,
    pub(super) location: Location,
    pub(super) found: &'r [Found],
}

impl<'r> Scope<'r> {
    /// A text that a function made, if it is not too long.
    pub(super) fn made(&self, text: String) -> Value<'r> {
        if text.len() > limits::INSIGHTS_TEXT_BYTES_MAX {
            self.has_overflow.set(true);
            return Value::Null;
        }
        Value::Text(Cow::Owned(text))
    }

    /// True if a text of this many bytes would be too long.
    pub(super) fn is_too_long(&self, bytes: usize) -> bool {
        let is_too_long = bytes > limits::INSIGHTS_TEXT_BYTES_MAX;
        if is_too_long {
            self.has_overflow.set(true);
        }
        is_too_long
    }
}

/// Evaluates an expression. It recurses as deep as the query is nested.
pub(super) fn eval<'r>(node: &'r Node, scope: &Scope<'r>) -> Value<'r> {
    match node {
        Node::Constant(it) => constant(it),
        Node::Path(slot) => scope.event.map_or(Value::Null, |it| it.field(*slot)),
        Node::System(system) => scope.event.map_or(Value::Null, |it| it.system(*system)),
        Node::Cell(cell) => scope.cells.get(*cell).cloned().unwrap_or(Value::Null),
        Node::Not(it) => Value::flag(!holds(it, scope)),
        Node::Negative(it) => number(it, scope).map_or(Value::Null, |it| Value::Number(-it)),
        Node::And(list) => Value::flag(list.iter().all(|it| holds(it, scope))),
        Node::Or(list) => Value::flag(list.iter().any(|it| holds(it, scope))),
        Node::Compare(comparison, a, b) => {
            Value::flag(compares(*comparison, &eval(a, scope), &eval(b, scope)))
        }
        Node::Arithmetic(operator, a, b) => match (number(a, scope), number(b, scope)) {
            (Some(a), Some(b)) => Value::number(calculated(*operator, a, b)),
            _ => Value::Null,
        },
        Node::In { value, list, is_negated } => {
            let value = eval(value, scope);
            let is_it = |it: &'r Node| compares(Comparison::Equal, &value, &eval(it, scope));
            // A missing value is in no list, nor is it `not in` one: it compares false with
            // everything.
            Value::flag(!value.is_null() && list.iter().any(is_it) != *is_negated)
        }
        Node::Like { value, pattern, is_negated } => {
            let value = eval(value, scope);
            let text = value.as_text();
            Value::flag(text.is_some_and(|it| matches(pattern, &it) != *is_negated))
        }
        Node::Call(function, arguments, prepared) => call(*function, arguments, prepared, scope),
        Node::Round { time, period, is_up } => {
            let ms = eval(time, scope).as_number().and_then(whole);
            let rounded = ms.and_then(|it| if *is_up { period.ceil(it) } else { period.floor(it) });
            rounded.map_or(Value::Null, Value::Time)
        }
        Node::Part(value, steps) => part(&eval(value, scope), steps),
    }
}

pub(super) fn holds<'r>(node: &'r Node, scope: &Scope<'r>) -> bool {
    eval(node, scope).holds()
}

fn number<'r>(node: &'r Node, scope: &Scope<'r>) -> Option<f64> {
    eval(node, scope).as_number()
}

/// Borrows the text of a constant, which a plain clone would copy for each row.
fn constant<'r>(value: &'r Value<'static>) -> Value<'r> {
    match value {
        Value::Text(it) => Value::Text(Cow::Borrowed(it)),
        other => other.clone(),
    }
}

/// The number rounded down, if it fits.
#[expect(clippy::cast_possible_truncation, reason = "it is checked to fit")]
pub(super) fn whole(number: f64) -> Option<i64> {
    // Just below 2^63, beyond which the cast would saturate silently.
    const MOST: f64 = 9.0e18;
    (number.abs() < MOST).then_some(number.floor() as i64)
}

fn compares(comparison: Comparison, a: &Value<'_>, b: &Value<'_>) -> bool {
    a.compare(b).is_some_and(|order| match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

/// Infinite or NaN if there is no result.
fn calculated(operator: Operator, a: f64, b: f64) -> f64 {
    match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        Operator::Remainder => a % b,
        Operator::Power => a.powf(b),
    }
}

fn matches(pattern: &Pattern, text: &str) -> bool {
    match pattern {
        Pattern::Substring(it) => text.contains(it.as_str()),
        Pattern::Regex(it) => it.is_match(text),
    }
}

/// The value inside a map or list at the end of some steps.
fn part(value: &Value<'_>, steps: &[Step]) -> Value<'static> {
    let parsed;
    let mut json = match value {
        Value::Structure(it) => it.as_ref(),
        Value::Raw(it) => match serde_json::from_str::<serde_json::Value>(it) {
            Ok(it) => {
                parsed = it;
                &parsed
            }
            Err(_) => return Value::Null,
        },
        _ => return Value::Null,
    };
    for step in steps {
        let next = match step {
            Step::Member(name) => json.get(name),
            Step::Index(index) => json.get(index),
        };
        match next {
            Some(it) => json = it,
            None => return Value::Null,
        }
    }
    Value::of_json(json)
}

impl<'r> EventRow<'r> {
    fn field(self, slot: usize) -> Value<'r> {
        self.found.get(slot).map_or(Value::Null, |it| it.value(&self.record.message))
    }

    fn system(self, system: System) -> Value<'r> {
        let record = self.record;
        let lent = |text: &'r Option<Cow<'r, str>>| match text {
            Some(it) => Value::text(it.as_ref()),
            None => Value::Null,
        };
        match system {
            System::Timestamp => Value::Time(record.timestamp.as_ms()),
            System::IngestionTime => {
                record.ingestion_time.map_or(Value::Null, |it| Value::Time(it.as_ms()))
            }
            System::Message => Value::text(record.message.as_ref()),
            System::LogStream => lent(&record.log_stream),
            System::Log => lent(&record.log_group),
            System::Pointer => Value::text(format!("{:016x}", self.location.to_bits())),
        }
    }
}
