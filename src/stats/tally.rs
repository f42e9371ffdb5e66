//! From things to be counted to counts.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::{CountKey, Unit, cause_of};
use crate::store::words::folded;
use crate::store::{IdHash, Location, Store, StoreError, truncate_term};
use crate::time::Intervals;

/// How often each value occurs.
#[derive(Clone, Debug)]
pub struct Counts {
    /// What was counted by.
    pub key: CountKey,
    /// What was counted.
    pub unit: Unit,
    /// How many things there are.
    pub total: u64,
    /// The first and the last of their times, in milliseconds since 1970.
    pub span: Option<(i64, i64)>,
    /// How many different values they have.
    pub value_count: usize,
    /// The most frequent values, of the same count in order of the values.
    pub rows: Vec<CountRow>,
    /// The intervals, where the time was divided.
    pub intervals: Option<Intervals>,
    /// How many things there are in each interval, of all values.
    pub series: Vec<u64>,
}

/// How often one value occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountRow {
    /// The value; none of those that have none.
    pub value: Option<String>,
    /// How many things have it.
    pub count: u64,
    /// How many in each interval.
    pub series: Vec<u64>,
}

/// A value that is counted.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// None.
    Absent,
    /// As it is shown.
    Text(String),
    /// As it compares; an event shows how it is written.
    Folded(String, Location),
    /// By its hash; an event shows it.
    Hashed(IdHash, Location),
}

impl Value {
    /// What orders values of the same count, however they came into the store.
    fn order(&self) -> (&str, Option<IdHash>) {
        match self {
            Self::Absent => ("", None),
            Self::Text(text) | Self::Folded(text, _) => (text, None),
            Self::Hashed(hash, _) => ("", Some(*hash)),
        }
    }
}

/// Things that are counted: 16 bytes each.
#[derive(Default)]
pub(super) struct Tally {
    /// The number of each thing's value, and its time in milliseconds since 1970.
    pub(super) things: Vec<(u32, i64)>,
    /// The values by number; some may have no things.
    pub(super) values: Vec<Value>,
}

impl Tally {
    /// Counts, and finds out how the values that are shown are written.
    pub(super) fn counts(
        &self,
        store: &Store,
        key: CountKey,
        intervals: Option<Intervals>,
        limit: usize,
    ) -> Result<Counts, StoreError> {
        let mut counts = vec![0_u64; self.values.len()];
        for (number, _) in &self.things {
            if let Some(count) = counts.get_mut(*number as usize) {
                *count += 1;
            }
        }
        let mut order: Vec<(usize, &Value, u64)> = self
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
        if key.is_in_order() {
            order.sort_unstable_by_key(|it| it.0);
        }
        let value_count = order.len();
        order.truncate(limit);
        let width = intervals.as_ref().map_or(0, Intervals::count);
        let (series, series_of_rows) = match &intervals {
            Some(intervals) => self.series(intervals, &order),
            None => (Vec::new(), vec![0; 0]),
        };
        let mut rows = Vec::with_capacity(order.len());
        for (place, (_, value, count)) in order.into_iter().enumerate() {
            let series = series_of_rows.get(place * width..(place + 1) * width);
            rows.push(CountRow {
                value: written(value, store, key)?,
                count,
                series: series.unwrap_or_default().to_vec(),
            });
        }
        let total = counts.iter().sum();
        let times = || self.things.iter().map(|it| it.1);
        let span = times().min().zip(times().max());
        let unit = key.counted_unit();
        Ok(Counts { key, unit, total, span, value_count, rows, intervals, series })
    }

    /// The counts by interval: of all, and of each row behind each other.
    fn series(&self, intervals: &Intervals, rows: &[(usize, &Value, u64)]) -> (Vec<u64>, Vec<u64>) {
        let width = intervals.count();
        let row_of: HashMap<usize, usize> = rows.iter().map(|it| it.0).zip(0..).collect();
        let mut all = vec![0; width];
        let mut of_rows = vec![0; width * rows.len()];
        for (number, ms) in &self.things {
            let place = intervals.place_of(*ms);
            let of_row = row_of.get(&(*number as usize)).map(|row| row * width + place);
            let slots = [all.get_mut(place), of_row.and_then(|it| of_rows.get_mut(it))];
            slots.into_iter().flatten().for_each(|it| *it += 1);
        }
        (all, of_rows)
    }
}

/// How a value is written in the log.
fn written(value: &Value, store: &Store, key: CountKey) -> Result<Option<String>, StoreError> {
    let (text, example) = match value {
        Value::Absent => return Ok(None),
        Value::Text(text) => return Ok(Some(text.clone())),
        Value::Folded(text, example) => (Some(text), *example),
        Value::Hashed(_, example) => (None, *example),
    };
    let event = store.events().read(example)?.event;
    let read = key
        .value_in(&event)
        .filter(|read| text.is_none_or(|it| truncate_term(&folded(read)) == it.as_str()));
    Ok(match (read, key) {
        (Some(reason), CountKey::Cause) => Some(cause_of(reason)),
        (read, _) => read.map(str::to_owned).or(text.cloned()),
    })
}
