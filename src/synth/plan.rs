//! The generator's intent for one message: its events, and their meaning for each recipient.

use super::random::Random;
use super::subjects::Subject;

/// The direction of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(super) enum Direction {
    Incoming,
    Outgoing,
}

impl Direction {
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The meaning of an event for one recipient, in the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered { folder: &'static str },
    Sent,
    Bounced { status: &'static str },
    Dropped,
    Rejected,
    Quarantined,
}

/// A message with all its future events.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The address alone.
    pub(super) from: String,
    /// As logged, perhaps with a display name or in capitals.
    pub(super) logged_from: String,
    pub(super) sender: Option<String>,
    pub(super) subject: Subject,
    /// With its brackets.
    pub(super) message_id: String,
    pub(super) legs: Vec<Leg>,
    pub(super) events: Vec<PlannedEvent>,
    pub(super) rows: Vec<Row>,
}

#[derive(Debug)]
pub(super) struct Leg {
    pub(super) trace_id: String,
    pub(super) direction: Direction,
    pub(super) start_ms: i64,
}

#[derive(Debug)]
pub(super) struct PlannedEvent {
    pub(super) at_ms: i64,
    pub(super) leg: usize,
    /// True if it has the message ID, which joins its leg to others.
    pub(super) is_joining: bool,
    /// Its JSON, until the queue takes it.
    pub(super) body: String,
    /// True if it was written before the log ended.
    pub(super) is_written: bool,
}

/// One recipient of one leg.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) leg: usize,
    /// In lower case, as addresses compare.
    pub(super) address: String,
    /// True if the message names the address; false if it only turned up as a mailbox.
    pub(super) is_named: bool,
    pub(super) decisions: Vec<Decision>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Decision {
    pub(super) event: usize,
    pub(super) fate: Fate,
}

impl Plan {
    pub(super) fn leg(
        &mut self,
        direction: Direction,
        start_ms: i64,
        random: &mut Random,
    ) -> usize {
        let mut trace_id = String::with_capacity(36);
        random.push_uuid(&mut trace_id);
        self.legs.push(Leg { trace_id, direction, start_ms });
        self.legs.len() - 1
    }

    pub(super) fn trace_id(&self, leg: usize) -> &str {
        self.legs.get(leg).map_or("", |it| it.trace_id.as_str())
    }

    pub(super) fn event(&mut self, leg: usize, at_ms: i64, body: String) -> usize {
        let event = PlannedEvent { at_ms, leg, is_joining: false, body, is_written: false };
        self.events.push(event);
        self.events.len() - 1
    }

    pub(super) fn joining_event(&mut self, leg: usize, at_ms: i64, body: String) -> usize {
        let event = PlannedEvent { at_ms, leg, is_joining: true, body, is_written: false };
        self.events.push(event);
        self.events.len() - 1
    }

    pub(super) fn named_row(&mut self, leg: usize, address: &str) -> usize {
        let address = address.to_ascii_lowercase();
        self.rows.push(Row { leg, address, is_named: true, decisions: Vec::new() });
        self.rows.len() - 1
    }

    /// Adds a mailbox that got the message without being named.
    pub(super) fn mailbox_row(&mut self, leg: usize, address: &str) -> usize {
        let row = self.named_row(leg, address);
        if let Some(row) = self.rows.get_mut(row) {
            row.is_named = false;
        }
        row
    }

    pub(super) fn decide(&mut self, row: usize, event: usize, fate: Fate) {
        if let Some(row) = self.rows.get_mut(row) {
            row.decisions.push(Decision { event, fate });
        }
    }

    /// True if no event decides for some named recipient.
    pub(super) fn is_open_ended(&self) -> bool {
        self.rows.iter().any(|it| it.is_named && it.decisions.is_empty())
    }
}
