//! What the program says of itself on stderr.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use super::question::RefusedQuery;
use super::room;
use crate::causes::in_one_line;
use crate::render::sanitise;

const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Writes the one line that tells of an error: what failed, where, and what to do.
///
/// A query that cannot be read is shown before it, with the place that is wrong.
pub(super) fn report_error(stderr: &mut dyn Write, error: &anyhow::Error) {
    if let Some(query) = error.downcast_ref::<RefusedQuery>() {
        let _unwritable = writeln!(stderr, "{}", query.report);
    }
    let mut line = chain(error.as_ref());
    if let Some(advice) = room::advice(error) {
        line.push_str(": ");
        line.push_str(&advice);
    }
    // There is nobody left to tell when stderr itself fails.
    let _unwritable = writeln!(stderr, "{ERROR}error:{ERROR:#} {}", sanitise(&line));
}

/// Writes a line on stderr about something that went wrong without stopping us.
pub(super) fn warn(text: &str) {
    let mut stderr = anstream::stderr().lock();
    // There is nobody left to tell when stderr itself fails.
    let _unwritable = writeln!(stderr, "{WARNING}warning:{WARNING:#} {}", sanitise(text));
}

/// Writes a line on stderr that nobody needs and somebody asked for.
pub(super) fn note(text: &str) {
    // There is nobody left to tell when stderr itself fails.
    let _unwritable = writeln!(anstream::stderr().lock(), "{}", sanitise(text));
}

/// `1 message`, `2 messages`.
pub(super) fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// An error and its causes in one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    in_one_line(error, &[])
}
