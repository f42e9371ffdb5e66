//! The closure over both keys: all events that are connected to an ID.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::join::join_whole;
use super::{JoinRules, Message, MessageMark, mark_of};
use crate::event::{MessageId, pasted_id};
use crate::limits;
use crate::store::{EventReader, Location, Store, StoreError, StoredEvent};
use crate::time::Timestamp;

/// Where events are found by what connects them: a store, or a cluster.
pub(crate) trait EventsByKey {
    /// Why they are not.
    type Error;

    /// Where events lie that may have the key, at most `limit` of them.
    fn places(&mut self, key: &Key, limit: usize) -> Result<Vec<Location>, Self::Error>;

    /// The event at such a place. Each is asked for once.
    fn event(&mut self, place: Location) -> Result<StoredEvent, Self::Error>;
}

impl EventsByKey for EventReader<'_> {
    type Error = StoreError;

    fn places(&mut self, key: &Key, limit: usize) -> Result<Vec<Location>, StoreError> {
        Ok(places_of(self, key, limit))
    }

    fn event(&mut self, place: Location) -> Result<StoredEvent, StoreError> {
        self.read(place)
    }
}

/// What is connected to one of the IDs that were asked for.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// The messages found, in order of their first event.
    pub messages: Vec<Message>,
    /// The IDs that no event has, as they were given.
    pub not_found: Vec<String>,
    /// The IDs that several messages have, as they were given, and how many have each.
    pub shared: Vec<(String, usize)>,
}

/// Traces messages: for each ID, a message ID (with or without angle brackets, or a pasted
/// `Message-ID:` header line) or a trace ID, gathers every event that is connected to it. A
/// message ID may be that of several messages.
///
/// Two IDs of one message give one message. Gathering stops at [`limits::TRACE_EVENTS_MAX`]
/// events; a message of which there may be more then says that it is truncated.
pub fn trace_ids<'i>(
    store: &Store,
    ids: impl IntoIterator<Item = &'i str>,
    rules: &JoinRules,
) -> Result<Traced, StoreError> {
    trace_ids_in(&mut store.events(), ids, rules)
}

/// The same of whatever has events.
pub(crate) fn trace_ids_in<'i, S: EventsByKey>(
    source: &mut S,
    ids: impl IntoIterator<Item = &'i str>,
    rules: &JoinRules,
) -> Result<Traced, S::Error> {
    let mut traced = Traced::default();
    let mut asked = HashSet::new();
    let mut answered: HashSet<MessageMark> = HashSet::new();
    let mut last = Closure::default();
    for given in ids {
        if !asked.insert(pasted_id(given).into_owned()) {
            continue;
        }
        let messages = last.messages_with(source, given, rules)?;
        match messages.len() {
            0 => traced.not_found.push(given.to_owned()),
            1 => {}
            several => traced.shared.push((given.to_owned(), several)),
        }
        let new = messages.iter().filter(|it| answered.insert(mark_of(it)));
        traced.messages.extend(new.cloned());
    }
    traced.messages.sort_by(in_order);
    Ok(traced)
}

fn in_order(a: &Message, b: &Message) -> std::cmp::Ordering {
    a.first_seen.cmp(&b.first_seen).then_with(|| a.trace_ids.cmp(&b.trace_ids))
}

/// Where an event lies of each message that has the ID: with
/// [`EventTracer`](super::EventTracer), what [`trace_ids`]
/// finds for it. Empty where no event has it.
pub fn locations_with_id(
    reader: &mut EventReader<'_>,
    given: &str,
    rules: &JoinRules,
) -> Result<Vec<Location>, StoreError> {
    let keys = keys_asked_for(given);
    let gathered = gather(reader, &keys)?;
    let places: HashMap<_, _> =
        gathered.events.iter().map(|(place, it)| (record_of(it), *place)).collect();
    let has_key = |it: &Message| keys.iter().any(|key| key.is_of(it));
    let messages = gathered.join(rules);
    let place_of =
        |it: &Message| it.events.iter().find_map(|it| places.get(&record_of(it))).copied();
    Ok(messages.iter().filter(|it| has_key(it)).filter_map(place_of).collect())
}

/// What tells a record from others.
pub(super) fn record_of(event: &StoredEvent) -> (Timestamp, String) {
    (event.record.timestamp, event.record.message.clone().into_owned())
}

/// Where each record lies; of equal ones, the first.
pub(super) fn places_by_record(
    events: &[(Location, StoredEvent)],
) -> HashMap<(Timestamp, String), Location> {
    let mut places: HashMap<_, Location> = HashMap::with_capacity(events.len());
    for (place, event) in events {
        let known = places.entry(record_of(event)).or_insert(*place);
        *known = (*known).min(*place);
    }
    places
}

/// Where some event with the ID lies, if there is one: IDs of one hash are not told apart.
pub(super) fn some_place_of(reader: &EventReader<'_>, given: &str) -> Option<Location> {
    keys_asked_for(given).iter().find_map(|it| places_of(reader, it, 1).pop())
}

/// Everything that is connected to the ID that was asked for last. Lists of IDs name messages
/// again and again, by one of their IDs or another, and many that share an ID: these are not to be
/// gathered for each.
#[derive(Default)]
pub(super) struct Closure {
    id: String,
    messages: Vec<Message>,
}

impl Closure {
    /// Every message that has the ID, as [`trace_ids`] understands it.
    pub(super) fn messages_with<S: EventsByKey>(
        &mut self,
        source: &mut S,
        given: &str,
        rules: &JoinRules,
    ) -> Result<&[Message], S::Error> {
        let keys = keys_asked_for(given);
        let has_key = |it: &Message| keys.iter().any(|key| key.is_of(it));
        // One that stopped early does not answer for every ID that it has met.
        let is_whole = self.messages.iter().all(|it| !it.is_truncated);
        if self.id != given && !(is_whole && self.messages.iter().any(has_key)) {
            self.messages = gather(source, &keys)?.join(rules);
            given.clone_into(&mut self.id);
        }
        self.messages.sort_by(|a, b| has_key(b).cmp(&has_key(a)).then_with(|| in_order(a, b)));
        let count = self.messages.partition_point(has_key);
        Ok(self.messages.split_at(count).0)
    }
}

/// Events that are connected, and where they lie.
#[derive(Default)]
pub(super) struct Gathered {
    events: Vec<(Location, StoredEvent)>,
    /// The keys of which there may be more events.
    incomplete: HashSet<Key>,
}

impl Gathered {
    /// Where the events lie.
    pub(super) fn places(&self) -> HashSet<Location> {
        self.events.iter().map(|(place, _)| *place).collect()
    }

    /// Where each record lies; of equal ones, the first.
    pub(super) fn places_by_record(&self) -> HashMap<(Timestamp, String), Location> {
        places_by_record(&self.events)
    }

    /// Joins the events into messages, which know whether they are whole.
    pub(super) fn join(mut self, rules: &JoinRules) -> Vec<Message> {
        // A leg of which something is missing may belong elsewhere.
        for (_, event) in &self.events {
            let is_cut = trace_key(event).is_some_and(|it| self.incomplete.contains(&it));
            if let Some(key) = message_key(event).filter(|_| is_cut) {
                self.incomplete.insert(key);
            }
        }
        let incomplete = &self.incomplete;
        let is_whole = |trace_id: Option<&String>| {
            incomplete.is_empty()
                || trace_id.is_none_or(|it| !incomplete.contains(&Key::Trace(it.clone())))
        };
        let events = self.events.into_iter().map(|(_, it)| it).collect();
        let mut messages = join_whole(events, rules, &|it| is_whole(it.trace_id.as_ref()));
        for message in &mut messages {
            message.is_truncated = incomplete.iter().any(|it| it.is_of(message));
        }
        messages
    }
}

/// One key that connects events.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A leg's.
    Trace(String),
    /// A message ID.
    Message(MessageId<'static>),
}

impl Key {
    /// Whether a message has the key.
    fn is_of(&self, message: &Message) -> bool {
        match self {
            Self::Trace(id) => message.trace_ids.contains(id),
            Self::Message(id) => message.message_ids.contains(id),
        }
    }
}

/// What was pasted may be an ID of either kind, and one that only looks as if it were quoted.
pub(crate) fn keys_asked_for(given: &str) -> Vec<Key> {
    let mut keys = Vec::with_capacity(2);
    for id in [&*pasted_id(given), given.trim()] {
        let message_id = MessageId::parse(id.into()).map(MessageId::into_owned).map(Key::Message);
        // WorkMail writes trace IDs in lower case, and other programs show them in capitals.
        let lower = is_uuid(id).then(|| Key::Trace(id.to_ascii_lowercase()));
        for key in message_id.into_iter().chain([Key::Trace(id.to_owned())]).chain(lower) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
    }
    keys
}

/// Whether a text is a UUID, whose case says nothing.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().filter(|it| *it == b'-').count() == 4
        && text.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

fn gather<S: EventsByKey>(source: &mut S, keys: &[Key]) -> Result<Gathered, S::Error> {
    Gathering::new(source, keys).finish()
}

/// Every message that is connected to an event, which the store has: the event's own among them.
pub(super) fn messages_with(
    reader: &mut EventReader<'_>,
    event: &StoredEvent,
    rules: &JoinRules,
) -> Result<Vec<Message>, StoreError> {
    let keys: Vec<Key> = trace_key(event).or_else(|| message_key(event)).into_iter().collect();
    if keys.is_empty() {
        return Ok(join_whole(vec![event.clone()], rules, &|_| true));
    }
    Ok(gather(reader, &keys)?.join(rules))
}

/// Everything that is connected to an event.
pub(super) fn gather_from(
    reader: &mut EventReader<'_>,
    location: Location,
    event: StoredEvent,
) -> Result<Gathered, StoreError> {
    let mut gathering = Gathering::new(reader, &[]);
    gathering.start_at(location, event);
    gathering.finish()
}

/// Gathers leg by leg, so that what is there when it must stop is as whole as can be.
struct Gathering<'r, S> {
    source: &'r mut S,
    asked: HashSet<Key>,
    gathered: Gathered,
    seen: HashSet<Key>,
    pending: VecDeque<Key>,
    /// What was read. Events that share a key's hash but not the key are kept aside: another key
    /// may connect them.
    read: HashMap<Location, Option<StoredEvent>>,
}

impl<'r, S: EventsByKey> Gathering<'r, S> {
    fn new(source: &'r mut S, keys: &[Key]) -> Self {
        Self {
            source,
            asked: keys.iter().cloned().collect(),
            gathered: Gathered::default(),
            seen: keys.iter().cloned().collect(),
            pending: keys.iter().cloned().collect(),
            read: HashMap::new(),
        }
    }

    /// Begins with an event.
    fn start_at(&mut self, location: Location, event: StoredEvent) {
        self.read.insert(location, None);
        self.add(location, event);
    }

    fn add(&mut self, location: Location, event: StoredEvent) {
        // The leg first: it is to be whole before another begins.
        if let Some(key) = trace_key(&event)
            && self.seen.insert(key.clone())
        {
            self.pending.push_front(key);
        }
        if let Some(key) = message_key(&event)
            && self.seen.insert(key.clone())
        {
            self.pending.push_back(key);
        }
        self.gathered.events.push((location, event));
    }

    fn finish(mut self) -> Result<Gathered, S::Error> {
        while let Some(key) = self.pending.pop_front() {
            self.take(&key)?;
        }
        Ok(self.gathered)
    }

    /// Takes every event that has the key.
    fn take(&mut self, key: &Key) -> Result<(), S::Error> {
        let is_id = matches!(key, Key::Message(_));
        // An ID that thousands share is followed only for who asks for it: a leg that has it is a
        // better answer than the leg with the first of those thousands.
        let room = limits::TRACE_EVENTS_MAX.saturating_sub(self.gathered.events.len());
        let is_met = is_id && !self.asked.contains(key);
        let limit = if is_met { limits::TRACE_EVENTS_MAX + 1 } else { usize::MAX };
        let mut locations = self.source.places(key, limit)?;
        if is_met && locations.len() > room {
            let is_new = |it: &&Location| !self.read.contains_key(*it);
            if locations.iter().filter(is_new).count() > room {
                self.gathered.incomplete.insert(key.clone());
                return Ok(());
            }
        }
        locations.sort_unstable();
        for location in locations {
            if self.gathered.events.len() >= limits::TRACE_EVENTS_MAX
                && !self.read.contains_key(&location)
            {
                self.gathered.incomplete.insert(key.clone());
                return Ok(());
            }
            let slot = match self.read.entry(location) {
                Entry::Occupied(occupied) => occupied.into_mut(),
                Entry::Vacant(vacant) => vacant.insert(Some(self.source.event(location)?)),
            };
            let is_match = slot.as_ref().is_some_and(|it| has_key(it, key));
            let Some(event) = slot.take_if(|_| is_match) else { continue };
            let leg = trace_key(&event).filter(|it| is_id && self.seen.insert(it.clone()));
            self.add(location, event);
            if let Some(leg) = leg {
                self.take(&leg)?;
            }
        }
        Ok(())
    }
}

/// Where events lie that have the key's hash, at most `limit` of them.
pub(super) fn places_of(reader: &EventReader<'_>, key: &Key, limit: usize) -> Vec<Location> {
    match key {
        Key::Trace(trace_id) if trace_id.is_empty() => Vec::new(),
        Key::Trace(trace_id) => reader.leg_locations(trace_id, limit),
        Key::Message(message_id) => reader.message_locations(message_id, limit),
    }
}

pub(super) fn has_key(stored: &StoredEvent, key: &Key) -> bool {
    match key {
        Key::Trace(trace_id) => stored.event.trace_id == *trace_id,
        Key::Message(message_id) => stored.event.message_id.as_ref() == Some(message_id),
    }
}

pub(super) fn trace_key(stored: &StoredEvent) -> Option<Key> {
    let trace_id = &stored.event.trace_id;
    (!trace_id.is_empty()).then(|| Key::Trace(trace_id.clone().into_owned()))
}

pub(super) fn message_key(stored: &StoredEvent) -> Option<Key> {
    stored.event.message_id.clone().map(Key::Message)
}
