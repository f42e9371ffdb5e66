//! The upkeep of the message table: each commit rewrites the messages that it touches, and no
//! others.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::entry::{UNDECIDED_IS_LOST, for_each_entry_of};
use crate::event::domain_of;
use crate::limits;
use crate::store::{
    EventReader, Location, MessageEntry, MessageTable, RecipientEntry, Store, StoreError,
    StoreWriter, StoredEvent, TableWriter, Upkeep,
};
use crate::trace::columns::EventColumns;
use crate::trace::gather::{Key, has_key, message_key, places_of, trace_key};

/// Makes a writer keep the message table with every commit.
pub fn keep_table(writer: &mut StoreWriter) {
    writer.keep_table_by(Box::new(TableUpkeep::default()));
}

/// Returns the message table of a store. If there is none as of its commit, makes a temporary one
/// that lives as long as the store is open.
///
/// # Errors
///
/// [`StoreError`] if it cannot be made.
pub(in crate::trace) fn message_table_of(store: &Store) -> Result<&MessageTable, StoreError> {
    store.message_table_by(&TableUpkeep::default())
}

/// Makes a temporary message table for a store without one, so that no question has to.
///
/// # Errors
///
/// [`StoreError`] if it cannot be made.
pub fn ready_table(store: &Store) -> Result<(), StoreError> {
    message_table_of(store).map(drop)
}

/// Builds the message table of a store, unless it is as of the last commit.
pub fn rebuild_table(path: &Path) -> Result<(), StoreError> {
    let mut writer = StoreWriter::open_or_create(path)?;
    keep_table(&mut writer);
    writer.keep_table()?;
    writer.close()
}

pub(super) struct TableUpkeep {
    /// Events of a commit up to which originals are read rather than columns.
    pub(super) read_events_max: usize,
    /// Events of a slice when a whole table is made.
    pub(super) slice_events_max: u64,
}

impl Default for TableUpkeep {
    fn default() -> Self {
        Self {
            read_events_max: limits::TABLE_READ_EVENTS_MAX,
            slice_events_max: limits::TABLE_SLICE_EVENTS_MAX,
        }
    }
}

impl Upkeep for TableUpkeep {
    fn keep(&self, store: &Store, table: &mut TableWriter) -> Result<(), StoreError> {
        // Nothing has to be replaced, so all entries come from the columns, slice by slice.
        if table.is_empty() {
            let documents = table.documents();
            let make = |it: &MessageEntry<'_>| documents.document(it);
            return for_each_entry(store, self.slice_events_max, make, |made| table.add(made));
        }
        let end = table.end();
        let is_new = move |place| end.is_before(place);
        let new = store.index().places_in_blocks(&is_new);
        // For few events only their messages are read, not the columns of whole segments.
        if new.len() <= self.read_events_max {
            return replace_connected(store, new, &is_new, table).map(drop);
        }
        // Only new events that share an ID with old ones can change old entries. All others make
        // new messages, which the columns give.
        let touching = store.index().places_that_share_ids(&is_new);
        let done = replace_connected(store, touching, &is_new, table)?;
        add_all(store, &is_new, &done, table)
    }
}

/// True if the message table agrees with the index on every message; `None` if there is no table as
/// of the store's commit.
pub fn is_table_true(store: &Store) -> Result<Option<bool>, StoreError> {
    let Some(table) = store.message_table() else { return Ok(None) };
    let mut listed = Sum::default();
    let domains: Option<HashSet<&str>> =
        table.mailbox_domains().map(|it| it.iter().map(String::as_str).collect());
    for segment in table.segments() {
        for document in (0..segment.document_count()).filter(|it| segment.is_alive(*it)) {
            let entry = segment.entry(document).map_err(table.failed())?;
            let mut delivered = entry.recipients.iter().filter(|it| it.bits.was_delivered);
            let is_kept = |it: &RecipientEntry<'_>| {
                domain_of(&it.address)
                    .is_none_or(|it| domains.as_ref().is_none_or(|all| all.contains(it)))
            };
            // The kept domains are those of all entries ever added. Too many do no harm; with one
            // missing, a rule's target in it would look like an outsider.
            if !delivered.all(is_kept) {
                return Ok(Some(false));
            }
            listed.join(Sum::of(&entry));
        }
    }
    let mut judged = Sum::default();
    for_each_entry(store, limits::TABLE_SLICE_EVENTS_MAX, Sum::of, |sums| {
        sums.into_iter().for_each(|it| judged.join(it));
        Ok(())
    })?;
    Ok(Some(listed == judged))
}

/// A sum over entries that does not depend on their order.
#[derive(Clone, Copy, Default, PartialEq)]
struct Sum {
    count: u64,
    sum: u64,
}

impl Sum {
    fn of(entry: &MessageEntry<'_>) -> Self {
        // Its keys are fixed, so table and index hash alike.
        let mut hasher = DefaultHasher::new();
        entry.hash(&mut hasher);
        Self { count: 1, sum: hasher.finish() }
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        // Added, not combined by XOR: an entry that is there twice must not cancel out.
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Makes the entries of all messages, in slices of files with about so many events: what is held at
/// once does not grow with the store.
fn for_each_entry<T: Send>(
    store: &Store,
    slice_events_max: u64,
    make: impl Fn(&MessageEntry<'_>) -> T + Sync,
    mut add: impl FnMut(Vec<T>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let slices = store.slices(slice_events_max);
    // A store of one slice needs no look for what reaches out of it.
    if slices.len() < 2 {
        return for_each_entry_at(store, &|_| true, &HashSet::new(), &make, &mut add);
    }
    for slice in slices {
        let is_here = |place| slice.has(place);
        let reaching_out = store.index().places_that_share_ids(&is_here);
        let mut large = Vec::new();
        let done = for_each_connected(store, reaching_out, |connected| {
            // It is met in every slice that it reaches into, and belongs to the first.
            if !connected.places().iter().min().is_some_and(|it| is_here(*it)) {
                return Ok(());
            }
            match connected.into_events() {
                Ok(events) => {
                    let mut made = Vec::new();
                    for_each_entry_of(events, true, |it| made.push(make(&it)));
                    add(made)
                }
                Err(places) => {
                    large.push(places);
                    Ok(())
                }
            }
        })?;
        // What reaches out of the slice is done: the columns of the rest are complete without other
        // slices.
        for_each_entry_at(store, &is_here, &done, &make, &mut add)?;
        // Too many events to hold as originals: they are read as columns, one message after
        // another.
        for places in large {
            let is_there = |place| places.contains(&place);
            for_each_entry_at(store, &is_there, &HashSet::new(), &make, &mut add)?;
        }
    }
    Ok(())
}

/// Makes the entries of the messages of all events whose locations `has` accepts, without those
/// that are done.
fn for_each_entry_at<T: Send>(
    store: &Store,
    has: &(dyn Fn(Location) -> bool + Sync),
    done: &HashSet<Location>,
    make: &(impl Fn(&MessageEntry<'_>) -> T + Sync),
    add: impl FnMut(Vec<T>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let (store, events) = store.event_table_of(has)?;
    let columns = EventColumns::of(&store, &UNDECIDED_IS_LOST, events)?;
    let is_done = |place| done.contains(&place);
    let is_left_out: Option<&(dyn Fn(Location) -> bool + Sync)> =
        if done.is_empty() { None } else { Some(&is_done) };
    // `None` spares the test of each event where nothing is left out.
    columns.for_each_entry(is_left_out, make, add)
}

/// Adds the entries of the messages of all events whose locations `has` accepts, without those that
/// are done.
fn add_all(
    store: &Store,
    has: &(dyn Fn(Location) -> bool + Sync),
    done: &HashSet<Location>,
    table: &mut TableWriter,
) -> Result<(), StoreError> {
    let documents = table.documents();
    for_each_entry_at(store, has, done, &|it| documents.document(it), |made| table.add(made))
}

/// Visits everything that is connected with the events at these locations, each once. Returns all
/// the locations visited.
fn for_each_connected(
    store: &Store,
    mut places: Vec<Location>,
    mut visit: impl FnMut(Connected) -> Result<(), StoreError>,
) -> Result<HashSet<Location>, StoreError> {
    places.sort_unstable();
    let mut reader = store.events();
    let mut done = HashSet::new();
    for place in places {
        if !done.contains(&place) {
            let connected = Connected::to(place, &mut reader)?;
            done.extend(connected.places());
            visit(connected)?;
        }
    }
    Ok(done)
}

/// Replaces the entries of the messages of the events at these locations, and of all that are
/// connected to them. Returns the locations of these messages' events.
fn replace_connected(
    store: &Store,
    places: Vec<Location>,
    is_new: &(dyn Fn(Location) -> bool + Sync),
    table: &mut TableWriter,
) -> Result<HashSet<Location>, StoreError> {
    let documents = table.documents();
    let mut made = Vec::new();
    let mut large = Vec::new();
    let done = for_each_connected(store, places, |connected| {
        match connected.into_events() {
            Ok(events) => for_each_entry_of(events, true, |it| made.push(documents.document(&it))),
            Err(places) => large.push(places),
        }
        Ok(())
    })?;
    // The key of an old entry is the location of one of its message's old events. It need not be
    // that of the message as it is after this commit, so all of them are removed.
    let old = done.iter().filter(|it| !is_new(**it));
    // Removed before the new entries are added, which may have the same keys.
    table.remove(old.map(|it| it.to_bits()).collect())?;
    table.add(made)?;
    for places in large {
        add_all(store, &|place| places.contains(&place), &HashSet::new(), table)?;
    }
    Ok(done)
}

/// All events that are connected with one, from ID to ID.
#[derive(Default)]
pub(super) struct Connected {
    places: HashSet<Location>,
    /// The events themselves, unless there are too many.
    events: Vec<(Location, StoredEvent)>,
    seen: HashSet<Key>,
    pending: VecDeque<Key>,
}

impl Connected {
    pub(super) fn to(place: Location, reader: &mut EventReader<'_>) -> Result<Self, StoreError> {
        let mut connected = Self::default();
        // Events that share a key's hash but not the key, until another key connects them.
        let mut waiting: HashMap<Location, StoredEvent> = HashMap::new();
        connected.take(place, reader.read(place)?);
        while let Some(key) = connected.pending.pop_front() {
            // Without a limit, unlike a trace: an entry of half a message would be wrong until the
            // next one.
            let mut places = places_of(reader, &key, usize::MAX);
            // In archive order, each block is read once.
            places.sort_unstable();
            for place in places {
                if connected.places.contains(&place) {
                    continue;
                }
                let event = match waiting.remove(&place) {
                    Some(event) => event,
                    None => reader.read(place)?,
                };
                if has_key(&event, &key) {
                    connected.take(place, event);
                } else {
                    waiting.insert(place, event);
                }
            }
        }
        Ok(connected)
    }

    fn take(&mut self, place: Location, event: StoredEvent) {
        for key in trace_key(&event).into_iter().chain(message_key(&event)) {
            if self.seen.insert(key.clone()) {
                self.pending.push_back(key);
            }
        }
        self.places.insert(place);
        if self.places.len() <= limits::TABLE_CONNECTED_EVENTS_MAX {
            self.events.push((place, event));
        } else {
            self.events = Vec::new();
        }
    }

    pub(super) fn places(&self) -> &HashSet<Location> {
        &self.places
    }

    /// Returns the events with their locations; only the locations if there are too many events to
    /// hold.
    pub(super) fn into_events(mut self) -> Result<Vec<(Location, StoredEvent)>, HashSet<Location>> {
        if self.events.len() < self.places.len() {
            return Err(self.places);
        }
        self.events.sort_by_key(|(place, _)| *place);
        Ok(self.events)
    }
}
