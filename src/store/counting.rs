//! What the index counts over the whole store.

use std::collections::BTreeMap;

use super::index::{
    Attribute, AttributeSet, AttributeTerm, IntervalCounts, IntervalQuestion, attribute_counts,
    count_in_intervals, fold_attribute_sets,
};
use super::{Store, StoreError};

impl Store {
    /// How many events have each value of an attribute, in order of the values.
    pub fn attribute_counts(
        &self,
        attribute: Attribute,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        attribute_counts(&self.snapshot, attribute).map_err(StoreError::index(&self.layout.index()))
    }

    /// Hands each event that says what is wanted to `visit` once, with those that have the same
    /// attributes, on all cores; gives what was made of the parts, in order.
    pub(crate) fn fold_attribute_sets<T: Default + Send>(
        &self,
        is_wanted: impl Fn(&AttributeTerm<'_>) -> bool + Sync,
        visit: impl Fn(&mut T, &AttributeSet<'_>) + Sync,
    ) -> Result<Vec<T>, StoreError> {
        fold_attribute_sets(&self.snapshot, is_wanted, visit)
            .map_err(StoreError::index(&self.layout.index()))
    }

    /// Counts all events by name and interval, on all cores and for each segment; nothing where one
    /// has a name that is not counted like this.
    pub(crate) fn count_in_intervals(
        &self,
        question: &IntervalQuestion<'_>,
    ) -> Result<Option<Vec<IntervalCounts>>, StoreError> {
        count_in_intervals(&self.snapshot, question)
            .map_err(StoreError::index(&self.layout.index()))
    }
}
