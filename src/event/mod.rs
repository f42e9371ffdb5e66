//! WorkMail email events: each reports one step of one message.
//!
//! The fields are those of the WorkMail administrator guide ("Monitoring email event logs"). No raw
//! event is public, so parsing is tolerant ([`parse`]). Addresses, message IDs and the shapes that
//! a field may take are normalised here and nowhere else. This module knows nothing of files,
//! CloudWatch or the store.

mod address;
mod address_finder;
mod address_text;
mod cause;
mod cause_word;
mod encoded_word;
mod escapes;
mod json;
mod message_id;
mod name;
mod parse;
mod pasted_id;
mod raw_members;
mod role;
mod status;
mod subject;

use std::borrow::Cow;

pub(crate) use address::is_plain_address;
pub use address::{Address, domain_of};
pub use address_finder::{each_address, first_address};
pub use address_text::{normal_address, normal_domain};
pub use cause::cause_of;
pub use message_id::MessageId;
pub use name::EventName;
pub use parse::{EventError, Parser};
pub use pasted_id::{is_bare_label, pasted_id};
pub use role::{Role, RoleKind};
pub use status::StatusCode;
pub use subject::decoded_subject;

use crate::time::Timestamp;

/// One parsed event. Text borrows from the parsed buffer where it can.
///
/// A field that the message lacks, or that holds `null` or an empty text, is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event<'a> {
    /// The ID that all events of a leg share. Empty if the log message has none.
    pub trace_id: Cow<'a, str>,
    /// The step that the event reports.
    pub name: EventName<'a>,
    /// The `Message-ID` header, on RECEIVED and SENT only.
    pub message_id: Option<MessageId<'a>>,
    /// The address on whose behalf the message was sent.
    pub from: Option<Address<'a>>,
    /// The actual sender, if that is somebody else.
    pub sender: Option<Address<'a>>,
    /// The subject as logged, perhaps still in RFC 2047 encoding.
    pub subject: Option<Cow<'a, str>>,
    /// `recipients`: the addresses that the message names.
    pub recipients: Vec<Address<'a>>,
    /// `recipient`: the mailbox or addressee that this event concerns.
    pub recipient: Vec<Address<'a>>,
    /// The recipients that a bounce concerns: `bouncedRecipient`, or `destination` in older logs.
    pub bounced: Vec<Address<'a>>,
    /// The RFC 3463 status of a bounce as three numbers, whatever its logged form; other texts as
    /// logged.
    pub status: Option<Cow<'a, str>>,
    /// The reason of a bounce in the other server's words.
    pub reason: Option<Cow<'a, str>>,
    /// The folder of a delivery.
    pub folder: Option<Cow<'a, str>>,
    /// `ruleName`.
    pub rule_name: Option<Cow<'a, str>>,
    /// `ruleType`: INBOUND_RULE, OUTBOUND_RULE or MAILBOX_RULE.
    pub rule_type: Option<Cow<'a, str>>,
    /// `ruleActions`.
    pub rule_actions: Vec<RuleAction<'a>>,
    /// The folder to which a mailbox rule moved or copied the message.
    pub target_folder: Option<Cow<'a, str>>,
    /// The addresses to which a mailbox rule forwarded or redirected the message.
    pub target_recipient: Vec<Address<'a>>,
    /// The addresses to which a journal copy goes.
    pub journaling_address: Vec<Address<'a>>,
    /// The results of the checks on arrival.
    pub verdicts: Verdicts<'a>,
    /// `policy` of DMARC_POLICY_APPLIED: NONE, QUARANTINE or REJECT.
    pub policy: Option<Cow<'a, str>>,
    /// `messageTimestamp`: the only time that a raw event carries.
    pub message_timestamp: Option<Timestamp>,
}

/// One action of a rule that started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleAction<'a> {
    /// The action's name as logged.
    pub action: Cow<'a, str>,
    /// The recipients to whom it applied. Empty means everybody.
    pub recipients: Vec<Address<'a>>,
}

/// The results of the checks on arrival, each as logged: PASS, FAIL, GRAY, PROCESSING_FAILED or
/// DISABLED.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdicts<'a> {
    /// `spamVerdict`.
    pub spam: Option<Cow<'a, str>>,
    /// `dkimVerdict`.
    pub dkim: Option<Cow<'a, str>>,
    /// `dmarcVerdict`.
    pub dmarc: Option<Cow<'a, str>>,
    /// `spfVerdict`.
    pub spf: Option<Cow<'a, str>>,
    /// `dmarcPolicy`, only when the DMARC verdict is FAIL.
    pub dmarc_policy: Option<Cow<'a, str>>,
}

impl Event<'_> {
    /// Detaches the event from the buffer it was parsed from.
    pub fn into_owned(self) -> Event<'static> {
        Event {
            trace_id: own(self.trace_id),
            name: self.name.into_owned(),
            message_id: self.message_id.map(MessageId::into_owned),
            from: self.from.map(Address::into_owned),
            sender: self.sender.map(Address::into_owned),
            subject: self.subject.map(own),
            recipients: own_all(self.recipients),
            recipient: own_all(self.recipient),
            bounced: own_all(self.bounced),
            status: self.status.map(own),
            reason: self.reason.map(own),
            folder: self.folder.map(own),
            rule_name: self.rule_name.map(own),
            rule_type: self.rule_type.map(own),
            rule_actions: self
                .rule_actions
                .into_iter()
                .map(|it| RuleAction { action: own(it.action), recipients: own_all(it.recipients) })
                .collect(),
            target_folder: self.target_folder.map(own),
            target_recipient: own_all(self.target_recipient),
            journaling_address: own_all(self.journaling_address),
            verdicts: Verdicts {
                spam: self.verdicts.spam.map(own),
                dkim: self.verdicts.dkim.map(own),
                dmarc: self.verdicts.dmarc.map(own),
                spf: self.verdicts.spf.map(own),
                dmarc_policy: self.verdicts.dmarc_policy.map(own),
            },
            policy: self.policy.map(own),
            message_timestamp: self.message_timestamp,
        }
    }

    /// Returns every address that is a recipient in any sense: named, delivered to, bounced, the
    /// target of a rule or of the journal. An address may occur more than once.
    pub fn all_recipients(&self) -> impl Iterator<Item = &Address<'_>> {
        self.recipients
            .iter()
            .chain(&self.recipient)
            .chain(&self.bounced)
            .chain(&self.target_recipient)
            .chain(&self.journaling_address)
            .chain(self.rule_actions.iter().flat_map(|it| &it.recipients))
    }
}

fn own(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn own_all(addresses: Vec<Address<'_>>) -> Vec<Address<'static>> {
    addresses.into_iter().map(Address::into_owned).collect()
}
