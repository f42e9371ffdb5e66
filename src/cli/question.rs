//! What is asked for in words: queries, the lists that they name, and times.

use std::path::Path;

use clap::Args;

use super::Context;
use super::ids::Ids;
use crate::export::TimeBound;
use crate::limits;
use crate::query::{Language, Query};
use crate::time::{TimeRange, day_of, parse_time_argument};

/// One day instead of a time from and up to.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct OnArgs {
    /// Only this day: a date, today, yesterday, monday
    ///
    /// In the time zone of --tz; a weekday is the latest one.
    #[arg(long, value_name = "DAY", conflicts_with_all = ["since", "until"])]
    on: Option<String>,
}

impl OnArgs {
    /// The bounds of a range as they were given, for whoever reads an extract.
    pub(super) fn bounds(
        &self,
        since: Option<&str>,
        until: Option<&str>,
        range: TimeRange,
    ) -> (Option<TimeBound>, Option<TimeBound>) {
        let on = self.on.as_deref();
        (TimeBound::new(since.or(on), range.since), TimeBound::new(until.or(on), range.until))
    }
}

/// From when to when, by the times of events.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct RangeArgs {
    /// Only events from this time on
    ///
    /// RFC 3339, a date, yesterday, monday, or an age such as 2h or 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    on: OnArgs,
}

impl RangeArgs {
    /// The range.
    pub(super) fn range(&self, context: &Context) -> anyhow::Result<TimeRange> {
        range(self.since.as_deref(), self.until.as_deref(), &self.on, context)
    }

    /// Its bounds as they were given, for whoever reads an extract.
    pub(super) fn bounds(&self, range: TimeRange) -> (Option<TimeBound>, Option<TimeBound>) {
        self.on.bounds(self.since.as_deref(), self.until.as_deref(), range)
    }
}

/// Reads a query on events; what is wrong with it is shown under the query itself.
pub(super) fn parse_query(text: &str, context: &Context) -> anyhow::Result<Query> {
    parse(Language::of_events(context.now, &context.zone), text, context)
}

/// Reads a query on messages and their recipients.
pub(super) fn parse_rows(text: &str, context: &Context) -> anyhow::Result<Query> {
    parse(Language::of_rows(context.now, &context.zone), text, context)
}

/// Reads a query on audit events.
pub(super) fn parse_access(text: &str, context: &Context) -> anyhow::Result<Query> {
    parse(Language::of_access(context.now, &context.zone), text, context)
}

fn parse(language: Language<'_>, text: &str, context: &Context) -> anyhow::Result<Query> {
    let parsed = match context.reads_files {
        true => language.with_lists(&lines_of).parse(text),
        false => language.with_lists(&no_lines).parse(text),
    };
    Ok(parsed.map_err(|error| RefusedQuery { report: error.report(), summary: error.summary() })?)
}

/// A query that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the query: {summary}")]
pub(super) struct RefusedQuery {
    /// What is wrong and where, in one line.
    summary: String,
    /// The place under the query itself, and what to do.
    pub(super) report: String,
}

/// Nobody far away may have files of this machine read.
fn no_lines(name: &str) -> Result<Option<Vec<String>>, String> {
    match name.contains(['/', '\\']) {
        true => Err("lists in files are read by the command line alone".to_owned()),
        false => Ok(None),
    }
}

/// How names of files end that hold lists.
const LIST_EXTENSIONS: [&str; 4] = ["txt", "csv", "lst", "list"];

/// The lines of the file that `from:@NAME` names. What is no file may be a domain, unless it is
/// written as a path.
fn lines_of(name: &str) -> Result<Option<Vec<String>>, String> {
    let path = Path::new(name);
    // No domain ends as files with lists do.
    let is_file = path.extension().is_some_and(|it| LIST_EXTENSIONS.iter().any(|of| it == *of));
    if !is_file && !name.contains(['/', '\\']) && !path.exists() {
        return Ok(None);
    }
    let read =
        Ids::open(Vec::new(), path, None).and_then(|mut it| it.next_ids(limits::BATCH_IDS_MAX));
    read.map(Some).map_err(|error| format!("{error:#}"))
}

/// Reads `--since` and `--until`, or `--on`.
pub(super) fn range(
    since: Option<&str>,
    until: Option<&str>,
    on: &OnArgs,
    context: &Context,
) -> anyhow::Result<TimeRange> {
    if let Some(on) = &on.on {
        if let Some((first, after)) = day_of(on, context.now, &context.zone) {
            return Ok(TimeRange { since: Some(first), until: Some(after) });
        }
        // What is wrong with it is said of a time too.
        parse_time_argument(on, context.now, &context.zone)?;
        anyhow::bail!(
            "--on: \"{on}\" is no day: give a date, today, yesterday or a name such as monday"
        );
    }
    let read = |text: Option<&str>| {
        text.map(|it| parse_time_argument(it, context.now, &context.zone)).transpose()
    };
    let range = TimeRange { since: read(since)?, until: read(until)? };
    if let (Some(since), Some(until)) = (range.since, range.until) {
        anyhow::ensure!(
            since < until,
            "--since and --until leave no time between them: from {} to {}",
            since.in_zone(&context.zone),
            until.in_zone(&context.zone)
        );
    }
    Ok(range)
}
