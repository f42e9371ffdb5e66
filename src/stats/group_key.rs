//! What messages can be grouped by.

use super::Unit;

/// What stands between the two values of [`GroupKey::SenderRecipient`].
pub const PAIR_SEPARATOR: &str = " → ";

/// What messages are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupKey {
    /// Recipients by the reason of their bounce, as it was logged.
    Reason,
    /// Recipients by the cause of their bounce: [`super::cause_of`] its reason.
    Cause,
    /// Recipients by the status of their bounce.
    Status,
    /// Messages by who really sent them: `sender`, else `from`.
    Sender,
    /// Messages by the domain of the one who really sent them.
    SenderDomain,
    /// Recipients by their address.
    Recipient,
    /// Recipients by the domain of their address.
    RecipientDomain,
    /// Recipients by sender and address.
    SenderRecipient,
    /// Messages by each rule that was applied to them.
    Rule,
    /// Recipients by what became of the message for them.
    Outcome,
    /// Recipients by the folder that they have it in.
    Folder,
    /// Messages by the number of their recipients.
    RecipientCount,
    /// Messages by the hour of their first event.
    Hour,
    /// Messages by the day of their first event.
    Day,
}

impl GroupKey {
    /// Every key, in the order in which help lists them.
    pub const ALL: [Self; 14] = [
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
        Self::RecipientCount,
        Self::Hour,
        Self::Day,
    ];

    /// The name as it is typed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Cause => "cause",
            Self::Status => "status",
            Self::Sender => "sender",
            Self::SenderDomain => "sender-domain",
            Self::Recipient => "recipient",
            Self::RecipientDomain => "recipient-domain",
            Self::SenderRecipient => "sender-recipient",
            Self::Rule => "rule",
            Self::Outcome => "outcome",
            Self::Folder => "folder",
            Self::RecipientCount => "recipient-count",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Finds a key by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }

    /// What is counted when it is the only key.
    #[must_use]
    pub fn unit(self) -> Unit {
        match self {
            Self::Sender
            | Self::SenderDomain
            | Self::Rule
            | Self::RecipientCount
            | Self::Hour
            | Self::Day => Unit::Messages,
            _ => Unit::Recipients,
        }
    }
}
