//! Where the one input leads: whatever somebody has in the clipboard.

use super::people::directory_href;
use crate::event::{first_address, pasted_id};
use crate::limits;
use crate::query::{Field, Language};
use crate::serve::Parameters;
use crate::store::{Store, StoreError};
use crate::time::{Timestamp, Zone};
use crate::trace::{JoinRules, locations_with_id};

/// The page that answers a text, relative to the start.
pub(super) fn lead(text: &str, store: &Store, now: Timestamp) -> Result<String, StoreError> {
    let text = text.trim();
    let messages = |q: &str| format!("messages?{}", Parameters::default().with("q", q));
    let message = |id: &str| format!("message?{}", Parameters::default().with("id", id));
    if text.is_empty() {
        return Ok("messages".to_owned());
    }
    // A headline of ours, or whole headers: the one that names the message counts.
    let header = message_id_header(text);
    if let Some(id) = &header {
        return Ok(message(id));
    }
    if let Some(question) = of_header(text) {
        return Ok(messages(&question));
    }
    let is_query = text.len() <= limits::QUERY_BYTES_MAX
        && names_a_field(text)
        && Language::of_rows(now, &Zone::UTC).parse(text).is_ok();
    if is_query {
        return Ok(messages(text));
    }
    let id = pasted_id(text);
    let is_one_word = !id.is_empty() && !id.contains(char::is_whitespace);
    if is_one_word && id.len() <= limits::TERM_BYTES_MAX {
        let rules = JoinRules::of_store(store, limits::GRACE_MS_DEFAULT, now);
        if !locations_with_id(&mut store.events(), &id, &rules)?.is_empty() {
            return Ok(message(&id));
        }
    }
    let has_directory = store.other_records() > 0;
    if is_one_word && has_directory && store.directory().is_some_and(|it| it.id_of(&id).is_some()) {
        return Ok(directory_href(&id, None));
    }
    let has_brackets = text.contains('<') && text.contains('>') && id.contains('@');
    let is_labelled = text.contains("message-id=") || text.contains("msgid=");
    if (has_brackets && !is_person(text)) || is_labelled {
        return Ok(message(&id));
    }
    if let Some(address) = address_in(text) {
        return Ok(messages(&format!("from:{address} OR to:{address}")));
    }
    if is_one_word && looks_like_part(&id) {
        return Ok(message(&id));
    }
    let is_readable = Language::of_rows(now, &Zone::UTC).parse(text).is_ok();
    // What was meant as a query is answered with what is wrong with it.
    let is_meant = text.len() <= limits::QUERY_BYTES_MAX && names_a_field(text);
    Ok(if is_readable || is_meant { messages(text) } else { messages(&phrase(text)) })
}

/// The question that a line of a header asks, other than that of the ID.
fn of_header(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let (name, value) = line.split_once(':')?;
    // A term of the language has no blank there.
    let value = value.strip_prefix([' ', '\t'])?.trim();
    match name.to_ascii_lowercase().as_str() {
        "subject" => Some(format!("subject:{}", phrase(value))),
        "from" | "sender" | "reply-to" | "return-path" => {
            address_in(value).map(|it| format!("from:{it}"))
        }
        "to" | "cc" | "bcc" | "delivered-to" => address_in(value).map(|it| format!("to:{it}")),
        _ => None,
    }
}

/// A text as words that stand one after the other.
fn phrase(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("\"{}\"", words.join(" ").replace('\\', "\\\\").replace('"', "\\\""))
}

/// The Message-ID of headers, its value on the same line or folded to the next.
fn message_id_header(text: &str) -> Option<String> {
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_once([':', '\t']) else { continue };
        let name = name.trim().to_ascii_lowercase();
        if !matches!(name.as_str(), "message-id" | "message id" | "internet message id") {
            continue;
        }
        let value = if value.trim().is_empty() { lines.next()? } else { value };
        let id = pasted_id(value);
        return (!id.trim().is_empty()).then(|| id.trim().to_owned());
    }
    None
}

/// Whether a text speaks of a field of the language: then it is a query, and no ID.
fn names_a_field(text: &str) -> bool {
    let is_field = |word: &str| {
        let word = word.trim_start_matches(['(', '-']);
        let name = word.split_once([':', '=']).map(|(name, _)| name);
        name.is_some_and(|it| Field::from_name(it).is_some())
    };
    text.split_whitespace().any(is_field)
}

/// Whether what stands in brackets has a name before it: `Ana Ruiz <ana@acme.example>`.
fn is_person(text: &str) -> bool {
    let name = text.split_once('<').map_or(text, |it| it.0).trim();
    name.contains(char::is_alphabetic) && !name.contains([':', '=', '/', '\t'])
}

/// The address of a text that has one and little else.
fn address_in(text: &str) -> Option<String> {
    let (_, address) = first_address(text)?;
    let is_plain = !address.contains(|it: char| it.is_whitespace() || "\"()<>:*?\\/".contains(it));
    is_plain.then_some(address)
}

/// Whether a word may be a part of an ID, and none of a language.
fn looks_like_part(word: &str) -> bool {
    let is_long = word.chars().count() >= limits::ID_PART_CHARS_MIN;
    let is_of_ids = |it: char| it.is_ascii_alphanumeric() || "-_.@$+=%".contains(it);
    is_long && word.chars().all(is_of_ids) && word.contains(|it: char| it.is_ascii_digit())
}
