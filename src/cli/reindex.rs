//! `mailtrace reindex`.

use std::io::Write;

use clap::Args;
use serde_json::json;

use super::output::{counted, warn};
use super::{Context, Format, Outcome};
use crate::render::write_json;
use crate::store::reindex;
use crate::trace::rebuild_table;

/// Rebuild the index from the archive
///
/// The archive is only read, and the old index stays until the new one is complete.
#[derive(Debug, Args)]
pub(super) struct ReindexArgs {}

pub(super) fn run(_args: &ReindexArgs, context: &Context) -> anyhow::Result<Outcome> {
    let path = context.store_path()?;
    let report = reindex(&path)?;
    if report.damage.is_empty() {
        rebuild_table(&path)?;
    }
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            write_json(&json!({"records": report.records, "damage": report.damage}), &mut stdout)?;
        }
        Format::Table | Format::Csv => {
            writeln!(stdout, "{} indexed", counted(report.records, "record"))?;
        }
    }
    for damage in &report.damage {
        warn(damage);
    }
    anyhow::ensure!(
        report.damage.is_empty(),
        "the archive of {} is damaged in {} places; what can be read is indexed",
        path.display(),
        report.damage.len()
    );
    Ok(Outcome::Done)
}
