//! Counts of one period next to those of the period before.

use std::io::{self, Write};

use serde_json::json;

use super::answer::{Answer, JsonWriter, write_csv};
use super::count_key::camel;
use super::csv::csv_cell;
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{Compared, ComparedRow};
use crate::time::{TimeRange, Timestamp, Zone};

/// A row for each value: before, now, the change, and the value.
impl Answer for Compared {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let period = |range: &TimeRange| {
            let shown =
                |it: Option<Timestamp>| it.map_or_else(String::new, |it| it.in_zone(&options.zone));
            format!("{} to {}", shown(range.since), shown(range.until))
        };
        writeln!(out, "now:    {}", period(&self.now))?;
        writeln!(out, "before: {}\n", period(&self.before))?;
        let mut table = Table::new([
            Column::number("BEFORE"),
            Column::number("NOW"),
            Column::number("CHANGE"),
            Column::wrapped("VALUE"),
        ]);
        for row in &self.rows {
            table.push(cells(row, row.value.as_deref().unwrap_or("(none)")));
        }
        let all = ComparedRow { value: None, now: self.total, before: self.total_before };
        table.push(cells(&all, "all"));
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let period = |range: &TimeRange| {
            json!({
                "since": range.since.map(|it| it.in_zone(zone)),
                "until": range.until.map(|it| it.in_zone(zone)),
            })
        };
        let row = |row: &ComparedRow| {
            json!({
                camel(self.key): row.value,
                "count": row.now,
                "before": row.before,
                "change": row.change(),
            })
        };
        out.value(&json!({
            "by": self.key.as_str(),
            "unit": self.key.counted_unit().as_str(),
            "period": period(&self.now),
            "periodBefore": period(&self.before),
            "total": self.total,
            "totalBefore": self.total_before,
            "rows": self.rows.iter().map(row).collect::<Vec<_>>(),
        }))
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.rows.iter().map(|row| {
            [
                csv_cell(row.value.as_deref().unwrap_or("")),
                row.before.to_string(),
                row.now.to_string(),
                row.change().to_string(),
            ]
        });
        write_csv([camel(self.key), "before", "count", "change"], rows, out)
    }
}

fn cells(row: &ComparedRow, value: &str) -> [Cell; 4] {
    [
        Cell::new(&row.before.to_string()),
        Cell::new(&row.now.to_string()),
        Cell::new(&in_words(row)),
        Cell::new(value),
    ]
}

/// Formats a change for people, such as `+12 (+50 %)` or `new`.
fn in_words(row: &ComparedRow) -> String {
    let change = row.change();
    match (row.before, change) {
        (_, 0) => "=".to_owned(),
        // There is no percentage of zero.
        (0, _) => "new".to_owned(),
        (before, change) => {
            let percent = i128::from(change).saturating_mul(100) / i128::from(before.max(1));
            format!("{change:+} ({percent:+} %)")
        }
    }
}
