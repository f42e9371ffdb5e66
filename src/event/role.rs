//! The role of an event in its message's outcome.

use super::{Address, Event, EventName, RuleAction};

/// The statement of an event about the addresses that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RoleKind {
    /// Nothing.
    Other = 0,
    /// The message is for them.
    Named = 1,
    /// A mailbox got it.
    Delivered = 2,
    /// The next server accepted it.
    Sent = 3,
    Bounced = 4,
    /// A rule dropped the message, if it is for them at all.
    Dropped = 5,
}

/// Everything in an event that decides its message's outcome, except its time and addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// The event's statement about its addresses.
    pub kind: RoleKind,
    /// True if only an outgoing leg has it.
    pub is_outgoing: bool,
    /// True if the sender's policy rejected the message.
    pub is_rejecting: bool,
    /// True if the sender's policy quarantined the message.
    pub is_quarantining: bool,
    /// True if a rule dropped the message for everybody.
    pub is_dropping: bool,
    /// True if the role is incomplete, and only the event itself has the rest.
    pub is_partial: bool,
}

impl Role {
    /// Returns the role of an event.
    pub fn of(event: &Event<'_>) -> Self {
        let kind = match event.name {
            EventName::OutgoingEmailSubmitted
            | EventName::OrganizationEmailReceived
            | EventName::DmarcPolicyApplied => RoleKind::Named,
            EventName::MailboxEmailDelivered => RoleKind::Delivered,
            EventName::OutgoingEmailSent => RoleKind::Sent,
            EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => RoleKind::Bounced,
            EventName::RuleApplied if event.spoken_of(RoleKind::Dropped).next().is_some() => {
                RoleKind::Dropped
            }
            EventName::RuleApplied | EventName::JournalingInitiated | EventName::Other(_) => {
                RoleKind::Other
            }
        };
        let is_policy = |name: &str| {
            event.name == EventName::DmarcPolicyApplied
                && event.policy.as_deref().is_some_and(|it| it.trim().eq_ignore_ascii_case(name))
        };
        Self {
            kind,
            is_outgoing: event.is_outgoing(),
            is_rejecting: is_policy("REJECT"),
            is_quarantining: is_policy("QUARANTINE"),
            is_dropping: dropping_actions(event).any(|it| it.recipients.is_empty()),
            // The index has all addresses of an event together, not which of them this is about.
            is_partial: kind != RoleKind::Other
                && event.spoken_of(kind).count() < event.all_recipients().count(),
        }
    }

    /// Encodes the role.
    pub fn to_bits(self) -> u8 {
        // The kind takes the low three bits and the flags the other five, so that a role is one
        // byte.
        let flags = [
            self.is_outgoing,
            self.is_rejecting,
            self.is_quarantining,
            self.is_dropping,
            self.is_partial,
        ];
        flags.iter().fold(0, |bits, flag| bits << 1 | u8::from(*flag)) << 3 | self.kind as u8
    }

    /// Decodes a role that [`Role::to_bits`] encoded.
    pub fn from_bits(bits: u8) -> Self {
        let flag = |place: u8| bits >> (place + 3) & 1 == 1;
        Self {
            kind: match bits & 7 {
                1 => RoleKind::Named,
                2 => RoleKind::Delivered,
                3 => RoleKind::Sent,
                4 => RoleKind::Bounced,
                5 => RoleKind::Dropped,
                _ => RoleKind::Other,
            },
            is_outgoing: flag(4),
            is_rejecting: flag(3),
            is_quarantining: flag(2),
            is_dropping: flag(1),
            is_partial: flag(0),
        }
    }
}

fn is_rule(event: &Event<'_>) -> bool {
    event.name == EventName::RuleApplied
}

/// Returns a rule's actions that keep the message from its recipients.
fn dropping_actions<'e, 'a>(event: &'e Event<'a>) -> impl Iterator<Item = &'e RuleAction<'a>> {
    event.rule_actions.iter().filter(|it| is_rule(event) && it.is_dropping())
}

impl<'a> Event<'a> {
    /// Returns whom a delivery, a hand-over or a bounce concerns. The documented field goes first;
    /// a shape that the guide does not show must not make a recipient look lost.
    pub fn addressees(&self) -> &[Address<'a>] {
        let documented = if self.name.is_bounce() {
            [&self.bounced, &self.recipient]
        } else {
            [&self.recipient, &self.bounced]
        };
        documented.into_iter().find(|it| !it.is_empty()).unwrap_or(&self.recipients)
    }

    /// Returns the addresses about which the event makes this statement.
    pub fn spoken_of(&self, kind: RoleKind) -> impl Iterator<Item = &Address<'a>> {
        let (addresses, is_dropped): (&[Address<'a>], bool) = match kind {
            RoleKind::Other => (&[], false),
            RoleKind::Named => (&self.recipients, false),
            RoleKind::Delivered | RoleKind::Sent | RoleKind::Bounced => (self.addressees(), false),
            RoleKind::Dropped => (&[], true),
        };
        let dropped = dropping_actions(self).filter(move |_| is_dropped);
        addresses.iter().chain(dropped.flat_map(|it| &it.recipients))
    }

    /// True if only an outgoing leg has such an event, be its name documented or not.
    pub fn is_outgoing(&self) -> bool {
        self.name.as_str().starts_with("OUTGOING_")
            || (is_rule(self)
                && self.rule_type.as_deref().is_some_and(|it| it.trim() == "OUTBOUND_RULE"))
    }
}

impl RuleAction<'_> {
    /// True if the action keeps the message from its recipients.
    pub fn is_dropping(&self) -> bool {
        let action = self.action.to_ascii_lowercase();
        action.contains("drop") || action.contains("bounce")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Parser;

    fn role(event: &str) -> Role {
        Role::of(&Parser::new().parse(&format!(r#"{{"traceId":"t","event":{event}}}"#)).unwrap())
    }

    #[test]
    fn every_role_survives_its_number() {
        for bits in 0..=u8::MAX {
            let role = Role::from_bits(bits);
            assert_eq!(Role::from_bits(role.to_bits()), role, "{bits}");
        }
    }

    #[test]
    fn what_an_event_leaves_to_itself_is_told() {
        let drop_all = r#"{"eventName":"RULE_APPLIED","ruleActions":[{"action":"DROP"}]}"#;
        assert!(role(drop_all).is_dropping && !role(drop_all).is_partial);
        let drop_one = r#"{"eventName":"RULE_APPLIED","ruleActions":[{"action":"DROP","recipients":["a@b"]}]}"#;
        assert!(!role(drop_one).is_dropping && !role(drop_one).is_partial);
        assert_eq!(role(drop_one).kind, RoleKind::Dropped);
        let forward_too = r#"{"eventName":"RULE_APPLIED","ruleActions":[{"action":"DROP","recipients":["a@b"]}],"targetRecipient":"c@d"}"#;
        assert!(role(forward_too).is_partial);
        let plain = r#"{"eventName":"MAILBOX_EMAIL_DELIVERED","recipient":"a@b"}"#;
        assert!(!role(plain).is_partial);
        let both =
            r#"{"eventName":"MAILBOX_EMAIL_DELIVERED","recipient":"a@b","recipients":["c@d"]}"#;
        assert!(role(both).is_partial);
        let other = r#"{"eventName":"MAILBOX_EMAIL_DELIVERED","recipients":["c@d"]}"#;
        assert!(!role(other).is_partial);
        let policy =
            r#"{"eventName":"DMARC_POLICY_APPLIED","recipients":["a@b"],"policy":" reject"}"#;
        assert!(role(policy).is_rejecting && role(policy).kind == RoleKind::Named);
    }
}
