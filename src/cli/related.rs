//! `mailtrace related`.

use clap::Args;

use crate::cli::args::grace::GraceArgs;
use crate::cli::args::input::InputArgs;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::listing::check_limit;
use crate::event::cause_of;
use crate::limits;
use crate::query::{Field, Matcher, Pattern, Phrase, Query};
use crate::render::{Related, RelatedMessages};
use crate::store::Store;
use crate::store::words::folded;
use crate::time::TimeRange;
use crate::trace::{
    EventTracers, JoinRules, Message, MessageFilter, Order, mark_of, select_page, trace_ids,
};

/// Find messages related to one: same sender, thread, rule, cause, burst
///
/// For each relation it shows the newest messages, how many there are, and the command that shows
/// all. A thread is every message with the same subject, ignoring Re: and Fwd:; a burst is what the
/// same sender sent within ten minutes.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  mailtrace related '<20261123.1001@acme.example>'")]
pub(crate) struct RelatedArgs {
    /// Message ID or trace ID
    #[arg(value_name = "ID")]
    id: String,
    /// Show at most N messages of each relation
    #[arg(short = 'n', long, default_value_t = 5, value_name = "N")]
    limit: usize,
    #[command(flatten)]
    grace: GraceArgs,
    #[command(flatten)]
    input: InputArgs,
}

/// A relation between messages, and the query for it.
struct Reason {
    name: &'static str,
    /// The value that they share.
    shared: String,
    query: Query,
}

pub(crate) fn run(args: &RelatedArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    check_limit(args.limit)?;
    let grace_ms = args.grace.ms()?;
    let opened = args.input.open(context)?;
    let store = &opened.store;
    let rules = JoinRules::of_store(store, grace_ms, context.now);
    let traced = trace_ids(store, [args.id.as_str()], &rules)?;
    let Some(message) = traced.messages.first() else {
        if !context.global.quiet {
            let note = crate::cli::listing::coverage_note(store, context);
            let line = format!("no event was found for {}; {note}", args.id);
            crate::cli::output::note(&line);
        }
        return Ok(opened.outcome(false));
    };
    let mut all = Vec::new();
    for reason in reasons(message) {
        let related = find(reason, message, &rules, args.limit, store)?;
        if related.total > 0 {
            all.push(related);
        }
    }
    context.print(&RelatedMessages(&all))?;
    if all.is_empty() && !context.global.quiet {
        crate::cli::output::note("no other message is related to it");
    }
    Ok(opened.outcome(!all.is_empty()))
}

fn reasons(message: &Message) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let exact = |field, text: &str| Query::demand(field, Matcher::Exact(text.to_owned()));
    let sender = message.sender.as_ref().or(message.from.as_ref());
    if let Some(sender) = sender {
        let sent = Query::or(vec![
            exact(Field::From, sender.as_str()),
            exact(Field::Sender, sender.as_str()),
        ]);
        let near = TimeRange {
            since: Some(message.first_seen.saturating_add_ms(-limits::BURST_MS)),
            until: Some(message.first_seen.saturating_add_ms(limits::BURST_MS + 1)),
        };
        let near = Query::demand(Field::FirstSeen, Matcher::Time(near));
        let shared = sender.logged().to_owned();
        let burst = Query::and(vec![sent.clone(), near]);
        reasons.push(Reason { name: "burst", shared: shared.clone(), query: burst });
        reasons.push(Reason { name: "sender", shared, query: sent });
    }
    let thread = message.subject.as_deref().map_or("", without_prefixes);
    if let Some(phrase) = Phrase::new(thread, false) {
        let query = Query::demand(Field::Subject, Matcher::Phrase(phrase));
        reasons.push(Reason { name: "thread", shared: thread.to_owned(), query });
    }
    let mut rules: Vec<&str> =
        message.events.iter().filter_map(|it| it.event.rule_name.as_deref()).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules.into_iter().filter(|it| !it.trim().is_empty()) {
        let query = exact(Field::Rule, &folded(rule));
        reasons.push(Reason { name: "rule", shared: rule.trim().to_owned(), query });
    }
    let mut causes: Vec<String> =
        message.recipients.iter().filter_map(|it| it.reason.as_deref()).map(cause_of).collect();
    causes.sort_unstable();
    causes.dedup();
    for cause in causes {
        let query = Pattern::parse(Field::Cause, &escaped(&cause));
        if let Ok(pattern) = query {
            let query = pattern.query().clone();
            reasons.push(Reason { name: "cause", shared: cause, query });
        }
    }
    reasons
}

/// Escapes a text for a pattern that matches only itself.
fn escaped(text: &str) -> String {
    text.chars()
        .flat_map(|it| {
            let sign = matches!(it, '*' | '?' | '\\' | '/').then_some('\\');
            sign.into_iter().chain([it])
        })
        .collect()
}

/// A subject without the prefixes of replies and forwards.
fn without_prefixes(subject: &str) -> &str {
    const PREFIXES: [&str; 12] =
        ["re", "fw", "fwd", "aw", "wg", "rv", "res", "enc", "tr", "sv", "vs", "antw"];
    let mut rest = subject.trim();
    while let Some((before, after)) = rest.split_once(':') {
        let word = before.trim().to_lowercase();
        // Some programs count replies: `Re[2]:`, `Re(3):`.
        let word = word.split_once(['[', '(']).map_or(&*word, |it| it.0).trim();
        if !PREFIXES.contains(&word) {
            break;
        }
        rest = after.trim();
    }
    rest
}

fn find(
    reason: Reason,
    message: &Message,
    rules: &JoinRules,
    limit: usize,
    store: &Store,
) -> anyhow::Result<Related> {
    let filter = MessageFilter { rows: reason.query.clone(), ..MessageFilter::default() };
    // The message itself is among those found.
    let (page, _) = select_page(store, rules, &filter, Order::Newest, None, limit + 1)?;
    let found =
        EventTracers::new(store, rules).messages_of(page.messages.iter().map(|it| it.event))?;
    let mark = mark_of(message);
    let mut messages: Vec<Message> = found.into_iter().filter(|it| mark_of(it) != mark).collect();
    messages.truncate(limit);
    let is_itself = filter.matches(message);
    let total = page.total.saturating_sub(u64::from(is_itself));
    let (query, shared) = (reason.query.to_string(), reason.shared);
    Ok(Related { reason: reason.name, shared, query, total, messages })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_what_stands_behind_answers_and_forwards() {
        for (subject, expect) in [
            ("Re: AW: Quarterly report", "Quarterly report"),
            ("RE[2]: x", "x"),
            ("Report: final", "Report: final"),
            ("re:", ""),
            ("Fwd : a: b", "a: b"),
        ] {
            assert_eq!(without_prefixes(subject), expect);
        }
    }
}
