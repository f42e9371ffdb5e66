//! Counts, latencies and metrics for programs: JSON and CSV.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::count_key::camel;
use super::csv::csv_cell;
use super::json::write_json;
use super::share::share;
use crate::stats::{CountRow, Counts, Latencies, LatencyRow, METRICS, Metrics};
use crate::time::{Intervals, Zone};

fn starts_of(intervals: Option<&Intervals>, zone: &Zone) -> Vec<String> {
    intervals.into_iter().flat_map(Intervals::starts).map(|it| it.in_zone(zone)).collect()
}

fn row_json(counts: &Counts, row: &CountRow) -> Value {
    let mut object = Map::new();
    object.insert(camel(counts.key).to_owned(), json!(row.value));
    object.insert("count".to_owned(), json!(row.count));
    object.insert("share".to_owned(), json!(share(row.count, counts.total)));
    if counts.intervals.is_some() {
        object.insert("counts".to_owned(), json!(row.series));
    }
    Value::Object(object)
}

/// Writes counts by value as one object; `interval` is how the time was divided.
pub fn write_counts_json(
    counts: &Counts,
    interval: Option<&str>,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let rows: Vec<Value> = counts.rows.iter().map(|it| row_json(counts, it)).collect();
    let mut object = json!({
        "by": counts.key.as_str(),
        "unit": counts.unit.as_str(),
        "total": counts.total,
        "valueCount": counts.value_count,
        "rows": rows,
    });
    add_intervals(&mut object, counts, interval, zone);
    write_json(&object, out)
}

/// Writes the number of events in each interval as one object.
pub fn write_series_json(
    counts: &Counts,
    interval: Option<&str>,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut object = json!({"unit": counts.unit.as_str(), "total": counts.total});
    add_intervals(&mut object, counts, interval, zone);
    write_json(&object, out)
}

fn add_intervals(object: &mut Value, counts: &Counts, interval: Option<&str>, zone: &Zone) {
    let (Some(interval), Value::Object(object)) = (interval, object) else { return };
    let starts = starts_of(counts.intervals.as_ref(), zone);
    let list = starts.iter().zip(&counts.series);
    let list: Vec<Value> =
        list.map(|(start, count)| json!({"start": start, "count": count})).collect();
    object.insert("interval".to_owned(), json!(interval));
    object.insert("intervals".to_owned(), Value::Array(list));
}

/// Writes counts by value, one object a line.
pub fn write_counts_ndjson(counts: &Counts, out: &mut dyn Write) -> io::Result<()> {
    counts.rows.iter().try_for_each(|it| write_json(&row_json(counts, it), out))
}

/// Writes counts by value, a row for each, or for each in each interval.
pub fn write_counts_csv(counts: &Counts, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let name = camel(counts.key);
    let text = |it: &CountRow| csv_cell(it.value.as_deref().unwrap_or(""));
    if counts.intervals.is_some() {
        csv.write_record(["start", name, "count"])?;
        let starts = starts_of(counts.intervals.as_ref(), zone);
        for row in &counts.rows {
            for (start, count) in starts.iter().zip(&row.series) {
                csv.write_record([start, &text(row), &count.to_string()])?;
            }
        }
    } else {
        csv.write_record([name, "count", "share"])?;
        for row in &counts.rows {
            let share = share(row.count, counts.total).to_string();
            csv.write_record([text(row), row.count.to_string(), share])?;
        }
    }
    csv.flush()
}

/// Writes the number of things in each interval.
pub fn write_series_csv(counts: &Counts, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["start", "count"])?;
    for (start, count) in starts_of(counts.intervals.as_ref(), zone).iter().zip(&counts.series) {
        csv.write_record([start, &count.to_string()])?;
    }
    csv.flush()
}

fn latency_json(row: &LatencyRow, place: &str, zone: &Zone) -> Value {
    json!({
        place: latency_place(row, zone),
        "outcome": row.outcome.as_str(),
        "count": row.count,
        "p50Ms": row.p50_ms,
        "p90Ms": row.p90_ms,
        "p99Ms": row.p99_ms,
        "maxMs": row.max_ms,
    })
}

/// When the interval begins, or what it is called.
fn latency_place(row: &LatencyRow, zone: &Zone) -> Option<String> {
    row.start.map(|it| it.in_zone(zone)).or_else(|| row.slot.map(str::to_owned))
}

/// Writes latencies as one object.
pub fn write_latency_json(
    latencies: &Latencies,
    interval: &str,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let place = latencies.by.map_or("start", camel);
    let interval = latencies.by.map_or(interval, |it| it.as_str());
    let all = |rows: &[LatencyRow]| -> Vec<Value> {
        rows.iter().map(|it| latency_json(it, place, zone)).collect()
    };
    let object = json!({
        "latency": all(&latencies.whole),
        "interval": interval,
        "intervals": all(&latencies.by_interval),
    });
    write_json(&object, out)
}

/// Writes latencies: first those of the whole time, without a start, then those of each interval.
pub fn write_latency_csv(
    latencies: &Latencies,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    let place = latencies.by.map_or("start", camel);
    csv.write_record([place, "outcome", "count", "p50Ms", "p90Ms", "p99Ms", "maxMs"])?;
    for row in latencies.whole.iter().chain(&latencies.by_interval) {
        let times = [row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms].map(|it| it.to_string());
        let start = latency_place(row, zone).unwrap_or_default();
        let words = [start, row.outcome.to_string(), row.count.to_string()];
        csv.write_record(words.into_iter().chain(times))?;
    }
    csv.flush()
}

/// Writes the metrics as one object.
pub fn write_metrics_json(
    metrics: &Metrics,
    interval: Option<&str>,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let named = |counts: &[u64; 5]| -> Map<String, Value> {
        METRICS.iter().zip(counts).map(|(name, it)| ((*name).to_owned(), json!(it))).collect()
    };
    let mut object = json!({"metrics": named(&metrics.totals)});
    if let (Some(interval), Value::Object(object)) = (interval, &mut object) {
        let starts = starts_of(metrics.intervals.as_ref(), zone);
        let list = starts.iter().zip(&metrics.series).map(|(start, counts)| {
            let mut of_interval = Map::new();
            of_interval.insert("start".to_owned(), json!(start));
            of_interval.extend(named(counts));
            Value::Object(of_interval)
        });
        let list = list.collect();
        object.insert("interval".to_owned(), json!(interval));
        object.insert("intervals".to_owned(), Value::Array(list));
    }
    write_json(&object, out)
}

/// Writes the metrics, one a row, or one a column where there is a row for each interval.
pub fn write_metrics_csv(metrics: &Metrics, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    if metrics.intervals.is_some() {
        csv.write_record(["start"].into_iter().chain(METRICS))?;
        let starts = starts_of(metrics.intervals.as_ref(), zone);
        for (start, counts) in starts.into_iter().zip(&metrics.series) {
            csv.write_record([start].into_iter().chain(counts.iter().map(u64::to_string)))?;
        }
    } else {
        csv.write_record(["metric", "count"])?;
        for (name, count) in METRICS.iter().zip(metrics.totals) {
            csv.write_record([*name, &count.to_string()])?;
        }
    }
    csv.flush()
}
