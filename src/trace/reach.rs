//! Which events a question can be about.

use super::MessageFilter;
use crate::query::{Field, Pattern, Query};
use crate::time::TimeRange;

/// Which events a question can be about, for whoever has to get them first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Those of this time.
    pub range: TimeRange,
    /// Those of messages that have one of these IDs, as they were pasted, instead.
    pub ids: Option<Vec<String>>,
    /// Whether messages are asked about: then all events come that are connected to those.
    pub with_messages: bool,
    /// For each of these, a message that is asked about has an event that is what it asks for. Then
    /// no event of such a message is before the range, but some may be behind it.
    pub required: Vec<Query>,
    /// What of other times tells how unusual this time is.
    pub background: Option<Background>,
}

/// Events of other times that tell how unusual a time is: what rules did before it that take mail
/// away, and for each domain that somebody there has a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Background {
    /// Whether the messages to which rules did it are asked about too.
    pub with_messages: bool,
}

impl Reach {
    /// All events, and so all messages.
    #[must_use]
    pub fn everything() -> Self {
        Self { with_messages: true, ..Self::default() }
    }

    /// Events of a time, one by one.
    #[must_use]
    pub fn events(range: TimeRange) -> Self {
        Self { range, ..Self::default() }
    }

    /// The messages that have an event of a time.
    #[must_use]
    pub fn messages(range: TimeRange) -> Self {
        Self { range, with_messages: true, ..Self::default() }
    }

    /// The messages that a filter finds.
    #[must_use]
    pub fn of(filter: &MessageFilter) -> Self {
        let either = |pattern: &Pattern, fields: &[Field]| {
            Query::or(fields.iter().map(|it| pattern.query().in_field(*it)).collect())
        };
        let from = filter.from.iter().map(|it| either(it, &[Field::From, Field::Sender]));
        let to = filter.to.iter().map(|it| either(it, &[Field::To]));
        let all = [Field::From, Field::Sender, Field::To];
        let addresses = filter.addresses.iter().map(|it| either(it, &all));
        let of_rows = filter.events.iter().chain(filter.rows.terms()).cloned();
        let required = from.chain(to).chain(addresses).chain(of_rows).collect();
        Self { required, ..Self::messages(filter.first_seen) }
    }

    /// The messages that have an event of a time, and their background.
    #[must_use]
    pub fn triage(range: TimeRange, background: Background) -> Self {
        Self { background: Some(background), ..Self::messages(range) }
    }

    /// The messages that have one of some IDs.
    #[must_use]
    pub fn messages_with(ids: Vec<String>) -> Self {
        Self { ids: Some(ids), with_messages: true, ..Self::default() }
    }
}
