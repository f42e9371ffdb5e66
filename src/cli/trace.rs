//! `mailtrace trace`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::ids::Ids;
use super::input::InputArgs;
use super::{Context, Format, Outcome, batch};
use crate::render::{
    TraceAnswer, write_messages_csv, write_messages_ndjson, write_not_found, write_trace_json,
    write_trace_tables,
};
use crate::store::Store;
use crate::time::{Timestamp, Zone, parse_duration_ms};
use crate::trace::{JoinRules, trace_ids};

/// Answers what happened to a message
///
/// Follows it across all its legs and says what became of it for each recipient. Quote IDs in
/// angle brackets, or leave the brackets off: a shell takes a bare < for a redirection.
#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    /// Message IDs (with or without <>, or a pasted Message-ID: line) or trace IDs
    #[arg(required_unless_present = "batch", value_name = "ID")]
    ids: Vec<String>,
    /// Read IDs from a file, one a line (- for standard input), and answer with a row for each
    /// recipient, in the order of the IDs
    #[arg(long, value_name = "FILE")]
    batch: Option<PathBuf>,
    /// The file of --batch is CSV: take its IDs from the column of this name in the header, or of
    /// this number, counted from 1, where the first line is no header
    #[arg(long, value_name = "COLUMN", requires = "batch")]
    column: Option<String>,
    /// How long a message may take before a recipient without an outcome counts as lost
    #[arg(long, default_value = "4h", value_name = "DURATION")]
    grace: String,
    /// List every recipient and step, however many
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    input: InputArgs,
}

pub(super) fn run(args: &TraceArgs, context: &Context) -> anyhow::Result<Outcome> {
    let grace_ms = parse_duration_ms(&args.grace)
        .with_context(|| format!("--grace: \"{}\" is no length of time such as 4h", args.grace))?;
    let batch = match &args.batch {
        Some(path) => Some(Ids::open(args.ids.clone(), path, args.column.as_deref())?),
        None => None,
    };
    let opened = args.input.open(context)?;
    let store = &opened.store;
    let newest = store.time_span().map(|(_, newest)| newest);
    let rules = JoinRules { grace_ms, newest };
    if let Some(ids) = batch {
        return Ok(opened.outcome(batch::answer(ids, store, &rules, context)?));
    }
    let traced = trace_ids(store, args.ids.iter().map(String::as_str), &rules)?;
    let note = coverage_note(store, &context.zone);
    let answer = TraceAnswer {
        messages: &traced.messages,
        not_found: &traced.not_found,
        coverage_note: (!traced.not_found.is_empty()).then_some(note.as_str()),
    };
    let mut stdout = BufWriter::new(anstream::stdout().lock());
    let zone = &context.zone;
    match context.global.format {
        Format::Table => {
            write_trace_tables(&traced.messages, &context.table_options(args.all), &mut stdout)?;
        }
        Format::Json => write_trace_json(&answer, zone, &mut stdout)?,
        Format::Ndjson => write_messages_ndjson(&traced.messages, true, zone, &mut stdout)?,
        Format::Csv => write_messages_csv(&traced.messages, true, zone, &mut stdout)?,
    }
    stdout.flush()?;
    if !traced.not_found.is_empty() && !context.global.quiet {
        let mut stderr = anstream::stderr().lock();
        write_not_found(&traced.not_found, Some(&note), &mut stderr)?;
    }
    Ok(opened.outcome(!traced.messages.is_empty()))
}

/// What the store covers, to tell "no such mail" from "not looked at".
pub(super) fn coverage_note(store: &Store, zone: &Zone) -> String {
    let Some(span) = store.checkpoint().coverage.span() else {
        return "the store covers nothing yet".to_owned();
    };
    let gaps: usize =
        store.checkpoint().coverage.groups().map(|(_, it)| it.len().saturating_sub(1)).sum();
    let shown = |it: Timestamp| it.in_zone(zone);
    let mut note = format!("the store covers {} to {}", shown(span.first()), shown(span.last()));
    match gaps {
        0 => {}
        1 => note.push_str(", with a gap (see `mailtrace status`)"),
        _ => note.push_str(&format!(", with {gaps} gaps (see `mailtrace status`)")),
    }
    note
}
