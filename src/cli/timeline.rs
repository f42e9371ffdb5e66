//! `mailtrace timeline`.

use std::io::Write;

use clap::Args;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::range::RangeArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::listing::check_limit;
use crate::cli::output;
use crate::limits;
use crate::render::counted;
use crate::store::Store;
use crate::time::TimeRange;
use crate::timeline::{AuditReach, Timeline, timeline};

/// Show what one person did, and what happened to their mail
///
/// Audit logs and email events side by side, in order of time: failed and successful logins, what
/// was read, moved and deleted in the mailbox and by whom, access tokens, mail sent, bounced and
/// received, rules that acted. Like events in a row are one line with a count.
///
/// The directory and the logins say which IDs and addresses belong to one person. The two kinds of
/// log share nothing but time, so nothing is joined here.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace timeline ana@acme.example --since 2026-11-19\n  mailtrace timeline 12345678-1234-1234-1234-123456789012 --format json"
)]
pub(crate) struct TimelineArgs {
    /// An address, an alias, or an ID from a log
    #[arg(value_name = "WHO")]
    who: String,
    #[command(flatten)]
    range: RangeArgs,
    /// Show at most N lines, the newest
    #[arg(short = 'n', long, default_value_t = limits::TIMELINE_STEPS_DEFAULT, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    backend: BackendArgs,
}

pub(crate) fn run(args: &TimelineArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let range = args.range(context)?;
    let reach = AuditReach::Person { who: &args.who, range };
    let opened = args.backend.open_audit(context, &reach)?;
    let timeline = answer(args, range, &opened.store, context, &mut context.stdout())?;
    let has_found = timeline.step_count > 0;
    if !context.global.quiet {
        let left = timeline.step_count - timeline.steps.len();
        if left > 0 {
            output::note(&format!(
                "{} left out: give --until, or a larger --limit",
                counted(left as u64, "earlier line")
            ));
        } else if timeline.is_truncated {
            output::note("there are more events before these: give --until to see them");
        }
        if !has_found {
            let period = if range.is_unbounded() { "" } else { " in this period" };
            output::note(&format!("no event{period} names {}", args.who));
        }
    }
    Ok(opened.outcome(has_found))
}

impl TimelineArgs {
    /// The period asked about; everything wrong with the question is reported here.
    pub(crate) fn range(&self, context: &Context) -> anyhow::Result<TimeRange> {
        check_limit(self.limit)?;
        anyhow::ensure!(!self.who.trim().is_empty(), "WHO is empty: give an address or an ID");
        self.range.range(context)
    }

    /// The person asked about.
    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn who(&self) -> &str {
        &self.who
    }

    /// The most steps to show.
    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

/// Writes the answer, and returns it.
pub(crate) fn answer(
    args: &TimelineArgs,
    range: TimeRange,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<Timeline> {
    let timeline = timeline(store, &args.who, range, args.limit)?;
    context.printer().print(&timeline, out)?;
    Ok(timeline)
}
