//! `mailtrace triage`.

use std::io::Write;

use clap::Args;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::grace::{GraceArgs, duration_ms};
use crate::cli::args::question::parse_rows;
use crate::cli::args::range::{RangeArgs, since_help};
use crate::cli::args::watch::WatchArgs;
use crate::cli::args::which::internal_rows;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::explain::say_empty_terms;
use crate::query::Query;
use crate::render::TriageAnswer;
use crate::shell::quoted;
use crate::store::Store;
use crate::time::{DAY_MS, TimeRange, Timestamp};
use crate::trace::{Background, JoinRules, Reach};
use crate::triage::{FindingKind, Triage, TriageRequest, triage};

/// Show what deserves attention: losses, bounces, slow mail, wrong folders, rules, bursts
///
/// The worst comes first. Each line has the number of the preceding period of the same length in
/// brackets, and the command that shows more. Without --since it covers the 24 hours up to the
/// newest event of the store. --fail-if knows the numbers messages, recipients, lost, unclear,
/// bounced, bounced-domains, failing-mailboxes, slow, spam-in-inbox, clean-in-junk, dmarc-failed,
/// rules, bursts, no-beginning.
#[derive(Debug, Args)]
#[command(
    mut_arg("since", |it| since_help(it, "From this time on")),
    mut_arg("until", |it| it.help("Before this time [default: the newest event]"))
)]
#[command(
    after_long_help = "Examples:\n  mailtrace triage\n  mailtrace triage --on yesterday\n  mailtrace triage --since 1h --fail-if 'lost > 0'"
)]
pub(crate) struct TriageArgs {
    /// Only messages that this query finds (see messages)
    #[arg(value_name = "QUERY", num_args = 0..)]
    query: Vec<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Only mail from one user of the organization to another (see messages)
    #[arg(long, hide_short_help = true)]
    internal: bool,
    /// Mail that takes longer than this is slow
    #[arg(long, default_value = "5m", value_name = "DURATION")]
    slow: String,
    #[command(flatten)]
    grace: GraceArgs,
    /// Show at most N items of each kind
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(..=1_000))]
    items: u16,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

pub(crate) fn run(args: &TriageArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    args.watch.run(
        &args.backend,
        context,
        |newest| args.reach(newest, context),
        |opened, context| answer(args, &opened.store, context, &mut context.stdout()),
    )
}

impl TriageArgs {
    /// The events that the question can be about: both periods, and the background.
    pub(crate) fn reach(
        &self,
        newest: Option<Timestamp>,
        context: &Context,
    ) -> anyhow::Result<Reach> {
        let asked = self.range.range(context)?;
        let period = period(asked, newest, context.now);
        let (Some(since), Some(until)) = (period.since, period.until) else {
            return Ok(Reach::everything());
        };
        let since = TimeRange::before(since, until).since;
        let both = TimeRange { since, until: Some(until) };
        Ok(Reach::triage(
            both,
            Background { with_messages: !self.query.is_empty() || self.internal },
        ))
    }

    /// The request that options and query make.
    pub(crate) fn request(
        &self,
        store: &Store,
        context: &Context,
    ) -> anyhow::Result<TriageRequest> {
        let slow_ms = duration_ms("--slow", &self.slow, "5m")?;
        let grace_ms = self.grace.ms()?;
        let asked = self.range.range(context)?;
        let rules = JoinRules::of_store(store, grace_ms, context.now);
        let period = period(asked, rules.newest, context.now);
        let (Some(since), Some(until)) = (period.since, period.until) else {
            anyhow::bail!("--since must be before --until");
        };
        anyhow::ensure!(since < until, "--since must be before --until");
        let items = usize::from(self.items);
        let zone = context.zone.clone();
        let mut rows = parse_rows(&self.query.join(" "), context)?;
        if self.internal {
            rows = Query::and(vec![rows, internal_rows(store, period)]);
        }
        Ok(TriageRequest { since, until, rules, slow_ms, items, zone, rows })
    }
}

/// Writes the answer. Returns true if there is any, and the condition that holds, in words.
pub(crate) fn answer(
    args: &TriageArgs,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<(bool, Option<String>)> {
    let request = args.request(store, context)?;
    let (since, until) = (request.since, request.until);
    let found = triage(store, &request)?;
    let failed = failed(args, &found)?;
    let commands: Vec<String> =
        found.findings.iter().map(|it| command(it.kind, args, since, until, context)).collect();
    context.printer().print(&TriageAnswer { triage: &found, commands: &commands }, out)?;
    if found.messages == 0 {
        crate::cli::listing::say_how_many("message", 0, 0, store, context)?;
        crate::cli::listing::say_not_covered(found.range, store, context)?;
        crate::cli::listing::say_of_audit_events(store, context)?;
        say_empty_terms(&request.rows, &request.rules, store, context)?;
    }
    Ok((found.messages > 0, failed))
}

fn failed(args: &TriageArgs, found: &Triage) -> anyhow::Result<Option<String>> {
    let kinds = FindingKind::ALL.iter().map(|it| it.as_str());
    let known: Vec<&str> = ["messages", "recipients"].into_iter().chain(kinds).collect();
    args.watch.failed(&known, |name| found.metric(name))
}

/// The period asked about; by default a day up to the newest event.
fn period(asked: TimeRange, newest: Option<Timestamp>, now: Timestamp) -> TimeRange {
    let end = newest.map_or(now, |it| it.saturating_add_ms(1));
    // With `--since` it ends now, if that is later: the newest event may be older than the
    // beginning.
    let until = asked.until.unwrap_or(end.max(asked.since.map_or(end, |_| now)));
    let since = asked.since.unwrap_or_else(|| until.saturating_add_ms(-DAY_MS));
    TimeRange { since: Some(since), until: Some(until) }
}

/// The command that shows more of a finding, for the same store or files and zone.
fn command(
    kind: FindingKind,
    args: &TriageArgs,
    since: Timestamp,
    until: Timestamp,
    context: &Context,
) -> String {
    let slow =
        format!("--slower-than {} --outcome delivered,sent --sort slowest", args.slow.trim());
    let filter = match kind {
        FindingKind::Lost => "--outcome lost",
        FindingKind::Unclear => "--outcome unclear",
        FindingKind::Bounced => "--outcome bounced --group-by cause",
        FindingKind::BouncedDomains => "--outcome bounced --group-by recipient-domain",
        FindingKind::FailingMailboxes => "--outcome bounced --group-by recipient",
        FindingKind::Slow => &slow,
        FindingKind::SpamInInbox => "--spam FAIL --junk no",
        FindingKind::CleanInJunk => "--spam PASS --junk yes",
        FindingKind::DmarcFailed => "--dmarc FAIL --outcome delivered",
        FindingKind::Rules => {
            "--action '*drop*' --action '*bounce*' --action '*forward*' --action '*redirect*' --group-by rule"
        }
        FindingKind::Bursts => "--group-by sender",
        FindingKind::NoBeginning => "--no-beginning",
    };
    let grace = args.grace.option().map_or_else(String::new, |it| format!(" {it}"));
    let asked = args.backend.as_typed(context);
    let query = args.query.join(" ");
    let query = if query.is_empty() { query } else { format!("{} ", quoted(&query)) };
    let internal = if args.internal { " --internal" } else { "" };
    format!(
        "mailtrace messages {query}{filter}{internal} --since {since} --until {until}{grace}{asked}"
    )
}
