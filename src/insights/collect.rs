//! Collects rows: groups for a `stats`, or the rows of the answer.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::aggregate::{Moment, Tally};
use super::eval::{Scope, eval};
use super::program::{Listing, Stats};
use super::value::Value;
use crate::limits;

/// The groups of a `stats`.
#[derive(Debug, Default)]
pub(super) struct Groups {
    places: HashMap<Vec<u8>, usize>,
    groups: Vec<Group>,
    /// The key of the current row. It is kept to reuse its memory.
    key: Vec<u8>,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Group {
    keys: Vec<Value<'static>>,
    tallies: Vec<Tally>,
}

/// The approximate size of a group without its texts, in bytes.
const GROUP_BYTES: usize = 160;

impl Groups {
    pub(super) fn add<'r>(&mut self, stats: &'r Stats, scope: &Scope<'r>) {
        let values: Vec<Value<'r>> = stats.keys.iter().map(|it| eval(it, scope)).collect();
        self.key.clear();
        values.iter().for_each(|it| push_key(it, &mut self.key));
        let place = match self.places.get(&self.key) {
            Some(place) => *place,
            None => {
                let keys = values.into_iter().map(Value::into_owned).collect();
                self.push(self.key.clone(), Group { keys, tallies: stats.tallies() })
            }
        };
        let moment = moment(scope);
        let Some(group) = self.groups.get_mut(place) else { return };
        for (tally, counted) in group.tallies.iter_mut().zip(&stats.counted) {
            let value = counted.argument.as_ref().map_or(Value::Null, |it| eval(it, scope));
            self.bytes += tally.add(value, moment);
        }
    }

    fn push(&mut self, key: Vec<u8>, group: Group) -> usize {
        let keys: usize = group.keys.iter().map(Value::bytes).sum();
        let tallies = group.tallies.len() * size_of::<Tally>();
        self.bytes += GROUP_BYTES + key.len() + keys + tallies;
        let place = self.groups.len();
        self.places.insert(key, place);
        self.groups.push(group);
        place
    }

    /// Adds the groups of later rows.
    pub(super) fn join(&mut self, other: Self) {
        let mut others: Vec<Option<Group>> = other.groups.into_iter().map(Some).collect();
        let mut places: Vec<(Vec<u8>, usize)> = other.places.into_iter().collect();
        // In the order of their first rows, so that the result does not depend on a map's order.
        places.sort_unstable_by_key(|it| it.1);
        for (key, place) in places {
            let Some(group) = others.get_mut(place).and_then(Option::take) else { continue };
            match self.places.get(&key).and_then(|it| self.groups.get_mut(*it)) {
                None => {
                    self.push(key, group);
                }
                Some(known) => {
                    for (tally, more) in known.tallies.iter_mut().zip(group.tallies) {
                        self.bytes += tally.join(more);
                    }
                }
            }
        }
    }

    /// The rows of the groups in the order of their keys: the keys, what was counted, and the
    /// values of the `stats` items. `None` if a text would be too long. Without keys there is
    /// always one row, even if nothing was counted.
    pub(super) fn into_rows(mut self, stats: &Stats) -> Option<Vec<Vec<Value<'static>>>> {
        if stats.keys.is_empty() && self.groups.is_empty() {
            self.groups.push(Group { keys: Vec::new(), tallies: stats.tallies() });
        }
        self.groups.sort_by(|a, b| {
            let mut orders = a.keys.iter().zip(&b.keys).map(|(a, b)| a.natural_order(b));
            orders.find(|it| it.is_ne()).unwrap_or(Ordering::Equal)
        });
        let row = |group: Group| {
            let mut cells = group.keys;
            cells.extend(group.tallies.into_iter().map(Tally::into_value));
            let mut scope = Scope { cells, ..Scope::default() };
            for item in &stats.items {
                // One after the other, because an item may use the name of an earlier one.
                let value = eval(item, &scope).into_owned();
                scope.cells.push(value);
            }
            let is_whole = !scope.has_overflow.get();
            is_whole.then(|| scope.cells.into_iter().map(Value::into_owned).collect())
        };
        self.groups.into_iter().map(row).collect()
    }
}

/// Appends the bytes that distinguish a value from others.
fn push_key(value: &Value<'_>, key: &mut Vec<u8>) {
    // A null differs from an empty text, and the length keeps neighbouring texts apart.
    let Some(text) = value.as_text() else { return key.push(0) };
    key.push(1);
    key.extend_from_slice(&(text.len() as u64).to_le_bytes());
    key.extend_from_slice(text.as_bytes());
}

/// The time of a row; zero for a group.
fn moment(scope: &Scope<'_>) -> Moment {
    scope.event.map_or((0, 0), |it| (it.record.timestamp.as_ms(), it.location.to_bits()))
}

/// The rows of the answer: those that come first in its order.
#[derive(Debug, Default)]
pub(super) struct Rows {
    rows: Vec<CollectedRow>,
    /// Whether some were dropped, so that the row at the limit is the last one worth keeping.
    is_cut: bool,
    /// The places of the kept rows, by the values of `dedup`.
    alike: HashMap<Vec<u8>, usize>,
    /// The number of rows, also beyond the limit.
    pub(super) count: u64,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct CollectedRow {
    keys: Vec<Value<'static>>,
    moment: Moment,
    cells: Vec<Value<'static>>,
}

/// The approximate size of a row without its values, in bytes.
const ROW_BYTES: usize = 96;

impl CollectedRow {
    fn bytes(&self) -> usize {
        ROW_BYTES + self.keys.iter().chain(&self.cells).map(Value::bytes).sum::<usize>()
    }
}

fn order(listing: &Listing, a: &CollectedRow, b: &CollectedRow) -> Ordering {
    for ((a, b), (_, is_descending)) in a.keys.iter().zip(&b.keys).zip(&listing.sort) {
        let order = a.natural_order(b);
        if order.is_ne() {
            return if *is_descending { order.reverse() } else { order };
        }
    }
    let order = a.moment.cmp(&b.moment);
    if is_newest_first(listing) { order.reverse() } else { order }
}

/// Equal rows follow the direction of the first key; without one, the newest comes first.
fn is_newest_first(listing: &Listing) -> bool {
    listing.sort.first().is_none_or(|it| it.1)
}

impl Rows {
    /// Adds a row. `place` is its position if it is not an event.
    pub(super) fn add<'r>(&mut self, listing: &'r Listing, scope: &Scope<'r>, place: Option<u64>) {
        let moment = match place {
            // Groups keep their order in either direction.
            Some(place) if is_newest_first(listing) => (0, u64::MAX - place),
            Some(place) => (0, place),
            None => moment(scope),
        };
        let keys = listing.sort.iter().map(|it| eval(&it.0, scope).into_owned()).collect();
        let mut row = CollectedRow { keys, moment, cells: Vec::new() };
        let limit = limit(listing);
        if listing.dedup.is_empty() {
            self.count += 1;
            // Most rows of a long answer end here, before their columns are evaluated.
            let last = self.rows.get(limit.saturating_sub(1)).filter(|_| self.is_cut);
            if limit == 0 || last.is_some_and(|it| order(listing, &row, it).is_gt()) {
                return;
            }
        }
        row.cells = listing.columns.iter().map(|it| eval(&it.node, scope).into_owned()).collect();
        self.bytes += row.bytes();
        if listing.dedup.is_empty() {
            self.rows.push(row);
            // Dropping rows only at twice the limit makes the cost of a row constant on average.
            self.cut(listing, limit.saturating_mul(2).max(limit + 1_000));
            return;
        }
        let values: Vec<Value<'r>> = listing.dedup.iter().map(|it| eval(it, scope)).collect();
        // AWS keeps all rows that have a null in one of the fields.
        if values.iter().any(Value::is_null) {
            self.rows.push(row);
            return;
        }
        let mut key = Vec::new();
        values.iter().for_each(|it| push_key(it, &mut key));
        self.push_unlike(listing, key, row);
    }

    /// Keeps only the first of the rows with one key.
    fn push_unlike(&mut self, listing: &Listing, key: Vec<u8>, row: CollectedRow) {
        match self.alike.entry(key) {
            Entry::Vacant(entry) => {
                self.bytes += entry.key().len() + GROUP_BYTES;
                entry.insert(self.rows.len());
                self.rows.push(row);
            }
            Entry::Occupied(entry) => {
                let Some(known) = self.rows.get_mut(*entry.get()) else { return };
                let out = match order(listing, &row, known).is_lt() {
                    true => std::mem::replace(known, row),
                    false => row,
                };
                self.bytes = self.bytes.saturating_sub(out.bytes());
            }
        }
    }

    /// Adds the rows of another part.
    pub(super) fn join(&mut self, other: Self, listing: &Listing) {
        self.count += other.count;
        let mut keys: Vec<Option<Vec<u8>>> = other.rows.iter().map(|_| None).collect();
        for (key, place) in other.alike {
            if let Some(slot) = keys.get_mut(place) {
                *slot = Some(key);
            }
        }
        for (row, key) in other.rows.into_iter().zip(keys) {
            self.bytes += row.bytes();
            match key {
                Some(key) => self.push_unlike(listing, key, row),
                None => self.rows.push(row),
            }
        }
        if listing.dedup.is_empty() {
            self.cut(listing, limit(listing));
        }
    }

    /// Drops the rows after the limit once there are more than `most`.
    fn cut(&mut self, listing: &Listing, most: usize) {
        let limit = limit(listing);
        if self.rows.len() <= most || limit == 0 {
            return;
        }
        // Selection leaves the last row to keep at the limit, where `add` looks for it.
        self.rows.select_nth_unstable_by(limit - 1, |a, b| order(listing, a, b));
        self.rows.truncate(limit);
        self.is_cut = true;
        self.bytes = self.rows.iter().map(CollectedRow::bytes).sum();
    }

    /// The rows in order, and how many there were.
    pub(super) fn into_cells(mut self, listing: &Listing) -> (Vec<Vec<Value<'static>>>, u64) {
        let count = match listing.dedup.is_empty() {
            true => self.count,
            false => self.rows.len() as u64,
        };
        self.rows.sort_by(|a, b| order(listing, a, b));
        self.rows.truncate(limit(listing));
        (self.rows.into_iter().map(|it| it.cells).collect(), count)
    }
}

fn limit(listing: &Listing) -> usize {
    listing.limit.unwrap_or(limits::INSIGHTS_ROWS_DEFAULT)
}
