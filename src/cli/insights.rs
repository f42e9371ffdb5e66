//! `mailtrace insights`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use crate::cli::args::ids::named;
use crate::cli::args::input::InputArgs;
use crate::cli::args::range::RangeArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::listing::{say_how_many, say_not_covered};
use crate::insights::{self, EXAMPLES, Query, Request};
use crate::limits;
use crate::query::{Field, Pattern};
use crate::render::InsightsExamples;
use crate::source::open_text;
use crate::time::{TimeRange, parse_time_argument};

/// Run CloudWatch Logs Insights queries, offline
///
/// Commands: fields, display, filter (where), sort, limit, stats (by, bin; up to ten), parse (glob
/// and regex), dedup, unnest and expand. Fields are paths of the JSON (event.recipients.0),
/// @timestamp, @message, @logStream, @log, @ingestionTime and @ptr. What is not supported is
/// refused with its place, never skipped. Put the query in single quotes to keep the shell away
/// from it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace insights 'fields @timestamp, event.eventName | sort @timestamp desc | limit 20'\n  mailtrace insights --file query.txt --since 7d --format csv\n  mailtrace insights --examples"
)]
pub(crate) struct InsightsArgs {
    /// The query: 'stats count(*) as c by event.recipient | sort c desc'
    #[arg(value_name = "QUERY", num_args = 0.., required_unless_present_any = ["file", "examples"])]
    query: Vec<String>,
    /// Read the query from this file (- for standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "query")]
    file: Option<PathBuf>,
    /// List the WorkMail guide's queries, and what answers them better
    #[arg(long, conflicts_with_all = ["query", "file", "since", "until", "start", "end", "log_group", "input"])]
    examples: bool,
    /// Only events from this time on
    ///
    /// RFC 3339, a date, yesterday, monday, or an age such as 2h or 7d.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Same as --since, and takes seconds since 1970
    ///
    /// As `aws logs start-query` does.
    #[arg(long, value_name = "TIME", conflicts_with = "since")]
    start: Option<String>,
    /// Only events up to and including this time
    #[arg(long, value_name = "TIME", conflicts_with = "until")]
    end: Option<String>,
    /// Only events of this log group; * matches any text
    ///
    /// May be given several times.
    #[arg(long, value_name = "NAME")]
    log_group: Vec<String>,
    #[command(flatten)]
    input: InputArgs,
}

pub(crate) fn run(args: &InsightsArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    if args.examples {
        context.print(&InsightsExamples(&EXAMPLES))?;
        return Ok(CommandOutcome::Done);
    }
    let text = match &args.file {
        Some(path) => read_query(path)?,
        None => args.query.join(" "),
    };
    let query = parse_query(&text)?;
    let request = args.request(context)?;
    let opened = args.input.open(context)?;
    let answer = insights::ask(&opened.store, &query, &request).map_err(|error| match error {
        insights::AskError::Query(error) => shown(&error),
        other => other.into(),
    })?;
    context.print(&answer)?;
    say_how_many("row", answer.rows.len() as u64, answer.row_count, &opened.store, context)?;
    let has_found = answer.records_matched > 0 && !answer.rows.is_empty();
    if !has_found {
        say_not_covered(request.range, &opened.store, context)?;
    }
    Ok(opened.outcome(has_found))
}

impl InsightsArgs {
    /// The groups and the period to search.
    fn request(&self, context: &Context) -> anyhow::Result<Request> {
        let since = self.since.as_deref().or(self.start.as_deref());
        let TimeRange { since, until } =
            RangeArgs::between(since, self.until.as_deref()).range(context)?;
        // `--end` is included, as in AWS's API, and ranges exclude their end.
        let end = self.end.as_deref().map(|it| {
            let end = parse_time_argument(it, context.now, &context.zone)?;
            anyhow::Ok(end.saturating_add_ms(1))
        });
        let log_groups = self.log_group.iter().map(|it| {
            Pattern::parse(Field::LogGroup, it).map_err(|error| {
                let kind = &error.kind;
                anyhow::anyhow!("--log-group: {kind}: {}", error.help())
            })
        });
        Ok(Request {
            range: TimeRange { since, until: end.transpose()?.or(until) },
            log_groups: log_groups.collect::<anyhow::Result<_>>()?,
            now: context.now,
        })
    }
}

/// Parses a query; an error is shown below the query itself.
fn parse_query(text: &str) -> anyhow::Result<Query> {
    insights::parse(text).map_err(|error| shown(&error))
}

fn shown(error: &insights::InsightsError) -> anyhow::Error {
    let mut stderr = anstream::stderr().lock();
    // If stderr itself fails, there is nowhere to report it.
    let _unwritable = writeln!(stderr, "{}", error.report());
    anyhow::anyhow!("cannot read the query: {}", error.summary())
}

/// The text of a file, or enough of it to see that it is too long.
fn read_query(path: &Path) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    open_text(path)
        .map_err(|error| named(error, path))?
        .take(limits::QUERY_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
