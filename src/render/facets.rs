//! The shape of an answer, beside the answer.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::csv::csv_cell;
use super::json::write_json;
use super::share::share_in_words;
use super::stats_table::write_chart;
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{Facet, Histogram};
use crate::time::Zone;

/// Writes a table for each field, and a chart.
pub fn write_shape_table(
    facets: &[Facet],
    histogram: Option<&Histogram>,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    for facet in facets {
        writeln!(out)?;
        let mut table = Table::new([
            Column::shortened("VALUE"),
            Column::number("COUNT"),
            Column::number("SHARE"),
        ]);
        writeln!(out, "{} ({} in all)", facet.field, facet.value_count)?;
        for (value, count) in &facet.values {
            table.push([
                Cell::new(value.as_deref().unwrap_or("(none)")),
                Cell::new(&count.to_string()),
                Cell::new(&share_in_words(*count, facet.total)),
            ]);
        }
        table.write(options.width, out)?;
    }
    if let Some(histogram) = histogram {
        writeln!(out)?;
        write_chart(&histogram.intervals, &histogram.counts, options, out)?;
    }
    Ok(())
}

/// Writes a row for each value of each field, and for each interval under the field of `time`.
pub fn write_shape_csv(
    facets: &[Facet],
    histogram: Option<&Histogram>,
    time: &str,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["field", "value", "count"])?;
    for facet in facets {
        for (value, count) in &facet.values {
            let value = csv_cell(value.as_deref().unwrap_or(""));
            csv.write_record([facet.field.as_str(), &value, &count.to_string()])?;
        }
    }
    if let Some(histogram) = histogram {
        for (start, count) in histogram.intervals.starts().zip(&histogram.counts) {
            csv.write_record([time, &start.in_zone(zone), &count.to_string()])?;
        }
    }
    csv.flush()
}

/// Writes a line for each part of the shape, those that were asked for.
pub fn write_shape_ndjson(
    facets: Option<&[Facet]>,
    histogram: Option<Option<&Histogram>>,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (name, value) in shape_json(facets, histogram, zone) {
        write_json(&json!({name: value}), out)?;
    }
    Ok(())
}

/// The members of a JSON object that tell the shape, those that were asked for.
#[must_use]
pub fn shape_json(
    facets: Option<&[Facet]>,
    histogram: Option<Option<&Histogram>>,
    zone: &Zone,
) -> Map<String, Value> {
    let mut members = Map::new();
    if let Some(facets) = facets {
        let value =
            |(value, count): &(Option<String>, u64)| json!({"value": value, "count": count});
        let of_field = |facet: &Facet| {
            let values: Vec<Value> = facet.values.iter().map(value).collect();
            (facet.field.clone(), json!({"values": values, "valueCount": facet.value_count}))
        };
        let facets: Map<String, Value> = facets.iter().map(of_field).collect();
        members.insert("facets".to_owned(), Value::Object(facets));
    }
    if let Some(histogram) = histogram {
        let json = histogram.map(|it| {
            let bars = it.intervals.starts().zip(&it.counts);
            let bars =
                bars.map(|(start, count)| json!({"start": start.in_zone(zone), "count": count}));
            json!({"interval": it.interval, "intervals": bars.collect::<Vec<_>>()})
        });
        members.insert("histogram".to_owned(), json!(json));
    }
    members
}
