//! Messages about the program itself, on stderr.

use std::io::Write;

use anstyle::{AnsiColor, Style};

use crate::causes::in_one_line;
use crate::render::sanitise;

const WARNING: Style = AnsiColor::Yellow.on_default().bold();

/// Writes a warning on stderr about something that did not stop us.
pub(crate) fn warn(text: &str) {
    let mut stderr = anstream::stderr().lock();
    // If stderr itself fails, there is nowhere to report it.
    let _unwritable = writeln!(stderr, "{WARNING}warning:{WARNING:#} {}", sanitise(text));
}

/// Writes a note on stderr.
pub(crate) fn note(text: &str) {
    // If stderr itself fails, there is nowhere to report it.
    let _unwritable = writeln!(anstream::stderr().lock(), "{}", sanitise(text));
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    in_one_line(error, &[])
}
