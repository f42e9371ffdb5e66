//! Finds documents that have any term that passes a test.

use std::fmt;
use std::sync::Arc;

use tantivy::query::{
    BitSetDocSet, ConstScorer, EnableScoring, Explanation, Query, Scorer, Weight,
};
use tantivy::schema::Field;
use tantivy::{BitSet, DocId, Score, SegmentReader};

use crate::store::{Attribute, Fields, attribute_values, explain, for_each_document};

type TermTest = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// Finds documents with a term of `field` that begins with `prefix` and passes `test`.
///
/// It reads the part of the dictionary with the prefix and collects the documents in a bit set, so
/// any number of terms may pass.
#[derive(Clone)]
pub(super) struct TermsQuery {
    field: Field,
    prefix: String,
    test: TermTest,
}

impl TermsQuery {
    pub(super) fn new(
        field: Field,
        prefix: String,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let test = move |term: &[u8]| std::str::from_utf8(term).is_ok_and(&test);
        Self { field, prefix, test: Arc::new(test) }
    }

    /// Finds documents that have the field.
    pub(super) fn any(field: Field) -> Self {
        Self { field, prefix: String::new(), test: Arc::new(|_| true) }
    }

    /// Finds documents with a value of an attribute that passes `test`.
    pub(super) fn attribute(
        attribute: Attribute,
        test: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        // One term holds all attributes of an event (`store::index::attributes`), so every term of
        // the field has to be looked at; there are only a few hundred.
        let test = move |term: &[u8]| attribute_values(term, attribute).any(|it| test(&it));
        Self { field: Fields::ATTRIBUTES, prefix: String::new(), test: Arc::new(test) }
    }
}

impl fmt::Debug for TermsQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TermsQuery").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl Query for TermsQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for TermsQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let inverted = reader.inverted_index(self.field)?;
        let mut documents = BitSet::with_max_value(reader.max_doc());
        let mut terms = inverted.terms().range().ge(self.prefix.as_bytes()).into_stream()?;
        while terms.advance() {
            if !terms.key().starts_with(self.prefix.as_bytes()) {
                break;
            }
            if (self.test)(terms.key()) {
                for_each_document(&inverted, terms.value(), |it| {
                    documents.insert(it);
                })?;
            }
        }
        Ok(Box::new(ConstScorer::new(BitSetDocSet::from(documents), boost)))
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        explain(self, "TermsQuery", reader, document)
    }
}
