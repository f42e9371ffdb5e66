//! The time after which a message counts as lost, and other durations.

use anyhow::Context as _;
use clap::Args;

use crate::time::parse_duration_ms;

/// The grace time.
#[derive(Debug, Args)]
pub(crate) struct GraceArgs {
    /// Time after which an unfinished recipient counts as lost
    ///
    /// Until then it is pending, counted from the newest event of the store.
    #[arg(long, default_value = GRACE_DEFAULT, value_name = "DURATION")]
    grace: String,
}

/// As [`crate::limits::GRACE_MS_DEFAULT`].
const GRACE_DEFAULT: &str = "4h";

impl GraceArgs {
    /// The grace time in milliseconds.
    pub(crate) fn ms(&self) -> anyhow::Result<i64> {
        duration_ms("--grace", &self.grace, GRACE_DEFAULT)
    }

    /// The option for a command that should ask alike; `None` for the default.
    pub(crate) fn option(&self) -> Option<String> {
        (self.grace != GRACE_DEFAULT).then(|| format!("--grace {}", self.grace.trim()))
    }
}

/// Parses the duration of an option; `example` shows the form.
pub(crate) fn duration_ms(option: &str, text: &str, example: &str) -> anyhow::Result<i64> {
    parse_duration_ms(text).with_context(|| {
        format!("{option}: \"{text}\" is not a duration: give one such as {example}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits;

    #[test]
    fn the_default_is_that_of_the_library() {
        let default = duration_ms("--grace", GRACE_DEFAULT, GRACE_DEFAULT).unwrap();
        assert_eq!(default, limits::GRACE_MS_DEFAULT);
    }
}
