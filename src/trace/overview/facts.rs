//! Everything that counts of a message, from the columns of the index where these tell all, else
//! from its originals: the same either way.

use super::Overview;
use super::judge::ColumnJudge;
use crate::event::{Address, RoleKind};
#[cfg(doc)]
use crate::limits;
use crate::store::{Senders, StoreError};
use crate::trace::Message;
use crate::trace::event_tracer::EventTracer;
use crate::trace::join::join_whole;
use crate::trace::judge::{OutcomeRow, Statement};
use crate::trace::message::{Direction, Outcome};
use crate::trace::outcome::statement_of;
use crate::trace::table::{ListedMessage, Reading};

/// What a message adds to counts.
#[derive(Debug, Default)]
pub(crate) struct MessageFacts {
    /// Its legs.
    pub(crate) legs: Vec<LegFact>,
    /// One for each recipient of each leg; of originals, as they stand in their message.
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

#[derive(Clone, Copy, Debug)]
pub(crate) struct RecipientFact {
    pub(crate) outcome: Outcome,
    /// When the leg started, in milliseconds since 1970.
    pub(crate) started_ms: i64,
    /// How long it took until the outcome, in milliseconds.
    pub(crate) latency_ms: Option<i64>,
}

impl RecipientFact {
    fn of(row: &impl OutcomeRow) -> Self {
        let (outcome, started_ms) = (row.outcome(), row.started_ms());
        Self { outcome, started_ms, latency_ms: row.latency_ms() }
    }
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
    fn of<I>(statement: &Statement<I>) -> Option<Self> {
        Some(match (statement.role.kind, statement.role.is_outgoing) {
            (RoleKind::Named, _) if statement.is_arrival => Self::Received,
            (RoleKind::Delivered, _) => Self::Delivered,
            (RoleKind::Bounced, false) => Self::BouncedIncoming,
            (RoleKind::Bounced, true) => Self::BouncedOutgoing,
            (RoleKind::Sent, _) => Self::Sent,
            _ => return None,
        })
    }
}

/// What tells a step from another that is the same one told again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whom<A> {
    Address(A),
    /// The leg as a whole.
    Leg,
    /// Nobody, by an event's place.
    Nobody(usize),
}

/// The steps that events tell, each with what stands for its leg. Of what is told more than once,
/// the first counts.
fn steps_of<L: Copy + Ord, A: Copy + Ord, I: Iterator<Item = A>>(
    statements: impl Iterator<Item = (L, Statement<I>)>,
) -> Vec<StepFact> {
    let mut told: Vec<(Step, L, Whom<A>, i64)> = Vec::new();
    for (place, (leg, statement)) in statements.enumerate() {
        let Some(step) = Step::of(&statement) else { continue };
        let mut tell = |whom| told.push((step, leg, whom, statement.ms));
        if step == Step::Received {
            tell(Whom::Leg);
            continue;
        }
        let mut addresses = statement.addresses.peekable();
        if addresses.peek().is_none() {
            tell(Whom::Nobody(place));
        }
        addresses.for_each(|it| tell(Whom::Address(it)));
    }
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
        let start = || (ColumnJudge::new(&columns.table, &self.rules), self.store.events());
        columns.visit_all(start, |made, (judge, reader), events| {
            if let Some(facts) = judge.facts(events) {
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

    /// As [`Overview::visit`]; where there is a message table, it hands its entries to `visit_listed`
    /// but for those whose originals are needed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when table, index or archive cannot be read.
    pub(crate) fn visit_entries<T: Default + Send>(
        &self,
        visit: impl Fn(&mut T, MessageFacts) + Sync,
        visit_listed: impl Fn(&mut T, &ListedMessage) + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let Some(listing) = &self.listing else { return self.visit(visit) };
        let start = || EventTracer::new(self.store, &self.rules);
        listing.visit(Reading::all(), start, |made, tracer, message| {
            if message.needs_originals {
                let read = tracer.message_of(message.place)?;
                read.iter().for_each(|it| visit(made, facts_of(it)));
            } else {
                visit_listed(made, message);
            }
            Ok(())
        })
    }
}

impl ColumnJudge<'_> {
    /// The facts by the columns; `None` where these do not tell all.
    fn facts(&mut self, events: &[u32]) -> Option<MessageFacts> {
        self.take(events)?;
        let recipients = self.rows().iter().map(RecipientFact::of).collect();
        let steps = steps_of(events.iter().filter_map(|it| self.statement(*it)));
        let legs = self.legs().iter();
        let legs = legs.map(|it| LegFact { started_ms: it.started_ms, direction: it.direction() });
        Some(MessageFacts { legs: legs.collect(), recipients, steps })
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
}

/// The facts by the originals.
pub(crate) fn facts_of(message: &Message) -> MessageFacts {
    let rows = message.recipients.iter().enumerate();
    let legs = message.legs.iter();
    let legs = legs.map(|it| LegFact { started_ms: it.started.as_ms(), direction: it.direction });
    MessageFacts {
        legs: legs.collect(),
        recipients: rows.map(|it| RecipientFact::of(&it)).collect(),
        steps: steps_of(statements_of(message)),
    }
}

/// What the originals tell, leg by leg.
fn statements_of(
    message: &Message,
) -> impl Iterator<Item = (usize, Statement<impl Iterator<Item = &Address<'static>>>)> {
    message.legs.iter().enumerate().flat_map(|(place, leg)| {
        let events = leg.event_indexes.iter().filter_map(|it| message.events.get(*it));
        events.map(move |it| (place, statement_of(it)))
    })
}
