//! Events by name, by far the most frequent question.

use super::tally::{CountRow, Counts};
use super::{CountKey, StatsError, StatsRequest, count_by};
use crate::event::EventName;
use crate::store::{Attribute, Store};

/// Counts events by name, all names.
///
/// # Errors
///
/// [`StatsError`].
pub fn count_events(store: &Store, request: &StatsRequest) -> Result<Counts, StatsError> {
    count_by(store, CountKey::Event, request, usize::MAX)
}

/// Counts all events by name, the most frequent `limit` names first, if all names are documented or
/// missing: of others, only events tell how they are written. It takes a look at a few hundred terms.
pub(super) fn count_documented(store: &Store, limit: usize) -> Result<Option<Counts>, StatsError> {
    let total = store.checkpoint().records;
    let mut rows = Vec::new();
    for (folded, count) in store.attribute_counts(Attribute::Event)? {
        let name = folded.to_uppercase();
        if EventName::DOCUMENTED.iter().all(|it| it.as_str() != name) {
            return Ok(None);
        }
        rows.push(CountRow { value: Some(name), count, series: Vec::new() });
    }
    let named: u64 = rows.iter().map(|it| it.count).sum();
    let unnamed = total.saturating_sub(named);
    if unnamed > 0 {
        rows.push(CountRow { value: None, count: unnamed, series: Vec::new() });
    }
    rows.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    let value_count = rows.len();
    rows.truncate(limit);
    Ok(Some(Counts {
        key: CountKey::Event,
        unit: CountKey::Event.counted_unit(),
        total,
        span: store.time_span().map(|(first, last)| (first.as_ms(), last.as_ms())),
        value_count,
        rows,
        intervals: None,
        series: Vec::new(),
    }))
}
