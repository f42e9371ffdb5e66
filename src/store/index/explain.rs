//! Why a query of ours finds a document: tantivy asks every query.

use tantivy::query::{Explanation, Weight};
use tantivy::{DocId, DocSet, SegmentReader, TantivyError};

/// Says that a query finds a document; which ones it finds is all that it knows.
pub(crate) fn explain(
    weight: &dyn Weight,
    name: &'static str,
    reader: &SegmentReader,
    document: DocId,
) -> tantivy::Result<Explanation> {
    if weight.scorer(reader, 1.0)?.seek(document) == document {
        Ok(Explanation::new(name, 1.0))
    } else {
        Err(TantivyError::InvalidArgument("the document does not match".to_owned()))
    }
}
