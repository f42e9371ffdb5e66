//! Outcomes by the originals: what the judge is told of them, and what its rows say of its reasons.

use std::collections::HashMap;

use super::JoinRules;
use super::judge::{DecidingFacts, Judge, JudgedRow, OutcomeRow, by_address, deciding};
use super::message::{Leg, Message, Outcome, Recipient};
use crate::directory::Directory;
use crate::event::{Address, EventName, Role};
use crate::store::StoredEvent;
use crate::time::Timestamp;

/// What the name of a folder for junk contains, in any case.
pub(super) const JUNK_WORDS: [&str; 2] = ["junk", "spam"];

/// Whether a folder is one for junk.
pub(super) fn is_junk(folder: &str) -> bool {
    let folder = folder.to_lowercase();
    JUNK_WORDS.iter().any(|it| folder.contains(it))
}

/// What an original tells the judge.
pub(super) fn statement_of(
    stored: &StoredEvent,
) -> DecidingFacts<impl Iterator<Item = &Address<'static>>> {
    let role = Role::of(&stored.event);
    DecidingFacts {
        ms: stored.record.timestamp.as_ms(),
        role,
        is_arrival: stored.event.name == EventName::OrganizationEmailReceived,
        addresses: stored.event.spoken_of(role.kind),
    }
}

/// Decides for each recipient of each leg of a message. `events` stand as they happened; where those
/// of a leg are not all that there are, the absence of one says nothing.
pub(super) fn recipients_of(
    legs: &[Leg],
    events: &[StoredEvent],
    is_whole: &dyn Fn(&Leg) -> bool,
    rules: &JoinRules,
) -> Vec<Recipient> {
    let mut judge = Judge::new(rules.clone());
    // Leg by leg, so that their recipients come so.
    for (number, leg) in legs.iter().enumerate() {
        for index in &leg.event_indexes {
            if let Some(stored) = events.get(*index) {
                judge.take(number, *index, statement_of(stored));
            }
        }
    }
    let rows: Vec<_> =
        judge.judged(|it| legs.get(it).is_none_or(is_whole), |it| it.as_str()).collect();
    // One look at all rows, whatever number of legs there is.
    let mut mailboxes: HashMap<usize, Vec<(&Address<'static>, bool)>> = HashMap::new();
    if rows.iter().any(|it| it.outcome == Outcome::Expanded) {
        for (leg, address, is_named) in judge.mailboxes() {
            mailboxes.entry(leg).or_default().push((address, is_named));
        }
        mailboxes.values_mut().for_each(|it| it.sort());
    }
    let mailboxes_of = |row: &AddressRow<'_>| match mailboxes.get(&row.leg) {
        Some(of_leg) if row.outcome == Outcome::Expanded => {
            mailboxes_behind(row, &rows, of_leg, rules.directory())
        }
        _ => Vec::new(),
    };
    rows.iter()
        .filter_map(|row| {
            let stored = row.deciding_event().and_then(|it| events.get(it));
            Some(recipient(row, legs.get(row.leg)?, stored, mailboxes_of(row)))
        })
        .collect()
}

type AddressRow<'a> = JudgedRow<&'a Address<'static>, usize>;

/// The mailboxes of its leg that an expanded recipient stands for: those that the directory says it
/// leads to, else those that nobody names and no other leads to.
fn mailboxes_behind(
    row: &AddressRow<'_>,
    rows: &[AddressRow<'_>],
    mailboxes: &[(&Address<'static>, bool)],
    directory: Option<&Directory>,
) -> Vec<Address<'static>> {
    let at = Timestamp::from_ms(row.started_ms).unwrap_or(Timestamp::MIN);
    let leads = |from: &AddressRow<'_>, to: &Address<'_>| {
        directory.is_some_and(|it| it.leads_to(from.address.as_str(), to.as_str(), at))
    };
    let own = mailboxes.iter().map(|(it, _)| *it).filter(|it| leads(row, it));
    let own: Vec<_> = own.cloned().collect();
    if !own.is_empty() {
        return own;
    }
    let is_of_another = |mailbox: &Address<'_>| {
        let expanded = rows.iter().filter(|it| it.leg == row.leg);
        expanded.filter(|it| it.outcome == Outcome::Expanded).any(|it| leads(it, mailbox))
    };
    let unnamed = mailboxes.iter().filter(|(_, is_named)| !is_named).map(|(it, _)| *it);
    unnamed.filter(|it| !is_of_another(it)).cloned().collect()
}

/// A row with what the event that decided says.
fn recipient(
    row: &AddressRow<'_>,
    leg: &Leg,
    stored: Option<&StoredEvent>,
    mailboxes: Vec<Address<'static>>,
) -> Recipient {
    let says = |outcome| stored.map(|it| &it.event).filter(|_| row.outcome == outcome);
    let folder = says(Outcome::Delivered).and_then(|it| it.folder.clone());
    Recipient {
        address: row.address.clone(),
        direction: leg.direction,
        trace_id: leg.trace_id.clone(),
        leg_started: leg.started,
        outcome: row.outcome,
        is_junk: folder.as_deref().is_some_and(is_junk),
        folder,
        status: says(Outcome::Bounced).and_then(|it| it.status.clone()),
        reason: says(Outcome::Bounced).and_then(|it| it.reason.clone()),
        rule: says(Outcome::Dropped).and_then(|it| it.rule_name.clone()),
        mailboxes,
        at: stored.map(|it| it.record.timestamp),
        latency_ms: row.latency_ms(),
        leg: row.leg,
        decided_by: row.deciding_event(),
    }
}

impl Message {
    /// The one recipient row for each address that decides the message's outcome, as they first
    /// appear: that of the incoming leg that started last, or of the outgoing one where there is
    /// no incoming one.
    pub fn deciding_recipients(&self) -> Vec<&Recipient> {
        let rows = self.rows_by_address();
        let places = by_address(&rows).map(|it| it.iter().map(|(place, _)| *place).min());
        let mut deciding: Vec<_> = places.zip(deciding(&rows)).collect();
        deciding.sort_unstable_by_key(|(place, _)| *place);
        deciding.into_iter().map(|(_, (_, row))| *row).collect()
    }

    /// The rows of recipients as [`OutcomeRow`]s stand, each with its place among them.
    pub(super) fn rows_by_address(&self) -> Vec<(usize, &Recipient)> {
        let mut rows: Vec<(usize, &Recipient)> = self.recipients.iter().enumerate().collect();
        // Of rows that count the same, the one that comes last.
        rows.sort_by(|(_, a), (_, b)| {
            (a.address.as_str(), a.weight()).cmp(&(b.address.as_str(), b.weight()))
        });
        rows
    }
}

impl OutcomeRow for (usize, &Recipient) {
    fn is_of_same(&self, other: &Self) -> bool {
        self.1.address == other.1.address
    }

    fn outcome(&self) -> Outcome {
        self.1.outcome
    }

    fn started_ms(&self) -> i64 {
        self.1.leg_started.as_ms()
    }

    fn latency_ms(&self) -> Option<i64> {
        self.1.latency_ms
    }
}
