//! Everything that counts of a message, from the columns of the index where these tell all, else
//! from its originals: the same either way.

use std::collections::{HashMap, HashSet};

use super::Overview;
use super::judge::Judge;
use crate::event::{Address, EventName, RoleKind};
#[cfg(doc)]
use crate::limits;
use crate::store::{Senders, StoreError, truncate_term};
use crate::trace::Message;
use crate::trace::join::join_whole;
use crate::trace::message::{Direction, Outcome, Recipient};

/// An address: by number where the index's columns told of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum AddressKey {
    Number(u32),
    /// What the index would hold of it.
    Text(String),
}

impl AddressKey {
    pub(crate) fn of(address: &Address<'_>) -> Self {
        Self::Text(truncate_term(address.as_str()).to_owned())
    }
}

/// What a message adds to counts.
#[derive(Debug, Default)]
pub(crate) struct MessageFacts {
    /// The time of its first event, in milliseconds since 1970.
    pub(crate) first_seen_ms: i64,
    /// Who really sent it, numbered as by [`Senders`].
    pub(crate) sender: Option<AddressKey>,
    /// Its legs.
    pub(crate) legs: Vec<LegFact>,
    /// One for each recipient of each leg; addresses are numbered as by [`EventTable`].
    pub(crate) recipients: Vec<RecipientFact>,
    /// Each arrival of each leg once, and each delivery, hand-over and bounce once for each
    /// recipient of a leg; one that names no recipient counts as one. The time is the first one's.
    pub(crate) steps: Vec<StepFact>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LegFact {
    pub(crate) started_ms: i64,
    pub(crate) direction: Direction,
}

#[derive(Clone, Debug)]
pub(crate) struct RecipientFact {
    pub(crate) address: AddressKey,
    pub(crate) outcome: Outcome,
    pub(crate) latency: Option<LatencyFact>,
    /// Whether this row decides for the address.
    pub(crate) is_deciding: bool,
}

/// How long it took until the outcome, from when the leg started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LatencyFact {
    pub(crate) started_ms: i64,
    pub(crate) latency_ms: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct StepFact {
    pub(crate) step: Step,
    pub(crate) at_ms: i64,
}

/// What WorkMail publishes counts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Received,
    Delivered,
    BouncedIncoming,
    BouncedOutgoing,
    Sent,
}

impl Step {
    fn of(name: &EventName<'_>) -> Option<Self> {
        match name {
            EventName::OrganizationEmailReceived => Some(Self::Received),
            EventName::MailboxEmailDelivered => Some(Self::Delivered),
            EventName::IncomingEmailBounced => Some(Self::BouncedIncoming),
            EventName::OutgoingEmailBounced => Some(Self::BouncedOutgoing),
            EventName::OutgoingEmailSent => Some(Self::Sent),
            _ => None,
        }
    }
}

/// What tells a step from another that is the same one told again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whom {
    /// An address by its number, or by its place.
    Address(usize),
    /// The leg as a whole.
    Leg,
    /// Nobody, by an event's place.
    Nobody(usize),
}

/// Steps with their leg and whom they are about.
type Told = (Step, usize, Whom, i64);

/// Keeps the first of what is told more than once.
fn once(mut told: Vec<Told>) -> Vec<StepFact> {
    told.sort_unstable();
    told.dedup_by_key(|(step, leg, whom, _)| (*step, *leg, *whom));
    told.into_iter().map(|(step, _, _, at_ms)| StepFact { step, at_ms }).collect()
}

impl Overview<'_> {
    /// Hands every message to `visit`, on all cores; gives what was made of the parts, in order.
    /// Of a message whose originals are needed, [`limits::COUNTED_EVENTS_MAX`] events count.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when index or archive cannot be read.
    pub(crate) fn visit<T: Default + Send>(
        &self,
        visit: impl Fn(&mut T, MessageFacts) + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let columns = self.columns()?;
        let start = || (Judge::new(&columns.table, &self.rules), self.store.events());
        columns.visit_all(start, |made, (judge, reader), events| {
            if let Some(facts) = judge.facts(events, columns.senders.as_ref()) {
                visit(made, facts);
                return Ok(());
            }
            let read = judge.originals(events, reader)?;
            let is_whole = read.len() == events.len();
            let read = read.into_iter().map(|(_, it)| it).collect();
            let messages = join_whole(read, &self.rules, &|_| is_whole);
            messages.iter().for_each(|it| visit(made, facts_of(it)));
            Ok(())
        })
    }
}

impl Judge<'_> {
    /// The facts by the columns; `None` where these do not tell all.
    fn facts(&mut self, events: &[u32], senders: Option<&Senders>) -> Option<MessageFacts> {
        let (first_seen_ms, _) = self.take(events)?;
        let rows = self.judged_rows()?;
        let mut recipients: Vec<RecipientFact> = Vec::with_capacity(rows.len());
        for (index, row) in rows.iter().enumerate() {
            let is_deciding = rows.get(index + 1).is_none_or(|it| it.address != row.address);
            recipients.push(RecipientFact {
                address: AddressKey::Number(row.address),
                outcome: row.outcome,
                latency: row
                    .latency_ms()
                    .map(|latency_ms| LatencyFact { started_ms: row.started_ms, latency_ms }),
                is_deciding,
            });
        }
        let sender = match senders {
            Some(senders) => self.sender(events, senders)?,
            None => None,
        };
        let steps = self.steps(events)?;
        let legs = self.legs.iter();
        let legs = legs.map(|it| LegFact { started_ms: it.started_ms, direction: it.direction() });
        Some(MessageFacts {
            first_seen_ms,
            sender: sender.map(AddressKey::Number),
            legs: legs.collect(),
            recipients,
            steps,
        })
    }

    /// Who really sent the message; `None` where only the originals tell which event comes first.
    pub(super) fn sender(&self, events: &[u32], senders: &Senders) -> Option<Option<u32>> {
        let sender = self.earliest(events, |it| senders.sender(it))?;
        Some(sender.or(self.earliest(events, |it| senders.from(it))?))
    }

    /// What the earliest event says that says something; `None` where two of one time disagree.
    pub(super) fn earliest<V: Copy + PartialEq>(
        &self,
        events: &[u32],
        says: impl Fn(u32) -> Option<V>,
    ) -> Option<Option<V>> {
        let mut first: Option<(i64, V)> = None;
        let mut is_certain = true;
        for event in events {
            let Some(said) = says(*event) else { continue };
            let at_ms = self.table.row(*event)?.timestamp_ms;
            match first {
                Some((first_ms, known)) if at_ms == first_ms => is_certain &= known == said,
                Some((first_ms, _)) if at_ms > first_ms => {}
                _ => (first, is_certain) = (Some((at_ms, said)), true),
            }
        }
        is_certain.then_some(first.map(|(_, it)| it))
    }

    fn steps(&mut self, events: &[u32]) -> Option<Vec<StepFact>> {
        let mut told: Vec<Told> = Vec::with_capacity(events.len());
        for (place, event) in events.iter().enumerate() {
            let row = self.table.row(*event)?;
            let step = match (row.role.kind, row.role.is_outgoing) {
                (RoleKind::Named, _) if row.is_arrival => Step::Received,
                (RoleKind::Delivered, _) => Step::Delivered,
                (RoleKind::Bounced, false) => Step::BouncedIncoming,
                (RoleKind::Bounced, true) => Step::BouncedOutgoing,
                (RoleKind::Sent, _) => Step::Sent,
                _ => continue,
            };
            let leg = self.position(row.leg, row.timestamp_ms);
            let at_ms = row.timestamp_ms;
            let mut tell = |whom| told.push((step, leg, whom, at_ms));
            match row.addresses {
                _ if step == Step::Received => tell(Whom::Leg),
                [] => tell(Whom::Nobody(place)),
                addresses => addresses.iter().for_each(|it| tell(Whom::Address(*it as usize))),
            }
        }
        Some(once(told))
    }
}

/// The facts by the originals.
pub(crate) fn facts_of(message: &Message) -> MessageFacts {
    let deciding: HashSet<*const Recipient> =
        message.deciding_recipients().into_iter().map(std::ptr::from_ref).collect();
    let recipients = message.recipients.iter().map(|row| RecipientFact {
        address: AddressKey::of(&row.address),
        outcome: row.outcome,
        latency: row.at.zip(row.latency_ms).map(|(at, latency_ms)| LatencyFact {
            started_ms: at.as_ms().saturating_sub(latency_ms),
            latency_ms,
        }),
        is_deciding: deciding.contains(&std::ptr::from_ref(row)),
    });
    let legs = message.legs.iter();
    let legs = legs.map(|it| LegFact { started_ms: it.started.as_ms(), direction: it.direction });
    MessageFacts {
        first_seen_ms: message.first_seen.as_ms(),
        sender: message.sender.as_ref().or(message.from.as_ref()).map(AddressKey::of),
        legs: legs.collect(),
        recipients: recipients.collect(),
        steps: steps_of(message),
    }
}

fn steps_of(message: &Message) -> Vec<StepFact> {
    let mut places: HashMap<&Address<'_>, usize> = HashMap::new();
    let mut told: Vec<Told> = Vec::new();
    for (leg_place, leg) in message.legs.iter().enumerate() {
        for index in &leg.event_indexes {
            let Some(stored) = message.events.get(*index) else { continue };
            let Some(step) = Step::of(&stored.event.name) else { continue };
            let mut tell =
                |whom| told.push((step, leg_place, whom, stored.record.timestamp.as_ms()));
            match stored.event.addressees() {
                _ if step == Step::Received => tell(Whom::Leg),
                [] => tell(Whom::Nobody(*index)),
                addressees => addressees.iter().for_each(|address| {
                    let next = places.len();
                    tell(Whom::Address(*places.entry(address).or_insert(next)));
                }),
            }
        }
    }
    once(told)
}
