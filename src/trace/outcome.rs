//! What became of a message: the one place where the outcomes are decided.

use std::collections::HashMap;

use super::message::{Leg, Message, MessageOutcome, Outcome, Recipient};
use crate::event::{Address, Event, EventName};
use crate::store::StoredEvent;
use crate::time::Timestamp;

/// What a leg's events say about one address: the latest event of each kind.
#[derive(Default)]
struct Facts<'e> {
    delivered: Option<&'e StoredEvent>,
    sent: Option<&'e StoredEvent>,
    bounced: Option<&'e StoredEvent>,
    is_named: bool,
}

/// What a leg's events say about all of its recipients, as they first appear.
#[derive(Default)]
struct LegFacts<'e> {
    positions: HashMap<&'e Address<'static>, usize>,
    recipients: Vec<(&'e Address<'static>, Facts<'e>)>,
    rules: Vec<&'e StoredEvent>,
    rejected: Option<&'e StoredEvent>,
    quarantined: Option<&'e StoredEvent>,
}

impl<'e> LegFacts<'e> {
    /// Takes the leg's next event.
    fn read(&mut self, stored: &'e StoredEvent) {
        let event = &stored.event;
        match event.name {
            EventName::OutgoingEmailSubmitted
            | EventName::OrganizationEmailReceived
            | EventName::DmarcPolicyApplied => {
                for address in &event.recipients {
                    self.note(address, |facts| facts.is_named = true);
                }
            }
            EventName::MailboxEmailDelivered => {
                for address in addressees(event) {
                    self.note(address, |facts| facts.delivered = Some(stored));
                }
            }
            EventName::OutgoingEmailSent => {
                for address in addressees(event) {
                    self.note(address, |facts| facts.sent = Some(stored));
                }
            }
            EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => {
                for address in addressees(event) {
                    self.note(address, |facts| facts.bounced = Some(stored));
                }
            }
            EventName::RuleApplied => self.rules.push(stored),
            EventName::JournalingInitiated | EventName::Other(_) => {}
        }
        if event.name == EventName::DmarcPolicyApplied {
            match event.policy.as_deref().map(str::trim) {
                Some("REJECT") => self.rejected = self.rejected.or(Some(stored)),
                Some("QUARANTINE") => self.quarantined = self.quarantined.or(Some(stored)),
                _ => {}
            }
        }
    }

    fn note(&mut self, address: &'e Address<'static>, change: impl FnOnce(&mut Facts<'e>)) {
        let new = self.recipients.len();
        let position = *self.positions.entry(address).or_insert(new);
        if position == new {
            self.recipients.push((address, Facts::default()));
        }
        if let Some((_, facts)) = self.recipients.get_mut(position) {
            change(facts);
        }
    }

    /// The first rule that dropped the message for `address`.
    fn dropped_by(&self, address: &Address<'_>) -> Option<&'e StoredEvent> {
        let concerns = |it: &Address<'_>| it == address;
        self.rules.iter().copied().find(|stored| {
            stored.event.rule_actions.iter().any(|it| {
                is_dropping(&it.action)
                    && (it.recipients.is_empty() || it.recipients.iter().any(concerns))
            })
        })
    }

    /// The mailboxes that got the message though no event names them, in alphabetical order.
    fn unnamed_mailboxes(&self) -> Vec<Address<'static>> {
        let mut mailboxes: Vec<_> = self
            .recipients
            .iter()
            .filter(|(_, facts)| facts.delivered.is_some() && !facts.is_named)
            .map(|(address, _)| (*address).clone())
            .collect();
        mailboxes.sort();
        mailboxes
    }
}

/// Whom a delivery, a hand-over or a bounce is about. The documented field first; a shape that
/// the guide does not show must not make a recipient look lost.
fn addressees<'e>(event: &'e Event<'static>) -> &'e [Address<'static>] {
    let documented = if event.name.is_bounce() {
        [&event.bounced, &event.recipient]
    } else {
        [&event.recipient, &event.bounced]
    };
    documented.into_iter().find(|it| !it.is_empty()).unwrap_or(&event.recipients)
}

fn is_dropping(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    action.contains("drop") || action.contains("bounce")
}

fn is_junk(folder: &str) -> bool {
    let folder = folder.to_lowercase();
    folder.contains("junk") || folder.contains("spam")
}

/// Decides for each recipient of a leg. `events` are those of the whole message.
pub(super) fn recipients_of(
    leg: &Leg,
    events: &[StoredEvent],
    grace_ms: i64,
    newest: Timestamp,
) -> Vec<Recipient> {
    let mut leg_facts = LegFacts::default();
    for stored in leg.event_indexes.iter().filter_map(|it| events.get(*it)) {
        leg_facts.read(stored);
    }
    let mailboxes = leg_facts.unnamed_mailboxes();
    let is_early = newest.ms_since(leg.started) < grace_ms;
    leg_facts
        .recipients
        .iter()
        .map(|(address, facts)| {
            let undecided = Recipient {
                address: (*address).clone(),
                direction: leg.direction,
                trace_id: leg.trace_id.clone(),
                outcome: Outcome::Lost,
                folder: None,
                is_junk: false,
                status: None,
                reason: None,
                rule: None,
                mailboxes: Vec::new(),
                at: None,
                latency_ms: None,
            };
            decide(undecided, facts, &leg_facts, leg.started)
                .unwrap_or_else(|recipient| without_event(recipient, &mailboxes, is_early))
        })
        .collect()
}

/// Looks for the event that decided; gives the recipient back where there is none.
fn decide(
    mut recipient: Recipient,
    facts: &Facts<'_>,
    leg_facts: &LegFacts<'_>,
    started: Timestamp,
) -> Result<Recipient, Recipient> {
    let time = |it: Option<&StoredEvent>| it.map(|it| it.record.timestamp);
    let arrived = time(facts.delivered).max(time(facts.sent));
    let bounced = facts.bounced.filter(|it| arrived <= Some(it.record.timestamp));
    let decided = if let Some(it) = bounced {
        recipient.outcome = Outcome::Bounced;
        recipient.status.clone_from(&it.event.status);
        recipient.reason.clone_from(&it.event.reason);
        it
    } else if let Some(it) = facts.delivered {
        recipient.outcome = Outcome::Delivered;
        recipient.folder.clone_from(&it.event.folder);
        recipient.is_junk = it.event.folder.as_deref().is_some_and(is_junk);
        it
    } else if let Some(it) = facts.sent {
        recipient.outcome = Outcome::Sent;
        it
    } else if let Some(it) = leg_facts.dropped_by(&recipient.address) {
        recipient.outcome = Outcome::Dropped;
        recipient.rule.clone_from(&it.event.rule_name);
        it
    } else if let Some(it) = leg_facts.rejected {
        recipient.outcome = Outcome::Rejected;
        it
    } else if let Some(it) = leg_facts.quarantined {
        recipient.outcome = Outcome::Quarantined;
        it
    } else {
        return Err(recipient);
    };
    recipient.at = Some(decided.record.timestamp);
    if matches!(recipient.outcome, Outcome::Delivered | Outcome::Sent | Outcome::Bounced) {
        recipient.latency_ms = Some(decided.record.timestamp.ms_since(started));
    }
    Ok(recipient)
}

/// Decides for an address that no event speaks of.
fn without_event(
    mut recipient: Recipient,
    mailboxes: &[Address<'static>],
    is_early: bool,
) -> Recipient {
    recipient.outcome = if !mailboxes.is_empty() {
        recipient.mailboxes = mailboxes.to_vec();
        Outcome::Expanded
    } else if is_early {
        Outcome::Pending
    } else {
        Outcome::Lost
    };
    recipient
}

/// Decides for the message as a whole.
pub(super) fn of_message(message: &Message) -> MessageOutcome {
    let deciding = message.deciding_recipients();
    let is_any = |has: fn(Outcome) -> bool| deciding.iter().any(|it| has(it.outcome));
    let (is_any_good, is_any_bad) = (is_any(Outcome::is_good), is_any(Outcome::is_bad));
    let is_any_pending = is_any(|it| it == Outcome::Pending);
    match (is_any_good, is_any_bad, is_any_pending) {
        (false, false, false) => MessageOutcome::Unknown,
        (true, false, false) => MessageOutcome::Delivered,
        (false, true, false) => MessageOutcome::Failed,
        (_, false, true) => MessageOutcome::Pending,
        (_, true, _) => MessageOutcome::Partial,
    }
}
