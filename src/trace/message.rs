//! A message and what became of it.

use std::borrow::Cow;

use crate::event::{Address, MessageId, Verdicts};
use crate::store::StoredEvent;
use crate::time::Timestamp;

/// All legs that are connected through a shared message ID, and what became of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its message IDs, as they first appear. Empty where no event has one.
    pub message_ids: Vec<MessageId<'static>>,
    /// The trace IDs of its legs, as they first appear.
    pub trace_ids: Vec<String>,
    /// On whose behalf it was sent.
    pub from: Option<Address<'static>>,
    /// Who really sent it, when that is somebody else.
    pub sender: Option<Address<'static>>,
    /// Its subject, decoded.
    pub subject: Option<String>,
    /// What became of it as a whole.
    pub outcome: MessageOutcome,
    /// The time of its earliest event.
    pub first_seen: Timestamp,
    /// The time of its latest event.
    pub last_seen: Timestamp,
    /// What the checks on arrival said, from the earliest event that reports an arrival.
    pub verdicts: Verdicts<'static>,
    /// Its legs, by their start.
    pub legs: Vec<Leg>,
    /// One for each recipient of each leg: leg by leg, as the leg names them.
    pub recipients: Vec<Recipient>,
    /// Every event once, as they happened.
    pub events: Vec<StoredEvent>,
    /// Whether more events belong to it than were gathered. The gatherer sets it.
    pub is_truncated: bool,
}

impl Message {
    /// An ID to ask for it by: its first message ID, else its first trace ID.
    pub fn any_id(&self) -> Option<String> {
        let message_id = self.message_ids.first().map(ToString::to_string);
        message_id.or_else(|| self.trace_ids.first().cloned())
    }
}

/// All events that share one trace ID: one pass of a message through WorkMail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// What its events share; an event without a trace ID is a leg of its own.
    pub trace_id: Option<String>,
    /// Which way it goes.
    pub direction: Direction,
    /// The time of its earliest event.
    pub started: Timestamp,
    /// Where its events stand in [`Message::events`], as they happened.
    pub event_indexes: Vec<usize>,
}

/// Which way a leg goes.
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
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// What became of a message for one recipient of one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Whom this is about.
    pub address: Address<'static>,
    /// Which way the leg goes.
    pub direction: Direction,
    /// The trace ID of the leg.
    pub trace_id: Option<String>,
    /// When the leg started.
    pub leg_started: Timestamp,
    /// What became of it.
    pub outcome: Outcome,
    /// The folder, when delivered.
    pub folder: Option<Cow<'static, str>>,
    /// Whether the folder is one for junk.
    pub is_junk: bool,
    /// The RFC 3463 status as it was logged, when bounced.
    pub status: Option<Cow<'static, str>>,
    /// The reason as it was logged, when bounced.
    pub reason: Option<Cow<'static, str>>,
    /// The rule that dropped it.
    pub rule: Option<Cow<'static, str>>,
    /// The mailboxes that an alias or a group stands for, in alphabetical order.
    pub mailboxes: Vec<Address<'static>>,
    /// The time of the event that decided.
    pub at: Option<Timestamp>,
    /// Milliseconds from the leg's start to [`Recipient::at`], when delivered, sent or bounced.
    pub latency_ms: Option<i64>,
    /// Where the leg stands in [`Message::legs`].
    pub(super) leg: usize,
    /// Where the event that decided stands in [`Message::events`].
    pub(super) decided_by: Option<usize>,
}

impl Recipient {
    /// How much this says about its address beside what other legs say; more counts.
    pub(super) fn weight(&self) -> (Direction, Timestamp, Option<&str>) {
        (self.direction, self.leg_started, self.trace_id.as_deref())
    }
}

/// What became of a message for one recipient.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    /// A mailbox got it.
    Delivered,
    /// The next server accepted it.
    Sent,
    /// It bounced.
    Bounced,
    /// A rule dropped it, or sent it back.
    Dropped,
    /// The sender's DMARC policy turned it away.
    Rejected,
    /// The sender's DMARC policy set it apart.
    Quarantined,
    /// The address is an alias or a group, and mailboxes behind it got it.
    Expanded,
    /// The address is an alias or a group, or it is lost: mailboxes that nobody names got the
    /// message, and several recipients have no event of their own. Or not all events were read.
    Unclear,
    /// Nothing is known yet, and it is too early to worry.
    Pending,
    /// Nothing is known, and something should be.
    Lost,
}

impl Outcome {
    /// Every outcome, in the order in which the first one that fits is taken.
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

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Where it stands in [`Outcome::ALL`].
    pub fn place(self) -> usize {
        self as usize
    }

    /// Whether an event brought it about of which it counts how long it took.
    pub(super) fn has_latency(self) -> bool {
        matches!(self, Self::Delivered | Self::Sent | Self::Bounced)
    }

    /// Whether the recipient has it, as far as WorkMail can know.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Delivered | Self::Sent | Self::Expanded)
    }

    /// Whether the recipient will not get it, or may not.
    pub fn is_bad(self) -> bool {
        !self.is_good() && self != Self::Pending
    }
}

/// What became of a message as a whole.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr, strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum MessageOutcome {
    /// Everybody has it.
    Delivered,
    /// Some have it.
    Partial,
    /// Nobody has it, or will.
    Failed,
    /// Nothing went wrong, but not everything is known yet.
    Pending,
    /// No event names a recipient.
    Unknown,
}

impl MessageOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] =
        [Self::Delivered, Self::Partial, Self::Failed, Self::Pending, Self::Unknown];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Where it stands in [`MessageOutcome::ALL`].
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
