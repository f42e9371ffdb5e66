//! What can be counted by, and what is counted.

use crate::event::Event;
use crate::store::Attribute;
use crate::time::WEEKDAYS;
use crate::trace::SelectedMessage;

/// What things are counted by.
///
/// A key alone does not say what is counted: a cause is that of a bounce, and of the recipient for
/// whom it decided. Whole stores are counted by [`CountKey::counted_unit`], what became of messages
/// by [`CountKey::grouped_unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum CountKey {
    /// The name of an event.
    Event,
    /// Which way a leg goes.
    Direction,
    /// Who really sent a message: `sender`, else `from`.
    Sender,
    /// The domain of the one who really sent a message.
    SenderDomain,
    /// The address of a recipient.
    Recipient,
    /// The domain of a recipient's address.
    RecipientDomain,
    /// The sender of a message and the address of a recipient.
    SenderRecipient,
    /// What became of a message for a recipient.
    Outcome,
    /// The folder of a delivery, or that a recipient has a message in.
    Folder,
    /// The rule that an event names, or each that was applied to a message.
    Rule,
    /// The reason of a bounce, as it was logged.
    Reason,
    /// The cause of a bounce: [`super::cause_of`] its reason.
    Cause,
    /// The status of a bounce.
    Status,
    /// The verdict on spam.
    Spam,
    /// The verdict on DKIM.
    Dkim,
    /// The verdict on DMARC.
    Dmarc,
    /// The verdict on SPF.
    Spf,
    /// The subject of a message.
    Subject,
    /// The number of a message's recipients.
    RecipientCount,
    /// The hour of a message's first event.
    Hour,
    /// The day of a message's first event.
    Day,
    /// The week of a message's first event.
    Week,
    /// The day of the week of a message's first event.
    Weekday,
    /// The hour of the day of a message's first event.
    HourOfDay,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
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
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How many there are of these in a message that is asked for.
    pub(super) fn count_of(self, found: &SelectedMessage<'_>) -> usize {
        if self == Self::Recipients { found.recipient_count() } else { 1 }
    }
}

impl CountKey {
    /// What messages are counted by beside a list, where nothing else is said.
    pub const USUAL_FACETS: [Self; 6] = [
        Self::Outcome,
        Self::SenderDomain,
        Self::RecipientDomain,
        Self::Folder,
        Self::Cause,
        Self::Rule,
    ];

    /// The keys that whole stores are counted by, in the order in which help lists them.
    pub const COUNTED: [Self; 18] = [
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

    /// The keys that messages are grouped by, in the order in which help lists them.
    pub const GROUPED: [Self; 18] = [
        Self::Reason,
        Self::Cause,
        Self::Status,
        Self::Sender,
        Self::SenderDomain,
        Self::Recipient,
        Self::RecipientDomain,
        Self::SenderRecipient,
        Self::Rule,
        Self::Outcome,
        Self::Folder,
        Self::Subject,
        Self::RecipientCount,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Weekday,
        Self::HourOfDay,
    ];

    /// The name as it is typed.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Finds a key by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        { Self::COUNTED.into_iter().chain(Self::GROUPED) }.find(|it| it.as_str() == name)
    }

    /// What of a whole store is counted by it: where single events have the value, these.
    pub fn counted_unit(self) -> Unit {
        match self {
            Self::Direction => Unit::Legs,
            _ if self.is_of_events() || self.is_of_reasons() => Unit::Events,
            _ => self.grouped_unit(),
        }
    }

    /// What of messages is counted by it when it is the only key: where it is about one of their
    /// recipients, these.
    pub fn grouped_unit(self) -> Unit {
        match self {
            Self::Sender
            | Self::SenderDomain
            | Self::Rule
            | Self::Subject
            | Self::RecipientCount
            | Self::Hour
            | Self::Day
            | Self::Week
            | Self::Weekday
            | Self::HourOfDay => Unit::Messages,
            _ => Unit::Recipients,
        }
    }

    /// Whether its values follow one another in an order of their own.
    pub fn is_in_order(self) -> bool {
        matches!(self, Self::Weekday | Self::HourOfDay)
    }

    /// The place of a value in that order.
    pub(super) fn place_in_order(self, value: &str) -> (usize, &str) {
        let weekday = |it: &&str| self == Self::Weekday && *it == value;
        (WEEKDAYS.iter().position(weekday).unwrap_or(0), value)
    }

    /// Whether single events have such values, so that each is a term of the index.
    pub fn is_of_events(self) -> bool {
        self.attribute().is_some()
    }

    /// Whether the values are in what was said of a bounce, which the originals alone have.
    pub(super) fn is_of_reasons(self) -> bool {
        matches!(self, Self::Reason | Self::Cause)
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
