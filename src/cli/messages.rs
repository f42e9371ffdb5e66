//! `mailtrace messages`.

use std::io::Write;

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::grace::GraceArgs;
use crate::cli::args::input::say_truncated;
use crate::cli::args::question::parse_rows;
use crate::cli::args::shape::ShapeArgs;
use crate::cli::args::watch::WatchArgs;
use crate::cli::args::which::{FilterArgs, by_domains};
use crate::cli::around::{around_messages, around_ms};
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::explain::{explain_rows, say_empty_terms};
use crate::cli::hint::say_unknown_values;
use crate::cli::listing::{check_limit, say_how_many, say_not_covered, say_of_audit_events};
use crate::limits;
use crate::query::{Field, Query};
use crate::render::{AnswerFormat, AnswerShape, FoundMessages, ListHead, counted, message_columns};
use crate::stats::{CountKey, GroupRequest, facets_of_messages, group, histogram_of_messages};
use crate::store::Store;
use crate::time::TimeRange;
use crate::trace::{
    self, EventTracers, JoinRules, ListPosition, MessageFilter, MessageOutcome, Order, OutcomeWord,
    PageOfMessages, Reach, Totals, select_page,
};

/// List or count messages by sender, recipient, subject, outcome …
///
/// Every message is judged as `mailtrace trace` judges it. A message must match every filter; a
/// filter given twice matches either value. --to, --folder, --junk, --status, --reason,
/// --slower-than and --outcome must all match the same recipient. @NAME stands for the options that
/// the configuration file has under [queries]. --fail-if knows the numbers messages, recipients,
/// and each outcome.
///
/// Outcomes: lost means received or submitted, and nothing logged since; pending is the same within
/// --grace. The message as a whole is delivered, partial, failed, pending or unknown.
///
/// A query is written as in `mailtrace search` and asks each message with each of its recipients.
/// Besides the fields of events it knows outcome, message-outcome, latency, direction, junk,
/// sender-domain, recipient-domain, cause, recipients (how many), first-seen, address,
/// forwarded-to, leg, final-status and one-event:(QUERY); event, time, status and action ask the
/// recipient's leg.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace messages --from ana --to bob --on yesterday\n  mailtrace messages --outcome lost,bounced --since 7d\n  mailtrace messages --outcome bounced --group-by cause,recipient-domain"
)]
pub(crate) struct MessagesArgs {
    /// What to find: 'from:ana outcome:lost -subject:newsletter'
    #[arg(value_name = "QUERY", num_args = 0..)]
    text: Vec<String>,
    /// Count in groups, by one key or by two: cause,day
    ///
    /// Keys: reason, cause (the reason without addresses, hosts and IDs), status, sender,
    /// sender-domain, recipient, recipient-domain, sender-recipient, rule, outcome, folder,
    /// subject, recipient-count, hour, day, week, weekday, hour-of-day. Keys about recipients
    /// (reason to status, recipient to sender-recipient, outcome, folder) count recipients, all
    /// others count messages.
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', value_parser = group_keys(), hide_possible_values = true, conflicts_with_all = ["cursor", "sort", "events", "fail_if"])]
    group_by: Vec<String>,
    #[command(flatten)]
    grace: GraceArgs,
    /// Show at most N messages (the total is always exact)
    #[arg(short = 'n', long, default_value_t = limits::RESULT_ROWS_DEFAULT, value_name = "N")]
    limit: usize,
    /// Which to show first
    #[arg(long, value_enum, default_value_t = Sort::Newest, value_name = "ORDER")]
    sort: Sort,
    /// Continue after a page: the cursor it printed
    #[arg(long, hide_short_help = true, value_name = "CURSOR")]
    cursor: Option<String>,
    /// Include the events of each message (JSON and NDJSON)
    #[arg(long, hide_short_help = true)]
    events: bool,
    /// Also show what happened this long before and after: 10m
    ///
    /// Around each of the newest messages found.
    #[arg(long, hide_short_help = true, value_name = "DURATION")]
    around: Option<String>,
    #[command(flatten)]
    shape: ShapeArgs,
    /// Show the query that the options make, and what it finds
    #[arg(long, hide_short_help = true, conflicts_with_all = ["group_by", "cursor", "events", "fail_if", "watch", "facets", "histogram"])]
    explain: bool,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    backend: BackendArgs,
    // Last, because its heading covers all options after it.
    #[command(flatten)]
    filter: FilterArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Latest first seen
    Newest,
    /// Earliest first seen
    Oldest,
    /// Longest time to any recipient
    Slowest,
    /// Most recipients
    Recipients,
}

impl From<Sort> for Order {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Newest => Self::Newest,
            Sort::Oldest => Self::Oldest,
            Sort::Slowest => Self::Slowest,
            Sort::Recipients => Self::MostRecipients,
        }
    }
}

impl MessagesArgs {
    /// The events that the question can be about.
    pub(crate) fn reach(&self, filter: &MessageFilter) -> anyhow::Result<Reach> {
        if self.explain {
            // Its terms are counted over everything.
            return Ok(Reach::everything());
        }
        let Some(around) = &self.around else { return Ok(Reach::of(filter)) };
        // No upper bound: a message may go on for long.
        let ms = around_ms(around)?;
        let since = filter.first_seen.since.map(|it| it.saturating_add_ms(-ms));
        Ok(Reach::messages(TimeRange { since, until: None }))
    }

    /// The position after which the page begins.
    fn cursor(&self) -> anyhow::Result<Option<ListPosition>> {
        let Some(text) = &self.cursor else { return Ok(None) };
        let place: ListPosition = text.parse().context("--cursor")?;
        let order = Order::from(self.sort);
        anyhow::ensure!(
            place.order() == order,
            "--cursor: it belongs to a list with --sort {}, and this one has --sort {}",
            place.order().as_str(),
            order.as_str()
        );
        Ok(Some(place))
    }
}

pub(crate) fn run(args: &MessagesArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    // Standard input can be read only once, and watching answers several times.
    let wanted = args.wanted(context)?;
    let reach = |_| args.reach(&wanted.filter);
    args.watch.run(&args.backend, context, reach, |opened, context| {
        // Ages count back from now, which moves on while watching.
        let first_seen = args.filter.first_seen(context)?;
        let filter = MessageFilter { first_seen, ..wanted.filter.clone() };
        let wanted = MessagesOptions { filter, ..wanted };
        let answered = answer(args, wanted, &opened.store, context, &mut context.stdout())?;
        opened.keep_truncated(answered.truncated);
        Ok((answered.has_found, answered.failed))
    })
}

/// The question that options and query make.
pub(crate) struct MessagesOptions {
    pub(crate) filter: MessageFilter,
    /// The position after which the page begins.
    pub(crate) cursor: Option<ListPosition>,
}

impl MessagesArgs {
    /// Reads the options, and the files that they name.
    pub(crate) fn wanted(&self, context: &Context) -> anyhow::Result<MessagesOptions> {
        check_limit(self.limit)?;
        let cursor = self.cursor()?;
        let mut filter = self.filter.filter(context)?;
        let mut words: Vec<&str> = self.text.iter().map(String::as_str).collect();
        words.extend(self.shape.query(ShapeArgs::is_key));
        let rows = parse_rows(&words.join(" "), context)?;
        filter.rows = Query::and(vec![rows, filter.rows]);
        Ok(MessagesOptions { filter, cursor })
    }

    /// The filter and rules that a store needs for it.
    pub(crate) fn filter_of(
        &self,
        filter: MessageFilter,
        store: &Store,
        context: &Context,
    ) -> anyhow::Result<(MessageFilter, JoinRules)> {
        let rules = JoinRules::of_store(store, self.grace.ms()?, context.now);
        let filter = by_domains(filter, store);
        let filter = match &self.around {
            Some(around) => around_messages(around, &filter, &rules, store)?,
            None => filter,
        };
        Ok((filter, rules))
    }

    pub(crate) fn order(&self) -> Order {
        self.sort.into()
    }

    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The question for groups.
    pub(crate) fn group_request(
        &self,
        filter: MessageFilter,
        rules: JoinRules,
        context: &Context,
    ) -> anyhow::Result<GroupRequest> {
        let most = limits::GROUP_KEYS_MAX;
        anyhow::ensure!(self.group_by.len() <= most, "--group-by: at most {most} keys");
        let keys = self.group_by.iter().filter_map(|it| CountKey::from_name(it)).collect();
        Ok(GroupRequest { filter, rules, keys, zone: context.zone.clone(), limit: self.limit })
    }
}

/// The result of answering a question.
pub(crate) struct MessagesResult {
    has_found: bool,
    /// The condition that holds, in words.
    failed: Option<String>,
    /// Messages with more events than were taken.
    truncated: usize,
}

impl MessagesResult {
    fn whole(has_found: bool) -> Self {
        Self { has_found, failed: None, truncated: 0 }
    }
}

/// Writes the answer.
pub(crate) fn answer(
    args: &MessagesArgs,
    wanted: MessagesOptions,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<MessagesResult> {
    let (filter, rules) = args.filter_of(wanted.filter, store, context)?;
    if args.explain {
        return Ok(MessagesResult::whole(explain_rows(&filter, &rules, store, context)?));
    }
    if !args.group_by.is_empty() {
        let request = args.group_request(filter, rules, context)?;
        return Ok(MessagesResult::whole(show_groups(&request, store, context, out)?));
    }
    let order = args.order();
    let (page, totals) = select_page(store, &rules, &filter, order, wanted.cursor, args.limit)?;
    let is_nothing = page.total == 0;
    let failed = args.watch.failed(&metrics(), |name| metric(&totals, name))?;
    let shape = shape_of(args, &filter, &rules, store, context)?;
    let asked = AskedMessages { filter: &filter, rules: &rules, shape };
    let (shown, truncated) = write(&page, args, &asked, context, store, out)?;
    say_truncated(truncated, context);
    say_how_many("message", shown, page.total, store, context)?;
    if is_nothing {
        say_not_covered(filter.first_seen, store, context)?;
        say_of_audit_events(store, context)?;
        say_unknown_values(filter.queries(), store, context)?;
        say_empty_terms(&filter.rows, &rules, store, context)?;
    }
    say_what_is_next(&page, args, context)?;
    Ok(MessagesResult { has_found: page.total > 0, failed, truncated })
}

/// Makes the facets and the histogram, if asked for.
fn shape_of(
    args: &MessagesArgs,
    filter: &MessageFilter,
    rules: &JoinRules,
    store: &Store,
    context: &Context,
) -> anyhow::Result<AnswerShape> {
    let zone = &context.zone;
    let keys = args.shape.keys()?;
    let facets = keys.map(|it| facets_of_messages(store, rules, filter, &it, zone));
    let histogram = args.shape.has_histogram();
    let histogram = histogram.then(|| histogram_of_messages(store, rules, filter, zone));
    let (facets, histogram) = (facets.transpose()?, histogram.transpose()?);
    Ok(AnswerShape { facets, histogram, time: Field::FirstSeen.name() })
}

/// The names of the numbers for `--fail-if`.
fn metrics() -> Vec<&'static str> {
    ["messages", "recipients"].into_iter().chain(OutcomeWord::all()).collect()
}

/// A number for `--fail-if`: words for recipients' outcomes count recipients.
fn metric(totals: &Totals, name: &str) -> Option<u64> {
    if name == "messages" {
        return Some(totals.messages);
    }
    if name == "recipients" {
        return Some(totals.recipients);
    }
    if let Some(outcome) = trace::Outcome::ALL.into_iter().find(|it| it.as_str() == name) {
        return Some(totals.recipients_with(outcome));
    }
    let outcome = MessageOutcome::ALL.into_iter().find(|it| it.as_str() == name)?;
    Some(totals.messages_with(outcome))
}

/// Says on stderr how to go on, if the answer itself has no place for it.
fn say_what_is_next(
    page: &PageOfMessages,
    args: &MessagesArgs,
    context: &Context,
) -> anyhow::Result<()> {
    let is_list = args.limit > 0 && !args.shape.replaces_list(context);
    let Some(next) = page.next.filter(|_| is_list && !context.global.quiet) else {
        return Ok(());
    };
    if context.global.format != AnswerFormat::Json {
        writeln!(anstream::stderr().lock(), "the next page: --cursor {next}")?;
    }
    Ok(())
}

fn group_keys() -> PossibleValuesParser {
    PossibleValuesParser::new(CountKey::GROUPED.map(CountKey::as_str))
}

fn show_groups(
    request: &GroupRequest,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<bool> {
    let groups = group(store, request)?;
    context.printer().print(&groups, out)?;
    if groups.message_count == 0 {
        say_how_many("message", 0, 0, store, context)?;
        say_not_covered(request.filter.first_seen, store, context)?;
        say_unknown_values(request.filter.queries(), store, context)?;
        say_empty_terms(&request.filter.rows, &request.rules, store, context)?;
    } else if context.is_for_people() && !context.global.quiet {
        let (shown, all) = (groups.rows.len(), groups.group_count);
        let unit = groups.unit.as_str().trim_end_matches('s');
        let of = format!("of {}", counted(groups.total, unit));
        let mut stderr = anstream::stderr().lock();
        match all {
            _ if all > shown => {
                writeln!(stderr, "{shown} of {all} groups {of} shown (--limit shows more)")?;
            }
            1 => writeln!(stderr, "1 group {of}")?,
            _ => writeln!(stderr, "{all} groups {of}")?,
        }
    }
    Ok(groups.message_count > 0)
}

/// A question, and the shape of its answer.
struct AskedMessages<'a> {
    filter: &'a MessageFilter,
    rules: &'a JoinRules,
    shape: AnswerShape,
}

/// The number of messages that are traced and printed together.
const PART_MESSAGES: usize = 200;

/// Writes the messages part by part, so that a large answer takes little memory. Returns their
/// number, and how many of them are incomplete.
fn write(
    page: &PageOfMessages,
    args: &MessagesArgs,
    asked: &AskedMessages<'_>,
    context: &Context,
    store: &Store,
    out: &mut dyn Write,
) -> anyhow::Result<(u64, usize)> {
    let AskedMessages { filter, rules, shape } = asked;
    let printer = context.printer();
    if args.shape.replaces_list(context) {
        printer.print(shape, out)?;
        return Ok((page.total, 0));
    }
    let mut tracers = EventTracers::new(store, rules);
    let (mut shown, mut truncated) = (0, 0);
    let columns = message_columns().collect();
    let head = ListHead { name: "messages", members: Vec::new(), columns };
    let mut list = printer.list(&head, out)?;
    for part in page.messages.chunks(PART_MESSAGES) {
        let messages = &tracers.messages_of(part.iter().map(|it| it.event))?;
        list.part(&FoundMessages { messages, filter, has_events: args.events })?;
        shown += messages.len() as u64;
        truncated += messages.iter().filter(|it| it.is_truncated).count();
    }
    let next = json!(page.next.map(|it| it.to_string()));
    list.end(vec![("total", json!(page.total)), ("next", next)], shape)?;
    Ok((shown, truncated))
}
