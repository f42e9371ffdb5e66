//! `mailtrace verify`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Context, Format, Outcome, export_check};
use crate::render::{sanitise, write_json};
use crate::store::verify;

/// Checks every byte of the archive and every entry of the index
///
/// Exits with 2 and lists what is wrong when anything is.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Check what `mailtrace export` made, a directory or a zip, instead of a store
    #[arg(long, value_name = "DIR|FILE.zip")]
    bundle: Option<PathBuf>,
}

pub(super) fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<Outcome> {
    if let Some(bundle) = &args.bundle {
        return export_check::run(bundle, context);
    }
    let path = context.store_path()?;
    let report = verify(&path)?;
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = json!({
                "sound": report.problems.is_empty(),
                "archiveFiles": report.archive_files,
                "records": report.records,
                "documents": report.documents,
                "problems": report.problems,
                "notes": report.notes,
            });
            write_json(&json, &mut stdout)?;
        }
        Format::Table | Format::Csv => {
            for problem in &report.problems {
                writeln!(stdout, "{}", sanitise(problem))?;
            }
            for note in &report.notes {
                writeln!(stdout, "note: {}", sanitise(note))?;
            }
            if report.problems.is_empty() {
                writeln!(
                    stdout,
                    "sound: {} records in {} archive {}, each indexed once",
                    report.records,
                    report.archive_files,
                    if report.archive_files == 1 { "file" } else { "files" },
                )?;
            }
        }
    }
    match report.problems.len() {
        0 => Ok(Outcome::Done),
        1 => anyhow::bail!("{} is damaged: 1 problem, listed above: {ADVICE}", path.display()),
        count => {
            anyhow::bail!("{} is damaged: {count} problems, listed above: {ADVICE}", path.display())
        }
    }
}

const ADVICE: &str = "rebuild an index with `mailtrace reindex`; bring an archive file back from a backup, or import its sources and archive/ into a new store";
