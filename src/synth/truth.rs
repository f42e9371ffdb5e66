//! The truth beside a synthetic log: the outcome of each message, as the generator meant it.
//!
//! It is that of the log as written: if the log's end cuts off a message's events, the events
//! before the cut decide.

use std::collections::HashMap;

use serde::Serialize;

use super::plan::{Decision, Direction, Fate, Plan, Row};
use crate::limits;

/// The outcome of one message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Truth {
    /// The message IDs in the log, with angle brackets: one, or none.
    pub message_ids: Vec<String>,
    /// The trace IDs of its legs, the earliest first.
    pub trace_ids: Vec<String>,
    /// The address on whose behalf it was sent, in lower case.
    pub from: String,
    /// The address that really sent it, if that is another.
    pub sender: Option<String>,
    /// The subject as people read it.
    pub subject: String,
    /// The subject as logged, perhaps in RFC 2047 encoding.
    pub logged_subject: String,
    /// `delivered`, `partial`, `failed`, `pending` or `unknown`.
    pub outcome: &'static str,
    /// One for each address; for an internal recipient, that of the incoming leg.
    pub recipients: Vec<TruthRecipient>,
}

/// The outcome of a message for one recipient.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TruthRecipient {
    /// The address in lower case.
    pub address: String,
    /// `incoming` or `outgoing`.
    pub direction: &'static str,
    /// One of the outcomes of [`crate::synth`], such as `delivered` or `lost`.
    pub outcome: &'static str,
    /// The folder of a delivery.
    pub folder: Option<&'static str>,
    /// The status of a bounce.
    pub status: Option<&'static str>,
}

/// The truth of a plan, with `newest_ms` as the time of the log's newest event.
///
/// A plan becomes several messages if a leg shows no message ID and so joins nothing.
pub(super) fn truths(plan: &Plan, newest_ms: i64) -> Vec<Truth> {
    let mut joined = Vec::new();
    let mut alone = Vec::new();
    for index in 0..plan.legs.len() {
        let mut written = plan.events.iter().filter(|it| it.leg == index && it.is_written);
        let Some(first) = written.next() else { continue };
        // By the events written, not those planned: the event with the ID may be past the log's
        // end.
        if first.is_joining || written.any(|it| it.is_joining) {
            joined.push(index);
        } else {
            alone.push(vec![index]);
        }
    }
    let has_message_id = !joined.is_empty();
    let mut truths = Vec::with_capacity(1);
    if has_message_id {
        truths.push(truth(plan, &joined, true, newest_ms));
    }
    truths.extend(alone.iter().map(|legs| truth(plan, legs, false, newest_ms)));
    truths
}

fn truth(plan: &Plan, legs: &[usize], has_message_id: bool, newest_ms: i64) -> Truth {
    let recipients = recipients(plan, legs, newest_ms);
    let mut by_start = legs.to_vec();
    by_start.sort_by_key(|it| plan.legs.get(*it).map(|it| it.start_ms));
    Truth {
        message_ids: has_message_id.then(|| plan.message_id.clone()).into_iter().collect(),
        trace_ids: by_start.iter().map(|it| plan.trace_id(*it).to_owned()).collect(),
        from: plan.from.to_ascii_lowercase(),
        sender: plan.sender.as_ref().map(|it| it.to_ascii_lowercase()),
        subject: plan.subject.read.clone(),
        logged_subject: plan.subject.logged.clone(),
        outcome: message_outcome(&recipients),
        recipients,
    }
}

fn recipients(plan: &Plan, legs: &[usize], newest_ms: i64) -> Vec<TruthRecipient> {
    let mut recipients: Vec<TruthRecipient> = Vec::new();
    let mut seen: HashMap<&str, usize> = HashMap::new();
    for row in plan.rows.iter().filter(|it| legs.contains(&it.leg)) {
        let Some(recipient) = recipient(plan, row, newest_ms) else { continue };
        let Some(known) = seen.get(row.address.as_str()) else {
            seen.insert(&row.address, recipients.len());
            recipients.push(recipient);
            continue;
        };
        // If both directions have an address, the incoming row counts.
        if recipient.direction == Direction::Incoming.as_str()
            && let Some(known) = recipients.get_mut(*known)
        {
            *known = recipient;
        }
    }
    recipients
}

fn recipient(plan: &Plan, row: &Row, newest_ms: i64) -> Option<TruthRecipient> {
    let leg = plan.legs.get(row.leg)?;
    let (outcome, folder, status) = match decisive(plan, row) {
        Some(Fate::Delivered { folder }) => ("delivered", Some(folder), None),
        Some(Fate::Sent) => ("sent", None, None),
        Some(Fate::Bounced { status }) => ("bounced", None, Some(status)),
        Some(Fate::Dropped) => ("dropped", None, None),
        Some(Fate::Rejected) => ("rejected", None, None),
        Some(Fate::Quarantined) => ("quarantined", None, None),
        None if !row.is_named => return None,
        None if has_unnamed_delivery(plan, row.leg) => match silent_count(plan, row.leg) {
            1 => ("expanded", None, None),
            _ => ("unclear", None, None),
        },
        None if newest_ms - leg.start_ms < limits::GRACE_MS_DEFAULT => ("pending", None, None),
        None => ("lost", None, None),
    };
    let direction = leg.direction.as_str();
    Some(TruthRecipient { address: row.address.clone(), direction, outcome, folder, status })
}

/// The fate of a recipient by the events written, if they decide it.
fn decisive(plan: &Plan, row: &Row) -> Option<Fate> {
    let written = row.decisions.iter().filter_map(|it| {
        let event = plan.events.get(it.event).filter(|it| it.is_written)?;
        Some((rank(it, event.at_ms), it.fate))
    });
    written.min_by_key(|(rank, _)| *rank).map(|(_, fate)| fate)
}

/// The number of a leg's named recipients without an event of their own.
fn silent_count(plan: &Plan, leg: usize) -> usize {
    let is_silent = |it: &&Row| it.leg == leg && it.is_named && decisive(plan, it).is_none();
    plan.rows.iter().filter(is_silent).count()
}

/// The lowest rank decides: first the kind of event, then the latest one, and of two at the same
/// time the bounce.
fn rank(decision: &Decision, at_ms: i64) -> (u8, i64, u8) {
    match decision.fate {
        Fate::Bounced { .. } => (0, -at_ms, 0),
        Fate::Delivered { .. } | Fate::Sent => (0, -at_ms, 1),
        Fate::Dropped => (1, 0, 0),
        Fate::Rejected => (2, 0, 0),
        Fate::Quarantined => (3, 0, 0),
    }
}

fn has_unnamed_delivery(plan: &Plan, leg: usize) -> bool {
    let is_written = |it: &Decision| plan.events.get(it.event).is_some_and(|it| it.is_written);
    plan.rows
        .iter()
        .filter(|it| it.leg == leg && !it.is_named)
        .any(|it| it.decisions.iter().any(is_written))
}

fn message_outcome(recipients: &[TruthRecipient]) -> &'static str {
    let is_good = |it: &TruthRecipient| matches!(it.outcome, "delivered" | "sent" | "expanded");
    let good_count = recipients.iter().filter(|it| is_good(it)).count();
    let pending_count = recipients.iter().filter(|it| it.outcome == "pending").count();
    let bad_count = recipients.len() - good_count - pending_count;
    match (good_count, pending_count, bad_count) {
        (0, 0, 0) => "unknown",
        (_, 0, 0) => "delivered",
        (0, 0, _) => "failed",
        (_, _, 0) => "pending",
        _ => "partial",
    }
}
