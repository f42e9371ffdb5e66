//! Events as plain sentences.

use super::address::{Marked, Namer};
use super::headline::status_with_words;
use super::style::{BAD, GOOD, PLAIN};
use crate::event::{Address, Event, EventName, RuleAction};

/// Maximum number of addresses that a sentence names before it counts the rest.
const NAMED_MAX: usize = 3;

/// Describes an event for programs: `delivered to bob@acme.example in INBOX`. Addresses are exact,
/// and the text is not sanitised.
pub fn sentence(event: &Event<'_>) -> String {
    sentence_by(&mut Namer::exact(), event)
}

/// Describes an event for people.
pub fn marked_sentence(event: &Event<'_>) -> Marked {
    Marked::new(|namer| sentence_by(namer, event))
}

fn sentence_by(namer: &mut Namer, event: &Event<'_>) -> String {
    match &event.name {
        EventName::OutgoingEmailSubmitted => {
            format!(
                "submitted{}{}",
                origin(namer, event),
                for_whom(namer, " to ", &event.recipients)
            )
        }
        EventName::OrganizationEmailReceived => {
            format!(
                "received{}{}{}",
                origin(namer, event),
                for_whom(namer, " for ", &event.recipients),
                findings(event)
            )
        }
        EventName::OutgoingEmailSent => {
            format!(
                // Not "delivered": beyond the next server nothing is logged.
                "sent{}: the next server accepted it",
                for_whom(namer, " to ", &event.recipient)
            )
        }
        EventName::MailboxEmailDelivered => {
            format!(
                "delivered{}{}",
                for_whom(namer, " to ", &event.recipient),
                quoted(" in ", event.folder.as_deref())
            )
        }
        EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => bounce(namer, event),
        EventName::RuleApplied => rule(namer, event),
        EventName::JournalingInitiated => {
            format!(
                "a copy goes to the journal{}",
                for_whom(namer, " at ", &event.journaling_address)
            )
        }
        EventName::DmarcPolicyApplied => {
            let policy = event.policy.as_deref().unwrap_or("(none named)");
            format!(
                "the sender's DMARC policy {policy} was applied{}",
                for_whom(namer, " for ", &event.recipients)
            )
        }
        EventName::Other(name) if name.is_empty() => "an event without a name".to_owned(),
        EventName::Other(name) => format!("{name} (an event that AWS does not document)"),
    }
}

/// Returns the colour of an event.
pub(super) fn event_style(event: &Event<'_>) -> anstyle::Style {
    match event.name {
        EventName::MailboxEmailDelivered | EventName::OutgoingEmailSent => GOOD,
        EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => BAD,
        EventName::DmarcPolicyApplied
            if matches!(event.policy.as_deref(), Some("REJECT" | "QUARANTINE")) =>
        {
            BAD
        }
        _ => PLAIN,
    }
}

/// Returns a bounce's status, its meaning, and the reason in the other server's words.
pub(super) fn cause(status: Option<&str>, reason: Option<&str>) -> String {
    match (status_with_words(status, reason), reason.map(str::trim)) {
        (Some(status), Some(reason)) => format!("{status}: \"{reason}\""),
        (Some(status), None) => status.into_owned(),
        (None, Some(reason)) => format!("\"{reason}\""),
        (None, None) => "no cause was logged".to_owned(),
    }
}

/// Returns sender and first recipient, with the number of other recipients:
/// `ana@acme.example → bob@acme.example +2`.
pub(super) fn from_and_to(
    from: Option<&Address<'_>>,
    to: Option<&Address<'_>>,
    others: usize,
) -> Marked {
    Marked::new(|namer| {
        let mut name = |it: &Address<'_>| namer.address(it.logged()).into_owned();
        let from = from.map_or_else(String::new, &mut name);
        let to = match (to.map(name), others) {
            (None, _) => String::new(),
            (Some(to), 0) => format!("→ {to}"),
            (Some(to), others) => format!("→ {to} +{others}"),
        };
        [from, to].join(" ").trim().to_owned()
    })
}

fn bounce(namer: &mut Namer, event: &Event<'_>) -> String {
    let whom = if event.bounced.is_empty() { &event.recipient } else { &event.bounced };
    let cause = cause(event.status.as_deref(), event.reason.as_deref());
    format!("bounced{}, {cause}", for_whom(namer, " for ", whom))
}

fn origin(namer: &mut Namer, event: &Event<'_>) -> String {
    let mut name = |it: &Address<'_>| namer.address(it.logged()).into_owned();
    match (&event.from, &event.sender) {
        // WorkMail's `sender` really sent the mail, `from` is on whose behalf.
        (Some(from), Some(sender)) if from != sender => {
            format!(" from {} on behalf of {}", name(sender), name(from))
        }
        (Some(address), _) | (None, Some(address)) => format!(" from {}", name(address)),
        (None, None) => String::new(),
    }
}

fn for_whom(namer: &mut Namer, before: &str, addresses: &[Address<'_>]) -> String {
    if addresses.is_empty() {
        return String::new();
    }
    let named = addresses.iter().take(NAMED_MAX).map(|it| namer.address(it.logged()));
    let named: Vec<_> = named.collect();
    match addresses.len() - named.len() {
        0 => format!("{before}{}", named.join(", ")),
        rest => format!("{before}{} and {rest} more", named.join(", ")),
    }
}

/// Adds a folder's name, in quotes only if it has blanks, which would otherwise be hard to see.
fn quoted(before: &str, name: Option<&str>) -> String {
    match name {
        None => String::new(),
        Some(name) if name.contains(char::is_whitespace) => format!("{before}\"{name}\""),
        Some(name) => format!("{before}{name}"),
    }
}

/// Returns the checks that did not pass.
fn findings(event: &Event<'_>) -> String {
    let verdicts = &event.verdicts;
    let failed: Vec<String> = [
        ("spam", &verdicts.spam),
        ("DKIM", &verdicts.dkim),
        ("DMARC", &verdicts.dmarc),
        ("SPF", &verdicts.spf),
    ]
    .into_iter()
    .filter_map(|(check, verdict)| Some((check, verdict.as_deref()?)))
    // GRAY and DISABLED decide nothing, so they are no findings.
    .filter(|(_, verdict)| !matches!(*verdict, "PASS" | "GRAY" | "DISABLED"))
    .map(|(check, verdict)| format!("{check} {verdict}"))
    .collect();
    if failed.is_empty() { String::new() } else { format!(" ({})", failed.join(", ")) }
}

fn rule(namer: &mut Namer, event: &Event<'_>) -> String {
    let name =
        event.rule_name.as_deref().map_or("a rule".to_owned(), |it| format!("rule \"{it}\""));
    let kind = event.rule_type.as_deref().map_or_else(String::new, |it| format!(" ({it})"));
    let mut effects: Vec<String> = event.rule_actions.iter().map(|it| action(namer, it)).collect();
    effects.extend(event.target_folder.as_deref().map(|it| quoted("into folder ", Some(it))));
    if !event.target_recipient.is_empty() {
        effects.push(for_whom(namer, "on to ", &event.target_recipient));
    }
    // The event says that a rule started, not that it did anything.
    if effects.is_empty() {
        return format!("{name}{kind} started");
    }
    format!("{name}{kind}: {}", effects.join(", "))
}

fn action(namer: &mut Namer, action: &RuleAction<'_>) -> String {
    let name = if action.action.is_empty() { "an unnamed action" } else { &action.action };
    format!("{name}{}", for_whom(namer, " for ", &action.recipients))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trace::samples::*;

    fn check(name: &str, fields: serde_json::Value, expect: &str) {
        assert_eq!(sentence(&at(0, "t", name, fields).event), expect);
    }

    #[test]
    fn each_step_is_a_plain_sentence() {
        let bob = "bob@acme.example";
        check(
            "OUTGOING_EMAIL_SUBMITTED",
            json!({"from": "boss@x", "sender": "aide@x", "recipients": ["a@x", "b@x", "c@x", "d@x"]}),
            "submitted from aide@x on behalf of boss@x to a@x, b@x, c@x and 1 more",
        );
        check(
            "ORGANIZATION_EMAIL_RECEIVED",
            json!({"from": "a@x", "recipients": [bob], "spamVerdict": "FAIL", "dkimVerdict": "GRAY"}),
            "received from a@x for bob@acme.example (spam FAIL)",
        );
        check(
            "MAILBOX_EMAIL_DELIVERED",
            json!({"recipient": bob, "folder": "INBOX"}),
            "delivered to bob@acme.example in INBOX",
        );
        check(
            "INCOMING_EMAIL_BOUNCED",
            json!({"bouncedRecipient": {"emailAddress": bob, "status": "5.1.1", "reason": "who?"}}),
            "bounced for bob@acme.example, 5.1.1 unknown user: \"who?\"",
        );
        check("INCOMING_EMAIL_BOUNCED", json!({}), "bounced, no cause was logged");
        check(
            "RULE_APPLIED",
            json!({"ruleName": "Invoices", "ruleType": "MAILBOX_RULE", "targetFolder": "My bills", "targetRecipient": bob}),
            "rule \"Invoices\" (MAILBOX_RULE): into folder \"My bills\", on to bob@acme.example",
        );
        check("RULE_APPLIED", json!({"ruleActions": ["DROP"]}), "a rule: DROP");
        check(
            "DMARC_POLICY_APPLIED",
            json!({"policy": "REJECT"}),
            "the sender's DMARC policy REJECT was applied",
        );
        check(
            "MAILBOX_EMAIL_RECALLED",
            json!({}),
            "MAILBOX_EMAIL_RECALLED (an event that AWS does not document)",
        );
    }
}
