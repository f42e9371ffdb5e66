//! The fields of the index of audit events.

use tantivy::schema::{BytesOptions, Field, NumericOptions, Schema, TextOptions};

use crate::audit::AuditField;

/// The fields, by their numbers in the schema.
pub(super) struct AuditFields;

impl AuditFields {
    /// The first 64 bits of the identity, by which duplicates are found.
    pub(super) const KEY: Field = Field::from_field_id(0);
    /// The time of the event, in milliseconds since 1970.
    pub(super) const TIME: Field = Field::from_field_id(1);
    /// The bits of the record's location.
    pub(super) const PLACE: Field = Field::from_field_id(2);
    /// The type of an audit event, or [`DIRECTORY_TERM`].
    pub(super) const TYPE: Field = Field::from_field_id(3);
    /// Whether the request was granted.
    pub(super) const ALLOWED: Field = Field::from_field_id(4);
    /// The first of the event's own fields, which follow in the order of [`AuditField::ALL`].
    const FIRST: u32 = 5;

    pub(super) const TIME_NAME: &str = "time";
    pub(super) const PLACE_NAME: &str = "place";

    /// The index's field for a field of an event.
    pub(super) fn of(field: AuditField) -> Field {
        Field::from_field_id(Self::FIRST + field as u32)
    }

    /// All fields that have terms.
    pub(super) fn with_terms() -> impl Iterator<Item = Field> {
        let own = [Self::KEY, Self::TYPE, Self::ALLOWED];
        own.into_iter().chain(AuditField::ALL.into_iter().map(Self::of))
    }

    /// The index's field for a column.
    pub(super) fn of_column(column: AuditColumn) -> Field {
        let base = Self::FIRST as usize + AuditField::COUNT;
        Field::from_field_id(u32::try_from(base + column as usize).expect("some dozens of fields"))
    }

    pub(super) fn schema() -> Schema {
        let whole = || BytesOptions::default().set_indexed();
        let number = || NumericOptions::default().set_fast();
        let mut builder = Schema::builder();
        // In the order of the constants.
        // Looked up, never read back: hence a term and no column.
        builder.add_u64_field("key", NumericOptions::default().set_indexed());
        builder.add_i64_field(Self::TIME_NAME, number());
        builder.add_u64_field(Self::PLACE_NAME, number());
        builder.add_bytes_field("type", whole());
        builder.add_bytes_field("allowed", whole());
        for field in AuditField::ALL {
            builder.add_bytes_field(&format!("field_{}", field.key()), whole());
        }
        for column in AuditColumn::ALL {
            builder.add_text_field(column.name(), TextOptions::default().set_fast("raw"));
        }
        builder.build()
    }
}

/// The type of the directory's records.
pub(super) const DIRECTORY_TERM: &str = "directory";

/// The fields whose values are kept by document too, as they were logged, so that they can be
/// counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(usize)]
pub enum AuditColumn {
    /// The ID of the authenticated user.
    UserId,
    /// The ID of the mailbox's owner.
    OwnerId,
    /// The user name that was typed.
    User,
    /// The IP address of the client.
    SourceIp,
    /// The client program.
    UserAgent,
    /// The action.
    Action,
    /// The protocol.
    Protocol,
    /// The type of the event.
    Type,
}

impl AuditColumn {
    /// Every column.
    pub const ALL: [Self; 8] = [
        Self::UserId,
        Self::OwnerId,
        Self::User,
        Self::SourceIp,
        Self::UserAgent,
        Self::Action,
        Self::Protocol,
        Self::Type,
    ];

    /// The field whose values it holds; none for the type, which is not a field of the event.
    pub fn field(self) -> Option<AuditField> {
        match self {
            Self::UserId => Some(AuditField::UserId),
            Self::OwnerId => Some(AuditField::OwnerId),
            Self::User => Some(AuditField::User),
            Self::SourceIp => Some(AuditField::SourceIp),
            Self::UserAgent => Some(AuditField::UserAgent),
            Self::Action => Some(AuditField::Action),
            Self::Protocol => Some(AuditField::Protocol),
            Self::Type => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::UserId => "column_user_id",
            Self::OwnerId => "column_owner_id",
            Self::User => "column_user",
            Self::SourceIp => "column_source_ip",
            Self::UserAgent => "column_user_agent",
            Self::Action => "column_action",
            Self::Protocol => "column_protocol",
            Self::Type => "column_type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_constants_are_those_of_the_schema() {
        let schema = AuditFields::schema();
        let name = |field| schema.get_field_name(field);
        assert_eq!(name(AuditFields::KEY), "key");
        assert_eq!(name(AuditFields::TIME), AuditFields::TIME_NAME);
        assert_eq!(name(AuditFields::PLACE), AuditFields::PLACE_NAME);
        assert_eq!((name(AuditFields::TYPE), name(AuditFields::ALLOWED)), ("type", "allowed"));
        for field in AuditField::ALL {
            assert_eq!(name(AuditFields::of(field)), format!("field_{}", field.key()));
        }
        for column in AuditColumn::ALL {
            assert_eq!(name(AuditFields::of_column(column)), column.name());
        }
    }
}
