//! `mailtrace search`.

use std::io::Write;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::question::parse_query;
use crate::cli::args::range::RangeArgs;
use crate::cli::args::shape::ShapeArgs;
use crate::cli::args::watched::WatchedArgs;
use crate::cli::around::{around_events, around_ms};
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::explain::explain_events;
use crate::cli::hint::say_unknown_values;
use crate::cli::listing::{check_limit, say_how_many, say_not_covered, say_of_audit_events};
use crate::cli::progress::ShownProgress;
use crate::limits;
use crate::query::{self, Field, Hits, Query};
use crate::render::{AnswerFormat, AnswerShape, FoundEvents, ListHead, event_columns};
use crate::stats::{facets_of_events, histogram};
use crate::store::{EventPlace, Store, StoredEvent};
use crate::time::TimeRange;
use crate::trace::Reach;

/// Find events by query, newest first
///
/// A query is made of field:value terms, words and "phrases", with AND (or a blank), OR, NOT (or -)
/// and parentheses; without a query every event is found. Fields: from sender to subject message-id
/// trace-id event rule rule-type action folder spam dkim dmarc spf policy status reason log-group
/// time; address is any of from, sender and to.
///
/// In texts * stands for anything and ? for one character; /…/ is a regular expression; field:*
/// finds events that have the field, from:@FILE those of a list. Status and time take ranges:
/// status:>=5, time:[2026-11-01 TO 2026-11-02], time:>=2h, time:yesterday. Patterns on IDs, and
/// some on subjects and reasons, read the originals: narrow them with --since. Put the query in
/// single quotes to keep the shell away from it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace search 'to:bob event:bounced' --since 7d\n  mailtrace search 'rule:* action:*drop*'\n  mailtrace search 'time:yesterday status:5.*' --format ndjson"
)]
pub(crate) struct SearchArgs {
    /// What to find: 'from:ana subject:"report" NOT status:4.*'
    #[arg(value_name = "QUERY", num_args = 0..)]
    query: Vec<String>,
    #[command(flatten)]
    range: RangeArgs,
    /// Show at most N events
    #[arg(short = 'n', long, default_value_t = limits::RESULT_ROWS_DEFAULT, value_name = "N")]
    limit: usize,
    /// Continue after a page: the cursor it printed
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Also show what happened this long before and after: 10m
    ///
    /// Around each of the newest events found.
    #[arg(long, value_name = "DURATION")]
    around: Option<String>,
    #[command(flatten)]
    shape: ShapeArgs,
    /// Show the query as it was understood, and what it finds
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    watched: WatchedArgs,
    #[command(flatten)]
    backend: BackendArgs,
}

pub(crate) fn run(args: &SearchArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let wanted = args.wanted(context)?;
    let opened = args.backend.open(context, |_| args.reach(wanted.range))?;
    let wanted = args.wanted_of(wanted, &opened.store)?;
    if args.explain {
        let has_found = explain_events(&wanted.query, wanted.range, &opened.store, context)?;
        return Ok(opened.outcome(has_found));
    }
    let has_found = answer(args, &wanted, &opened.store, context, &mut context.stdout())?;
    Ok(opened.outcome(has_found))
}

/// The question that options and query make.
pub(crate) struct SearchOptions {
    pub(crate) query: Query,
    pub(crate) range: TimeRange,
    /// The position after which the page begins.
    pub(crate) after: Option<EventPlace>,
}

impl SearchArgs {
    /// The events that the question can be about, for a range.
    pub(crate) fn reach(&self, range: TimeRange) -> anyhow::Result<Reach> {
        let Some(around) = &self.around else { return Ok(Reach::events(range)) };
        // Both ends of the surroundings are included.
        let ms = around_ms(around)?.saturating_add(1);
        let since = range.since.map(|it| it.saturating_add_ms(-ms));
        let until = range.until.map(|it| it.saturating_add_ms(ms));
        Ok(Reach::events(TimeRange { since, until }))
    }

    /// Reads the options, and the files that they name.
    pub(crate) fn wanted(&self, context: &Context) -> anyhow::Result<SearchOptions> {
        let mut words: Vec<&str> = self.query.iter().map(String::as_str).collect();
        words.extend(self.shape.query(ShapeArgs::is_event_field));
        let query = vec![parse_query(&words.join(" "), context)?, self.watched.query()?];
        let query = Query::and(query);
        let range = self.range.range(context)?;
        check_limit(self.limit)?;
        let after = self.cursor.as_deref().map(str::parse::<EventPlace>).transpose();
        Ok(SearchOptions { query, range, after: after.context("--cursor")? })
    }

    /// The question for a store, which has the events whose surroundings are asked for.
    pub(crate) fn wanted_of(
        &self,
        wanted: SearchOptions,
        store: &Store,
    ) -> anyhow::Result<SearchOptions> {
        let Some(around) = &self.around else { return Ok(wanted) };
        let query = around_events(around, &wanted.query, wanted.range, store)?;
        Ok(SearchOptions { query, range: TimeRange::default(), ..wanted })
    }

    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }
}

/// Writes the answer. Returns true if there is any.
pub(crate) fn answer(
    args: &SearchArgs,
    wanted: &SearchOptions,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let SearchOptions { query, range, after } = wanted;
    let progress = ShownProgress::new(context);
    let heard = |done, total| progress.reading(done, total);
    let mut hits = query::search_heard(store, query, *range, *after, args.limit, &heard)?;
    drop(progress);
    let total = hits.total();
    let shape = shape_of(args, query, *range, store, context)?;
    let shown = if args.shape.replaces_list(context) {
        context.printer().print(&shape, out)?;
        total
    } else {
        write_hits(&mut hits, &shape, context, out)?
    };
    say_how_many("event", shown, total, store, context)?;
    if total == 0 {
        say_not_covered(*range, store, context)?;
        say_of_audit_events(store, context)?;
        say_unknown_values([query], store, context)?;
    }
    let is_list = args.limit > 0 && !args.shape.replaces_list(context);
    let next = hits.next_page().filter(|_| is_list && !context.global.quiet);
    if let Some(next) = next.filter(|_| context.global.format != AnswerFormat::Json) {
        writeln!(anstream::stderr().lock(), "the next page: --cursor {next}")?;
    }
    // With a limit of zero nothing is shown, but there may be something.
    Ok(shown > 0 || (args.limit == 0 && total > 0))
}

/// Makes the facets and the histogram, if asked for.
fn shape_of(
    args: &SearchArgs,
    query: &Query,
    range: TimeRange,
    store: &Store,
    context: &Context,
) -> anyhow::Result<AnswerShape> {
    let fields = args.shape.fields()?;
    if fields.is_none() && !args.shape.has_histogram() {
        return Ok(AnswerShape::default());
    }
    let progress = ShownProgress::new(context);
    let heard = |done, total| progress.reading(done, total);
    let counted = fields.as_deref().unwrap_or(&[]);
    let shape = query::shape_of(store, query, range, counted, &heard)?;
    let slots = &shape.slots;
    Ok(AnswerShape {
        facets: fields.map(|it| facets_of_events(&shape, &it)),
        histogram: args.shape.has_histogram().then(|| histogram(slots, &context.zone)),
        time: Field::Time.name(),
    })
}

/// Writes the events as they are read, so that a large answer takes little memory; a table is
/// laid out page by page. Returns their number.
fn write_hits(
    hits: &mut Hits<'_>,
    shape: &AnswerShape,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<u64> {
    let printer = context.printer();
    let members = vec![("total", json!(hits.total()))];
    let head = ListHead { name: "events", members, columns: event_columns().collect() };
    let mut list = printer.list(&head, out)?;
    let mut shown = 0;
    loop {
        let page: Vec<StoredEvent> = hits.by_ref().take(PAGE_EVENTS).collect::<Result<_, _>>()?;
        if page.is_empty() {
            break;
        }
        list.part(&FoundEvents(&page))?;
        shown += page.len() as u64;
    }
    let next = json!(hits.next_page().map(|it| it.to_string()));
    list.end(vec![("next", next)], shape)?;
    Ok(shown)
}

/// The number of events that are laid out together.
const PAGE_EVENTS: usize = 1_000;
