//! `mailtrace status`.

use std::io::Write;

use clap::Args;
use serde_json::{Value, json};

use super::{Context, Format, Outcome};
use crate::render::{Cell, Column, Table, csv_cell, human_duration, write_json, write_pairs};
use crate::store::{CoveredRange, Sizes, Store};
use crate::time::Timestamp;

/// Shows what the store holds and what it covers
#[derive(Debug, Args)]
pub(super) struct StatusArgs {}

/// How the group of records without one is shown.
const UNNAMED_GROUP: &str = "(not named by the source)";

pub(super) fn run(_args: &StatusArgs, context: &Context) -> anyhow::Result<Outcome> {
    let store = Store::open(&context.store_path()?)?;
    let sizes = store.sizes()?;
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Table => write_table(&store, sizes, context, &mut stdout)?,
        Format::Json | Format::Ndjson => {
            write_json(&to_json(&store, sizes, context), &mut stdout)?;
        }
        Format::Csv => write_csv(&store, context, &mut stdout)?,
    }
    stdout.flush()?;
    Ok(Outcome::Done)
}

fn write_table(
    store: &Store,
    sizes: Sizes,
    context: &Context,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let options = context.table_options(false);
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let mut facts = vec![
        ("Store", store.path().display().to_string()),
        ("Events", store.checkpoint().records.to_string()),
    ];
    if let Some((first, last)) = store.time_span() {
        facts.push(("First event", shown(first)));
        facts.push(("Last event", shown(last)));
    }
    facts.push(("Archive", bytes(sizes.archive_bytes)));
    facts.push(("Index", bytes(sizes.index_bytes)));
    if sizes.rejected_count > 0 {
        let rejected = format!("{} pieces, {}", sizes.rejected_count, bytes(sizes.rejected_bytes));
        facts.push(("Rejected", rejected));
    }
    write_pairs(&facts, 0, options.width, out)?;
    if store.checkpoint().coverage.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nCoverage")?;
    let mut table = Table::new([
        Column::whole("Log group"),
        Column::whole("From"),
        Column::whole("To"),
        Column::whole("Then a gap of"),
    ])
    .indented(2);
    for (log_group, ranges) in store.checkpoint().coverage.groups() {
        let mut next = ranges.iter().skip(1);
        for range in ranges {
            let gap = next.next().map(|it| it.first().ms_since(range.last()));
            table.push([
                Cell::new(if log_group.is_empty() { UNNAMED_GROUP } else { log_group }),
                Cell::new(&shown(range.first())),
                Cell::new(&shown(range.last())),
                Cell::new(&gap.map(human_duration).unwrap_or_default()),
            ]);
        }
    }
    table.write(options.width, out)
}

fn to_json(store: &Store, sizes: Sizes, context: &Context) -> Value {
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let range = |it: &CoveredRange| json!({"first": shown(it.first()), "last": shown(it.last())});
    let coverage: Vec<Value> = store
        .checkpoint()
        .coverage
        .groups()
        .map(|(log_group, ranges)| {
            let gaps: Vec<Value> = ranges
                .iter()
                .zip(ranges.iter().skip(1))
                .map(|(a, b)| json!({"after": shown(a.last()), "before": shown(b.first())}))
                .collect();
            json!({
                "logGroup": (!log_group.is_empty()).then_some(log_group),
                "ranges": ranges.iter().map(range).collect::<Vec<_>>(),
                "gaps": gaps,
            })
        })
        .collect();
    let span = store.time_span();
    json!({
        "store": store.path().display().to_string(),
        "records": store.checkpoint().records,
        "firstSeen": span.map(|(first, _)| shown(first)),
        "lastSeen": span.map(|(_, last)| shown(last)),
        "archiveBytes": sizes.archive_bytes,
        "indexBytes": sizes.index_bytes,
        "rejected": sizes.rejected_count,
        "rejectedBytes": sizes.rejected_bytes,
        "coverage": coverage,
    })
}

fn write_csv(store: &Store, context: &Context, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["logGroup", "first", "last"])?;
    for (log_group, ranges) in store.checkpoint().coverage.groups() {
        for range in ranges {
            csv.write_record([
                csv_cell(log_group).as_str(),
                &range.first().in_zone(&context.zone),
                &range.last().in_zone(&context.zone),
            ])?;
        }
    }
    csv.flush()?;
    Ok(())
}

/// Bytes as people say them.
pub(super) fn bytes(count: u64) -> String {
    indicatif::BinaryBytes(count).to_string()
}
