//! An input's claims about its own completeness.

use std::fmt;

/// A document's claim about itself, beside its events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// An answer with events and no token: the last page of its listing.
    LastPage,
    /// An answer with a token: there are more pages.
    MorePages,
    /// A query whose status is not `Complete`.
    Unfinished {
        /// Its status.
        status: String,
    },
    /// A query that matched more records than it returned.
    Limited {
        /// Records matched.
        matched_count: u64,
        /// Rows returned.
        row_count: u64,
    },
    /// A live tail that left out events under load.
    Sampled,
    /// The events of one log stream, without the rest of its log group.
    OneStream,
}

/// The completeness of an input, by all its claims.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// The first claim that something is missing.
    missing: Option<Claim>,
    /// True if the last listing ended with a token.
    has_more_pages: bool,
    is_one_stream: bool,
}

impl Completeness {
    /// Takes the input's next claim.
    pub fn take(&mut self, claim: Claim) {
        match claim {
            Claim::LastPage => self.has_more_pages = false,
            // The next page, for which the token asks, may follow in the same file.
            Claim::MorePages => self.has_more_pages = true,
            // Never cleared: the other streams of the log group are missing, whatever follows.
            Claim::OneStream => self.is_one_stream = true,
            Claim::Unfinished { .. } | Claim::Limited { .. } | Claim::Sampled => {
                self.missing.get_or_insert(claim);
            }
        }
    }

    /// Returns why the input itself says that it is incomplete; `None` if it does not.
    pub fn missing(&self) -> Option<&Claim> {
        self.missing.as_ref().or(self.has_more_pages.then_some(&Claim::MorePages))
    }

    /// True unless something shows that events between the first and the last are missing.
    pub fn is_whole(&self) -> bool {
        self.missing().is_none() && !self.is_one_stream
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastPage => formatter.write_str("the last page of its listing"),
            Self::MorePages => formatter.write_str("it ends with a token for the next page"),
            Self::Unfinished { status } => {
                // Written by strangers, like all that files say.
                let status: String =
                    status.chars().filter(|it| !it.is_control()).take(40).collect();
                write!(formatter, "its query has the status {status}")
            }
            Self::Limited { matched_count, row_count } => {
                write!(formatter, "it has {row_count} of {matched_count} records that matched")
            }
            Self::Sampled => formatter.write_str("a live tail left events out (sampled)"),
            Self::OneStream => formatter.write_str("it covers one log stream"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_in_the_same_file_is_not_missing() {
        let mut whole = Completeness::default();
        assert!(whole.is_whole());
        whole.take(Claim::MorePages);
        assert_eq!(whole.missing(), Some(&Claim::MorePages));
        whole.take(Claim::LastPage);
        assert!(whole.is_whole());
        whole.take(Claim::OneStream);
        assert!(!whole.is_whole() && whole.missing().is_none());
        whole.take(Claim::Limited { matched_count: 5, row_count: 2 });
        whole.take(Claim::LastPage);
        let words = whole.missing().unwrap().to_string();
        assert_eq!(words, "it has 2 of 5 records that matched");
    }
}
