//! What part an event plays in the outcome of its message.

use super::{Address, Event, EventName, RuleAction};

/// What an event says of the addresses that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RoleKind {
    /// Nothing.
    Other = 0,
    /// They are whom the message is for.
    Named = 1,
    /// A mailbox got it.
    Delivered = 2,
    /// The next server accepted it.
    Sent = 3,
    Bounced = 4,
    /// A rule dropped it, if it is for them at all.
    Dropped = 5,
}

/// Everything about an event that decides its message's outcome, but for its time and its
/// addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Role {
    /// What it says of its addresses.
    pub kind: RoleKind,
    /// Whether only an outgoing leg has it.
    pub is_outgoing: bool,
    /// Whether it says that the sender's policy turned the message away.
    pub is_rejecting: bool,
    /// Whether it says that the sender's policy set the message apart.
    pub is_quarantining: bool,
    /// Whether it says that a rule dropped the message for everybody.
    pub is_dropping: bool,
    /// Whether this is not all: only the event itself tells.
    pub is_partial: bool,
}

impl Role {
    /// The part that an event plays.
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
            is_partial: kind != RoleKind::Other
                && event.spoken_of(kind).count() < event.all_recipients().count(),
        }
    }

    /// The role as a number.
    pub fn to_bits(self) -> u8 {
        let flags = [
            self.is_outgoing,
            self.is_rejecting,
            self.is_quarantining,
            self.is_dropping,
            self.is_partial,
        ];
        flags.iter().fold(0, |bits, flag| bits << 1 | u8::from(*flag)) << 3 | self.kind as u8
    }

    /// The role of a number that [`Role::to_bits`] gave.
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

/// The actions of a rule that keep the message from its recipients.
fn dropping_actions<'e, 'a>(event: &'e Event<'a>) -> impl Iterator<Item = &'e RuleAction<'a>> {
    event.rule_actions.iter().filter(|it| is_rule(event) && it.is_dropping())
}

impl<'a> Event<'a> {
    /// Whom a delivery, a hand-over or a bounce is about. The documented field first; a shape that
    /// the guide does not show must not make a recipient look lost.
    pub fn addressees(&self) -> &[Address<'a>] {
        let documented = if self.name.is_bounce() {
            [&self.bounced, &self.recipient]
        } else {
            [&self.recipient, &self.bounced]
        };
        documented.into_iter().find(|it| !it.is_empty()).unwrap_or(&self.recipients)
    }

    /// Those whom the event speaks of in a role: nobody where that says nothing of them.
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

    /// Whether only an outgoing leg has such an event, be its name documented or not.
    pub fn is_outgoing(&self) -> bool {
        self.name.as_str().starts_with("OUTGOING_")
            || (is_rule(self)
                && self.rule_type.as_deref().is_some_and(|it| it.trim() == "OUTBOUND_RULE"))
    }
}

impl RuleAction<'_> {
    /// Whether it keeps the message from its recipients.
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
