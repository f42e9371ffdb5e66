//! The one judge: it decides the outcome of a message for each of its recipients.
//!
//! It reads the roles of a message's events, taken from the originals ([`super::outcome`]) or from
//! the columns of the index ([`super::columns`]). It reads no text: addresses are any type that can
//! be compared, and events any ordered type.

use std::collections::HashMap;
use std::hash::Hash;

use super::JoinRules;
use super::message::{Direction, MessageOutcome, Outcome};
use super::silence::{Lead, Silence};
use crate::directory::Directory;
use crate::event::{Role, RoleKind};
use crate::time::Timestamp;

/// The facts of an event that decide outcomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecidingFacts<I> {
    /// Its time in milliseconds since 1970.
    pub(super) ms: i64,
    pub(super) role: Role,
    /// True if it reports that the organization received the message.
    pub(super) is_arrival: bool,
    /// The addresses that it names in its role.
    pub(super) addresses: I,
}

impl<I> DecidingFacts<I> {
    /// True if it is the submission or the arrival of its leg.
    pub(super) fn is_beginning(&self) -> bool {
        self.is_arrival || (self.role.kind == RoleKind::Named && self.role.is_outgoing)
    }
}

/// Judges one message after another. `L` identifies a leg, `A` an address and `E` an event.
pub(super) struct Judge<L, A, E> {
    rules: JoinRules,
    legs: Vec<JudgedLeg<E>>,
    leg_positions: Positions<L>,
    rows: Vec<SaidRow<A, E>>,
    row_positions: Positions<(usize, A)>,
    /// The rows of the leg's recipients, by first appearance. A rule that drops for an address
    /// makes a row too, but no recipient.
    recipients: Vec<usize>,
}

pub(super) struct JudgedLeg<E> {
    pub(super) started_ms: i64,
    /// True if it has a submission or an arrival.
    pub(super) has_beginning: bool,
    is_outgoing: bool,
    /// The first event of each kind.
    rejected: Option<Decision<E>>,
    quarantined: Option<Decision<E>>,
    dropped: Option<Decision<E>>,
    has_unnamed_mailbox: bool,
    /// The number of named recipients without an event of their own.
    silent_count: usize,
}

impl<E> JudgedLeg<E> {
    pub(super) fn direction(&self) -> Direction {
        if self.is_outgoing { Direction::Outgoing } else { Direction::Incoming }
    }
}

/// The events of one leg that name one address.
struct SaidRow<A, E> {
    /// The index of the leg in the message.
    leg: usize,
    address: A,
    /// True if the message is for this address.
    is_recipient: bool,
    is_named: bool,
    /// The latest event of each kind.
    delivered: Option<Decision<E>>,
    sent: Option<Decision<E>>,
    bounced: Option<Decision<E>>,
    /// The first rule that drops the message for this address.
    dropped: Option<Decision<E>>,
}

impl<A, E> SaidRow<A, E> {
    /// True if it is named and has no event of its own.
    fn is_silent(&self) -> bool {
        let arrived = self.delivered.is_some() || self.sent.is_some() || self.bounced.is_some();
        self.is_named && !arrived && self.dropped.is_none()
    }

    fn is_unnamed_mailbox(&self) -> bool {
        self.delivered.is_some() && !self.is_named
    }
}

/// The event that decides, and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision<E> {
    pub(super) ms: i64,
    pub(super) event: E,
    /// True if another event of the kind has the same time: only the originals show which is later.
    pub(super) is_tied: bool,
}

impl<E> Decision<E> {
    /// Keeps the latest event; at the same time, the one taken last.
    fn take_latest(slot: &mut Option<Self>, ms: i64, event: E) {
        match slot {
            Some(known) if known.ms > ms => {}
            Some(known) => {
                let is_tied = known.ms == ms;
                *known = Self { ms, event, is_tied };
            }
            None => *slot = Some(Self { ms, event, is_tied: false }),
        }
    }

    fn take_first(slot: &mut Option<Self>, ms: i64, event: E) {
        slot.get_or_insert(Self { ms, event, is_tied: false });
    }
}

/// The outcome of a message for one address of one leg.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JudgedRow<A, E> {
    pub(crate) address: A,
    pub(crate) outcome: Outcome,
    /// The index of the leg in the message.
    pub(super) leg: usize,
    pub(super) direction: Direction,
    pub(super) started_ms: i64,
    pub(super) decision: Option<Decision<E>>,
}

impl<A, E: Copy> JudgedRow<A, E> {
    /// Returns the event that decided, if any.
    pub(crate) fn deciding_event(&self) -> Option<E> {
        self.decision.map(|it| it.event)
    }

    /// True if two events of the same millisecond could have decided.
    pub(super) fn is_tied(&self) -> bool {
        self.decision.is_some_and(|it| it.is_tied)
    }
}

impl<A: PartialEq, E> OutcomeRow for JudgedRow<A, E> {
    fn is_of_same(&self, other: &Self) -> bool {
        self.address == other.address
    }

    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn started_ms(&self) -> i64 {
        self.started_ms
    }

    fn latency_ms(&self) -> Option<i64> {
        let decision = self.decision.as_ref().filter(|_| self.outcome.has_latency());
        decision.map(|it| it.ms.saturating_sub(self.started_ms))
    }
}

impl<L, A, E> Judge<L, A, E>
where
    L: Copy + Eq + Hash,
    A: Copy + Eq + Hash,
    E: Copy + Ord,
{
    pub(super) fn new(rules: JoinRules) -> Self {
        Self {
            rules,
            legs: Vec::new(),
            leg_positions: Positions::new(),
            rows: Vec::new(),
            row_positions: Positions::new(),
            recipients: Vec::new(),
        }
    }

    /// Starts another message, and keeps the memory of the last one.
    pub(super) fn clear(&mut self) {
        self.legs.clear();
        self.leg_positions.clear();
        self.rows.clear();
        self.row_positions.clear();
        self.recipients.clear();
    }

    /// Takes the next event. Where it matters which of several events of a leg decided, they must
    /// come in the order in which they happened.
    pub(super) fn take(
        &mut self,
        leg: L,
        event: E,
        statement: DecidingFacts<impl Iterator<Item = A>>,
    ) {
        let (ms, role) = (statement.ms, statement.role);
        let is_beginning = statement.is_beginning();
        let (position, is_new) = self.leg_positions.of(leg);
        if is_new {
            self.legs.push(JudgedLeg {
                started_ms: ms,
                has_beginning: false,
                is_outgoing: false,
                rejected: None,
                quarantined: None,
                dropped: None,
                has_unnamed_mailbox: false,
                silent_count: 0,
            });
        }
        let Some(leg) = self.legs.get_mut(position) else { return };
        // The first event taken need not be the earliest: columns give events as they were stored.
        leg.started_ms = leg.started_ms.min(ms);
        leg.is_outgoing |= role.is_outgoing;
        leg.has_beginning |= is_beginning;
        if role.is_rejecting {
            Decision::take_first(&mut leg.rejected, ms, event);
        }
        if role.is_quarantining {
            Decision::take_first(&mut leg.quarantined, ms, event);
        }
        if role.is_dropping {
            Decision::take_first(&mut leg.dropped, ms, event);
        }
        if role.kind == RoleKind::Other {
            return;
        }
        for address in statement.addresses {
            let (place, is_new) = self.row_positions.of((position, address));
            if is_new {
                self.rows.push(SaidRow::new(position, address));
            }
            let Some(row) = self.rows.get_mut(place) else { continue };
            // A rule may drop for an address that the message is not for.
            if role.kind != RoleKind::Dropped && !row.is_recipient {
                row.is_recipient = true;
                self.recipients.push(place);
            }
            match role.kind {
                RoleKind::Named => row.is_named = true,
                RoleKind::Delivered => Decision::take_latest(&mut row.delivered, ms, event),
                RoleKind::Sent => Decision::take_latest(&mut row.sent, ms, event),
                RoleKind::Bounced => Decision::take_latest(&mut row.bounced, ms, event),
                RoleKind::Dropped => Decision::take_first(&mut row.dropped, ms, event),
                RoleKind::Other => {}
            }
        }
    }

    pub(super) fn legs(&self) -> &[JudgedLeg<E>] {
        &self.legs
    }

    /// Decides for each recipient of each leg, by first appearance. In a leg that is not whole, a
    /// missing event proves nothing. `text_of` returns an address for the directory. Call it once
    /// per message: it adds to the legs' counts.
    pub(super) fn judged<'t>(
        &mut self,
        is_whole: impl Fn(usize) -> bool,
        text_of: impl Fn(A) -> &'t str,
    ) -> impl Iterator<Item = JudgedRow<A, E>> {
        // Count first: what one silent recipient means depends on how many of its leg are silent.
        for row in &self.rows {
            let Some(leg) = self.legs.get_mut(row.leg) else { continue };
            leg.has_unnamed_mailbox |= row.is_unnamed_mailbox();
            leg.silent_count += usize::from(row.is_silent());
        }
        let judge: &Self = self;
        // The directory is read lazily: most mail never asks it.
        let is_any_silent = judge.legs.iter().any(|it| it.silent_count > 0);
        let directory = if is_any_silent { judge.rules.directory() } else { None };
        let resolved = directory.map_or_else(HashMap::new, |it| judge.resolved(it, text_of));
        let rows = judge.recipients.iter().filter_map(|it| Some((*it, judge.rows.get(*it)?)));
        rows.filter_map(move |(place, row)| {
            let leg = judge.legs.get(row.leg)?;
            let (outcome, decision) = match deciding_event(row, leg) {
                Some((outcome, decision)) => (outcome, Some(decision)),
                None => {
                    let resolved = resolved.get(&place).copied();
                    (judge.of_silent(leg, is_whole(row.leg), resolved), None)
                }
            };
            let (direction, started_ms) = (leg.direction(), leg.started_ms);
            let (address, leg) = (row.address, row.leg);
            Some(JudgedRow { address, outcome, leg, direction, started_ms, decision })
        })
    }

    /// Resolves silent recipients, by row, in the legs where the directory knows at least one of
    /// them. `None` for a row: the directory says that it did not get the message.
    fn resolved<'t>(
        &self,
        directory: &Directory,
        text_of: impl Fn(A) -> &'t str,
    ) -> HashMap<usize, Option<Outcome>> {
        let mut silent: Vec<(usize, usize)> = Vec::new();
        for (place, row) in self.rows.iter().enumerate().filter(|(_, it)| it.is_silent()) {
            silent.push((row.leg, place));
        }
        // Columns interleave legs, so the rows of a leg need not be adjacent.
        silent.sort_unstable();
        let mut resolved = HashMap::new();
        for of_leg in silent.chunk_by(|(one, _), (other, _)| one == other) {
            let Some((number, _)) = of_leg.first() else { continue };
            let Some(leg) = self.legs.get(*number) else { continue };
            let at = Timestamp::from_ms(leg.started_ms).unwrap_or(Timestamp::MIN);
            let of_it = self.rows.iter().filter(|it| it.leg == *number && it.delivered.is_some());
            let mailboxes: Vec<(&str, bool)> =
                of_it.map(|it| (text_of(it.address), it.is_named)).collect();
            let text_at = |place: usize| self.rows.get(place).map(|it| text_of(it.address));
            let leads: Vec<Lead> = of_leg
                .iter()
                .filter_map(|(_, place)| text_at(*place))
                .map(|it| Lead::of(it, mailboxes.iter().map(|(it, _)| *it), directory, at))
                .collect();
            let silence = Silence::of(leads.iter().copied());
            // A directory that knows none of them must not change the answer.
            if !silence.is_any_known {
                continue;
            }
            let is_explained = |mailbox: &str| {
                let mut addresses = of_leg.iter().filter_map(|(_, place)| text_at(*place));
                addresses.any(|it| directory.leads_to(it, mailbox, at))
            };
            let mut unnamed = mailboxes.iter().filter(|(_, is_named)| !is_named);
            let has_unexplained = unnamed.any(|(it, _)| !is_explained(it));
            let outcomes = leads.into_iter().map(|it| silence.outcome(it, has_unexplained));
            resolved.extend(of_leg.iter().map(|(_, place)| *place).zip(outcomes));
        }
        resolved
    }

    /// Returns the outcome of a silent recipient, given what the directory resolved.
    fn of_silent(
        &self,
        leg: &JudgedLeg<E>,
        is_whole: bool,
        resolved: Option<Option<Outcome>>,
    ) -> Outcome {
        if let (true, Some(Some(outcome))) = (is_whole, resolved) {
            return outcome;
        }
        let is_resolved = resolved.is_some();
        match leg.silent_count {
            // Order matters: what was not read must not be called lost.
            _ if !is_whole => Outcome::Unclear,
            // A single silent recipient must be the alias or group that led to the unnamed mailbox;
            // of several, any may be lost.
            1 if leg.has_unnamed_mailbox && !is_resolved => Outcome::Expanded,
            _ if leg.has_unnamed_mailbox && !is_resolved => Outcome::Unclear,
            _ if self.rules.is_early(leg.started_ms) => Outcome::Pending,
            _ => Outcome::Lost,
        }
    }

    /// Returns the mailboxes that got the message: the index of the leg, the address, and whether
    /// an event of the leg names it as a recipient.
    pub(super) fn mailboxes(&self) -> impl Iterator<Item = (usize, A, bool)> {
        let rows = self.rows.iter().filter(|it| it.delivered.is_some());
        rows.map(|it| (it.leg, it.address, it.is_named))
    }
}

impl<A, E> SaidRow<A, E> {
    fn new(leg: usize, address: A) -> Self {
        Self {
            leg,
            address,
            is_recipient: false,
            is_named: false,
            delivered: None,
            sent: None,
            bounced: None,
            dropped: None,
        }
    }
}

/// Returns the outcome for an address and the event that decides it: the first that fits.
fn deciding_event<A, E: Copy + Ord>(
    row: &SaidRow<A, E>,
    leg: &JudgedLeg<E>,
) -> Option<(Outcome, Decision<E>)> {
    let ms = |it: Option<Decision<E>>| it.map(|it| it.ms);
    let arrived_ms = ms(row.delivered).max(ms(row.sent));
    // In the same millisecond the bounce wins: better to check a false bounce than to miss a true
    // one.
    let bounced = row.bounced.filter(|it| arrived_ms <= Some(it.ms));
    // A rule that names nobody drops for everyone; the earlier of the two decides.
    let dropped = || row.dropped.into_iter().chain(leg.dropped).min_by_key(|it| it.event);
    let as_what = |outcome| move |decision| (outcome, decision);
    bounced
        .map(as_what(Outcome::Bounced))
        .or_else(|| row.delivered.map(as_what(Outcome::Delivered)))
        .or_else(|| row.sent.map(as_what(Outcome::Sent)))
        .or_else(|| dropped().map(as_what(Outcome::Dropped)))
        .or_else(|| leg.rejected.map(as_what(Outcome::Rejected)))
        .or_else(|| leg.quarantined.map(as_what(Outcome::Quarantined)))
}

/// The outcome of a message for one recipient of one leg, from any source.
///
/// Slices of rows are sorted by address, then by precedence: the last row of an address decides. It
/// is the row of the incoming leg that started last, else of the outgoing leg that did.
pub(crate) trait OutcomeRow {
    /// True if both rows are about the same address.
    fn is_of_same(&self, other: &Self) -> bool;

    fn outcome(&self) -> Outcome;

    /// The start of the leg, in milliseconds since 1970.
    fn started_ms(&self) -> i64;

    /// Milliseconds from the leg's start to the outcome, if it has a latency.
    fn latency_ms(&self) -> Option<i64>;
}

/// Splits rows by address.
pub(crate) fn by_address<R: OutcomeRow>(rows: &[R]) -> impl Iterator<Item = &[R]> {
    rows.chunk_by(R::is_of_same)
}

/// Returns the deciding row of each address.
pub(crate) fn deciding<R: OutcomeRow>(rows: &[R]) -> impl Iterator<Item = &R> {
    by_address(rows).filter_map(|it| it.last())
}

/// Decides the outcome of a message.
pub(super) fn of_message<R: OutcomeRow>(rows: &[R]) -> MessageOutcome {
    let (mut is_any_good, mut is_any_bad, mut is_any_pending) = (false, false, false);
    for outcome in deciding(rows).map(R::outcome) {
        is_any_good |= outcome.is_good();
        is_any_bad |= outcome.is_bad();
        is_any_pending |= outcome == Outcome::Pending;
    }
    match (is_any_good, is_any_bad, is_any_pending) {
        (false, false, false) => MessageOutcome::Unknown,
        (true, false, false) => MessageOutcome::Delivered,
        (false, true, false) => MessageOutcome::Failed,
        (_, false, true) => MessageOutcome::Pending,
        (_, true, _) => MessageOutcome::Partial,
    }
}

/// Numbers keys by first appearance.
struct Positions<K> {
    keys: Vec<K>,
    /// Filled with all keys once there are more than `FEW`.
    places: HashMap<K, usize>,
}

/// Up to this many keys are scanned rather than hashed: most messages have a few.
const FEW: usize = 16;

impl<K: Copy + Eq + Hash> Positions<K> {
    fn new() -> Self {
        Self { keys: Vec::new(), places: HashMap::new() }
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
    }

    /// Returns the number of a key, and true if it is new.
    fn of(&mut self, key: K) -> (usize, bool) {
        let next = self.keys.len();
        let known = if next <= FEW {
            self.keys.iter().position(|it| *it == key)
        } else {
            if self.places.is_empty() {
                self.places.extend(self.keys.iter().copied().zip(0..));
            }
            self.places.get(&key).copied()
        };
        if let Some(position) = known {
            return (position, false);
        }
        self.keys.push(key);
        if next > FEW {
            self.places.insert(key, next);
        }
        (next, true)
    }
}
