//! `mailtrace trace`.

mod batch;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::backend::BackendArgs;
#[cfg(feature = "aws")]
use crate::cli::args::cluster::ClusterTarget;
use crate::cli::args::grace::GraceArgs;
use crate::cli::args::ids::Ids;
use crate::cli::args::input::say_truncated;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::listing::coverage_note;
#[cfg(feature = "aws")]
use crate::cli::listing::note_of;
use crate::cli::output;
use crate::cli::progress::ShownProgress;
use crate::event::pasted_id;
use crate::limits;
use crate::query::{IdCandidates, ids_like};
use crate::render::{AnswerFormat, MessageCandidates, TraceAnswer, fit, sanitise, write_not_found};
use crate::store::{Provenance, Store, StoreError};
use crate::timeline;
#[cfg(feature = "aws")]
use crate::timeline::AuditReach;
#[cfg(feature = "aws")]
use crate::trace::Reach;
use crate::trace::{JoinRules, Message, Traced, trace_ids};

/// Show what happened to a message, recipient by recipient
///
/// Follows the message across all its legs: a leg is the message's way into one mailbox or out to
/// one server. Quote IDs in angle brackets, or leave the brackets off: a shell takes a bare < for a
/// redirection. Given part of an ID, six characters or more, it lists the IDs that contain it and
/// exits with 1.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace trace '<20261123.1001@acme.example>'\n  mailtrace trace --batch ids.txt --format csv > answers.csv\n  mailtrace trace 20261123.1001@acme.example --input events.json"
)]
pub(crate) struct TraceArgs {
    /// Message IDs or trace IDs, as you have them
    #[arg(required_unless_present = "batch", value_name = "ID")]
    ids: Vec<String>,
    /// Read IDs from a file (- for standard input), one per line
    ///
    /// Answers with a row for each recipient, in the order of the IDs.
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// The --batch file is CSV: take IDs from this column
    ///
    /// By its name in the header, or by its number, counted from 1, if the first line is no header.
    #[arg(long, value_name = "COLUMN", requires = "batch")]
    column: Option<String>,
    #[command(flatten)]
    grace: GraceArgs,
    /// List every recipient and step, however many
    #[arg(long)]
    all: bool,
    /// Show the file and line, or the pull, of each event
    #[arg(long, conflicts_with = "batch")]
    provenance: bool,
    /// Leave out what audit logs may say of the message
    ///
    /// Without it, candidates follow the trace: what may have been done with the message in the mailbox,
    /// and from where it may have been sent.
    #[arg(long, hide_short_help = true)]
    no_access: bool,
    #[command(flatten)]
    backend: BackendArgs,
}

pub(crate) fn run(args: &TraceArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let grace_ms = args.grace.ms()?;
    if args.provenance {
        context.refuse_csv("--provenance is about events, but CSV has a row for each recipient: use --format table, json or ndjson")?;
    }
    let batch = match &args.batch {
        Some(path) => Some(Ids::open(args.ids.clone(), path, args.column.as_deref())?),
        None => None,
    };
    #[cfg(feature = "aws")]
    args.backend.cluster.check_password()?;
    #[cfg(feature = "aws")]
    if let Some(target) = args.backend.cluster.target(&args.backend.input, context)? {
        return match batch {
            Some(ids) => ask_cluster_for_many(ids, &target, grace_ms, context),
            None => ask_cluster(args, &target, grace_ms, context),
        };
    }
    let opened = args.backend.input.open(context)?;
    let store = &opened.store;
    let rules = JoinRules::of_store(store, grace_ms, context.now);
    if let Some(ids) = batch {
        return Ok(opened.outcome(batch::answer(ids, &opened, &rules, context)?));
    }
    let answered = answer(args, &rules, store, context, &mut context.stdout())?;
    opened.keep_truncated(answered.truncated);
    Ok(opened.outcome(answered.has_found))
}

impl TraceArgs {
    /// The IDs as they were pasted.
    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// True if the events' sources are asked for.
    #[cfg(feature = "serve")]
    pub(crate) fn tells_sources(&self) -> bool {
        self.provenance
    }

    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(crate) fn rules(&self, store: &Store, context: &Context) -> anyhow::Result<JoinRules> {
        Ok(JoinRules::of_store(store, self.grace.ms()?, context.now))
    }
}

/// The result of a question.
pub(crate) struct TraceResult {
    has_found: bool,
    /// The number of incomplete messages.
    truncated: usize,
}

/// Writes the answer.
pub(crate) fn answer(
    args: &TraceArgs,
    rules: &JoinRules,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<TraceResult> {
    let traced = trace_ids(store, args.ids.iter().map(String::as_str), rules)?;
    let parts = parts_of(&traced.not_found, context, |part| {
        let progress = ShownProgress::new(context);
        Ok(ids_like(store, part, &|done, total| progress.reading(done, total))?)
    })?;
    let access = match args.no_access {
        true => None,
        false => access_candidates(store, &traced.messages)?,
    };
    let sources = args.provenance.then(|| sources_of(store, &traced.messages)).transpose()?;
    let coverage_note = coverage_note(store, context);
    Findings { traced, coverage_note, parts, access, sources }.write(args.all, context, out)
}

/// All that was found out about the IDs, in a store or in a cluster.
struct Findings {
    traced: Traced,
    coverage_note: String,
    /// IDs that contain what was not found, by what was not found.
    parts: Vec<(String, IdCandidates)>,
    access: Option<Vec<MessageCandidates>>,
    sources: Option<Vec<Vec<Option<Provenance>>>>,
}

impl Findings {
    /// Writes the answer to `out`, and what else there is to say of it to stderr.
    fn write(
        &self,
        lists_all: bool,
        context: &Context,
        out: &mut dyn Write,
    ) -> anyhow::Result<TraceResult> {
        let Traced { messages, not_found, shared, .. } = &self.traced;
        let coverage_note = (!not_found.is_empty()).then_some(self.coverage_note.as_str());
        let candidates: Vec<String> =
            self.parts.iter().flat_map(|(_, it)| it.ids.clone()).collect();
        let mut printer = context.printer();
        printer.options.lists_all = lists_all;
        let answer = TraceAnswer {
            messages,
            not_found,
            coverage_note,
            candidates: &candidates,
            access: self.access.as_deref(),
            sources: self.sources.as_deref(),
        };
        printer.print(&answer, out)?;
        let has_access = answer.access.is_some_and(|it| it.iter().any(|(_, of)| !of.is_empty()));
        if printer.format == AnswerFormat::Csv && has_access && !context.global.quiet {
            output::note(
                "the audit logs have candidates for more, but CSV has a row for each recipient and no place for them: use --format table, json or ndjson, or --no-access",
            );
        }
        if !context.global.quiet {
            say_shared(shared)?;
        }
        let truncated = messages.iter().filter(|it| it.is_truncated).count();
        say_truncated(truncated, context);
        // The IDs that contain a part are the answer to it.
        let is_part = |id: &String| self.parts.iter().any(|(part, _)| part == id);
        let unknown: Vec<String> = not_found.iter().filter(|it| !is_part(it)).cloned().collect();
        if !unknown.is_empty() && !context.global.quiet {
            write_not_found(&unknown, coverage_note, &mut anstream::stderr().lock())?;
        }
        say_candidates(&self.parts, context)?;
        Ok(TraceResult { has_found: !messages.is_empty(), truncated })
    }
}

/// Answers from a cluster, as the store that publishes there would.
#[cfg(feature = "aws")]
fn ask_cluster(
    args: &TraceArgs,
    target: &ClusterTarget,
    grace_ms: i64,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    use crate::cluster::ClusterEvents;
    use crate::trace::trace_ids_in;

    anyhow::ensure!(
        !args.provenance,
        "--provenance does not work with --cluster: only a store knows which file or pull an event came from"
    );
    let ClusterTarget { cluster, names, organization } = target;
    let mut events = ClusterEvents::of(cluster, names, organization)?;
    let rules = events.rules(grace_ms);
    let traced = trace_ids_in(&mut events, args.ids.iter().map(String::as_str), &rules)?;
    let coverage_note = note_of(&events.coverage(), events.has_removals(), context);
    let parts = parts_of(&traced.not_found, context, |it| Ok(events.ids_like(it)?))?;
    let access = match args.no_access || events.other_records() == 0 {
        true => None,
        false => {
            let shown = traced.messages.len().min(limits::CANDIDATE_MESSAGES_MAX);
            let reach = AuditReach::Messages(traced.messages.get(..shown).unwrap_or(&[]));
            let opened = target.audit_mirror(context, &reach)?;
            access_candidates(&opened.store, &traced.messages)?
        }
    };
    let findings = Findings { traced, coverage_note, parts, access, sources: None };
    let answered = findings.write(args.all, context, &mut context.stdout())?;
    Ok(match (answered.has_found, answered.truncated) {
        (false, _) => CommandOutcome::NothingFound,
        (true, 0) => CommandOutcome::Done,
        (true, _) => CommandOutcome::SomeRejected,
    })
}

/// Answers for a list of IDs from a cluster: all events that they can be about are fetched at
/// once.
#[cfg(feature = "aws")]
fn ask_cluster_for_many(
    mut ids: Ids,
    target: &ClusterTarget,
    grace_ms: i64,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let all = ids.next_ids(usize::MAX)?;
    let opened = target.mirror(context, |_| Ok(Reach::messages_with(all.clone())))?;
    let rules = JoinRules::of_store(&opened.store, grace_ms, context.now);
    Ok(opened.outcome(batch::answer(Ids::given(all), &opened, &rules, context)?))
}

/// The audit events that may belong to messages, each with one of its IDs; `None` if the store
/// has none.
fn access_candidates(
    store: &Store,
    messages: &[Message],
) -> anyhow::Result<Option<Vec<MessageCandidates>>> {
    if store.other_records() == 0 {
        return Ok(None);
    }
    let shown = messages.iter().take(limits::CANDIDATE_MESSAGES_MAX);
    let of_messages = shown.map(|it| Ok((it.any_id(), timeline::candidates(store, it)?)));
    Ok(Some(of_messages.collect::<Result<_, StoreError>>()?))
}

/// The IDs that contain what was not found: each part with the IDs that `find` returns for it.
fn parts_of(
    not_found: &[String],
    context: &Context,
    find: impl Fn(&str) -> anyhow::Result<Option<IdCandidates>>,
) -> anyhow::Result<Vec<(String, IdCandidates)>> {
    let mut parts = Vec::new();
    // Many IDs come from a list, which has whole ones.
    for part in not_found.iter().filter(|_| not_found.len() <= limits::ID_PARTS_MAX) {
        let least = limits::ID_PART_CHARS_MIN;
        if pasted_id(part).chars().count() < least && !context.global.quiet {
            output::note(&format!("to find part of an ID, give at least {least} characters of it"));
        }
        let found = find(part)?;
        parts.extend(found.filter(|it| !it.ids.is_empty()).map(|it| (part.clone(), it)));
    }
    Ok(parts)
}

/// Lists the IDs: as the answer in a table, else on stderr.
fn say_candidates(parts: &[(String, IdCandidates)], context: &Context) -> anyhow::Result<()> {
    let mut text = String::new();
    for (part, found) in parts {
        let count = found.ids.len();
        let more = if found.has_more { "more than " } else { "" };
        let how = match (found.is_beginning, count) {
            (true, 1) => "begins with",
            (true, _) => "begin with",
            (false, 1) => "contains",
            (false, _) => "contain",
        };
        let what = if count == 1 { "ID" } else { "IDs" };
        let line = format!("{more}{count} {what} {how} {part}:");
        text.push_str(&fit(&line, limits::TABLE_TEXT_COLUMNS_MAX));
        text.push('\n');
        for id in &found.ids {
            text.push_str("  ");
            // In full, so that it can be copied.
            text.push_str(&sanitise(id));
            text.push('\n');
        }
    }
    match context.global.format {
        AnswerFormat::Table => write!(anstream::stdout().lock(), "{text}")?,
        _ if !context.global.quiet => write!(anstream::stderr().lock(), "{text}")?,
        _ => {}
    }
    Ok(())
}

/// Says which IDs belong to several messages: the answer then has other people's mail too.
fn say_shared(shared: &[(String, usize)]) -> std::io::Result<()> {
    let mut stderr = anstream::stderr().lock();
    for (id, count) in shared {
        let text = match shared {
            [_] => format!("{count} messages have this ID"),
            _ => format!("{count} messages have the ID {id}"),
        };
        writeln!(stderr, "{}", fit(&text, limits::TABLE_TEXT_COLUMNS_MAX))?;
    }
    Ok(())
}

/// The source of each event of each message.
fn sources_of(store: &Store, messages: &[Message]) -> anyhow::Result<Vec<Vec<Option<Provenance>>>> {
    let mut provenance = store.provenance();
    let mut of_message = |message: &Message| {
        message.events.iter().map(|it| provenance.of_event(it)).collect::<Result<Vec<_>, _>>()
    };
    Ok(messages.iter().map(&mut of_message).collect::<Result<_, _>>()?)
}
