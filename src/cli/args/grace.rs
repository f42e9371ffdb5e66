//! How long to wait before a message counts as lost, and other lengths of time.

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
    /// In milliseconds.
    pub(crate) fn ms(&self) -> anyhow::Result<i64> {
        duration_ms("--grace", &self.grace, GRACE_DEFAULT)
    }

    /// As an option of a command that is to be as this one; none when it is the default.
    pub(crate) fn option(&self) -> Option<String> {
        (self.grace != GRACE_DEFAULT).then(|| format!("--grace {}", self.grace.trim()))
    }
}

/// Reads the value of an option that is a length of time, such as `example`.
pub(crate) fn duration_ms(option: &str, text: &str, example: &str) -> anyhow::Result<i64> {
    parse_duration_ms(text)
        .with_context(|| format!("{option}: \"{text}\" is no duration such as {example}"))
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
