//! Groups of messages, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::address::Marked;
use super::answer::{Answer, JsonWriter, write_csv};
use super::count_key::{camel, title};
use super::csv::csv_cell;
use super::group_row::{self, COUNT_NAMES, NO_VALUE, group_columns};
use super::style::{FAINT, PLAIN, outcome_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{CountKey, GroupRow, Groups, PAIR_SEPARATOR};
use crate::time::Zone;
use crate::trace::Outcome;

impl Groups {
    fn shown<'g>(&self, row: &'g GroupRow) -> group_row::LabelledGroup<'g> {
        let GroupRow { values, count, first_seen: first, last_seen: last, .. } = row;
        let (count, total, first, last) = (*count, self.total, *first, *last);
        group_row::LabelledGroup { values, count, total, first, last }
    }
}

/// A row for each group, the largest first; in a table with the ID of an example beneath it.
impl Answer for Groups {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut columns = group_columns(self.keys.iter().map(|it| title(*it)));
        columns.push(Column::beneath());
        let mut table = Table::new(columns);
        for row in &self.rows {
            let mut cells = self.shown(row).cells(&options.zone);
            let values = self.keys.iter().zip(&row.values);
            cells.extend(values.map(|(key, value)| cell(*key, value.as_deref())));
            cells.push(Cell::styled(row.example.as_deref().unwrap_or(""), FAINT));
            table.push(cells);
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let head = [
            ("groupBy", json!(self.keys.iter().map(|it| it.as_str()).collect::<Vec<_>>())),
            ("unit", json!(self.unit.as_str())),
            ("total", json!(self.total)),
            ("messages", json!(self.message_count)),
            ("groupCount", json!(self.group_count)),
        ];
        out.list(&head, "groups", self.rows.iter().map(|it| row_json(self, it, zone)), &[])
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let keys = self.keys.iter().map(|it| camel(*it));
        let rows = self.rows.iter().map(|row| {
            let example = csv_cell(row.example.as_deref().unwrap_or(""));
            self.shown(row).csv_cells(&options.zone).chain([example])
        });
        write_csv(keys.chain(COUNT_NAMES).chain(["example"]), rows, out)
    }
}

fn cell(key: CountKey, value: Option<&str>) -> Cell {
    let Some(value) = value else { return Cell::styled(NO_VALUE, FAINT) };
    let outcome = || Outcome::ALL.into_iter().find(|it| it.as_str() == value);
    match key {
        CountKey::Outcome => Cell::styled(value, outcome().map_or(PLAIN, outcome_style)),
        CountKey::Sender | CountKey::Recipient => Cell::marked(Marked::address(value)),
        CountKey::SenderDomain | CountKey::RecipientDomain => Cell::marked(Marked::domain(value)),
        CountKey::SenderRecipient => Cell::marked(Marked::new(|namer| {
            // Each address by itself: as a whole, the pair would be taken for one address.
            let names = value.split(PAIR_SEPARATOR).map(|it| namer.address(it));
            names.collect::<Vec<_>>().join(PAIR_SEPARATOR)
        })),
        _ => Cell::new(value),
    }
}

fn row_json(groups: &Groups, row: &GroupRow, zone: &Zone) -> Value {
    let names = groups.keys.iter().map(|it| camel(*it));
    let mut object = groups.shown(row).members(names, zone);
    object.insert("example".to_owned(), json!(row.example));
    Value::Object(object)
}
