//! `mailtrace sources`.

use std::io::Write;

use clap::Args;

use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::render::{SourcesAnswer, counted};
use crate::store::Store;

/// List every import and pull, with hashes and counts
///
/// Each file with its SHA-256, when it was read, and what became of its records. A source that
/// added nothing is listed once, with how often it was read.
#[derive(Debug, Args)]
pub(crate) struct SourcesArgs {}

pub(crate) fn run(_args: &SourcesArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let store = Store::open(&context.store_path()?)?;
    answer(&store, context, &mut context.stdout())?;
    Ok(CommandOutcome::Done)
}

/// Writes the answer.
pub(crate) fn answer(store: &Store, context: &Context, out: &mut dyn Write) -> anyhow::Result<()> {
    let histories = store.origins()?;
    let (repeated, forgotten) = store.repeated_origins()?;
    let tombstones = &store.checkpoint().tombstones;
    let answer = SourcesAnswer::of(&histories, (&repeated, forgotten), tombstones);
    context.printer().print(&answer, out)?;
    let noted: u64 = histories.iter().map(|it| it.origin.counts.added).sum();
    let removed: u64 = tombstones.iter().map(|it| it.records).sum();
    // Removed records were noted when they came, so they count on both sides.
    let records = store.checkpoint().records + removed;
    if !context.global.quiet && noted < records {
        output::note(&format!(
            "the origin of {} is unknown: an earlier version imported them",
            counted(records - noted, "record")
        ));
    }
    Ok(())
}
