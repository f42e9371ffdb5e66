//! What can be counted by.

use std::fmt;

use crate::event::Event;
use crate::store::Attribute;

/// What is counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountKey {
    /// Events by their name.
    Event,
    /// Legs by which way they go.
    Direction,
    /// Messages by who really sent them: `sender`, else `from`.
    Sender,
    /// Messages by the domain of the one who really sent them.
    SenderDomain,
    /// Recipients of messages by their address.
    Recipient,
    /// Recipients of messages by the domain of their address.
    RecipientDomain,
    /// Events by the rule that they name, of those that name one.
    Rule,
    /// Bounces by their reason, as it was logged.
    Reason,
    /// Bounces by the cause in their reason: [`super::cause_of`].
    Cause,
    /// Bounces by their status.
    Status,
    /// Arrivals by the verdict on spam.
    Spam,
    /// Arrivals by the verdict on DKIM.
    Dkim,
    /// Arrivals by the verdict on DMARC.
    Dmarc,
    /// Arrivals by the verdict on SPF.
    Spf,
    /// Deliveries by their folder.
    Folder,
    /// Recipients of messages by what became of the message for them.
    Outcome,
    /// Messages by the day of the week on which they were first seen.
    Weekday,
    /// Messages by the hour of the day in which they were first seen.
    HourOfDay,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Events, by their time.
    Events,
    /// Legs, by the time of their first event.
    Legs,
    /// Messages, by the time of their first event.
    Messages,
    /// Each address of each message once, by the time of the message's first event.
    Recipients,
}

impl Unit {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Legs => "legs",
            Self::Messages => "messages",
            Self::Recipients => "recipients",
        }
    }
}

impl CountKey {
    /// Every key, in the order in which help lists them.
    pub const ALL: [Self; 18] = [
        Self::Event,
        Self::Direction,
        Self::Sender,
        Self::SenderDomain,
        Self::Recipient,
        Self::RecipientDomain,
        Self::Outcome,
        Self::Folder,
        Self::Rule,
        Self::Reason,
        Self::Cause,
        Self::Status,
        Self::Spam,
        Self::Dkim,
        Self::Dmarc,
        Self::Spf,
        Self::Weekday,
        Self::HourOfDay,
    ];

    /// The name as it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Direction => "direction",
            Self::Sender => "sender",
            Self::SenderDomain => "sender-domain",
            Self::Recipient => "recipient",
            Self::RecipientDomain => "recipient-domain",
            Self::Rule => "rule",
            Self::Reason => "reason",
            Self::Cause => "cause",
            Self::Status => "status",
            Self::Spam => "spam",
            Self::Dkim => "dkim",
            Self::Dmarc => "dmarc",
            Self::Spf => "spf",
            Self::Folder => "folder",
            Self::Outcome => "outcome",
            Self::Weekday => "weekday",
            Self::HourOfDay => "hour-of-day",
        }
    }

    /// Finds a key by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// What is counted.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Direction => Unit::Legs,
            Self::Sender | Self::SenderDomain | Self::Weekday | Self::HourOfDay => Unit::Messages,
            Self::Recipient | Self::RecipientDomain | Self::Outcome => Unit::Recipients,
            _ => Unit::Events,
        }
    }

    /// Whether its values follow one another in an order of their own.
    #[must_use]
    pub fn is_in_order(self) -> bool {
        matches!(self, Self::Weekday | Self::HourOfDay)
    }

    /// Whether single events have such values, so that each is a term of the index.
    #[must_use]
    pub fn is_of_events(self) -> bool {
        self.attribute().is_some()
    }

    /// Whether the values are what stands behind the `@` of addresses.
    pub(super) fn is_of_domains(self) -> bool {
        matches!(self, Self::SenderDomain | Self::RecipientDomain)
    }

    /// The attribute of the index that tells the value.
    pub(super) fn attribute(self) -> Option<Attribute> {
        Some(match self {
            Self::Event => Attribute::Event,
            Self::Rule => Attribute::Rule,
            Self::Status => Attribute::Status,
            Self::Spam => Attribute::Spam,
            Self::Dkim => Attribute::Dkim,
            Self::Dmarc => Attribute::Dmarc,
            Self::Spf => Attribute::Spf,
            Self::Folder => Attribute::Folder,
            _ => return None,
        })
    }

    /// The value as an event has it.
    pub(super) fn value_in<'e>(self, event: &'e Event<'_>) -> Option<&'e str> {
        let verdicts = &event.verdicts;
        match self {
            Self::Event => Some(event.name.as_str()),
            Self::Rule => event.rule_name.as_deref(),
            Self::Reason | Self::Cause => event.reason.as_deref(),
            Self::Status => event.status.as_deref(),
            Self::Spam => verdicts.spam.as_deref(),
            Self::Dkim => verdicts.dkim.as_deref(),
            Self::Dmarc => verdicts.dmarc.as_deref(),
            Self::Spf => verdicts.spf.as_deref(),
            Self::Folder => event.folder.as_deref().or(event.target_folder.as_deref()),
            _ => None,
        }
        .map(str::trim)
        .filter(|it| !it.is_empty())
    }
}

impl fmt::Display for CountKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
