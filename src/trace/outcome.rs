//! What became of a message: the one place where the outcomes are decided.

use std::collections::HashMap;

use super::message::{Leg, Message, MessageOutcome, Outcome, Recipient};
use crate::event::{Address, EventName};
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
    /// The first rule that drops the message for everybody, and those that drop it for somebody:
    /// each with its place among the rules.
    dropped: Option<(usize, &'e StoredEvent)>,
    dropped_for: HashMap<&'e Address<'static>, (usize, &'e StoredEvent)>,
    rule_count: usize,
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
                for address in event.addressees() {
                    self.note(address, |facts| facts.delivered = Some(stored));
                }
            }
            EventName::OutgoingEmailSent => {
                for address in event.addressees() {
                    self.note(address, |facts| facts.sent = Some(stored));
                }
            }
            EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => {
                for address in event.addressees() {
                    self.note(address, |facts| facts.bounced = Some(stored));
                }
            }
            EventName::RuleApplied => self.read_rule(stored),
            EventName::JournalingInitiated | EventName::Other(_) => {}
        }
        if event.name == EventName::DmarcPolicyApplied {
            let policy = event.policy.as_deref().map(str::trim).unwrap_or_default();
            if policy.eq_ignore_ascii_case("REJECT") {
                self.rejected = self.rejected.or(Some(stored));
            } else if policy.eq_ignore_ascii_case("QUARANTINE") {
                self.quarantined = self.quarantined.or(Some(stored));
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

    fn read_rule(&mut self, stored: &'e StoredEvent) {
        let rule = (self.rule_count, stored);
        self.rule_count += 1;
        for action in stored.event.rule_actions.iter().filter(|it| it.is_dropping()) {
            if action.recipients.is_empty() {
                self.dropped = self.dropped.or(Some(rule));
            }
            for address in &action.recipients {
                self.dropped_for.entry(address).or_insert(rule);
            }
        }
    }

    /// The first rule that dropped the message for `address`.
    fn dropped_by(&self, address: &Address<'_>) -> Option<&'e StoredEvent> {
        let rules = self.dropped.iter().chain(self.dropped_for.get(address));
        rules.min_by_key(|(place, _)| *place).map(|(_, it)| *it)
    }

    /// How many recipients are named and have no event of their own.
    fn silent_count(&self) -> usize {
        let is_silent = |(address, facts): &&(&Address<'_>, Facts<'_>)| {
            let arrived = facts.delivered.or(facts.sent).or(facts.bounced);
            facts.is_named && arrived.is_none() && !self.dropped_for.contains_key(*address)
        };
        self.recipients.iter().filter(is_silent).count()
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

/// What the name of a folder for junk contains, in any case.
pub(super) const JUNK_WORDS: [&str; 2] = ["junk", "spam"];

/// Whether a folder is one for junk.
pub(super) fn is_junk(folder: &str) -> bool {
    let folder = folder.to_lowercase();
    JUNK_WORDS.iter().any(|it| folder.contains(it))
}

/// Decides for each recipient of a leg. `events` are those of the whole message; where those of
/// the leg are not all that there are, the absence of one says nothing.
pub(super) fn recipients_of(
    leg: &Leg,
    events: &[StoredEvent],
    is_whole: bool,
    grace_ms: i64,
    newest: Timestamp,
) -> Vec<Recipient> {
    let mut leg_facts = LegFacts::default();
    for stored in leg.event_indexes.iter().filter_map(|it| events.get(*it)) {
        leg_facts.read(stored);
    }
    let mailboxes = leg_facts.unnamed_mailboxes();
    let without_event = of_silent(
        is_whole,
        if mailboxes.is_empty() { 0 } else { leg_facts.silent_count() },
        newest.ms_since(leg.started) < grace_ms,
    );
    leg_facts
        .recipients
        .iter()
        .map(|(address, facts)| match deciding_event(address, facts, &leg_facts) {
            Some((outcome, stored)) => decided(address, leg, outcome, stored),
            None => Recipient {
                mailboxes: match without_event {
                    Outcome::Expanded => mailboxes.clone(),
                    _ => Vec::new(),
                },
                ..undecided(address, leg, without_event)
            },
        })
        .collect()
}

/// The outcome for a recipient of whom no event speaks. `expandable` counts those of whom this is
/// true where mailboxes got the message that are not named, else it is 0.
pub(super) fn of_silent(is_whole: bool, expandable: usize, is_early: bool) -> Outcome {
    match expandable {
        _ if !is_whole => Outcome::Unclear,
        0 if is_early => Outcome::Pending,
        0 => Outcome::Lost,
        1 => Outcome::Expanded,
        _ => Outcome::Unclear,
    }
}

/// The event that decides for an address, and what it decides: the first that fits.
fn deciding_event<'e>(
    address: &Address<'_>,
    facts: &Facts<'e>,
    leg_facts: &LegFacts<'e>,
) -> Option<(Outcome, &'e StoredEvent)> {
    let time = |it: Option<&StoredEvent>| it.map(|it| it.record.timestamp);
    let arrived = time(facts.delivered).max(time(facts.sent));
    // A bounce and an arrival of the same millisecond: better to look after a bounce that was
    // none than to miss one.
    let bounced = facts.bounced.filter(|it| arrived <= Some(it.record.timestamp));
    let as_outcome = |outcome| move |stored| (outcome, stored);
    bounced
        .map(as_outcome(Outcome::Bounced))
        .or_else(|| facts.delivered.map(as_outcome(Outcome::Delivered)))
        .or_else(|| facts.sent.map(as_outcome(Outcome::Sent)))
        .or_else(|| leg_facts.dropped_by(address).map(as_outcome(Outcome::Dropped)))
        .or_else(|| leg_facts.rejected.map(as_outcome(Outcome::Rejected)))
        .or_else(|| leg_facts.quarantined.map(as_outcome(Outcome::Quarantined)))
}

/// A row that tells nothing beyond its outcome.
fn undecided(address: &Address<'static>, leg: &Leg, outcome: Outcome) -> Recipient {
    Recipient {
        address: address.clone(),
        direction: leg.direction,
        trace_id: leg.trace_id.clone(),
        leg_started: leg.started,
        outcome,
        folder: None,
        is_junk: false,
        status: None,
        reason: None,
        rule: None,
        mailboxes: Vec::new(),
        at: None,
        latency_ms: None,
    }
}

/// A row with what the event that decided says.
fn decided(
    address: &Address<'static>,
    leg: &Leg,
    outcome: Outcome,
    stored: &StoredEvent,
) -> Recipient {
    let (at, event) = (stored.record.timestamp, &stored.event);
    let latency_ms = Some(at.ms_since(leg.started));
    let row = Recipient { at: Some(at), ..undecided(address, leg, outcome) };
    match outcome {
        Outcome::Delivered => Recipient {
            folder: event.folder.clone(),
            is_junk: event.folder.as_deref().is_some_and(is_junk),
            latency_ms,
            ..row
        },
        Outcome::Sent => Recipient { latency_ms, ..row },
        Outcome::Bounced => Recipient {
            status: event.status.clone(),
            reason: event.reason.clone(),
            latency_ms,
            ..row
        },
        Outcome::Dropped => Recipient { rule: event.rule_name.clone(), ..row },
        _ => row,
    }
}

/// Decides for the message as a whole.
pub(super) fn of_message(message: &Message) -> MessageOutcome {
    let deciding: Vec<_> = message.deciding_recipients().iter().map(|it| it.outcome).collect();
    of_all(&deciding)
}

/// Decides for a message by the outcomes of those that decide.
pub(super) fn of_all(deciding: &[Outcome]) -> MessageOutcome {
    let is_any = |has: fn(Outcome) -> bool| deciding.iter().any(|it| has(*it));
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
