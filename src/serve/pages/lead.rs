//! The destination of the one input, which takes whatever is in the clipboard.

use super::people::directory_href;
use crate::event::{first_address, pasted_id};
use crate::limits;
use crate::query::{Field, Language};
use crate::serve::Parameters;
use crate::store::{Store, StoreError};
use crate::time::{Timestamp, Zone};
use crate::trace::{JoinRules, locations_with_id};

/// Returns the page that answers a text, as an address relative to the start page.
///
/// The order of the checks matters: from what can be recognised with certainty to guesses.
pub(super) fn lead(text: &str, store: &Store, now: Timestamp) -> Result<String, StoreError> {
    let text = text.trim();
    let messages = |q: &str| format!("messages?{}", Parameters::default().with("q", q));
    let message = |id: &str| format!("message?{}", Parameters::default().with("id", id));
    if text.is_empty() {
        return Ok("messages".to_owned());
    }
    // Our own headline or whole mail headers may name much else; the message ID counts.
    let header = message_id_header(text);
    if let Some(id) = &header {
        return Ok(message(id));
    }
    if let Some(question) = of_header(text) {
        return Ok(messages(&question));
    }
    // Before the look-up of IDs, since `from:ana@x` also looks like one.
    let is_query = text.len() <= limits::QUERY_BYTES_MAX
        && names_a_field(text)
        && Language::of_rows(now, &Zone::UTC).parse(text).is_ok();
    if is_query {
        return Ok(messages(text));
    }
    let id = pasted_id(text);
    // Only now is the store read: an ID that exists wins over anything that it resembles.
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
    // Clearly an ID although unknown: its page says what was looked at.
    let has_brackets = text.contains('<') && text.contains('>') && id.contains('@');
    let is_labelled = text.contains("message-id=") || text.contains("msgid=");
    if (has_brackets && !is_person(text)) || is_labelled {
        return Ok(message(&id));
    }
    // After the IDs, as every message ID has an `@` too.
    if let Some(address) = address_in(text) {
        return Ok(messages(&format!("from:{address} OR to:{address}")));
    }
    if is_one_word && looks_like_part(&id) {
        return Ok(message(&id));
    }
    let is_readable = Language::of_rows(now, &Zone::UTC).parse(text).is_ok();
    // A faulty query goes to the page that shows what is wrong with it; other text is looked for as
    // a phrase.
    let is_meant = text.len() <= limits::QUERY_BYTES_MAX && names_a_field(text);
    Ok(if is_readable || is_meant { messages(text) } else { messages(&phrase(text)) })
}

/// Returns the question for a header line other than Message-ID.
fn of_header(text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let (name, value) = line.split_once(':')?;
    // A header has a blank after the colon, a query's term has none.
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

/// Quotes a text as a phrase: words in this order.
fn phrase(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    format!("\"{}\"", words.join(" ").replace('\\', "\\\\").replace('"', "\\\""))
}

/// Returns the Message-ID from headers, on the same line or folded to the next one.
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

/// True if a text names a field of the query language, which makes it a query and no ID.
fn names_a_field(text: &str) -> bool {
    let is_field = |word: &str| {
        let word = word.trim_start_matches(['(', '-']);
        let name = word.split_once([':', '=']).map(|(name, _)| name);
        name.is_some_and(|it| Field::from_name(it).is_some())
    };
    text.split_whitespace().any(is_field)
}

/// True if a name precedes the brackets, as in `Ana Ruiz <ana@acme.example>`.
fn is_person(text: &str) -> bool {
    let name = text.split_once('<').map_or(text, |it| it.0).trim();
    name.contains(char::is_alphabetic) && !name.contains([':', '=', '/', '\t'])
}

/// Returns the address in a text, unless it has characters with a meaning in queries.
fn address_in(text: &str) -> Option<String> {
    let (_, address) = first_address(text)?;
    let is_plain = !address.contains(|it: char| it.is_whitespace() || "\"()<>:*?\\/".contains(it));
    is_plain.then_some(address)
}

/// True if a word may be part of an ID rather than a word of a language: IDs have digits.
fn looks_like_part(word: &str) -> bool {
    let is_long = word.chars().count() >= limits::ID_PART_CHARS_MIN;
    let is_of_ids = |it: char| it.is_ascii_alphanumeric() || "-_.@$+=%".contains(it);
    is_long && word.chars().all(is_of_ids) && word.contains(|it: char| it.is_ascii_digit())
}
