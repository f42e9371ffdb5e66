//! The values that the answers to a question have most often, and when they happened.

use std::collections::HashMap;

use super::checked::{Heard, scan_answers};
use super::{Field, FieldKind, Query};
use crate::limits;
use crate::store::{Store, StoreError};
use crate::time::TimeRange;

/// What is counted of the answers to a question.
#[derive(Clone, Debug, Default)]
pub struct FacetCounts {
    /// For each field that was asked for, how many answers have each value.
    pub values: Vec<HashMap<String, u64>>,
    /// For each field, how many values came when [`limits::FACET_VALUES_MAX`] were known already.
    pub beyond: Vec<u64>,
    /// How many answers there are in each slot of [`limits::HISTOGRAM_SLOT_MS`], by its number.
    pub slots: HashMap<i64, u64>,
    /// How many answers there are.
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
    /// Whether few enough values are to be expected that counting them says something.
    pub fn has_facets(self) -> bool {
        !matches!(self.kind(), FieldKind::Id | FieldKind::Time | FieldKind::Event)
    }
}

/// Counts what the events within `range` have that are what is asked for, reading each of them.
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
                // An event counts once for a value, however often it has it.
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
