//! Latencies of delivery, and WorkMail's metrics.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::answer::{Answer, JsonWriter, object, write_csv};
use super::count_key::{camel, title};
use super::counts::starts_of;
use super::style::outcome_style;
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{Latencies, LatencyRow, METRICS, Metrics};
use crate::time::{Zone, human_duration};

/// Latencies, overall and by interval.
#[derive(Clone, Copy, Debug)]
pub struct LatencyAnswer<'l> {
    /// The latencies.
    pub latencies: &'l Latencies,
    /// The division of time.
    pub interval: &'l str,
}

impl Answer for LatencyAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let title = self.latencies.by.map_or("FROM", title);
        write_table(&self.latencies.whole, title, options, out)?;
        if !self.latencies.by_interval.is_empty() {
            writeln!(out)?;
            write_table(&self.latencies.by_interval, title, options, out)?;
        }
        Ok(())
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let Self { latencies, interval } = *self;
        let place = latencies.by.map_or("start", camel);
        let row = |row: &LatencyRow| {
            json!({
                place: place_of(row, zone),
                "outcome": row.outcome.as_str(),
                "count": row.count,
                "p50Ms": row.p50_ms,
                "p90Ms": row.p90_ms,
                "p99Ms": row.p99_ms,
                "maxMs": row.max_ms,
            })
        };
        out.value(&json!({
            "latency": latencies.whole.iter().map(row).collect::<Vec<_>>(),
            "interval": latencies.by.map_or(interval, |it| it.as_str()),
            "intervals": latencies.by_interval.iter().map(row).collect::<Vec<_>>(),
        }))
    }

    /// Writes the rows for the whole time, without a start, then those of each interval.
    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let place = self.latencies.by.map_or("start", camel);
        let rows = self.latencies.whole.iter().chain(&self.latencies.by_interval);
        let rows = rows.map(|row| {
            let times = [row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms].map(|it| it.to_string());
            let start = place_of(row, &options.zone).unwrap_or_default();
            [start, row.outcome.to_string(), row.count.to_string()].into_iter().chain(times)
        });
        write_csv([place, "outcome", "count", "p50Ms", "p90Ms", "p99Ms", "maxMs"], rows, out)
    }
}

/// Returns the start of the interval, or its name.
fn place_of(row: &LatencyRow, zone: &Zone) -> Option<String> {
    row.start.map(|it| it.in_zone(zone)).or_else(|| row.slot.map(str::to_owned))
}

fn write_table(
    rows: &[LatencyRow],
    title: &'static str,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new([
        Column::whole(title),
        Column::whole("OUTCOME"),
        Column::number("COUNT"),
        Column::number("P50"),
        Column::number("P90"),
        Column::number("P99"),
        Column::number("MAX"),
    ]);
    for row in rows {
        let times = [row.p50_ms, row.p90_ms, row.p99_ms, row.max_ms].map(human_duration);
        let words = [
            Cell::from(place_of(row, &options.zone).unwrap_or_default()),
            Cell::styled(row.outcome.as_str(), outcome_style(row.outcome)),
            Cell::new(&row.count.to_string()),
        ];
        table.push(words.into_iter().chain(times.into_iter().map(Cell::from)));
    }
    if table.is_empty() { Ok(()) } else { table.write(options.width, out) }
}

/// WorkMail's metrics, overall and by interval.
#[derive(Clone, Copy, Debug)]
pub struct MetricsAnswer<'m> {
    /// The metrics.
    pub metrics: &'m Metrics,
    /// The division of time.
    pub interval: Option<&'m str>,
}

impl Answer for MetricsAnswer<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let mut table = Table::new([Column::whole("METRIC"), Column::number("COUNT")]);
        for (name, count) in METRICS.iter().zip(self.metrics.totals) {
            table.push([Cell::new(name), Cell::new(&count.to_string())]);
        }
        table.write(options.width, out)?;
        if self.metrics.intervals.is_none() {
            return Ok(());
        }
        writeln!(out)?;
        let mut table = Table::new([
            Column::whole("FROM"),
            Column::number("RECEIVED"),
            Column::number("DELIVERED"),
            Column::number("BOUNCED IN"),
            Column::number("BOUNCED OUT"),
            Column::number("SENT"),
        ]);
        self.rows(&options.zone).for_each(|it| table.push(it.map(Cell::from)));
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let named = |counts: &[u64; 5]| -> Map<String, Value> {
            METRICS.iter().zip(counts).map(|(name, it)| ((*name).to_owned(), json!(it))).collect()
        };
        let mut members = vec![("metrics", Value::Object(named(&self.metrics.totals)))];
        if let Some(interval) = self.interval {
            let starts = starts_of(self.metrics.intervals.as_ref(), zone);
            let list = starts.iter().zip(&self.metrics.series).map(|(start, counts)| {
                let start = [("start".to_owned(), json!(start))];
                start.into_iter().chain(named(counts)).collect::<Map<_, _>>()
            });
            members.extend([("interval", json!(interval)), ("intervals", list.collect())]);
        }
        out.value(&object(members))
    }

    /// Writes a row for each metric, or if time is divided a row for each interval with a column
    /// for each metric.
    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        if self.metrics.intervals.is_some() {
            let header = ["start"].into_iter().chain(METRICS);
            return write_csv(header, self.rows(&options.zone), out);
        }
        let rows = METRICS.iter().zip(self.metrics.totals);
        let rows = rows.map(|(name, count)| [(*name).to_owned(), count.to_string()]);
        write_csv(["metric", "count"], rows, out)
    }
}

impl MetricsAnswer<'_> {
    /// Returns the start and the metrics of each interval.
    fn rows(&self, zone: &Zone) -> impl Iterator<Item = impl Iterator<Item = String>> {
        let starts = starts_of(self.metrics.intervals.as_ref(), zone).into_iter();
        let rows = starts.zip(&self.metrics.series);
        rows.map(|(start, counts)| [start].into_iter().chain(counts.iter().map(u64::to_string)))
    }
}
