//! The report of an import. Its sums agree: read = added + duplicates + rejected.

use crate::source::{Format, SourceError};

/// The result for one input.
#[derive(Debug, Default)]
pub struct FileReport {
    /// The path as found, or `-`.
    pub path: String,
    /// The format of the first unit that was understood.
    pub format: Option<Format>,
    /// The layers of compression that were removed, outermost first: `gzip+gzip`; empty for none.
    pub compression: String,
    /// Bytes read, before decompression.
    pub bytes: u64,
    /// SHA-256 of those bytes, in hexadecimal, if they were read to their end.
    pub sha256: Option<String>,
    pub read: u64,
    pub added: u64,
    pub duplicates: u64,
    /// Pieces that could not be understood.
    pub rejected: u64,
    /// Rejected pieces that were not kept: the input expands to so many that its rejects would have
    /// taken a multiple of its own size.
    pub rejected_left_out: u64,
    /// Records left out because records like them were removed from the store; not counted in
    /// `read`.
    pub withheld: u64,
    /// The line and reason of the first rejected piece.
    pub first_reject: Option<(u64, String)>,
    /// The error that kept the rest of it from being read.
    pub problem: Option<SourceError>,
    /// Its own statement that it is incomplete.
    pub incomplete: Option<String>,
    /// The reason why it adds no coverage; `None` if it does, or has no records.
    pub no_coverage: Option<NoCoverage>,
}

/// The reason why an input does not prove that there were no other records between its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoCoverage {
    /// The user said so.
    Unwanted,
    /// It was exported from a store, which picks messages.
    Excerpt,
    /// It says itself that it is incomplete.
    Incomplete,
    /// It has the events of one log stream.
    OneStream,
    /// The result of a query, records carried through another log, or messages without times.
    Shape,
}

impl NoCoverage {
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Unwanted => "--no-coverage",
            Self::Excerpt => "an export holds only the messages that were asked for",
            Self::Incomplete => "it is incomplete by its own account",
            Self::OneStream => "it has only one log stream of its group",
            Self::Shape => "a file in this format cannot show that nothing is missing",
        }
    }
}

/// The result for all inputs.
#[derive(Debug, Default)]
pub struct ImportReport {
    /// Each input, in the order in which they were read.
    pub files: Vec<FileReport>,
    /// The duration in milliseconds.
    pub elapsed_ms: u64,
}

impl ImportReport {
    pub fn read(&self) -> u64 {
        self.files.iter().map(|it| it.read).sum()
    }

    pub fn added(&self) -> u64 {
        self.files.iter().map(|it| it.added).sum()
    }

    pub fn duplicates(&self) -> u64 {
        self.files.iter().map(|it| it.duplicates).sum()
    }

    /// Returns the pieces that could not be understood.
    pub fn rejected(&self) -> u64 {
        self.files.iter().map(|it| it.rejected).sum()
    }

    /// Returns the rejected pieces that were not kept.
    pub fn rejected_left_out(&self) -> u64 {
        self.files.iter().map(|it| it.rejected_left_out).sum()
    }

    /// Returns the records left out because records like them were removed from the store.
    pub fn withheld(&self) -> u64 {
        self.files.iter().map(|it| it.withheld).sum()
    }

    /// Returns the problems of inputs that could not be read, or not to their end.
    pub fn problems(&self) -> impl Iterator<Item = &SourceError> {
        self.files.iter().filter_map(|it| it.problem.as_ref())
    }
}
