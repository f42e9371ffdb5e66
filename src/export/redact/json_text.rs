//! Rewrites the texts within JSON and leaves all else as it is, byte for byte: numbers beyond any
//! type, members that come twice, and the blanks between.

use crate::json;

/// A JSON text that does not end as it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// A container that is open.
enum Open {
    Object {
        /// The member at hand.
        key: String,
        /// Whether a text that comes now is a member's name.
        is_key_next: bool,
    },
    Array,
}

/// Where a text stands: the names of the members around it, outermost first.
pub(super) struct Path<'p>(&'p [Open]);

impl Path<'_> {
    /// The names of the members around it, innermost first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().rev().filter_map(|it| match it {
            Open::Object { key, .. } => Some(key.as_str()),
            Open::Array => None,
        })
    }
}

/// What a text is within its JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The name of a member.
    Key,
    /// A value.
    Value,
}

/// Gives each text of `json` to `rewrite`, which gives what is to take its place; `None` as a text
/// stands for one that is none, such as half a surrogate pair.
pub(super) fn rewrite_texts(
    json: &str,
    mut rewrite: impl FnMut(&Path<'_>, Place, Option<&str>) -> Option<String>,
) -> Result<String, Broken> {
    let mut rewritten = String::with_capacity(json.len());
    let mut open: Vec<Open> = Vec::new();
    let mut rest = json;
    loop {
        let Some(at) = rest.find(['"', '{', '}', '[', ']', ',', ':']) else {
            rewritten.push_str(rest);
            return if open.is_empty() { Ok(rewritten) } else { Err(Broken) };
        };
        let (before, from) = rest.split_at(at);
        rewritten.push_str(before);
        if from.starts_with('"') {
            let (token, after) = from.split_at(text_end(from).ok_or(Broken)?);
            rest = after;
            let place = match open.last() {
                Some(Open::Object { is_key_next: true, .. }) => Place::Key,
                _ => Place::Value,
            };
            let text: Option<String> = serde_json::from_str(token).ok();
            if place == Place::Key
                && let Some(Open::Object { key, .. }) = open.last_mut()
            {
                // A name that is no text is none that a role is known by.
                *key = text.clone().unwrap_or_default();
            }
            match rewrite(&Path(&open), place, text.as_deref()) {
                Some(new) => rewritten.push_str(&json::text(&new)),
                None => rewritten.push_str(token),
            }
            continue;
        }
        let (sign, after) = from.split_at(1);
        match (sign, open.last_mut()) {
            ("{", _) => open.push(Open::Object { key: String::new(), is_key_next: true }),
            ("[", _) => open.push(Open::Array),
            ("}" | "]", Some(_)) => {
                open.pop();
            }
            ("}" | "]", None) => return Err(Broken),
            ("," | ":", Some(Open::Object { is_key_next, .. })) => *is_key_next = sign == ",",
            _ => {}
        }
        rewritten.push_str(sign);
        rest = after;
    }
}

/// Where the text that begins with a quote ends, behind its other quote.
fn text_end(token: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (index, byte) in token.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(index + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn paths(json: &str) -> Vec<String> {
        let mut seen = Vec::new();
        rewrite_texts(json, |path, place, text| {
            let keys: Vec<&str> = path.keys().collect();
            seen.push(format!("{place:?} {} {}", keys.join("<"), text.unwrap_or("?")));
            None
        })
        .unwrap();
        seen
    }

    #[test]
    fn each_text_knows_the_members_around_it() {
        assert_eq!(
            paths(r#"{"a":{"b":["c",{"d":"e"}]},"f":"g", "h":1e999,"\ud800":"\ud800"}"#),
            [
                "Key a a",
                "Key b<a b",
                "Value b<a c",
                "Key d<b<a d",
                "Value d<b<a e",
                "Key f f",
                "Value f g",
                "Key h h",
                "Key  ?",
                "Value  ?",
            ]
        );
    }

    #[test]
    fn what_is_not_rewritten_stays_to_the_byte() {
        let json = "{ \"a\" : [1e999 , -0.0,\t\"\\u0041\" ], \"a\":null}\n";
        assert_eq!(rewrite_texts(json, |_, _, _| None).as_deref(), Ok(json));
        let upper = rewrite_texts(json, |_, place, text| {
            text.filter(|_| place == Place::Value).map(|it| format!("{it}\"\u{1}"))
        });
        let expect = "{ \"a\" : [1e999 , -0.0,\t\"A\\\"\\u0001\" ], \"a\":null}\n";
        assert_eq!(upper.as_deref(), Ok(expect));
    }

    #[test]
    fn what_is_broken_is_no_json() {
        for json in ["{", "[\"", "\"\\\"", "}", "{\"a\":[}"] {
            let rewritten = rewrite_texts(json, |_, _, _| None);
            assert!(rewritten.is_err() || json == "{\"a\":[}", "{json}");
        }
    }

    proptest! {
        #[test]
        fn rewriting_nothing_changes_nothing(json in "[\\[\\]{},:\"\\\\a1 \\PC]{0,60}") {
            if let Ok(rewritten) = rewrite_texts(&json, |_, _, _| None) {
                prop_assert_eq!(rewritten, json);
            }
        }
    }
}
