//! Counts of values in several classes of things, in one pass.

use std::collections::HashMap;

use super::group_part::GroupValue;
use super::group_values::GroupValues;
use super::{CountKey, GroupRequest, StatsError};
use crate::store::{EventReader, Store, StoreError};
use crate::trace::{Overview, SelectedMessage, Selection};

/// The counts of one worker: 4 bytes for each value and class.
pub(crate) struct WorkerCounts<const CLASSES: usize> {
    /// The counts by the numbers of values.
    numbered: Vec<[u32; CLASSES]>,
    /// The counts of values of messages whose originals were read.
    read: HashMap<Box<str>, [u32; CLASSES]>,
    /// The values of the current thing, a buffer that is reused.
    values: Vec<GroupValue>,
}

impl<const CLASSES: usize> Default for WorkerCounts<CLASSES> {
    fn default() -> Self {
        Self { numbered: Vec::new(), read: HashMap::new(), values: Vec::new() }
    }
}

impl<const CLASSES: usize> WorkerCounts<CLASSES> {
    fn counts_of(&mut self, number: u32) -> Option<&mut [u32; CLASSES]> {
        let place = number as usize;
        if self.numbered.len() <= place {
            // Grown to the greatest number met, not to all numbers there are.
            self.numbered.resize(place + 1, [0; CLASSES]);
        }
        self.numbered.get_mut(place)
    }

    fn join(&mut self, other: Self) {
        for (number, counts) in (0..).zip(other.numbered).filter(|it| it.1 != [0; CLASSES]) {
            self.counts_of(number).into_iter().for_each(|it| add(it, counts));
        }
        for (value, counts) in other.read {
            add(self.read.entry(value).or_insert([0; CLASSES]), counts);
        }
    }
}

fn add<const CLASSES: usize>(counts: &mut [u32; CLASSES], more: [u32; CLASSES]) {
    counts.iter_mut().zip(more).for_each(|(it, more)| *it = it.saturating_add(more));
}

/// Counts by the values of one key; things without one are not counted.
pub(crate) struct Counting<'o>(GroupValues<'o>);

impl<'o> Counting<'o> {
    /// Prepares the source of a key's values.
    pub(crate) fn find(
        key: CountKey,
        store: &Store,
        overview: &'o Overview<'_>,
        selection: &Selection<'_, '_>,
        request: &GroupRequest,
    ) -> Result<Self, StatsError> {
        let GroupRequest { rules, zone, .. } = request;
        GroupValues::find(key, store, overview, selection, rules, zone).map(Self)
    }

    /// Counts a message, or the recipient at an index among the selected ones, in a class.
    pub(crate) fn take<const CLASSES: usize>(
        &self,
        counted: &mut WorkerCounts<CLASSES>,
        class: usize,
        (found, place): (&SelectedMessage<'_>, usize),
        reader: &mut EventReader<'_>,
    ) -> Result<(), StoreError> {
        // Taken out for the borrow, and put back for its memory.
        let mut values = std::mem::take(&mut counted.values);
        values.clear();
        self.0.add(found, place, reader, &mut values)?;
        for value in values.drain(..) {
            let counts = match value {
                GroupValue::Number(number) => counted.counts_of(number),
                GroupValue::Text(text) => Some(counted.read.entry(text).or_insert([0; CLASSES])),
                GroupValue::Absent | GroupValue::Pair(..) => None,
            };
            if let Some(count) = counts.and_then(|it| it.get_mut(class)) {
                *count = count.saturating_add(1);
            }
        }
        counted.values = values;
        Ok(())
    }

    /// Joins the counts of the workers, and returns the values whose counts are wanted.
    pub(crate) fn joined<const CLASSES: usize>(
        &self,
        parts: impl IntoIterator<Item = WorkerCounts<CLASSES>>,
        is_wanted: impl Fn(&[u32; CLASSES]) -> bool,
    ) -> Vec<(String, [u32; CLASSES])> {
        let mut whole = WorkerCounts::default();
        parts.into_iter().for_each(|it| whole.join(it));
        let WorkerCounts { numbered, mut read, .. } = whole;
        // Labels are made last, only for values that may be wanted.
        let label = |it: u32| self.0.label(GroupValue::Number(it));
        let mut joined = Vec::new();
        for (number, mut counts) in (0..).zip(numbered).filter(|it| it.1 != [0; CLASSES]) {
            // Unwanted alone, it may be wanted with the counts of the same value read as text.
            if read.is_empty() && !is_wanted(&counts) {
                continue;
            }
            let Some(value) = label(number) else { continue };
            read.remove(value.as_str()).into_iter().for_each(|it| add(&mut counts, it));
            joined.push((value, counts));
        }
        joined.extend(read.into_iter().map(|(value, counts)| (value.into(), counts)));
        joined.retain(|(_, counts)| is_wanted(counts));
        joined
    }
}
