//! Finds documents by their columns: by time and by IDs.

use std::fmt;
use std::sync::Arc;

use tantivy::query::{
    AllScorer, BitSetDocSet, ConstScorer, EmptyScorer, EnableScoring, Explanation, Query, Scorer,
    Weight,
};
use tantivy::{BitSet, DocId, Score, SegmentReader, TantivyError};

use crate::store::{Columns, ColumnsBySegment, IdHash, explain};
use crate::time::TimeRange;

#[derive(Clone)]
pub(super) struct ColumnsQuery {
    columns: ColumnsBySegment,
    condition: ColumnDemand,
}

/// A condition on the columns.
#[derive(Clone, Debug)]
pub(super) enum ColumnDemand {
    /// Documents within a range of time.
    Time(TimeRange),
    /// Documents with a trace ID of one of these hashes, or with any trace ID.
    TraceId(Option<Arc<[IdHash]>>),
    /// Documents with a message ID of one of these hashes, or with any message ID.
    MessageId(Option<Arc<[IdHash]>>),
}

enum FoundInSegment {
    Nothing,
    Everything,
    Some(BitSet),
}

impl ColumnsQuery {
    pub(super) fn new(columns: &ColumnsBySegment, condition: ColumnDemand) -> Self {
        Self { columns: columns.clone(), condition }
    }
}

impl fmt::Debug for ColumnsQuery {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(formatter)
    }
}

impl ColumnDemand {
    fn find(&self, columns: &Columns) -> FoundInSegment {
        let mut found = BitSet::with_max_value(columns.document_count());
        match self {
            Self::Time(range) => {
                // The time span of a segment often decides without a look at each document.
                let Some(span) = columns.time_span() else { return FoundInSegment::Nothing };
                let since = range.since.map_or(i64::MIN, |it| it.as_ms());
                let until = range.until.map_or(i64::MAX, |it| it.as_ms());
                // `until` is exclusive, so an open end must not exclude `i64::MAX`.
                let is_within = |ms| since <= ms && (ms < until || range.until.is_none());
                if span.1 < since || !(is_within(span.0) || span.0 < since) {
                    return FoundInSegment::Nothing;
                }
                if is_within(span.0) && is_within(span.1) {
                    return FoundInSegment::Everything;
                }
                let mut times = columns.times();
                for document in 0..columns.document_count() {
                    if is_within(times.get(document)) {
                        found.insert(document);
                    }
                }
            }
            Self::TraceId(Some(ids)) => {
                let documents = ids.iter().flat_map(|it| columns.legs.documents(*it));
                insert_all(documents, &mut found);
            }
            // Events without a trace ID have legs of their own.
            Self::TraceId(None) => {
                let traced = columns.legs.iter().filter(|(id, _)| id.is_traced());
                insert_all(traced.flat_map(|(_, documents)| documents), &mut found);
            }
            Self::MessageId(Some(ids)) => {
                let documents = ids.iter().flat_map(|it| columns.messages.documents(*it));
                insert_all(documents, &mut found);
            }
            Self::MessageId(None) => {
                let all = columns.messages.iter();
                insert_all(all.flat_map(|(_, documents)| documents), &mut found);
            }
        }
        FoundInSegment::Some(found)
    }
}

fn insert_all(documents: impl Iterator<Item = DocId>, found: &mut BitSet) {
    for document in documents {
        found.insert(document);
    }
}

impl Query for ColumnsQuery {
    fn weight(&self, _scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(self.clone()))
    }
}

impl Weight for ColumnsQuery {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        // Columns belong to one snapshot of the index; another's would give wrong answers.
        let columns = self.columns.get(&reader.segment_id()).ok_or_else(|| {
            TantivyError::InternalError("a segment of another snapshot".to_owned())
        })?;
        Ok(match self.condition.find(columns) {
            FoundInSegment::Nothing => Box::new(EmptyScorer),
            FoundInSegment::Everything => Box::new(AllScorer::new(reader.max_doc())),
            FoundInSegment::Some(found) => {
                Box::new(ConstScorer::new(BitSetDocSet::from(found), boost))
            }
        })
    }

    fn explain(&self, reader: &SegmentReader, document: DocId) -> tantivy::Result<Explanation> {
        explain(self, "ColumnsQuery", reader, document)
    }
}
