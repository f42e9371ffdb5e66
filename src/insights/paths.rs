//! Reads the fields that a query names from an event's JSON, and no others.
//!
//! Names are paths: members joined by dots, items of lists by their numbers.

use std::borrow::Cow;

use super::value::Value;
use crate::json::{Token, TokenKind as Part, Tokens};

/// The wanted fields, as a tree of the steps to them.
#[derive(Debug, Default)]
pub(super) struct Paths {
    root: Node,
    names: Vec<String>,
}

#[derive(Debug, Default)]
struct Node {
    name: String,
    /// The position, if the step may be an item of a list.
    index: Option<usize>,
    slot: Option<usize>,
    children: Vec<Node>,
}

/// The value at a wanted path, as a range of the message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    kind: Kind,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Absent,
    /// A string without escapes; the range excludes its quotes.
    Plain,
    /// A string with escapes; the range includes its quotes.
    Escaped,
    Number,
    True,
    False,
    EmptyList,
    /// A list or an object.
    Raw,
}

impl Paths {
    /// The slot of a field, which is created if it is new.
    pub(super) fn slot(&mut self, name: &str) -> usize {
        if let Some(slot) = self.names.iter().position(|it| it == name) {
            return slot;
        }
        let slot = self.names.len();
        self.names.push(name.to_owned());
        let mut node = &mut self.root;
        // A member whose own name begins with @ is written with a second one.
        let path = name.strip_prefix('@').unwrap_or(name);
        for step in path.split('.') {
            node = node.child_or_new(step);
        }
        node.slot = Some(slot);
        slot
    }

    /// The name of a slot's field.
    pub(super) fn name(&self, slot: usize) -> &str {
        self.names.get(slot).expect("slots are places in `names`")
    }

    /// Finds all wanted fields in a message. If a member is repeated, the last one counts.
    pub(super) fn find(&self, message: &str, found: &mut Vec<Found>) {
        found.clear();
        found.resize(self.names.len(), Found::default());
        if self.names.is_empty() {
            return;
        }
        let mut scan = Scan { tokens: Tokens::new(message.as_bytes()), text: message, found };
        // Every archived message is JSON. If one were not, the fields before the fault would still
        // be found.
        let _found_as_far_as_it_goes = scan.value(&self.root);
    }
}

impl Node {
    fn child_or_new(&mut self, name: &str) -> &mut Self {
        let place = self.children.iter().position(|it| it.name == name);
        let place = place.unwrap_or_else(|| {
            // `01` is the name of a member, not a number of an item.
            let index = name.parse().ok().filter(|it: &usize| it.to_string() == name);
            self.children.push(Self { name: name.to_owned(), index, ..Self::default() });
            self.children.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the place is within")]
        &mut self.children[place]
    }

    fn child(&self, key: &[u8]) -> Option<&Self> {
        let direct = self.children.iter().find(|it| it.name.as_bytes() == key);
        if direct.is_some() || !key.contains(&b'.') {
            return direct;
        }
        // A dot inside a key counts as a step, too.
        key.split(|it| *it == b'.')
            .try_fold(self, |node, step| node.children.iter().find(|it| it.name.as_bytes() == step))
    }

    fn item(&self, index: usize) -> Option<&Self> {
        self.children.iter().find(|it| it.index == Some(index))
    }

    fn clear(&self, found: &mut [Found]) {
        if let Some(found) = self.slot.and_then(|it| found.get_mut(it)) {
            *found = Found::default();
        }
        self.children.iter().for_each(|it| it.clear(found));
    }
}

/// Walks over a message.
struct Scan<'m, 'f> {
    tokens: Tokens<'m>,
    text: &'m str,
    found: &'f mut [Found],
}

impl Scan<'_, '_> {
    /// Reads a value that contains wanted fields. It recurses as deep as the longest wanted path.
    fn value(&mut self, node: &Node) -> Option<()> {
        let first = self.tokens.next()?;
        let start = first.range.start;
        let (kind, end) = match self.text.as_bytes().get(start)? {
            // Descends only where something inside is wanted; all else is skipped token by token.
            b'{' if !node.children.is_empty() => (Kind::Raw, self.object(node)?),
            b'[' if !node.children.is_empty() => self.list(node)?,
            _ => self.rest(&first)?,
        };
        if let Some(found) = node.slot.and_then(|it| self.found.get_mut(it)) {
            *found = match kind {
                Kind::Plain => Found { kind, start: start + 1, end: end - 1 },
                _ => Found { kind, start, end },
            };
        }
        Some(())
    }

    fn object(&mut self, node: &Node) -> Option<usize> {
        let mut key = self.tokens.next()?;
        if key.kind == Part::Close {
            return Some(key.range.end);
        }
        loop {
            if key.kind != Part::Text || self.tokens.next()?.kind != Part::Colon {
                return None;
            }
            let name = self.text.get(key.range)?;
            // Only a key with escapes needs an allocation; others are compared as bytes.
            let child = match name.contains('\\') {
                true => node.child(serde_json::from_str::<String>(name).ok()?.as_bytes()),
                false => node.child(name.as_bytes().get(1..name.len() - 1)?),
            };
            self.member(child)?;
            match self.tokens.next()? {
                Token { kind: Part::Close, range, .. } => return Some(range.end),
                Token { kind: Part::Comma, .. } => key = self.tokens.next()?,
                _ => return None,
            }
        }
    }

    fn list(&mut self, node: &Node) -> Option<(Kind, usize)> {
        let mut ahead = self.tokens.clone();
        if let Some(Token { kind: Part::Close, range, .. }) = ahead.next() {
            self.tokens = ahead;
            return Some((Kind::EmptyList, range.end));
        }
        for index in 0.. {
            self.member(node.item(index))?;
            match self.tokens.next()? {
                Token { kind: Part::Close, range, .. } => return Some((Kind::Raw, range.end)),
                Token { kind: Part::Comma, .. } => {}
                _ => return None,
            }
        }
        None
    }

    fn member(&mut self, child: Option<&Node>) -> Option<()> {
        match child {
            None => {
                let first = self.tokens.next()?;
                self.rest(&first).map(drop)
            }
            Some(child) => {
                // An earlier member of the same name no longer counts, nor does anything inside it.
                child.clear(self.found);
                self.value(child)
            }
        }
    }

    /// Skips the rest of a value, and returns its kind and its end.
    fn rest(&mut self, first: &Token) -> Option<(Kind, usize)> {
        let text = self.text.get(first.range.clone())?;
        let kind = match first.kind {
            Part::Text if text.contains('\\') => Kind::Escaped,
            Part::Text => Kind::Plain,
            Part::Open => {
                let mut last = self.tokens.next()?;
                let is_empty_list = text == "[" && last.kind == Part::Close;
                while last.depth >= first.depth {
                    last = self.tokens.next()?;
                }
                return Some((
                    if is_empty_list { Kind::EmptyList } else { Kind::Raw },
                    last.range.end,
                ));
            }
            Part::Other => match text.as_bytes().first()? {
                b't' => Kind::True,
                b'f' => Kind::False,
                b'n' => Kind::Absent,
                _ => Kind::Number,
            },
            _ => return None,
        };
        Some((kind, first.range.end))
    }
}

impl Found {
    /// Returns the value from the message that was scanned.
    pub(super) fn value<'m>(&self, message: &'m str) -> Value<'m> {
        let Some(text) = message.get(self.start..self.end) else { return Value::Null };
        match self.kind {
            Kind::Absent => Value::Null,
            Kind::Plain | Kind::Number => Value::text(text),
            Kind::Escaped => match serde_json::from_str::<String>(text) {
                Ok(text) => Value::text(text),
                // A lone surrogate is no valid text, so it is shown as it was logged.
                Err(_) => Value::text(text.trim_matches('"')),
            },
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::EmptyList => Value::text("[]"),
            Kind::Raw => Value::Raw(Cow::Borrowed(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value as Json;

    use super::*;

    fn shown(message: &str, name: &str) -> Option<String> {
        let mut paths = Paths::default();
        let slot = paths.slot(name);
        let mut found = Vec::new();
        paths.find(message, &mut found);
        found[slot].value(message).shown()
    }

    #[test]
    fn fields_are_found_by_their_paths() {
        let message = r#" { "traceId" : "t1", "n": -1.50, "yes": true, "no": false, "nil": null,
            "event":{"recipients":["a@x","b@x"],"none":[],"subject":"a \"b\" \u00fc","skip":{"a":[{"b":"}"}]},
            "actions":[{"to":["c@x"]}]}, "a.b": "dot", "@odd": 1, "a\u0062c": "esc" } "#;
        let check = |name, expect: Option<&str>| {
            assert_eq!(shown(message, name).as_deref(), expect, "{name}");
        };
        check("traceId", Some("t1"));
        check("n", Some("-1.50"));
        check("yes", Some("true"));
        check("no", Some("false"));
        check("nil", None);
        check("event.recipients.0", Some("a@x"));
        check("event.recipients.1", Some("b@x"));
        check("event.recipients.2", None);
        check("event.recipients.00", None);
        check("event.recipients", Some(r#"["a@x","b@x"]"#));
        check("event.none", Some("[]"));
        check("event.subject", Some("a \"b\" ü"));
        check("event.actions.0.to.0", Some("c@x"));
        check("event.skip.a.0.b", Some("}"));
        check("a.b", Some("dot"));
        check("@@odd", Some("1"));
        check("abc", Some("esc"));
        check("event.missing", None);
        check("", None);
    }

    #[test]
    fn of_repeated_members_the_last_counts() {
        let message = r#"{"a":{"b":1},"a":{"c":2},"d":1,"d":null}"#;
        assert_eq!(shown(message, "a.b"), None);
        assert_eq!(shown(message, "a.c").as_deref(), Some("2"));
        assert_eq!(shown(message, "d"), None);
    }

    #[test]
    fn broken_json_does_no_harm() {
        for message in
            ["", "{", "{\"a\"", "{\"a\":", "{\"a\":\"", "[1", "{\"a\" 1}", "\"\\", "{\"a\":[}"]
        {
            let _any = (shown(message, "a"), shown(message, "a.0.b"));
        }
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i32>().prop_map(Json::from),
            "(?s).{0,8}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::vec(("[abc]", inner), 0..4)
                    .prop_map(|it| Json::Object(it.into_iter().collect())),
            ]
        })
    }

    fn flattened(value: &Json, name: String, all: &mut Vec<(String, Option<String>)>) {
        match value {
            Json::Null => all.push((name, None)),
            Json::String(it) => all.push((name, Some(it.clone()))),
            Json::Array(list) if !list.is_empty() => {
                for (index, item) in list.iter().enumerate() {
                    flattened(item, format!("{name}.{index}"), all);
                }
            }
            Json::Object(members) => {
                for (key, member) in members {
                    flattened(member, format!("{name}.{key}"), all);
                }
            }
            other => all.push((name, Some(other.to_string()))),
        }
    }

    proptest! {
        #[test]
        fn every_leaf_is_found_under_its_name(value in json(), is_pretty: bool) {
            let value = serde_json::json!({"r": value});
            let message = match is_pretty {
                true => serde_json::to_string_pretty(&value).unwrap(),
                false => value.to_string(),
            };
            let mut all = Vec::new();
            flattened(&value["r"], "r".to_owned(), &mut all);
            let mut paths = Paths::default();
            let slots: Vec<_> = all.iter().map(|(name, _)| paths.slot(name)).collect();
            let mut found = Vec::new();
            paths.find(&message, &mut found);
            for (slot, (name, expect)) in slots.into_iter().zip(all) {
                prop_assert_eq!(found[slot].value(&message).shown(), expect, "{} in {}", name, message);
            }
        }
    }
}
