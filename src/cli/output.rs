//! What the program says of itself on stderr.

use std::io::Write;

use anstyle::{AnsiColor, Style};

const ERROR: Style = AnsiColor::Red.on_default().bold();

/// Writes the one line that tells of an error: what failed, where, and what to do.
pub(super) fn report_error(stderr: &mut dyn Write, error: &anyhow::Error) {
    // There is nobody left to tell when stderr itself fails.
    let _unwritable = writeln!(stderr, "{ERROR}error:{ERROR:#} {}", one_line(error));
}

/// Joins an error's causes with colons, each said once.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !line.contains(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line.replace(char::is_control, " ")
}
