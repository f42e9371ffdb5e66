//! The join: turns events in any order into messages.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::collections::{HashMap, HashSet};

use super::group::{self, LegTraits};
use super::leg::{legs_of, rank};
use super::message::{Leg, Message, MessageOutcome};
use super::{JoinRules, judge, outcome};
use crate::event::{Address, EventName, MessageId, decoded_subject};
use crate::store::{Record, StoredEvent};
use crate::time::Timestamp;

/// Joins events into messages, in the order of their first events.
///
/// Events may repeat and come in any order; the messages are the same. Events that share a trace ID
/// are one leg. Legs that share a message ID are one message if one message explains them all: they
/// start within five days, and the arrivals have one subject and do not reach the same recipient
/// over and over.
///
/// # Example
/// ```
/// use mailtrace::{JoinRules, join};
/// let rules = JoinRules::default();
/// assert!(join(Vec::new(), &rules).is_empty());
/// ```
pub fn join(events: Vec<StoredEvent>, rules: &JoinRules) -> Vec<Message> {
    join_whole(events, rules, &|_| true)
}

/// Like [`join`], where some legs may not be whole: what is missing from them is not called lost.
pub(super) fn join_whole(
    events: Vec<StoredEvent>,
    rules: &JoinRules,
    is_whole: &dyn Fn(&Leg) -> bool,
) -> Vec<Message> {
    let events = in_order_and_once(events);
    // Taken before the split, so that all messages are judged against the same time.
    let newest = rules.newest.or_else(|| events.iter().map(|it| it.record.timestamp).max());
    let rules = JoinRules { newest, ..rules.clone() };
    split(events).into_iter().filter_map(|it| message_of(it, is_whole, &rules)).collect()
}

/// Sorts events in the order in which they happened and drops duplicates.
fn in_order_and_once(mut events: Vec<StoredEvent>) -> Vec<StoredEvent> {
    events.sort_by(in_order);
    // Equal originals at one time are neighbours, and the first, which stays, is the better
    // documented.
    events.dedup_by(|later, kept| {
        later.record.timestamp == kept.record.timestamp
            && later.record.message == kept.record.message
    });
    // Nearly always true: only some file formats have times in whole seconds.
    if events.iter().all(|it| !it.record.is_time_approximate) {
        return events;
    }
    // A record whose time is approximate may be stored beside the same record with its exact time:
    // then only the exact one counts.
    let is_twin: Vec<bool> = {
        let exact: HashSet<&str> = events
            .iter()
            .filter(|it| !it.record.is_time_approximate)
            .map(|it| it.record.message.as_ref())
            .collect();
        events
            .iter()
            .map(|it| it.record.is_time_approximate && exact.contains(it.record.message.as_ref()))
            .collect()
    };
    events.into_iter().zip(is_twin).filter(|(_, is_twin)| !is_twin).map(|(it, _)| it).collect()
}

/// A total order of stored events: time, then the step's rank on a message's way, then the bytes of
/// the original. Of equal originals, the better documented comes first.
fn in_order(a: &StoredEvent, b: &StoredEvent) -> Ordering {
    let (one, other) = (&a.record, &b.record);
    one.timestamp
        .cmp(&other.timestamp)
        .then_with(|| rank(&a.event.name).cmp(&rank(&b.event.name)))
        .then_with(|| one.message.cmp(&other.message))
        .then_with(|| provenance(one).cmp(&provenance(other)))
}

type Preference<'r> = Reverse<Option<&'r Cow<'r, str>>>;

fn provenance<'r>(
    record: &'r Record<'_>,
) -> (bool, Preference<'r>, Preference<'r>, Preference<'r>, Reverse<Option<Timestamp>>) {
    (
        record.is_time_approximate,
        Reverse(record.event_id.as_ref()),
        Reverse(record.log_group.as_ref()),
        Reverse(record.log_stream.as_ref()),
        Reverse(record.ingestion_time),
    )
}

/// Splits events into messages, in the order of their first events. Each keeps the order of its
/// events.
fn split(events: Vec<StoredEvent>) -> Vec<Vec<StoredEvent>> {
    let roots = roots_of(&events);
    let mut positions: HashMap<u32, usize> = HashMap::new();
    let mut groups: Vec<Vec<StoredEvent>> = Vec::new();
    for (event, root) in events.into_iter().zip(roots) {
        let position = *positions.entry(root).or_insert(groups.len());
        match groups.get_mut(position) {
            Some(group) => group.push(event),
            None => groups.push(vec![event]),
        }
    }
    groups
}

/// Returns for each event the leg that represents its message.
fn roots_of(events: &[StoredEvent]) -> Vec<u32> {
    let legs = legs_of(events);
    let traits: Vec<_> = legs.iter().map(|it| traits_of(it, events)).collect();
    let mut sets = group::messages_of(&traits);
    let mut roots = vec![0; events.len()];
    for (number, leg) in (0..).zip(&legs) {
        let root = sets.root(number);
        for index in &leg.event_indexes {
            if let Some(slot) = roots.get_mut(*index) {
                *slot = root;
            }
        }
    }
    roots
}

/// Returns what decides to which message a leg belongs.
fn traits_of<'e>(
    leg: &'e Leg,
    events: &'e [StoredEvent],
) -> LegTraits<'e, &'e MessageId<'static>, &'e Address<'static>> {
    let mut traits = LegTraits::new(leg.trace_id.as_deref().unwrap_or("").into());
    for stored in leg.event_indexes.iter().filter_map(|it| events.get(*it)) {
        traits.take(stored, |id| id, |address| address);
    }
    traits
}

/// Makes one message and judges it. `None` without events.
fn message_of(
    events: Vec<StoredEvent>,
    is_whole: &dyn Fn(&Leg) -> bool,
    rules: &JoinRules,
) -> Option<Message> {
    let first_seen = events.first()?.record.timestamp;
    let last_seen = events.last()?.record.timestamp;
    let legs = legs_of(&events);
    let recipients = outcome::recipients_of(&legs, &events, is_whole, rules);
    let read = || events.iter().map(|it| &it.event);
    let mut message = Message {
        message_ids: distinct(read().filter_map(|it| it.message_id.clone())),
        trace_ids: legs.iter().filter_map(|it| it.trace_id.clone()).collect(),
        from: read().find_map(|it| it.from.clone()),
        sender: read().find_map(|it| it.sender.clone()),
        subject: read().find_map(|it| it.subject.as_deref()).map(|it| decoded_subject(it).into()),
        outcome: MessageOutcome::Unknown,
        first_seen,
        last_seen,
        verdicts: read()
            .find(|it| it.name == EventName::OrganizationEmailReceived)
            .map(|it| it.verdicts.clone())
            .unwrap_or_default(),
        legs,
        recipients,
        events,
        is_truncated: false,
    };
    message.outcome = judge::of_message(&message.rows_by_address());
    Some(message)
}

fn distinct<T: Clone + Eq + std::hash::Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = HashSet::new();
    items.filter(|it| seen.insert(it.clone())).collect()
}
