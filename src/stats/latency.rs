//! How long mail took, from the start of a leg to its outcome for a recipient.

use super::{StatsError, StatsRequest};
use crate::store::Store;
use crate::time::{Intervals, Timestamp};
use crate::trace::{ListedMessage, MessageFacts, Outcome, OutcomeRow, Overview};

/// How long mail took.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// One row for each outcome that has a latency: delivered, sent and bounced.
    pub whole: Vec<LatencyRow>,
    /// The same for each interval, those of one interval side by side.
    pub by_interval: Vec<LatencyRow>,
}

/// How long mail took until one outcome, in milliseconds. All are exact: the p-th percentile is
/// the least latency that at least p % of the recipients did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyRow {
    /// When the interval begins in which the legs started; none for all of them.
    pub start: Option<Timestamp>,
    /// The outcome.
    pub outcome: Outcome,
    /// How many recipients have it: one of each leg that speaks of the address.
    pub count: u64,
    /// The median.
    pub p50_ms: i64,
    /// The 90th percentile.
    pub p90_ms: i64,
    /// The 99th percentile.
    pub p99_ms: i64,
    /// The longest.
    pub max_ms: i64,
}

/// An interval's place, an outcome and a latency.
type Measured = (u32, Outcome, i64);

/// Measures how long it took, for each recipient of each leg that started in range. It takes 16
/// bytes for each, besides what the columns take.
///
/// # Errors
///
/// [`StatsError`].
pub fn latencies(store: &Store, request: &StatsRequest) -> Result<Latencies, StatsError> {
    let intervals = request.intervals(store)?;
    let place_of = |ms| {
        let place = intervals.as_ref().map_or(0, |it| it.place_of(ms));
        u32::try_from(place).unwrap_or(u32::MAX)
    };
    let overview = Overview::new(store, &request.rules, false);
    let take = |part: &mut Vec<Measured>, outcome, started_ms, latency_ms| {
        if request.contains(started_ms) {
            part.push((place_of(started_ms), outcome, latency_ms));
        }
    };
    let take_facts = |part: &mut Vec<Measured>, facts: MessageFacts| {
        for recipient in facts.recipients {
            if let Some(latency_ms) = recipient.latency_ms {
                take(part, recipient.outcome, recipient.started_ms, latency_ms);
            }
        }
    };
    // Legs count by their own start, so messages of all times are looked at.
    let take_entry = |part: &mut Vec<Measured>, message: &ListedMessage| {
        for row in &message.rows {
            if let Some(latency_ms) = row.latency_ms() {
                take(part, row.outcome, row.started_ms(), latency_ms);
            }
        }
    };
    let parts = match request.is_of_some() {
        true => request.visit_asked(store, |part, message, recipients| {
            take_facts(part, StatsRequest::asked_facts(message, recipients));
        })?,
        false => overview.visit_entries(take_facts, take_entry)?,
    };
    let mut measured = parts.concat();
    measured.sort_unstable();
    let starts: Vec<Timestamp> =
        intervals.as_ref().map(|it| Intervals::starts(it).collect()).unwrap_or_default();
    let start_of = |place: u32| starts.get(place as usize).copied();
    let by_interval = measured
        .chunk_by(|a, b| (a.0, a.1) == (b.0, b.1))
        .filter_map(|it| row(it, it.first().and_then(|(place, _, _)| start_of(*place))))
        .filter(|it| it.start.is_some())
        .collect();
    measured.sort_unstable_by_key(|(_, outcome, latency_ms)| (*outcome, *latency_ms));
    let whole = measured.chunk_by(|a, b| a.1 == b.1).filter_map(|it| row(it, None)).collect();
    Ok(Latencies { whole, by_interval })
}

/// The least of some things in order that at least so many percent of them do not exceed.
pub(crate) fn percentile<T>(in_order: &[T], percent: usize) -> Option<&T> {
    in_order.get((in_order.len() * percent).div_ceil(100).checked_sub(1)?)
}

/// The row of latencies in order.
fn row(measured: &[Measured], start: Option<Timestamp>) -> Option<LatencyRow> {
    let count = measured.len();
    let percentile = |percent| percentile(measured, percent).map(|it| it.2);
    Some(LatencyRow {
        start,
        outcome: measured.first()?.1,
        count: count as u64,
        p50_ms: percentile(50)?,
        p90_ms: percentile(90)?,
        p99_ms: percentile(99)?,
        max_ms: percentile(100)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let check = |count: i64, expect: [i64; 4]| {
            let measured: Vec<Measured> =
                (1..=count).map(|it| (0, Outcome::Sent, it * 10)).collect();
            let it = row(&measured, None).unwrap();
            assert_eq!([it.p50_ms, it.p90_ms, it.p99_ms, it.max_ms], expect, "{count}");
        };
        check(1, [10, 10, 10, 10]);
        check(2, [10, 20, 20, 20]);
        check(10, [50, 90, 100, 100]);
        check(200, [1_000, 1_800, 1_980, 2_000]);
        assert_eq!(row(&[], None), None);
    }
}
