//! Events by name, by far the most frequent question.

use super::attributes::is_documented;
use super::tally::{CountRow, Counts};
use super::{CountKey, StatsError};
use crate::store::{Attribute, Store};

/// Counts all events by name, the most frequent `limit` names first, if all names are documented or
/// missing: of others, only events tell how they are written. It takes a look at a few hundred terms.
pub(super) fn count_documented(store: &Store, limit: usize) -> Result<Option<Counts>, StatsError> {
    let total = store.checkpoint().mail_records();
    let mut rows = Vec::new();
    for (folded, count) in store.attribute_counts(Attribute::Event)? {
        if !is_documented(&folded) {
            return Ok(None);
        }
        rows.push(CountRow { value: Some(folded.to_uppercase()), count, series: Vec::new() });
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
