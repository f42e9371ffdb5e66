//! Extracts mail addresses from the texts that mailers, servers and people put around them, and
//! makes their normal form.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Calls `visit` with every address in a text, which may be a list. A text without one is passed
/// whole, trimmed; a blank one not at all.
pub(super) fn each_mailbox<'t>(text: &'t str, visit: &mut dyn FnMut(Cow<'t, str>)) {
    let text = text.trim();
    if text.is_empty() {
        return;
    }
    let mut is_any = false;
    let mut found = |address| {
        is_any = true;
        visit(address);
    };
    match without_comments(text) {
        Cow::Borrowed(text) => each_entry(text, &mut |it| each_in_entry(it, &mut found)),
        // Owned, because the text without comments does not outlive this call.
        Cow::Owned(text) => each_entry(&text, &mut |it| {
            each_in_entry(it, &mut |address| found(Cow::Owned(address.into_owned())));
        }),
    }
    if !is_any {
        visit(Cow::Borrowed(text));
    }
}

/// Returns the normal form of an address with nothing around it.
pub fn normal_address(address: &str) -> Cow<'_, str> {
    let Some((local, domain)) = split_at_sign(address) else {
        let is_lower = address.bytes().all(|it| it.is_ascii() && !it.is_ascii_uppercase());
        return if is_lower { Cow::Borrowed(address) } else { Cow::Owned(lower(address)) };
    };
    let is_normal = |it: u8| it.is_ascii() && !it.is_ascii_uppercase() && it != b'"';
    if address.bytes().all(is_normal) && !domain.ends_with('.') {
        return Cow::Borrowed(address);
    }
    let mut normal = lower(unquoted(local));
    normal.push('@');
    normal.push_str(&normal_domain(domain));
    Cow::Owned(normal)
}

fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.to_lowercase();
    let composed: String = lower.nfc().collect();
    // NFC turns two characters into `;` and a backtick, at which an address would be split when its
    // normal form is parsed again.
    let is_same = |sign| composed.matches(sign).count() == lower.matches(sign).count();
    if is_same(';') && is_same('`') { composed } else { lower }
}

/// Returns the form in which domains are compared: A-labels in lower case, without a trailing dot.
pub fn normal_domain(domain: &str) -> String {
    let bare = domain.trim_end_matches(['.', '。']);
    if bare.is_ascii() {
        return bare.to_ascii_lowercase();
    }
    // IDNA forbids some names that may have been logged all the same.
    let is_of_domain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-' | '_');
    let names = idna::domain_to_ascii(bare).ok().filter(|it| it.chars().all(is_of_domain));
    names.unwrap_or_else(|| lower(bare))
}

/// Removes quotes that a local part does not need.
fn unquoted(local: &str) -> &str {
    let is_atom =
        |it: char| it.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(it) || !it.is_ascii();
    let inner = local.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    let is_dots =
        |it: &&str| it.starts_with(['.', '\'', '`']) || it.ends_with('.') || it.contains("..");
    inner.filter(|it| !it.is_empty() && it.chars().all(is_atom) && !is_dots(it)).unwrap_or(local)
}

/// Signs that look like an `@` and that people type instead of it.
const AT_SIGNS: [char; 3] = ['@', '＠', '﹫'];

/// Splits an address at its last `@` or, without one, at a sign that looks like it.
fn split_at_sign(address: &str) -> Option<(&str, &str)> {
    address.rsplit_once('@').or_else(|| address.rsplit_once(AT_SIGNS))
}

/// Removes parentheses and their content, which may nest, except within quotes.
fn without_comments(text: &str) -> Cow<'_, str> {
    if !text.contains('(') {
        return Cow::Borrowed(text);
    }
    let mut bare = String::with_capacity(text.len());
    let mut quotes = Quotes::default();
    let (mut depth, mut is_escaped) = (0_usize, false);
    let (mut comment_start, mut length_before) = (0, 0);
    for (index, character) in text.char_indices() {
        if depth == 0 && quotes.take(text, index, character) {
            bare.push(character);
            continue;
        }
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if depth > 0 => is_escaped = true,
            '(' => {
                if depth == 0 {
                    (comment_start, length_before) = (index, bare.len());
                    bare.push(' ');
                }
                depth += 1;
            }
            ')' if depth > 0 => depth -= 1,
            it if depth == 0 => bare.push(it),
            _ => {}
        }
    }
    if depth > 0 {
        // A parenthesis that never closes does not begin a comment.
        bare.truncate(length_before);
        bare.push_str(text.split_at(comment_start).1);
    }
    Cow::Owned(bare)
}

/// Tracks whether a character is quoted. A quote that is never closed is a character like any
/// other.
#[derive(Default)]
struct Quotes {
    is_inside: bool,
    is_escaped: bool,
    /// True once a quote is known never to close, so that later ones need no search: else the time
    /// would grow with the square of the length.
    is_last_open: bool,
}

impl Quotes {
    /// Takes the next character. True if it is quoted or a quote.
    fn take(&mut self, text: &str, index: usize, character: char) -> bool {
        if self.is_inside {
            match character {
                _ if self.is_escaped => self.is_escaped = false,
                '\\' => self.is_escaped = true,
                '"' => self.is_inside = false,
                _ => {}
            }
            return true;
        }
        if character != '"' || self.is_last_open {
            return false;
        }
        self.is_inside = text.get(index + 1..).is_some_and(has_closing_quote);
        self.is_last_open = !self.is_inside;
        self.is_inside
    }
}

fn has_closing_quote(text: &str) -> bool {
    let mut is_escaped = false;
    text.bytes().any(|it| {
        let is_quote = it == b'"' && !is_escaped;
        is_escaped = it == b'\\' && !is_escaped;
        is_quote
    })
}

/// Calls `visit` with the entries of a list, which are separated by commas, semicolons and line
/// ends outside quotes and angle brackets.
///
/// A part without an address belongs to the entry after it: display names and routes hold commas,
/// and `rfc822;` a semicolon.
fn each_entry<'t>(text: &'t str, visit: &mut dyn FnMut(&'t str)) {
    let last_bracket = text.rfind('>');
    let mut quotes = Quotes::default();
    let (mut start, mut is_in_brackets) = (0, false);
    let (mut has_local, mut has_address) = (false, false);
    for (index, character) in text.char_indices() {
        if quotes.take(text, index, character) {
            has_local = true;
            continue;
        }
        match character {
            '<' => {
                // A bracket that never closes must not swallow the rest of the list.
                is_in_brackets = last_bracket.is_some_and(|it| it > index);
                has_local = false;
            }
            '>' => is_in_brackets = false,
            ',' | ';' | '\n' | '\r' => {
                if has_address && !is_in_brackets {
                    visit(text.get(start..index).expect("both stand at ASCII signs"));
                    start = index + 1;
                    has_address = false;
                }
                has_local = false;
            }
            ':' => has_local = false,
            it if AT_SIGNS.contains(&it) => has_address |= has_local,
            it => has_local |= !it.is_whitespace(),
        }
    }
    visit(text.split_at(start).1);
}

/// Calls `visit` with the addresses of one entry: mostly one, with anything around it.
fn each_in_entry<'t>(entry: &'t str, visit: &mut dyn FnMut(Cow<'t, str>)) {
    let entry = in_brackets(entry).trim();
    let Some((local, domain)) = split_at_sign(entry) else { return };
    if let Some(quoted) = local.trim_end().strip_suffix('"')
        && let Some(start) = quoted.rfind('"')
    {
        // A quoted local part may hold blanks, so the entry is not split at them.
        let domain_bytes = domain.len() - domain.trim_start().len();
        let domain = domain.trim_start();
        let end = domain.find(char::is_whitespace).unwrap_or(domain.len());
        let end = entry.len() - domain.len() + end;
        if domain_bytes == 0 && local.ends_with('"') {
            let quoted = entry.get(start..end).expect("from a quote to a blank or the end");
            visit(Cow::Borrowed(quoted));
        }
        return;
    }
    let is_spaced = local.ends_with(char::is_whitespace) || domain.starts_with(char::is_whitespace);
    if is_spaced {
        // Either side may be blank, which `is_address` refuses.
        let local = local.split_whitespace().next_back().unwrap_or("");
        let domain = domain.split_whitespace().next().unwrap_or("");
        let address = format!("{}@{domain}", without_prefix(local));
        if is_address(&address) {
            visit(Cow::Owned(address));
        }
        return;
    }
    for word in entry.split_whitespace() {
        let Some((local, _)) = split_at_sign(word) else { continue };
        let (_, mut word) = word.split_at(local.len() - without_prefix(local).len());
        // Quotes around the whole address, not around its local part alone.
        while let Some(inner) =
            ['\'', '"', '`'].iter().find_map(|it| word.strip_prefix(*it)?.strip_suffix(*it))
        {
            word = inner;
        }
        if is_address(word) {
            visit(Cow::Borrowed(word));
        }
    }
}

/// Returns the content of the last angle brackets if it may be an address, else the whole entry.
fn in_brackets(entry: &str) -> &str {
    let Some((_, inner)) = entry.rsplit_once('<') else { return entry };
    let inner = inner.split_once('>').map_or(inner, |(it, _)| it);
    if inner.contains(AT_SIGNS) { inner } else { entry }
}

/// Removes a prefix that ends in a colon or semicolon: the type of an address (`rfc822;`, `SMTP:`),
/// the name of a group, a source route.
fn without_prefix(local: &str) -> &str {
    local.rsplit_once([':', ';']).map_or(local, |(_, it)| it)
}

fn is_address(text: &str) -> bool {
    split_at_sign(text).is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}
