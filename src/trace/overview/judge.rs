//! What became of one message, by the columns of the index.

use std::collections::HashMap;
use std::hash::Hash;

use crate::event::RoleKind;
use crate::limits;
use crate::store::{EventReader, EventTable, Location, StoreError, StoredEvent};
use crate::trace::JoinRules;
use crate::trace::message::{Direction, Outcome};
use crate::trace::outcome::of_silent;

/// Judges messages one after the other.
pub(super) struct Judge<'t> {
    pub(super) table: &'t EventTable,
    rules: &'t JoinRules,
    pub(super) legs: Vec<LegFacts>,
    leg_positions: Positions<u32>,
    rows: Vec<Row>,
    row_positions: Positions<(usize, u32)>,
}

/// Where each of some keys stands, by first appearance.
struct Positions<K> {
    keys: Vec<K>,
    /// Of all keys, once there are many.
    places: HashMap<K, usize>,
}

/// Keys that are looked through one by one: of most messages there are a few.
const FEW: usize = 16;

impl<K: Copy + Eq + Hash> Positions<K> {
    fn new() -> Self {
        Self { keys: Vec::new(), places: HashMap::new() }
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
    }

    /// Where a key stands, and whether it is new.
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

/// What is known of one leg.
#[derive(Default)]
pub(super) struct LegFacts {
    pub(super) started_ms: i64,
    /// Whether an event tells of its submission or its arrival.
    pub(super) has_beginning: bool,
    is_outgoing: bool,
    is_rejected: bool,
    is_quarantined: bool,
    is_dropped: bool,
    has_unnamed_mailbox: bool,
    /// How many recipients are named and have no event of their own.
    silent_count: usize,
}

/// What one leg says of one address.
#[derive(Default)]
struct Row {
    /// Where the leg stands among the message's.
    leg: usize,
    address: u32,
    /// Whether the leg is for it at all.
    is_recipient: bool,
    is_named: bool,
    is_dropped: bool,
    delivered: Option<Latest>,
    sent: Option<Latest>,
    bounced: Option<Latest>,
}

/// The latest event of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Latest {
    pub(super) ms: i64,
    pub(super) event: u32,
    /// Whether another event of the kind has the same time: the originals tell which comes last.
    pub(super) is_tied: bool,
}

impl Latest {
    fn take(slot: &mut Option<Self>, ms: i64, event: u32) {
        match slot {
            Some(known) if known.ms > ms => {}
            Some(known) if known.ms == ms => known.is_tied = true,
            _ => *slot = Some(Self { ms, event, is_tied: false }),
        }
    }
}

impl LegFacts {
    pub(super) fn direction(&self) -> Direction {
        if self.is_outgoing { Direction::Outgoing } else { Direction::Incoming }
    }
}

/// What became of a message for one address of one leg, in an order in which the row that decides
/// for an address is its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct JudgedRow {
    pub(crate) address: u32,
    direction: Direction,
    pub(super) started_ms: i64,
    pub(crate) outcome: Outcome,
    /// The delivery, hand-over or bounce that decided.
    pub(super) decided_by: Option<Latest>,
}

impl JudgedRow {
    /// Whether its leg went out.
    pub(super) fn is_outgoing(&self) -> bool {
        self.direction == Direction::Outgoing
    }

    pub(crate) fn latency_ms(&self) -> Option<i64> {
        self.decided_by.map(|it| it.ms.saturating_sub(self.started_ms))
    }

    /// Whether two events of one time may have decided.
    pub(super) fn is_tied(&self) -> bool {
        self.decided_by.is_some_and(|it| it.is_tied)
    }

    /// The event that decided, by its number.
    pub(crate) fn deciding_event(&self) -> Option<u32> {
        self.decided_by.map(|it| it.event)
    }
}

/// Of rows in their order, those that decide for an address.
pub(super) fn deciding(rows: &[JudgedRow]) -> impl Iterator<Item = &JudgedRow> {
    rows.chunk_by(|a, b| a.address == b.address).filter_map(|it| it.last())
}

impl<'t> Judge<'t> {
    pub(super) fn new(table: &'t EventTable, rules: &'t JoinRules) -> Self {
        Self {
            table,
            rules,
            legs: Vec::new(),
            leg_positions: Positions::new(),
            rows: Vec::new(),
            row_positions: Positions::new(),
        }
    }

    /// Takes the events of a message in place of those before; the first and the last time. `None`
    /// where the columns do not tell all.
    pub(super) fn take(&mut self, events: &[u32]) -> Option<(i64, i64)> {
        self.legs.clear();
        self.leg_positions.clear();
        self.rows.clear();
        self.row_positions.clear();
        let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
        for number in events {
            let event = self.table.row(*number)?;
            if event.role.is_partial {
                return None;
            }
            let ms = event.timestamp_ms;
            (first_ms, last_ms) = (first_ms.min(ms), last_ms.max(ms));
            let position = self.position(event.leg, ms);
            let leg = self.legs.get_mut(position)?;
            leg.started_ms = leg.started_ms.min(ms);
            leg.is_outgoing |= event.role.is_outgoing;
            leg.has_beginning |=
                event.is_arrival || (event.role.kind == RoleKind::Named && event.role.is_outgoing);
            leg.is_rejected |= event.role.is_rejecting;
            leg.is_quarantined |= event.role.is_quarantining;
            leg.is_dropped |= event.role.is_dropping;
            if event.role.kind == RoleKind::Other {
                continue;
            }
            for address in event.addresses {
                let row = self.row(position, *address)?;
                row.is_recipient |= event.role.kind != RoleKind::Dropped;
                match event.role.kind {
                    RoleKind::Named => row.is_named = true,
                    RoleKind::Delivered => Latest::take(&mut row.delivered, ms, *number),
                    RoleKind::Sent => Latest::take(&mut row.sent, ms, *number),
                    RoleKind::Bounced => Latest::take(&mut row.bounced, ms, *number),
                    RoleKind::Dropped => row.is_dropped = true,
                    RoleKind::Other => {}
                }
            }
        }
        Some((first_ms, last_ms))
    }

    pub(super) fn position(&mut self, number: u32, ms: i64) -> usize {
        let (position, is_new) = self.leg_positions.of(number);
        if is_new {
            self.legs.push(LegFacts { started_ms: ms, ..LegFacts::default() });
        }
        position
    }

    fn row(&mut self, leg: usize, address: u32) -> Option<&mut Row> {
        let (position, is_new) = self.row_positions.of((leg, address));
        if is_new {
            self.rows.push(Row { leg, address, ..Row::default() });
        }
        self.rows.get_mut(position)
    }

    /// The outcome for each address of each leg. Of each address, the row that decides is the
    /// last. `None` where only the originals tell which leg
    /// comes first.
    pub(super) fn judged_rows(&mut self) -> Option<Vec<JudgedRow>> {
        for row in &self.rows {
            let leg = self.legs.get_mut(row.leg)?;
            leg.has_unnamed_mailbox |= row.delivered.is_some() && !row.is_named;
            let arrived = row.delivered.or(row.sent).or(row.bounced);
            leg.silent_count += usize::from(row.is_named && arrived.is_none() && !row.is_dropped);
        }
        let mut starts: Vec<i64> = self.legs.iter().map(|it| it.started_ms).collect();
        starts.sort_unstable();
        if starts.windows(2).any(|it| it.first() == it.last()) {
            return None;
        }
        let mut rows = Vec::new();
        for row in self.rows.iter().filter(|it| it.is_recipient) {
            let leg = self.legs.get(row.leg)?;
            let outcome = self.outcome(row, leg);
            rows.push(JudgedRow {
                address: row.address,
                direction: leg.direction(),
                started_ms: leg.started_ms,
                outcome,
                decided_by: match outcome {
                    Outcome::Bounced => row.bounced,
                    Outcome::Delivered => row.delivered,
                    Outcome::Sent => row.sent,
                    _ => None,
                },
            });
        }
        rows.sort_unstable();
        Some(rows)
    }

    fn outcome(&self, row: &Row, leg: &LegFacts) -> Outcome {
        let time = |it: Option<Latest>| it.map(|it| it.ms);
        let arrived = time(row.delivered).max(time(row.sent));
        let is_early = self.rules.newest.is_some_and(|newest| {
            newest.as_ms().saturating_sub(leg.started_ms) < self.rules.grace_ms
        });
        match row {
            _ if row.bounced.is_some() && arrived <= time(row.bounced) => Outcome::Bounced,
            Row { delivered: Some(_), .. } => Outcome::Delivered,
            Row { sent: Some(_), .. } => Outcome::Sent,
            _ if row.is_dropped || leg.is_dropped => Outcome::Dropped,
            _ if leg.is_rejected => Outcome::Rejected,
            _ if leg.is_quarantined => Outcome::Quarantined,
            _ => {
                let expandable = if leg.has_unnamed_mailbox { leg.silent_count } else { 0 };
                of_silent(true, expandable, is_early)
            }
        }
    }

    /// Reads the originals of a message: the first [`limits::COUNTED_EVENTS_MAX`].
    pub(super) fn originals(
        &self,
        events: &[u32],
        reader: &mut EventReader<'_>,
    ) -> Result<Vec<(Location, StoredEvent)>, StoreError> {
        let mut locations: Vec<_> =
            events.iter().filter_map(|it| self.table.location(*it)).collect();
        locations.sort_unstable();
        locations.truncate(limits::COUNTED_EVENTS_MAX);
        locations.into_iter().map(|it| Ok((it, reader.read(it)?))).collect()
    }
}
