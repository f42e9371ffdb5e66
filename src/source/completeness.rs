//! What an input says of its own completeness.

use std::fmt;

/// What a document says of itself, besides the events in it.
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
    /// A query that matched more than it gives.
    Limited {
        /// Records that matched.
        matched_count: u64,
        /// Rows that are there.
        row_count: u64,
    },
    /// A live tail that left out what was too much.
    Sampled,
    /// The events of one log stream, which says nothing of the rest of its log group.
    OneStream,
}

/// How complete an input is, by all that it says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Completeness {
    /// The first thing that says that there was more.
    missing: Option<Claim>,
    /// Whether the last listing ended with a token.
    has_more_pages: bool,
    is_one_stream: bool,
}

impl Completeness {
    /// Takes what the input says next.
    pub fn take(&mut self, claim: Claim) {
        match claim {
            Claim::LastPage => self.has_more_pages = false,
            // The page that a token asks for may follow in the same file.
            Claim::MorePages => self.has_more_pages = true,
            Claim::OneStream => self.is_one_stream = true,
            Claim::Unfinished { .. } | Claim::Limited { .. } | Claim::Sampled => {
                self.missing.get_or_insert(claim);
            }
        }
    }

    /// Why the input says itself that it is not all there is; `None` when it does not.
    pub fn missing(&self) -> Option<&Claim> {
        self.missing.as_ref().or(self.has_more_pages.then_some(&Claim::MorePages))
    }

    /// Whether nothing speaks against the input having all events between its first and its last.
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
                write!(formatter, "the status of its query is {status}")
            }
            Self::Limited { matched_count, row_count } => {
                write!(formatter, "it has {row_count} of {matched_count} records that matched")
            }
            Self::Sampled => formatter.write_str("a live tail left events out (sampled)"),
            Self::OneStream => formatter.write_str("it is of one log stream"),
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
