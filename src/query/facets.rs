//! Counts the most frequent values of matching events, and when these happened.

use std::collections::HashMap;

use super::checked::{Heard, scan_answers};
use super::{Field, FieldKind, Query};
use crate::limits;
use crate::store::{Store, StoreError};
use crate::time::TimeRange;

/// The counts of the events that match a query.
#[derive(Clone, Debug, Default)]
pub struct FacetCounts {
    /// For each field, the number of events with each value.
    pub values: Vec<HashMap<String, u64>>,
    /// For each field, the events counted for values that came after [`limits::FACET_VALUES_MAX`]
    /// others.
    pub beyond: Vec<u64>,
    /// The number of events in each slot of [`limits::HISTOGRAM_SLOT_MS`], by slot number.
    pub slots: HashMap<i64, u64>,
    /// The number of events.
    pub total: u64,
}

impl FacetCounts {
    fn of(field_count: usize) -> Self {
        Self {
            values: vec![HashMap::new(); field_count],
            beyond: vec![0; field_count],
            ..Self::default()
        }
    }

    fn add(&mut self, place: usize, value: &str, count: u64) {
        let Some(values) = self.values.get_mut(place) else { return };
        if let Some(known) = values.get_mut(value) {
            *known += count;
        } else if values.len() < limits::FACET_VALUES_MAX {
            values.insert(value.to_owned(), count);
        } else if let Some(beyond) = self.beyond.get_mut(place) {
            *beyond += count;
        }
    }

    fn join(&mut self, other: Self) {
        self.total += other.total;
        for (place, values) in other.values.iter().enumerate() {
            for (value, count) in values {
                self.add(place, value, *count);
            }
        }
        for (known, more) in self.beyond.iter_mut().zip(other.beyond) {
            *known += more;
        }
        for (slot, count) in other.slots {
            *self.slots.entry(slot).or_default() += count;
        }
    }
}

impl Field {
    /// True if the field has few enough values for their counts to be informative.
    pub fn has_facets(self) -> bool {
        !matches!(self.kind(), FieldKind::Id | FieldKind::Time | FieldKind::Event)
    }
}

/// Counts the values of the events within `range` that match, reading each of them.
pub fn shape_of(
    store: &Store,
    query: &Query,
    range: TimeRange,
    fields: &[Field],
    heard: Heard<'_>,
) -> Result<FacetCounts, StoreError> {
    let mut whole = FacetCounts::of(fields.len());
    scan_answers(
        store,
        query,
        range,
        heard,
        || FacetCounts::of(fields.len()),
        |shape, record, event, _| {
            shape.total += 1;
            let slot = record.timestamp.as_ms().div_euclid(limits::HISTOGRAM_SLOT_MS);
            *shape.slots.entry(slot).or_default() += 1;
            for (place, field) in fields.iter().enumerate() {
                // An event counts once for a value, even if it has the value several times.
                let mut values: Vec<String> = Vec::new();
                super::matches::each_value(*field, record, event, &mut |value| {
                    if !values.iter().any(|it| it == value) {
                        values.push(value.to_owned());
                    }
                });
                values.iter().for_each(|it| shape.add(place, it, 1));
            }
        },
        |part| whole.join(part),
    )?;
    Ok(whole)
}
