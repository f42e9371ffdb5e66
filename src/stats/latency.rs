//! Latencies of mail, from the start of a leg to its outcome for a recipient.

use std::collections::{BTreeMap, HashMap};

use super::{CountKey, StatsError, StatsRequest, calendar};
use crate::store::Store;
use crate::time::{Intervals, Timestamp};
use crate::trace::{ListedMessage, Message, Outcome, OutcomeRow, Overview, Recipient};

/// The latencies of mail.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// One row for each outcome that has a latency: delivered, sent and bounced.
    pub whole: Vec<LatencyRow>,
    /// The rows for each interval, those of one interval side by side.
    pub by_interval: Vec<LatencyRow>,
    /// The key of the intervals if they are not periods: weekdays, or hours of the day.
    pub by: Option<CountKey>,
}

/// The latencies until one outcome, in milliseconds. All are exact: the p-th percentile is the
/// least latency that at least p % of the recipients did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyRow {
    /// The start of the interval in which the legs started; `None` for all of them.
    pub start: Option<Timestamp>,
    /// The weekday or the hour of the day on which they started, if these were requested; `None`
    /// for all of them.
    pub slot: Option<&'static str>,
    /// The outcome.
    pub outcome: Outcome,
    /// The number of recipients with it, counted once for each leg that has the address.
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

/// The latencies, by the index of the interval and the outcome.
#[derive(Default)]
struct Measured(HashMap<(u32, Outcome), Vec<i64>>);

/// Measures the latency for each recipient of each leg that started in range: by the request's
/// intervals, or `by` the weekday or the hour of the day. It takes 8 bytes for each.
pub fn latencies(
    store: &Store,
    request: &StatsRequest,
    by: Option<CountKey>,
) -> Result<Latencies, StatsError> {
    let by = by.filter(|it| it.is_in_order());
    let intervals = if by.is_none() { request.intervals(store)? } else { None };
    let place_of = |ms| match by {
        Some(key) => calendar::place(key, ms, &request.zone).unwrap_or(u32::MAX),
        None => {
            let place = intervals.as_ref().map_or(0, |it| it.place_of(ms));
            u32::try_from(place).unwrap_or(u32::MAX)
        }
    };
    let take = |part: &mut Measured, outcome, started_ms, latency_ms| {
        if request.contains(started_ms) {
            part.0.entry((place_of(started_ms), outcome)).or_default().push(latency_ms);
        }
    };
    let take_recipient = |part: &mut Measured, recipient: &Recipient| {
        if let Some(latency_ms) = recipient.latency_ms {
            take(part, recipient.outcome, recipient.leg_started.as_ms(), latency_ms);
        }
    };
    let take_message = |part: &mut Measured, message: &Message| {
        message.recipients.iter().for_each(|it| take_recipient(part, it));
    };
    // Legs count by their own start, so messages of all times are read.
    let take_entry = |part: &mut Measured, message: &ListedMessage| {
        for row in &message.rows {
            if let Some(latency_ms) = row.latency_ms() {
                take(part, row.outcome, row.started_ms(), latency_ms);
            }
        }
    };
    let parts = match request.is_of_some() {
        // Selected recipients alone; without a query, the table's rows answer without originals.
        true => request.visit_asked(store, |part, _, recipients| {
            recipients.iter().for_each(|it| take_recipient(part, it));
        })?,
        false => Overview::new(store, &request.rules)?.visit(take_message, take_entry)?,
    };
    let mut measured: BTreeMap<(u32, Outcome), Vec<i64>> = BTreeMap::new();
    for (key, mut latencies) in parts.into_iter().flat_map(|it| it.0) {
        // Exact percentiles need every latency.
        measured.entry(key).or_default().append(&mut latencies);
    }
    let starts: Vec<Timestamp> = intervals.iter().flat_map(Intervals::starts).collect();
    let slots = by.map_or(&[][..], calendar::names);
    let mut by_interval = Vec::new();
    let mut of_outcomes: BTreeMap<Outcome, Vec<i64>> = BTreeMap::new();
    for ((place, outcome), mut latencies) in measured {
        let (start, slot) = (starts.get(place as usize), slots.get(place as usize));
        if start.is_some() || slot.is_some() {
            by_interval.extend(row(outcome, &mut latencies, start.copied(), slot.copied()));
        }
        of_outcomes.entry(outcome).or_default().append(&mut latencies);
    }
    let whole = of_outcomes.into_iter();
    let whole = whole.filter_map(|(outcome, mut it)| row(outcome, &mut it, None, None));
    Ok(Latencies { whole: whole.collect(), by_interval, by })
}

/// Returns the median, the 90th and 99th percentile and the longest latency, and reorders the
/// latencies. Each is the least latency that at least so many percent do not exceed.
pub(crate) fn percentiles(latencies: &mut [i64]) -> Option<[i64; 4]> {
    let mut percentile = |percent: usize| {
        let place = (latencies.len() * percent).div_ceil(100).checked_sub(1)?;
        // Sorting all of them would take several times as long.
        Some(*latencies.select_nth_unstable(place).1)
    };
    Some([percentile(50)?, percentile(90)?, percentile(99)?, percentile(100)?])
}

/// Makes a row of latencies, and reorders them.
fn row(
    outcome: Outcome,
    latencies: &mut [i64],
    start: Option<Timestamp>,
    slot: Option<&'static str>,
) -> Option<LatencyRow> {
    let [p50_ms, p90_ms, p99_ms, max_ms] = percentiles(latencies)?;
    let count = latencies.len() as u64;
    Some(LatencyRow { start, slot, outcome, count, p50_ms, p90_ms, p99_ms, max_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let check = |count: i64, expect: [i64; 4]| {
            let mut latencies: Vec<i64> = (1..=count).rev().map(|it| it * 10).collect();
            let it = row(Outcome::Sent, &mut latencies, None, None).unwrap();
            assert_eq!([it.p50_ms, it.p90_ms, it.p99_ms, it.max_ms], expect, "{count}");
        };
        check(1, [10, 10, 10, 10]);
        check(2, [10, 20, 20, 20]);
        check(10, [50, 90, 100, 100]);
        check(200, [1_000, 1_800, 1_980, 2_000]);
        assert_eq!(row(Outcome::Sent, &mut [], None, None), None);
    }
}
