//! Regular expressions as values.

use std::fmt;

use regex::{Regex, RegexBuilder};

use crate::limits;

/// A regular expression, case-insensitive unless it says `(?-i)`. It is searched for anywhere in a
/// value, in time linear in the value's length.
#[derive(Clone)]
pub struct Regexp {
    source: String,
    regex: Regex,
}

impl Regexp {
    /// Compiles an expression of bounded size.
    pub fn new(source: &str) -> Result<Self, String> {
        let regex = RegexBuilder::new(source)
            // Queries also arrive over the web (`serve`), so the memory and depth of an expression
            // are bounded.
            .case_insensitive(true)
            .size_limit(limits::QUERY_REGEX_BYTES_MAX)
            .dfa_size_limit(limits::QUERY_REGEX_CACHE_BYTES_MAX)
            .nest_limit(limits::QUERY_REGEX_DEPTH_MAX)
            .build();
        match regex {
            Ok(regex) => Ok(Self { source: source.to_owned(), regex }),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err(format!("it compiles to more than {} bytes", limits::QUERY_REGEX_BYTES_MAX))
            }
            // The last line states the fault; those before it draw the place.
            Err(error) => {
                let text = error.to_string();
                let reason = text.lines().next_back().unwrap_or(&text);
                Err(reason.trim_start_matches("error: ").to_owned())
            }
        }
    }

    /// True if it is found in a value.
    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl PartialEq for Regexp {
    fn eq(&self, other: &Self) -> bool {
        // A compiled expression cannot be compared; its source decides what it finds.
        self.source == other.source
    }
}

impl Eq for Regexp {}

impl fmt::Debug for Regexp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Regexp({:?})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_counts_only_where_it_is_asked_for() {
        assert!(Regexp::new("inv.*42").unwrap().matches("Your INVOICE 42"));
        assert!(!Regexp::new("(?-i)inv").unwrap().matches("INVOICE"));
    }

    #[test]
    fn what_is_no_expression_or_too_large_is_refused_in_one_line() {
        for source in ["(", "[z-a]", "\\w{1000}{1000}", "a{99999}{9999}", &"(".repeat(5_000)] {
            let reason = Regexp::new(source).unwrap_err();
            assert!(!reason.is_empty() && reason.lines().count() == 1, "{reason}");
        }
    }

    #[test]
    fn time_does_not_explode() {
        let regexp = Regexp::new("(a+)+$").unwrap();
        assert!(!regexp.matches(&format!("{}b", "a".repeat(100_000))));
    }
}
