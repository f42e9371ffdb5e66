//! `mailtrace export`.

use std::io::{self, BufWriter};
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::extract::{ExtractArgs, ExtractCounts, say_of_mirror};
use crate::cli::args::grace::GraceArgs;
use crate::cli::args::ids::Ids;
#[cfg(feature = "aws")]
use crate::cli::args::password::password_help;
use crate::cli::args::question::parse_rows;
use crate::cli::args::range::RangeArgs;
use crate::cli::args::watched::addresses_in;
use crate::cli::args::which::{WhichArgs, by_domains};
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::export::{
    BundleOptions, BundleQuestion, ExportSelection, Selector, write_bundle, write_flat,
    write_flat_file,
};
use crate::limits;
use crate::query::{Field, Matcher, Pattern, Query};
use crate::render::counted;
use crate::store::Store;
use crate::time::TimeRange;
use crate::trace::{JoinRules, MessageFilter, Reach, select};

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
#[cfg_attr(feature = "aws", command(mut_arg("password_file", password_help)))]
#[command(
    mut_arg("since", since_help),
    mut_arg("until", |it| it.help("First seen before this time"))
)]
#[command(
    after_long_help = "Examples:\n  mailtrace export '<20261123.1001@acme.example>' --out ./case-17\n  mailtrace export --from ana --since 7d --out case-17.zip\n  mailtrace export --out mail.parquet --as parquet"
)]
pub(crate) struct ExportArgs {
    /// Message IDs or trace IDs, as you have them
    #[arg(value_name = "ID", conflicts_with_all = ["query", "since", "until"])]
    ids: Vec<String>,
    /// Output path; must not exist (an empty directory is fine)
    ///
    /// A bundle is a directory, or a zip if the name ends in .zip; anything else is a file, or -
    /// for standard output.
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
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
    #[command(flatten)]
    range: RangeArgs,
    #[command(flatten)]
    grace: GraceArgs,
    #[command(flatten)]
    extract: ExtractArgs,
    #[command(flatten)]
    backend: BackendArgs,
    // Last, because its heading covers all options after it.
    #[command(flatten)]
    which: WhichArgs,
}

/// With a query alone, it is a time of events.
fn since_help(argument: clap::Arg) -> clap::Arg {
    const HELP: &str = "First seen at or after this time";
    const LONG: &str = "First seen at or after this time\n\nWith --query alone: with events from this time on. RFC 3339, a date, yesterday, monday, or an age such as 7d.";
    argument.help(HELP).long_help(LONG)
}

impl ExportArgs {
    /// The file that lists what is exported, if there is one.
    fn list(&self) -> Option<String> {
        let (option, path) = match (&self.ids_from, &self.addresses_from) {
            (Some(path), _) => ("--ids-from", path),
            (None, Some(path)) => ("--addresses-from", path),
            (None, None) => return None,
        };
        Some(format!("{option} {}", path.display()))
    }
}

pub(crate) fn run(args: &ExportArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let grace_ms = args.grace.ms()?;
    let extract = &args.extract;
    // Keys first: a wrong password must not cost a search that takes minutes.
    let redactor = extract.redactor()?;
    let key = extract.signing_key(&args.backend)?;
    let mut asked = AskedExport::new(args, context)?;
    // Before the store is opened, which with files or a cluster takes long: an output path that
    // exists is an error at once.
    let staging = extract.staging(&args.out, context)?;
    let opened = args.backend.open_with_password(context, |_| asked.reach())?;
    let store = &opened.store;
    say_of_mirror(store, context);
    let rules = JoinRules::of_store(store, grace_ms, context.now);
    let selection = asked.select(store, &rules)?;
    let (_, not_found) = selection.not_found();
    if let Some(list) = args.list().filter(|_| selection.messages().is_empty()) {
        let note = crate::cli::listing::coverage_note(store, context);
        anyhow::bail!("{list}: the store has nothing on this list, so nothing is exported; {note}");
    }
    let redactor = redactor.as_ref();
    let flat = |format, staging| {
        let passed = match staging {
            Some(staging) => write_flat_file(store, &selection, &rules, redactor, format, staging),
            None => {
                let stdout = BufWriter::new(io::stdout());
                write_flat(store, &selection, &rules, redactor, format, stdout)
            }
        };
        passed.map(|it| ExtractCounts {
            messages: Some(it.messages),
            events: it.events,
            truncated: it.truncated,
        })
    };
    let question = asked.question;
    let bundle = |staging, signing: Option<_>| {
        let (rules, zone) = (rules.clone(), context.zone.clone());
        let options = BundleOptions { question, rules, zone, redactor, signing };
        write_bundle(store, &selection, &options, staging)
    };
    let place = (args.out.as_path(), staging);
    let made = extract.write(place, key.as_ref(), context, flat, bundle)?;
    if not_found > 0 && !context.global.quiet {
        let note = crate::cli::listing::coverage_note(store, context);
        output::warn(&format!("no event was found for {not_found} of the IDs; {note}"));
    }
    if made.truncated > 0 {
        let most = limits::TRACE_EVENTS_MAX;
        let count = counted(made.truncated, "message");
        output::warn(&format!(
            "only {most} events of a message are exported, and {count} would have more"
        ));
        return Ok(CommandOutcome::SomeRejected);
    }
    Ok(opened.outcome(made.messages.is_some_and(|it| it > 0)))
}

/// The export asked for.
struct AskedExport {
    question: BundleQuestion,
    range: TimeRange,
    ids: Option<Ids>,
    /// Conditions besides IDs; `None` if there are none.
    filter: Option<MessageFilter>,
}

impl AskedExport {
    fn new(args: &ExportArgs, context: &Context) -> anyhow::Result<Self> {
        let range = args.range.range(context)?;
        let query = args.query.as_deref().map(|it| parse_rows(it, context)).transpose()?;
        let ids = match &args.ids_from {
            Some(path) => Some(Ids::open(args.ids.clone(), path, args.column.as_deref())?),
            None if args.ids.is_empty() => None,
            None => Some(Ids::given(args.ids.clone())),
        };
        let (since, until) = args.range.bounds(range);
        let watched = args.addresses_from.iter();
        let watched = watched.map(|it| format!("--addresses-from={}", it.display()));
        let filters: Vec<String> = args.which.given().into_iter().chain(watched).collect();
        let question = BundleQuestion {
            case_name: args.extract.case.clone(),
            query: args.query.clone(),
            resolved_query: query.as_ref().map(ToString::to_string),
            filters,
            since,
            until,
            ..BundleQuestion::default()
        };
        let filter = Self::filter(args, range, query.as_ref())?;
        anyhow::ensure!(
            filter.is_none() || ids.is_none(),
            "the IDs already select the messages: leave out {}",
            question.filters.join(" ")
        );
        Ok(Self { question, range, ids, filter })
    }

    /// The conditions besides IDs, times and a query alone.
    fn filter(
        args: &ExportArgs,
        range: TimeRange,
        query: Option<&Query>,
    ) -> anyhow::Result<Option<MessageFilter>> {
        let mut filter = args.which.filter()?;
        let addresses = args.addresses_from.as_deref().map(addresses_in).transpose()?;
        filter.addresses = addresses.map(|it| Pattern::one_of(Field::To, it));
        // A query alone asks events, so the times apply to events as well; beside other options
        // they are those of messages.
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

    /// The events that the export can be about.
    fn reach(&mut self) -> anyhow::Result<Reach> {
        let Some(ids) = &mut self.ids else {
            let filter = self.filter.as_ref().filter(|it| it.first_seen == self.range);
            return Ok(filter.map_or_else(|| Reach::messages(self.range), Reach::of));
        };
        let all = ids.next_ids(usize::MAX)?;
        // A list from standard input can be read only once, and is needed again for the
        // selection.
        self.ids = Some(Ids::given(all.clone()));
        Ok(Reach::messages_with(all))
    }

    /// Finds the messages.
    fn select(&mut self, store: &Store, rules: &JoinRules) -> anyhow::Result<ExportSelection> {
        let is_all = self.ids.is_none();
        let all = || MessageFilter { first_seen: self.range, ..MessageFilter::default() };
        if let Some(filter) = self.filter.take().or_else(|| is_all.then(all)) {
            let filter = by_domains(filter, store);
            return Ok(ExportSelection::of_summaries(&select(store, rules, &filter)?)?);
        }
        let mut selector = Selector::new(store, rules);
        if let Some(ids) = &mut self.ids {
            // One ID at a time, so that a long list takes no memory.
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
