//! Runs the steps of a stage for one row.

use std::sync::Arc;

use regex::Regex;

use super::eval::{Scope, eval, holds};
use super::functions::json_of;
use super::program::Op;
use super::value::Value;
use crate::limits;

/// The kind of bound that was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excess {
    Text,
    Rows,
}

/// Runs a row through all steps and emits the results: none, or one row or more, which `count`
/// counts. It recurses once for each `unnest`.
pub(super) fn run<'r>(
    ops: &'r [Op],
    scope: &mut Scope<'r>,
    count: &mut usize,
    emit: &mut dyn FnMut(&Scope<'r>) -> Result<(), Excess>,
) -> Result<(), Excess> {
    for (index, op) in ops.iter().enumerate() {
        match op {
            Op::Define { cell, node } => set(scope, *cell, eval(node, scope)),
            Op::Filter(node) => {
                let holds = holds(node, scope);
                // The condition had no correct result, so the row must not simply be dropped.
                if scope.has_overflow.get() {
                    return Err(Excess::Text);
                }
                if !holds {
                    return Ok(());
                }
            }
            Op::ParseGlob { source, glob, cells } => {
                let value = eval(source, scope);
                let text = value.as_text();
                let parts = text.as_deref().and_then(|it| parts_of(it, glob));
                let parts: Option<Vec<String>> =
                    parts.map(|it| it.into_iter().map(str::to_owned).collect());
                let mut parts = parts.into_iter().flatten();
                for cell in cells {
                    // Without a match all names become null, and the row stays.
                    set(scope, *cell, parts.next().map_or(Value::Null, Value::text));
                }
            }
            Op::ParseRegex { source, regex, cells } => {
                let value = eval(source, scope);
                let captured = captured(value.as_text().as_deref(), regex, cells);
                for (cell, value) in captured {
                    set(scope, cell, value);
                }
            }
            Op::Unnest { cell, node } => {
                // The remaining steps run once for each item, so the loop ends here.
                let (_, rest) = ops.split_at(index + 1);
                let value = eval(node, scope);
                return unnest(value, *cell, rest, scope, count, emit);
            }
        }
    }
    if scope.has_overflow.get() {
        return Err(Excess::Text);
    }
    *count += 1;
    if *count > limits::INSIGHTS_ITEMS_MAX {
        return Err(Excess::Rows);
    }
    emit(scope)
}

fn set<'r>(scope: &mut Scope<'r>, cell: usize, value: Value<'r>) {
    if let Some(slot) = scope.cells.get_mut(cell) {
        *slot = value;
    }
}

/// Emits a row for each item of a list; any other value counts as one item.
fn unnest<'r>(
    value: Value<'r>,
    cell: usize,
    rest: &'r [Op],
    scope: &mut Scope<'r>,
    count: &mut usize,
    emit: &mut dyn FnMut(&Scope<'r>) -> Result<(), Excess>,
) -> Result<(), Excess> {
    let list = match &value {
        Value::Structure(it) => Some(Arc::clone(it)),
        Value::Raw(_) => json_of(&value),
        // An empty list in an event is the text `[]`.
        Value::Text(it) if it == "[]" => json_of(&value),
        _ => None,
    };
    match list.as_deref().and_then(serde_json::Value::as_array) {
        Some(items) => {
            for item in items {
                set(scope, cell, Value::of_json(item));
                run(rest, scope, count, emit)?;
            }
            Ok(())
        }
        None => {
            set(scope, cell, value);
            run(rest, scope, count, emit)
        }
    }
}

/// The text that each star of a pattern matches; `None` if the pattern does not occur.
fn parts_of<'t>(text: &'t str, glob: &[String]) -> Option<Vec<&'t str>> {
    let (first, others) = glob.split_first()?;
    let (_, mut rest) = text.split_once(first.as_str())?;
    let mut parts = Vec::with_capacity(others.len());
    for (index, piece) in others.iter().enumerate() {
        // A star at the end takes all the rest; splitting at the empty piece would give it nothing.
        if piece.is_empty() && index + 1 == others.len() {
            parts.push(rest);
            break;
        }
        let (part, after) = rest.split_once(piece.as_str())?;
        parts.push(part);
        rest = after;
    }
    Some(parts)
}

/// The groups of a regular expression, each with its cell.
fn captured(
    text: Option<&str>,
    regex: &Regex,
    cells: &[(usize, usize)],
) -> Vec<(usize, Value<'static>)> {
    let captures = text.and_then(|it| regex.captures(it));
    let value = |group: usize| {
        let found = captures.as_ref().and_then(|it| it.get(group));
        found.map_or(Value::Null, |it| Value::text(it.as_str().to_owned()))
    };
    cells.iter().map(|(cell, group)| (*cell, value(*group))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_what_is_between() {
        let check = |glob: &str, text: &str, expect: Option<&[&str]>| {
            let glob: Vec<String> = glob.split('*').map(str::to_owned).collect();
            assert_eq!(parts_of(text, &glob).as_deref(), expect, "{text}");
        };
        let text = "10:00 [ERROR] user=ana, method:GET, latency := 5";
        check("* [*] *", text, Some(&["10:00", "ERROR", "user=ana, method:GET, latency := 5"]));
        check("user=*, method:*, latency := *", text, Some(&["ana", "GET", "5"]));
        check("[*]", text, Some(&["ERROR"]));
        check("*", text, Some(&[text]));
        check("nobody=*,", text, None);
        check("user=*;", text, None);
        check("**", "ab", Some(&["", "ab"]));
        check("a*a", "xaba", Some(&["b"]));
    }
}
