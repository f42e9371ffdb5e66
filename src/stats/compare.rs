//! Comparison of a period with the period of the same length before it.

use std::collections::HashMap;

use super::{CountKey, StatsError, StatsRequest, count_by};
use crate::store::Store;
use crate::time::{TimeRange, Timestamp};

/// The counts of two periods.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The key of the counts.
    pub key: CountKey,
    /// The requested period.
    pub now: TimeRange,
    /// The period before it.
    pub before: TimeRange,
    /// The values that are the most frequent in either period.
    pub rows: Vec<ComparedRow>,
    /// The number of things in the period.
    pub total: u64,
    /// The number of things in the period before.
    pub total_before: u64,
}

/// The counts of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedRow {
    /// The value; `None` for things without one.
    pub value: Option<String>,
    /// The count in the period.
    pub now: u64,
    /// The count in the period before.
    pub before: u64,
}

impl ComparedRow {
    /// Returns the increase over the period before.
    pub fn change(&self) -> i64 {
        let signed = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        signed(self.now).saturating_sub(signed(self.before))
    }
}

/// Counts by the values of `key` from `since` to `until`, and in the same length of time before.
pub fn compare(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    (since, until): (Timestamp, Timestamp),
    limit: usize,
) -> Result<Compared, StatsError> {
    let now = TimeRange { since: Some(since), until: Some(until) };
    let before = TimeRange::before(since, until);
    let count = |range| {
        let request = StatsRequest { range, interval: None, ..request.clone() };
        // Without a limit: a value that is rare in one period may lead in the other.
        count_by(store, key, &request, usize::MAX)
    };
    let (counts, counts_before) = (count(now)?, count(before)?);
    let mut known: HashMap<Option<String>, u64> =
        counts_before.rows.into_iter().map(|it| (it.value, it.count)).collect();
    let mut rows: Vec<ComparedRow> = counts
        .rows
        .into_iter()
        .map(|it| {
            let before = known.remove(&it.value).unwrap_or(0);
            ComparedRow { value: it.value, now: it.count, before }
        })
        .collect();
    rows.extend(known.into_iter().map(|(value, before)| ComparedRow { value, now: 0, before }));
    if !key.is_in_order() {
        rows.sort_by(|a, b| {
            let most = |it: &ComparedRow| it.now.max(it.before);
            most(b).cmp(&most(a)).then_with(|| a.value.cmp(&b.value))
        });
    }
    rows.truncate(limit);
    Ok(Compared { key, now, before, rows, total: counts.total, total_before: counts_before.total })
}
