//! The closure over both keys: all events that are connected to an ID.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use super::join::join_whole;
use super::{JoinRules, Message, MessageMark, mark_of};
use crate::event::{MessageId, pasted_id};
use crate::limits;
use crate::store::{EventReader, Location, Store, StoreError, StoredEvent};
use crate::time::Timestamp;

/// A source of events by the keys that connect them: a store or a cluster.
pub(crate) trait EventsByKey {
    type Error;

    /// Returns the locations of events that may have the key, at most `limit`.
    fn places(&mut self, key: &Key, limit: usize) -> Result<Vec<Location>, Self::Error>;

    /// Reads the event at a location that `places` returned. Each is read once.
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

/// The messages that are connected to the given IDs.
#[derive(Clone, Debug, Default)]
pub struct Traced {
    /// The messages found, in order of their first event.
    pub messages: Vec<Message>,
    /// The IDs without events, as they were given.
    pub not_found: Vec<String>,
    /// The IDs that several messages share, as they were given, with the number of messages.
    pub shared: Vec<(String, usize)>,
}

/// Traces messages. For each ID, gathers every connected event. An ID is a message ID (with or
/// without angle brackets, or a pasted `Message-ID:` header line) or a trace ID. Several messages
/// may share a message ID.
///
/// Two IDs of one message return it once. Gathering stops at [`limits::TRACE_EVENTS_MAX`] events; a
/// message that may have more is then marked as truncated.
pub fn trace_ids<'i>(
    store: &Store,
    ids: impl IntoIterator<Item = &'i str>,
    rules: &JoinRules,
) -> Result<Traced, StoreError> {
    trace_ids_in(&mut store.events(), ids, rules)
}

/// Like [`trace_ids`], for any source of events.
pub(crate) fn trace_ids_in<'i, S: EventsByKey>(
    source: &mut S,
    ids: impl IntoIterator<Item = &'i str>,
    rules: &JoinRules,
) -> Result<Traced, S::Error> {
    let mut traced = Traced::default();
    let mut asked = HashSet::new();
    // Two IDs of one message lead to it twice; its mark keeps the second out.
    let mut answered: HashSet<MessageMark> = HashSet::new();
    let mut last = Closure::default();
    for given in ids {
        // An ID that is given twice, with brackets or without, is answered once.
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

/// Returns the location of one event of each message that has the ID. With
/// [`EventTracer`](super::EventTracer) these give what [`trace_ids`] finds. Empty if no event has
/// it.
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

/// The key that identifies a record.
pub(super) fn record_of(event: &StoredEvent) -> (Timestamp, String) {
    (event.record.timestamp, event.record.message.clone().into_owned())
}

/// Maps each record to its location; of equal records, the first.
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

/// Returns the location of some event whose ID has the same hash, if there is one.
pub(super) fn some_place_of(reader: &EventReader<'_>, given: &str) -> Option<Location> {
    keys_asked_for(given).iter().find_map(|it| places_of(reader, it, 1).pop())
}

/// The messages connected to the last ID. Lists of IDs name the same message again and again, by
/// one of its IDs or another, or name an ID that many messages share: what was gathered last is
/// reused.
#[derive(Default)]
pub(super) struct Closure {
    id: String,
    messages: Vec<Message>,
}

impl Closure {
    /// Returns every message that has the ID, in the sense of [`trace_ids`].
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
        // Sorted in place, so that the answer is a slice and nothing is copied.
        self.messages.sort_by(|a, b| has_key(b).cmp(&has_key(a)).then_with(|| in_order(a, b)));
        let count = self.messages.partition_point(has_key);
        Ok(self.messages.split_at(count).0)
    }
}

/// Connected events with their locations.
#[derive(Default)]
pub(super) struct Gathered {
    events: Vec<(Location, StoredEvent)>,
    /// The keys that may have more events.
    incomplete: HashSet<Key>,
}

impl Gathered {
    pub(super) fn places(&self) -> HashSet<Location> {
        self.events.iter().map(|(place, _)| *place).collect()
    }

    /// Maps each record to its location; of equal records, the first.
    pub(super) fn places_by_record(&self) -> HashMap<(Timestamp, String), Location> {
        places_by_record(&self.events)
    }

    /// Joins the events into messages, and marks those that are not whole.
    pub(super) fn join(mut self, rules: &JoinRules) -> Vec<Message> {
        // A leg that is cut may lack what would put it into another message, so its ID is
        // incomplete too.
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

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A trace ID.
    Trace(String),
    /// A message ID.
    Message(MessageId<'static>),
}

impl Key {
    /// True if the message has the key.
    fn is_of(&self, message: &Message) -> bool {
        match self {
            Self::Trace(id) => message.trace_ids.contains(id),
            Self::Message(id) => message.message_ids.contains(id),
        }
    }
}

/// Returns the keys that a pasted text may mean: an ID of either kind, with and without what looks
/// like quoting.
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

/// True for a UUID, whose case does not matter.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().filter(|it| *it == b'-').count() == 4
        && text.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

fn gather<S: EventsByKey>(source: &mut S, keys: &[Key]) -> Result<Gathered, S::Error> {
    Gathering::new(source, keys).finish()
}

/// Returns every message that is connected to an event of the store, its own included.
pub(super) fn messages_with(
    reader: &mut EventReader<'_>,
    event: &StoredEvent,
    rules: &JoinRules,
) -> Result<Vec<Message>, StoreError> {
    let keys: Vec<Key> = trace_key(event).or_else(|| message_key(event)).into_iter().collect();
    // An event without any key is connected to nothing but itself.
    if keys.is_empty() {
        return Ok(join_whole(vec![event.clone()], rules, &|_| true));
    }
    Ok(gather(reader, &keys)?.join(rules))
}

/// Gathers everything that is connected to an event.
pub(super) fn gather_from(
    reader: &mut EventReader<'_>,
    location: Location,
    event: StoredEvent,
) -> Result<Gathered, StoreError> {
    let mut gathering = Gathering::new(reader, &[]);
    gathering.start_at(location, event);
    gathering.finish()
}

/// Gathers leg by leg, so that as few legs as possible are cut when it must stop.
struct Gathering<'r, S> {
    source: &'r mut S,
    asked: HashSet<Key>,
    gathered: Gathered,
    seen: HashSet<Key>,
    pending: VecDeque<Key>,
    /// The events that were read. An event that shares only a key's hash is kept aside: another key
    /// may connect it. `None` once it is gathered.
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

    fn start_at(&mut self, location: Location, event: StoredEvent) {
        // `None` marks it as gathered: its own keys lead back to it.
        self.read.insert(location, None);
        self.add(location, event);
    }

    fn add(&mut self, location: Location, event: StoredEvent) {
        // The leg first: it must be whole before another begins.
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

    /// Gathers every event that has the key.
    fn take(&mut self, key: &Key) -> Result<(), S::Error> {
        let is_id = matches!(key, Key::Message(_));
        // An ID that thousands of messages share is followed only if it was asked for: the whole
        // leg that led to it is a better answer than the first of those thousands.
        let room = limits::TRACE_EVENTS_MAX.saturating_sub(self.gathered.events.len());
        let is_met = is_id && !self.asked.contains(key);
        // One more than can fit is enough to see that it does not fit.
        let limit = if is_met { limits::TRACE_EVENTS_MAX + 1 } else { usize::MAX };
        let mut locations = self.source.places(key, limit)?;
        if is_met && locations.len() > room {
            // The exact count is taken only if the simple one does not fit: some may be read
            // already.
            let is_new = |it: &&Location| !self.read.contains_key(*it);
            if locations.iter().filter(is_new).count() > room {
                self.gathered.incomplete.insert(key.clone());
                return Ok(());
            }
        }
        // In archive order, each block is decompressed once.
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
            // The index knows only hashes, so the original decides.
            let is_match = slot.as_ref().is_some_and(|it| has_key(it, key));
            let Some(event) = slot.take_if(|_| is_match) else { continue };
            // Marked as seen before `add`, which would queue it: the leg is gathered at once
            // instead.
            let leg = trace_key(&event).filter(|it| is_id && self.seen.insert(it.clone()));
            self.add(location, event);
            if let Some(leg) = leg {
                self.take(&leg)?;
            }
        }
        Ok(())
    }
}

/// Returns the locations of events that have the key's hash, at most `limit`.
pub(super) fn places_of(reader: &EventReader<'_>, key: &Key, limit: usize) -> Vec<Location> {
    match key {
        // An empty trace ID joins nothing: all untraced events would be one leg.
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
