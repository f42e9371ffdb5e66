//! Shared by the commands that list something: their limit, and what they say about it.

use std::io::Write;

use crate::cli::context::Context;
use crate::limits;
use crate::store::{Coverage, CoveredRange, Store};
use crate::time::{TimeRange, Timestamp};

/// Checks the number of rows asked for.
pub(crate) fn check_limit(limit: usize) -> anyhow::Result<()> {
    let most = limits::RESULT_ROWS_MAX;
    anyhow::ensure!(limit <= most, "--limit: at most {most}");
    Ok(())
}

/// Says on stderr if the store covers nothing of the time asked about.
pub(crate) fn say_not_covered(
    range: TimeRange,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    let coverage = &store.checkpoint().ledger.coverage;
    let is_touched = |it: &CoveredRange| {
        range.until.is_none_or(|until| it.first() < until)
            && range.since.is_none_or(|since| it.last() >= since)
    };
    let is_covered = coverage.groups().flat_map(|(_, ranges)| ranges).any(is_touched);
    if !context.global.quiet && !range.is_unbounded() && !coverage.is_empty() && !is_covered {
        writeln!(
            anstream::stderr().lock(),
            "the store covers none of the time asked about (see `mailtrace status`)"
        )?;
    }
    Ok(())
}

/// Says on stderr that the store has other events too, for a question about mail that found
/// nothing.
pub(crate) fn say_of_audit_events(store: &Store, context: &Context) -> anyhow::Result<()> {
    let others = store.other_records();
    if others > 0 && !context.global.quiet {
        writeln!(
            anstream::stderr().lock(),
            "the store also has {}: see `mailtrace access`",
            if others == 1 {
                "1 record that is not mail".to_owned()
            } else {
                format!("{others} records that are not mail")
            }
        )?;
    }
    Ok(())
}

/// Says on stderr how many of `total` were shown, for people. That there are none is said in
/// every format: an empty answer without a reason looks like a question that was not understood.
pub(crate) fn say_how_many(
    what: &str,
    shown: u64,
    total: u64,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    let is_for_people = context.is_for_people() || total == 0;
    if context.global.quiet || !is_for_people {
        return Ok(());
    }
    let mut stderr = anstream::stderr().lock();
    match shown {
        0 if total == 0 => {
            let note = coverage_note(store, context);
            writeln!(stderr, "no {what} found; {note}")?;
        }
        _ if total > shown => {
            writeln!(stderr, "{shown} of {total} {what}s shown (--limit shows more)")?;
        }
        1 => writeln!(stderr, "1 {what}")?,
        _ => writeln!(stderr, "{shown} {what}s")?,
    }
    Ok(())
}

/// The store's coverage, in words, to tell "no such mail" from "not looked at".
pub(crate) fn coverage_note(store: &Store, context: &Context) -> String {
    note_of(&store.checkpoint().ledger.coverage, store.has_removals(), context)
}

pub(crate) fn note_of(coverage: &Coverage, has_removals: bool, context: &Context) -> String {
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
