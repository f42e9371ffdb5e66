//! Counts of one period beside those of the one before.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::count_key::camel;
use super::csv::csv_cell;
use super::json::write_json;
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{Compared, ComparedRow};
use crate::time::{TimeRange, Zone};

/// Writes a row for each value: before, now, the change, and the value.
pub fn write_compared_table(
    compared: &Compared,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let period = |range: &TimeRange| {
        let shown = |it: Option<crate::time::Timestamp>| {
            it.map_or_else(String::new, |it| it.in_zone(&options.zone))
        };
        format!("{} to {}", shown(range.since), shown(range.until))
    };
    writeln!(out, "now:    {}", period(&compared.now))?;
    writeln!(out, "before: {}\n", period(&compared.before))?;
    let mut table = Table::new([
        Column::number("BEFORE"),
        Column::number("NOW"),
        Column::number("CHANGE"),
        Column::wrapped("VALUE"),
    ]);
    for row in &compared.rows {
        table.push(cells(row, row.value.as_deref().unwrap_or("(none)")));
    }
    let all = ComparedRow { value: None, now: compared.total, before: compared.total_before };
    table.push(cells(&all, "all"));
    table.write(options.width, out)
}

fn cells(row: &ComparedRow, value: &str) -> [Cell; 4] {
    [
        Cell::new(&row.before.to_string()),
        Cell::new(&row.now.to_string()),
        Cell::new(&in_words(row)),
        Cell::new(value),
    ]
}

/// The change as people read it: `+12 %`, `new`.
fn in_words(row: &ComparedRow) -> String {
    let change = row.change();
    match (row.before, change) {
        (_, 0) => "=".to_owned(),
        (0, _) => "new".to_owned(),
        (before, change) => {
            let percent = i128::from(change).saturating_mul(100) / i128::from(before.max(1));
            format!("{change:+} ({percent:+} %)")
        }
    }
}

/// Writes one JSON document.
pub fn write_compared_json(
    compared: &Compared,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let period = |range: &TimeRange| {
        json!({
            "since": range.since.map(|it| it.in_zone(zone)),
            "until": range.until.map(|it| it.in_zone(zone)),
        })
    };
    let row = |row: &ComparedRow| {
        let mut object = Map::new();
        object.insert(camel(compared.key).to_owned(), json!(row.value));
        object.insert("count".to_owned(), json!(row.now));
        object.insert("before".to_owned(), json!(row.before));
        object.insert("change".to_owned(), json!(row.change()));
        Value::Object(object)
    };
    let json = json!({
        "by": compared.key.as_str(),
        "unit": compared.key.counted_unit().as_str(),
        "period": period(&compared.now),
        "periodBefore": period(&compared.before),
        "total": compared.total,
        "totalBefore": compared.total_before,
        "rows": compared.rows.iter().map(row).collect::<Vec<_>>(),
    });
    write_json(&json, out)
}

/// Writes a row for each value under a header.
pub fn write_compared_csv(compared: &Compared, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record([camel(compared.key), "before", "count", "change"])?;
    for row in &compared.rows {
        csv.write_record([
            csv_cell(row.value.as_deref().unwrap_or("")),
            row.before.to_string(),
            row.now.to_string(),
            row.change().to_string(),
        ])?;
    }
    csv.flush()
}
