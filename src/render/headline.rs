//! The headline of an answer: what happened to the message, in one sentence.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::address::{Marked, Namer};
use crate::event::Address;
use crate::time::human_duration;
use crate::trace::{
    Direction, Message, Outcome, Recipient, StatusClass, bounce_in_words, status_class,
};

/// Outcomes in the order in which an administrator wants to hear about them.
const PROBLEMS: [Outcome; 7] = [
    Outcome::Bounced,
    Outcome::Lost,
    Outcome::Unclear,
    Outcome::Dropped,
    Outcome::Rejected,
    Outcome::Quarantined,
    Outcome::Pending,
];

/// Says what happened to a message:
/// `Delivered to 2 of 3 recipients; bounced for bob@acme.example: 5.2.2 mailbox full`.
pub fn headline(message: &Message) -> Marked {
    Marked::new(|namer| headline_by(namer, message))
}

/// Does the same, without sanitising.
pub(super) fn headline_by(namer: &mut Namer, message: &Message) -> String {
    let deciding = message.deciding_recipients();
    // The mailboxes of an alias or a group have rows of their own.
    let rows: Vec<&Recipient> =
        deciding.iter().copied().filter(|it| it.outcome != Outcome::Expanded).collect();
    if rows.is_empty() {
        return match message.events.len() {
            1 => "No recipient is known: the one event found names none".to_owned(),
            count => format!("No recipient is known: none of the {count} events found names one"),
        };
    }
    let arrived = arrival(namer, &rows);
    let problems: Vec<String> = PROBLEMS
        .iter()
        .filter_map(|outcome| {
            let of_it: Vec<_> = rows.iter().copied().filter(|it| it.outcome == *outcome).collect();
            problem(namer, *outcome, &of_it, message.is_truncated)
        })
        .collect();
    let parts: Vec<String> =
        arrived.into_iter().chain(problems).chain(other_copies(message, &deciding)).collect();
    capitalised(&parts.join("; "))
}

/// Describes failures of copies that do not decide: of mail that reached somebody twice, one copy
/// may have bounced.
fn other_copies(message: &Message, deciding: &[&Recipient]) -> Vec<String> {
    // By address in memory: two rows may be equal in every field.
    let decides: HashSet<*const Recipient> =
        deciding.iter().map(|it| std::ptr::from_ref(*it)).collect();
    let of_address: HashMap<&Address<'_>, &Recipient> =
        deciding.iter().map(|it| (&it.address, *it)).collect();
    let others: Vec<&Recipient> = message
        .recipients
        .iter()
        .filter(|it| it.outcome.is_bad() && !decides.contains(&std::ptr::from_ref(*it)))
        // A failure equal to the deciding one is no news. A missing hand-over of an outgoing leg is
        // none either if the message arrived.
        .filter(|it| of_address.get(&it.address).is_none_or(|by| by.outcome != it.outcome))
        .filter(|it| {
            let is_silent = matches!(it.outcome, Outcome::Lost | Outcome::Unclear);
            it.direction == Direction::Incoming || !is_silent
        })
        .collect();
    let said = PROBLEMS.iter().filter_map(|outcome| {
        let (was, were) = match outcome {
            Outcome::Bounced => ("bounced".to_owned(), "bounced".to_owned()),
            Outcome::Unclear => ("is unclear".to_owned(), "are unclear".to_owned()),
            it => (format!("was {it}"), format!("were {it}")),
        };
        match others.iter().filter(|it| it.outcome == *outcome).count() {
            0 => None,
            1 => Some(format!("a second copy {was}")),
            count => Some(format!("{count} other copies {were}")),
        }
    });
    said.collect()
}

/// Says who has it.
fn arrival(namer: &mut Namer, rows: &[&Recipient]) -> Option<String> {
    let good: Vec<&Recipient> = rows.iter().copied().filter(|it| it.outcome.is_good()).collect();
    let sent = good.iter().filter(|it| it.outcome == Outcome::Sent).count();
    let verb = match sent {
        0 => "delivered to",
        _ if sent == good.len() => "sent to",
        _ => "delivered or sent to",
    };
    let junk = match good.iter().filter(|it| it.is_junk).count() {
        0 => String::new(),
        count => format!(", {count} of them in junk"),
    };
    Some(match good.as_slice() {
        [] => return None,
        [only] if rows.len() == 1 => {
            let place = match (only.folder.as_deref(), only.is_junk, only.outcome) {
                (_, _, Outcome::Sent) => ", accepted by the next server".to_owned(),
                (Some(folder), true, _) => format!(" in \"{folder}\", a junk folder,"),
                (Some(folder), false, _) => format!(" in {folder}"),
                (None, _, _) => String::new(),
            };
            // Without the leg's start, the delivery itself is its earliest event, and zero says
            // nothing.
            let after = match only.latency_ms {
                None | Some(0) => String::new(),
                Some(ms) => format!(" after {}", human_duration(ms)),
            };
            format!("{verb} {}{place}{after}", namer.address(only.address.logged()))
        }
        // Numbers instead of names, so that the headline of a message to thousands stays short.
        _ if good.len() == rows.len() => format!("{verb} all {} recipients{junk}", rows.len()),
        _ => format!("{verb} {} of {} recipients{junk}", good.len(), rows.len()),
    })
}

/// Says who does not have it, and why if all have one cause.
fn problem(
    namer: &mut Namer,
    outcome: Outcome,
    rows: &[&Recipient],
    is_truncated: bool,
) -> Option<String> {
    let whom = match rows {
        [] => return None,
        [only] => namer.address(only.address.logged()).into_owned(),
        _ => format!("{} recipients", rows.len()),
    };
    let why = match outcome {
        Outcome::Bounced => {
            common(rows, |it| status_with_words(it.status.as_deref(), it.reason.as_deref()))
                .map_or(String::new(), |it| format!(": {it}"))
        }
        Outcome::Dropped => common(rows, |it| it.rule.as_deref().map(Cow::from))
            .map_or(" by a rule".to_owned(), |it| format!(" by the rule \"{it}\"")),
        Outcome::Rejected | Outcome::Quarantined => " by the sender's DMARC policy".to_owned(),
        Outcome::Lost => ": no outcome logged".to_owned(),
        // An event beyond the bound may say what happened.
        Outcome::Unclear if is_truncated => ": not all events were read".to_owned(),
        Outcome::Unclear => ": not known whether expanded or lost".to_owned(),
        Outcome::Pending => ": no outcome yet".to_owned(),
        Outcome::Delivered | Outcome::Sent | Outcome::Expanded => String::new(),
    };
    Some(format!("{outcome} for {whom}{why}"))
}

/// Returns what all rows say alike, if they do.
fn common<'r>(
    rows: &[&'r Recipient],
    say: impl Fn(&'r Recipient) -> Option<Cow<'r, str>>,
) -> Option<Cow<'r, str>> {
    let first = rows.first().and_then(|it| say(it))?;
    rows.iter().all(|it| say(it).as_ref() == Some(&first)).then_some(first)
}

/// Returns a bounce's status with its meaning:
/// `5.2.2 mailbox full`, `4.4.1 no answer from the server (temporary)`.
pub(super) fn status_with_words<'s>(
    status: Option<&'s str>,
    reason: Option<&str>,
) -> Option<Cow<'s, str>> {
    let status = status?;
    // People expect a bounce to be permanent; only the other kind is worth a word.
    let class = match status_class(status) {
        Some(StatusClass::Temporary) => " (temporary)",
        _ => "",
    };
    Some(match bounce_in_words(Some(status), reason) {
        None if class.is_empty() => Cow::Borrowed(status),
        None => Cow::Owned(format!("{status}{class}")),
        Some(words) => Cow::Owned(format!("{status} {words}{class}")),
    })
}

/// Returns the text with a capital at its start.
pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::StoredEvent;
    use crate::trace::samples::*;

    const BOB: &str = "bob@acme.example";
    const EVE: &str = "eve@acme.example";

    fn check(log: &[StoredEvent], expect: &str) {
        assert_eq!(headline(&joined(log)[0]).to_string(), expect);
    }

    #[test]
    fn one_recipient_is_named() {
        let start = received(0, "t", "m", &[BOB]);
        let then = |event| [start.clone(), event];
        check(
            &then(delivered(3_100, "t", BOB, "INBOX")),
            "Delivered to bob@acme.example in INBOX after 3.1 s",
        );
        check(
            &then(delivered(3_100, "t", BOB, "Junk E-mail")),
            "Delivered to bob@acme.example in \"Junk E-mail\", a junk folder, after 3.1 s",
        );
        check(
            &then(bounced(9, "t", "INCOMING", BOB)),
            "Bounced for bob@acme.example: 5.2.2 mailbox full",
        );
        check(
            &then(rule(9, "t", "INBOUND_RULE", "DROP", &[])),
            "Dropped for bob@acme.example by the rule \"Quarantine\"",
        );
        check(
            &then(dmarc(9, "t", "REJECT", &[BOB])),
            "Rejected for bob@acme.example by the sender's DMARC policy",
        );
        check(std::slice::from_ref(&start), "Lost for bob@acme.example: no outcome logged");
        check(
            &[submitted(0, "t", &["zoe@far.example"]), sent(800, "t", "m", "zoe@far.example")],
            "Sent to zoe@far.example, accepted by the next server after 0.8 s",
        );
    }

    #[test]
    fn many_recipients_are_counted() {
        let start = received(0, "t", "m", &[BOB, EVE]);
        let in_inbox = delivered(1, "t", EVE, "INBOX");
        check(
            &[start.clone(), in_inbox.clone(), delivered(1, "t", BOB, "Spam")],
            "Delivered to all 2 recipients, 1 of them in junk",
        );
        check(
            &[start.clone(), in_inbox, bounced(2, "t", "INCOMING", BOB)],
            "Delivered to 1 of 2 recipients; bounced for bob@acme.example: 5.2.2 mailbox full",
        );
        let bounces = [bounced(2, "t", "INCOMING", BOB), bounced(2, "t", "INCOMING", EVE)];
        let [one, other] = bounces;
        check(&[start, one, other], "Bounced for 2 recipients: 5.2.2 mailbox full");
        check(
            &report_to_four(),
            "Delivered or sent to 3 of 4 recipients, 1 of them in junk; bounced for bob@acme.example: 5.2.2 mailbox full",
        );
    }

    #[test]
    fn a_copy_that_went_wrong_is_named_though_another_arrived() {
        let copies = [
            received(0, "list", "m", &[BOB]),
            bounced(9, "list", "INCOMING", BOB),
            received(60_000, "direct", "m", &[BOB]),
            delivered(62_000, "direct", BOB, "INBOX"),
        ];
        check(&copies, "Delivered to bob@acme.example in INBOX after 2 s; a second copy bounced");
    }

    #[test]
    fn a_group_beside_somebody_without_an_event_is_unclear() {
        let log = [
            received(0, "t", "m", &["team@acme.example", "carl@acme.example"]),
            delivered(1, "t", BOB, "INBOX"),
            delivered(2, "t", EVE, "INBOX"),
        ];
        check(
            &log,
            "Delivered to 2 of 4 recipients; unclear for 2 recipients: not known whether expanded or lost",
        );
    }

    #[test]
    fn what_is_open_is_said_to_be_open() {
        let log = [received(0, "t", "m", &[BOB]), rule(2_000, "t", "INBOUND_RULE", "DEFAULT", &[])];
        assert_eq!(
            headline(&joined_before(&log, 3_000)[0]).to_string(),
            "Pending for bob@acme.example: no outcome yet"
        );
        check(
            &[at(0, "t", "JOURNALING_INITIATED", json!({}))],
            "No recipient is known: the one event found names none",
        );
    }

    #[test]
    fn only_a_temporary_status_is_said_to_be_of_its_kind() {
        let words = |it| status_with_words(Some(it), None).unwrap();
        assert_eq!(words("4.4.1"), "4.4.1 no answer from the server (temporary)");
        assert_eq!(words("5.1.1"), "5.1.1 unknown user");
        assert_eq!(words("junk"), "junk");
    }
}
