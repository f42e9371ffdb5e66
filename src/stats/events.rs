//! Counts of events by name, by far the most frequent question.

use super::attributes::is_documented;
use super::tally::{CountRow, CountedValue, Counts, Tally, TallyOf};
use super::{CountKey, StatsError, StatsRequest};
use crate::event::EventName;
use crate::store::{Attribute, IntervalCounts, IntervalQuestion, NAMES_MAX, Store};
use crate::time::Intervals;

/// Counts all events by name and interval, if all names are documented or missing.
pub(super) fn tally_documented(
    store: &Store,
    request: &StatsRequest,
    intervals: &Intervals,
) -> Result<Option<TallyOf>, StatsError> {
    let names = EventName::DOCUMENTED.map(|it| it.as_str().to_lowercase());
    // One number is left for events without a name.
    const { assert!(EventName::DOCUMENTED.len() < NAMES_MAX) };
    // The number after the documented names is that of a missing one.
    let number_of = |name: Option<&str>| {
        let place = name.map_or(Some(names.len()), |name| names.iter().position(|it| it == name));
        place.and_then(|it| u8::try_from(it).ok())
    };
    let interval_of = |ms| {
        let place = intervals.place_of(ms);
        (place, intervals.instants_of(place))
    };
    let question = IntervalQuestion {
        number_of: &number_of,
        times: request.range.in_ms(),
        interval_of: &interval_of,
    };
    let Some(counted) = store.count_in_intervals(&question)? else { return Ok(None) };
    let mut tally = Tally::default();
    for IntervalCounts { slots, span } in counted {
        for (place, slot) in slots.iter().enumerate() {
            for (value, count) in (0..).zip(slot).filter(|(_, count)| **count > 0) {
                tally.take(value, place, *count);
            }
        }
        span.into_iter().for_each(|it| tally.take_span(it));
    }
    let named = EventName::DOCUMENTED.iter().map(|it| CountedValue::Text(it.as_str().to_owned()));
    Ok(Some(TallyOf { tally, values: named.chain([CountedValue::Absent]).collect() }))
}

/// Counts all events by name, and returns the `limit` most frequent, if all names are documented or
/// missing: the spelling of others is only in their events. It looks at a few hundred terms.
pub(super) fn count_documented(store: &Store, limit: usize) -> Result<Option<Counts>, StatsError> {
    let total = store.checkpoint().mail_records();
    let mut rows = Vec::new();
    // One undocumented name is enough to give up: the general way reads how it is spelled.
    for (folded, count) in store.attribute_counts(Attribute::Event)? {
        if !is_documented(&folded) {
            return Ok(None);
        }
        rows.push(CountRow { value: Some(folded.to_uppercase()), count, series: Vec::new() });
    }
    let named: u64 = rows.iter().map(|it| it.count).sum();
    // An event without a name has no term: it is what remains of the total.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Parser;
    use crate::query::Query;
    use crate::stats::attributes;
    use crate::store::{Record, StoreWriter};
    use crate::time::{Interval, TimeRange, Timestamp, Zone};
    use crate::trace::JoinRules;

    const START_MS: i64 = 1_795_428_000_000;
    const HOUR_MS: i64 = 3_600_000;

    /// A store with an event at each time, in order, in commits of so many.
    fn store(dir: &std::path::Path, events: &[(usize, i64)], in_commit: usize) -> Store {
        let mut writer = StoreWriter::open_or_create(dir).unwrap();
        for (number, part) in events.chunks(in_commit).enumerate() {
            let mut preparer = writer.preparers().preparer();
            for (place, (name, ms)) in part.iter().enumerate() {
                let name = EventName::DOCUMENTED
                    .get(*name)
                    .map_or(String::new(), |it| format!(r#""eventName":"{it}","#));
                let message =
                    format!(r#"{{"traceId":"t{number}-{place}","event":{{{name}"n":1}}}}"#);
                let record = Record {
                    log_group: None,
                    log_stream: None,
                    event_id: None,
                    timestamp: Timestamp::from_ms(*ms).unwrap(),
                    is_time_approximate: false,
                    ingestion_time: None,
                    message: message.as_str().into(),
                };
                preparer.add(&record, &Parser::new().parse(&message).unwrap());
            }
            writer.append(vec![preparer.finish().unwrap()]).unwrap();
            writer.commit().unwrap();
        }
        writer.close().unwrap();
        Store::open(dir).unwrap()
    }

    /// Mostly one after the other, within a chunk and over the edges of hours; some far away.
    fn any_events() -> impl Strategy<Value = Vec<(usize, i64)>> {
        let step = prop_oneof![20 => -2_000_i64..20_000, 1 => Just(HOUR_MS), 1 => -40 * HOUR_MS..40 * HOUR_MS];
        prop::collection::vec((0..=EventName::DOCUMENTED.len(), step), 1..700).prop_map(|events| {
            let mut ms = START_MS;
            let at = |(name, step): (usize, i64)| {
                // Who comes from far away does not keep the next one there.
                let here = ms + step;
                if step.abs() <= HOUR_MS {
                    ms = here;
                }
                (name, here)
            };
            events.into_iter().map(at).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn chunks_are_counted_as_each_event_is(
            log in any_events(),
            in_commit in 100_usize..800,
            range in prop::option::of((0_i64..30, 1_i64..30)),
            interval in prop_oneof![Just(Interval::Length(HOUR_MS)), Just(Interval::Day)],
        ) {
            let dir = tempfile::tempdir().unwrap();
            let store = store(dir.path(), &log, in_commit);
            let at = |hours: i64| Timestamp::from_ms(START_MS - 10 * HOUR_MS + hours * HOUR_MS / 3);
            let range = range.map_or(TimeRange::default(), |(since, hours)| TimeRange {
                since: at(since),
                until: at(since + hours),
            });
            let request = StatsRequest {
                range,
                interval: Some(interval),
                zone: Zone::UTC,
                rules: JoinRules::default(),
                rows: Query::All,
            };
            let Some(intervals) = request.intervals(&store).unwrap() else { return Ok(()) };
            let by_chunk = tally_documented(&store, &request, &intervals).unwrap().unwrap();
            let by_event = attributes::tally(&store, CountKey::Event, &request, Some(&intervals));
            let [by_chunk, by_event] = [by_chunk, by_event.unwrap()].map(|it| {
                let counts = it.counts(&store, CountKey::Event, Some(intervals.clone()), 100).unwrap();
                (counts.rows, counts.span, counts.series, counts.total, counts.value_count)
            });
            prop_assert_eq!(by_chunk, by_event);
        }
    }
}
