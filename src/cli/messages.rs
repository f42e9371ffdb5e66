//! `mailtrace messages`.

use std::cmp::Reverse;
use std::io::{BufWriter, Write};

use anyhow::Context as _;
use clap::builder::PossibleValuesParser;
use clap::{Args, ValueEnum};

use super::input::InputArgs;
use super::listing::{check_limit, say_how_many};
use super::search::range;
use super::{Context, Format, Outcome};
use crate::limits;
use crate::render::{write_messages_csv, write_messages_ndjson, write_messages_table};
use crate::store::Store;
use crate::time::parse_duration_ms;
use crate::trace::{
    self, JoinRules, Message, MessageOutcome, MessageSummary, summarise, trace_event,
};

/// Lists messages by what became of them, newest first
///
/// Every message of the store is judged as `trace` judges it. A message is found when it, or one
/// of its recipients, has one of the outcomes asked for, and its first event lies in the range.
#[derive(Debug, Args)]
pub(super) struct MessagesArgs {
    /// Only messages with this outcome, or with a recipient who has it; several may be given
    #[arg(long, value_name = "OUTCOME", value_delimiter = ',', value_parser = outcome_words())]
    outcome: Vec<String>,
    /// Only messages first seen from this time on: RFC 3339, a date, or an age such as 2h or 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only messages first seen before this time, which is itself left out
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// How long a message may take before a recipient without an outcome counts as lost
    #[arg(long, default_value = "4h", value_name = "DURATION")]
    grace: String,
    /// How many messages to show at most; the total counts all
    #[arg(long, default_value_t = limits::RESULT_ROWS_DEFAULT, value_name = "N")]
    limit: usize,
    /// Which come first
    #[arg(long, value_enum, default_value_t = Sort::Newest, value_name = "ORDER")]
    sort: Sort,
    /// Show the events of each message too (JSON and NDJSON)
    #[arg(long)]
    events: bool,
    #[command(flatten)]
    input: InputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// Those first seen last
    Newest,
    /// Those first seen first
    Oldest,
}

/// The outcomes of recipients, and those of messages that are no recipient's.
fn outcome_words() -> PossibleValuesParser {
    let mut words: Vec<&'static str> = trace::Outcome::ALL.iter().map(|it| it.as_str()).collect();
    for outcome in MessageOutcome::ALL {
        if !words.contains(&outcome.as_str()) {
            words.push(outcome.as_str());
        }
    }
    PossibleValuesParser::new(words)
}

pub(super) fn run(args: &MessagesArgs, context: &Context) -> anyhow::Result<Outcome> {
    let grace_ms = parse_duration_ms(&args.grace)
        .with_context(|| format!("--grace: \"{}\" is no length of time such as 4h", args.grace))?;
    let range = range(args.since.as_deref(), args.until.as_deref(), context)?;
    check_limit(args.limit)?;
    let opened = args.input.open(context)?;
    let store = &opened.store;
    let rules = JoinRules { grace_ms, newest: store.time_span().map(|(_, newest)| newest) };
    let mut found = summarise(store, &rules, |it| {
        let has_outcome = |word: &String| it.has_outcome(word);
        (args.outcome.is_empty() || args.outcome.iter().any(has_outcome))
            && range.contains(it.first_seen)
    })?;
    let total = found.len() as u64;
    let key = |it: &MessageSummary| (it.first_seen, it.event);
    match args.sort {
        Sort::Newest => found.sort_unstable_by_key(|it| Reverse(key(it))),
        Sort::Oldest => found.sort_unstable_by_key(key),
    }
    found.truncate(args.limit);
    let mut stdout = BufWriter::new(anstream::stdout().lock());
    let shown = write(&found, total, args, &rules, context, store, &mut stdout)?;
    stdout.flush()?;
    say_how_many("message", shown, total, store, context)?;
    Ok(opened.outcome(total > 0))
}

/// Messages that are traced and laid out together.
const PAGE_MESSAGES: usize = 200;

/// Writes the messages page by page, so that a large answer takes no memory. Gives their number.
fn write(
    found: &[MessageSummary],
    total: u64,
    args: &MessagesArgs,
    rules: &JoinRules,
    context: &Context,
    store: &Store,
    out: &mut dyn Write,
) -> anyhow::Result<u64> {
    let zone = &context.zone;
    let mut reader = store.events();
    let mut shown = 0;
    let is_json = context.global.format == Format::Json;
    if is_json {
        write!(out, "{{\"messages\":[")?;
    }
    for page in found.chunks(PAGE_MESSAGES) {
        let traced: Vec<Message> = page
            .iter()
            .filter_map(|it| trace_event(&mut reader, it.event, rules).transpose())
            .collect::<Result<_, _>>()?;
        match context.global.format {
            Format::Table => write_messages_table(&traced, &context.table_options(false), out)?,
            Format::Ndjson => write_messages_ndjson(&traced, args.events, zone, out)?,
            Format::Csv => write_messages_csv(&traced, shown == 0, zone, out)?,
            Format::Json => {
                for (index, message) in traced.iter().enumerate() {
                    if shown > 0 || index > 0 {
                        write!(out, ",")?;
                    }
                    let mut line = Vec::new();
                    write_messages_ndjson(
                        std::slice::from_ref(message),
                        args.events,
                        zone,
                        &mut line,
                    )?;
                    out.write_all(line.strip_suffix(b"\n").unwrap_or(&line))?;
                }
            }
        }
        shown += traced.len() as u64;
    }
    if is_json {
        writeln!(out, "],\"total\":{total}}}")?;
    }
    if found.is_empty() && context.global.format == Format::Csv {
        write_messages_csv(&[], true, zone, out)?;
    }
    Ok(shown)
}
