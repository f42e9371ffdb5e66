//! tantivy's `explain` for our queries, which every query must have.

use tantivy::query::{Explanation, Weight};
use tantivy::{DocId, DocSet, SegmentReader, TantivyError};

/// Explains a match by the query's name: our queries have no scores to explain.
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
