//! Colours, used only where they mean something.

use anstyle::{AnsiColor, Effects, Style};

use crate::trace::{MessageOutcome, Outcome};

/// For what is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// For what is not as it should be.
pub const BAD: Style = AnsiColor::Red.on_default();
/// For what is undecided, or worth a look.
pub const UNDECIDED: Style = AnsiColor::Yellow.on_default();
pub(super) const STRONG: Style = Style::new().effects(Effects::BOLD);
pub(super) const FAINT: Style = Style::new().effects(Effects::DIMMED);
pub(super) const PLAIN: Style = Style::new();

/// Returns the colour of a recipient's outcome: green if good, red if bad, yellow while open.
pub fn outcome_style(outcome: Outcome) -> Style {
    match outcome {
        it if it.is_good() => GOOD,
        Outcome::Pending => UNDECIDED,
        _ => BAD,
    }
}

/// Returns the colour of a message's outcome.
pub(super) fn message_style(outcome: MessageOutcome) -> Style {
    match outcome {
        MessageOutcome::Delivered => GOOD,
        MessageOutcome::Partial | MessageOutcome::Failed => BAD,
        MessageOutcome::Pending | MessageOutcome::Unknown => UNDECIDED,
    }
    .effects(Effects::BOLD)
}
