//! Counts by value and over time.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::{Map, Value, json};

use super::address::Marked;
use super::answer::{Answer, JsonMember, JsonWriter, object, write_csv};
use super::bars::{bar, columns_of, counts_together};
use super::count_key::{camel, title};
use super::csv::csv_cell;
use super::sanitise::columns;
use super::share::{share, share_in_words};
use super::style::FAINT;
use super::table::{Cell, Column, Table, TableOptions, write_pairs};
use crate::stats::{CountKey, CountRow, Counts};
use crate::time::{Intervals, Timestamp, Zone};

const BAR: Style = AnsiColor::Cyan.on_default();

/// The minimum width of a bar.
const BAR_WIDTH_MIN: usize = 10;

/// Returns the text shown for a missing value.
pub fn absent_value(key: CountKey) -> &'static str {
    match key {
        CountKey::Event => "(no eventName)",
        _ => "(none)",
    }
}

/// Returns the start of each interval.
pub(super) fn starts_of(intervals: Option<&Intervals>, zone: &Zone) -> Vec<String> {
    intervals.into_iter().flat_map(Intervals::starts).map(|it| it.in_zone(zone)).collect()
}

/// Counts by value, and over time if that was divided.
#[derive(Clone, Copy, Debug)]
pub struct CountsByValue<'c> {
    /// The counts.
    pub counts: &'c Counts,
    /// The division of time.
    pub interval: Option<&'c str>,
}

impl Answer for CountsByValue<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let counts = self.counts;
        let (total, unit) = (counts.total, counts.unit.as_str());
        writeln!(out, "{total} {}", if total == 1 { unit.trim_end_matches('s') } else { unit })?;
        let width = (options.width / 3).max(BAR_WIDTH_MIN);
        if let Some(intervals) = counts.intervals.as_ref().filter(|_| !counts.rows.is_empty()) {
            // Said in the heading, since a column of several intervals would be read as one.
            let together = counts_together(intervals.count(), width);
            let each =
                if together == 1 { String::new() } else { format!(", {together} in a column") };
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

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let counts = self.counts;
        let head = [
            ("by", json!(counts.key.as_str())),
            ("unit", json!(counts.unit.as_str())),
            ("total", json!(counts.total)),
            ("valueCount", json!(counts.value_count)),
        ];
        let rows = counts.rows.iter().map(|row| {
            let of_all = share(row.count, counts.total);
            let mut members = vec![
                (camel(counts.key), json!(row.value)),
                ("count", json!(row.count)),
                ("share", json!(of_all)),
            ];
            members.extend(counts.intervals.is_some().then(|| ("counts", json!(row.series))));
            object(members)
        });
        out.list(&head, "rows", rows, &interval_members(counts, self.interval, zone))
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let counts = self.counts;
        let name = camel(counts.key);
        let text = |it: &CountRow| csv_cell(it.value.as_deref().unwrap_or(""));
        if counts.intervals.is_none() {
            let rows = counts.rows.iter().map(|row| {
                [text(row), row.count.to_string(), share(row.count, counts.total).to_string()]
            });
            return write_csv([name, "count", "share"], rows, out);
        }
        let starts = starts_of(counts.intervals.as_ref(), &options.zone);
        let rows = counts.rows.iter().flat_map(|row| {
            let series = starts.iter().zip(&row.series);
            series.map(move |(start, count)| [start.clone(), text(row), count.to_string()])
        });
        write_csv(["start", name, "count"], rows, out)
    }
}

fn interval_members(counts: &Counts, interval: Option<&str>, zone: &Zone) -> Vec<JsonMember> {
    let Some(interval) = interval else { return Vec::new() };
    let starts = starts_of(counts.intervals.as_ref(), zone);
    let list = starts.iter().zip(&counts.series);
    let list: Vec<Value> =
        list.map(|(start, count)| json!({"start": start, "count": count})).collect();
    vec![("interval", json!(interval)), ("intervals", Value::Array(list))]
}

fn value_cell(key: CountKey, value: &str) -> Cell {
    match key {
        CountKey::Sender | CountKey::Recipient => Cell::marked(Marked::address(value)),
        CountKey::SenderDomain | CountKey::RecipientDomain => Cell::marked(Marked::domain(value)),
        _ => Cell::new(value),
    }
}

/// The number of events in each interval.
#[derive(Clone, Copy, Debug)]
pub struct CountsOverTime<'c> {
    /// The counts.
    pub counts: &'c Counts,
    /// The division of time.
    pub interval: Option<&'c str>,
}

impl Answer for CountsOverTime<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let Some(intervals) = &self.counts.intervals else { return Ok(()) };
        write_chart(intervals, &self.counts.series, options, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let Self { counts, interval } = *self;
        let head = [("unit", json!(counts.unit.as_str())), ("total", json!(counts.total))];
        out.value(&object(head.into_iter().chain(interval_members(counts, interval, zone))))
    }

    fn csv(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let starts = starts_of(self.counts.intervals.as_ref(), &options.zone);
        let rows = starts.into_iter().zip(&self.counts.series);
        write_csv(["start", "count"], rows.map(|(start, count)| [start, count.to_string()]), out)
    }
}

/// All events by name, with the times of the first and the last.
#[derive(Clone, Copy, Debug)]
pub struct EventCounts<'c>(pub &'c Counts);

impl EventCounts<'_> {
    fn span(&self, zone: &Zone) -> Option<(String, String)> {
        let shown = |ms: i64| Timestamp::from_ms(ms).map(|it| it.in_zone(zone));
        let (first, last) = self.0.span?;
        shown(first).zip(shown(last))
    }

    fn rows(&self) -> impl Iterator<Item = (&str, u64)> {
        let Self(counts) = self;
        let absent = absent_value(counts.key);
        counts.rows.iter().map(move |it| (it.value.as_deref().unwrap_or(absent), it.count))
    }
}

impl Answer for EventCounts<'_> {
    fn table(&self, options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let mut facts = vec![("Events", self.0.total.to_string())];
        if let Some((first, last)) = self.span(&options.zone) {
            facts.extend([("First event", first), ("Last event", last)]);
        }
        write_pairs(&facts, 0, options.width, out)?;
        writeln!(out)?;
        let mut table = Table::new([Column::whole("EVENT"), Column::number("COUNT")]);
        for (name, count) in self.rows() {
            table.push([Cell::new(name), Cell::new(&count.to_string())]);
        }
        table.write(options.width, out)
    }

    fn json(&self, zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let (first, last) = self.span(zone).unzip();
        out.value(&json!({
            "total": self.0.total,
            "firstSeen": first,
            "lastSeen": last,
            "events": self.rows().map(|(name, count)| (name.to_owned(), json!(count))).collect::<Map<_, _>>(),
        }))
    }

    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let rows = self.rows().map(|(name, count)| [csv_cell(name), count.to_string()]);
        write_csv(["eventName", "count"], rows, out)
    }
}

/// Writes a chart of the number of things in each interval.
pub(super) fn write_chart(
    intervals: &Intervals,
    series: &[u64],
    options: &TableOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let most = series.iter().copied().max().unwrap_or(0);
    let starts = starts_of(Some(intervals), &options.zone);
    let beside = starts.iter().map(|it| columns(it)).max().unwrap_or(0)
        + most.to_string().len().max("COUNT".len());
    // Each of the two columns before it is followed by a gap of two blanks.
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
