//! Extracts IDs from what people paste: header lines, log fields, quotes, links, escapes.

use std::borrow::Cow;

use super::escapes::unescaped;

/// Layers of escapes that are removed from an ID.
const LAYERS_MAX: usize = 3;

/// Extracts the ID from pasted text: the text between `<` and `>`, after a `Message-ID:` or
/// `message-id=` if there is one, or else the one word with an `@`. A text with none of these is
/// returned without blanks and quotes: it may be a trace ID.
///
/// # Example
/// ```
/// use mailtrace::pasted_id;
/// assert_eq!(pasted_id("postfix/cleanup[7]: 4XkQ: message-id=<a1@far.example>"), "a1@far.example");
/// assert_eq!(pasted_id("%3Ca1%40far.example%3E"), "a1@far.example");
/// ```
pub fn pasted_id(text: &str) -> Cow<'_, str> {
    let visible = without_invisible(text);
    if !visible.contains(['<', '@', '%', '&', '\\', ':', '=', '"', '\'', ',', ';']) {
        // A bare ID has nothing around it to remove.
        return match visible {
            Cow::Borrowed(it) => Cow::Borrowed(it.trim()),
            Cow::Owned(it) => Cow::Owned(it.trim().to_owned()),
        };
    }
    let mut layers = vec![visible];
    while let Some(layer) = layers.last().filter(|_| layers.len() < LAYERS_MAX) {
        let plain = unescaped(layer);
        if *plain == **layer {
            break;
        }
        let plain = Cow::Owned(plain.into_owned());
        layers.push(plain);
    }
    if let Some(id) = layers.iter().find_map(|it| labelled(it)) {
        return Cow::Owned(id);
    }
    let mut deeper = layers.iter().skip(1);
    for layer in &layers {
        // An ID in brackets is taken literally, so a layer without brackets must not go before a
        // deeper one that has them.
        let hides_brackets =
            !layer.contains('<') && deeper.next().is_some_and(|it| it.contains('<'));
        if let Some(id) = message_id(layer).filter(|_| !hides_brackets) {
            return Cow::Owned(id);
        }
    }
    Cow::Owned(without_quotes(&without_invisible(text)).to_owned())
}

/// True if a line announces an ID but lacks it: a folded header continues on the next line.
pub fn is_bare_label(line: &str) -> bool {
    let line = without_invisible(line);
    LABELS.iter().any(|label| {
        let value = line.trim().get(label.len()..);
        let is_label =
            line.trim().get(..label.len()).is_some_and(|it| it.eq_ignore_ascii_case(label));
        is_label && value.is_some_and(|it| it.trim() == ":")
    })
}

/// Removes invisible characters: those without width, and marks of the writing direction.
fn without_invisible(text: &str) -> Cow<'_, str> {
    let is_invisible = |it: char| {
        matches!(
            it,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
    };
    if text.contains(is_invisible) {
        Cow::Owned(text.chars().filter(|it| !is_invisible(*it)).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// Labels of an ID in headers, logs, programs and search boxes.
const LABELS: [&str; 7] =
    ["message-id", "message_id", "messageid", "message id", "msgid", "msg-id", "msg_id"];

/// Returns the ID after the first label. A label that begins a word goes before one that ends a
/// word.
fn labelled(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let mut within_word = None;
    let mut from = 0;
    // Every label begins with an `m`, which is faster to find than each of them.
    while let Some(at) = lower.get(from..).and_then(|it| it.find(['m'])).map(|it| from + it) {
        from = at + 1;
        let (before, here) = lower.split_at(at);
        let Some(label) = LABELS.iter().find(|it| here.starts_with(**it)) else { continue };
        let Some(value) = value_behind(text.get(at + label.len()..)?) else { continue };
        if !before.ends_with(|it: char| it.is_alphanumeric() || matches!(it, '-' | '_')) {
            return Some(value);
        }
        within_word.get_or_insert(value);
    }
    within_word
}

fn is_quote(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`')
}

/// Removes quotes at the start of a text, escaped ones included.
fn unquoted(mut text: &str) -> &str {
    while let Some(rest) = text.strip_prefix(is_quote).or_else(|| text.strip_prefix("\\\"")) {
        text = rest;
    }
    text
}

/// Returns the ID after a label, its colon or equals sign, and any quotes. `None` if the ID is
/// still escaped: a deeper layer has it.
fn value_behind(text: &str) -> Option<String> {
    let value = unquoted(text).strip_prefix([':', '='])?;
    let value = unquoted(value).trim_start_matches(['(', '[', '=']);
    if value.starts_with('<') {
        return bracketed(value);
    }
    let word = value.split(|it: char| is_quote(it) || matches!(it, ',' | ';' | '>')).next()?;
    let word = word.trim_end_matches([')', ']', '}', '\\']);
    let is_escaped = word.starts_with(['&', '\\'])
        || word.get(..3).is_some_and(|it| it.eq_ignore_ascii_case("%3c"));
    (!word.is_empty() && !is_escaped).then(|| word.to_owned())
}

/// Returns the content of brackets at the start of a text, without the blanks of a folded line.
fn bracketed(text: &str) -> Option<String> {
    let inner = text.trim_start_matches('<');
    // A second bracket begins a link: `<id<mailto:id>>`.
    let inner = inner.split(['<', '>']).next()?;
    let id: String = inner.chars().filter(|it| !it.is_whitespace()).collect();
    (!id.is_empty()).then_some(id)
}

/// Returns the first ID in brackets with an `@` in it, or the one word with an `@`.
fn message_id(text: &str) -> Option<String> {
    let mut brackets = text.match_indices('<').filter_map(|(at, _)| {
        let inner = text.get(at + 1..)?;
        let end = inner.find(['<', '>']).unwrap_or(inner.len());
        inner.get(..end).filter(|it| it.contains('@'))?;
        bracketed(text.get(at..)?)
    });
    if let Some(id) = brackets.next() {
        return Some(id);
    }
    let trimmed = text.trim().trim_matches(['"', '\'', ',', ';']);
    if trimmed.starts_with('<') && trimmed.ends_with('>') && trimmed.matches('<').count() == 1 {
        return bracketed(trimmed);
    }
    let mut words = text.split_whitespace().filter(|it| it.contains('@'));
    // Of several words with an `@`, any might be meant, or only an address.
    let word = words.next().filter(|_| words.next().is_none())?;
    let is_all = text.trim() == word;
    let mut word = word;
    if word.contains("://") {
        word = word.rsplit(['/', '?', '=', '#']).next().unwrap_or(word);
    }
    for scheme in ["mailto:", "mid:", "rfc822msgid:"] {
        if word.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme)) {
            word = word.get(scheme.len()..)?;
        }
    }
    let word = word.trim_start_matches(['"', '\'', '(', '[', '{', '`']);
    let word = word.trim_end_matches(['"', '\'', ')', ']', '}', '`', ',', ';', '>']);
    let word = if is_all { word } else { word.trim_end_matches('.') };
    (!word.is_empty()).then(|| word.to_owned())
}

/// Removes quotes and the name of a trace ID's field.
fn without_quotes(text: &str) -> &str {
    let is_edge = |it: char| it.is_whitespace() || matches!(it, '"' | '\'' | '`' | ',' | ';');
    let bare = text.trim_matches(is_edge);
    for label in ["traceid", "trace-id", "trace_id"] {
        let (Some(name), Some(value)) = (bare.get(..label.len()), bare.get(label.len()..)) else {
            continue;
        };
        let value = value.trim_start_matches(is_edge).strip_prefix([':', '=']);
        if let Some(value) = value.filter(|_| name.eq_ignore_ascii_case(label)) {
            return value.trim_matches(is_edge);
        }
    }
    bare
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_read_however_they_are_pasted() {
        for text in [
            "<a+1@far.example>",
            " <a+1@far.example>\r",
            "a+1@far.example",
            "\u{feff}<a+1@far.example>",
            "Message-ID: <a+1@far.example>",
            "message-id:<a+1@far.example>",
            "Message-Id:  \"<a+1@far.example>\"",
            "Message-ID:\r\n <a+1@far.example>",
            "Message-ID: <a+1@\r\n far.example>",
            "Message-ID: a+1@far.example (added by relay)",
            "X-Google-Original-Message-ID: <a+1@far.example>",
            "Resent-Message-ID: <b@x>\nMessage-ID: <a+1@far.example>",
            "Nov 23 mx postfix/cleanup[9]: 4XkQ: message-id=<a+1@far.example>",
            "mx sendmail[9]: from=<ana@x.example>, size=9, msgid=<a+1@far.example>, relay=x",
            "msgid=a+1@far.example, from=ana@x.example",
            "\"messageId\": \"<a+1@far.example>\",",
            r#"\"messageId\":\"<a+1@far.example>\","#,
            r#"{"messageId":"\u003ca+1@far.example\u003e","x":"<b@x>"}"#,
            "'a+1@far.example'",
            "\"<a+1@far.example>\";",
            "<<a+1@far.example>>",
            "&lt;a+1@far.example&gt;",
            "&amp;lt;a+1&#64;far.example&amp;gt;",
            "%3Ca%2B1%40far.example%3E",
            "https://lists.example/mid/%3Ca%2B1%40far.example%3E/",
            "https://lists.example/msgid/a+1@far.example",
            "mid:a+1@far.example",
            "mailto:a+1@far.example",
            "<a+1@far.example<mailto:a+1@far.example>>",
            "Message-ID: <a+1@far.example<mailto:a+1@far.example>>",
            "rfc822msgid:a+1@far.example",
            "<a+1@\u{200b}far.example>\u{200e}",
            "see <a+1@far.example> please",
            "the mail a+1@far.example, please",
            "<a+1@far.example",
        ] {
            assert_eq!(pasted_id(text), "a+1@far.example", "{text}");
        }
    }

    #[test]
    fn what_an_id_holds_itself_stays() {
        let check = |text: &str, expect: &str| assert_eq!(pasted_id(text), expect, "{text}");
        check("<a%40b&lt;@far.example>", "a%40b&lt;@far.example");
        check("<abc>", "abc");
        check("Message-ID: abc", "abc");
        check("1-5f3a:b", "1-5f3a:b");
        check(" 11111111-aaaa-4000 ", "11111111-aaaa-4000");
        check("\"traceId\":\"t-1\",", "t-1");
        check("two@x.example words@x.example", "two@x.example words@x.example");
        check("", "");
        check("<>", "<>");
    }

    #[test]
    fn a_label_alone_is_no_id() {
        assert!(is_bare_label("Message-ID: ") && is_bare_label(" message-id:\r"));
        assert!(!is_bare_label("Message-ID: x") && !is_bare_label("message-id"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(message-id|[:=<>@\"%&;\\\\]|\\PC){0,30}") {
            let _unused = (pasted_id(&text), is_bare_label(&text));
        }

        #[test]
        fn every_id_in_brackets_is_taken_as_it_is(id in "[a-zA-Z0-9%&=+._~-]{1,20}@[a-z0-9.-]{1,20}") {
            let pasted = format!("<{id}>");
            prop_assert_eq!(pasted_id(&pasted), id);
        }
    }
}
