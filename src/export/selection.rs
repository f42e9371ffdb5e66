//! The selection of messages for an export.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::ExportError;
use crate::fs::first_of_sum;
use crate::limits;
use crate::store::{Location, Store, StoreError, StoredEvent};
use crate::time::Timestamp;
use crate::trace::{EventTracer, JoinRules, Message, MessageSummary, locations_with_id};

/// A selected message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selected {
    /// The time of its earliest event.
    pub first_seen: Timestamp,
    /// The location of one of its events.
    pub event: Location,
}

/// The messages to export, each once, in order of their first events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportSelection {
    messages: Vec<Selected>,
    /// The first of the IDs that no event has, as they were given.
    not_found: Vec<String>,
    not_found_count: u64,
}

impl ExportSelection {
    /// Selects messages that were found by their outcomes.
    pub fn of_summaries(summaries: &[MessageSummary]) -> Result<Self, ExportError> {
        let messages = summaries.iter();
        let messages =
            messages.map(|it| Selected { first_seen: it.first_seen, event: it.event }).collect();
        Self { messages, ..Self::default() }.in_order()
    }

    pub fn messages(&self) -> &[Selected] {
        &self.messages
    }

    /// Returns the first [`limits::EXPORT_IDS_NAMED_MAX`] IDs without any event, and the number of
    /// all of them.
    pub fn not_found(&self) -> (&[String], u64) {
        (&self.not_found, self.not_found_count)
    }

    fn in_order(mut self) -> Result<Self, ExportError> {
        if self.messages.len() > limits::EXPORT_MESSAGES_MAX {
            return Err(ExportError::TooManyMessages);
        }
        // The passage relies on this order to emit events in order of time from bounded memory.
        self.messages.sort_unstable();
        Ok(self)
    }
}

/// Collects the messages of IDs or events, each once.
pub struct Selector<'s> {
    tracer: EventTracer<'s>,
    rules: &'s JoinRules,
    /// The keys of messages selected so far: their trace IDs, and their events without one. Message
    /// IDs are no keys, as other messages may have them too.
    known: HashSet<KeyHash>,
    selection: ExportSelection,
}

/// A hash of a key, for which nobody can construct another key.
type KeyHash = [u8; 16];

fn key_hash(kind: u8, key: &str) -> KeyHash {
    first_of_sum(Sha256::new().chain_update([kind]).chain_update(key.as_bytes()))
}

const TRACE_KEY: u8 = b't';
const RECORD_KEY: u8 = b'r';

impl<'s> Selector<'s> {
    pub fn new(store: &'s Store, rules: &'s JoinRules) -> Self {
        Self {
            tracer: EventTracer::new(store, rules),
            rules,
            known: HashSet::new(),
            selection: ExportSelection::default(),
        }
    }

    /// Adds the messages of an ID, as `trace` understands it.
    pub fn add_id(&mut self, id: &str) -> Result<(), ExportError> {
        let locations = locations_with_id(self.tracer.reader(), id, self.rules)?;
        if locations.is_empty() {
            self.selection.not_found_count += 1;
            if self.selection.not_found.len() < limits::EXPORT_IDS_NAMED_MAX {
                self.selection.not_found.push(id.to_owned());
            }
        }
        locations.into_iter().try_for_each(|it| self.add_event(it))
    }

    /// Adds the message that the event at `location` belongs to.
    pub fn add_event(&mut self, location: Location) -> Result<(), ExportError> {
        // Reading one event is much cheaper than tracing its message again.
        if self.is_known(location)? {
            return Ok(());
        }
        let Some(message) = self.tracer.message_of(location)? else {
            return Ok(());
        };
        if self.selection.messages.len() >= limits::EXPORT_MESSAGES_MAX {
            return Err(ExportError::TooManyMessages);
        }
        self.known.extend(keys_of(&message));
        let first_seen = message.first_seen;
        self.selection.messages.push(Selected { first_seen, event: location });
        Ok(())
    }

    fn is_known(&mut self, location: Location) -> Result<bool, StoreError> {
        if self.known.is_empty() {
            return Ok(false);
        }
        Ok(self.known.contains(&key_of(&self.tracer.reader().read(location)?)))
    }

    pub fn finish(self) -> Result<ExportSelection, ExportError> {
        self.selection.in_order()
    }
}

fn keys_of(message: &Message) -> impl Iterator<Item = KeyHash> {
    let traces = message.trace_ids.iter().map(|it| key_hash(TRACE_KEY, it));
    let untraced = message.events.iter().filter(|it| it.event.trace_id.is_empty());
    traces.chain(untraced.map(key_of))
}

fn key_of(event: &StoredEvent) -> KeyHash {
    match event.event.trace_id.as_ref() {
        "" => {
            let record = &event.record;
            key_hash(RECORD_KEY, &format!("{} {}", record.timestamp.as_ms(), record.message))
        }
        trace_id => key_hash(TRACE_KEY, trace_id),
    }
}
