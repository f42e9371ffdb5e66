//! Finds documents with a phrase whose last word is only the beginning of a word.
//!
//! tantivy has such a query, but it allocates memory for its limit of words, whether they exist or
//! not, and ignores words beyond that limit: no limit is both safe and exact.

use tantivy::query::{
    BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, PhraseQuery, Query, Scorer,
    Weight,
};
use tantivy::schema::Field;
use tantivy::{BitSet, DocId, DocSet, Score, SegmentReader, TERMINATED, Term};

use crate::store::explain;

/// Finds documents with `words` and, right after them, a word that begins with `prefix`.
///
/// It searches one completion after the other, so any number of them takes little memory.
#[derive(Clone, Debug)]
pub(super) struct PhrasePrefixQuery {
    field: Field,
    /// At least one.
    words: Vec<Term>,
    prefix: Term,
}

impl PhrasePrefixQuery {
    pub(super) fn new(field: Field, words: Vec<Term>, prefix: Term) -> Self {
        Self { field, words, prefix }
    }
}

impl Query for PhrasePrefixQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for PhrasePrefixQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let inverted = reader.inverted_index(self.field)?;
        // A missing word rules the phrase out before the dictionary is read.
        for word in &self.words {
            if inverted.get_term_info(word)?.is_none() {
                return Ok(Box::new(EmptyScorer));
            }
        }
        let prefix = self.prefix.serialized_value_bytes();
        let mut documents = BitSet::with_max_value(reader.max_doc());
        let mut terms = inverted.terms().range().ge(prefix).into_stream()?;
        while terms.advance() && terms.key().starts_with(prefix) {
            let Ok(word) = std::str::from_utf8(terms.key()) else { continue };
            let mut phrase = self.words.clone();
            phrase.push(Term::from_field_text(self.field, word));
            let scoring = EnableScoring::disabled_from_schema(reader.schema());
            let mut found = PhraseQuery::new(phrase).weight(scoring)?.scorer(reader, boost)?;
            while found.doc() != TERMINATED {
                documents.insert(found.doc());
                found.advance();
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        explain(self, "PhrasePrefixQuery", reader, document)
    }
}
