//! The functions that compute a value from the values of one row.

mod ip;
mod text;

use std::borrow::Cow;
use std::sync::Arc;

use super::eval::{Scope, eval, holds, whole};
use super::function::Function;
use super::program::{Node, Prepared};
use super::time_pattern::zone_of;
use super::value::Value;
use crate::limits;

/// Arguments, each evaluated when it is needed.
#[derive(Clone, Copy)]
struct Arguments<'r, 's> {
    nodes: &'r [Node],
    scope: &'s Scope<'r>,
}

impl<'r> Arguments<'r, '_> {
    // Lazily, so that `if`, `case` and `coalesce` skip the branches they do not take.
    fn value(self, index: usize) -> Value<'r> {
        self.nodes.get(index).map_or(Value::Null, |it| eval(it, self.scope))
    }

    fn text(self, index: usize) -> Option<Cow<'r, str>> {
        self.value(index).into_text()
    }

    fn number(self, index: usize) -> Option<f64> {
        self.value(index).as_number()
    }

    fn has(self, index: usize) -> bool {
        index < self.nodes.len()
    }
}

/// The result of a function; `Null` if it has none.
pub(super) fn call<'r>(
    function: Function,
    nodes: &'r [Node],
    prepared: &'r Prepared,
    scope: &Scope<'r>,
) -> Value<'r> {
    let arguments = Arguments { nodes, scope };
    general(function, arguments)
        .or_else(|| numeric(function, arguments))
        .or_else(|| temporal(function, arguments, prepared))
        .or_else(|| structural(function, arguments))
        .or_else(|| text::call(function, arguments, prepared))
        .or_else(|| ip::call(function, arguments))
        .unwrap_or(Value::Null)
}

/// `None` if the function belongs to another group; likewise below.
fn general<'r>(function: Function, arguments: Arguments<'r, '_>) -> Option<Value<'r>> {
    let value = match function {
        Function::IsPresent => Value::flag(!arguments.value(0).is_null()),
        Function::Coalesce => {
            let mut values = (0..arguments.nodes.len()).map(|it| arguments.value(it));
            values.find(|it| !it.is_null()).unwrap_or(Value::Null)
        }
        Function::Case => cases(arguments),
        Function::If => {
            let is_so = arguments.nodes.first().is_some_and(|it| holds(it, arguments.scope));
            arguments.value(if is_so { 1 } else { 2 })
        }
        Function::IsNumeric => {
            let value = arguments.value(0);
            let can_be = matches!(value, Value::Text(_) | Value::Number(_));
            Value::flag(can_be && value.as_number().is_some())
        }
        Function::MessageSize => {
            let message = arguments.scope.event.map(|it| it.record.message.len());
            let text = arguments.text(0).map(|it| it.len());
            size(if arguments.has(0) { text } else { message })
        }
        _ => return None,
    };
    Some(value)
}

/// Conditions and values in turn, and at the end an optional default.
fn cases<'r>(arguments: Arguments<'r, '_>) -> Value<'r> {
    let mut pairs = arguments.nodes.chunks_exact(2);
    let found = pairs.by_ref().find_map(|pair| match pair {
        [condition, value] => holds(condition, arguments.scope).then_some(value),
        _ => None,
    });
    let node = found.or_else(|| pairs.remainder().first());
    node.map_or(Value::Null, |it| eval(it, arguments.scope))
}

/// A count as a value.
fn size<'r>(count: Option<usize>) -> Value<'r> {
    #[expect(clippy::cast_precision_loss, reason = "nothing of ours has so many")]
    count.map_or(Value::Null, |it| Value::Number(it as f64))
}

fn numeric<'r>(function: Function, arguments: Arguments<'r, '_>) -> Option<Value<'r>> {
    let of_one = |calculate: fn(f64) -> f64| {
        arguments.number(0).map_or(Value::Null, |it| Value::number(calculate(it)))
    };
    let of_all = |better: fn(f64, f64) -> f64| {
        let numbers = (0..arguments.nodes.len()).filter_map(|it| arguments.number(it));
        numbers.reduce(better).map_or(Value::Null, Value::number)
    };
    let value = match function {
        Function::Abs => of_one(f64::abs),
        Function::Ceil => of_one(f64::ceil),
        Function::Floor => of_one(f64::floor),
        Function::Log => of_one(f64::ln),
        Function::Sqrt => of_one(f64::sqrt),
        Function::ToNumber | Function::ToDouble => of_one(|it| it),
        Function::ToInt => of_one(f64::trunc),
        Function::Greatest => of_all(f64::max),
        Function::Least => of_all(f64::min),
        Function::Round if arguments.has(1) => {
            // Beyond these powers of ten, the factor would be zero or infinite.
            let decimals = arguments.number(1).unwrap_or(0.0).clamp(-300.0, 300.0).trunc();
            let factor = 10_f64.powf(decimals);
            // A huge number overflows when it is scaled; it has no decimals to round anyway.
            let rounded = arguments.number(0).map(|it| match (it * factor).round() / factor {
                rounded if rounded.is_finite() => rounded,
                _ => it,
            });
            rounded.map_or(Value::Null, Value::number)
        }
        Function::Round => of_one(f64::round),
        Function::Haversine => {
            let number = |it| arguments.number(it).map(f64::to_radians);
            match (number(0), number(1), number(2), number(3)) {
                (Some(a), Some(b), Some(c), Some(d)) => Value::number(haversine_km(a, b, c, d)),
                _ => Value::Null,
            }
        }
        _ => return None,
    };
    Some(value)
}

/// The length of the great circle between two points, which are given in radians.
fn haversine_km(latitude: f64, longitude: f64, to_latitude: f64, to_longitude: f64) -> f64 {
    const EARTH_RADIUS_KM: f64 = 6_371.0;
    let half = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
    let part = half(latitude, to_latitude)
        + latitude.cos() * to_latitude.cos() * half(longitude, to_longitude);
    // Rounding may push the value slightly out of range, where `sqrt` or `asin` has no result.
    2.0 * EARTH_RADIUS_KM * part.clamp(0.0, 1.0).sqrt().asin()
}

fn temporal<'r>(
    function: Function,
    arguments: Arguments<'r, '_>,
    prepared: &Prepared,
) -> Option<Value<'r>> {
    let ms = || arguments.number(0).and_then(whole);
    // An unknown zone makes the result null, rather than a time that is wrong by hours.
    let zone = || {
        let name = arguments.text(2);
        if arguments.has(2) && name.is_none() { None } else { zone_of(name.as_deref()) }
    };
    let value = match (function, prepared) {
        (Function::FromMillis, _) => ms().map_or(Value::Null, Value::Time),
        (Function::ToMillis, _) => {
            arguments.number(0).map_or(Value::Null, |it| Value::number(it.floor()))
        }
        (Function::ParseDate, Prepared::TimePattern(pattern)) => {
            let read = arguments.text(0).and_then(|it| pattern.read(it.trim(), &zone()?));
            #[expect(clippy::cast_precision_loss, reason = "times fit into a double for long")]
            read.map_or(Value::Null, |it| Value::Number(it as f64))
        }
        (Function::FormatDate, Prepared::TimePattern(pattern)) => {
            let written = ms().and_then(|it| pattern.write(it, &zone()?));
            written.map_or(Value::Null, |it| arguments.scope.made(it))
        }
        _ => return None,
    };
    Some(value)
}

fn structural<'r>(function: Function, arguments: Arguments<'r, '_>) -> Option<Value<'r>> {
    let value = match function {
        Function::JsonParse => match json_of(&arguments.value(0)) {
            Some(it) => Value::Structure(it),
            None => Value::Null,
        },
        Function::JsonStringify => match arguments.value(0) {
            Value::Structure(it) => arguments.scope.made(it.to_string()),
            Value::Raw(it) => Value::Text(it),
            _ => Value::Null,
        },
        Function::JsonArraySize => {
            let json = json_of(&arguments.value(0));
            size(json.and_then(|it| it.as_array().map(Vec::len)))
        }
        Function::JsonArrayContains => {
            let wanted = arguments.value(1);
            let is_it = |it: &serde_json::Value| {
                Value::of_json(it).compare(&wanted).is_some_and(std::cmp::Ordering::is_eq)
            };
            let json = json_of(&arguments.value(0));
            Value::flag(json.is_some_and(|it| it.as_array().is_some_and(|it| it.iter().any(is_it))))
        }
        Function::Split => {
            let (text, separator) = (arguments.text(0), arguments.text(1));
            match (text, separator) {
                (Some(text), Some(separator)) if !separator.is_empty() => {
                    // Counted first, so that a list of too many items is never allocated.
                    if text.matches(separator.as_ref()).count() >= limits::INSIGHTS_ITEMS_MAX {
                        arguments.scope.has_overflow.set(true);
                        return Some(Value::Null);
                    }
                    let parts: Vec<_> = text.split(separator.as_ref()).collect();
                    Value::Structure(Arc::new(parts.into()))
                }
                _ => Value::Null,
            }
        }
        _ => return None,
    };
    Some(value)
}

/// The map or list that a value is, or holds as JSON.
pub(super) fn json_of(value: &Value<'_>) -> Option<Arc<serde_json::Value>> {
    match value {
        Value::Structure(it) => Some(Arc::clone(it)),
        // Other texts may be JSON too (`1`, `"a"`), but only a map or a list has parts.
        Value::Text(it) | Value::Raw(it) if it.trim_start().starts_with(['{', '[']) => {
            serde_json::from_str(it).ok().map(Arc::new)
        }
        _ => None,
    }
}
