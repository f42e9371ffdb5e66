//! The shapes of messages without any of their values, so that they can be shared.
//!
//! No raw WorkMail event is public. Counting the paths and types that a store holds is how the
//! documented schema gets confirmed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::audit::OtherRecord;
use crate::event::{EventName, Parser};
use crate::limits;
use crate::store::{Store, StoreError};

/// The path of a value, and its type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueShape {
    /// Whether the administrator guide lists the event's name. Unlisted ones sort first.
    pub is_documented: bool,
    /// The event's name.
    pub event_name: String,
    /// The path, as `event.recipients[]`.
    pub path: String,
    /// `null`, `boolean`, `number`, `string`, `list` or `object`.
    pub json_type: &'static str,
}

/// The number of occurrences of each shape: at most one for each event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes {
    /// The counts of events.
    pub counts: BTreeMap<ValueShape, u64>,
    /// Whether there were more than [`limits::SCHEMA_PATHS_MAX`].
    pub is_truncated: bool,
}

/// The placeholder for a key or name that could itself be a value.
const MASKED: &str = "<masked>";

/// The length up to which a name can be trusted to be a name.
const NAME_CHARS_MAX: usize = 64;

impl Shapes {
    /// Reads the whole store.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        let (shapes, _) = store.fold_records(
            || (Self::default(), Parser::new()),
            |(shapes, parser), record| match parser.parse(&record.message) {
                Ok(event) => shapes.add(&event.name, &record.message),
                Err(_) => shapes.add_other(&record.message),
            },
            |(mut whole, parser), (part, _)| {
                whole.merge(part);
                (whole, parser)
            },
        )?;
        Ok(shapes)
    }

    /// Counts the shapes of one message.
    pub fn add(&mut self, event_name: &EventName<'_>, message: &str) {
        let is_documented = !matches!(event_name, EventName::Other(_));
        self.add_shapes(is_documented, masked(event_name.as_str()), message);
    }

    fn add_shapes(&mut self, is_documented: bool, name: &str, message: &str) {
        // Only numbers beyond a double make an archived message unreadable here.
        let Ok(value) = serde_json::from_str::<Value>(message) else { return };
        let mut found = BTreeMap::new();
        collect(&value, &mut String::new(), &mut found);
        for ((path, json_type), ()) in found {
            let event_name = name.to_owned();
            self.count(ValueShape { is_documented, event_name, path, json_type }, 1);
        }
    }

    /// Counts the shapes of a message that is no email event, under its kind.
    fn add_other(&mut self, message: &str) {
        let name = match OtherRecord::parse(message) {
            Some(OtherRecord::Audit(event)) => event.kind.as_str(),
            // Our own records need no confirmation.
            Some(OtherRecord::Directory) => return,
            None => "",
        };
        let is_documented = !matches!(name, "" | "unknown");
        self.add_shapes(is_documented, name, message);
    }

    fn count(&mut self, shape: ValueShape, count: u64) {
        if let Some(known) = self.counts.get_mut(&shape) {
            *known += count;
        // A new shape beyond the bound is dropped, but known ones are still counted, so that their
        // numbers stay right.
        } else if self.counts.len() < limits::SCHEMA_PATHS_MAX {
            self.counts.insert(shape, count);
        } else {
            self.is_truncated = true;
        }
    }

    fn merge(&mut self, other: Self) {
        self.is_truncated |= other.is_truncated;
        for (shape, count) in other.counts {
            self.count(shape, count);
        }
    }
}

type FoundShape = BTreeMap<(String, &'static str), ()>;

fn collect(value: &Value, path: &mut String, found: &mut FoundShape) {
    let json_type = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    };
    if !path.is_empty() {
        found.insert((path.clone(), json_type), ());
    }
    let length = path.len();
    match value {
        Value::Array(list) => {
            path.push_str("[]");
            list.iter().for_each(|it| collect(it, path, found));
        }
        Value::Object(members) => {
            for (key, member) in members {
                path.truncate(length);
                if length > 0 {
                    path.push('.');
                }
                path.push_str(masked(key));
                collect(member, path, found);
            }
        }
        _ => {}
    }
    path.truncate(length);
}

/// Masks a key that is not an identifier, since it may be somebody's address.
fn masked(name: &str) -> &str {
    let is_name = name.len() <= NAME_CHARS_MAX
        && name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_' || it == '-');
    if is_name || name.is_empty() { name } else { MASKED }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(messages: &[&str]) -> Vec<(String, u64)> {
        let mut shapes = Shapes::default();
        for message in messages {
            let name = Parser::new().parse(message).unwrap().name.into_owned();
            shapes.add(&name, message);
        }
        let row = |(it, count): (ValueShape, u64)| {
            (format!("{} {} {}", it.event_name, it.path, it.json_type), count)
        };
        shapes.counts.into_iter().map(row).collect()
    }

    #[test]
    fn paths_and_types_are_counted_by_event_unknown_ones_first() {
        let sent = r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_SENT","to":["a","b"],"x":null}}"#;
        let new = r#"{"traceId":"t","event":{"eventName":"BRAND_NEW","n":1}}"#;
        assert_eq!(
            shapes(&[sent, new, sent]),
            [
                ("BRAND_NEW event object", 1),
                ("BRAND_NEW event.eventName string", 1),
                ("BRAND_NEW event.n number", 1),
                ("BRAND_NEW traceId string", 1),
                ("OUTGOING_EMAIL_SENT event object", 2),
                ("OUTGOING_EMAIL_SENT event.eventName string", 2),
                ("OUTGOING_EMAIL_SENT event.to list", 2),
                ("OUTGOING_EMAIL_SENT event.to[] string", 2),
                ("OUTGOING_EMAIL_SENT event.x null", 2),
                ("OUTGOING_EMAIL_SENT traceId string", 2),
            ]
            .map(|(row, count)| (row.to_owned(), count))
        );
    }

    #[test]
    fn no_value_gets_out() {
        let message = r#"{"traceId":"secret-1","event":{"eventName":"see bob@acme.example","ana@acme.example":{"k":"secret-2"},"n":42}}"#;
        let shown = format!("{:?}", shapes(&[message]));
        for secret in ["secret", "ana", "bob", "42"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("event.<masked>.k"));
    }
}
