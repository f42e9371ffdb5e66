//! Status codes of RFC 3463, in any form that servers and DSNs write.

use std::fmt;

/// A status code: class, subject and detail.
///
/// Displays as `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StatusCode {
    /// 2 for success, 4 for a temporary failure, 5 for a permanent one.
    pub class: u16,
    /// The subject: an address, a mailbox, the network and so on.
    pub subject: u16,
    /// The detail within the subject.
    pub detail: u16,
}

impl StatusCode {
    /// Finds the status in a text: alone, after a reply code (`550 5.1.1`, `550-5.1.1`), after a
    /// `#` or the type of a diagnostic (`smtp;550 5.1.1 …`), or among words.
    ///
    /// IP addresses and program versions are not statuses. A status after a reply code is preferred
    /// to any other, because that is where SMTP puts it.
    ///
    /// # Example
    /// ```
    /// use mailtrace::StatusCode;
    /// let status = StatusCode::find("smtp; 550-5.1.1 <bob@[192.0.2.4]>: unknown").unwrap();
    /// assert_eq!(status.to_string(), "5.1.1");
    /// assert_eq!(StatusCode::find("Exim 4.96.1 at 192.0.2.4"), None);
    /// ```
    pub fn find(text: &str) -> Option<Self> {
        let trimmed = text.trim();
        if let Some(code) = Self::whole(trimmed) {
            return Some(code);
        }
        let bytes = trimmed.as_bytes();
        let mut first = None;
        let mut start = 0;
        while let Some(figure) = bytes.get(start..).and_then(first_figure) {
            let begin = start + figure;
            let length = bytes.iter().skip(begin).take_while(|it| is_of_number(**it)).count();
            start = begin + length.max(1);
            let (before, from) = trimmed.split_at(begin);
            // A status may end a sentence.
            let numbers = from.split_at(length).0.trim_end_matches('.');
            let code = Self::whole(numbers).filter(|it| it.subject <= SUBJECT_MAX);
            let (_, after) = from.split_at(numbers.len());
            let Some(code) = code.filter(|_| !goes_on(after.as_bytes())) else { continue };
            match context(before.as_bytes()) {
                // A reply code and its status have the same class (RFC 2034); else they are
                // unrelated.
                Context::Reply(class) if class == code.class => return Some(code),
                Context::Reply(_) | Context::Plain => _ = first.get_or_insert(code),
                Context::PartOfMore => {}
            }
        }
        first
    }

    /// Parses a text that is a status and nothing else.
    fn whole(text: &str) -> Option<Self> {
        let mut figures = text.split('.').map(|it| {
            let is_figure = (1..=3).contains(&it.len()) && it.bytes().all(|it| it.is_ascii_digit());
            it.parse().ok().filter(|_| is_figure)
        });
        let code =
            Self { class: figures.next()??, subject: figures.next()??, detail: figures.next()?? };
        (figures.next().is_none() && matches!(code.class, 2 | 4 | 5)).then_some(code)
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The highest subject of a status within other text: RFC 3463 and its registry have 0 to 7, and
/// program versions mostly have more.
const SUBJECT_MAX: u16 = 7;

fn first_figure(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(u8::is_ascii_digit)
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'.'
}

/// True if the text after three numbers makes them something else: `5.1.1rc2`, `5.1.1-3`.
fn goes_on(after: &[u8]) -> bool {
    match after {
        [b'-', next, ..] => next.is_ascii_digit(),
        [next, ..] => next.is_ascii_alphanumeric() || matches!(next, b'_' | b'@' | b'/'),
        [] => false,
    }
}

/// The text before three numbers.
enum Context {
    /// A reply code of this class.
    Reply(u16),
    /// Something that makes the numbers a part of it.
    PartOfMore,
    /// Anything else.
    Plain,
}

fn context(before: &[u8]) -> Context {
    if before.last().is_some_and(|it| {
        it.is_ascii_alphanumeric() || matches!(it, b'.' | b'_' | b'/' | b'@') || !it.is_ascii()
    }) {
        return Context::PartOfMore;
    }
    let bare = before.trim_ascii_end();
    let bare = bare.strip_suffix(b"#").unwrap_or(bare).trim_ascii_end();
    let bare = bare.strip_suffix(b"-").unwrap_or(bare);
    let word_start = bare.iter().rposition(|it| !it.is_ascii_alphanumeric()).map_or(0, |it| it + 1);
    let (_, word) = bare.split_at(word_start);
    match word {
        [class @ (b'2' | b'4' | b'5'), b'0'..=b'5', b'0'..=b'9'] => {
            Context::Reply(u16::from(class - b'0'))
        }
        // `version 5.1.1`, or a program's name as in `Postfix 2.3.4`.
        _ if is_program(word) && before.ends_with(b" ") => Context::PartOfMore,
        _ => Context::Plain,
    }
}

/// True for a word for a version, or a program whose version may follow.
fn is_program(word: &[u8]) -> bool {
    const NAMES: [&str; 14] = [
        "version", "ver", "v", "release", "build", "postfix", "exim", "sendmail", "qmail",
        "exchange", "zimbra", "dovecot", "openssl", "amavis",
    ];
    NAMES.iter().any(|it| word.eq_ignore_ascii_case(it.as_bytes()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(StatusCode::find(text).map(|it| it.to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn every_form_of_a_status_is_found() {
        for text in [
            "5.1.1",
            " 5.1.1 ",
            "#5.1.1",
            "550 5.1.1",
            "550-5.1.1",
            "550 #5.1.1",
            "550 #5.1.1#",
            "smtp;550 5.1.1 no such user",
            "smtp; 550-5.1.1 no such user",
            "5.1.1 (bad destination)",
            "(5.1.1)",
            "<5.1.1>",
            "5.1.1.",
            "5.1.1;",
            "5.1.1:",
            "5.01.1",
            "Status: 5.1.1",
            "status=5.1.1,",
            "[192.0.2.4] said: 550 5.1.1 who?",
            "Exim 4.96.1 says 5.1.1",
            "2.0.0 from relay, then 550 5.1.1",
        ] {
            check(text, Some("5.1.1"));
        }
        check("4.4.7;", Some("4.4.7"));
        check("5.7.509", Some("5.7.509"));
        check("X-Postfix; 4.4.1 timed out", Some("4.4.1"));
        check("5.99.9", Some("5.99.9"));
    }

    #[test]
    fn what_only_looks_like_a_status_is_none() {
        for text in [
            "",
            "550",
            "5.1",
            "5.1.1.2",
            "5.1.",
            "3.1.1",
            "5.1.1111",
            "192.0.2.4",
            "5.1.1.1:25",
            "Postfix 2.3.4",
            "Exim/4.1.2",
            "version 5.1.1",
            "v5.1.1",
            "5.1.1rc1",
            "5.1.1-2",
            "Exim 4.96.1",
            "x5.1.1",
            "5.1.1@host",
            "..5..",
            "host5.1.1",
            "15.1.1",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}", figures in "[0-9. #-]{0,16}") {
            let _unused = (StatusCode::find(&text), StatusCode::find(&figures));
        }
    }
}
