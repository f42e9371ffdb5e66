//! A message and its outcomes.

use std::borrow::Cow;

use crate::event::{Address, MessageId, Verdicts};
use crate::store::StoredEvent;
use crate::time::Timestamp;

/// All legs that are connected through shared message IDs, with their outcomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its message IDs, by first appearance. Empty if no event has one.
    pub message_ids: Vec<MessageId<'static>>,
    /// The trace IDs of its legs, by first appearance.
    pub trace_ids: Vec<String>,
    /// The address on whose behalf it was sent.
    pub from: Option<Address<'static>>,
    /// The address that really sent it, if another.
    pub sender: Option<Address<'static>>,
    /// Its subject, decoded.
    pub subject: Option<String>,
    /// The outcome of the message as a whole.
    pub outcome: MessageOutcome,
    /// The time of its earliest event.
    pub first_seen: Timestamp,
    /// The time of its latest event.
    pub last_seen: Timestamp,
    /// The verdicts of the checks on arrival, from the earliest event that reports an arrival.
    pub verdicts: Verdicts<'static>,
    /// Its legs, by their start.
    pub legs: Vec<Leg>,
    /// One for each recipient of each leg: leg by leg, in the order in which the leg names them.
    pub recipients: Vec<Recipient>,
    /// Every event once, in the order in which they happened.
    pub events: Vec<StoredEvent>,
    /// Whether it may have more events than were gathered. The gatherer sets it.
    pub is_truncated: bool,
}

impl Message {
    /// Returns an ID that finds it: its first message ID, else its first trace ID.
    pub fn any_id(&self) -> Option<String> {
        let message_id = self.message_ids.first().map(ToString::to_string);
        message_id.or_else(|| self.trace_ids.first().cloned())
    }
}

/// All events that share one trace ID: one pass of a message through WorkMail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// The ID that its events share; an event without a trace ID is a leg by itself.
    pub trace_id: Option<String>,
    /// Its direction.
    pub direction: Direction,
    /// The time of its earliest event.
    pub started: Timestamp,
    /// The indexes of its events in [`Message::events`], in the order in which they happened.
    pub event_indexes: Vec<usize>,
}

/// The direction of a leg.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum Direction {
    /// From a user of the organization.
    Outgoing,
    /// To a mailbox of the organization.
    Incoming,
}

impl Direction {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The outcome of a message for one recipient of one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The recipient's address.
    pub address: Address<'static>,
    /// The direction of the leg.
    pub direction: Direction,
    /// The trace ID of the leg.
    pub trace_id: Option<String>,
    /// The start of the leg.
    pub leg_started: Timestamp,
    /// The outcome.
    pub outcome: Outcome,
    /// The folder, if delivered.
    pub folder: Option<Cow<'static, str>>,
    /// Whether the folder is a junk folder.
    pub is_junk: bool,
    /// The RFC 3463 status as it was logged, if bounced.
    pub status: Option<Cow<'static, str>>,
    /// The reason as it was logged, if bounced.
    pub reason: Option<Cow<'static, str>>,
    /// The rule that dropped it.
    pub rule: Option<Cow<'static, str>>,
    /// The mailboxes to which an alias or a group led, in alphabetical order.
    pub mailboxes: Vec<Address<'static>>,
    /// The time of the event that decided.
    pub at: Option<Timestamp>,
    /// Milliseconds from the leg's start to [`Recipient::at`], if delivered, sent or bounced.
    pub latency_ms: Option<i64>,
    /// The index of the leg in [`Message::legs`].
    pub(super) leg: usize,
    /// The index of the event that decided in [`Message::events`].
    pub(super) decided_by: Option<usize>,
}

impl Recipient {
    /// Returns the precedence among the rows of one address: the greatest decides.
    pub(super) fn weight(&self) -> (Direction, Timestamp, Option<&str>) {
        // An incoming leg outranks an outgoing one, then the later start, then the trace ID: no
        // ties are left to the order of events.
        (self.direction, self.leg_started, self.trace_id.as_deref())
    }
}

/// The outcome of a message for one recipient.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    /// It reached a mailbox.
    Delivered,
    /// The next server accepted it.
    Sent,
    /// It bounced.
    Bounced,
    /// A rule dropped it or sent it back.
    Dropped,
    /// The sender's DMARC policy rejected it.
    Rejected,
    /// The sender's DMARC policy quarantined it.
    Quarantined,
    /// The address is an alias or a group, and its mailboxes got the message.
    Expanded,
    /// Either expanded or lost: mailboxes that no recipient names got the message, and several
    /// recipients have no event of their own. Or not all events were read.
    Unclear,
    /// No event decides yet, and it is too early to worry.
    Pending,
    /// No event decides, and one should.
    Lost,
}

impl Outcome {
    /// Every outcome, in the order in which the first that fits is taken. The message table stores
    /// their indexes.
    pub const ALL: [Self; 10] = [
        Self::Delivered,
        Self::Sent,
        Self::Bounced,
        Self::Dropped,
        Self::Rejected,
        Self::Quarantined,
        Self::Expanded,
        Self::Unclear,
        Self::Pending,
        Self::Lost,
    ];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its index in [`Outcome::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }

    /// True if the time to its deciding event is a latency.
    pub(super) fn has_latency(self) -> bool {
        matches!(self, Self::Delivered | Self::Sent | Self::Bounced)
    }

    /// True if the recipient has it, as far as WorkMail can know.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Delivered | Self::Sent | Self::Expanded)
    }

    /// True if the recipient will not get it, or may not.
    pub fn is_bad(self) -> bool {
        !self.is_good() && self != Self::Pending
    }
}

/// The outcome of a message as a whole.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum MessageOutcome {
    /// Every recipient has it.
    Delivered,
    /// Some recipients have it or may yet get it, and others do not.
    Partial,
    /// No recipient has it or will get it.
    Failed,
    /// Nothing went wrong, but some recipients are pending.
    Pending,
    /// No event names a recipient.
    Unknown,
}

impl MessageOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Delivered, Self::Partial, Self::Failed, Self::Pending, Self::Unknown];

    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Its index in [`MessageOutcome::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_stand_at_their_places() {
        assert!(Outcome::ALL.iter().map(|it| it.place()).eq(0..Outcome::ALL.len()));
        assert!(MessageOutcome::ALL.iter().map(|it| it.place()).eq(0..MessageOutcome::ALL.len()));
    }
}
