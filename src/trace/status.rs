//! The meaning of RFC 3463 status codes, in words.
//!
//! Statuses come from foreign servers and may be anything: what has no known meaning gets no words,
//! and the code itself is always shown beside them.

use super::status_words::{SURE_TEXTS, UNSURE_TEXTS, detail_words, subject_words};
use crate::event::StatusCode;

/// The first digit of a status.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum StatusClass {
    /// 2: it worked.
    Success,
    /// 4: it may work later.
    Temporary,
    /// 5: it will not work.
    Permanent,
}

impl StatusClass {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Returns the class of a status such as `5.2.2`, or of a bare SMTP reply such as `550`.
pub fn status_class(status: &str) -> Option<StatusClass> {
    let class = enhanced_code(status).map(|(class, _, _)| class).or_else(|| reply_class(status))?;
    match class {
        2 => Some(StatusClass::Success),
        4 => Some(StatusClass::Temporary),
        5 => Some(StatusClass::Permanent),
        _ => None,
    }
}

/// Returns a bounce in words, by its status and the other server's text; `None` if neither is sure.
///
/// The server's own text counts more than its status: large providers use statuses for what RFC
/// 3463 does not say.
///
/// # Example
/// ```
/// use mailtrace::bounce_in_words;
/// assert_eq!(bounce_in_words(Some("5.2.2"), None), Some("mailbox full"));
/// let text = "550 5.4.1 Recipient address rejected: Access denied";
/// assert_eq!(bounce_in_words(Some("5.4.1"), Some(text)), Some("unknown user"));
/// assert_eq!(bounce_in_words(Some("what?"), None), None);
/// ```
pub fn bounce_in_words(status: Option<&str>, text: Option<&str>) -> Option<&'static str> {
    let lower = text.map_or_else(String::new, str::to_lowercase);
    if let Some(words) = words_in(&lower, SURE_TEXTS) {
        return Some(words);
    }
    let code = status.and_then(enhanced_code);
    let of_text = text.and_then(enhanced_code);
    // An ambiguous code by itself gives no words, not even those of its subject.
    let sure = |it: Option<(u16, u16, u16)>| it.filter(|it| !is_ambiguous(*it));
    let detail = |it: Option<(u16, u16, u16)>| sure(it).and_then(|it| detail_words(it.1, it.2));
    // The text's status first: the field may say 5.0.0 where the text says 5.1.1.
    detail(of_text).or_else(|| detail(code)).or_else(|| words_in(&lower, UNSURE_TEXTS)).or_else(
        || match sure(code.or(of_text))? {
            (2, 0, 0) => Some("success"),
            (_, subject, _) => subject_words(subject),
        },
    )
}

/// True for statuses that large providers use for something else than RFC 3463 says: Microsoft's
/// 5.4.1, 5.1.10 and 5.5.0 mean a recipient that does not exist, Google's 4.2.1 one who gets too
/// much mail.
fn is_ambiguous(code: (u16, u16, u16)) -> bool {
    matches!(code, (5, 4, 1) | (5, 1, 10) | (5 | 4, 5, 0) | (4, 2, 1))
}

fn words_in(lower: &str, texts: &[(&'static str, &[&str])]) -> Option<&'static str> {
    let mut texts = texts.iter();
    texts.find(|(_, said)| said.iter().any(|it| lower.contains(it))).map(|(words, _)| *words)
}

fn enhanced_code(status: &str) -> Option<(u16, u16, u16)> {
    StatusCode::find(status).map(|it| (it.class, it.subject, it.detail))
}

/// Returns the class of a three-digit SMTP reply at the start of the text.
fn reply_class(status: &str) -> Option<u16> {
    let word = status.split_whitespace().next()?;
    let reply: u16 = word.parse().ok()?;
    (word.len() == 3).then_some(reply / 100)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(status: &str, words: Option<&str>, class: Option<StatusClass>) {
        let said = (bounce_in_words(Some(status), None), status_class(status));
        assert_eq!(said, (words, class), "{status:?}");
    }

    #[test]
    fn codes_read_as_words() {
        let (temporary, permanent) = (Some(StatusClass::Temporary), Some(StatusClass::Permanent));
        check("5.1.1", Some("unknown user"), permanent);
        check("5.2.2", Some("mailbox full"), permanent);
        check("4.2.2", Some("mailbox full"), temporary);
        check("5.7.1", Some("refused by policy"), permanent);
        check("4.4.7", Some("delivery time expired"), temporary);
        check("5.2.99", Some("mailbox problem"), permanent);
        check("5.0.0", None, permanent);
        check("2.0.0", Some("success"), Some(StatusClass::Success));
    }

    #[test]
    fn codes_are_found_among_other_text() {
        let permanent = Some(StatusClass::Permanent);
        check(" 5.1.1 ", Some("unknown user"), permanent);
        check("550 5.1.1 <x@y>: no such user", Some("unknown user"), permanent);
        check("smtp; 550-#5.2.2.", Some("mailbox full"), permanent);
        check("550", None, permanent);
        check("421 try later", None, Some(StatusClass::Temporary));
    }

    #[test]
    fn what_the_server_says_counts_more_than_its_status() {
        for (status, text, words) in [
            (
                "5.4.1",
                "550 5.4.1 Recipient address rejected: Access denied. [x 2026]",
                Some("unknown user"),
            ),
            (
                "5.1.10",
                "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by lookup",
                Some("unknown user"),
            ),
            (
                "5.5.0",
                "550 5.5.0 Requested action not taken: mailbox unavailable (S2)",
                Some("mailbox unavailable"),
            ),
            (
                "4.2.1",
                "450-4.2.1 The user is receiving mail at a rate that prevents more",
                Some("too much mail at once"),
            ),
            (
                "5.7.1",
                "550 5.7.1 RESOLVER.RST.RecipLimit; too many recipients",
                Some("too many recipients"),
            ),
            ("5.0.0", "smtp; 550 5.1.1 <kim@far.example>... User unknown", Some("unknown user")),
            ("5.0.0", "smtp; 552 5.2.2 <kim@far.example>", Some("mailbox full")),
            (
                "5.1.351",
                "550 5.1.351 Remote server returned unknown recipient or mailbox unavailable",
                Some("unknown user"),
            ),
            ("5.3.0", "553 5.3.0 <kim@far.example>... Addressee unknown", Some("unknown user")),
            ("5.2.0", "552 5.2.0 mailbox over quota", Some("mailbox full")),
            (
                "4.2.0",
                "450 4.2.0 <x@y>: Recipient address rejected: Greylisted",
                Some("greylisted"),
            ),
            (
                "5.7.1",
                "554 5.7.1 <x@y>: Recipient address rejected: Access denied",
                Some("refused by policy"),
            ),
            ("5.1.1", "550 5.1.1 Nothing to see", Some("unknown user")),
            ("5.4.1", "550 5.4.1 sorry", None),
            ("5.4.1", "", None),
            ("4.4.1", "", Some("no answer from the server")),
        ] {
            assert_eq!(bounce_in_words(Some(status), Some(text)), words, "{status} {text}");
        }
        assert_eq!(bounce_in_words(None, Some("550 5.2.2 sorry")), Some("mailbox full"));
        assert_eq!(bounce_in_words(None, None), None);
    }

    #[test]
    fn junk_has_no_words() {
        for junk in
            ["", "5", "5.2", "9.9.9", "5.2.2.2", "10.0.0.1", "five", "5.99999.1", "5..2", "٥.٢.٢"]
        {
            check(junk, None, None);
        }
    }

    proptest! {
        #[test]
        fn no_status_makes_it_panic(status in ".{0,40}", figures in "[0-9.]{0,12}") {
            let _unused = (bounce_in_words(Some(&status), Some(&figures)), status_class(&status));
            let _unused = (bounce_in_words(Some(&figures), Some(&status)), status_class(&figures));
        }
    }
}
