//! `mailtrace trace`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::backend::BackendArgs;
#[cfg(feature = "aws")]
use super::cluster::Target;
use super::grace::GraceArgs;
use super::ids::Ids;
use super::input::say_truncated;
use super::progress::ReadingProgress;
use super::{Context, Format, Outcome, batch, output};
use crate::event::pasted_id;
use crate::limits;
use crate::query::{IdCandidates, ids_like};
use crate::render::{
    TraceAnswer, candidates_json, fit, sanitise, write_candidates_table, write_divider,
    write_event_sources, write_messages_csv, write_not_found, write_trace_json_with_sources,
    write_trace_ndjson, write_trace_table, write_trace_tables,
};
use crate::store::{Coverage, Provenance, Store, StoreError};
use crate::time::Timestamp;
#[cfg(feature = "aws")]
use crate::timeline::AuditReach;
use crate::timeline::{self, Candidate};
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
pub(super) struct TraceArgs {
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

pub(super) fn run(args: &TraceArgs, context: &Context) -> anyhow::Result<Outcome> {
    let grace_ms = args.grace.ms()?;
    anyhow::ensure!(
        !args.provenance || context.global.format != Format::Csv,
        "--provenance tells of events, and CSV has a row for each recipient: use --format table, json or ndjson"
    );
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
    let mut stdout = BufWriter::new(anstream::stdout().lock());
    let answered = answer(args, &rules, store, context, &mut stdout)?;
    opened.keep_truncated(answered.truncated);
    Ok(opened.outcome(answered.has_found))
}

impl TraceArgs {
    /// What is asked for, as it was pasted.
    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Whether it is to tell where events came from.
    #[cfg(feature = "serve")]
    pub(super) fn tells_sources(&self) -> bool {
        self.provenance
    }

    #[cfg(any(feature = "aws", feature = "serve"))]
    pub(super) fn rules(&self, store: &Store, context: &Context) -> anyhow::Result<JoinRules> {
        Ok(JoinRules::of_store(store, self.grace.ms()?, context.now))
    }
}

/// How a question was answered.
pub(super) struct Answered {
    has_found: bool,
    /// Messages that are not whole.
    truncated: usize,
}

/// Writes the answer.
pub(super) fn answer(
    args: &TraceArgs,
    rules: &JoinRules,
    store: &Store,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<Answered> {
    let traced = trace_ids(store, args.ids.iter().map(String::as_str), rules)?;
    let note = coverage_note(store, context);
    let parts = parts_of(&traced.not_found, context, |part| {
        let progress = ReadingProgress::new(context);
        Ok(ids_like(store, part, &|done, total| progress.show(done, total))?)
    })?;
    let candidates: Vec<String> = parts.iter().flat_map(|(_, it)| it.ids.clone()).collect();
    let access = match args.no_access {
        true => None,
        false => access_candidates(store, &traced.messages)?,
    };
    let sources = args.provenance.then(|| sources_of(store, &traced.messages)).transpose()?;
    let told = Told {
        traced: &traced,
        note: &note,
        candidates: &candidates,
        access: access.as_deref(),
        sources: sources.as_deref(),
    };
    let answered = write(&told, args.all, context, out)?;
    say_candidates(&parts, context)?;
    Ok(answered)
}

/// What is told of messages.
struct Told<'t> {
    traced: &'t Traced,
    /// What was looked at.
    note: &'t str,
    candidates: &'t [String],
    access: Option<&'t [OfMessage]>,
    sources: Option<&'t [Vec<Option<Provenance>>]>,
}

/// Writes it, and says beside it what is to be known of it.
fn write(
    told: &Told<'_>,
    lists_all: bool,
    context: &Context,
    mut out: &mut dyn Write,
) -> anyhow::Result<Answered> {
    let Told { traced, note, candidates, access, sources } = *told;
    let of_messages: Option<Vec<Value>> =
        access.map(|it| it.iter().map(|of| candidates_json(of, &context.zone)).collect());
    let all = of_messages.as_ref().map(|it| {
        let candidates = it.iter().filter_map(Value::as_array).flatten();
        candidates.cloned().collect::<Value>()
    });
    let answer = TraceAnswer {
        access: all.as_ref(),
        candidates,
        messages: &traced.messages,
        not_found: &traced.not_found,
        coverage_note: (!traced.not_found.is_empty()).then_some(note),
    };
    let zone = &context.zone;
    match (context.global.format, sources) {
        (Format::Table, None) => {
            write_trace_tables(&traced.messages, &context.table_options(lists_all), &mut out)?;
        }
        (Format::Table, Some(sources)) => {
            let options = context.table_options(lists_all);
            for (index, (message, sources)) in traced.messages.iter().zip(sources).enumerate() {
                if index > 0 {
                    write_divider(&options, &mut out)?;
                }
                write_trace_table(message, &options, &mut out)?;
                write_event_sources(message, sources, &options, &mut out)?;
            }
        }
        (Format::Json, sources) => {
            write_trace_json_with_sources(&answer, sources, zone, &mut out)?;
        }
        (Format::Ndjson, sources) => {
            let access = of_messages.as_deref().unwrap_or(&[]);
            write_trace_ndjson(&traced.messages, sources, access, zone, &mut out)?;
        }
        (Format::Csv, _) => {
            write_messages_csv(&traced.messages, true, zone, &mut out)?;
            let has_any = access.is_some_and(|it| it.iter().any(|(_, of)| !of.is_empty()));
            if has_any && !context.global.quiet {
                output::note(
                    "the audit logs have candidates for more: CSV has a row for each recipient and no place for them; use --format table, json or ndjson, or --no-access",
                );
            }
        }
    }
    if let (Format::Table, Some(access)) = (context.global.format, access) {
        for (id, candidates) in access {
            let id = id.as_deref().filter(|_| traced.messages.len() > 1);
            write_candidates_table(id, candidates, &context.table_options(lists_all), &mut out)?;
        }
    }
    out.flush()?;
    if !context.global.quiet {
        say_shared(&traced.shared)?;
    }
    let truncated = traced.messages.iter().filter(|it| it.is_truncated).count();
    say_truncated(truncated, context);
    if !traced.not_found.is_empty() && !context.global.quiet {
        let mut stderr = anstream::stderr().lock();
        write_not_found(&traced.not_found, Some(note), &mut stderr)?;
    }
    Ok(Answered { has_found: !traced.messages.is_empty(), truncated })
}

/// Answers from a cluster, as the store that publishes there would.
#[cfg(feature = "aws")]
fn ask_cluster(
    args: &TraceArgs,
    target: &Target,
    grace_ms: i64,
    context: &Context,
) -> anyhow::Result<Outcome> {
    use crate::cluster::ClusterEvents;
    use crate::trace::trace_ids_in;

    anyhow::ensure!(
        !args.provenance,
        "--cluster goes without --provenance: only a store knows from which file or pull an event came"
    );
    let Target { cluster, names, organization } = target;
    let mut events = ClusterEvents::of(cluster, names, organization)?;
    let rules = events.rules(grace_ms);
    let traced = trace_ids_in(&mut events, args.ids.iter().map(String::as_str), &rules)?;
    let note = note_of(&events.coverage(), events.has_removals(), context);
    let parts = parts_of(&traced.not_found, context, |it| Ok(events.ids_like(it)?))?;
    let candidates: Vec<String> = parts.iter().flat_map(|(_, it)| it.ids.clone()).collect();
    let access = match args.no_access || events.other_records() == 0 {
        true => None,
        false => {
            let shown = traced.messages.len().min(limits::CANDIDATE_MESSAGES_MAX);
            let reach = AuditReach::Messages(traced.messages.get(..shown).unwrap_or(&[]));
            let opened = target.audit_mirror(context, &reach)?;
            access_candidates(&opened.store, &traced.messages)?
        }
    };
    let told = Told {
        traced: &traced,
        note: &note,
        candidates: &candidates,
        access: access.as_deref(),
        sources: None,
    };
    let mut stdout = BufWriter::new(anstream::stdout().lock());
    let answered = write(&told, args.all, context, &mut stdout)?;
    say_candidates(&parts, context)?;
    Ok(match (answered.has_found, answered.truncated) {
        (false, _) => Outcome::NothingFound,
        (true, 0) => Outcome::Done,
        (true, _) => Outcome::SomeRejected,
    })
}

/// Answers for a list of IDs from a cluster: all that they can be about comes at once.
#[cfg(feature = "aws")]
fn ask_cluster_for_many(
    mut ids: Ids,
    target: &Target,
    grace_ms: i64,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let all = ids.next_ids(usize::MAX)?;
    let opened = target.mirror(context, |_| Ok(Reach::messages_with(all.clone())))?;
    let rules = JoinRules::of_store(&opened.store, grace_ms, context.now);
    Ok(opened.outcome(batch::answer(Ids::given(all), &opened, &rules, context)?))
}

/// An ID of a message, and what audit logs may say of it.
type OfMessage = (Option<String>, Vec<Candidate>);

/// What audit logs may say of messages, each with an ID of it; nothing where the store has none.
fn access_candidates(
    store: &Store,
    messages: &[Message],
) -> anyhow::Result<Option<Vec<OfMessage>>> {
    if store.other_records() == 0 {
        return Ok(None);
    }
    let shown = messages.iter().take(limits::CANDIDATE_MESSAGES_MAX);
    let of_messages = shown.map(|it| Ok((it.any_id(), timeline::candidates(store, it)?)));
    Ok(Some(of_messages.collect::<Result<_, StoreError>>()?))
}

/// IDs that what was not found is a part of: with each part, those that have it, which `find` looks
/// for.
fn parts_of(
    not_found: &[String],
    context: &Context,
    find: impl Fn(&str) -> anyhow::Result<Option<IdCandidates>>,
) -> anyhow::Result<Vec<(String, IdCandidates)>> {
    let mut parts = Vec::new();
    // Whoever asks for many has whole ones.
    for part in not_found.iter().filter(|_| not_found.len() <= limits::ID_PARTS_MAX) {
        let least = limits::ID_PART_CHARS_MIN;
        if pasted_id(part).chars().count() < least && !context.global.quiet {
            output::note(&format!("parts of IDs are looked for from {least} characters on"));
        }
        let found = find(part)?;
        parts.extend(found.filter(|it| !it.ids.is_empty()).map(|it| (part.clone(), it)));
    }
    Ok(parts)
}

/// Lists them: as the answer where people read it, else beside it.
fn say_candidates(parts: &[(String, IdCandidates)], context: &Context) -> anyhow::Result<()> {
    let mut text = String::new();
    for (part, found) in parts {
        let count = found.ids.len();
        let more = if found.has_more { "more than " } else { "" };
        let how = match (found.is_beginning, count) {
            (true, 1) => "begins with",
            (true, _) => "begin with",
            (false, 1) => "has in it",
            (false, _) => "have in them",
        };
        let what = if count == 1 { "ID" } else { "IDs" };
        let line = format!("{more}{count} {what} {how} {part}:");
        text.push_str(&fit(&line, limits::TABLE_TEXT_COLUMNS_MAX));
        text.push('\n');
        for id in &found.ids {
            text.push_str("  ");
            // Whole, so that it can be asked for.
            text.push_str(&sanitise(id));
            text.push('\n');
        }
    }
    match context.global.format {
        Format::Table => write!(anstream::stdout().lock(), "{text}")?,
        _ if !context.global.quiet => write!(anstream::stderr().lock(), "{text}")?,
        _ => {}
    }
    Ok(())
}

/// Says which IDs are those of several messages: whoever asks about one mail is answered with
/// others' too.
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

/// Where each event of each message came from.
fn sources_of(store: &Store, messages: &[Message]) -> anyhow::Result<Vec<Vec<Option<Provenance>>>> {
    let mut provenance = store.provenance();
    let mut of_message = |message: &Message| {
        message.events.iter().map(|it| provenance.of_event(it)).collect::<Result<Vec<_>, _>>()
    };
    Ok(messages.iter().map(&mut of_message).collect::<Result<_, _>>()?)
}

/// What the store covers, to tell "no such mail" from "not looked at".
pub(super) fn coverage_note(store: &Store, context: &Context) -> String {
    note_of(&store.checkpoint().ledger.coverage, store.has_removals(), context)
}

fn note_of(coverage: &Coverage, has_removals: bool, context: &Context) -> String {
    let coverage = coverage.until(context.now);
    let Some(span) = coverage.span() else {
        return "the store covers nothing yet".to_owned();
    };
    let gaps: usize = coverage.groups().map(|(_, it)| it.len().saturating_sub(1)).sum();
    let shown = |it: Timestamp| it.in_zone(&context.zone);
    let mut note = format!("the store covers {} to {}", shown(span.first()), shown(span.last()));
    match gaps {
        0 => {}
        1 => note.push_str(", with a gap (see `mailtrace status`)"),
        _ => note.push_str(&format!(", with {gaps} gaps (see `mailtrace status`)")),
    }
    if has_removals {
        note.push_str("; records were removed from it on purpose (see `mailtrace status`)");
    }
    note
}
