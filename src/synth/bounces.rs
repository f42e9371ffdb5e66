//! The reasons of bounces, in the words of many mail servers.

use super::random::Random;

/// A status of RFC 3463 with a reason; in it `@` stands for the address and `#` for an ID.
type Cause = (&'static str, &'static str);

// Some texts have no code and one is not English, so that nothing may rely on either.
const CAUSES: [Cause; 26] = [
    (
        "5.1.1",
        "smtp; 550 5.1.1 <@>: Recipient address rejected: User unknown in virtual mailbox table",
    ),
    ("5.1.1", "550 5.1.1 The email account that you tried to reach does not exist. # - gsmtp"),
    ("5.1.1", "550 5.1.1 @ user unknown"),
    (
        "5.1.10",
        "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient @ not found by SMTP address lookup",
    ),
    ("5.1.2", "550 5.1.2 Bad destination system: no such domain"),
    ("5.1.3", "501 5.1.3 Bad recipient address syntax"),
    ("5.1.6", "551 5.1.6 Mailbox @ has moved"),
    ("5.2.1", "550 5.2.1 The mailbox @ is disabled"),
    ("5.2.2", "552 5.2.2 The recipient's mailbox is over quota #"),
    ("5.2.2", "mailbox full"),
    ("5.2.3", "552 5.2.3 Message length exceeds administrative limit"),
    ("5.3.4", "552 5.3.4 Message size exceeds fixed limit (26214400 bytes)"),
    ("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [#]"),
    ("5.4.4", "Unable to route: host not found for @"),
    ("5.4.6", "554 5.4.6 Too many hops: mail loop detected"),
    ("5.5.0", "550 5.5.0 Requested action not taken (#)"),
    ("5.6.0", "554 5.6.0 Corrupt message content"),
    (
        "5.7.1",
        "550 5.7.1 Message rejected due to content restrictions, see http://postmaster.example/#",
    ),
    (
        "5.7.1",
        "554 5.7.1 Service unavailable; client host [192.0.2.25] blocked using zen.blocklist.example",
    ),
    ("5.7.1", "nicht zustellbar: Empfänger lehnt Nachricht ab"),
    (
        "5.7.26",
        "550 5.7.26 Unauthenticated email from this domain is not accepted due to the domain's DMARC policy",
    ),
    ("4.2.2", "452 4.2.2 The email account that you tried to reach is over quota #"),
    ("4.4.1", "451 4.4.1 No answer from host"),
    ("4.4.7", "Message expired: unable to deliver in 840 minutes. <421 4.4.2 connection dropped>"),
    ("4.7.0", "421 4.7.0 Try again later, closing connection. #"),
    ("5.0.0", "undeliverable"),
];

/// Picks a reason for a bounce of `address`; the first in the list are the most frequent.
pub(super) fn cause(random: &mut Random, address: &str) -> (&'static str, String) {
    let count = u64::try_from(CAUSES.len()).unwrap_or(1);
    let index = usize::try_from(random.skewed_below(count)).unwrap_or(0);
    let (status, template) = CAUSES.get(index).copied().unwrap_or(("5.0.0", "undeliverable"));
    let mut reason = String::with_capacity(template.len() + 24);
    for character in template.chars() {
        match character {
            '@' => reason.push_str(address),
            '#' => random.push_hex(&mut reason, 12),
            _ => reason.push(character),
        }
    }
    (status, reason)
}

/// The reason for an address that the organization does not have.
pub(super) fn unknown_user(address: &str) -> (&'static str, String) {
    ("5.1.1", format!("550 5.1.1 <{address}>: mailbox does not exist"))
}
