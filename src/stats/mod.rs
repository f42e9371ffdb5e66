//! Counts over the whole store: by value, over time, latencies, and WorkMail's metrics.
//!
//! All numbers are exact. The columns and terms of the index hold nearly everything; originals are
//! read for the rest: for reasons of bounces, and for messages that the columns leave open.

mod asked;
mod attributes;
mod calendar;
mod causes;
mod compare;
mod events;
mod facets;
mod group_part;
mod group_values;
mod groups;
mod key;
mod latency;
mod listed_values;
mod messages;
mod metrics;
mod outcome_series;
mod shared_counts;
mod tally;

pub use crate::event::cause_of;
pub use compare::{Compared, ComparedRow, compare};
pub use facets::{
    Facet, Histogram, facets_of_events, facets_of_messages, histogram, histogram_of_messages,
};
pub(crate) use group_part::GroupPart;
pub use group_values::PAIR_SEPARATOR;
pub(crate) use groups::Grouping;
pub use groups::{GroupRequest, GroupRow, Groups, group};
pub use key::{CountKey, Unit};
pub(crate) use latency::percentiles;
pub use latency::{Latencies, LatencyRow, latencies};
pub use metrics::{METRICS, Metrics, metrics};
pub use outcome_series::{OutcomeSeries, outcome_series};
pub(crate) use shared_counts::{Counting, WorkerCounts};
pub use tally::{CountRow, Counts};

use crate::limits;
use crate::query::Query;
use crate::store::{Store, StoreError};
use crate::time::{Interval, Intervals, TimeRange, Timestamp, Zone};
use crate::trace::JoinRules;

/// An error of a count.
#[derive(Debug, thiserror::Error)]
pub enum StatsError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The time range has too many intervals.
    #[error(
        "more than {} intervals from {first} to {last}: choose a longer --interval, or narrow the time with --since and --until",
        limits::INTERVALS_MAX
    )]
    TooManyIntervals {
        /// The first instant that counts.
        first: Timestamp,
        /// The last instant that counts.
        last: Timestamp,
    },
    /// There are more groups than fit into memory.
    #[error(
        "more than {} groups: group by something with fewer values, or narrow the question with --since and --until or a filter",
        limits::GROUPS_MAX
    )]
    TooManyGroups,
}

/// The conditions of a count.
#[derive(Clone, Debug)]
pub struct StatsRequest {
    /// The times that count.
    pub range: TimeRange,
    /// The interval that divides the time, if any.
    pub interval: Option<Interval>,
    /// The zone of the intervals.
    pub zone: Zone,
    /// The inputs of outcomes.
    pub rules: JoinRules,
    /// The query on messages and their recipients.
    pub rows: Query,
}

impl StatsRequest {
    /// True if a time counts.
    fn contains(&self, ms: i64) -> bool {
        Timestamp::from_ms(ms).is_some_and(|it| self.range.contains(it))
    }

    /// Returns the intervals of the requested time for which the store has events.
    fn intervals(&self, store: &Store) -> Result<Option<Intervals>, StatsError> {
        let (Some(interval), Some((first, last))) = (self.interval, store.time_span()) else {
            return Ok(None);
        };
        let first = self.range.since.map_or(first, |it| it.max(first));
        let last = self.range.until.map_or(last, |it| it.saturating_add_ms(-1).min(last));
        if first > last {
            return Ok(None);
        }
        intervals_of(interval, first, last, self.rules.newest, &self.zone).map(Some)
    }
}

/// Returns the intervals from `first` to `last`. If `last` is later than the newest event that
/// counts, only the interval of `last` itself follows the one of that event.
fn intervals_of(
    interval: Interval,
    first: Timestamp,
    last: Timestamp,
    newest: Option<Timestamp>,
    zone: &Zone,
) -> Result<Intervals, StatsError> {
    // One event with a time far in the future must not need an interval for each hour until then.
    let dense_last = newest.filter(|it| *it >= first).map_or(last, |it| it.min(last));
    let intervals = Intervals::new(interval, first, dense_last, zone, limits::INTERVALS_MAX)
        .ok_or(StatsError::TooManyIntervals { first, last: dense_last })?;
    Ok(if dense_last < last { intervals.and_that_of(interval, last, zone) } else { intervals })
}

/// Counts by the values of `key`, and returns the `limit` most frequent. Memory grows with the
/// number of values, times the intervals if time is divided, not with the number of things counted.
pub fn count_by(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    limit: usize,
) -> Result<Counts, StatsError> {
    let is_whole =
        request.range.is_unbounded() && request.interval.is_none() && !request.is_of_some();
    // The common questions on events first: the index answers them from the counts of terms and the
    // headers of chunks, without the time of each event.
    if key == CountKey::Event
        && is_whole
        && let Some(counts) = events::count_documented(store, limit)?
    {
        return Ok(counts);
    }
    let intervals = request.intervals(store)?;
    let divided = intervals.as_ref();
    if key == CountKey::Event
        && !request.is_of_some()
        && let Some(divided) = divided
        && let Some(tally) = events::tally_documented(store, request, divided)?
    {
        return Ok(tally.counts(store, key, intervals, limit)?);
    }
    let tally = match key {
        CountKey::Weekday | CountKey::HourOfDay => calendar::tally(store, key, request, divided)?,
        _ if matches!(key.counted_unit(), Unit::Messages | Unit::Recipients) => {
            messages::tally(store, key, request, divided)?
        }
        // Before reasons and attributes, whose columns cannot select by message.
        _ if request.is_of_some() => asked::tally(store, key, request, divided)?,
        _ if key.is_of_reasons() => causes::tally(store, key, request, divided)?,
        _ if key.attribute().is_some() => attributes::tally(store, key, request, divided)?,
        _ => messages::tally_legs(store, request, divided)?,
    };
    Ok(tally.counts(store, key, intervals, limit)?)
}
