//! The fields of audit events.

use strum::{IntoStaticStr, VariantArray};

/// A field of an audit event, with its logged name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case")]
#[repr(usize)]
pub enum AuditField {
    /// `user_id`: the ID of the authenticated user.
    UserId,
    /// `impersonator_id`: the user who acted in their place.
    ImpersonatorId,
    /// `owner_id`: the owner of the mailbox.
    OwnerId,
    /// `user`: the name that was typed, usually an address.
    User,
    Protocol,
    SourceIp,
    UserAgent,
    Action,
    /// `object_type`: Folder, Message or Attachment.
    ObjectType,
    ItemId,
    FolderPath,
    FolderId,
    AttachmentPath,
    ActionAllowed,
    /// `scope` of access control.
    Scope,
    RuleId,
    AccessGranted,
    /// `method` of authentication.
    Method,
    AuthSuccessful,
    AuthFailedReason,
    PersonalAccessTokenId,
    /// `name` of a token.
    Name,
    /// `expires_time` of a token.
    ExpiresTime,
    /// `scopes` of a token.
    Scopes,
    /// `type` of an availability provider.
    #[strum(serialize = "type")]
    ProviderType,
    /// `domain` of an availability provider.
    Domain,
    FunctionArn,
    EwsEndpoint,
    ErrorMessage,
    AvailabilityEventSuccessful,
    RequestId,
    OrganizationArn,
}

impl AuditField {
    pub const COUNT: usize = 32;

    /// Every field, in the order in which answers show them.
    pub const ALL: [Self; Self::COUNT] = *Self::VARIANTS.as_array().expect("each of them, once");

    /// The fields that hold somebody's ID.
    pub const PEOPLE: [Self; 3] = [Self::UserId, Self::OwnerId, Self::ImpersonatorId];

    /// The fields that say whether the request was granted.
    pub const RESULTS: [Self; 4] = [
        Self::ActionAllowed,
        Self::AccessGranted,
        Self::AuthSuccessful,
        Self::AvailabilityEventSuccessful,
    ];

    /// The logged name.
    pub fn key(self) -> &'static str {
        self.into()
    }

    /// Finds a field by its logged name.
    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.key() == key)
    }

    /// True if its values are opaque IDs in which case matters.
    pub fn is_case_sensitive(self) -> bool {
        // Item IDs are opaque, so two of them may differ only in case.
        self == Self::ItemId
    }
}

/// A yes or no as it was logged: a JSON boolean, or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag<'a> {
    /// `true`.
    Yes,
    /// `false`.
    No,
    /// Something else.
    Other(&'a str),
}

impl<'a> Flag<'a> {
    pub fn of(text: &'a str) -> Self {
        // No raw event is public, so texts and numbers are accepted beside JSON's booleans.
        match text.trim() {
            it if it.eq_ignore_ascii_case("true") || it == "1" => Self::Yes,
            it if it.eq_ignore_ascii_case("false") || it == "0" => Self::No,
            it => Self::Other(it),
        }
    }

    /// `true`, `false`, or the text as it was logged.
    pub fn as_str(self) -> &'a str {
        match self {
            Self::Yes => "true",
            Self::No => "false",
            Self::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_fields_stand_at_their_numbers_and_have_keys_of_their_own() {
        for (number, field) in AuditField::ALL.into_iter().enumerate() {
            assert_eq!(field as usize, number);
            assert_eq!(AuditField::of_key(field.key()), Some(field));
        }
    }

    #[test]
    fn a_yes_may_be_a_text() {
        for (text, expect) in [
            ("true", Flag::Yes),
            ("True", Flag::Yes),
            (" FALSE ", Flag::No),
            ("0", Flag::No),
            ("maybe", Flag::Other("maybe")),
        ] {
            assert_eq!(Flag::of(text), expect);
        }
    }
}
