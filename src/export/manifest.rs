//! The manifest of a bundle.

use serde::{Deserialize, Serialize};

use super::access::AccessCounts;
use super::facts::{CoveredGroup, StoreFacts};
use super::passage::Passed;
use super::redact::Redacted;
use super::staging::FileSum;
use crate::source::BUNDLE_FORMAT;
use crate::time::{Timestamp, Zone};
use crate::trace::{JoinRules, MessageOutcome};

/// The version of the format that is written here.
pub(super) const BUNDLE_VERSION: u64 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleQuestion {
    /// The name that the user gave the case.
    #[serde(rename = "case")]
    pub case_name: Option<String>,
    /// The first of the requested IDs, as they were given.
    pub ids: Vec<String>,
    pub id_count: u64,
    /// The query, as it was given.
    pub query: Option<String>,
    /// The same query, with times that count from the time of the export resolved.
    pub resolved_query: Option<String>,
    /// Other conditions, as options of `mailtrace messages`.
    pub filters: Vec<String>,
    pub since: Option<TimeBound>,
    pub until: Option<TimeBound>,
    /// True if the words of the question are left out because they name what is redacted.
    pub withheld: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeBound {
    /// As it was given, such as `7d`.
    pub given: String,
    /// The instant that it resolved to, RFC 3339.
    pub resolved: String,
}

impl TimeBound {
    /// Makes a bound of the given text and the instant that it resolved to.
    pub fn new(given: Option<&str>, resolved: Option<Timestamp>) -> Option<Self> {
        let (given, resolved) = given.zip(resolved)?;
        Some(Self { given: given.to_owned(), resolved: resolved.to_string() })
    }
}

/// The file of a bundle to read first: its purpose, origin, and hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// `mailtrace-bundle`. It comes first, so that the beginning identifies a bundle.
    pub format: String,
    pub version: u64,
    /// The program that made it, and its version.
    pub tool: String,
    pub question: BundleQuestion,
    /// The rules by which it was answered.
    pub rules: Rules,
    pub counts: BundleCounts,
    /// The first of the IDs that no event has, as they were given.
    pub not_found: Vec<String>,
    /// The time of the first event.
    pub first_event: Option<String>,
    /// The time of the last event.
    pub last_event: Option<String>,
    /// The store and its state.
    pub store: StoreFacts,
    pub coverage: Vec<CoveredGroup>,
    pub redaction: Option<Redacted>,
    /// Every other file but `SHA256SUMS`, in the order of their names.
    pub files: Vec<FileEntry>,
}

/// The rules on which outcomes depend besides the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rules {
    /// The time in milliseconds that a recipient may be without an outcome before it counts as
    /// lost.
    pub grace_ms: i64,
    /// The time of the store's newest record, from which that time counts.
    pub newest_record: Option<String>,
    /// The time when the directory was taken, which decides about recipients that no event
    /// mentions; none if the store has no directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_taken: Option<String>,
    /// The time zone of the tables and the report: an IANA name, or `UTC`.
    pub time_zone: String,
}

/// The counts of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleCounts {
    pub messages: u64,
    /// Messages that all recipients have. This and the next four count messages by outcome.
    pub delivered: u64,
    /// Messages that some recipients have.
    pub partial: u64,
    /// Messages that nobody has.
    pub failed: u64,
    /// Messages about which not everything is known yet.
    pub pending: u64,
    /// Messages without a known recipient.
    pub unknown: u64,
    /// Messages with more events than are exported for one.
    pub truncated: u64,
    /// Lines of `records.ndjson`.
    pub records: u64,
    /// Rows of `messages.csv` below its header.
    pub message_rows: u64,
    /// Rows of `timeline.csv` and of `timesketch.csv` below their headers.
    pub timeline_rows: u64,
    /// True if records and timelines are in order of time throughout.
    pub in_order: bool,
    /// Requested IDs that no event has.
    pub not_found: u64,
    /// The counts of a bundle of audit events, which has no messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessCounts>,
}

impl BundleCounts {
    pub(super) fn new(passed: &Passed, not_found: u64) -> Self {
        let of = |outcome: MessageOutcome| {
            *passed.outcomes.get(outcome.place()).expect("a place for each outcome")
        };
        Self {
            messages: passed.messages,
            delivered: of(MessageOutcome::Delivered),
            partial: of(MessageOutcome::Partial),
            failed: of(MessageOutcome::Failed),
            pending: of(MessageOutcome::Pending),
            unknown: of(MessageOutcome::Unknown),
            truncated: passed.truncated,
            records: passed.events,
            message_rows: passed.rows,
            timeline_rows: passed.events,
            in_order: !passed.is_out_of_order,
            not_found,
            access: None,
        }
    }
}

/// One file of a bundle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FileEntry {
    pub name: String,
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

impl FileEntry {
    pub(super) fn new(name: &str, sum: &FileSum) -> Self {
        Self { name: name.to_owned(), bytes: sum.bytes, sha256: sum.sha256.clone() }
    }
}

impl Rules {
    pub(super) fn new(rules: &JoinRules, zone: &Zone) -> Self {
        Self {
            grace_ms: rules.grace_ms,
            newest_record: rules.newest.map(|it| it.to_string()),
            directory_taken: rules
                .directory
                .as_ref()
                .and_then(|it| it.get()?.last_taken())
                .map(|it| it.to_string()),
            time_zone: zone.name(),
        }
    }
}

impl Manifest {
    /// Makes an empty manifest of this version.
    pub(super) fn new() -> Self {
        Self {
            format: BUNDLE_FORMAT.to_owned(),
            version: BUNDLE_VERSION,
            tool: concat!("mailtrace ", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Self::default()
        }
    }
}
