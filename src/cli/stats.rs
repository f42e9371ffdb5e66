//! `mailtrace stats`.

use std::ffi::OsStr;
use std::io::Write;

use anyhow::Context as _;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Args, Command};

use crate::access::AccessKey;
use crate::cli::args::backend::BackendArgs;
use crate::cli::args::grace::GraceArgs;
use crate::cli::args::question::parse_rows;
use crate::cli::args::range::{RangeArgs, since_help};
use crate::cli::args::which::internal_rows;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::explain::say_empty_terms;
use crate::cli::listing::{check_limit, say_how_many, say_not_covered, say_of_audit_events};
use crate::limits;
use crate::query::Query;
use crate::render::{CountsByValue, CountsOverTime, EventCounts, LatencyAnswer, MetricsAnswer};
use crate::stats::{CountKey, StatsRequest, compare, count_by, latencies, metrics};
use crate::store::Store;
use crate::time::{Interval, TimeRange, Timestamp};
use crate::trace::{JoinRules, Reach};

/// Count by value and over time; delivery times; WorkMail's metrics
///
/// Without options it counts events by name. With --by: event, rule and folder count events
/// (folder: deliveries); cause, reason and status count bounces; spam, dkim, dmarc and spf count
/// arrivals; direction counts legs; sender and sender-domain count messages, by their real sender;
/// recipient, recipient-domain and outcome count each recipient of each message once, as `mailtrace
/// trace` judges it. A message counts at the time of its first event. Audit events are counted by
/// `mailtrace access --group-by`.
#[derive(Debug, Args)]
#[command(
    mut_arg("since", |it| since_help(it, "Only from this time on")),
    mut_arg("until", |it| it.help("Only before this time"))
)]
#[command(
    after_long_help = "Examples:\n  mailtrace stats --by sender-domain --since 7d\n  mailtrace stats --interval day\n  mailtrace stats --latency --by weekday"
)]
pub(crate) struct StatsArgs {
    /// Only messages that this query finds (see messages)
    ///
    /// Counts of recipients are then of those whom the query asks for.
    #[arg(value_name = "QUERY", num_args = 0..)]
    query: Vec<String>,
    /// What to count by
    #[arg(long, value_name = "KEY", value_parser = Keys)]
    by: Option<String>,
    /// Time to delivery: p50, p90, p99 and maximum
    ///
    /// From the start of a leg to its outcome for each recipient, overall and by the day on which
    /// the leg started (or by --interval, or --by weekday or hour-of-day).
    #[arg(long, conflicts_with = "metrics")]
    latency: bool,
    /// Compare with the preceding period of the same length
    ///
    /// The period is that of --since or --on; events, or what --by counts.
    #[arg(long, conflicts_with_all = ["latency", "metrics", "interval"])]
    compare: bool,
    /// The metrics WorkMail publishes to CloudWatch, from the events
    #[arg(long, conflicts_with = "by")]
    metrics: bool,
    /// Over time: hour, day, week, or a length such as 15m
    #[arg(long, value_name = "INTERVAL")]
    interval: Option<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Only mail from one user of the organization to another (see messages)
    #[arg(long, hide_short_help = true)]
    internal: bool,
    /// Show at most N values with --by (the total is always exact)
    #[arg(short = 'n', long, default_value_t = limits::RESULT_ROWS_DEFAULT, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    grace: GraceArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

/// Parses the key to count by.
#[derive(Clone)]
struct Keys;

impl TypedValueParser for Keys {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        let names = PossibleValuesParser::new(CountKey::COUNTED.map(CountKey::as_str));
        names.parse_ref(command, argument, value).map_err(|error| {
            // A key of audit events deserves a pointer to the command that has it, not a list of
            // other keys.
            let key = value.to_str().filter(|it| AccessKey::from_name(it).is_some());
            let Some(key) = key else { return error };
            let text = format!(
                "--by {key}: stats counts mail; `mailtrace access --group-by {key}` counts audit events\n"
            );
            clap::Error::raw(ErrorKind::InvalidValue, text).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(CountKey::COUNTED.into_iter().map(|it| PossibleValue::new(it.as_str()))))
    }
}

pub(crate) fn run(args: &StatsArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let wanted = args.wanted(context)?;
    let opened =
        args.backend.open(context, |newest| Ok(args.reach(wanted.range, newest, context)))?;
    let has_found = answer(args, wanted, &opened.store, context, &mut context.stdout())?;
    Ok(opened.outcome(has_found))
}

/// The question that options and query make.
pub(crate) struct StatsOptions {
    range: TimeRange,
    interval: Option<Interval>,
    rows: Query,
    is_internal: bool,
    grace_ms: i64,
}

impl StatsOptions {
    /// The request for a store.
    pub(crate) fn request(self, store: &Store, context: &Context) -> StatsRequest {
        let rules = JoinRules::of_store(store, self.grace_ms, context.now);
        let Self { range, interval, mut rows, is_internal, .. } = self;
        if is_internal {
            rows = Query::and(vec![rows, internal_rows(store, range)]);
        }
        StatsRequest { range, interval, zone: context.zone.clone(), rules, rows }
    }
}

impl StatsArgs {
    /// Reads the options.
    pub(crate) fn wanted(&self, context: &Context) -> anyhow::Result<StatsOptions> {
        let grace_ms = self.grace.ms()?;
        let range = self.range.range(context)?;
        check_limit(self.limit)?;
        let rows = parse_rows(&self.query.join(" "), context)?;
        let interval = self.interval.as_deref().map(interval).transpose()?;
        Ok(StatsOptions { range, interval, rows, is_internal: self.internal, grace_ms })
    }

    /// The events that the question can be about, for a range.
    fn reach(&self, range: TimeRange, newest: Option<Timestamp>, context: &Context) -> Reach {
        match range.since.filter(|_| self.compare) {
            Some(since) => {
                let (since, until) = compared(since, range.until, newest, context);
                let before = TimeRange::before(since, until);
                Reach::messages(TimeRange { since: before.since, until: Some(until) })
            }
            None => Reach::messages(range),
        }
    }

    /// The same for options that were read.
    #[cfg(feature = "aws")]
    pub(crate) fn reach_of(
        &self,
        wanted: &StatsOptions,
        newest: Option<Timestamp>,
        context: &Context,
    ) -> Reach {
        self.reach(wanted.range, newest, context)
    }

    /// The key to count by.
    pub(crate) fn key(&self) -> Option<CountKey> {
        self.by.as_deref().and_then(CountKey::from_name)
    }
}

/// Writes the answer. Returns true if there is any.
pub(crate) fn answer(
    args: &StatsArgs,
    wanted: StatsOptions,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let request = wanted.request(store, context);
    let has_found = match args.key() {
        key if args.compare => show_compared(key, args, &request, store, context, out)?,
        key if args.latency => show_latency(key, args, &request, store, context, out)?,
        key => show_counts(key, args, &request, store, context, out)?,
    };
    if !has_found {
        say_how_many("event", 0, 0, store, context)?;
        say_not_covered(request.range, store, context)?;
        say_of_audit_events(store, context)?;
        say_empty_terms(&request.rows, &request.rules, store, context)?;
    }
    Ok(has_found)
}

fn interval(text: &str) -> anyhow::Result<Interval> {
    Interval::parse(text).with_context(|| {
        format!("--interval: \"{text}\" is neither hour, day nor week, nor a length such as 15m")
    })
}

fn show_counts(
    key: Option<CountKey>,
    args: &StatsArgs,
    request: &StatsRequest,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let (printer, interval) = (context.printer(), args.interval.as_deref());
    if let Some(key) = key {
        let counts = count_by(store, key, request, args.limit)?;
        printer.print(&CountsByValue { counts: &counts, interval }, out)?;
        let (shown, all) = (counts.rows.len() as u64, counts.value_count as u64);
        if all > 0 {
            say_how_many("value", shown, all, store, context)?;
        }
        return Ok(all > 0);
    }
    if args.metrics {
        let metrics = metrics(store, request)?;
        printer.print(&MetricsAnswer { metrics: &metrics, interval }, out)?;
        return Ok(metrics.totals.iter().any(|it| *it > 0));
    }
    // Over time no list of values is shown.
    let limit = if interval.is_some() { 0 } else { usize::MAX };
    let counts = &count_by(store, CountKey::Event, request, limit)?;
    match interval {
        Some(_) => printer.print(&CountsOverTime { counts, interval }, out)?,
        None => printer.print(&EventCounts(counts), out)?,
    }
    Ok(counts.total > 0)
}

/// The period that is compared with the one before it, by default up to the newest event.
fn compared(
    since: Timestamp,
    until: Option<Timestamp>,
    newest: Option<Timestamp>,
    context: &Context,
) -> (Timestamp, Timestamp) {
    let end = newest.map(|it| it.saturating_add_ms(1));
    (since, until.or(end).unwrap_or(context.now).max(since))
}

fn show_compared(
    key: Option<CountKey>,
    args: &StatsArgs,
    request: &StatsRequest,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let since = request.range.since.context(
        "--compare: give the period to compare with the one before it, with --since or --on",
    )?;
    let (since, until) = compared(since, request.range.until, request.rules.newest, context);
    let key = key.unwrap_or(CountKey::Event);
    let compared = compare(store, key, request, (since, until), args.limit)?;
    context.printer().print(&compared, out)?;
    let first = store.time_span().map(|(first, _)| first);
    let is_partly_before =
        compared.before.since.zip(first).is_some_and(|(since, first)| since < first);
    if is_partly_before && !context.global.quiet {
        crate::cli::output::note(
            "the store does not reach back to the start of the preceding period, so the numbers for it are incomplete",
        );
    }
    Ok(compared.total > 0 || compared.total_before > 0)
}

fn show_latency(
    by: Option<CountKey>,
    args: &StatsArgs,
    request: &StatsRequest,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let request =
        StatsRequest { interval: request.interval.or(Some(Interval::Day)), ..request.clone() };
    if let Some(key) = by.filter(|it| !it.is_in_order()) {
        anyhow::bail!(
            "--latency works with --by weekday or hour-of-day, not {key}: give a query for the rest"
        );
    }
    anyhow::ensure!(
        by.is_none() || args.interval.is_none(),
        "--latency: give --by or --interval, not both"
    );
    let latencies = latencies(store, &request, by)?;
    let interval = args.interval.as_deref().unwrap_or("day");
    context.printer().print(&LatencyAnswer { latencies: &latencies, interval }, out)?;
    Ok(!latencies.whole.is_empty())
}
