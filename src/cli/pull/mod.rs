//! `mailtrace pull`.

mod directory;
mod print;
mod report;
mod s3;
mod sources;

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use crate::aws::{AwsError, LogGroup, RateLimiter, Service};
use crate::cli::context::{CommandOutcome, Context, running_clock};
use crate::cli::output;
use crate::cli::progress::ShownProgress;
use crate::cli::pull::directory::{PullDirectoryArgs, TakenDirectories};
use crate::cli::pull::print::{NewEventsPrinter, Print};
use crate::cli::pull::report::{PullPlans, Pulled, PulledAnswer};
use crate::cli::pull::sources::{ChosenSource, SourceArgs, is_of_account};
use crate::cli::signals::{INTERRUPTED, stop_on_interrupt};
use crate::pull::{PullNews, PullOptions, PullPlan, PullReport, Puller};
use crate::render::AnswerFormat;
use crate::stop::Stop;
use crate::store::{Pulls, Store, StoreError, StoreWriter};
use crate::time::{ClockWatch, Timestamp, human_duration, parse_duration_ms, parse_time_argument};
use crate::trace::keep_table;

/// Download new events from CloudWatch Logs into the store
///
/// Resumes where the last pull ended, and checks again the periods for which events may have
/// arrived late (CloudWatch accepts them for 14 days); no event is ever added twice. Without a log
/// group, an organization or a configuration file, the only group under /aws/workmail/emailevents/
/// is taken. Credentials and region come from where the AWS CLI finds them. Needs
/// logs:FilterLogEvents, logs:DescribeLogGroups and logs:DescribeLogStreams (`mailtrace policy
/// reader` prints a policy).
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace pull --organization acme --region eu-west-1\n  mailtrace pull --follow\n  mailtrace pull --follow --print='event:bounced'"
)]
pub(crate) struct PullArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Read the objects of a bucket instead: s3://bucket/prefix
    ///
    /// An export task or Firehose put them there. --log-group then names the group of records whose
    /// object does not.
    #[arg(long, value_name = "URL", conflicts_with_all = ["sources", "organization", "since", "until", "recheck", "follow", "print", "dry_run", "max_rate", "interval", "config"])]
    s3: Option<String>,
    /// Only events from this time on [default: the oldest]
    ///
    /// RFC 3339, a date, or an age such as 2h or 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Check every period again, however recently it was checked
    #[arg(long, hide_short_help = true)]
    recheck: bool,
    /// Keep pulling until interrupted
    #[arg(long, conflicts_with_all = ["until", "dry_run", "recheck"])]
    follow: bool,
    /// With --follow, wait this long between pulls
    #[arg(
        long,
        hide_short_help = true,
        value_name = "DURATION",
        default_value = "10s",
        requires = "follow"
    )]
    interval: String,
    /// Maximum requests per second [default: the account's quota]
    #[arg(long, hide_short_help = true, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    max_rate: Option<u32>,
    /// Print each new event, or those that =QUERY finds
    ///
    /// As a line each, or as JSON with --format ndjson, instead of the summary. A query that names
    /// outcome, direction or another field of messages is asked as in `mailtrace messages` once its
    /// events are committed, and prints the new events of what it finds.
    #[arg(long, value_name = "QUERY", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "dry_run")]
    print: Option<String>,
    /// Only say what would be downloaded
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    directory: PullDirectoryArgs,
}

/// A source, and the pulls from it.
struct PullSource {
    chosen: ChosenSource,
    /// The connection and the log group, once found.
    opened: Option<(Puller, LogGroup)>,
    pulled: Pulled,
    /// Why it was not found.
    failed_to_open: Option<String>,
    /// The last warning.
    warned: Option<String>,
}

pub(crate) fn run(args: &PullArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    if let Some(url) = &args.s3 {
        let (log_group, session) = args.source.session()?;
        return s3::run(url, log_group, &session, context);
    }
    let mut options = args.options(context.now, context)?;
    let until = options.until.map_or(context.now, |it| it.min(context.now));
    if options.since.is_some_and(|it| it >= until) {
        bail!("there is no time between --since and --until, or now: check both");
    }
    let interval = parse_duration_ms(&args.interval)
        .and_then(|it| u64::try_from(it).ok())
        .filter(|it| *it >= INTERVAL_MS_MIN)
        .with_context(|| {
            format!("--interval {}: give a duration of 1s or more, such as 30s", args.interval)
        })?;
    if args.print.is_some()
        && !matches!(context.global.format, AnswerFormat::Table | AnswerFormat::Ndjson)
    {
        bail!("--print works only with --format table or ndjson");
    }
    let print = args.print.as_deref().map(|it| Print::parse(it, context)).transpose()?;
    let stop = stop_on_interrupt()?;
    let mut sources = args.source.choose()?.into_iter().map(PullSource::new).collect::<Vec<_>>();
    // A source that cannot be found must not keep the others from being pulled.
    for source in &mut sources {
        source.open(args.max_rate, context, &stop);
    }
    // Without any source there is nothing to do, and no store should be made.
    if sources.iter().all(|it| it.opened.is_none()) && !args.directory.is_wanted() {
        return fail(&failures(&sources), "");
    }
    if args.dry_run {
        plan(&sources, options, context)?;
        let failures = failures(&sources);
        return if failures.is_empty() { Ok(CommandOutcome::Done) } else { fail(&failures, "") };
    }
    let mut writer = StoreWriter::open_or_create(&context.store_path()?)?;
    keep_table(&mut writer);
    let clock = running_clock(context);
    let mut watch = ClockWatch::begin(clock.now());
    let mut as_of = context.now;
    let mut directories = TakenDirectories::default();
    loop {
        if let Some(jump_ms) = watch.jump_ms(clock.now()) {
            output::warn(&jump_in_words(jump_ms));
            // An age in `--since` is meant by the correct clock.
            as_of = as_of.saturating_add_ms(jump_ms);
            options = args.options(as_of, context)?;
        }
        for source in &mut sources {
            if stop.is_requested() {
                break;
            }
            source.pull(&mut writer, options, print.as_ref(), context)?;
            if args.follow {
                source.warn();
            }
        }
        // After the events, which must not wait for it.
        for source in &sources {
            let (taken, chosen) = (&mut directories, &source.chosen);
            args.directory.take(taken, chosen, &mut writer, args.max_rate, (&stop, context))?;
            if !args.follow {
                args.directory.finish(taken, &mut writer, context)?;
            }
        }
        // One source that can go on is reason enough to go on.
        let is_hopeless = || sources.iter().all(|it| !it.may_go_on());
        if !args.follow || stop.is_requested() || is_hopeless() {
            break;
        }
        if let Some((puller, _)) = sources.iter().find_map(|it| it.opened.as_ref()) {
            puller.wait(Duration::from_millis(interval));
        }
        for source in sources.iter_mut().filter(|_| !stop.is_requested()) {
            source.open(args.max_rate, context, &stop);
        }
    }
    args.directory.finish(&mut directories, &mut writer, context)?;
    writer.close()?;
    finish(&sources, &directories, args, &stop, context)
}

impl PullArgs {
    /// The options of a pull at the time `now`.
    fn options(&self, now: Timestamp, context: &Context) -> anyhow::Result<PullOptions> {
        let time = |it: &Option<String>, option: &str| {
            it.as_deref()
                .map(|it| parse_time_argument(it, now, &context.zone))
                .transpose()
                .with_context(|| option.to_owned())
        };
        Ok(PullOptions {
            since: time(&self.since, "--since")?,
            until: time(&self.until, "--until")?,
            is_recheck: self.recheck,
            is_following: self.follow,
        })
    }
}

/// The warning about a clock that jumped.
fn jump_in_words(jump_ms: i64) -> String {
    let by = human_duration(jump_ms.saturating_abs());
    match jump_ms > 0 {
        true => format!(
            "the clock jumped ahead by {by}: it was set, or this machine slept; events that arrived meanwhile are pulled now"
        ),
        false => format!(
            "the clock was set back by {by}: what was checked by the wrong time is checked again"
        ),
    }
}

/// The shortest time between two pulls, in milliseconds: less would only use up the quota.
const INTERVAL_MS_MIN: u64 = 1_000;

impl PullSource {
    fn new(chosen: ChosenSource) -> Self {
        Self { chosen, opened: None, pulled: Pulled::default(), failed_to_open: None, warned: None }
    }

    /// Finds the log group, unless it is found already.
    fn open(&mut self, max_rate: Option<u32>, context: &Context, stop: &Stop) {
        if self.opened.is_some() {
            return;
        }
        match open(&self.chosen, max_rate, context, stop) {
            Ok((puller, group)) => {
                self.pulled = Pulled::new(puller.session().region());
                self.failed_to_open = None;
                self.opened = Some((puller, group));
            }
            Err(error) => self.failed_to_open = Some(output::chain(error.as_ref())),
        }
    }

    fn pull(
        &mut self,
        writer: &mut StoreWriter,
        options: PullOptions,
        print: Option<&Print>,
        context: &Context,
    ) -> anyhow::Result<()> {
        let Some((puller, group)) = &self.opened else { return Ok(()) };
        self.pulled.add(pull(puller, group, writer, options, print, context)?);
        Ok(())
    }

    /// The last failure.
    fn failure(&self) -> Option<String> {
        let problem = || self.pulled.problem().map(ToString::to_string);
        self.failed_to_open.clone().or_else(problem)
    }

    /// True if the next pull may succeed without anybody's help.
    fn may_go_on(&self) -> bool {
        self.opened.is_some() && self.pulled.problem().is_none_or(AwsError::may_pass)
    }

    /// Warns of a failure, once while it stays the same.
    fn warn(&mut self) {
        let failure = self.failure();
        if let Some(failure) = failure.as_ref().filter(|_| failure != self.warned) {
            output::warn(failure);
        }
        self.warned = failure;
    }
}

fn open(
    chosen: &ChosenSource,
    max_rate: Option<u32>,
    context: &Context,
    stop: &Stop,
) -> anyhow::Result<(Puller, LogGroup)> {
    let mut puller = Puller::open(&chosen.session, running_clock(context), stop.clone())?;
    if let Some(rate) = max_rate {
        puller = puller.paced_by(RateLimiter::at_most(rate));
    }
    let group = puller.group(chosen.log_group.as_deref())?;
    if chosen.account.as_ref().is_some_and(|it| !is_of_account(&group.arn, it)) {
        bail!("{} is not in the account that its ARN names: check the profile", group.arn);
    }
    if context.global.quiet {
        return Ok((puller, group));
    }
    if let (Some(url), true) =
        (puller.session().endpoint_url(Service::Logs), context.global.verbose > 0)
    {
        output::note(&format!("talking to {url}"));
    }
    if chosen.log_group.is_none() {
        output::note(&format!("using {}, the only WorkMail log group here", group.name));
    }
    if group.created_ms.is_none() {
        output::warn(&format!(
            "logs:DescribeLogGroups on {} is not allowed: assuming that it keeps events for 30 days",
            group.name
        ));
    }
    if group.is_masked {
        output::warn(&format!(
            "{} has a data protection policy: what it masks in messages arrives masked",
            group.name
        ));
    }
    Ok((puller, group))
}

fn plan(sources: &[PullSource], options: PullOptions, context: &Context) -> anyhow::Result<()> {
    let pulls = match Store::open(&context.store_path()?) {
        Ok(store) => store.checkpoint().ledger.pulls.clone(),
        Err(StoreError::NoStore { .. }) => Pulls::default(),
        Err(error) => return Err(error.into()),
    };
    let opened = sources.iter().filter_map(|it| it.opened.as_ref());
    let plans: Vec<PullPlan> =
        opened.map(|(puller, group)| puller.plan(&pulls, group, options)).collect();
    Ok(context.print(&PullPlans(&plans))?)
}

fn pull(
    puller: &Puller,
    group: &LogGroup,
    writer: &mut StoreWriter,
    options: PullOptions,
    print: Option<&Print>,
    context: &Context,
) -> anyhow::Result<PullReport> {
    // A following pull never ends, so it shows no progress.
    let progress = match options.is_following {
        true => ShownProgress::hidden(),
        false => ShownProgress::new(context),
    };
    let mut printer = print.map(|it| NewEventsPrinter::new(it, context));
    let is_printing = printer.is_some();
    // A failure to print ends the command, but only once the pull has committed its events.
    let mut unprinted = None;
    let mut print_news = |news| {
        if let (Some(printer), None) = (&mut printer, &unprinted) {
            unprinted = printer.take(news).err();
        }
    };
    let on_news: Option<&mut dyn FnMut(PullNews)> =
        if is_printing { Some(&mut print_news) } else { None };
    let report = puller.pull(writer, group, options, &mut |it| progress.pull(it), on_news)?;
    drop(progress);
    match unprinted {
        Some(error) => Err(error),
        None => Ok(report),
    }
}

fn failures<'s>(sources: impl IntoIterator<Item = &'s PullSource>) -> Vec<String> {
    sources.into_iter().filter_map(PullSource::failure).collect()
}

/// Fails with the first failure, and warns of the others.
fn fail(failures: &[String], kept: &str) -> anyhow::Result<CommandOutcome> {
    for failure in failures.iter().skip(1) {
        output::warn(failure);
    }
    bail!("{}{kept}", failures.first().map_or("", String::as_str));
}

fn finish(
    sources: &[PullSource],
    directories: &TakenDirectories,
    args: &PullArgs,
    stop: &Stop,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let opened = sources.iter().filter(|it| it.opened.is_some());
    let pulled: Vec<&Pulled> = opened.map(|it| &it.pulled).collect();
    // With `--print` the events are the answer.
    if args.print.is_none() {
        context.print(&PulledAnswer { pulled: &pulled, directories, now: context.now })?;
    }
    // Failures that may pass were reported while following, and the next pull makes up for them.
    let mut failures = failures(sources.iter().filter(|it| !args.follow || !it.may_go_on()));
    if args.directory.is_wanted() {
        failures.extend(directories.problems().cloned());
    }
    if !failures.is_empty() {
        let kept = match pulled.iter().map(|it| it.added()).sum() {
            0_u64 => String::new(),
            count => format!(" ({count} new events were downloaded and are kept)"),
        };
        return fail(&failures, &kept);
    }
    if stop.is_requested() && !args.follow {
        bail!(INTERRUPTED);
    }
    let rejecting = pulled.into_iter().filter(|it| it.rejected() > 0);
    let mut outcome = CommandOutcome::Done;
    if directories.problems().next().is_some() {
        outcome = CommandOutcome::SomeRejected;
    }
    for pulled in rejecting {
        outcome = CommandOutcome::SomeRejected;
        if !context.global.quiet {
            output::warn(&pulled.rejection());
        }
    }
    Ok(outcome)
}
