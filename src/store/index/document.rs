//! From an event to what the index holds of it.

use tantivy::schema::Field;
use tantivy::{TantivyDocument, Term};
use xxhash_rust::xxh3::xxh3_64;

use super::schema::Fields;
use crate::event::{Address, Event, decoded_subject};
use crate::limits;
use crate::source::Record;
use crate::store::identity::canonical;
use crate::store::words::folded;

/// What the index holds of one record, all but its location.
pub(in crate::store) type Document = TantivyDocument;

/// The term under which an ID is found: 48 bits of a hash. Different IDs may share one.
///
/// Each byte of a random term is a node of its dictionary, to be built, stored and walked. Among
/// 10,000,000 IDs, one look-up in 28 million then meets a stranger, which costs one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdTerm([u8; 6]);

impl IdTerm {
    /// The term of an ID.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let [b0, b1, b2, b3, b4, b5, ..] = xxh3_64(id.as_bytes()).to_be_bytes();
        Self([b0, b1, b2, b3, b4, b5])
    }

    /// The term in a field of IDs.
    #[must_use]
    pub fn in_field(self, field: Field) -> Term {
        Term::from_field_bytes(field, &self.0)
    }
}

/// The term under which a record's duplicates are found: that of its leg, or its own where it has
/// no trace ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum LegTerm {
    /// That of the trace ID.
    Traced(IdTerm),
    /// That of the message.
    Untraced(IdTerm),
}

impl LegTerm {
    pub(in crate::store) fn of(trace_id: &str, message: &str) -> Self {
        if trace_id.is_empty() {
            Self::Untraced(IdTerm::of(&canonical(message)))
        } else {
            Self::Traced(IdTerm::of(trace_id))
        }
    }

    pub(super) fn field_and_id(self, fields: &Fields) -> (Field, IdTerm) {
        match self {
            Self::Traced(id) => (fields.trace_id, id),
            Self::Untraced(id) => (fields.untraced, id),
        }
    }
}

/// The longest beginning of a term that the index holds ([`limits::TERM_BYTES_MAX`]).
#[must_use]
pub fn truncate_term(text: &str) -> &str {
    let mut end = limits::TERM_BYTES_MAX.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Writes down everything by which an event can be found.
pub(in crate::store) fn document(
    fields: &Fields,
    record: &Record<'_>,
    event: &Event<'_>,
) -> Document {
    let mut document = TantivyDocument::default();
    document.add_i64(fields.timestamp, record.timestamp.as_ms());
    let leg = LegTerm::of(&event.trace_id, &record.message);
    let (field, id) = leg.field_and_id(fields);
    document.add_bytes(field, &id.0);
    if let Some(id) = &event.message_id {
        document.add_bytes(fields.message_id, &IdTerm::of(id.as_str()).0);
    }
    let mut add = |field, text: &str| document.add_text(field, truncate_term(text));
    let addresses = [(fields.from, &event.from), (fields.sender, &event.sender)];
    for (field, address) in addresses {
        if let Some(address) = address {
            add(field, address.as_str());
        }
    }
    let mut recipients: Vec<&str> = event.all_recipients().map(Address::as_str).collect();
    recipients.sort_unstable();
    recipients.dedup();
    for recipient in recipients {
        add(fields.to, recipient);
    }
    let mut add_folded = |field, text: Option<&str>| {
        if let Some(text) = text.map(folded).filter(|it| !it.is_empty()) {
            add(field, &text);
        }
    };
    let verdicts = &event.verdicts;
    add_folded(fields.event, Some(event.name.as_str()));
    add_folded(fields.rule, event.rule_name.as_deref());
    add_folded(fields.rule_type, event.rule_type.as_deref());
    add_folded(fields.folder, event.folder.as_deref());
    add_folded(fields.folder, event.target_folder.as_deref());
    add_folded(fields.spam, verdicts.spam.as_deref());
    add_folded(fields.dkim, verdicts.dkim.as_deref());
    add_folded(fields.dmarc, verdicts.dmarc.as_deref());
    add_folded(fields.spf, verdicts.spf.as_deref());
    add_folded(fields.policy, event.policy.as_deref());
    add_folded(fields.policy, verdicts.dmarc_policy.as_deref());
    add_folded(fields.status, event.status.as_deref());
    add_folded(fields.log_group, record.log_group.as_deref());
    for action in &event.rule_actions {
        add_folded(fields.action, Some(&action.action));
    }
    if let Some(subject) = event.subject.as_deref() {
        document.add_text(fields.subject, decoded_subject(subject));
    }
    if let Some(reason) = event.reason.as_deref() {
        document.add_text(fields.reason, reason);
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_cut_between_characters() {
        assert_eq!(truncate_term("short"), "short");
        let long = "ä".repeat(limits::TERM_BYTES_MAX);
        assert_eq!(truncate_term(&long).len(), limits::TERM_BYTES_MAX);
        let odd = format!("x{long}");
        assert_eq!(truncate_term(&odd).len(), limits::TERM_BYTES_MAX - 1);
    }
}
