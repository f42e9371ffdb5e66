//! Writes errors with their causes, for people.

use std::error::Error;

/// Returns an error and its causes in one line. Leaves out causes whose text is already there, and
/// `layers`: texts that mean nothing to an administrator.
pub(crate) fn in_one_line(error: &(dyn Error + 'static), layers: &[&str]) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if layers.contains(&line.as_str()) {
            line = text;
        } else if !line.contains(&text) && !layers.contains(&text.as_str()) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    line
}
