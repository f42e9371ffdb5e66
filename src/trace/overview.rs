//! What became of every message of a store, without reading its originals.
//!
//! The rules are those of [`super::outcome`], on the columns of the index. Where a column does not
//! tell all (a rule that drops for some, a time that is approximate), the originals are read.

mod facts;

use std::collections::HashMap;
use std::hash::Hash;

use rayon::prelude::*;

use super::message::{Direction, MessageOutcome, Outcome, weigh};
use super::{JoinRules, Message, join, outcome};
use crate::event::RoleKind;
use crate::limits;
use crate::store::{EventReader, EventTable, Location, Store, StoreError, StoredEvent};
use crate::time::Timestamp;

pub(crate) use facts::{AddressKey, Overview, Step};

/// What became of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSummary {
    /// What became of it as a whole.
    pub outcome: MessageOutcome,
    /// What became of it for those that decide its outcome.
    pub recipients: OutcomeCounts,
    /// The time of its earliest event.
    pub first_seen: Timestamp,
    /// The time of its latest event.
    pub last_seen: Timestamp,
    /// Where one of its events lies.
    pub event: Location,
}

impl MessageSummary {
    /// Whether the word is the outcome of the message, or of one of its recipients.
    #[must_use]
    pub fn has_outcome(&self, word: &str) -> bool {
        let is_recipients = |it: &Outcome| it.as_str() == word && self.recipients.get(*it) > 0;
        self.outcome.as_str() == word || Outcome::ALL.iter().any(is_recipients)
    }
}

/// How many recipients have each outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts([u16; Outcome::ALL.len()]);

impl OutcomeCounts {
    fn add(&mut self, outcome: Outcome) {
        let place = Outcome::ALL.iter().position(|it| *it == outcome);
        if let Some(count) = place.and_then(|it| self.0.get_mut(it)) {
            *count = count.saturating_add(1);
        }
    }

    /// How many recipients have the outcome; 65,535 stands for more too.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u16 {
        let place = Outcome::ALL.iter().position(|it| *it == outcome);
        place.and_then(|it| self.0.get(it)).copied().unwrap_or_default()
    }
}

/// Messages that one worker takes at once.
const MESSAGES_AT_ONCE: usize = 4_096;

/// Works out what became of every message, and gives those that are wanted, in the order in which
/// they were stored.
///
/// Two IDs of one hash, which is one chance in thousands for a store of millions, make one message
/// of two; a trace, which reads the originals, tells them apart.
///
/// # Errors
///
/// [`StoreError`] when index or archive cannot be read.
pub fn summarise(
    store: &Store,
    rules: &JoinRules,
    is_wanted: impl Fn(&MessageSummary) -> bool + Sync,
) -> Result<Vec<MessageSummary>, StoreError> {
    let table = store.event_table()?;
    let newest = rules.newest.or_else(|| store.time_span().map(|(_, newest)| newest));
    let rules = JoinRules { newest, ..*rules };
    let starts: Vec<usize> = (0..table.message_count()).step_by(MESSAGES_AT_ONCE).collect();
    let parts: Vec<Vec<MessageSummary>> = starts
        .into_par_iter()
        .map(|start| {
            let mut judge = Judge::new(&table, &rules);
            let mut reader = store.events();
            let end = table.message_count().min(start + MESSAGES_AT_ONCE);
            let mut summaries = Vec::new();
            for message in start..end {
                let events = table.events_of(message);
                match judge.summary(events) {
                    Some(summary) => summaries.extend(Some(summary).filter(&is_wanted)),
                    None => {
                        let read = judge.read(events, &mut reader)?;
                        summaries.extend(read.into_iter().filter(&is_wanted));
                    }
                }
            }
            Ok(summaries)
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(parts.concat())
}

/// Judges messages one after the other.
struct Judge<'t> {
    table: &'t EventTable,
    rules: &'t JoinRules,
    legs: Vec<LegFacts>,
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
struct LegFacts {
    started_ms: i64,
    is_outgoing: bool,
    is_rejected: bool,
    is_quarantined: bool,
    is_dropped: bool,
    has_unnamed_mailbox: bool,
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
    delivered_ms: Option<i64>,
    sent_ms: Option<i64>,
    bounced_ms: Option<i64>,
}

impl LegFacts {
    fn direction(&self) -> Direction {
        if self.is_outgoing { Direction::Outgoing } else { Direction::Incoming }
    }
}

/// What became of a message for one address of one leg, in an order in which the row that decides
/// for an address is its last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct JudgedRow {
    address: u32,
    weight: (Direction, u8),
    started_ms: i64,
    outcome: Outcome,
    latency_ms: Option<i64>,
}

impl<'t> Judge<'t> {
    fn new(table: &'t EventTable, rules: &'t JoinRules) -> Self {
        Self {
            table,
            rules,
            legs: Vec::new(),
            leg_positions: Positions::new(),
            rows: Vec::new(),
            row_positions: Positions::new(),
        }
    }

    /// Judges a message by its columns; `None` where these do not tell all.
    fn summary(&mut self, events: &[u32]) -> Option<MessageSummary> {
        let (first_ms, last_ms) = self.take(events)?;
        let recipients = self.recipients()?;
        Some(MessageSummary {
            outcome: outcome::of_all(&recipients),
            recipients: counted(recipients.into_iter()),
            first_seen: Timestamp::from_ms(first_ms)?,
            last_seen: Timestamp::from_ms(last_ms)?,
            event: self.table.location(*events.first()?)?,
        })
    }

    /// Takes the events of a message in place of those before; the first and the last time.
    fn take(&mut self, events: &[u32]) -> Option<(i64, i64)> {
        self.legs.clear();
        self.leg_positions.clear();
        self.rows.clear();
        self.row_positions.clear();
        let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
        for event in events {
            let event = self.table.row(*event)?;
            if event.role.is_partial {
                return None;
            }
            let ms = event.timestamp_ms;
            (first_ms, last_ms) = (first_ms.min(ms), last_ms.max(ms));
            let position = self.position(event.leg, ms);
            let leg = self.legs.get_mut(position)?;
            leg.started_ms = leg.started_ms.min(ms);
            leg.is_outgoing |= event.role.is_outgoing;
            leg.is_rejected |= event.role.is_rejecting;
            leg.is_quarantined |= event.role.is_quarantining;
            leg.is_dropped |= event.role.is_dropping;
            if event.role.kind == RoleKind::Other {
                continue;
            }
            for address in event.addresses {
                let row = self.row(position, *address)?;
                let latest = |known: Option<i64>| known.max(Some(ms));
                row.is_recipient |= event.role.kind != RoleKind::Dropped;
                match event.role.kind {
                    RoleKind::Named => row.is_named = true,
                    RoleKind::Delivered => row.delivered_ms = latest(row.delivered_ms),
                    RoleKind::Sent => row.sent_ms = latest(row.sent_ms),
                    RoleKind::Bounced => row.bounced_ms = latest(row.bounced_ms),
                    RoleKind::Dropped => row.is_dropped = true,
                    RoleKind::Other => {}
                }
            }
        }
        Some((first_ms, last_ms))
    }

    fn position(&mut self, number: u32, ms: i64) -> usize {
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

    /// The outcome for each address, from the leg that decides; `None` where only the originals
    /// tell which leg comes first.
    fn recipients(&mut self) -> Option<Vec<Outcome>> {
        let rows = self.judged_rows()?;
        let last_of_each = rows.chunk_by(|a, b| a.address == b.address).filter_map(|it| it.last());
        Some(last_of_each.map(|it| it.outcome).collect())
    }

    /// The outcome for each address of each leg. Of each address, the row that says most is the
    /// last; among equals, that of the later leg.
    fn judged_rows(&mut self) -> Option<Vec<JudgedRow>> {
        for row in &self.rows {
            if row.delivered_ms.is_some() && !row.is_named {
                self.legs.get_mut(row.leg)?.has_unnamed_mailbox = true;
            }
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
            let at = match outcome {
                Outcome::Bounced => row.bounced_ms,
                Outcome::Delivered => row.delivered_ms,
                Outcome::Sent => row.sent_ms,
                _ => None,
            };
            rows.push(JudgedRow {
                address: row.address,
                weight: weigh(leg.direction(), outcome),
                started_ms: leg.started_ms,
                outcome,
                latency_ms: at.map(|it| it.saturating_sub(leg.started_ms)),
            });
        }
        rows.sort_unstable();
        Some(rows)
    }

    fn outcome(&self, row: &Row, leg: &LegFacts) -> Outcome {
        let arrived = row.delivered_ms.max(row.sent_ms);
        let is_early = self.rules.newest.is_some_and(|newest| {
            newest.as_ms().saturating_sub(leg.started_ms) < self.rules.grace_ms
        });
        match row {
            _ if row.bounced_ms.is_some() && arrived <= row.bounced_ms => Outcome::Bounced,
            Row { delivered_ms: Some(_), .. } => Outcome::Delivered,
            Row { sent_ms: Some(_), .. } => Outcome::Sent,
            _ if row.is_dropped || leg.is_dropped => Outcome::Dropped,
            _ if leg.is_rejected => Outcome::Rejected,
            _ if leg.is_quarantined => Outcome::Quarantined,
            _ if leg.has_unnamed_mailbox => Outcome::Expanded,
            _ if is_early => Outcome::Pending,
            _ => Outcome::Lost,
        }
    }

    /// Judges by the originals.
    fn read(
        &self,
        events: &[u32],
        reader: &mut EventReader<'_>,
    ) -> Result<Vec<MessageSummary>, StoreError> {
        let read = self.originals(events, reader)?;
        let place_of = |message: &Message| {
            let record = &message.events.first()?.record;
            let is_it = |(_, it): &&(Location, StoredEvent)| {
                it.record.timestamp == record.timestamp && it.record.message == record.message
            };
            read.iter().find(is_it).map(|(location, _)| *location)
        };
        let messages = join(read.iter().map(|(_, it)| it.clone()).collect(), self.rules);
        Ok(messages.iter().filter_map(|it| Some(summary_of(it, place_of(it)?))).collect())
    }

    /// Reads the originals of a message, as many as a trace would gather.
    fn originals(
        &self,
        events: &[u32],
        reader: &mut EventReader<'_>,
    ) -> Result<Vec<(Location, StoredEvent)>, StoreError> {
        let mut locations: Vec<_> =
            events.iter().filter_map(|it| self.table.location(*it)).collect();
        locations.sort_unstable();
        locations.truncate(limits::TRACE_EVENTS_MAX);
        locations.into_iter().map(|it| Ok((it, reader.read(it)?))).collect()
    }
}

fn counted(outcomes: impl Iterator<Item = Outcome>) -> OutcomeCounts {
    let mut counts = OutcomeCounts::default();
    outcomes.for_each(|it| counts.add(it));
    counts
}

/// The summary of a message whose every event was read; one of them lies at `event`.
fn summary_of(message: &Message, event: Location) -> MessageSummary {
    MessageSummary {
        outcome: message.outcome,
        recipients: counted(message.deciding_recipients().iter().map(|it| it.outcome)),
        first_seen: message.first_seen,
        last_seen: message.last_seen,
        event,
    }
}
