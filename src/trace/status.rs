//! What RFC 3463 status codes mean, in words.
//!
//! Statuses come from foreign servers, so that anything may stand there: what has no words has
//! none, and the code itself is always shown beside them.

use std::fmt;

use crate::event::StatusCode;

/// The first figure of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatusClass {
    /// 2: it worked.
    Success,
    /// 4: it may work later.
    Temporary,
    /// 5: it will not work.
    Permanent,
}

impl StatusClass {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Temporary => "temporary",
            Self::Permanent => "permanent",
        }
    }
}

impl fmt::Display for StatusClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// The class of a status such as `5.2.2`, or of a bare SMTP reply such as `550`.
#[must_use]
pub fn status_class(status: &str) -> Option<StatusClass> {
    let class = StatusCode::find(status).map(|it| it.class).or_else(|| reply_class(status))?;
    match class {
        2 => Some(StatusClass::Success),
        4 => Some(StatusClass::Temporary),
        5 => Some(StatusClass::Permanent),
        _ => None,
    }
}

/// What a status says in words; `None` when it is no code that is known.
///
/// # Example
/// ```
/// use mailtrace::trace::status_in_words;
/// assert_eq!(status_in_words("5.2.2"), Some("mailbox full"));
/// assert_eq!(status_in_words("what?"), None);
/// ```
#[must_use]
pub fn status_in_words(status: &str) -> Option<&'static str> {
    let StatusCode { class, subject, detail } = StatusCode::find(status)?;
    if class == 2 && (subject, detail) == (0, 0) {
        return Some("success");
    }
    detail_words(subject, detail).or_else(|| subject_words(subject))
}

fn detail_words(subject: u16, detail: u16) -> Option<&'static str> {
    Some(match (subject, detail) {
        (1, 1) => "unknown user",
        (1, 2) => "unknown domain",
        (1, 3) => "malformed address",
        (1, 4) => "ambiguous address",
        (1, 5) => "address accepted",
        (1, 6) => "mailbox has moved",
        (1, 7) => "malformed sender address",
        (1, 8) => "sender's domain is not accepted",
        (1, 10) => "domain accepts no mail",
        (2, 1) => "mailbox disabled",
        (2, 2) => "mailbox full",
        (2, 3) => "message too long for the mailbox",
        (2, 4) => "mailing list cannot be expanded",
        (3, 1) => "mail system full",
        (3, 2) => "mail system accepts no messages",
        (3, 3) => "mail system lacks a feature",
        (3, 4) => "message too big",
        (3, 5) => "mail system misconfigured",
        (4, 1) => "no answer from the server",
        (4, 2) => "bad connection",
        (4, 3) => "name server failure",
        (4, 4) => "no route to the server",
        (4, 5) => "mail system congested",
        (4, 6) => "mail loop",
        (4, 7) => "delivery time expired",
        (5, 1) => "invalid command",
        (5, 2) => "syntax error",
        (5, 3) => "too many recipients",
        (5, 4) => "invalid command arguments",
        (5, 5) => "wrong protocol version",
        (6, 1) => "media type not supported",
        (6, 2) => "conversion required and prohibited",
        (6, 3) => "conversion required and not supported",
        (7, 1) => "refused by policy",
        (7, 2) => "not allowed to write to the list",
        (7, 3) => "security conversion not possible",
        (7, 4) => "security features not supported",
        (7, 5) => "cryptographic failure",
        (7, 7) => "message integrity failure",
        (7, 8) => "authentication failed",
        (7, 20) => "no passing DKIM signature",
        (7, 23) => "SPF check failed",
        (7, 25) => "sender's server has no reverse DNS",
        (7, 26) => "several authentication checks failed",
        (7, 27) => "sender's domain accepts no mail",
        _ => return None,
    })
}

fn subject_words(subject: u16) -> Option<&'static str> {
    Some(match subject {
        1 => "address problem",
        2 => "mailbox problem",
        3 => "mail system problem",
        4 => "network or routing problem",
        5 => "mail protocol problem",
        6 => "message content problem",
        7 => "security or policy problem",
        _ => return None,
    })
}

/// The class of a three-figure SMTP reply that begins the text.
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
        assert_eq!((status_in_words(status), status_class(status)), (words, class), "{status:?}");
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
            let _unused = (status_in_words(&status), status_class(&status));
            let _unused = (status_in_words(&figures), status_class(&figures));
        }
    }
}
