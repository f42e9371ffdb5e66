//! The events that a question can be about.

use super::MessageFilter;
use crate::query::{Field, Pattern, Query};
use crate::time::TimeRange;

/// The events that a question can be about, for a source that must fetch them first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The time of the events.
    pub range: TimeRange,
    /// Instead of a time: the IDs of the messages, as they were pasted.
    pub ids: Option<Vec<String>>,
    /// Whether the question is about messages: then all events that are connected to them come too.
    pub with_messages: bool,
    /// Queries, each of which some event of every wanted message matches. No event of such a
    /// message is before the range, but some may be after it.
    pub required: Vec<Query>,
    /// The events of other times that show how unusual this time is.
    pub background: Option<Background>,
}

/// Events of other times that show how unusual a time is: what rules that take mail away did before
/// it, and for each domain, that somebody there has a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Background {
    /// Whether the messages to which these rules applied are needed too.
    pub with_messages: bool,
}

impl Reach {
    /// Returns the reach of a question about all events, and so all messages.
    #[must_use]
    pub fn everything() -> Self {
        Self { with_messages: true, ..Self::default() }
    }

    /// Returns the reach of a question about single events of a time.
    #[must_use]
    pub fn events(range: TimeRange) -> Self {
        Self { range, ..Self::default() }
    }

    /// Returns the reach of a question about messages with an event in a time.
    #[must_use]
    pub fn messages(range: TimeRange) -> Self {
        Self { range, with_messages: true, ..Self::default() }
    }

    /// Returns the reach of a filter.
    #[must_use]
    pub fn of(filter: &MessageFilter) -> Self {
        let either = |pattern: &Pattern, fields: &[Field]| {
            Query::or(fields.iter().map(|it| pattern.query().in_field(*it)).collect())
        };
        let from = filter.from.iter().map(|it| either(it, &[Field::From, Field::Sender]));
        let to = filter.to.iter().map(|it| either(it, &[Field::To]));
        let all = [Field::From, Field::Sender, Field::To];
        let addresses = filter.addresses.iter().map(|it| either(it, &all));
        // Other conditions are left out: that only fetches more events, never too few.
        let of_rows = filter.events.iter().chain(filter.rows.terms()).cloned();
        let required = from.chain(to).chain(addresses).chain(of_rows).collect();
        Self { required, ..Self::messages(filter.first_seen) }
    }

    /// Returns the reach of a triage: messages with an event in a time, and their background.
    #[must_use]
    pub fn triage(range: TimeRange, background: Background) -> Self {
        Self { background: Some(background), ..Self::messages(range) }
    }

    /// Returns the reach of a question about messages with one of these IDs.
    #[must_use]
    pub fn messages_with(ids: Vec<String>) -> Self {
        Self { ids: Some(ids), with_messages: true, ..Self::default() }
    }
}
