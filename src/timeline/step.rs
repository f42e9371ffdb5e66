//! One thing that happened, or several similar ones.

use strum::{IntoStaticStr, VariantArray};

use super::who::Person;
use crate::time::Timestamp;

/// The kind of log that reports something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Side {
    Access,
    Mail,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    IntoStaticStr,
    strum::Display,
    VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum StepKind {
    /// Somebody tried to sign in, and could not.
    LoginFailed,
    Login,
    /// A rule or a missing permission kept somebody out.
    Denied,
    /// A rule let somebody in.
    Granted,
    /// A personal access token was created.
    TokenCreated,
    /// A personal access token was deleted.
    TokenDeleted,
    Read,
    /// Something was created in a mailbox.
    Created,
    Updated,
    Moved,
    Copied,
    Deleted,
    /// A message was submitted for sending.
    Submitted,
    /// Something else was done in a mailbox.
    Other,
    MailSent,
    /// A sent message bounced.
    MailBounced,
    MailReceived,
    /// A message to the person bounced.
    MailRefused,
    /// A rule acted on mail.
    Rule,
}

impl StepKind {
    pub const ALL: [Self; 19] = *Self::VARIANTS.as_array().expect("each of them, once");

    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The kind of log that reports it.
    pub fn side(self) -> Side {
        match self {
            Self::MailSent
            | Self::MailBounced
            | Self::MailReceived
            | Self::MailRefused
            | Self::Rule => Side::Mail,
            _ => Side::Access,
        }
    }

    /// The words for one or several.
    pub fn in_words(self, count: u64) -> String {
        let (one, many) = match self {
            Self::LoginFailed => ("login failed", "logins failed"),
            Self::Login => ("login", "logins"),
            Self::Denied => ("access denied", "accesses denied"),
            Self::Granted => ("access granted", "accesses granted"),
            Self::TokenCreated => ("access token created", "access tokens created"),
            Self::TokenDeleted => ("access token deleted", "access tokens deleted"),
            Self::Read => ("read", "reads"),
            Self::Created => ("item created", "items created"),
            Self::Updated => ("change", "changes"),
            Self::Moved => ("item moved", "items moved"),
            Self::Copied => ("item copied", "items copied"),
            Self::Deleted => ("item deleted", "items deleted"),
            Self::Submitted => ("mail submitted", "mails submitted"),
            Self::Other => ("other operation", "other operations"),
            Self::MailSent => ("mail sent", "mails sent"),
            Self::MailBounced => ("sent mail bounced", "sent mails bounced"),
            Self::MailReceived => ("mail received", "mails received"),
            Self::MailRefused => ("mail to them bounced", "mails to them bounced"),
            Self::Rule => ("rule acted", "rules acted"),
        };
        if count == 1 { one.to_owned() } else { format!("{count} {many}") }
    }
}

/// One thing that happened, or several similar ones in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub kind: StepKind,
    pub first: Timestamp,
    pub last: Timestamp,
    /// The number of events.
    pub count: u64,
    /// The person who did it, if somebody else.
    pub actor: Option<Person>,
    /// The person whose mailbox it was, if somebody else.
    pub mailbox: Option<Person>,
    pub source_ip: Option<String>,
    /// Whether nothing of this person had come from this address before.
    pub is_new_ip: bool,
    pub protocol: Option<String>,
    pub user_agent: Option<String>,
    /// The folder, if it was the same each time.
    pub folder: Option<String>,
    /// The subject, reason, rule name or token name of the first event.
    pub text: Option<String>,
    /// Some of the addresses at the other end.
    pub peers: Vec<String>,
    pub peer_count: u64,
    /// Some of the trace IDs of mail, or of the item IDs.
    pub ids: Vec<String>,
}

impl Step {
    /// A step of which only kind and time are known.
    pub fn new(kind: StepKind, at: Timestamp) -> Self {
        Self {
            kind,
            first: at,
            last: at,
            count: 1,
            actor: None,
            mailbox: None,
            source_ip: None,
            is_new_ip: false,
            protocol: None,
            user_agent: None,
            folder: None,
            text: None,
            peers: Vec::new(),
            peer_count: 0,
            ids: Vec::new(),
        }
    }
}
