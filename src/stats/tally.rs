//! Counting: from things with values to counts.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::ops::Range;

use super::{CountKey, Unit, cause_of};
use crate::store::words::folded;
use crate::store::{IdHash, Location, Store, StoreError, truncate_term};
use crate::time::Intervals;

/// The counts of values.
#[derive(Clone, Debug)]
pub struct Counts {
    /// The key.
    pub key: CountKey,
    /// The unit.
    pub unit: Unit,
    /// The number of things.
    pub total: u64,
    /// The first and the last of their times, in milliseconds since 1970.
    pub span: Option<(i64, i64)>,
    /// The number of different values.
    pub value_count: usize,
    /// The most frequent values; those of one count in the order of the values.
    pub rows: Vec<CountRow>,
    /// The intervals, if the time is divided.
    pub intervals: Option<Intervals>,
    /// The number of things in each interval, over all values.
    pub series: Vec<u64>,
}

/// The counts of one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountRow {
    /// The value; `None` for things without one.
    pub value: Option<String>,
    /// The number of things with it.
    pub count: u64,
    /// The number of them in each interval.
    pub series: Vec<u64>,
}

/// A counted value.
#[derive(Clone, Debug)]
pub(super) enum CountedValue {
    Absent,
    /// In the form that is shown.
    Text(String),
    /// In the form that compares; the event has the spelling.
    Folded(String, Location),
    /// By its hash; the event has the text.
    Hashed(IdHash, Location),
}

impl CountedValue {
    /// Returns the order of values of one count, which does not depend on the store.
    fn order(&self) -> (&str, Option<IdHash>) {
        match self {
            Self::Absent => ("", None),
            Self::Text(text) | Self::Folded(text, _) => (text, None),
            Self::Hashed(hash, _) => ("", Some(*hash)),
        }
    }
}

/// The number of things of each value, in total and in each interval.
///
/// Things are not kept: it takes 8 bytes for each value, and some 30 for each interval in which a
/// value occurs.
#[derive(Default)]
pub(super) struct Tally {
    /// The counts by the number of the value.
    counts: Vec<u64>,
    /// The counts by the number of the value and the index of the interval, if time is divided.
    of_intervals: HashMap<(u32, u32), u64>,
    /// The first and the last time, in milliseconds since 1970.
    span: Option<(i64, i64)>,
    run: Option<Run>,
}

/// Consecutive things of one value and one interval, as most in a log are.
struct Run {
    value: u32,
    /// The index and the instants of the interval; `None` if time is not divided.
    interval: Option<(u32, Range<i64>)>,
    count: u64,
}

/// A tally and the values of its numbers; some may have no things.
#[derive(Default)]
pub(super) struct TallyOf {
    pub(super) tally: Tally,
    pub(super) values: Vec<CountedValue>,
}

impl Run {
    fn has(&self, value: u32, ms: i64) -> bool {
        self.value == value && self.interval.as_ref().is_none_or(|(_, it)| it.contains(&ms))
    }
}

impl Tally {
    /// Counts a thing: the number of its value, and its time in milliseconds since 1970.
    pub(super) fn add(&mut self, value: u32, ms: i64, intervals: Option<&Intervals>) {
        self.take_span((ms, ms));
        match &mut self.run {
            Some(run) if run.has(value, ms) => run.count += 1,
            _ => {
                // A run looks up its interval and its counter once for all of its things.
                self.end_run();
                let interval = intervals.map(|it| {
                    let place = it.place_of(ms);
                    (u32::try_from(place).unwrap_or(u32::MAX), it.instants_of(place))
                });
                self.run = Some(Run { value, interval, count: 1 });
            }
        }
    }

    fn end_run(&mut self) {
        let Some(Run { value, interval, count }) = self.run.take() else { return };
        self.add_counted(value, interval.map(|(place, _)| place), count);
    }

    fn add_counted(&mut self, value: u32, interval: Option<u32>, count: u64) {
        match interval {
            Some(place) => *self.of_intervals.entry((value, place)).or_default() += count,
            None => {
                let place = value as usize;
                if self.counts.len() <= place {
                    self.counts.resize(place + 1, 0);
                }
                if let Some(slot) = self.counts.get_mut(place) {
                    *slot += count;
                }
            }
        }
    }

    /// Counts several things of a value in the interval at an index.
    pub(super) fn take(&mut self, value: u32, place: usize, count: u64) {
        self.add_counted(value, Some(u32::try_from(place).unwrap_or(u32::MAX)), count);
    }

    /// Extends the span of times by things already counted, in milliseconds since 1970.
    pub(super) fn take_span(&mut self, (first, last): (i64, i64)) {
        let (known_first, known_last) = self.span.unwrap_or((first, last));
        self.span = Some((known_first.min(first), known_last.max(last)));
    }

    /// Adds another tally, whose values have other numbers here.
    pub(super) fn join(&mut self, mut other: Self, mut number_of: impl FnMut(u32) -> u32) {
        other.end_run();
        let spans = || self.span.into_iter().chain(other.span);
        self.span = spans().map(|it| it.0).min().zip(spans().map(|it| it.1).max());
        for (value, count) in (0..).zip(other.counts).filter(|(_, count)| *count > 0) {
            self.add_counted(number_of(value), None, count);
        }
        // In order, so that values get their numbers in the same order each time.
        let mut of_intervals: Vec<_> = other.of_intervals.into_iter().collect();
        of_intervals.sort_unstable();
        for ((value, place), count) in of_intervals {
            self.add_counted(number_of(value), Some(place), count);
        }
    }

    /// Returns the counts by value.
    fn totals(&self, value_count: usize) -> Vec<u64> {
        let mut totals = self.counts.clone();
        totals.resize(value_count, 0);
        for ((value, _), count) in &self.of_intervals {
            if let Some(total) = totals.get_mut(*value as usize) {
                *total += count;
            }
        }
        totals
    }

    /// Returns the counts by interval: of all things, and of the rows, one row after another.
    fn series(
        &self,
        intervals: &Intervals,
        rows: &[(usize, &CountedValue, u64)],
    ) -> (Vec<u64>, Vec<u64>) {
        let width = intervals.count();
        // One pass over the cells for all rows, not one for each row.
        let row_of: HashMap<usize, usize> = rows.iter().map(|it| it.0).zip(0..).collect();
        let mut all = vec![0; width];
        let mut of_rows = vec![0; width * rows.len()];
        for ((value, place), count) in &self.of_intervals {
            let place = *place as usize;
            let of_row = row_of.get(&(*value as usize)).map(|row| row * width + place);
            let slots = [all.get_mut(place), of_row.and_then(|it| of_rows.get_mut(it))];
            slots.into_iter().flatten().for_each(|it| *it += count);
        }
        (all, of_rows)
    }
}

impl TallyOf {
    /// Makes the counts, and looks up the spelling of the values that are shown.
    pub(super) fn counts(
        mut self,
        store: &Store,
        key: CountKey,
        intervals: Option<Intervals>,
        limit: usize,
    ) -> Result<Counts, StoreError> {
        self.tally.end_run();
        let counts = self.tally.totals(self.values.len());
        let mut order: Vec<(usize, &CountedValue, u64)> = self
            .values
            .iter()
            .zip(&counts)
            .enumerate()
            .filter(|(_, (_, count))| **count > 0)
            .map(|(number, (value, count))| (number, value, *count))
            .collect();
        order.sort_unstable_by(|a, b| {
            Reverse(a.2).cmp(&Reverse(b.2)).then_with(|| a.1.order().cmp(&b.1.order()))
        });
        // The numbers of these values are their order.
        if key.is_in_order() {
            order.sort_unstable_by_key(|it| it.0);
        }
        let value_count = order.len();
        // Before spellings are looked up: each takes a read from the archive.
        order.truncate(limit);
        let width = intervals.as_ref().map_or(0, Intervals::count);
        let (series, series_of_rows) = match &intervals {
            Some(intervals) => self.tally.series(intervals, &order),
            None => (Vec::new(), Vec::new()),
        };
        let mut rows = Vec::with_capacity(order.len());
        for (place, (_, value, count)) in order.into_iter().enumerate() {
            let series = series_of_rows.get(place * width..(place + 1) * width);
            rows.push(CountRow {
                value: written(value, store, key)?,
                count,
                series: series.unwrap_or(&[]).to_vec(),
            });
        }
        let total = counts.iter().sum();
        let (unit, span) = (key.counted_unit(), self.tally.span);
        Ok(Counts { key, unit, total, span, value_count, rows, intervals, series })
    }
}

/// Returns the spelling of a value in the log.
fn written(
    value: &CountedValue,
    store: &Store,
    key: CountKey,
) -> Result<Option<String>, StoreError> {
    let (text, example) = match value {
        CountedValue::Absent => return Ok(None),
        CountedValue::Text(text) => return Ok(Some(text.clone())),
        CountedValue::Folded(text, example) => (Some(text), *example),
        CountedValue::Hashed(_, example) => (None, *example),
    };
    let event = store.events().read(example)?.event;
    let read = key
        .value_in(&event)
        // The example may have another value in the field: then the folded form is shown.
        .filter(|read| text.is_none_or(|it| truncate_term(&folded(read)) == it.as_str()));
    Ok(match (read, key) {
        (Some(reason), CountKey::Cause) => Some(cause_of(reason)),
        (read, _) => read.map(str::to_owned).or(text.cloned()),
    })
}
