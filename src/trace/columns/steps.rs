//! The steps of mail that WorkMail publishes counts of: from the columns of the index where these
//! are enough, else from the originals, with the same result.

use super::EventColumns;
use super::judge::ColumnJudge;
use crate::event::{Address, RoleKind};
use crate::store::{Store, StoreError};
use crate::trace::join::join_whole;
use crate::trace::judge::DecidingFacts;
use crate::trace::outcome::statement_of;
use crate::trace::{JoinRules, Message};

/// A step of one message, at a time in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepFact {
    pub(crate) step: MetricStep,
    pub(crate) at_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MetricStep {
    Received,
    Delivered,
    BouncedIncoming,
    BouncedOutgoing,
    Sent,
}

impl MetricStep {
    fn of<I>(statement: &DecidingFacts<I>) -> Option<Self> {
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

/// The subject of a step, which tells a new step from a repeated one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whom<A> {
    Address(A),
    /// The leg as a whole.
    Leg,
    /// Nobody: the event, by its index, stands for itself.
    Nobody(usize),
}

/// Returns the steps of events, each of which comes with its leg. Of a repeated step the first
/// counts.
fn steps_of<L: Copy + Ord, A: Copy + Ord, I: Iterator<Item = A>>(
    statements: impl Iterator<Item = (L, DecidingFacts<I>)>,
) -> Vec<StepFact> {
    let mut told: Vec<(MetricStep, L, Whom<A>, i64)> = Vec::new();
    for (place, (leg, statement)) in statements.enumerate() {
        let Some(step) = MetricStep::of(&statement) else { continue };
        let mut tell = |whom| told.push((step, leg, whom, statement.ms));
        // An arrival counts once, however many recipients it names.
        if step == MetricStep::Received {
            tell(Whom::Leg);
            continue;
        }
        let mut addresses = statement.addresses.peekable();
        if addresses.peek().is_none() {
            tell(Whom::Nobody(place));
        }
        addresses.for_each(|it| tell(Whom::Address(it)));
    }
    // The time is the last key, so the step that `dedup` keeps is the first of its kind.
    told.sort_unstable();
    told.dedup_by_key(|(step, leg, whom, _)| (*step, *leg, *whom));
    told.into_iter().map(|(step, _, _, at_ms)| StepFact { step, at_ms }).collect()
}

/// Passes the steps of every message to `visit`, on all cores: each arrival of a leg once, and each
/// delivery, hand-over and bounce once for each recipient of a leg. A step that names no recipient
/// counts as one. The time is that of the first. Returns the results of the parts, in order.
pub(crate) fn visit_steps<T: Default + Send>(
    store: &Store,
    rules: &JoinRules,
    visit: impl Fn(&mut T, Vec<StepFact>) + Sync,
) -> Result<Vec<T>, StoreError> {
    EventColumns::read(store, rules)?.visit(|made, judge, reader, events| {
        if let Some(steps) = judge.steps(events) {
            visit(made, steps);
            return Ok(());
        }
        let read = judge.originals(events, reader)?.into_iter().map(|(_, it)| it).collect();
        // Whole or not does not matter: steps are counted, outcomes are not.
        let messages = join_whole(read, rules, &|_| true);
        messages.iter().for_each(|it| visit(made, steps_in(it)));
        Ok(())
    })
}

impl ColumnJudge<'_> {
    /// Returns the steps from the columns; `None` if they are not enough.
    fn steps(&mut self, events: &[u32]) -> Option<Vec<StepFact>> {
        // Asked for its refusal alone: `None` if the columns hold some event only in part.
        self.take(events)?;
        Some(steps_of(events.iter().filter_map(|it| self.statement(*it))))
    }
}

/// Returns the steps from the originals.
pub(crate) fn steps_in(message: &Message) -> Vec<StepFact> {
    steps_of(statements_of(message))
}

/// Returns the facts of the originals, leg by leg.
fn statements_of(
    message: &Message,
) -> impl Iterator<Item = (usize, DecidingFacts<impl Iterator<Item = &Address<'static>>>)> {
    message.legs.iter().enumerate().flat_map(|(place, leg)| {
        let events = leg.event_indexes.iter().filter_map(|it| message.events.get(*it));
        events.map(move |it| (place, statement_of(it)))
    })
}
