//! Counts, latencies and metrics for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::address::Marked;
use super::bars::{bar, columns_of, counts_together};
use super::count_key::title;
use super::sanitise::columns;
use super::share::share_in_words;
use super::style::{FAINT, outcome_style};
use super::table::{Cell, Column, Table, TableOptions};
use crate::stats::{CountKey, CountRow, Counts, Latencies, LatencyRow, Metrics};
use crate::time::{Intervals, Timestamp, human_duration};

const BAR: Style = AnsiColor::Cyan.on_default();

/// The least width of a bar.
const BAR_WIDTH_MIN: usize = 10;

/// What stands for no value.
#[must_use]
pub fn absent_value(key: CountKey) -> &'static str {
    match key {
        CountKey::Event => "(no eventName)",
        _ => "(none)",
    }
}

/// Writes counts by value; over time, where it was divided, as columns beside them.
pub fn write_counts_table(
    counts: &Counts,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (total, unit) = (counts.total, counts.unit.as_str());
    writeln!(out, "{total} {}", if total == 1 { unit.trim_end_matches('s') } else { unit })?;
    let width = (options.width / 3).max(BAR_WIDTH_MIN);
    if let Some(intervals) = counts.intervals.as_ref().filter(|_| !counts.rows.is_empty()) {
        let together = counts_together(intervals.count(), width);
        let each = if together == 1 { String::new() } else { format!(", {together} in a column") };
        let from = intervals.starts().next();
        let from = from.map_or_else(String::new, |it| it.in_zone(&options.zone));
        writeln!(out, "{FAINT}{} intervals from {from} on{each}{FAINT:#}", intervals.count())?;
    }
    if counts.rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    let mut table = Table::new([
        Column::number("COUNT"),
        Column::number("SHARE"),
        Column::whole("OVER TIME"),
        Column::wrapped(match counts.key {
            CountKey::SenderDomain | CountKey::RecipientDomain => "DOMAIN",
            key => title(key),
        }),
    ]);
    for CountRow { value, count, series } in &counts.rows {
        table.push([
            Cell::new(&count.to_string()),
            Cell::new(&share_in_words(*count, total)),
            Cell::styled(&columns_of(series, width), BAR),
            match value {
                Some(value) => value_cell(counts.key, value),
                None => Cell::styled(absent_value(counts.key), FAINT),
            },
        ]);
    }
    table.write(options.width, out)
}

fn value_cell(key: CountKey, value: &str) -> Cell {
    match key {
        CountKey::Sender | CountKey::Recipient => Cell::marked(Marked::address(value)),
        CountKey::SenderDomain | CountKey::RecipientDomain => Cell::marked(Marked::domain(value)),
        _ => Cell::new(value),
    }
}

/// Writes a chart of how many things there are in each interval.
pub fn write_chart(
    intervals: &Intervals,
    series: &[u64],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let most = series.iter().copied().max().unwrap_or(0);
    let starts: Vec<String> = intervals.starts().map(|it| it.in_zone(&options.zone)).collect();
    let beside = starts.iter().map(|it| columns(it)).max().unwrap_or(0)
        + most.to_string().len().max("COUNT".len());
    // Two blanks behind each of the two columns.
    let width = options.width.saturating_sub(beside + 4).max(BAR_WIDTH_MIN);
    let mut table = Table::new([Column::whole("FROM"), Column::number("COUNT"), Column::whole("")]);
    for (start, count) in starts.iter().zip(series) {
        table.push([
            Cell::new(start),
            Cell::new(&count.to_string()),
            Cell::styled(&bar(*count, most, width), BAR),
        ]);
    }
    table.write(options.width, out)
}

/// Writes latencies, overall and then by interval.
pub fn write_latency_tables(
    latencies: &Latencies,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = latencies.by.map_or("FROM", title);
    write_latency_table(&latencies.whole, title, options, out)?;
    if !latencies.by_interval.is_empty() {
        writeln!(out)?;
        write_latency_table(&latencies.by_interval, title, options, out)?;
    }
    Ok(())
}

fn write_latency_table(
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
        let start = row.start.map(|it| it.in_zone(&options.zone));
        let start = start.as_deref().or(row.slot).unwrap_or("");
        let words = [
            Cell::new(start),
            Cell::styled(row.outcome.as_str(), outcome_style(row.outcome)),
            Cell::new(&row.count.to_string()),
        ];
        table.push(words.into_iter().chain(times.into_iter().map(Cell::from)));
    }
    if table.is_empty() { Ok(()) } else { table.write(options.width, out) }
}

/// Writes the metrics, overall and then by interval.
pub fn write_metrics_table(
    metrics: &Metrics,
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut table = Table::new([Column::whole("METRIC"), Column::number("COUNT")]);
    for (name, count) in crate::stats::METRICS.iter().zip(metrics.totals) {
        table.push([Cell::new(name), Cell::new(&count.to_string())]);
    }
    table.write(options.width, out)?;
    let Some(intervals) = &metrics.intervals else { return Ok(()) };
    writeln!(out)?;
    let mut table = Table::new([
        Column::whole("FROM"),
        Column::number("RECEIVED"),
        Column::number("DELIVERED"),
        Column::number("BOUNCED IN"),
        Column::number("BOUNCED OUT"),
        Column::number("SENT"),
    ]);
    for (start, counts) in intervals.starts().zip(&metrics.series) {
        let start: Timestamp = start;
        let counts = counts.iter().map(|it| Cell::new(&it.to_string()));
        table.push([Cell::new(&start.in_zone(&options.zone))].into_iter().chain(counts));
    }
    table.write(options.width, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_cut_and_what_is_little_is_seen() {
        for (count, total, expect) in [
            (1, 1, "100.0 %"),
            (1, 3, "33.3 %"),
            (2, 3, "66.6 %"),
            (1, 10_000, "<0.1 %"),
            (0, 0, "0.0 %"),
            (u64::MAX, u64::MAX, "100.0 %"),
        ] {
            assert_eq!(share_in_words(count, total), expect);
        }
    }
}
