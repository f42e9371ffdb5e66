//! How long mail took, from the start of a leg to its outcome for a recipient.

use std::collections::{BTreeMap, HashMap};

use super::{CountKey, StatsError, StatsRequest, calendar};
use crate::store::Store;
use crate::time::{Intervals, Timestamp};
use crate::trace::{ListedMessage, Message, Outcome, OutcomeRow, Overview, Recipient};

/// How long mail took.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// One row for each outcome that has a latency: delivered, sent and bounced.
    pub whole: Vec<LatencyRow>,
    /// The same for each interval, those of one interval side by side.
    pub by_interval: Vec<LatencyRow>,
    /// What the intervals are where they are no periods: days of the week, or hours of the day.
    pub by: Option<CountKey>,
}

/// How long mail took until one outcome, in milliseconds. All are exact: the p-th percentile is
/// the least latency that at least p % of the recipients did not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyRow {
    /// When the interval begins in which the legs started; none for all of them.
    pub start: Option<Timestamp>,
    /// The day of the week, or the hour of the day, on which they started, where these were asked
    /// for; none for all of them.
    pub slot: Option<&'static str>,
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

/// The latencies of each interval, by its place, and outcome.
#[derive(Default)]
struct Measured(HashMap<(u32, Outcome), Vec<i64>>);

/// Measures how long it took, for each recipient of each leg that started in range: by the request's
/// intervals, or `by` the day of the week or the hour of the day. It takes 8 bytes for each.
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
    // Legs count by their own start, so messages of all times are looked at.
    let take_entry = |part: &mut Measured, message: &ListedMessage| {
        for row in &message.rows {
            if let Some(latency_ms) = row.latency_ms() {
                take(part, row.outcome, row.started_ms(), latency_ms);
            }
        }
    };
    let parts = match request.is_of_some() {
        true => request.visit_asked(store, |part, _, recipients| {
            recipients.iter().for_each(|it| take_recipient(part, it));
        })?,
        false => Overview::new(store, &request.rules)?.visit(take_message, take_entry)?,
    };
    let mut measured: BTreeMap<(u32, Outcome), Vec<i64>> = BTreeMap::new();
    for (key, mut latencies) in parts.into_iter().flat_map(|it| it.0) {
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

/// The median, the 90th and the 99th percentile and the longest of some latencies, whose order it
/// changes: each the least one that at least so many percent of them do not exceed.
pub(crate) fn percentiles(latencies: &mut [i64]) -> Option<[i64; 4]> {
    let mut percentile = |percent: usize| {
        let place = (latencies.len() * percent).div_ceil(100).checked_sub(1)?;
        // To sort all of them would take several times as long.
        Some(*latencies.select_nth_unstable(place).1)
    };
    Some([percentile(50)?, percentile(90)?, percentile(99)?, percentile(100)?])
}

/// The row of some latencies, whose order it changes.
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
