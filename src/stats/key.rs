//! The keys that things are counted by, and the units that are counted.

use crate::event::Event;
use crate::store::Attribute;
use crate::time::WEEKDAYS;
use crate::trace::SelectedMessage;

/// A key that things are counted by.
///
/// A key alone does not say what is counted: a cause belongs to a bounce, and to the recipient for
/// whom the bounce decided. Whole stores are counted in [`CountKey::counted_unit`], messages in
/// [`CountKey::grouped_unit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum CountKey {
    /// The name of an event.
    Event,
    /// The direction of a leg.
    Direction,
    /// The real sender of a message: `sender`, else `from`.
    Sender,
    /// The domain of a message's real sender.
    SenderDomain,
    /// The address of a recipient.
    Recipient,
    /// The domain of a recipient's address.
    RecipientDomain,
    /// The sender of a message and the address of a recipient.
    SenderRecipient,
    /// The outcome of a message for a recipient.
    Outcome,
    /// The folder of a delivery, or of a recipient's message.
    Folder,
    /// The rule that an event names, or each rule that was applied to a message.
    Rule,
    /// The reason of a bounce, as it was logged.
    Reason,
    /// The cause of a bounce: [`super::cause_of`] its reason.
    Cause,
    /// The status of a bounce.
    Status,
    /// The spam verdict.
    Spam,
    /// The DKIM verdict.
    Dkim,
    /// The DMARC verdict.
    Dmarc,
    /// The SPF verdict.
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
    /// The weekday of a message's first event.
    Weekday,
    /// The hour of the day of a message's first event.
    HourOfDay,
}

/// A unit of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Unit {
    /// Events, by their time.
    Events,
    /// Legs, by the time of their first event.
    Legs,
    /// Messages, by the time of their first event.
    Messages,
    /// Recipients: each address of each message once, by the time of the message's first event.
    Recipients,
}

impl Unit {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Returns the number of these in a selected message.
    pub(super) fn count_of(self, found: &SelectedMessage<'_>) -> usize {
        if self == Self::Recipients { found.recipient_count() } else { 1 }
    }
}

impl CountKey {
    /// The keys that messages are counted by beside a list, by default.
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

    /// Returns the name as it is typed.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Finds a key by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        { Self::COUNTED.into_iter().chain(Self::GROUPED) }.find(|it| it.as_str() == name)
    }

    /// Returns the unit in which whole stores are counted: events, if single events have the value.
    pub fn counted_unit(self) -> Unit {
        match self {
            Self::Direction => Unit::Legs,
            _ if self.is_of_events() || self.is_of_reasons() => Unit::Events,
            _ => self.grouped_unit(),
        }
    }

    /// Returns the unit in which messages are counted if it is the only key: recipients, if it is
    /// about one of them.
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

    /// True if its values have an order of their own.
    pub fn is_in_order(self) -> bool {
        matches!(self, Self::Weekday | Self::HourOfDay)
    }

    /// Returns the position of a value in that order.
    pub(super) fn place_in_order(self, value: &str) -> (usize, &str) {
        let weekday = |it: &&str| self == Self::Weekday && *it == value;
        // Hours are `HH:00`, which sorts as text.
        (WEEKDAYS.iter().position(weekday).unwrap_or(0), value)
    }

    /// True if single events have such values, so that each is a term of the index.
    pub fn is_of_events(self) -> bool {
        self.attribute().is_some()
    }

    /// True if the values come from the reason of a bounce, which only the originals have.
    pub(super) fn is_of_reasons(self) -> bool {
        matches!(self, Self::Reason | Self::Cause)
    }

    /// Returns the attribute of the index that has the value.
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

    /// Returns the value as an event has it.
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
