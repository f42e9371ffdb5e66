//! Groups of messages, for people and for programs.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::address::Marked;
use super::count_key::{camel, title};
use super::csv::csv_cell;
use super::json::write_json;
use super::share::{share, share_in_words};
use super::style::{FAINT, PLAIN, outcome_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{CountKey, GroupRow, Groups, PAIR_SEPARATOR};
use crate::time::Zone;
use crate::trace::Outcome;

/// What stands for no value.
const NO_VALUE: &str = "(none)";

/// Writes groups as a table: the largest first, each with the ID of an example beneath it.
///
/// # Errors
///
/// What the writer reports.
pub fn write_groups_table(
    groups: &Groups,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    if groups.rows.is_empty() {
        return Ok(());
    }
    let mut columns = vec![
        Column::number("COUNT"),
        Column::number("SHARE"),
        Column::whole("FIRST SEEN").optional(),
        Column::whole("LAST SEEN").optional(),
    ];
    columns.extend(groups.keys.iter().map(|it| Column::shortened(title(*it))));
    columns.push(Column::beneath());
    let mut table = Table::new(columns);
    for row in &groups.rows {
        let mut cells = vec![
            Cell::new(&row.count.to_string()),
            Cell::new(&share_in_words(row.count, groups.total)),
            Cell::new(&row.first_seen.in_zone(&options.zone)),
            Cell::new(&row.last_seen.in_zone(&options.zone)),
        ];
        cells.extend(
            groups.keys.iter().zip(&row.values).map(|(key, value)| cell(*key, value.as_deref())),
        );
        cells.push(Cell::styled(row.example.as_deref().unwrap_or_default(), FAINT));
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
    let mut object = Map::new();
    for (key, value) in groups.keys.iter().zip(&row.values) {
        object.insert(camel(*key).to_owned(), json!(value));
    }
    object.insert("count".to_owned(), json!(row.count));
    object.insert("share".to_owned(), json!(share(row.count, groups.total)));
    object.insert("firstSeen".to_owned(), json!(row.first_seen.in_zone(zone)));
    object.insert("lastSeen".to_owned(), json!(row.last_seen.in_zone(zone)));
    object.insert("example".to_owned(), json!(row.example));
    Value::Object(object)
}

/// Writes groups as one object.
///
/// # Errors
///
/// What the writer reports.
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
///
/// # Errors
///
/// What the writer reports.
pub fn write_groups_ndjson(groups: &Groups, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    groups.rows.iter().try_for_each(|it| write_json(&row_json(groups, it, zone), out))
}

/// Writes groups as CSV.
///
/// # Errors
///
/// What the writer reports.
pub fn write_groups_csv(groups: &Groups, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let keys = groups.keys.iter().map(|it| camel(*it));
    csv.write_record(keys.chain(["count", "share", "firstSeen", "lastSeen", "example"]))?;
    for row in &groups.rows {
        let values = row.values.iter().map(|it| csv_cell(it.as_deref().unwrap_or_default()));
        let rest = [
            row.count.to_string(),
            share(row.count, groups.total).to_string(),
            row.first_seen.in_zone(zone),
            row.last_seen.in_zone(zone),
            csv_cell(row.example.as_deref().unwrap_or_default()),
        ];
        csv.write_record(values.chain(rest))?;
    }
    csv.flush()
}
