//! Which addresses a text names, wherever in it.

use serde_json::Value;

/// Calls `visit` with everything in an original message that may be a mail address, in lower case.
///
/// A stretch of characters that an address may have, with an `@` in it, counts; so `ana@x.example`
/// is not found in `diana@x.example`.
pub(super) fn each_address(message: &str, visit: &mut dyn FnMut(&str)) {
    each_in_text(message, visit);
    // What is escaped does not show in the message as it stands, and the letter of an escape seems
    // to belong to what is behind it.
    if message.contains('\\') {
        match serde_json::from_str::<Value>(message) {
            Ok(value) => each_in_value(&value, visit),
            Err(_) => each_in_text(&without_escapes(message), visit),
        }
    }
}

fn without_escapes(text: &str) -> String {
    let mut characters = text.chars();
    let mut plain = String::with_capacity(text.len());
    while let Some(character) = characters.next() {
        if character == '\\' {
            // Whatever the escape stands for, it ends a word or is a letter that no address needs.
            let _letter = characters.next();
            plain.push(' ');
        } else {
            plain.push(character);
        }
    }
    plain
}

fn each_in_value(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        // A text may be JSON again; each time it has fewer escapes.
        Value::String(text) => each_address(text, visit),
        Value::Array(items) => items.iter().for_each(|it| each_in_value(it, visit)),
        Value::Object(members) => members.iter().for_each(|(key, it)| {
            each_in_text(key, visit);
            each_in_value(it, visit);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn each_in_text(text: &str, visit: &mut dyn FnMut(&str)) {
    if !text.contains('@') {
        return;
    }
    for word in text.split(|it: char| !is_of_address(it)) {
        let word = word.trim_matches('.');
        if !word.contains('@') {
            continue;
        }
        let word = word.to_lowercase();
        visit(&word);
        // Quoted or set off by what an address may have, but seldom begins or ends with.
        let bare = word.trim_matches(|it: char| !it.is_alphanumeric());
        if bare != word {
            visit(bare);
        }
    }
}

/// Whether a character may stand in an address without quotes (RFC 5321, section 4.1.2, and
/// RFC 6531).
fn is_of_address(character: char) -> bool {
    character.is_alphanumeric() || "@.!#$%&'*+-/=?^_`{|}~".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expect: &[&str]) {
        let mut found = Vec::new();
        each_address(message, &mut |it| found.push(it.to_owned()));
        assert_eq!(found, expect, "{message}");
    }

    #[test]
    fn addresses_are_found_wherever_they_stand() {
        check(
            r#"{"to":["Ana@X.example","diana@x.example"]}"#,
            &["ana@x.example", "diana@x.example"],
        );
        check(r#"{"reason":"550 <ana@x.example>: mailbox full."}"#, &["ana@x.example"]);
        check(r#"{"subject":"write to ana@x.example."}"#, &["ana@x.example"]);
        check(r#"{"to":"ana\u0040x.example"}"#, &["ana@x.example"]);
        check(r#"{"to":"ANA@BÜCHER.example"}"#, &["ana@bücher.example"]);
        check(r#"{"reason":"no 'ana@x.example'"}"#, &["'ana@x.example'", "ana@x.example"]);
        // The letter of an escape is no part of the address behind it.
        check(r#"{"reason":"550\nana@x.example"}"#, &["nana@x.example", "ana@x.example"]);
        check(r#"{"half":"550\tana@x.example"#, &["tana@x.example", "ana@x.example"]);
        let within = r#"{"message":"{\"to\":\"\\nana@x.example\"}"}"#;
        let mut found = Vec::new();
        each_address(within, &mut |it| found.push(it.to_owned()));
        assert!(found.contains(&"ana@x.example".to_owned()), "{found:?}");
        check(r#"{"to":"nobody"}"#, &[]);
    }
}
