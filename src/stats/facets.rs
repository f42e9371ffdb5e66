//! The shape of an answer: its most frequent values, and its distribution over time.

use std::collections::HashMap;

use super::groups::groups_of;
use super::{CountKey, GroupRequest, Groups, StatsError};
use crate::limits;
use crate::query::{FacetCounts, Field};
use crate::store::Store;
use crate::time::{Interval, Intervals, Timestamp, Zone};
use crate::trace::{JoinRules, MessageFilter, Overview, Selection};

/// The most frequent values of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// The field's name.
    pub field: String,
    /// The values with the number of answers that have each; `None` for answers without one.
    pub values: Vec<(Option<String>, u64)>,
    /// The number of values.
    pub value_count: usize,
    /// The number of answers: events, messages or recipients, whichever is counted.
    pub total: u64,
}

/// The number of answers in each interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    /// The length of the intervals, as a word.
    pub interval: &'static str,
    /// The intervals.
    pub intervals: Intervals,
    /// The number of answers in each.
    pub counts: Vec<u64>,
}

/// Counts the values of messages and of their selected recipients.
pub fn facets_of_messages(
    store: &Store,
    rules: &JoinRules,
    filter: &MessageFilter,
    keys: &[CountKey],
    zone: &Zone,
) -> Result<Vec<Facet>, StatsError> {
    let overview = Overview::new(store, rules)?;
    let request = |key: &CountKey| GroupRequest {
        filter: filter.clone(),
        rules: rules.clone(),
        keys: vec![*key],
        zone: zone.clone(),
        limit: limits::FACET_ROWS,
    };
    let requests: Vec<_> = keys.iter().map(request).collect();
    let facet = |(key, groups): (&CountKey, Groups)| {
        let values = groups.rows.into_iter();
        Facet {
            field: key.as_str().to_owned(),
            values: values.map(|it| (it.values.into_iter().next().flatten(), it.count)).collect(),
            value_count: groups.group_count,
            total: groups.total,
        }
    };
    Ok(keys.iter().zip(groups_of(store, &overview, &requests)?).map(facet).collect())
}

/// Counts messages by the time they were first seen; `None` without messages.
pub fn histogram_of_messages(
    store: &Store,
    rules: &JoinRules,
    filter: &MessageFilter,
    zone: &Zone,
) -> Result<Option<Histogram>, StatsError> {
    let overview = Overview::new(store, rules)?;
    let parts = Selection::new(&overview, filter)?.without_recipients().visit(
        |slots: &mut HashMap<i64, u64>, _, found| {
            // Slots are counted first: the choice of intervals needs the first and the last
            // message.
            let slot = found.first_seen_ms().div_euclid(limits::HISTOGRAM_SLOT_MS);
            *slots.entry(slot).or_default() += 1;
            Ok(())
        },
    )?;
    let mut slots: HashMap<i64, u64> = HashMap::new();
    for (slot, count) in parts.into_iter().flatten() {
        *slots.entry(slot).or_default() += count;
    }
    Ok(histogram(&slots, zone))
}

/// Returns the most frequent values of fields of events.
pub fn facets_of_events(shape: &FacetCounts, fields: &[Field]) -> Vec<Facet> {
    let facet = |(field, values): (&Field, &HashMap<String, u64>)| {
        let mut list: Vec<(&String, &u64)> = values.iter().collect();
        list.sort_unstable_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        let shown = list.iter().take(limits::FACET_ROWS);
        Facet {
            field: field.name().to_owned(),
            values: shown.map(|(value, count)| (Some((*value).clone()), **count)).collect(),
            value_count: list.len(),
            total: shape.total,
        }
    };
    fields.iter().zip(&shape.values).map(facet).collect()
}

/// Makes a histogram of slots of [`limits::HISTOGRAM_SLOT_MS`], in intervals that suit a chart.
pub fn histogram(slots: &HashMap<i64, u64>, zone: &Zone) -> Option<Histogram> {
    let (first, last) = (slots.keys().min()?, slots.keys().max()?);
    let (interval, intervals) = picture_intervals(*first, *last, zone)?;
    let mut counts = vec![0; intervals.count()];
    for (slot, count) in slots {
        let ms = slot.saturating_mul(limits::HISTOGRAM_SLOT_MS);
        if let Some(slot) = counts.get_mut(intervals.place_of(ms)) {
            *slot += count;
        }
    }
    Some(Histogram { interval, intervals, counts })
}

/// Returns the intervals that suit a chart of the slots from `first` to `last`, and their length as
/// a word.
pub(super) fn picture_intervals(
    first: i64,
    last: i64,
    zone: &Zone,
) -> Option<(&'static str, Intervals)> {
    let ms = |slot: i64| slot.saturating_mul(limits::HISTOGRAM_SLOT_MS);
    let span = ms(last.saturating_sub(first).saturating_add(1));
    let (first, last) = (Timestamp::from_ms(ms(first))?, Timestamp::from_ms(ms(last))?);
    let choices = [
        ("15m", Interval::Length(limits::HISTOGRAM_SLOT_MS), limits::HISTOGRAM_SLOT_MS),
        ("hour", Interval::Length(3_600_000), 3_600_000),
        ("day", Interval::Day, crate::time::DAY_MS),
    ];
    // The shortest interval that does not give too many bars.
    let fitting = choices.into_iter().find(|it| span / it.2 <= limits::HISTOGRAM_BARS);
    let (name, interval) = fitting.map_or(("week", Interval::Week), |it| (it.0, it.1));
    let intervals = Intervals::new(interval, first, last, zone, limits::INTERVALS_MAX)?;
    Some((name, intervals))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_as_long_as_a_picture_needs() {
        let check = |hours: i64, expect: &str| {
            let slots: HashMap<i64, u64> =
                (0..=hours * 4).map(|it| (1_795_428_000_000 / 900_000 + it, 1)).collect();
            let found = histogram(&slots, &Zone::UTC).unwrap();
            assert_eq!(found.interval, expect, "{hours}");
            assert_eq!(found.counts.iter().sum::<u64>(), slots.len() as u64);
        };
        check(1, "15m");
        check(48, "hour");
        check(24 * 30, "day");
        check(24 * 400, "week");
        assert_eq!(histogram(&HashMap::new(), &Zone::UTC), None);
        assert_eq!(histogram(&HashMap::from([(i64::MAX, 1)]), &Zone::UTC), None);
    }
}
