//! The spans of time for which a source has the events of its log groups.

use std::collections::HashMap;

use crate::store::CoveredRange;
use crate::time::Timestamp;

/// For each log group (`""` if unknown), the span from the first to the last record that counts for
/// coverage.
#[derive(Debug, Default)]
pub(super) struct Spans(HashMap<String, CoveredRange>);

impl Spans {
    pub(super) fn add(&mut self, log_group: &str, timestamp: Timestamp) {
        let range = CoveredRange::at(timestamp);
        match self.0.get_mut(log_group) {
            Some(known) => *known = known.joined(range),
            None => _ = self.0.insert(log_group.to_owned(), range),
        }
    }

    /// Merges other spans.
    pub(super) fn join(&mut self, others: Self) {
        for (log_group, range) in others.0 {
            self.0
                .entry(log_group)
                .and_modify(|known| *known = known.joined(range))
                .or_insert(range);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each log group and its span.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, CoveredRange)> {
        self.0.iter().map(|(log_group, range)| (log_group.as_str(), *range))
    }
}
