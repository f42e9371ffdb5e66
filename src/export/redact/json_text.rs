//! Rewrites the strings in JSON and leaves everything else as it is, byte for byte: numbers beyond
//! any type, repeated members, and white space.

use crate::json::{self, Token, TokenKind, Tokens};

/// The JSON's brackets or strings are not closed properly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// An open container.
enum Open {
    Object {
        /// The name of the current member.
        key: String,
        /// True if the next string is a member's name.
        is_key_next: bool,
    },
    Array,
}

/// The position of a string: the names of the members around it, outermost first.
pub(super) struct Path<'p>(&'p [Open]);

impl Path<'_> {
    /// Iterates over the names of the members around it, innermost first.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().rev().filter_map(|it| match it {
            Open::Object { key, .. } => Some(key.as_str()),
            Open::Array => None,
        })
    }
}

/// The part that a string plays in its JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TextPlace {
    /// The name of a member.
    Key,
    Value,
}

/// Passes each string of `json` to `rewrite`, which returns its replacement. It gets `None` for a
/// string that is no valid Unicode, such as half a surrogate pair.
pub(super) fn rewrite_texts(
    json: &str,
    mut rewrite: impl FnMut(&Path<'_>, TextPlace, Option<&str>) -> Option<String>,
) -> Result<String, Broken> {
    let mut rewritten = String::with_capacity(json.len());
    // Tokens instead of a parsed value: parsing and printing would lose the original spelling of
    // everything that is not rewritten.
    let (mut open, mut copied) = (Vec::<Open>::new(), 0);
    for Token { kind, range, .. } in Tokens::new(json.as_bytes()) {
        let token = json.get(range.clone()).expect("parts begin and end at ASCII signs or blanks");
        match (kind, open.last_mut()) {
            (TokenKind::Open, _) if token == "[" => open.push(Open::Array),
            (TokenKind::Open, _) => {
                open.push(Open::Object { key: String::new(), is_key_next: true });
            }
            (TokenKind::Close, Some(_)) => drop(open.pop()),
            (TokenKind::Close, None) | (TokenKind::Unclosed, _) => return Err(Broken),
            (TokenKind::Comma | TokenKind::Colon, Some(Open::Object { is_key_next, .. })) => {
                *is_key_next = kind == TokenKind::Comma;
            }
            (TokenKind::Comma | TokenKind::Colon | TokenKind::Other, _) => {}
            (TokenKind::Text, around) => {
                let text: Option<String> = serde_json::from_str(token).ok();
                let place = match around {
                    Some(Open::Object { is_key_next: true, key }) => {
                        // A name that is no valid Unicode cannot be one that assigns a role.
                        *key = text.clone().unwrap_or_default();
                        TextPlace::Key
                    }
                    _ => TextPlace::Value,
                };
                if let Some(new) = rewrite(&Path(&open), place, text.as_deref()) {
                    rewritten.push_str(json.get(copied..range.start).expect("as above"));
                    rewritten.push_str(&json::text(&new));
                    copied = range.end;
                }
            }
        }
    }
    rewritten.push_str(json.get(copied..).expect("as above"));
    if open.is_empty() { Ok(rewritten) } else { Err(Broken) }
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
            text.filter(|_| place == TextPlace::Value).map(|it| format!("{it}\"\u{1}"))
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
