//! `mailtrace publish`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::json;

use crate::cli::args::cluster::ClusterArgs;
use crate::cli::args::extract::Redact;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::cli::progress::ShownProgress;
use crate::cli::signals::stop_on_interrupt;
use crate::cluster::{
    Cluster, ClusterError, PublishOptions, PublishReport, VerifiedCluster, plan_publication,
    publish, templates, verify_publication,
};
use crate::config::ClusterConfig;
use crate::export::Redactor;
use crate::limits;
use crate::render::{AnswerFormat, BriefAnswer, counted, write_json_pretty};
use crate::stop::Stop;
use crate::store::Store;
use crate::time::{Zone, parse_time_argument};

/// Publish the store to an OpenSearch cluster
///
/// Writes each email event with its original, a row for each recipient of each message, each audit
/// event, and what the directory says, into monthly indices that it creates. Sends what is new
/// since the last time; what is sent twice counts once, and after an interruption the same command
/// continues from there. The store stays as it is, and is the truth.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace publish --cluster https://search.example:9200 --organization acme --user writer --password-file writer.txt\n  mailtrace publish --cluster https://vpc-mail.eu-west-1.es.amazonaws.com --organization acme --aws --follow\n  mailtrace publish --cluster http://127.0.0.1:9200 --organization acme --verify"
)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The organization, which each document names
    #[arg(long, value_name = "NAME", required_unless_present = "print_templates", value_parser = NonEmptyStringValueParser::new())]
    organization: Option<String>,
    /// Leave out events before this time
    ///
    /// RFC 3339, a date, or an age such as 2h or 7d. It counts for later publications as well.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Keep publishing what is new until interrupted
    #[arg(long, conflicts_with_all = ["dry_run", "verify", "again", "print_templates"])]
    follow: bool,
    /// Only say how many events would be sent
    #[arg(long, conflicts_with_all = ["verify", "print_templates"])]
    dry_run: bool,
    /// Compare the cluster with the store, by day
    ///
    /// Exits with 3 where they differ.
    #[arg(long, conflicts_with_all = ["again", "print_templates", "since"])]
    verify: bool,
    /// Send everything again, and remove what is not in the store
    #[arg(long, conflicts_with = "print_templates")]
    again: bool,
    /// Publish in the place of another store
    #[arg(long, hide_short_help = true, conflicts_with_all = ["verify", "print_templates"])]
    take_over: bool,
    /// Replace addresses, subjects or both with pseudonyms
    ///
    /// As `export` does: under one key, the same text has the same pseudonym. When more of a
    /// message arrives, its events that are already there are sent again. Where addresses are
    /// replaced, the directory is left out. Give it with each publication, and with --verify.
    #[arg(
        long,
        value_enum,
        value_name = "WHAT",
        requires = "redact_key",
        conflicts_with = "print_templates"
    )]
    redact: Option<Redact>,
    /// Key of the pseudonyms: a file of at least 16 bytes
    #[arg(long, value_name = "FILE", requires = "redact")]
    redact_key: Option<PathBuf>,
    /// Keep the domains of redacted addresses
    #[arg(long, hide_short_help = true, requires = "redact")]
    keep_domains: bool,
    /// Print the templates and the lifecycle policy, to install them yourself
    ///
    /// One JSON object: each path with what to PUT there. Contacts nothing.
    #[arg(long)]
    print_templates: bool,
}

impl PublishArgs {
    /// True if the store remembers something afterwards.
    pub(crate) fn writes_to_store(&self) -> bool {
        !(self.dry_run || self.verify || self.print_templates)
    }

    fn redactor(&self) -> anyhow::Result<Option<Redactor>> {
        let (Some(redact), Some(key)) = (self.redact, &self.redact_key) else { return Ok(None) };
        Ok(Some(redact.open(key, self.keep_domains)?))
    }

    fn options<'r>(
        &self,
        config: &ClusterConfig,
        redactor: Option<&'r Redactor>,
        context: &Context,
    ) -> anyhow::Result<PublishOptions<'r>> {
        let since = self.since.as_deref();
        let since = since.map(|it| parse_time_argument(it, context.now, &context.zone));
        Ok(PublishOptions {
            names: self.cluster.names(config)?,
            organization: self.organization.clone().unwrap_or_default(),
            since: since.transpose().context("--since")?,
            is_again: self.again,
            takes_over: self.take_over,
            redactor,
            now: context.now,
        })
    }
}

pub(crate) fn run(args: &PublishArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let redactor = args.redactor()?;
    let redactor = redactor.as_ref();
    if args.print_templates {
        let options = args.options(&ClusterConfig::default(), redactor, context)?;
        let mut stdout = anstream::stdout().lock();
        write_json_pretty(&templates(&options.names), &mut stdout)?;
        return Ok(CommandOutcome::Done);
    }
    args.cluster.check_password()?;
    let path = context.store_path()?;
    let store = Store::open(&path)?;
    let (cluster, config) = args.cluster.open(context)?;
    let options = args.options(&config, redactor, context)?;
    if args.dry_run {
        let report = plan_publication(&store, &cluster, &options)?;
        print_plan(&report, &options, &cluster, context)?;
        return Ok(CommandOutcome::Done);
    }
    if args.verify {
        let verified = verify_publication(&store, &cluster, &options)?;
        return print_verified(&verified, &options, &cluster, context);
    }
    if args.follow {
        return follow(args, redactor, (&path, &cluster, &config), context);
    }
    let progress = ShownProgress::new(context);
    let report =
        publish(&store, &cluster, &options, &Stop::new(), &mut |it| progress.publication(it))?;
    drop(progress);
    print_published(&report, &options, &cluster, context)?;
    Ok(outcome(&report))
}

/// Publishes whenever the store has grown.
fn follow(
    args: &PublishArgs,
    redactor: Option<&Redactor>,
    (path, cluster, config): (&Path, &Cluster, &ClusterConfig),
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let stop = stop_on_interrupt()?;
    let mut published = None;
    let mut warned = None;
    let mut outcome_so_far = CommandOutcome::Done;
    while !stop.is_requested() {
        // Read before the store is opened: a commit in between is published at the next look.
        let stamp = Store::commit_stamp(path);
        if stamp != published {
            // An age in `--since` counts from now, which moves on.
            let context = context.now();
            let options = args.options(config, redactor, &context)?;
            let store = Store::open(path)?;
            match publish(&store, cluster, &options, &stop, &mut |_| {}) {
                Ok(report) => {
                    if report.events + report.access + report.directory + report.removed > 0 {
                        print_published(&report, &options, cluster, &context)?;
                    }
                    if outcome(&report) != CommandOutcome::Done {
                        outcome_so_far = outcome(&report);
                    }
                    // The stamp is kept only after a success, so that a failure is tried again at
                    // the next look.
                    (published, warned) = (stamp, None);
                }
                Err(ClusterError::Stopped) => break,
                Err(error) if error.may_pass() => {
                    let text = error.to_string();
                    // The same warning every two seconds would fill a log.
                    if warned.as_ref() != Some(&text) {
                        output::warn(&text);
                    }
                    warned = Some(text);
                }
                Err(error) => return Err(error.into()),
            }
        }
        cluster.wait(Duration::from_millis(limits::CLUSTER_FOLLOW_MS), &stop);
    }
    Ok(outcome_so_far)
}

fn outcome(report: &PublishReport) -> CommandOutcome {
    match report.refused + report.without_rows {
        0 => CommandOutcome::Done,
        _ => CommandOutcome::SomeRejected,
    }
}

fn print_plan(
    report: &PublishReport,
    options: &PublishOptions<'_>,
    cluster: &Cluster,
    context: &Context,
) -> anyhow::Result<()> {
    let what = in_words(report.events, None, report.access, report.directory);
    context.print(&BriefAnswer {
        lines: vec![format!("{what} would be sent to {}", cluster.url())],
        json: json!({
            "organization": options.organization,
            "cluster": cluster.url(),
            "events": report.events,
            "access": report.access,
            "directory": report.directory,
            "againBecause": report.again_because,
        }),
    })?;
    say_again(report, context);
    Ok(())
}

fn print_published(
    report: &PublishReport,
    options: &PublishOptions<'_>,
    cluster: &Cluster,
    context: &Context,
) -> anyhow::Result<()> {
    let what = in_words(report.events, Some(report.rows), report.access, report.directory);
    let mut line = format!("{what} of {} are in {}", options.organization, cluster.url());
    if report.removed > 0 {
        line.push_str(&format!("; {} removed", counted(report.removed, "document")));
    }
    context.print(&BriefAnswer {
        lines: vec![line],
        json: json!({
            "organization": options.organization,
            "cluster": cluster.url(),
            "commit": report.commit,
            "events": report.events,
            "rows": report.rows,
            "access": report.access,
            "directory": report.directory,
            "removed": report.removed,
            "alreadyThere": report.known,
            "refused": report.refused,
            "withoutRows": report.without_rows,
            "bytes": report.bytes,
            "retried": report.retried,
            "againBecause": report.again_because,
        }),
    })?;
    say_again(report, context);
    if report.refused > 0 {
        output::warn(&format!(
            "the cluster refused {}: they are in rejected/, each with its reason",
            counted(report.refused, "document")
        ));
    }
    if report.without_rows > 0 {
        output::warn(&format!(
            "{} are connected to too many others: the cluster has them, but not the rows of their messages",
            counted(report.without_rows, "event")
        ));
    }
    Ok(())
}

/// The numbers of each kind, in words.
fn in_words(events: u64, rows: Option<u64>, access: u64, directory: u64) -> String {
    let others = [(access, "audit event"), (directory, "directory record")];
    let others = others.into_iter().filter(|(count, _)| *count > 0);
    let others = others.map(|(count, what)| counted(count, what));
    let mut parts = vec![counted(events, "event")];
    parts.extend(rows.map(|it| counted(it, "row")));
    parts.extend(others);
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}

/// Says why everything is sent; for programs the answer has it.
fn say_again(report: &PublishReport, context: &Context) {
    let is_in_answer = matches!(context.global.format, AnswerFormat::Json | AnswerFormat::Ndjson);
    if let Some(why) = report.again_because.filter(|_| !is_in_answer) {
        output::note(&format!("sending everything: {why}"));
    }
}

fn print_verified(
    verified: &VerifiedCluster,
    options: &PublishOptions<'_>,
    cluster: &Cluster,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let day = |it: crate::time::Timestamp| {
        let at = it.in_zone(&Zone::UTC);
        at.split_once('T').map_or(&*at, |it| it.0).to_owned()
    };
    let mut lines = Vec::new();
    let mut differing = Vec::new();
    for it in &verified.differing {
        let (store, cluster) = (it.store, it.cluster);
        let what = match store.count == cluster.count {
            true => "the same number, but different content".to_owned(),
            false => format!("{} in the store, {} in the cluster", store.count, cluster.count),
        };
        lines.push(format!("{} {}: {what}", day(it.day), it.kind));
        differing.push(json!({
            "kind": it.kind,
            "day": day(it.day),
            "store": {"count": store.count, "check": store.check},
            "cluster": {"count": cluster.count, "check": cluster.check},
        }));
    }
    if lines.is_empty() {
        let rows = Some(verified.rows);
        let what = in_words(verified.events, rows, verified.access, verified.directory);
        lines.push(format!("{what} in the cluster match the store"));
    }
    context.print(&BriefAnswer {
        lines,
        json: json!({
            "organization": options.organization,
            "cluster": cluster.url(),
            "events": verified.events,
            "rows": verified.rows,
            "access": verified.access,
            "directory": verified.directory,
            "days": verified.days,
            "differing": differing,
        }),
    })?;
    if verified.differing.is_empty() {
        return Ok(CommandOutcome::Done);
    }
    output::warn(&format!(
        "{} differ: `mailtrace publish --again` corrects what is not in rejected/",
        counted(verified.differing.len() as u64, "day")
    ));
    Ok(CommandOutcome::SomeRejected)
}
