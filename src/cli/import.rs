//! `mailtrace import`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::output::counted;
use super::progress::ImportProgress;
use super::{Context, Format, Outcome, output};
use crate::ingest::{FileReport, ImportOptions, ImportReport, NoCoverage, import};
use crate::render::{csv_cell, write_json};
use crate::source::hidden_directories;
use crate::trace::keep_table;

/// Import events from files into the store
///
/// Reads what the AWS CLI prints (filter-log-events, get-log-events, tail, get-query-results), S3
/// exports, subscription and Firehose payloads, the console's CSV and raw events, plain or
/// compressed with gzip, zstd or base64. Format and compression are detected by content. Importing
/// a file twice adds nothing.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace import events.json\n  mailtrace import ./s3-export/ archive.ndjson.gz\n  aws logs filter-log-events --log-group-name GROUP | mailtrace import - --log-group GROUP"
)]
pub(super) struct ImportArgs {
    /// Files, directories (walked), or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Log group of records whose file does not name it
    #[arg(long, value_name = "NAME")]
    log_group: Option<String>,
    /// The files were filtered: they prove nothing about gaps
    ///
    /// Without this, a file of a format that promises to be complete covers the time from its first
    /// to its last event, and "no such mail" can be said of it. Formats that promise nothing never
    /// count.
    #[arg(long)]
    no_coverage: bool,
    /// Commit after so many records already: for tests of what a crash between commits leaves
    #[arg(long, hide = true, value_name = "N")]
    commit_records: Option<u64>,
}

pub(super) fn run(args: &ImportArgs, context: &Context) -> anyhow::Result<Outcome> {
    let store = context.store_path()?;
    let options = ImportOptions {
        table: Some(keep_table),
        log_group: args.log_group.clone(),
        commit_records_max: args.commit_records,
        without_coverage: args.no_coverage,
        began: Some(context.now),
        ..ImportOptions::default()
    };
    let progress = ImportProgress::new(context);
    let report = import(&args.paths, &store, &options, &mut |it| progress.show(it))?;
    drop(progress);
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Table => write_text(&report, &mut stdout)?,
        Format::Json | Format::Ndjson => write_json(&to_json(&report), &mut stdout)?,
        Format::Csv => write_csv(&report, &mut stdout)?,
    }
    stdout.flush()?;
    warn_of_hidden(&args.paths, context);
    if !context.global.quiet {
        say_what_covers_nothing(&report);
    }
    finish(&report, context)
}

/// Tells of directories in which there is something, and all of it was passed over.
pub(super) fn warn_of_hidden(paths: &[PathBuf], context: &Context) {
    if context.global.quiet {
        return;
    }
    for path in hidden_directories(paths) {
        output::warn(&format!(
            "{}: what is there has names that begin with a dot, and is passed over: name it to have it read",
            path.display()
        ));
    }
}

/// Tells on stderr what did not go well, and decides the exit status.
pub(super) fn finish(report: &ImportReport, context: &Context) -> anyhow::Result<Outcome> {
    if context.global.verbose > 0 {
        report.files.iter().for_each(say);
    }
    let problems: Vec<_> = report.problems().collect();
    for problem in problems.iter().skip(1) {
        output::warn(&format!("{}: {}", output::chain(*problem), problem.hint()));
    }
    if let Some(problem) = problems.first() {
        anyhow::bail!("{}: {}", output::chain(*problem), problem.hint());
    }
    let is_complete = report.files.iter().all(|it| it.incomplete.is_none());
    if !context.global.quiet {
        say_what_is_incomplete(report);
    }
    if report.rejected() == 0 && is_complete {
        return Ok(Outcome::Done);
    }
    if !context.global.quiet {
        let with_rejects = report.files.iter().filter(|it| it.rejected > 0);
        for file in with_rejects.take(REJECTING_FILES_SHOWN) {
            let (line, reason) = file.first_reject.as_ref().map_or((0, ""), |it| (it.0, &it.1));
            output::warn(&format!(
                "{}: {} rejected, first on line {line}: {reason}",
                file.path, file.rejected
            ));
            if file.rejected_left_out > 0 {
                output::warn(&format!(
                    "{}: {} of the rejected pieces are not kept: it expands to a multiple of its size",
                    file.path, file.rejected_left_out
                ));
            }
        }
    }
    Ok(Outcome::SomeRejected)
}

/// Tells on stderr which files say that they are not all.
fn say_what_is_incomplete(report: &ImportReport) {
    let incomplete = report.files.iter().filter_map(|it| Some((it, it.incomplete.as_deref()?)));
    for (file, reason) in incomplete.take(REJECTING_FILES_SHOWN) {
        output::warn(&format!("{}: says itself that it is not all: {reason}", file.path));
    }
}

/// Tells on stderr which files add no coverage.
fn say_what_covers_nothing(report: &ImportReport) {
    for reason in [NoCoverage::Excerpt, NoCoverage::OneStream, NoCoverage::Shape] {
        let mut files = report.files.iter().filter(|it| it.no_coverage == Some(reason));
        let Some(first) = files.next() else { continue };
        let more = match files.count() {
            0 => String::new(),
            count => format!(" and {count} more"),
        };
        output::note(&format!("{}{more}: adds no coverage: {}", first.path, reason.in_words()));
    }
}

/// Tells on stderr what became of one file.
fn say(file: &FileReport) {
    let format = file.format.map_or("nothing known", |it| it.as_str());
    let compression = if file.compression.is_empty() { "plain" } else { &file.compression };
    output::note(&format!(
        "{}: {format}, {compression}: {} read, {} new, {} duplicates, {} rejected",
        file.path, file.read, file.added, file.duplicates, file.rejected
    ));
}

/// Files with rejects that are named on stderr; the JSON and CSV reports name all.
const REJECTING_FILES_SHOWN: usize = 20;

pub(super) fn write_text(report: &ImportReport, out: &mut dyn Write) -> std::io::Result<()> {
    let seconds = report.elapsed_ms as f64 / 1_000.0;
    let mut line = format!(
        "{} read from {}: {} new, {} duplicates",
        counted(report.read() - report.rejected(), "event"),
        counted(report.files.len() as u64, "file"),
        report.added(),
        report.duplicates(),
    );
    if report.rejected() > 0 {
        line.push_str(&format!(", {} rejected (kept in the store's rejected/)", report.rejected()));
    }
    if report.rejected_left_out() > 0 {
        line.push_str(&format!(", {} of them too many to be kept", report.rejected_left_out()));
    }
    if report.withheld() > 0 {
        line.push_str(&format!(", {} left out as removed before", report.withheld()));
    }
    writeln!(out, "{line} ({seconds:.1} s)")
}

pub(super) fn to_json(report: &ImportReport) -> serde_json::Value {
    json!({
        "read": report.read(),
        "added": report.added(),
        "duplicates": report.duplicates(),
        "rejected": report.rejected(),
        "elapsedMs": report.elapsed_ms,
        "files": report.files.iter().map(file_to_json).collect::<Vec<_>>(),
    })
}

fn file_to_json(file: &FileReport) -> serde_json::Value {
    json!({
        "path": file.path,
        "format": file.format.map(|it| it.as_str()),
        "compression": (!file.compression.is_empty()).then_some(&file.compression),
        "bytes": file.bytes,
        "sha256": file.sha256,
        "read": file.read,
        "added": file.added,
        "duplicates": file.duplicates,
        "rejected": file.rejected,
        "rejectedNotKept": file.rejected_left_out,
        "firstRejected": file.first_reject.as_ref().map(|(line, reason)| json!({"line": line, "reason": reason})),
        "incomplete": file.incomplete,
        "noCoverage": file.no_coverage.map(NoCoverage::in_words),
        "error": file.problem.as_ref().map(|it| output::chain(it)),
    })
}

pub(super) fn write_csv(report: &ImportReport, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(["path", "format", "compression", "read", "added", "duplicates", "rejected"])?;
    for file in &report.files {
        csv.write_record([
            csv_cell(&file.path).as_str(),
            file.format.map_or("", |it| it.as_str()),
            &file.compression,
            &file.read.to_string(),
            &file.added.to_string(),
            &file.duplicates.to_string(),
            &file.rejected.to_string(),
        ])?;
    }
    csv.flush()?;
    Ok(())
}
