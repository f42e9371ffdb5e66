//! The role of a string in an event's JSON, by the members around it.

use super::json_text::{Path, TextPlace};

/// The treatment of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// An address, or its owner's name.
    Address,
    Subject,
    MessageId,
    /// A key that joins legs: different ones must stay different, and equal ones equal.
    Key,
    /// The name of a member, if it looks like one.
    Member,
    /// A word of WorkMail's own vocabulary, if it looks like one.
    Word,
    /// The ID of a person in the organization.
    Person,
    Network,
    /// A domain name.
    Domain,
    /// Anything that people or servers wrote.
    Text,
}

/// Members that hold addresses in any shape, in lower case.
const ADDRESSES: [&str; 12] = [
    "from",
    "sender",
    "recipients",
    "recipient",
    "bouncedrecipient",
    "bouncedrecipients",
    "destination",
    "targetrecipient",
    "journalingaddress",
    "replyto",
    "emailaddress",
    "address",
];

/// Members of an address object that hold something else.
const NOT_ADDRESSES: [&str; 4] = ["status", "reason", "action", "diagnosticcode"];

const WORDS: [&str; 12] = [
    "eventname",
    "spamverdict",
    "dkimverdict",
    "dmarcverdict",
    "spfverdict",
    "dmarcpolicy",
    "policy",
    "ruletype",
    "action",
    "status",
    "messagetimestamp",
    "timestamp",
];

const MESSAGE_IDS: [&str; 3] = ["messageid", "inreplyto", "references"];

impl Treatment {
    pub(super) fn of(path: &Path<'_>, place: TextPlace) -> Self {
        if place == TextPlace::Key {
            return Self::Member;
        }
        let keys: Vec<String> = path.keys().map(folded).collect();
        let is_any = |names: &[&str]| keys.iter().any(|it| names.contains(&it.as_str()));
        let is_own = |names: &[&str]| keys.first().is_some_and(|it| names.contains(&it.as_str()));
        // Any enclosing member counts, as an address may be nested in objects and lists; exceptions
        // count only for the member itself.
        if is_any(&["subject"]) {
            Self::Subject
        } else if is_any(&MESSAGE_IDS) {
            Self::MessageId
        } else if is_own(&["traceid"]) {
            Self::Key
        } else if is_any(&ADDRESSES) && !is_own(&NOT_ADDRESSES) {
            Self::Address
        } else if is_any(&WORDS) {
            Self::Word
        } else {
            Self::Text
        }
    }
}

/// Members of audit events that hold a person's ID.
const PEOPLE: [&str; 3] = ["userid", "impersonatorid", "ownerid"];

/// Members of audit events that hold IDs of things, which join events.
const THINGS: [&str; 6] =
    ["itemid", "folderid", "requestid", "ruleid", "personalaccesstokenid", "organizationarn"];

/// Members of audit events that hold words of WorkMail's own vocabulary.
const VOCABULARY: [&str; 10] = [
    "action",
    "objecttype",
    "protocol",
    "method",
    "scope",
    "type",
    "actionallowed",
    "accessgranted",
    "authsuccessful",
    "availabilityeventsuccessful",
];

impl Treatment {
    /// Returns the treatment of a string in an audit event.
    pub(super) fn in_audit_event(path: &Path<'_>, place: TextPlace) -> Self {
        let own = match place {
            TextPlace::Key => return Self::Member,
            TextPlace::Value => path.keys().next().map_or_else(String::new, folded),
        };
        let is_one_of = |names: &[&str]| names.contains(&own.as_str());
        match own.as_str() {
            "user" => Self::Address,
            "sourceip" => Self::Network,
            "domain" => Self::Domain,
            _ if is_one_of(&PEOPLE) => Self::Person,
            _ if is_one_of(&THINGS) => Self::Key,
            _ if is_one_of(&VOCABULARY) => Self::Member,
            _ => Self::Text,
        }
    }
}

/// Normalises a member's name, so that `messageId` and `message-id` are the same.
fn folded(name: &str) -> String {
    name.chars().filter(|it| it.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// True if this could be the name of a member, which must stay whatever a subject says.
pub(super) fn is_member(name: &str) -> bool {
    const BYTES_MAX: usize = 64;
    name.len() <= BYTES_MAX && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

/// True if WorkMail itself writes such a text: a name in capitals, a status, a time.
pub(super) fn is_word(text: &str) -> bool {
    const BYTES_MAX: usize = 64;
    let is_part = |it: u8| {
        it.is_ascii_uppercase()
            || it.is_ascii_digit()
            || matches!(it, b'_' | b'.' | b'-' | b':' | b'+')
    };
    text.len() <= BYTES_MAX && text.bytes().all(is_part)
}
