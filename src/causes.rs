//! Errors with what they were caused by, for people.

use std::error::Error;

/// An error and its causes in one line. What says no more than what stands there already is left
/// out, and so are `layers`: texts that say nothing to an administrator.
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
