//! Comparison of the index of audit events with the archive.

use std::collections::BTreeMap;

use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf, Value};
use tantivy::{DocId, Document};
use xxhash_rust::xxh3::Xxh3;

use super::document::OtherDocument;
use super::reader::{AuditIndex, AuditSegment};
use super::schema::AuditFields;
use crate::store::index::for_each_document;

/// Compares the terms of the index with those of these documents, and returns the archive files in
/// which they differ.
pub(in crate::store) fn compare_audit(
    index: Option<&AuditIndex>,
    archived: impl Iterator<Item = OtherDocument>,
) -> tantivy::Result<Vec<u32>> {
    let mut sums: BTreeMap<u32, u64> = BTreeMap::new();
    let mut add = |place: u64, field: u32, term: &[u8], is_archived: bool| {
        let mut hasher = Xxh3::new();
        hasher.update(&place.to_le_bytes());
        hasher.update(&field.to_le_bytes());
        hasher.update(term);
        let sum = sums.entry(crate::store::archive::Location::from_bits(place).file).or_default();
        let digest = hasher.digest();
        // Sums commute: both sides come in different orders, and need no list in memory. What is on
        // both sides cancels out.
        *sum = if is_archived { sum.wrapping_add(digest) } else { sum.wrapping_sub(digest) };
    };
    for OtherDocument { document, location, .. } in archived {
        let place = location.to_bits();
        for (field, value) in document.iter_fields_and_values() {
            let ReferenceValue::Leaf(leaf) = value.as_value() else { continue };
            match leaf {
                ReferenceValueLeaf::Bytes(bytes) => add(place, field.field_id(), bytes, true),
                // tantivy writes numeric terms in big-endian order.
                ReferenceValueLeaf::U64(key) => {
                    add(place, field.field_id(), &key.to_be_bytes(), true);
                }
                ReferenceValueLeaf::I64(ms) => {
                    add(place, field.field_id(), &ms.to_le_bytes(), true);
                }
                // Texts are columns: copies, as they were logged, of values whose terms are
                // compared.
                _ => {}
            }
        }
    }
    for segment in index.into_iter().flat_map(AuditIndex::segments) {
        each_term(segment, |place, field, term| add(place, field, term, false))?;
    }
    Ok(sums.into_iter().filter(|(_, sum)| *sum != 0).map(|(file, _)| file).collect())
}

fn each_term(
    segment: &AuditSegment,
    mut visit: impl FnMut(u64, u32, &[u8]),
) -> tantivy::Result<()> {
    // The time is a column without terms, hence a pass by document.
    let place = |document: DocId| segment.place(document).to_bits();
    for document in segment.documents() {
        let ms = segment.time_ms(document).to_le_bytes();
        visit(place(document), AuditFields::TIME.field_id(), &ms);
    }
    for field in AuditFields::with_terms() {
        let inverted = segment.reader().inverted_index(field)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            let term = terms.key().to_vec();
            for_each_document(&inverted, terms.value(), |document| {
                if segment.counts(document) {
                    visit(place(document), field.field_id(), &term);
                }
            })?;
        }
    }
    Ok(())
}
