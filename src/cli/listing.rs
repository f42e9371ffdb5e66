//! What the commands that list something share: their bound, and what they say of it.

use std::io::{self, Write};

use super::{Context, Format};
use crate::limits;
use crate::store::{CoveredRange, Store};
use crate::time::TimeRange;

/// Checks how many rows are asked for.
pub(super) fn check_limit(limit: usize) -> anyhow::Result<()> {
    let most = limits::RESULT_ROWS_MAX;
    anyhow::ensure!(limit <= most, "--limit: at most {most}");
    Ok(())
}

/// Answers one after the other: lines of NDJSON, or the elements of a list in JSON.
pub(super) struct Elements {
    is_list: bool,
    is_first: bool,
}

impl Elements {
    /// None yet.
    pub(super) fn of(format: Format) -> Self {
        Self { is_list: format == Format::Json, is_first: true }
    }

    /// Writes one, of which `line` is a line.
    pub(super) fn write(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<()> {
        if !self.is_list {
            return out.write_all(line);
        }
        if !std::mem::replace(&mut self.is_first, false) {
            out.write_all(b",")?;
        }
        out.write_all(line.strip_suffix(b"\n").unwrap_or(line))
    }
}

/// Says on stderr that the store was never looked at for the time that was asked about, if so.
pub(super) fn say_not_covered(
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
            "the store covers nothing of the time asked about (see `mailtrace status`)"
        )?;
    }
    Ok(())
}

/// Says on stderr, where nothing was found of mail, that the store has other events too.
pub(super) fn say_of_audit_events(store: &Store, context: &Context) -> anyhow::Result<()> {
    let others = store.other_records();
    if others > 0 && !context.global.quiet {
        writeln!(
            anstream::stderr().lock(),
            "the store also has {}, which `mailtrace access` asks",
            if others == 1 {
                "1 record that is no mail".to_owned()
            } else {
                format!("{others} records that are no mail")
            }
        )?;
    }
    Ok(())
}

/// Says on stderr how many of `total` were shown, for people; that there are none, in every format:
/// an empty answer without a reason looks like a question that was not understood.
pub(super) fn say_how_many(
    what: &str,
    shown: u64,
    total: u64,
    store: &Store,
    context: &Context,
) -> anyhow::Result<()> {
    let is_for_people = context.global.format == Format::Table || total == 0;
    if context.global.quiet || !is_for_people {
        return Ok(());
    }
    let mut stderr = anstream::stderr().lock();
    match shown {
        0 if total == 0 => {
            let note = super::trace::coverage_note(store, context);
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
