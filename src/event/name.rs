//! The names of events.

use std::borrow::Cow;
use std::fmt;

/// The step of a message's way that an event reports.
///
/// Names that the administrator guide does not list are kept as text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum EventName<'a> {
    /// The organization received a message.
    OrganizationEmailReceived,
    /// A mailbox got it.
    MailboxEmailDelivered,
    /// A rule started.
    RuleApplied,
    /// A copy goes to the journal.
    JournalingInitiated,
    /// It bounced on the way in.
    IncomingEmailBounced,
    /// A user submitted a message.
    OutgoingEmailSubmitted,
    /// The next server accepted it.
    OutgoingEmailSent,
    /// It bounced on the way out.
    OutgoingEmailBounced,
    /// The sender's DMARC policy was applied to a received message.
    DmarcPolicyApplied,
    /// A name that is not documented, or none (empty).
    Other(Cow<'a, str>),
}

impl<'a> EventName<'a> {
    /// The nine documented names, in the order of the administrator guide.
    pub const DOCUMENTED: [EventName<'static>; 9] = [
        EventName::OrganizationEmailReceived,
        EventName::MailboxEmailDelivered,
        EventName::RuleApplied,
        EventName::JournalingInitiated,
        EventName::IncomingEmailBounced,
        EventName::OutgoingEmailSubmitted,
        EventName::OutgoingEmailSent,
        EventName::OutgoingEmailBounced,
        EventName::DmarcPolicyApplied,
    ];

    /// Reads a name.
    pub fn from_text(text: Cow<'a, str>) -> Self {
        match text.as_ref() {
            "ORGANIZATION_EMAIL_RECEIVED" => Self::OrganizationEmailReceived,
            "MAILBOX_EMAIL_DELIVERED" => Self::MailboxEmailDelivered,
            "RULE_APPLIED" => Self::RuleApplied,
            "JOURNALING_INITIATED" => Self::JournalingInitiated,
            "INCOMING_EMAIL_BOUNCED" => Self::IncomingEmailBounced,
            "OUTGOING_EMAIL_SUBMITTED" => Self::OutgoingEmailSubmitted,
            "OUTGOING_EMAIL_SENT" => Self::OutgoingEmailSent,
            "OUTGOING_EMAIL_BOUNCED" => Self::OutgoingEmailBounced,
            "DMARC_POLICY_APPLIED" => Self::DmarcPolicyApplied,
            _ => Self::Other(text),
        }
    }

    /// The name as WorkMail writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::OrganizationEmailReceived => "ORGANIZATION_EMAIL_RECEIVED",
            Self::MailboxEmailDelivered => "MAILBOX_EMAIL_DELIVERED",
            Self::RuleApplied => "RULE_APPLIED",
            Self::JournalingInitiated => "JOURNALING_INITIATED",
            Self::IncomingEmailBounced => "INCOMING_EMAIL_BOUNCED",
            Self::OutgoingEmailSubmitted => "OUTGOING_EMAIL_SUBMITTED",
            Self::OutgoingEmailSent => "OUTGOING_EMAIL_SENT",
            Self::OutgoingEmailBounced => "OUTGOING_EMAIL_BOUNCED",
            Self::DmarcPolicyApplied => "DMARC_POLICY_APPLIED",
            Self::Other(text) => text,
        }
    }

    /// Returns the word for it in lists of events and in queries; an undocumented name is its own
    /// word.
    pub fn label(&self) -> &str {
        match self {
            Self::OrganizationEmailReceived => "received",
            Self::MailboxEmailDelivered => "delivered",
            Self::RuleApplied => "rule",
            Self::JournalingInitiated => "journal",
            Self::IncomingEmailBounced => "bounced in",
            Self::OutgoingEmailSubmitted => "submitted",
            Self::OutgoingEmailSent => "sent",
            Self::OutgoingEmailBounced => "bounced out",
            Self::DmarcPolicyApplied => "DMARC",
            Self::Other(name) => name,
        }
    }

    /// True for a bounce in either direction.
    pub fn is_bounce(&self) -> bool {
        matches!(self, Self::IncomingEmailBounced | Self::OutgoingEmailBounced)
    }

    /// Detaches the name from the buffer it was parsed from.
    pub fn into_owned(self) -> EventName<'static> {
        match self {
            Self::Other(text) => EventName::Other(Cow::Owned(text.into_owned())),
            known => EventName::from_text(Cow::Owned(known.as_str().to_owned())),
        }
    }
}

impl Default for EventName<'_> {
    fn default() -> Self {
        Self::Other(Cow::Borrowed(""))
    }
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_name_reads_back() {
        for name in EventName::DOCUMENTED {
            assert_eq!(EventName::from_text(Cow::Borrowed(name.as_str())), name);
        }
    }

    #[test]
    fn an_unknown_name_is_kept_as_text() {
        let name = EventName::from_text(Cow::Borrowed("MAILBOX_EMAIL_RECALLED"));
        assert_eq!(name.as_str(), "MAILBOX_EMAIL_RECALLED");
    }
}
