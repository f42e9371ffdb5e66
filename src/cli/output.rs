//! What the program says of itself on stderr.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::causes::in_one_line;
use crate::render::sanitise;

const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Writes a line on stderr about something that went wrong without stopping us.
pub(crate) fn warn(text: &str) {
    let mut stderr = anstream::stderr().lock();
    // There is nobody left to tell when stderr itself fails.
    let _unwritable = writeln!(stderr, "{WARNING}warning:{WARNING:#} {}", sanitise(text));
}

/// Writes a line on stderr that nobody needs and somebody asked for.
pub(crate) fn note(text: &str) {
    // There is nobody left to tell when stderr itself fails.
    let _unwritable = writeln!(anstream::stderr().lock(), "{}", sanitise(text));
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    in_one_line(error, &[])
}
