//! The documents of a term, and numbers for terms.

use std::collections::HashMap;

use tantivy::postings::TermInfo;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, InvertedIndexReader};

use super::snapshot::IndexSnapshot;

/// Calls `visit` with each document that has a term, in order.
pub(crate) fn for_each_document(
    inverted: &InvertedIndexReader,
    term: &TermInfo,
    mut visit: impl FnMut(DocId),
) -> tantivy::Result<()> {
    let mut postings =
        inverted.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
    // Block by block: documents come decompressed in groups, and none is checked for deletion,
    // since callers whose index has deletions ask that themselves.
    while !postings.docs().is_empty() {
        postings.docs().iter().copied().for_each(&mut visit);
        postings.advance();
    }
    Ok(())
}

/// The number for a missing term.
pub(super) const NO_TERM: u32 = u32::MAX;

/// For each event, in the order of their numbers, the number of its term in a field, among the
/// terms that pass `counts`.
pub(super) fn terms_of_events(
    snapshot: &IndexSnapshot,
    field: Field,
    numbering: &mut Numbering,
    counts: impl Fn(&[u8]) -> bool,
) -> tantivy::Result<Vec<u32>> {
    let mut of_events = Vec::new();
    for reader in snapshot.segments() {
        let base = of_events.len();
        of_events.resize(base + reader.max_doc() as usize, NO_TERM);
        let inverted = reader.inverted_index(field)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            if !counts(terms.key()) {
                continue;
            }
            let number = numbering.number_of(terms.key());
            for_each_document(&inverted, terms.value(), |document| {
                if let Some(slot) = of_events.get_mut(base + document as usize) {
                    *slot = number;
                }
            })?;
        }
    }
    Ok(of_events)
}

/// Numbers for terms, given in the order in which they first appear.
#[derive(Default)]
pub(super) struct Numbering(HashMap<Vec<u8>, u32>);

impl Numbering {
    /// The number of a term.
    pub(super) fn number_of(&mut self, term: impl AsRef<[u8]> + Into<Vec<u8>>) -> u32 {
        // Not `entry`, which would copy each term before knowing whether it is new.
        if let Some(known) = self.0.get(term.as_ref()) {
            return *known;
        }
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.insert(term.into(), next);
        next
    }

    /// The terms, in the order of their numbers.
    pub(super) fn into_terms(self) -> Vec<Vec<u8>> {
        let mut terms = vec![Vec::new(); self.0.len()];
        for (term, number) in self.0 {
            if let Some(slot) = terms.get_mut(number as usize) {
                *slot = term;
            }
        }
        terms
    }
}
