//! The fields of audit events that a query may name.

use strum::VariantArray as _;

use crate::audit::AuditField;

/// A field of an audit event, or several fields with one meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum AccessField {
    /// The user: by ID, by the name that was typed, or by an address that the ID is known to have.
    User,
    /// The owner of the mailbox.
    Owner,
    /// The impersonator, who acted in the user's place.
    Impersonator,
    /// The source: an address, or a network such as `198.51.100.0/24`.
    Ip,
    /// The program that was used.
    Agent,
    /// The action.
    Action,
    Protocol,
    /// The type of the event.
    Type,
    /// The ID of the item.
    Item,
    /// Folder, Message or Attachment.
    Object,
    /// The folder's path or ID.
    Folder,
    /// The attachment's path.
    Attachment,
    /// Whether it was granted.
    Allowed,
    /// The scope of a rule.
    Scope,
    /// The rule that decided.
    Rule,
    /// The reason why somebody could not sign in.
    Reason,
    /// The token: its ID, its name or its scopes.
    Token,
    /// The domain of an availability provider.
    Domain,
    /// The error of an availability provider.
    Error,
    Request,
    /// The organization's ARN.
    Organization,
}

impl AccessField {
    /// Every field, in the order in which the help lists them.
    pub const ALL: [Self; 21] = *Self::VARIANTS.as_array().expect("each of them, once");

    /// The name in queries.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// The logged fields that hold its values; empty if the values come from elsewhere.
    pub fn logged(self) -> &'static [AuditField] {
        match self {
            Self::User => &[AuditField::UserId, AuditField::User],
            Self::Owner => &[AuditField::OwnerId],
            Self::Impersonator => &[AuditField::ImpersonatorId],
            Self::Ip => &[AuditField::SourceIp],
            Self::Agent => &[AuditField::UserAgent],
            Self::Action => &[AuditField::Action],
            Self::Protocol => &[AuditField::Protocol],
            Self::Type | Self::Allowed => &[],
            Self::Item => &[AuditField::ItemId],
            Self::Object => &[AuditField::ObjectType],
            Self::Folder => &[AuditField::FolderPath, AuditField::FolderId],
            Self::Attachment => &[AuditField::AttachmentPath],
            Self::Scope => &[AuditField::Scope],
            Self::Rule => &[AuditField::RuleId],
            Self::Reason => &[AuditField::AuthFailedReason],
            Self::Token => {
                &[AuditField::PersonalAccessTokenId, AuditField::Name, AuditField::Scopes]
            }
            Self::Domain => &[AuditField::Domain],
            Self::Error => &[AuditField::ErrorMessage],
            Self::Request => &[AuditField::RequestId],
            Self::Organization => &[AuditField::OrganizationArn],
        }
    }

    /// True if case matters in some of its values.
    pub fn is_case_sensitive(self) -> bool {
        self.logged().iter().any(|it| it.is_case_sensitive())
    }

    /// Finds a field by its name or by WorkMail's name for it, in any case, with or without
    /// hyphens.
    pub fn from_name(name: &str) -> Option<Self> {
        let plain = |it: &str| it.replace(['-', '_'], "").to_lowercase();
        let name = plain(name);
        let is_logged = |it: &AuditField| plain(it.key()) == name;
        let mut all = Self::ALL.into_iter();
        all.find(|it| it.name() == name)
            .or_else(|| Self::ALL.into_iter().find(|it| it.logged().iter().any(is_logged)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for field in AccessField::ALL {
            assert_eq!(AccessField::from_name(field.name()), Some(field));
        }
        assert_eq!(AccessField::from_name("source_ip"), Some(AccessField::Ip));
        assert_eq!(AccessField::from_name("userAgent"), Some(AccessField::Agent));
        assert_eq!(AccessField::from_name("subject"), None);
    }
}
