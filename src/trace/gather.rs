//! The closure over both keys: all events that are connected to an ID.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use crate::event::{MessageId, pasted_id};
use crate::limits;
use crate::store::{EventReader, Location, Store, StoreError, StoredEvent};

use super::{JoinRules, Message, join};

/// What is connected to one of the IDs that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// The messages found, in order of their first event.
    pub messages: Vec<Message>,
    /// The IDs that no event has, as they were given.
    pub not_found: Vec<String>,
}

/// Traces messages: for each ID, a message ID (with or without angle brackets, or a pasted
/// `Message-ID:` header line) or a trace ID, gathers every event that is connected to it.
///
/// Two IDs of one message give one message. Each message stops at
/// [`limits::TRACE_EVENTS_MAX`] events and then says that it is truncated.
///
/// # Errors
///
/// [`StoreError`] when index or archive cannot be read.
pub fn trace_ids<'i>(
    store: &Store,
    ids: impl IntoIterator<Item = &'i str>,
    rules: &JoinRules,
) -> Result<Traced, StoreError> {
    let mut reader = store.events();
    let mut traced = Traced::default();
    let mut asked = HashSet::new();
    let mut answered = HashSet::new();
    for given in ids {
        let keys = keys_asked_for(given);
        // Whichever of its IDs a message is asked for by, the answer is the same.
        if !asked.insert(keys.clone()) || keys.iter().any(|it| answered.contains(it)) {
            continue;
        }
        let messages = gather_messages(&mut reader, keys, rules)?;
        if messages.is_empty() {
            traced.not_found.push(given.to_owned());
        }
        // A closure that stopped early does not answer for every ID that it has met.
        answered.extend(messages.iter().filter(|it| !it.is_truncated).flat_map(keys_of_message));
        traced.messages.extend(messages);
    }
    traced.messages.sort_by(|a, b| {
        a.first_seen.cmp(&b.first_seen).then_with(|| a.trace_ids.cmp(&b.trace_ids))
    });
    Ok(traced)
}

/// Traces the message that the event at `location` belongs to; `None` when the event says nothing.
///
/// # Errors
///
/// [`StoreError`] when index or archive cannot be read.
pub fn trace_event(
    reader: &mut EventReader<'_>,
    location: Location,
    rules: &JoinRules,
) -> Result<Option<Message>, StoreError> {
    let event = reader.read(location)?;
    let keys: Vec<Key> = keys_of(&event).collect();
    let gathered = if keys.is_empty() {
        Gathered { events: vec![event.clone()], is_truncated: false }
    } else {
        gather(reader, keys)?
    };
    let is_truncated = gathered.is_truncated;
    let mut messages = join(gathered.events, rules);
    let is_it = |it: &StoredEvent| {
        it.event.trace_id == event.event.trace_id && it.event.message_id == event.event.message_id
    };
    let position = messages.iter().position(|it| it.events.iter().any(is_it)).unwrap_or_default();
    let message = (position < messages.len()).then(|| messages.swap_remove(position));
    Ok(message.map(|it| Message { is_truncated, ..it }))
}

/// Where an event lies that has the ID, for each of the two kinds that the ID may be of: with
/// [`trace_event`], what [`trace_ids`] finds for it. Empty where no event has it.
///
/// # Errors
///
/// [`StoreError`] when index or archive cannot be read.
pub fn locations_with_id(
    reader: &mut EventReader<'_>,
    given: &str,
) -> Result<Vec<Location>, StoreError> {
    let mut locations = Vec::new();
    for key in keys_asked_for(given) {
        for location in places_of(reader, &key, limits::TRACE_EVENTS_MAX) {
            if has_key(&reader.read(location)?, &key) {
                locations.push(location);
                break;
            }
        }
    }
    Ok(locations)
}

/// Every message that is connected to one of the keys.
fn gather_messages(
    reader: &mut EventReader<'_>,
    keys: Vec<Key>,
    rules: &JoinRules,
) -> Result<Vec<Message>, StoreError> {
    let Gathered { events, is_truncated } = gather(reader, keys)?;
    let messages = join(events, rules).into_iter();
    Ok(messages.map(|it| Message { is_truncated, ..it }).collect())
}

/// Every message that an ID is connected to, as [`trace_ids`] understands it.
pub(super) fn messages_with(
    reader: &mut EventReader<'_>,
    given: &str,
    rules: &JoinRules,
) -> Result<Vec<Message>, StoreError> {
    gather_messages(reader, keys_asked_for(given), rules)
}

/// Where some event with the ID lies, if there is one: IDs of one hash are not told apart.
pub(super) fn some_place_of(reader: &EventReader<'_>, given: &str) -> Option<Location> {
    keys_asked_for(given).iter().find_map(|it| places_of(reader, it, 1).pop())
}

#[derive(Default)]
struct Gathered {
    events: Vec<StoredEvent>,
    is_truncated: bool,
}

/// One key that connects events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Trace(String),
    Message(MessageId<'static>),
}

/// What was pasted may be an ID of either kind, and one that only looks as if it were quoted.
fn keys_asked_for(given: &str) -> Vec<Key> {
    let mut keys = Vec::with_capacity(2);
    for id in [&*pasted_id(given), given.trim()] {
        let message_id = MessageId::parse(id.into()).map(MessageId::into_owned).map(Key::Message);
        for key in message_id.into_iter().chain([Key::Trace(id.to_owned())]) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

fn gather(reader: &mut EventReader<'_>, keys: Vec<Key>) -> Result<Gathered, StoreError> {
    let mut gathered = Gathered::default();
    let mut seen_keys: HashSet<Key> = keys.iter().cloned().collect();
    let mut pending = VecDeque::from(keys);
    // Events that share a term's hash with a key but not the key itself are read once and kept
    // aside: another key may connect them.
    let mut read: HashMap<Location, Option<StoredEvent>> = HashMap::new();
    while let Some(key) = pending.pop_front() {
        // One more than is taken tells that there are more.
        let limit = limits::TRACE_EVENTS_MAX + 1;
        let mut locations = places_of(reader, &key, limit);
        locations.sort_unstable();
        for location in locations {
            let slot = match read.entry(location) {
                Entry::Occupied(occupied) => occupied.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(Some(reader.read(location)?)),
            };
            let is_match = slot.as_ref().is_some_and(|it| has_key(it, &key));
            let Some(event) = slot.take_if(|_| is_match) else { continue };
            if gathered.events.len() >= limits::TRACE_EVENTS_MAX {
                gathered.is_truncated = true;
                return Ok(gathered);
            }
            for key in keys_of(&event) {
                if seen_keys.insert(key.clone()) {
                    pending.push_back(key);
                }
            }
            gathered.events.push(event);
        }
    }
    Ok(gathered)
}

/// Where events lie that have the key's hash, at most `limit` of them.
fn places_of(reader: &EventReader<'_>, key: &Key, limit: usize) -> Vec<Location> {
    match key {
        Key::Trace(trace_id) if trace_id.is_empty() => Vec::new(),
        Key::Trace(trace_id) => reader.leg_locations(trace_id, limit),
        Key::Message(message_id) => reader.message_locations(message_id, limit),
    }
}

fn has_key(stored: &StoredEvent, key: &Key) -> bool {
    match key {
        Key::Trace(trace_id) => stored.event.trace_id == *trace_id,
        Key::Message(message_id) => stored.event.message_id.as_ref() == Some(message_id),
    }
}

fn keys_of(stored: &StoredEvent) -> impl Iterator<Item = Key> {
    let trace = (!stored.event.trace_id.is_empty())
        .then(|| Key::Trace(stored.event.trace_id.clone().into_owned()));
    let message = stored.event.message_id.clone().map(Key::Message);
    trace.into_iter().chain(message)
}

fn keys_of_message(message: &Message) -> impl Iterator<Item = Key> {
    let traces = message.trace_ids.iter().cloned().map(Key::Trace);
    traces.chain(message.message_ids.iter().cloned().map(Key::Message))
}
