//! The row of a group, whatever it groups: its values, its count and share, and the times of the
//! first and the last member.

use serde_json::{Map, Value, json};

use super::csv::csv_cell;
use super::share::{share, share_in_words};
use super::table::{Cell, Column};
use crate::time::{Timestamp, Zone};

/// The text for a missing value.
pub(super) const NO_VALUE: &str = "(none)";

/// The names of a group's members besides its values, for programs.
pub(super) const COUNT_NAMES: [&str; 4] = ["count", "share", "firstSeen", "lastSeen"];

/// A group.
pub(super) struct LabelledGroup<'g> {
    /// Its value for each key.
    pub(super) values: &'g [Option<String>],
    pub(super) count: u64,
    /// The number in all groups.
    pub(super) total: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// Returns the columns of a table of groups whose keys have these titles.
pub(super) fn group_columns(titles: impl Iterator<Item = &'static str>) -> Vec<Column> {
    let mut columns = vec![
        Column::number("COUNT"),
        Column::number("SHARE"),
        Column::whole("FIRST SEEN").optional(),
        Column::whole("LAST SEEN").optional(),
    ];
    columns.extend(titles.map(Column::shortened));
    columns
}

impl LabelledGroup<'_> {
    /// Returns the cells before those of the keys.
    pub(super) fn cells(&self, zone: &Zone) -> Vec<Cell> {
        vec![
            Cell::new(&self.count.to_string()),
            Cell::new(&share_in_words(self.count, self.total)),
            Cell::new(&self.first.in_zone(zone)),
            Cell::new(&self.last.in_zone(zone)),
        ]
    }

    /// Returns it as JSON, with the values under the names of their keys.
    pub(super) fn members(
        &self,
        names: impl Iterator<Item = &'static str>,
        zone: &Zone,
    ) -> Map<String, Value> {
        let values = names.zip(self.values).map(|(name, value)| (name, json!(value)));
        let [count, of_all, first, last] = COUNT_NAMES;
        let counts = [
            (count, json!(self.count)),
            (of_all, json!(share(self.count, self.total))),
            (first, json!(self.first.in_zone(zone))),
            (last, json!(self.last.in_zone(zone))),
        ];
        values.chain(counts).map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// Returns it as cells of CSV: the values, then the members that [`COUNT_NAMES`] lists.
    pub(super) fn csv_cells(self, zone: &Zone) -> impl Iterator<Item = String> {
        let values = self.values.iter().map(|it| csv_cell(it.as_deref().unwrap_or("")));
        values.chain([
            self.count.to_string(),
            share(self.count, self.total).to_string(),
            self.first.in_zone(zone),
            self.last.in_zone(zone),
        ])
    }
}
