//! `mailtrace import`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use crate::cli::context::{CommandOutcome, Context};
use crate::cli::intake::{finish, warn_of_hidden};
use crate::cli::output;
use crate::cli::progress::ShownProgress;
#[cfg(feature = "aws")]
use crate::ingest::S3Report;
use crate::ingest::{FileReport, ImportOptions, ImportReport, NoCoverage, import};
use crate::render::{Answer, JsonWriter, TableOptions, counted, csv_cell, write_csv};
use crate::time::Zone;
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
pub(crate) struct ImportArgs {
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

pub(crate) fn run(args: &ImportArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let store = context.store_path()?;
    let options = ImportOptions {
        table: Some(keep_table),
        log_group: args.log_group.clone(),
        commit_records_max: args.commit_records,
        without_coverage: args.no_coverage,
        began: Some(context.now),
        ..ImportOptions::default()
    };
    let progress = ShownProgress::new(context);
    let report = import(&args.paths, &store, &options, &mut |it| progress.import(it))?;
    // The bar must be gone before the answer is printed.
    drop(progress);
    context.print(&ImportAnswer::of_files(&report))?;
    warn_of_hidden(&args.paths, context);
    if !context.global.quiet {
        if report.read() == 0 {
            output::note("there was nothing to read: no file holds an event, or anything else");
        }
        say_what_covers_nothing(&report);
    }
    finish(&report, context)
}

/// Says on stderr which files add no coverage, and why.
fn say_what_covers_nothing(report: &ImportReport) {
    // One line for each reason, however many files there are.
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

/// The answer of an import.
pub(crate) struct ImportAnswer<'r> {
    report: &'r ImportReport,
    /// Lines after that of the import itself.
    more_lines: Vec<String>,
    /// Members after its own.
    more_members: Value,
}

impl<'r> ImportAnswer<'r> {
    /// The answer for files.
    fn of_files(report: &'r ImportReport) -> Self {
        Self { report, more_lines: Vec::new(), more_members: json!({}) }
    }

    /// The answer for objects in S3.
    #[cfg(feature = "aws")]
    pub(crate) fn of_objects(s3: &'r S3Report) -> Self {
        let skipped = match s3.objects_skipped {
            0 => None,
            1 => Some("1 object was imported before and was not fetched again".to_owned()),
            count => {
                Some(format!("{count} objects were imported before and were not fetched again"))
            }
        };
        Self {
            report: &s3.import,
            more_lines: skipped.into_iter().collect(),
            more_members: json!({
                "objectsTaken": s3.objects_taken,
                "objectsSkipped": s3.objects_skipped,
                "throttled": s3.throttled,
                "withheld": s3.import.withheld(),
            }),
        }
    }
}

impl Answer for ImportAnswer<'_> {
    fn table(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let report = self.report;
        let seconds = report.elapsed_ms as f64 / 1_000.0;
        let mut line = format!(
            "{} read from {}: {} new, {} duplicates",
            counted(report.read() - report.rejected(), "event"),
            counted(report.files.len() as u64, "file"),
            report.added(),
            report.duplicates(),
        );
        if report.rejected() > 0 {
            let kept = "kept in the store's rejected/";
            line.push_str(&format!(", {} rejected ({kept})", report.rejected()));
        }
        if report.rejected_left_out() > 0 {
            let left_out = report.rejected_left_out();
            line.push_str(&format!(", {left_out} of them too many to keep"));
        }
        if report.withheld() > 0 {
            line.push_str(&format!(", {} left out (removed before)", report.withheld()));
        }
        writeln!(out, "{line} ({seconds:.1} s)")?;
        self.more_lines.iter().try_for_each(|it| writeln!(out, "{it}"))
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let report = self.report;
        let mut json = json!({
            "read": report.read(),
            "added": report.added(),
            "duplicates": report.duplicates(),
            "rejected": report.rejected(),
            "elapsedMs": report.elapsed_ms,
            "files": report.files.iter().map(file_json).collect::<Vec<_>>(),
        });
        if let (Value::Object(json), Value::Object(more)) = (&mut json, &self.more_members) {
            json.extend(more.clone());
        }
        out.value(&json)
    }

    /// Prints a row for each file.
    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let header = ["path", "format", "compression", "read", "added", "duplicates", "rejected"];
        let rows = self.report.files.iter().map(|file| {
            [
                csv_cell(&file.path),
                file.format.map_or("", |it| it.as_str()).to_owned(),
                file.compression.clone(),
                file.read.to_string(),
                file.added.to_string(),
                file.duplicates.to_string(),
                file.rejected.to_string(),
            ]
        });
        write_csv(header, rows, out)
    }
}

fn file_json(file: &FileReport) -> Value {
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
