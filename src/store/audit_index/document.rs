//! From a record that is not an email event to the document in the index.

use std::borrow::Cow;
use std::net::IpAddr;

use tantivy::TantivyDocument;

use super::schema::{AuditColumn, AuditFields, DIRECTORY_TERM};
use crate::audit::{AuditEvent, AuditField, Flag, OtherRecord};
use crate::source::Record;
use crate::store::archive::Location;
use crate::store::identity::Identity;
use crate::store::index::truncate_term;
use crate::store::words::folded;

/// The document of one record, together with its location.
#[derive(Clone, Debug)]
pub(in crate::store) struct OtherDocument {
    pub(super) document: TantivyDocument,
    pub(super) location: Location,
    /// The key by which duplicates are looked up.
    pub(in crate::store) key: u64,
    /// The time of the event in milliseconds since 1970, if the message itself has it.
    pub(in crate::store) own_ms: Option<i64>,
    pub(super) is_of_directory: bool,
}

impl OtherDocument {
    /// Sets the document's location in the archive.
    pub(in crate::store) fn at(self, location: Location) -> Self {
        Self { location, ..self }
    }
}

/// Makes the document of a record. Its identity is that of its message alone: events carry their
/// own time.
pub(in crate::store) fn other_document(
    record: &Record<'_>,
    other: &OtherRecord<'_>,
    identity: Identity,
) -> OtherDocument {
    let mut document = TantivyDocument::with_capacity(DOCUMENT_BYTES);
    let own_ms = other.at().map(|it| it.as_ms());
    document.add_u64(AuditFields::KEY, identity.key());
    document.add_i64(AuditFields::TIME, own_ms.unwrap_or_else(|| record.timestamp.as_ms()));
    match other {
        OtherRecord::Directory => {
            document.add_bytes(AuditFields::TYPE, DIRECTORY_TERM.as_bytes());
        }
        OtherRecord::Audit(event) => add_event(event, &mut document),
    }
    let location = Location::default();
    let is_of_directory = matches!(other, OtherRecord::Directory);
    OtherDocument { document, location, key: identity.key(), own_ms, is_of_directory }
}

/// Approximate bytes of an event's document.
const DOCUMENT_BYTES: usize = 1 << 10;

fn add_event(event: &AuditEvent<'_>, document: &mut TantivyDocument) {
    document.add_bytes(AuditFields::TYPE, event.kind.as_str().as_bytes());
    // One field for results of all kinds, whatever an event type calls them, so that a question
    // about refusals is one look-up.
    if let Some(allowed) = event.allowed() {
        let term = audit_term(AuditField::ActionAllowed, allowed.as_str());
        document.add_bytes(AuditFields::ALLOWED, term.as_bytes());
    }
    for (field, value) in event.fields() {
        document.add_bytes(AuditFields::of(field), audit_term(field, value).as_bytes());
    }
    // Columns keep values as they were logged, to be counted and shown; the terms above are
    // normalised, to be searched.
    for column in AuditColumn::ALL {
        let value = match column.field() {
            Some(field) => event.get(field),
            None => Some(event.kind.as_str()),
        };
        if let Some(value) = value {
            document.add_text(AuditFields::of_column(column), truncate_term(value));
        }
    }
}

/// The form in which values of a field compare: without surrounding blanks, and in lower case where
/// case does not matter.
pub fn audit_term(field: AuditField, value: &str) -> Cow<'_, str> {
    let term = match field {
        AuditField::SourceIp => ip_term(value),
        it if AuditField::RESULTS.contains(&it) => folded(Flag::of(value).as_str()),
        it if it.is_case_sensitive() => Cow::Borrowed(value.trim()),
        _ => folded(value),
    };
    match term {
        Cow::Borrowed(term) => Cow::Borrowed(truncate_term(term)),
        Cow::Owned(term) => Cow::Owned(truncate_term(&term).to_owned()),
    }
}

/// The form in which IP addresses compare: an IPv4 address is the same one inside IPv6.
pub fn ip_term(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    match text.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => Cow::Owned(address.to_canonical().to_string()),
        Err(_) => folded(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_compare_in_one_form() {
        let term = |field, value| audit_term(field, value).into_owned();
        assert_eq!(term(AuditField::Action, " Read_Summary "), "read_summary");
        assert_eq!(term(AuditField::ItemId, " AbC= "), "AbC=");
        assert_eq!(term(AuditField::AuthSuccessful, "False"), "false");
        assert_eq!(term(AuditField::SourceIp, "::ffff:198.51.100.7"), "198.51.100.7");
        assert_eq!(term(AuditField::SourceIp, "2001:DB8:0::1"), "2001:db8::1");
        assert_eq!(term(AuditField::SourceIp, "Unknown"), "unknown");
        assert!(term(AuditField::UserAgent, &"x".repeat(5_000)).len() < 2_000);
    }
}
