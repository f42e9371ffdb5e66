//! The surroundings of a question's answers.

use crate::cli::args::grace::duration_ms;
use crate::limits;
use crate::query::{Field, Matcher, Query, search};
use crate::store::Store;
use crate::time::{TimeRange, Timestamp};
use crate::trace::{JoinRules, MessageFilter, Order, select_page};

/// The time before and after, in milliseconds.
pub(crate) fn around_ms(around: &str) -> anyhow::Result<i64> {
    duration_ms("--around", around, "10m")
}

/// Events near the newest ones that a query finds.
pub(crate) fn around_events(
    around: &str,
    query: &Query,
    range: TimeRange,
    store: &Store,
) -> anyhow::Result<Query> {
    let around_ms = around_ms(around)?;
    let mut times = Vec::new();
    for event in search(store, query, range, limits::AROUND_ANSWERS_MAX)? {
        let at = event?.record.timestamp;
        times.push((at, at));
    }
    Ok(within(Field::Time, &times, around_ms))
}

/// Messages first seen near the newest ones that a filter finds.
pub(crate) fn around_messages(
    around: &str,
    filter: &MessageFilter,
    rules: &JoinRules,
    store: &Store,
) -> anyhow::Result<MessageFilter> {
    let around_ms = around_ms(around)?;
    let most = limits::AROUND_ANSWERS_MAX;
    let (page, _) = select_page(store, rules, filter, Order::Newest, None, most)?;
    let times: Vec<(Timestamp, Timestamp)> =
        page.messages.iter().map(|it| (it.first_seen, it.last_seen)).collect();
    let rows = within(Field::FirstSeen, &times, around_ms);
    Ok(MessageFilter { rows, ..MessageFilter::default() })
}

/// Everything with a time near one of some spans; nothing if there is no span.
fn within(field: Field, spans: &[(Timestamp, Timestamp)], around_ms: i64) -> Query {
    let range = |(first, last): &(Timestamp, Timestamp)| TimeRange {
        since: Some(first.saturating_add_ms(-around_ms)),
        until: Some(last.saturating_add_ms(around_ms.saturating_add(1))),
    };
    let mut ranges: Vec<TimeRange> = spans.iter().map(range).collect();
    ranges.sort_unstable_by_key(|it| it.since);
    let mut merged: Vec<TimeRange> = Vec::new();
    // Merged, because near answers overlap and would make a query with a range for each of them.
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.since <= last.until => last.until = last.until.max(range.until),
            _ => merged.push(range),
        }
    }
    // An OR of nothing would be everything.
    if merged.is_empty() {
        return Query::negated(Query::All);
    }
    Query::or(merged.into_iter().map(|it| Query::demand(field, Matcher::Time(it))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_near_each_other_are_one() {
        let at = |ms| Timestamp::from_ms(ms).unwrap();
        let spans = [(at(100_000), at(100_000)), (at(0), at(5_000)), (at(20_000), at(20_000))];
        assert_eq!(
            within(Field::Time, &spans, 10_000).to_string(),
            "time:[1969-12-31T23:59:50.000Z TO 1970-01-01T00:00:30.001Z} OR \
             time:[1970-01-01T00:01:30.000Z TO 1970-01-01T00:01:50.001Z}"
        );
        assert_eq!(within(Field::Time, &[], 1), Query::negated(Query::All));
    }
}
