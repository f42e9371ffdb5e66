//! The way of the messages out of the store: each once, and their events in order of time.

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

/// Where messages and events go. Each message comes before its events.
pub(super) trait Sink {
    /// Takes a message, numbered from 1.
    fn message(&mut self, number: u64, message: &Message) -> Result<(), ExportError>;

    /// Takes an event.
    fn event(&mut self, event: &PassingEvent) -> Result<(), ExportError>;
}

/// An event with what is known of its leg and message.
pub(super) struct PassingEvent {
    pub(super) stored: StoredEvent,
    pub(super) direction: Option<Direction>,
    /// Where its record came from, where that was recorded.
    pub(super) source: Option<Provenance>,
    pub(super) message: Arc<PassageFacts>,
}

impl PassingEvent {
    /// Where its record came from, as `trace --provenance` has it, in UTC.
    pub(super) fn source_json(&self) -> Option<Value> {
        self.source.as_ref().map(|it| event_source_json(it, &self.stored.record, &Zone::UTC))
    }
}

/// What all events of a message share.
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
    /// Events, which is records.
    pub events: u64,
    /// Messages of which there are more events than a trace gathers.
    pub truncated: u64,
    /// Rows of recipients, one at least for each message.
    pub rows: u64,
    /// Messages by what became of them, as in [`MessageOutcome::ALL`].
    pub outcomes: [u64; MessageOutcome::ALL.len()],
    /// The times of the first and of the last event.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Whether an event came after a later one.
    pub is_out_of_order: bool,
}

/// Takes the selected messages out of the store, redacted where there is a redactor.
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
        // No message that is still to come has an earlier event.
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

/// Events whose turn has not come.
#[derive(Default)]
struct Waiting {
    /// By time, then by message and place in it.
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

    /// Lets the earliest event go.
    fn release(&mut self, passed: &mut Passed, sink: &mut dyn Sink) -> Result<(), ExportError> {
        let Some(((at, _, _), event)) = self.events.pop_first() else { return Ok(()) };
        self.bytes = self.bytes.saturating_sub(bytes_of(&event));
        passed.count_event(at);
        sink.event(&event)
    }
}

/// Bytes that an event takes in memory, roughly: its original, and what was read out of it.
fn bytes_of(event: &PassingEvent) -> usize {
    const FIXED_BYTES: usize = 1 << 10;
    FIXED_BYTES + 2 * event.stored.record.message.len()
}
