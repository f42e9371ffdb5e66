//! Groups of messages, for people and for programs.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::address::Marked;
use super::count_key::{camel, title};
use super::csv::csv_cell;
use super::group_row::{self, COUNT_NAMES, NO_VALUE, group_columns};
use super::json::write_json;
use super::style::{FAINT, PLAIN, outcome_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{CountKey, GroupRow, Groups, PAIR_SEPARATOR};
use crate::time::Zone;
use crate::trace::Outcome;

impl Groups {
    fn shown<'g>(&self, row: &'g GroupRow) -> group_row::GroupRow<'g> {
        let GroupRow { values, count, first_seen: first, last_seen: last, .. } = row;
        let (count, total, first, last) = (*count, self.total, *first, *last);
        group_row::GroupRow { values, count, total, first, last }
    }
}

/// Writes groups as a table: the largest first, each with the ID of an example beneath it.
pub fn write_groups_table(
    groups: &Groups,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    if groups.rows.is_empty() {
        return Ok(());
    }
    let mut columns = group_columns(groups.keys.iter().map(|it| title(*it)));
    columns.push(Column::beneath());
    let mut table = Table::new(columns);
    for row in &groups.rows {
        let mut cells = groups.shown(row).cells(&options.zone);
        cells.extend(
            groups.keys.iter().zip(&row.values).map(|(key, value)| cell(*key, value.as_deref())),
        );
        cells.push(Cell::styled(row.example.as_deref().unwrap_or(""), FAINT));
        table.push(cells);
    }
    table.write(options.width, out)
}

fn cell(key: CountKey, value: Option<&str>) -> Cell {
    let Some(value) = value else { return Cell::styled(NO_VALUE, FAINT) };
    let outcome = || Outcome::ALL.into_iter().find(|it| it.as_str() == value);
    match key {
        CountKey::Outcome => Cell::styled(value, outcome().map_or(PLAIN, outcome_style)),
        CountKey::Sender | CountKey::Recipient => Cell::marked(Marked::address(value)),
        CountKey::SenderDomain | CountKey::RecipientDomain => Cell::marked(Marked::domain(value)),
        CountKey::SenderRecipient => Cell::marked(Marked::new(|namer| {
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

/// Writes groups as one object.
pub fn write_groups_json(groups: &Groups, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<Value> = groups.rows.iter().map(|it| row_json(groups, it, zone)).collect();
    let json = json!({
        "groupBy": groups.keys.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        "unit": groups.unit.as_str(),
        "total": groups.total,
        "messages": groups.message_count,
        "groupCount": groups.group_count,
        "groups": rows,
    });
    write_json(&json, out)
}

/// Writes groups, one object a line.
pub fn write_groups_ndjson(groups: &Groups, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    groups.rows.iter().try_for_each(|it| write_json(&row_json(groups, it, zone), out))
}

/// Writes groups as CSV.
pub fn write_groups_csv(groups: &Groups, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let keys = groups.keys.iter().map(|it| camel(*it));
    csv.write_record(keys.chain(COUNT_NAMES).chain(["example"]))?;
    for row in &groups.rows {
        let example = csv_cell(row.example.as_deref().unwrap_or(""));
        csv.write_record(groups.shown(row).csv_cells(zone).chain([example]))?;
    }
    csv.flush()
}
