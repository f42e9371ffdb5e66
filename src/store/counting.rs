//! Counts over the whole store, from the index.

use std::collections::BTreeMap;

use super::error::StoreError;
use super::index::{
    Attribute, AttributeSet, AttributeTerm, IntervalCounts, IntervalQuestion, attribute_counts,
    count_in_intervals, fold_attribute_sets,
};
use super::reader::Store;

impl Store {
    /// The number of events for each value of an attribute, sorted by value.
    pub fn attribute_counts(
        &self,
        attribute: Attribute,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        attribute_counts(&self.snapshot, attribute).map_err(StoreError::index(&self.layout.index()))
    }

    /// Calls `visit` once for each set of events that have the same attributes and are wanted, on
    /// all cores, and returns the results of the segments, in order.
    pub(crate) fn fold_attribute_sets<T: Default + Send>(
        &self,
        is_wanted: impl Fn(&AttributeTerm<'_>) -> bool + Sync,
        visit: impl Fn(&mut T, &AttributeSet<'_>) + Sync,
    ) -> Result<Vec<T>, StoreError> {
        fold_attribute_sets(&self.snapshot, is_wanted, visit)
            .map_err(StoreError::index(&self.layout.index()))
    }

    /// Counts all events by name and interval, for each segment, on all cores; none where an event
    /// has a name that cannot be counted in this way.
    pub(crate) fn count_in_intervals(
        &self,
        question: &IntervalQuestion<'_>,
    ) -> Result<Option<Vec<IntervalCounts>>, StoreError> {
        count_in_intervals(&self.snapshot, question)
            .map_err(StoreError::index(&self.layout.index()))
    }
}
