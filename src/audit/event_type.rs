//! The audit log of WorkMail that an event belongs to.

use strum::VariantArray as _;

use super::AuditField;

/// The type of an audit event. Events do not name it; it follows from their fields.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::Display,
    strum::VariantArray,
)]
#[strum(serialize_all = "kebab-case")]
pub enum AuditType {
    /// Somebody did something to a folder, a message or an attachment.
    MailboxAccess,
    /// A rule let somebody in, or did not.
    AccessControl,
    /// Somebody signed in, or tried to.
    Authentication,
    /// Somebody made or removed a personal access token.
    PersonalAccessToken,
    /// WorkMail asked another system whether somebody is free.
    AvailabilityProvider,
    /// None of these, as far as the fields show.
    #[default]
    Unknown,
}

impl AuditType {
    pub const ALL: [Self; 6] = *Self::VARIANTS.as_array().expect("each of them, once");

    /// The name in queries and answers: `mailbox-access`, `access-control`, `authentication`,
    /// `personal-access-token`, `availability-provider` or `unknown`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Finds a type by its name, AWS's name of the log, or a prefix of either.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase().replace('_', "-");
        let text = text.trim_start_matches("workmail-").trim_end_matches("-logs");
        // A prefix must fit one type only: a wrong guess would hide events.
        let mut named = Self::ALL.into_iter().filter(|it| it.as_str().starts_with(text));
        named
            .next()
            .filter(|first| !text.is_empty() && (first.as_str() == text || named.next().is_none()))
    }

    /// The field in which events of the type say whether the request was granted.
    pub fn result_field(self) -> Option<AuditField> {
        match self {
            Self::MailboxAccess => Some(AuditField::ActionAllowed),
            Self::AccessControl => Some(AuditField::AccessGranted),
            Self::Authentication => Some(AuditField::AuthSuccessful),
            Self::AvailabilityProvider => Some(AuditField::AvailabilityEventSuccessful),
            Self::PersonalAccessToken | Self::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_known_by_its_name_awss_name_and_its_beginning() {
        for it in AuditType::ALL {
            assert_eq!(AuditType::parse(it.as_str()), Some(it));
        }
        for (text, expect) in [
            ("WORKMAIL_MAILBOX_ACCESS_LOGS", Some(AuditType::MailboxAccess)),
            ("AUTHENTICATION_LOGS", Some(AuditType::Authentication)),
            ("auth", Some(AuditType::Authentication)),
            ("a", None),
            ("", None),
            ("mail", Some(AuditType::MailboxAccess)),
            ("login", None),
        ] {
            assert_eq!(AuditType::parse(text), expect, "{text}");
        }
    }
}
