//! The cause in the reason of a bounce: what is left when all that differs from bounce to bounce
//! is taken out.

use crate::limits;

/// Signs that end a word of a reason.
fn parts_words(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            '<' | '>' | '(' | ')' | '[' | ']' | '"' | '\'' | ',' | ';' | '=' | '{' | '}'
        )
}

/// Signs that may stand at the end of a word and are no part of it.
const ENDS: [char; 5] = ['.', ':', '!', '?', '*'];

/// Takes addresses, hosts, IP addresses, links, IDs and long numbers out of a reason: each becomes
/// a word in angle brackets for what it is. Blanks that follow each other become one. Reasons that
/// say the same of different mail become the same text.
///
/// # Example
/// ```
/// use mailtrace::stats::cause_of;
/// let reason = "550 5.1.1 <bob@far.example>: unknown user (mx7.far.example) id 8fA93bc01-77";
/// assert_eq!(cause_of(reason), "550 5.1.1 <address>: unknown user (<host>) id <id>");
/// ```
#[must_use]
pub fn cause_of(reason: &str) -> String {
    let mut cause = String::with_capacity(reason.len().min(limits::TERM_BYTES_MAX));
    let mut rest = reason.trim();
    while !rest.is_empty() && cause.len() < limits::TERM_BYTES_MAX {
        let end = rest.find(parts_words).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        push_word(word, &mut cause);
        let mut signs = after.chars();
        if let Some(sign) = signs.next() {
            push_sign(sign, &mut cause);
        }
        rest = signs.as_str();
    }
    // Whatever it is that stands in angle brackets, two pairs say no more than one.
    let mut cause = cause.replace("<<", "<").replace(">>", ">");
    cause.truncate(cause.trim_end().len());
    cause
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

fn push_word(word: &str, cause: &mut String) {
    let bare = word.trim_end_matches(ENDS);
    match kind_of(bare) {
        Some(kind) => {
            cause.push('<');
            cause.push_str(kind);
            cause.push('>');
        }
        None => cause.push_str(bare),
    }
    cause.push_str(word.strip_prefix(bare).unwrap_or_default());
}

/// What a word is, when it is one that differs from bounce to bounce.
fn kind_of(word: &str) -> Option<&'static str> {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let has_letter = word.chars().any(char::is_alphabetic);
    if word.contains("://") {
        return Some("link");
    }
    if word.split_once('@').is_some_and(|(local, host)| !local.is_empty() && !host.is_empty()) {
        return Some("address");
    }
    if word.parse::<std::net::IpAddr>().is_ok() {
        return Some("ip");
    }
    if is_host(word) {
        return Some("host");
    }
    // A status or a reply code is short, or has no letter.
    let is_code = !has_letter
        && word.len() <= CODE_BYTES_MAX
        && word.split('-').all(|it| it.len() <= 5 || is_status(it));
    (digits > 0 && word.len() >= 6 && !is_code && digits * 8 >= word.len()).then_some("id")
}

/// Bytes of a reply code with a status behind it.
const CODE_BYTES_MAX: usize = "554-5.999.999".len();

fn is_status(word: &str) -> bool {
    let word = word.trim_start_matches('#');
    let parts = || word.split('.');
    parts().count() == 3
        && parts().all(|it| (1..=3).contains(&it.len()) && it.parse::<u16>().is_ok())
}

/// Two names or more with a dot between, the last of which could be that of a top-level domain.
fn is_host(word: &str) -> bool {
    let is_name = |it: &str| {
        !it.is_empty()
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-' || it == b'_')
    };
    let Some((names, top)) = word.rsplit_once('.') else { return false };
    let is_top = top.len() >= 2 && top.bytes().all(|it| it.is_ascii_lowercase());
    // One dot alone may stand between two sentences.
    is_top
        && names.split('.').all(is_name)
        && (names.contains('.') || names.bytes().all(|it| !it.is_ascii_uppercase()))
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
        check("try again in 1234567 s", "try again in <id> s");
        check("see https://support.example/x?id=5", "see <link>=5");
        check("#5.7.26 refused,  too   many", "#5.7.26 refused, too many");
        check("2001:db8::1 is listed", "<ip> is listed");
        check("", "");
    }

    #[test]
    fn what_says_the_cause_is_left() {
        for reason in [
            "mailbox full",
            "550 5.1.1 User unknown",
            "421-4.7.0 try later",
            "554 Message refused by policy.",
            "quota of 50 MB exceeded",
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
