//! `mailtrace sources`.

use std::io::{BufWriter, Write};

use clap::Args;

use super::removal::{tombstone_in_words, tombstone_to_json};
use super::{Context, Format, Outcome, output};
use crate::render::{
    sanitise, source_rows, write_sources_csv, write_sources_json, write_sources_ndjson,
    write_sources_table,
};
use crate::store::Store;

/// List every import and pull, with hashes and counts
///
/// Each file with its SHA-256, when it was read, and what became of its records. A source that
/// added nothing is listed once, with how often it was read.
#[derive(Debug, Args)]
pub(super) struct SourcesArgs {}

pub(super) fn run(_args: &SourcesArgs, context: &Context) -> anyhow::Result<Outcome> {
    let store = Store::open(&context.store_path()?)?;
    answer(&store, context, &mut BufWriter::new(anstream::stdout().lock()))?;
    Ok(Outcome::Done)
}

/// Writes the answer.
pub(super) fn answer(
    store: &Store,
    context: &Context,
    mut out: &mut dyn Write,
) -> anyhow::Result<()> {
    let histories = store.origins()?;
    let (repeated, forgotten) = store.repeated_origins()?;
    let rows = source_rows(&histories, &repeated);
    let zone = &context.zone;
    match context.global.format {
        Format::Table => {
            write_sources_table(&rows, &context.table_options(false), &mut out)?;
            for tombstone in &store.checkpoint().tombstones {
                writeln!(out, "{}", sanitise(&tombstone_in_words(tombstone, zone)))?;
            }
        }
        Format::Json => {
            let tombstones = &store.checkpoint().tombstones;
            let tombstones = tombstones.iter().map(|it| tombstone_to_json(it, zone)).collect();
            write_sources_json(&rows, forgotten, tombstones, zone, &mut out)?;
        }
        Format::Ndjson => write_sources_ndjson(&rows, zone, &mut out)?,
        Format::Csv => write_sources_csv(&rows, zone, &mut out)?,
    }
    out.flush()?;
    let noted: u64 = histories.iter().map(|it| it.origin.counts.added).sum();
    let removed: u64 = store.checkpoint().tombstones.iter().map(|it| it.records).sum();
    let records = store.checkpoint().records + removed;
    if !context.global.quiet && noted < records {
        output::note(&format!(
            "of {} records it was not recorded where they came from: an earlier version took them in",
            records - noted
        ));
    }
    Ok(())
}
