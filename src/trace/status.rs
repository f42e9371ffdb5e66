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
    let class = enhanced_code(status).map(|(class, _, _)| class).or_else(|| reply_class(status))?;
    match class {
        2 => Some(StatusClass::Success),
        4 => Some(StatusClass::Temporary),
        5 => Some(StatusClass::Permanent),
        _ => None,
    }
}

/// What a bounce says in words, by its status and the other server's text; `None` where neither is
/// sure.
///
/// What a server says of itself counts more than what its status should mean: large providers use
/// statuses for what RFC 3463 does not say.
///
/// # Example
/// ```
/// use mailtrace::trace::bounce_in_words;
/// assert_eq!(bounce_in_words(Some("5.2.2"), None), Some("mailbox full"));
/// let text = "550 5.4.1 Recipient address rejected: Access denied";
/// assert_eq!(bounce_in_words(Some("5.4.1"), Some(text)), Some("unknown user"));
/// assert_eq!(bounce_in_words(Some("what?"), None), None);
/// ```
#[must_use]
pub fn bounce_in_words(status: Option<&str>, text: Option<&str>) -> Option<&'static str> {
    let lower = text.map(str::to_lowercase).unwrap_or_default();
    if let Some(words) = words_in(&lower, SURE_TEXTS) {
        return Some(words);
    }
    let code = status.and_then(enhanced_code);
    let of_text = text.and_then(enhanced_code);
    let sure = |it: Option<(u16, u16, u16)>| it.filter(|it| !is_ambiguous(*it));
    let detail = |it: Option<(u16, u16, u16)>| sure(it).and_then(|it| detail_words(it.1, it.2));
    detail(of_text).or_else(|| detail(code)).or_else(|| words_in(&lower, UNSURE_TEXTS)).or_else(
        || match sure(code.or(of_text))? {
            (2, 0, 0) => Some("success"),
            (_, subject, _) => subject_words(subject),
        },
    )
}

/// Statuses that large providers use for something else than RFC 3463 says: Microsoft's 5.4.1,
/// 5.1.10 and 5.5.0 mean a recipient that does not exist, Google's 4.2.1 one who gets too much.
fn is_ambiguous(code: (u16, u16, u16)) -> bool {
    matches!(code, (5, 4, 1) | (5, 1, 10) | (5 | 4, 5, 0) | (4, 2, 1))
}

/// Meanings and the words of servers that tell them, whatever the status. The first that is found
/// counts: a text that names a mailbox may be about its quota.
const SURE_TEXTS: &[(&str, &[&str])] = &[
    ("too many recipients", &["too many recipients", "reciplimit", "recipient limit"]),
    (
        "too much mail at once",
        &[
            "at a rate that",
            "too quickly",
            "rate limit",
            "ratelimit",
            "throttl",
            "too fast",
            "too many messages",
            "too many emails",
            "sending limit",
            "sending quota",
            "message rate",
            "hourly limit",
            "daily limit",
            "too many connections",
        ],
    ),
    ("greylisted", &["greylist", "graylist", "grey-list", "gray-list", "greylisting"]),
    (
        "mailbox full",
        &[
            "mailbox full",
            "mailbox is full",
            "mailbox's full",
            "inbox full",
            "inbox is full",
            "over quota",
            "overquota",
            "quota exceeded",
            "exceeded quota",
            "exceeds quota",
            "quota is exceeded",
            "exceeded the quota",
            "exceeded storage",
            "out of storage",
            "storage quota",
            "storage limit",
            "quotaexceeded",
            "quota violation",
            "quota full",
            "disk quota",
            "over the quota",
            "exceeds the storage",
            "exceeded its quota",
            "exceeded their quota",
            "exceeded his",
            "insufficient storage for",
            "mailboxfull",
            "no space left in mailbox",
            "account is full",
        ],
    ),
    (
        "mailbox disabled",
        &[
            "account is disabled",
            "account disabled",
            "account has been disabled",
            "mailbox disabled",
            "mailbox is disabled",
            "user disabled",
            "user is disabled",
            "account is inactive",
            "account inactive",
            "mailbox is inactive",
            "mailbox inactive",
            "inactive user",
            "inactive mailbox",
            "account suspended",
            "account is suspended",
            "user suspended",
            "user is suspended",
            "account has been suspended",
            "account locked",
            "account is locked",
            "account closed",
            "account has been closed",
            "account has been deactivated",
            "account deactivated",
        ],
    ),
    (
        "unknown domain",
        &[
            "domain not found",
            "host not found",
            "domain does not exist",
            "no such domain",
            "unknown domain",
            "domain unknown",
            "unknown host",
            "nxdomain",
            "host or domain name not found",
            "unrouteable mail domain",
            "unroutable mail domain",
            "domain doesn't exist",
            "no mx record",
            "no such host",
        ],
    ),
    (
        "unknown user",
        &[
            "user unknown",
            "unknown user",
            "no such user",
            "no such recipient",
            "no such mailbox",
            "no such address",
            "no such account",
            "user not found",
            "user doesn't exist",
            "user does not exist",
            "user is unknown",
            "unknown recipient",
            "recipient unknown",
            "recipient not found",
            "recipientnotfound",
            "recipient does not exist",
            "recipient doesn't exist",
            "no recipient found",
            "addressee unknown",
            "unknown addressee",
            "unknown address",
            "address unknown",
            "address does not exist",
            "address doesn't exist",
            "address not found",
            "unknown mailbox",
            "mailbox unknown",
            "mailbox not found",
            "mailbox does not exist",
            "mailbox doesn't exist",
            "account does not exist",
            "account doesn't exist",
            "account not found",
            "unknown account",
            "unknown local part",
            "unknown local-part",
            "unknown or illegal alias",
            "not a valid recipient",
            "invalid recipient",
            "recipient invalid",
            "not a valid mailbox",
            "invalid mailbox",
            "no mailbox here",
            "no longer at this",
            "no longer with",
            "doesn't have a mailbox",
            "no account by that",
            "tried to reach does not exist",
            "does not have an account",
            "doesn't have an account",
            "not listed in",
            "unknown in virtual",
            "not found by smtp address lookup",
            "resolver.adr.exrecipnotfound",
            "not our customer",
        ],
    ),
    (
        "domain accepts no mail",
        &["null mx", "nullmx", "does not accept mail", "doesn't accept mail", "accepts no mail"],
    ),
    (
        "message too big",
        &[
            "message too big",
            "message too large",
            "message size exceeds",
            "size limit",
            "exceeds size",
            "exceeds maximum size",
            "exceeds the maximum size",
            "too large",
            "message exceeds",
            "max message size",
        ],
    ),
    (
        "refused as spam",
        &[
            "as spam",
            "spam message",
            "considered spam",
            "looks like spam",
            "likely spam",
            "suspected spam",
            "spam content",
            "spam detected",
            "unsolicited",
            "is spam",
            "spam score",
            "junk mail",
            "message blocked due to spam",
        ],
    ),
    (
        "sender is blocked",
        &[
            "blacklist",
            "black list",
            "blocklist",
            "block list",
            "block-list",
            "denylist",
            "spamhaus",
            "spamcop",
            "barracudacentral",
            "dnsbl",
            "poor reputation",
            "bad reputation",
            "low reputation",
            "banned sending ip",
            "sender blocked",
            "sender is blocked",
        ],
    ),
    ("no reverse DNS of the sender's server", &["reverse dns", "ptr record", "reverse hostname"]),
    (
        "relaying denied",
        &[
            "relay access denied",
            "relaying denied",
            "unable to relay",
            "not permitted to relay",
            "relay not permitted",
            "relaying not",
            "relay denied",
            "relay not allowed",
        ],
    ),
    ("mail loop", &["mail loop", "too many hops", "hop count exceeded", "loop detected"]),
    ("refused by the sender's DMARC policy", &["dmarc"]),
    ("SPF check failed", &["spf check", "spf fail", "sender policy framework"]),
    (
        "delivery time expired",
        &[
            "retry timeout exceeded",
            "retry time not reached",
            "delivery time expired",
            "message expired",
        ],
    ),
    (
        "no answer from the server",
        &[
            "connection timed out",
            "connection timeout",
            "timed out",
            "connection refused",
            "no route to host",
            "network is unreachable",
            "host is unreachable",
            "unable to connect",
            "could not connect",
            "connection reset",
        ],
    ),
];

/// Words that tell something only where the status does not.
const UNSURE_TEXTS: &[(&str, &[&str])] = &[
    (
        "refused by policy",
        &["policy", "administratively prohibited", "not authorized", "not permitted"],
    ),
    (
        "unknown user",
        &[
            "recipient address rejected",
            "recipient rejected",
            "address rejected",
            "bad destination",
        ],
    ),
    (
        "mailbox unavailable",
        &["mailbox unavailable", "mailbox not available", "mailbox is unavailable"],
    ),
    (
        "try again later",
        &["try again", "try later", "temporarily", "temporary failure", "server busy", "deferred"],
    ),
];

fn words_in(lower: &str, texts: &[(&'static str, &[&str])]) -> Option<&'static str> {
    let mut texts = texts.iter();
    texts.find(|(_, said)| said.iter().any(|it| lower.contains(it))).map(|(words, _)| *words)
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

fn enhanced_code(status: &str) -> Option<(u16, u16, u16)> {
    StatusCode::find(status).map(|it| (it.class, it.subject, it.detail))
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
