//! From an event to what the index holds of it.

use std::borrow::Cow;

use tantivy::TantivyDocument;
use xxhash_rust::xxh3::xxh3_64;

use super::schema::Fields;
use crate::event::{Address, Event, decoded_subject};
use crate::limits;
use crate::source::Record;
use crate::store::identity::Identity;

/// What the index holds of one record, all but its location.
pub(in crate::store) type Document = TantivyDocument;

/// The 64-bit term under which an ID is found. Different IDs may share one.
#[must_use]
pub fn id_hash(id: &str) -> u64 {
    xxh3_64(id.as_bytes())
}

/// The term under which the records of one leg lie. A record without a trace ID has one of its
/// own, so that its duplicates are found.
pub(in crate::store) fn leg_hash(trace_id: &str, message: &str) -> u64 {
    if trace_id.is_empty() { Identity::of_message(message).low_bits() } else { id_hash(trace_id) }
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
    document.add_u64(fields.trace_id, leg_hash(&event.trace_id, &record.message));
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
    let mut add_lower = |field, text: Option<&str>| {
        if let Some(text) = text.map(str::trim).filter(|it| !it.is_empty()) {
            add(field, &lower(text));
        }
    };
    let verdicts = &event.verdicts;
    add_lower(fields.event, Some(event.name.as_str()));
    add_lower(fields.rule, event.rule_name.as_deref());
    add_lower(fields.rule_type, event.rule_type.as_deref());
    add_lower(fields.folder, event.folder.as_deref());
    add_lower(fields.folder, event.target_folder.as_deref());
    add_lower(fields.spam, verdicts.spam.as_deref());
    add_lower(fields.dkim, verdicts.dkim.as_deref());
    add_lower(fields.dmarc, verdicts.dmarc.as_deref());
    add_lower(fields.spf, verdicts.spf.as_deref());
    add_lower(fields.policy, event.policy.as_deref());
    add_lower(fields.policy, verdicts.dmarc_policy.as_deref());
    add_lower(fields.status, event.status.as_deref());
    add_lower(fields.log_group, record.log_group.as_deref());
    for action in &event.rule_actions {
        add_lower(fields.action, Some(&action.action));
    }
    if let Some(subject) = event.subject.as_deref() {
        document.add_text(fields.subject, &decoded_subject(subject));
    }
    if let Some(reason) = event.reason.as_deref() {
        document.add_text(fields.reason, reason);
    }
    document
}

fn lower(text: &str) -> Cow<'_, str> {
    let is_lower = text.bytes().all(|it| it.is_ascii() && !it.is_ascii_uppercase());
    if is_lower { Cow::Borrowed(text) } else { Cow::Owned(text.to_lowercase()) }
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
