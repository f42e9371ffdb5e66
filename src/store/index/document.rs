//! From an event to what the index holds of it.

use tantivy::TantivyDocument;
use tantivy::schema::Field;
use xxhash_rust::xxh3::xxh3_64;

use super::schema::Fields;
use crate::event::{Address, Event, decoded_subject};
use crate::limits;
use crate::source::Record;
use crate::store::identity::Identity;
use crate::store::words::folded;

/// What the index holds of one record, all but its location.
pub(in crate::store) type Document = TantivyDocument;

/// The 64-bit term under which an ID is found. Different IDs may share one.
#[must_use]
pub fn id_hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// The term under which a record's duplicates are found: that of its leg, or its own where it has
/// no trace ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::store) enum LegTerm {
    /// [`id_hash`] of the trace ID.
    Traced(u64),
    /// A hash of the message.
    Untraced(u64),
}

impl LegTerm {
    pub(in crate::store) fn of(trace_id: &str, message: &str) -> Self {
        if trace_id.is_empty() {
            Self::Untraced(Identity::of_message(message).low_bits())
        } else {
            Self::Traced(id_hash(trace_id))
        }
    }

    pub(super) fn field_and_hash(self, fields: &Fields) -> (Field, u64) {
        match self {
            Self::Traced(hash) => (fields.trace_id, hash),
            Self::Untraced(hash) => (fields.untraced, hash),
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
    let (field, hash) = leg.field_and_hash(fields);
    document.add_u64(field, hash);
    if let Some(id) = &event.message_id {
        document.add_u64(fields.message_id, id_hash(id.as_str()));
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
        document.add_text(fields.subject, &decoded_subject(subject));
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
