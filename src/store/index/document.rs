//! From an event to its document in the index.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use tantivy::schema::Field;
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf, Value};

use super::attributes::attribute_terms;
use super::schema::Fields;
use super::term::truncate_term;
use crate::event::{Address, Event, decoded_subject};
use crate::source::Record;
use crate::store::archive::Location;
use crate::store::identity::canonical;

/// The hash by which an ID is found: 56 bits of its SHA-256. Different IDs may share one: among
/// 10,000,000 IDs some do with a probability of 1 in 1,400.
///
/// Strangers write message IDs, and must not be able to choose the message that theirs is joined
/// with: hence no faster hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdHash(u64);

impl IdHash {
    /// The number of bits in a hash.
    pub(super) const BITS: u32 = 56;

    /// The hash of an ID.
    #[must_use]
    pub fn of(id: &str) -> Self {
        let [bytes @ .., _] =
            Sha256::digest(id.as_bytes()).first_chunk().copied().unwrap_or([0; 8]);
        Self::from_bits(bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }

    /// The key of a record's leg: its trace ID, or its message where it has none, so that its
    /// duplicates are found. The lowest bit says which.
    pub(in crate::store) fn of_leg(trace_id: &str, message: &str) -> Self {
        if trace_id.is_empty() {
            Self(Self::of(&canonical(message)).0 | 1)
        } else {
            Self::of_trace(trace_id)
        }
    }

    /// The hash of a trace ID that is not empty.
    pub(crate) fn of_trace(trace_id: &str) -> Self {
        Self(Self::of(trace_id).0 & !1)
    }

    /// True if the key of a leg is a trace ID.
    pub(crate) fn is_traced(self) -> bool {
        self.0 & 1 == 0
    }

    /// The hash as a number of [`IdHash::BITS`] bits.
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits & ((1 << Self::BITS) - 1))
    }
}

/// The document of one record.
#[derive(Clone, Debug)]
pub(in crate::store) struct Document {
    texts: Arc<Texts>,
    /// The first of its texts, and the first after them.
    texts_from: usize,
    texts_to: usize,
    pub(super) timestamp_ms: i64,
    pub(super) leg: IdHash,
    pub(super) message_id: Option<IdHash>,
    pub(super) location: Location,
}

/// The texts of all documents of a batch, in one allocation rather than one for each.
#[derive(Debug, Default)]
struct Texts {
    bytes: Vec<u8>,
    texts: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    field: Field,
    start: usize,
    end: usize,
}

impl Document {
    /// The location of its record.
    pub(in crate::store) fn location(&self) -> Location {
        self.location
    }

    /// Sets the document's location in the archive.
    pub(in crate::store) fn at(self, location: Location) -> Self {
        Self { location, ..self }
    }

    /// The key by which duplicates are looked up.
    pub(in crate::store) fn leg(&self) -> IdHash {
        self.leg
    }

    /// The texts that are indexed as terms, field by field.
    pub(super) fn texts(&self) -> DocumentTexts<'_> {
        let texts = self.texts.texts.get(self.texts_from..self.texts_to);
        let texts = texts.expect("a document's texts are of its batch");
        DocumentTexts { texts: texts.iter(), bytes: &self.texts.bytes }
    }
}

impl tantivy::Document for Document {
    type Value<'a> = TextValue<'a>;
    type FieldsValuesIter<'a> = DocumentTexts<'a>;

    fn iter_fields_and_values(&self) -> DocumentTexts<'_> {
        self.texts()
    }
}

/// The texts of one document.
pub(in crate::store) struct DocumentTexts<'a> {
    texts: std::slice::Iter<'a, Text>,
    bytes: &'a [u8],
}

impl<'a> Iterator for DocumentTexts<'a> {
    type Item = (Field, TextValue<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let Text { field, start, end } = self.texts.next()?;
        let bytes = self.bytes.get(*start..*end).expect("a text is of its batch");
        Some((*field, TextValue { field: *field, bytes }))
    }
}

/// One text of a document, as tantivy reads it.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct TextValue<'a> {
    field: Field,
    pub(super) bytes: &'a [u8],
}

impl<'a> Value<'a> for TextValue<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        // Whole values are bytes: tantivy then runs no tokenizer over them.
        ReferenceValue::Leaf(if Fields::is_words(self.field) {
            ReferenceValueLeaf::Str(
                std::str::from_utf8(self.bytes).expect("words were put in as text"),
            )
        } else {
            ReferenceValueLeaf::Bytes(self.bytes)
        })
    }
}

/// Collects everything by which the events of a batch can be found.
#[derive(Default)]
pub(in crate::store) struct Documents {
    texts: Texts,
    documents: Vec<Entry>,
    term: Vec<u8>,
}

struct Entry {
    texts_to: usize,
    timestamp_ms: i64,
    leg: IdHash,
    message_id: Option<IdHash>,
}

impl Documents {
    /// Adds a record, the event parsed from its message, and the key of its leg:
    /// [`IdHash::of_leg`].
    pub(in crate::store) fn push(&mut self, record: &Record<'_>, event: &Event<'_>, leg: IdHash) {
        let Self { texts, documents, term } = self;
        attribute_terms(record, event, term, |term| texts.push(Fields::ATTRIBUTES, term));
        let mut add = |field, text: &str| texts.push(field, truncate_term(text).as_bytes());
        if let Some(address) = &event.from {
            add(Fields::FROM, address.as_str());
        }
        if let Some(address) = &event.sender {
            add(Fields::SENDER, address.as_str());
        }
        // An event may name an address twice, but has each term once.
        let mut recipients: Vec<&str> = event.all_recipients().map(Address::as_str).collect();
        recipients.sort_unstable();
        recipients.dedup();
        for recipient in recipients {
            add(Fields::TO, recipient);
        }
        if let Some(subject) = event.subject.as_deref() {
            texts.push(Fields::SUBJECT, decoded_subject(subject).as_bytes());
        }
        if let Some(reason) = event.reason.as_deref() {
            texts.push(Fields::REASON, reason.as_bytes());
        }
        documents.push(Entry {
            texts_to: texts.texts.len(),
            timestamp_ms: record.timestamp.as_ms(),
            leg,
            message_id: event.message_id.as_ref().map(|it| IdHash::of(it.as_str())),
        });
    }

    /// Takes the documents out, and leaves none.
    pub(in crate::store) fn take(&mut self) -> impl Iterator<Item = Document> {
        // The next batch will be about as large.
        let next = Texts {
            bytes: Vec::with_capacity(self.texts.bytes.len()),
            texts: Vec::with_capacity(self.texts.texts.len()),
        };
        let texts = Arc::new(std::mem::replace(&mut self.texts, next));
        let next = Vec::with_capacity(self.documents.len());
        let mut texts_from = 0;
        std::mem::replace(&mut self.documents, next).into_iter().map(move |it| {
            let Entry { texts_to, timestamp_ms, leg, message_id } = it;
            let texts = Arc::clone(&texts);
            // Set when the record has been appended to the archive.
            let location = Location { file: 0, offset: 0, line: 0 };
            let document =
                Document { texts, texts_from, texts_to, timestamp_ms, leg, message_id, location };
            texts_from = texts_to;
            document
        })
    }
}

impl Texts {
    fn push(&mut self, field: Field, text: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text);
        self.texts.push(Text { field, start, end: self.bytes.len() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_trace_id_is_no_leg() {
        assert!(IdHash::of_leg("trace", "{}").is_traced());
        assert!(!IdHash::of_leg("", "{}").is_traced());
        assert_eq!(IdHash::of_leg("trace", "{}"), IdHash::of_trace("trace"));
        assert_ne!(IdHash::of_leg("", "{}"), IdHash::of_trace("{}"));
    }
}
