//! Which addresses a text names, wherever in it.

use serde_json::Value;

/// Calls `visit` with everything in an original message that may be a mail address, in lower case.
///
/// A stretch of characters that an address may have, with an `@` in it, counts; so `ana@x.example`
/// is not found in `diana@x.example`.
pub(super) fn each_address(message: &str, visit: &mut dyn FnMut(&str)) {
    each_in_text(message, visit);
    // What is escaped does not show in the message as it stands.
    if message.contains("\\u")
        && let Ok(value) = serde_json::from_str::<Value>(message)
    {
        each_in_value(&value, visit);
    }
}

fn each_in_value(value: &Value, visit: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => each_in_text(text, visit),
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
        if word.contains('@') {
            visit(&word.to_lowercase());
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
        check(r#"{"to":"ANA@BÜCHER.example\n"}"#, &["ana@bücher.example"]);
        check(r#"{"to":"nobody"}"#, &[]);
    }
}
