//! Extracts the cause from a bounce's reason by removing everything that differs from bounce to
//! bounce.

use super::cause_word::{WordKind, kind_of, resolved};
use crate::limits;

/// True for a sign that ends a word of a reason.
fn parts_words(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | '=' | '{' | '}'
        )
}

/// Signs that may precede or follow a word without being part of it.
const EDGES: [char; 8] = ['.', ':', '!', '?', '*', '~', '|', '/'];

/// Bytes of a reason that are read; the rest adds nothing to its cause.
const REASON_BYTES_MAX: usize = 4 * limits::TERM_BYTES_MAX;

/// A word of a reason with the signs around it.
pub(super) struct Word<'r> {
    /// Signs before it that are not part of it.
    before: &'r str,
    pub(super) text: &'r str,
    /// Signs after it, up to the next word.
    pub(super) after: &'r str,
}

/// Replaces each address, host, IP address, link, ID, number, size and time in a reason by its kind
/// in angle brackets. Reply codes and statuses stay, and consecutive blanks become one. Reasons
/// that say the same of different mail become the same text.
pub fn cause_of(reason: &str) -> String {
    let words = words_of(reason.trim());
    let kinds: Vec<WordKind> = words.iter().map(|it| kind_of(it.text)).collect();
    let kinds = resolved(&words, &kinds);
    let mut cause = String::with_capacity(reason.len().min(limits::TERM_BYTES_MAX));
    for (word, kind) in words.iter().zip(kinds) {
        // The rest would not fit into a term of the index.
        if cause.len() >= limits::TERM_BYTES_MAX {
            break;
        }
        cause.push_str(word.before);
        match kind.mark() {
            Some(mark) => push_mark(mark, &mut cause),
            None if kind == WordKind::Numbered => {
                cause.push_str(word.text.trim_end_matches(|it: char| it.is_ascii_digit()));
                push_mark("number", &mut cause);
            }
            None => cause.push_str(word.text),
        }
        word.after.chars().for_each(|it| push_sign(it, &mut cause));
    }
    // Reasons put addresses in angle brackets of their own, and two pairs say no more than one.
    let mut cause =
        cause.replace("<<", "<").replace(">>", ">").replace("<time> (<time>)", "<time>");
    cause.truncate(cause.trim_end().len());
    cause
}

fn words_of(reason: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let (mut rest, _) = reason.split_at(reason.floor_char_boundary(REASON_BYTES_MAX));
    while !rest.is_empty() {
        let end = word_end(rest);
        let (word, behind) = rest.split_at(end);
        let (signs, next) = behind.split_at(signs_before_word(behind));
        // An IPv6 address may begin or end with colons.
        let bare = if word.parse::<std::net::IpAddr>().is_ok() {
            word
        } else {
            word.trim_start_matches(EDGES).trim_end_matches(EDGES)
        };
        let before = word.len() - word.trim_start_matches(EDGES).len();
        let before = if bare.len() == word.len() { 0 } else { before };
        let (before, after) = rest.split_at(before);
        let (after, _) = after.split_at(end + signs.len() - before.len());
        words.push(Word { before, text: bare, after: after.split_at(bare.len()).1 });
        rest = next;
    }
    words
}

/// Returns where the first word of a text ends: a link extends to the next blank, a quoted local
/// part to the end of its address, and a comma between thousands separates nothing.
fn word_end(text: &str) -> usize {
    let mut from = quoted_local_part(text);
    loop {
        let end = text.get(from..).and_then(|it| it.find(parts_words)).map(|it| from + it);
        let Some(end) = end else { return text.len() };
        let (word, behind) = text.split_at(end);
        if word.contains("://") {
            let is_end = |it: char| it.is_whitespace() || matches!(it, '<' | '>' | '"' | ')' | ']');
            return text.find(is_end).unwrap_or(text.len());
        }
        let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
        let thousands = behind.strip_prefix(',').and_then(|it| it.get(..3));
        let is_number = word.split(',').all(is_digits);
        if !(is_number && thousands.is_some_and(is_digits)) {
            return end;
        }
        from = end + 1;
    }
}

/// Returns the bytes of the signs before the next word.
fn signs_before_word(text: &str) -> usize {
    let begins_word = |(at, sign): &(usize, char)| {
        !parts_words(*sign) || text.get(*at..).is_some_and(|it| quoted_local_part(it) > 0)
    };
    text.char_indices().find(begins_word).map_or(text.len(), |(at, _)| at)
}

/// Returns the bytes of a quoted local part, which may hold blanks, and its `@`; else 0.
fn quoted_local_part(text: &str) -> usize {
    let Some(quoted) = text.strip_prefix('"') else { return 0 };
    match quoted.split_once('"') {
        Some((local, host)) if host.starts_with('@') => local.len() + "\"\"@".len(),
        _ => 0,
    }
}

fn push_mark(mark: &str, cause: &mut String) {
    // A date has many words and a size two, but one mark says it all.
    let is_repeated =
        |it: &&str| *it == mark && cause.trim_end_matches([' ', ',']).ends_with(&format!("<{it}>"));
    if cause.ends_with(' ') && ["time", "size"].iter().any(is_repeated) {
        let end = cause.trim_end_matches([' ', ',']).len();
        cause.truncate(end);
        return;
    }
    cause.push('<');
    cause.push_str(mark);
    cause.push('>');
}

fn push_sign(sign: char, cause: &mut String) {
    match sign {
        it if it.is_whitespace() => {
            if !cause.ends_with(' ') {
                cause.push(' ');
            }
        }
        it => cause.push(it),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(reason: &str, expect: &str) {
        assert_eq!(cause_of(reason), expect, "{reason}");
    }

    #[test]
    fn what_differs_is_taken_out() {
        check("552 5.2.2 bob@far.example: mailbox full", "552 5.2.2 <address>: mailbox full");
        check("Host mx1.far.example [192.0.2.7] said no", "Host <host> [<ip>] said no");
        check("queued as 4Xk9Zq2L7Gz1", "queued as <id>");
        check("queued as 123456789", "queued as <id>");
        check("id 8fA9", "id <id>");
        check("see https://support.example/x?id=5, please", "see <link> please");
        check("#5.7.26 refused,  too   many", "#5.7.26 refused, too many");
        check("2001:db8::1 is listed", "<ip> is listed");
        check("", "");
    }

    #[test]
    fn causes_that_differ_only_in_numbers_sizes_and_times_are_one() {
        let one = |reasons: &[&str], expect: &str| {
            reasons.iter().for_each(|it| check(it, expect));
        };
        one(
            &[
                "quota of 50 MB exceeded",
                "quota of 2.5 GB exceeded",
                "quota of 1,048,576 bytes exceeded",
                "quota of 50MB exceeded",
            ],
            "quota of <size> exceeded",
        );
        one(
            &["try again in 5 minutes", "try again in 1 hour 5 min", "try again in 300s"],
            "try again in <time>",
        );
        one(
            &[
                "expired on Mon, 23 Nov 2026 15:02:11 +0100 (CET)",
                "expired on Tuesday, 3 May 2026 03:02 PM",
                "expired on 2026-11-23T15:02:11Z",
                "expired on 23.11.2026 15:02",
                "expired on Nov 23 15:02:11 2026",
                "expired on 11/23/2026",
                "expired on Friday",
            ],
            "expired on <time>",
        );
        one(
            &["message of 512 is over 100", "message of 10485760 is over 99999999"],
            "message of <number> is over <number>",
        );
        one(&["95% full", "100% full"], "<number> full");
        one(&["MX1.FAR.EXAMPLE:25 said no", "mx22.bücher.example:587 said no"], "<host> said no");
        one(&["192.0.2.7:25 is listed", "2001:db8::7 is listed"], "<ip> is listed");
        one(&["mx1 is down", "mx22 is down"], "mx<number> is down");
        one(
            &["550 4 of 5 tries failed, 551 in all", "550 3 of 9 tries failed, 42 in all"],
            "550 <number> of <number> tries failed, <number> in all",
        );
        one(&["<bob@far.example>... who?", "<\"a b\"@far.example>... who?"], "<address>... who?");
    }

    #[test]
    fn what_says_the_cause_is_left() {
        for reason in [
            "mailbox full",
            "550 5.1.1 User unknown",
            "421-4.7.0 try later",
            "554 Message refused by policy.",
            "smtp; 550 5.1.1 who?",
            "host said: 552 mailbox full (#5.2.2)",
            "IPv6 refused, TLS needed",
            "may have moved, sat full",
            "请求被拒绝",
        ] {
            check(reason, reason);
        }
    }

    proptest! {
        #[test]
        fn no_reason_has_a_cause_much_longer_than_itself(reason in any::<String>()) {
            let cause = cause_of(&reason);
            prop_assert!(cause.len() <= limits::TERM_BYTES_MAX + reason.len().min(4_096) + 16);
        }
    }

    #[test]
    fn a_long_reason_is_cut() {
        assert!(cause_of(&"a b@c ".repeat(100_000)).len() < 2 * limits::TERM_BYTES_MAX);
        assert!(cause_of(&"x".repeat(1 << 20)).len() <= 1 << 20);
    }
}
