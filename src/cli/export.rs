//! `mailtrace export`.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::filter::WhichArgs;
use super::grace::GraceArgs;
use super::ids::Ids;
use super::input::InputArgs;
use super::output::counted;
use super::question::{OnArgs, parse_rows, range};
use super::sign::{PasswordArgs, warn_of_open_key};
use super::watched::addresses_in;
use super::{Context, Format, Outcome, output};
use crate::export::{
    BundleOptions, BundleReport, FlatFormat, Passed, Question, Redactor, Selection, Selector,
    Staging, TimeBound, write_bundle, write_flat, write_flat_file,
};
use crate::limits;
use crate::query::{Field, Matcher, Pattern, Query};
use crate::render::{csv_cell, sanitise, write_json};
use crate::signing::SIGNATURE_SUFFIX;
use crate::store::Store;
use crate::time::{TimeRange, Timestamp};
use crate::trace::{JoinRules, MessageFilter, select};

/// Export messages as a self-contained evidence bundle
///
/// A bundle, a directory or one zip, holds the original records, tables of messages and of their
/// timeline, a report to read and print (open report.html), a manifest and SHA256SUMS. `mailtrace
/// verify --bundle` checks it without a store; `mailtrace import` reads its records back. With --as
/// it is one file for other programs.
///
/// Whole messages are exported: those with the given IDs, those that options and query find as in
/// `mailtrace messages`, or all. Exports are reproducible, byte for byte. Exit status: 1 if nothing
/// was found, which the bundle then says (2, and no bundle, if a list was asked for), 3 if a
/// message has more events than were taken.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace export '<20261123.1001@acme.example>' --out ./case-17\n  mailtrace export --from ana --since 7d --out case-17.zip\n  mailtrace export --out mail.parquet --as parquet"
)]
pub(super) struct ExportArgs {
    /// Message IDs or trace IDs, as you have them
    #[arg(value_name = "ID", conflicts_with_all = ["query", "since", "until"])]
    ids: Vec<String>,
    /// Output path; must not exist (an empty directory is fine)
    ///
    /// A bundle is a directory, or a zip if the name ends in .zip; anything else is a file, or -
    /// for standard output.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// What to write
    #[arg(long = "as", value_enum, default_value_t, value_name = "SHAPE")]
    shape: Shape,
    /// Read IDs from a file (- for standard input), one per line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["query", "since", "until"])]
    ids_from: Option<PathBuf>,
    /// The --ids-from file is CSV: take IDs from this column
    #[arg(long, hide_short_help = true, value_name = "COLUMN", requires = "ids_from")]
    column: Option<String>,
    /// Messages that this query finds (see messages)
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// From or to one of the addresses in this file, one per line
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    addresses_from: Option<PathBuf>,
    /// First seen at or after this time
    ///
    /// With --query alone: with events from this time on. RFC 3339, a date, yesterday, monday, or
    /// an age such as 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// First seen before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    on: OnArgs,
    #[command(flatten)]
    grace: GraceArgs,
    /// A name for the case, for report and manifest
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,
    /// Replace addresses, subjects or both with pseudonyms
    #[arg(long, value_enum, value_name = "WHAT", requires = "redact_key")]
    redact: Option<Redact>,
    /// Key of the pseudonyms: a file of at least 16 bytes
    ///
    /// The same text has the same pseudonym under one key. Make one with: head -c 32 /dev/urandom >
    /// case.key
    #[arg(long, value_name = "FILE", requires = "redact")]
    redact_key: Option<PathBuf>,
    /// Keep the domains of redacted addresses
    #[arg(long, hide_short_help = true, requires = "redact")]
    keep_domains: bool,
    /// Sign the bundle's sums with a minisign secret key
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordArgs,
    #[command(flatten)]
    input: InputArgs,
    // Last: its heading is that of all options behind it.
    #[command(flatten)]
    which: WhichArgs,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Evidence: records, tables, report, manifest and sums
    #[default]
    Bundle,
    /// Apache Parquet, a row for each event
    Parquet,
    /// NDJSON in the Elastic Common Schema, a line for each event
    Ecs,
    /// NDJSON in OCSF, class Email Activity, a line for each event
    Ocsf,
}

impl Shape {
    fn flat(self) -> Option<FlatFormat> {
        match self {
            Self::Bundle => None,
            Self::Parquet => Some(FlatFormat::Parquet),
            Self::Ecs => Some(FlatFormat::Ecs),
            Self::Ocsf => Some(FlatFormat::Ocsf),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Redact {
    /// Addresses, wherever they occur
    Addresses,
    /// Subjects
    Subjects,
    /// Both
    All,
}

impl ExportArgs {
    /// The file that says what is asked, if one does.
    fn list(&self) -> Option<String> {
        let (option, path) = match (&self.ids_from, &self.addresses_from) {
            (Some(path), _) => ("--ids-from", path),
            (None, Some(path)) => ("--addresses-from", path),
            (None, None) => return None,
        };
        Some(format!("{option} {}", path.display()))
    }

    /// Where it is made; nowhere when it goes to standard output.
    fn staging(&self) -> anyhow::Result<Option<Staging>> {
        if self.out.as_os_str() != "-" {
            return Ok(Some(Staging::beside(&self.out)?));
        }
        anyhow::ensure!(
            self.shape != Shape::Bundle,
            "--out: a bundle goes to a directory or a zip, not to standard output"
        );
        anyhow::ensure!(
            self.shape != Shape::Parquet || !io::stdout().is_terminal(),
            "--out: Parquet is nothing for a terminal: name a file, or send it on"
        );
        Ok(None)
    }

    fn redactor(&self) -> anyhow::Result<Option<Redactor>> {
        let (Some(redact), Some(key)) = (self.redact, &self.redact_key) else { return Ok(None) };
        let addresses = redact != Redact::Subjects;
        let subjects = redact != Redact::Addresses;
        Ok(Some(Redactor::open(key, addresses, subjects, self.keep_domains)?))
    }
}

pub(super) fn run(args: &ExportArgs, context: &Context) -> anyhow::Result<Outcome> {
    let grace_ms = args.grace.ms()?;
    let redactor = args.redactor()?;
    anyhow::ensure!(
        args.sign_key.is_none() || args.shape == Shape::Bundle,
        "--sign-key: only a bundle is signed; `minisign -S` signs any file"
    );
    anyhow::ensure!(
        args.sign_key.is_some() || !args.password.is_given(),
        "--password-file: name the secret key that it is for with --sign-key"
    );
    let key = args.sign_key.as_deref().map(|it| args.password.open(it)).transpose()?;
    let mut asked = Asked::new(args, context)?;
    let staging = args.staging()?;
    if let Some(staging) = &staging {
        context.leftovers.add(staging.path())?;
    }
    let opened = args.input.open(context)?;
    let store = &opened.store;
    let rules = JoinRules::of_store(store, grace_ms, context.now);
    let selection = asked.select(store, &rules)?;
    let (_, not_found) = selection.not_found();
    if let Some(list) = args.list().filter(|_| selection.messages().is_empty()) {
        let note = super::trace::coverage_note(store, context);
        anyhow::bail!("{list}: none of it is in the store, so nothing is exported; {note}");
    }
    let redactor = redactor.as_ref();
    let made = match (args.shape.flat(), staging) {
        (Some(format), Some(staging)) => {
            let passed = write_flat_file(store, &selection, &rules, redactor, format, staging)?;
            let made = Made::of(&passed);
            report_flat(&made, args, context, &mut anstream::stdout().lock())?;
            made
        }
        (Some(format), None) => {
            let out = BufWriter::new(io::stdout());
            let passed = write_flat(store, &selection, &rules, redactor, format, out)?;
            Made::of(&passed)
        }
        (None, Some(staging)) => {
            let zone = context.zone.clone();
            let signing = key.as_ref().map(|it| (it, context.now));
            let options =
                BundleOptions { question: asked.question, rules, zone, redactor, signing };
            let report = write_bundle(store, &selection, &options, staging)?;
            report_bundle(&report, context)?;
            if let Some(key) = &args.sign_key {
                warn_of_open_key(key, context);
            }
            let counts = &report.manifest.counts;
            Made { messages: counts.messages, events: counts.records, truncated: counts.truncated }
        }
        (None, None) => {
            anyhow::bail!("--out: a bundle goes to a directory or a zip, not to standard output")
        }
    };
    if not_found > 0 && !context.global.quiet {
        let note = super::trace::coverage_note(store, context);
        output::warn(&format!("no event was found for {not_found} of the IDs; {note}"));
    }
    if made.truncated > 0 {
        let most = limits::TRACE_EVENTS_MAX;
        let text = format!("{} messages have more than {most} events each", made.truncated);
        output::warn(&format!("{text}: only so many of each were taken"));
        return Ok(Outcome::SomeRejected);
    }
    Ok(opened.outcome(made.messages > 0))
}

/// How much was made.
struct Made {
    messages: u64,
    events: u64,
    truncated: u64,
}

impl Made {
    fn of(passed: &Passed) -> Self {
        Self { messages: passed.messages, events: passed.events, truncated: passed.truncated }
    }

    fn in_words(&self) -> String {
        format!("{} with {}", counted(self.messages, "message"), counted(self.events, "event"))
    }
}

/// What is asked for.
struct Asked {
    question: Question,
    range: TimeRange,
    ids: Option<Ids>,
    /// What is asked besides; none when nothing is.
    filter: Option<MessageFilter>,
}

impl Asked {
    fn new(args: &ExportArgs, context: &Context) -> anyhow::Result<Self> {
        let range = range(args.since.as_deref(), args.until.as_deref(), &args.on, context)?;
        let query = args.query.as_deref().map(|it| parse_rows(it, context)).transpose()?;
        let ids = match &args.ids_from {
            Some(path) => Some(Ids::open(args.ids.clone(), path, args.column.as_deref())?),
            None if args.ids.is_empty() => None,
            None => Some(Ids::given(args.ids.clone())),
        };
        let bound = |given: &Option<String>, resolved: Option<Timestamp>| {
            let (given, resolved) = given.clone().zip(resolved)?;
            Some(TimeBound { given, resolved: resolved.to_string() })
        };
        let watched = args.addresses_from.iter();
        let watched = watched.map(|it| format!("--addresses-from={}", it.display()));
        let filters: Vec<String> = args.which.given().into_iter().chain(watched).collect();
        let question = Question {
            case_name: args.case.clone(),
            query: args.query.clone(),
            resolved_query: query.as_ref().map(ToString::to_string),
            filters,
            since: bound(&args.since, range.since),
            until: bound(&args.until, range.until),
            ..Question::default()
        };
        let filter = Self::filter(args, range, query.as_ref())?;
        anyhow::ensure!(
            filter.is_none() || ids.is_none(),
            "IDs say already which messages to take: leave out {}",
            question.filters.join(" ")
        );
        Ok(Self { question, range, ids, filter })
    }

    /// What is asked besides IDs, times and a query alone.
    fn filter(
        args: &ExportArgs,
        range: TimeRange,
        query: Option<&Query>,
    ) -> anyhow::Result<Option<MessageFilter>> {
        let mut filter = args.which.filter()?;
        let addresses = args.addresses_from.as_deref().map(addresses_in).transpose()?;
        filter.addresses = addresses.map(|it| Pattern::one_of(Field::To, it));
        let is_query_alone = filter == MessageFilter::default();
        let Some(query) = query else {
            let range = MessageFilter { first_seen: range, ..filter };
            return Ok((!is_query_alone).then_some(range));
        };
        let mut rows = vec![filter.rows, query.clone()];
        if is_query_alone && !range.is_unbounded() {
            rows.push(Query::demand(Field::Time, Matcher::Time(range)));
            return Ok(Some(MessageFilter { rows: Query::and(rows), ..MessageFilter::default() }));
        }
        Ok(Some(MessageFilter { first_seen: range, rows: Query::and(rows), ..filter }))
    }

    /// Finds the messages.
    fn select(&mut self, store: &Store, rules: &JoinRules) -> anyhow::Result<Selection> {
        let is_all = self.ids.is_none();
        let all = || MessageFilter { first_seen: self.range, ..MessageFilter::default() };
        if let Some(filter) = self.filter.take().or_else(|| is_all.then(all)) {
            return Ok(Selection::of_summaries(&select(store, rules, &filter)?)?);
        }
        let mut selector = Selector::new(store, rules);
        if let Some(ids) = &mut self.ids {
            while let Some(id) = ids.next_ids(1)?.pop() {
                selector.add_id(&id)?;
                self.question.id_count += 1;
                if self.question.ids.len() < limits::EXPORT_IDS_NAMED_MAX {
                    self.question.ids.push(id);
                }
            }
        }
        Ok(selector.finish()?)
    }
}

/// Says what one file has.
fn report_flat(
    made: &Made,
    args: &ExportArgs,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let path = args.out.display().to_string();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = json!({
                "path": path,
                "messages": made.messages,
                "records": made.events,
                "truncated": made.truncated,
                "redacted": args.redact.is_some(),
            });
            write_json(&json, out)?;
        }
        Format::Table | Format::Csv => {
            writeln!(out, "{} in {}", made.in_words(), sanitise(&path))?;
        }
    }
    Ok(())
}

/// Says what a bundle has.
fn report_bundle(report: &BundleReport, context: &Context) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    let (manifest, counts) = (&report.manifest, &report.manifest.counts);
    let path = report.path.display().to_string();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = json!({
                "path": path,
                "messages": counts.messages,
                "records": counts.records,
                "notFound": counts.not_found,
                "truncated": counts.truncated,
                "redacted": manifest.redaction.is_some(),
                "sumsSha256": report.sums_sha256,
                "signed": report.is_signed,
                "files": manifest.files,
            });
            write_json(&json, &mut stdout)?;
        }
        Format::Table => {
            let truncated = counts.truncated;
            let made = Made { messages: counts.messages, events: counts.records, truncated };
            writeln!(stdout, "{} in {}", made.in_words(), sanitise(&path))?;
            writeln!(stdout, "SHA-256 of its SHA256SUMS: {}", report.sums_sha256)?;
            if report.is_signed {
                writeln!(stdout, "signed, in its SHA256SUMS{SIGNATURE_SUFFIX}")?;
            }
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(&mut stdout);
            csv.write_record(["name", "bytes", "sha256"])?;
            for file in &manifest.files {
                csv.write_record([&csv_cell(&file.name), &file.bytes.to_string(), &file.sha256])?;
            }
            csv.flush()?;
        }
    }
    stdout.flush()?;
    Ok(())
}
