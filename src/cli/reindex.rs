//! `mailtrace reindex`.

use clap::Args;
use serde_json::json;

use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output::warn;
use crate::render::{BriefAnswer, counted};
use crate::store::reindex;
use crate::trace::rebuild_table;

/// Rebuild the index from the archive
///
/// The archive is only read, and the old index stays until the new one is complete.
#[derive(Debug, Args)]
pub(crate) struct ReindexArgs {}

pub(crate) fn run(_args: &ReindexArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let path = context.store_path()?;
    let report = reindex(&path)?;
    if report.damage.is_empty() {
        rebuild_table(&path)?;
    }
    context.print(&BriefAnswer {
        lines: vec![format!("{} indexed", counted(report.records, "record"))],
        json: json!({"records": report.records, "damage": report.damage}),
    })?;
    for damage in &report.damage {
        warn(damage);
    }
    anyhow::ensure!(
        report.damage.is_empty(),
        "the archive of {} is damaged in {} places; what can be read is indexed",
        path.display(),
        report.damage.len()
    );
    Ok(CommandOutcome::Done)
}
