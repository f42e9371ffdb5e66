//! Which documents have a term, and numbers for terms.

use std::collections::HashMap;

use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, InvertedIndexReader};

/// Hands each document that has a term to `visit`, in order.
pub(crate) fn for_each_document(
    inverted: &InvertedIndexReader,
    term: &TermInfo,
    mut visit: impl FnMut(DocId),
) -> tantivy::Result<()> {
    let mut postings =
        inverted.read_block_postings_from_terminfo(term, IndexRecordOption::Basic)?;
    while !postings.docs().is_empty() {
        postings.docs().iter().copied().for_each(&mut visit);
        postings.advance();
    }
    Ok(())
}

/// Numbers for terms, in the order in which they first appear.
#[derive(Default)]
pub(super) struct Numbering(HashMap<Vec<u8>, u32>);

impl Numbering {
    /// The number of a term.
    pub(super) fn number_of(&mut self, term: impl AsRef<[u8]> + Into<Vec<u8>>) -> u32 {
        if let Some(known) = self.0.get(term.as_ref()) {
            return *known;
        }
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        self.0.insert(term.into(), next);
        next
    }

    /// The terms by their numbers.
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
