//! The passage of messages out of the store: each once, and their events in order of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{ExportError, ExportSelection, Redactor};
use crate::event::Address;
use crate::limits;
use crate::render::event_source_json;
use crate::store::{Provenance, Store, StoreError, StoredEvent};
use crate::time::{Timestamp, Zone};
use crate::trace::{Direction, EventTracer, JoinRules, Message, MessageOutcome};

/// Receives messages and events. Each message comes before its events.
pub(super) trait Sink {
    /// Takes a message, numbered from 1.
    fn message(&mut self, number: u64, message: &Message) -> Result<(), ExportError>;

    /// Takes an event.
    fn event(&mut self, event: &PassingEvent) -> Result<(), ExportError>;
}

/// An event with the facts of its leg and its message.
pub(super) struct PassingEvent {
    pub(super) stored: StoredEvent,
    pub(super) direction: Option<Direction>,
    /// The source of its record, if that was recorded.
    pub(super) source: Option<Provenance>,
    pub(super) message: Arc<PassageFacts>,
}

impl PassingEvent {
    /// Returns the source of its record as `trace --provenance` shows it, in UTC.
    pub(super) fn source_json(&self) -> Option<Value> {
        self.source.as_ref().map(|it| event_source_json(it, &self.stored.record, &Zone::UTC))
    }
}

/// The facts that all events of a message share.
pub(super) struct PassageFacts {
    pub(super) number: u64,
    pub(super) message_ids: Vec<String>,
    pub(super) from: Option<Address<'static>>,
    pub(super) sender: Option<Address<'static>>,
    pub(super) subject: Option<String>,
    pub(super) outcome: MessageOutcome,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    pub messages: u64,
    /// Events, of which each is one record.
    pub events: u64,
    /// Messages with more events than a trace gathers.
    pub truncated: u64,
    /// Rows of recipients, at least one for each message.
    pub rows: u64,
    /// Messages by outcome, in the order of [`MessageOutcome::ALL`].
    pub outcomes: [u64; MessageOutcome::ALL.len()],
    /// The times of the first and the last event.
    pub span: Option<(Timestamp, Timestamp)>,
    /// True if an event came after a later one.
    pub is_out_of_order: bool,
}

/// Passes the selected messages from the store to `sink`, through the redactor if there is one.
pub(super) fn pass(
    store: &Store,
    selection: &ExportSelection,
    rules: &JoinRules,
    redactor: Option<&Redactor>,
    sink: &mut dyn Sink,
) -> Result<Passed, ExportError> {
    let mut tracer = EventTracer::new(store, rules);
    let mut provenance = store.provenance();
    let mut passed = Passed::default();
    let mut waiting = Waiting::default();
    for selected in selection.messages() {
        // Messages come in order of their first event, so none still to come has an earlier one.
        while waiting.first().is_some_and(|it| it < selected.first_seen) {
            waiting.release(&mut passed, sink)?;
        }
        let Some(message) = tracer.message_of(selected.event)? else { continue };
        let sources = message.events.iter().map(|it| provenance.of_event(it));
        let sources = sources.collect::<Result<Vec<_>, StoreError>>()?;
        let (message, sources) = match redactor {
            Some(redactor) => {
                let told = sources.into_iter().map(|it| it.map(|it| redactor.source(it)));
                redactor.message(message, told.collect(), rules)?
            }
            None => (message, sources),
        };
        passed.count(&message);
        sink.message(passed.messages, &message)?;
        waiting.take(passed.messages, message, sources);
        // Memory wins over order here; `count_event` notices, and the manifest admits it.
        while waiting.bytes > limits::EXPORT_WAITING_BYTES_MAX {
            waiting.release(&mut passed, sink)?;
        }
    }
    while waiting.first().is_some() {
        waiting.release(&mut passed, sink)?;
    }
    Ok(passed)
}

impl Passed {
    fn count(&mut self, message: &Message) {
        self.messages += 1;
        self.truncated += u64::from(message.is_truncated);
        self.rows += message.recipients.len().max(1) as u64;
        for (outcome, count) in MessageOutcome::ALL.iter().zip(&mut self.outcomes) {
            *count += u64::from(*outcome == message.outcome);
        }
    }

    fn count_event(&mut self, at: Timestamp) {
        self.events += 1;
        let (first, last) = self.span.unwrap_or((at, at));
        self.is_out_of_order |= at < last;
        self.span = Some((first.min(at), last.max(at)));
    }
}

/// Events whose turn has not come yet.
#[derive(Default)]
struct Waiting {
    /// By time, then by message and position in it, so that the order of equal times is fixed.
    events: BTreeMap<(Timestamp, u64, usize), PassingEvent>,
    bytes: usize,
}

impl Waiting {
    fn first(&self) -> Option<Timestamp> {
        self.events.first_key_value().map(|((at, _, _), _)| *at)
    }

    fn take(&mut self, number: u64, message: Message, sources: Vec<Option<Provenance>>) {
        let mut directions = vec![None; message.events.len()];
        for leg in &message.legs {
            for index in &leg.event_indexes {
                if let Some(it) = directions.get_mut(*index) {
                    *it = Some(leg.direction);
                }
            }
        }
        let facts = Arc::new(PassageFacts {
            number,
            message_ids: message.message_ids.iter().map(ToString::to_string).collect(),
            from: message.from,
            sender: message.sender,
            subject: message.subject,
            outcome: message.outcome,
        });
        let mut sources = sources.into_iter();
        for (index, (stored, direction)) in message.events.into_iter().zip(directions).enumerate() {
            let source = sources.next().flatten();
            let key = (stored.record.timestamp, number, index);
            let event = PassingEvent { stored, direction, source, message: Arc::clone(&facts) };
            self.bytes += bytes_of(&event);
            self.events.insert(key, event);
        }
    }

    /// Passes the earliest event on.
    fn release(&mut self, passed: &mut Passed, sink: &mut dyn Sink) -> Result<(), ExportError> {
        let Some(((at, _, _), event)) = self.events.pop_first() else { return Ok(()) };
        self.bytes = self.bytes.saturating_sub(bytes_of(&event));
        passed.count_event(at);
        sink.event(&event)
    }
}

/// Estimates the bytes that an event takes in memory: its original, and what was parsed from it.
fn bytes_of(event: &PassingEvent) -> usize {
    const FIXED_BYTES: usize = 1 << 10;
    FIXED_BYTES + 2 * event.stored.record.message.len()
}
