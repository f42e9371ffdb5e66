//! Outcomes from the originals: their facts for the judge, and the rows that it returns with their
//! reasons.

use std::collections::HashMap;

use super::JoinRules;
use super::judge::{DecidingFacts, Judge, JudgedRow, OutcomeRow, by_address, deciding};
use super::message::{Leg, Message, Outcome, Recipient};
use crate::directory::Directory;
use crate::event::{Address, EventName, Role};
use crate::store::StoredEvent;
use crate::time::Timestamp;

/// Words that the name of a junk folder contains, in any case.
pub(super) const JUNK_WORDS: [&str; 2] = ["junk", "spam"];

/// True for the name of a junk folder.
pub(super) fn is_junk(folder: &str) -> bool {
    let folder = folder.to_lowercase();
    JUNK_WORDS.iter().any(|it| folder.contains(it))
}

/// Returns the facts of an original for the judge.
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

/// Decides for each recipient of each leg of a message. `events` are in the order in which they
/// happened; in a leg that is not whole, a missing event proves nothing.
pub(super) fn recipients_of(
    legs: &[Leg],
    events: &[StoredEvent],
    is_whole: &dyn Fn(&Leg) -> bool,
    rules: &JoinRules,
) -> Vec<Recipient> {
    let mut judge = Judge::new(rules.clone());
    // Leg by leg, because the judge returns recipients by first appearance.
    for (number, leg) in legs.iter().enumerate() {
        for index in &leg.event_indexes {
            if let Some(stored) = events.get(*index) {
                judge.take(number, *index, statement_of(stored));
            }
        }
    }
    let rows: Vec<_> =
        judge.judged(|it| legs.get(it).is_none_or(is_whole), |it| it.as_str()).collect();
    // Collected once for all legs: a lookup for each row would be quadratic in a message of many
    // legs.
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

/// Returns the mailboxes of its leg to which an expanded recipient led: those that the directory
/// says, else the unnamed ones to which no other recipient leads.
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

/// Completes a row with the texts of the event that decided.
fn recipient(
    row: &AddressRow<'_>,
    leg: &Leg,
    stored: Option<&StoredEvent>,
    mailboxes: Vec<Address<'static>>,
) -> Recipient {
    // The deciding event may have other fields too: a folder, say, means nothing on a bounce.
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
    /// Returns the row of each address that decides the message's outcome, by first appearance:
    /// that of the incoming leg that started last, or of the outgoing one if there is no incoming
    /// one.
    pub fn deciding_recipients(&self) -> Vec<&Recipient> {
        let rows = self.rows_by_address();
        let places = by_address(&rows).map(|it| it.iter().map(|(place, _)| *place).min());
        let mut deciding: Vec<_> = places.zip(deciding(&rows)).collect();
        deciding.sort_unstable_by_key(|(place, _)| *place);
        deciding.into_iter().map(|(_, (_, row))| *row).collect()
    }

    /// Returns the recipients' rows in the order of [`OutcomeRow`]s, each with its index.
    pub(super) fn rows_by_address(&self) -> Vec<(usize, &Recipient)> {
        let mut rows: Vec<(usize, &Recipient)> = self.recipients.iter().enumerate().collect();
        // A stable sort: of rows of equal precedence the last one decides.
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
