//! What a bundle says of itself.

use serde::{Deserialize, Serialize};

use super::access::AccessCounts;
use super::facts::{CoveredGroup, StoreFacts};
use super::passage::Passed;
use super::redact::Redacted;
use super::staging::FileSum;
use crate::source::BUNDLE_FORMAT;
use crate::time::{Timestamp, Zone};
use crate::trace::{JoinRules, MessageOutcome};

/// The number of the form that is written here.
pub(super) const BUNDLE_VERSION: u64 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleQuestion {
    /// What whoever asked calls the case.
    #[serde(rename = "case")]
    pub case_name: Option<String>,
    /// The first of the IDs that were asked for, as they were given.
    pub ids: Vec<String>,
    pub id_count: u64,
    /// The query, as it was given.
    pub query: Option<String>,
    /// The same query, with times that count from the time of the export resolved.
    pub resolved_query: Option<String>,
    /// What else was asked of the messages, as options of `mailtrace messages`.
    pub filters: Vec<String>,
    pub since: Option<TimeBound>,
    pub until: Option<TimeBound>,
    /// Whether the words of the question are left out, because they name what is redacted.
    pub withheld: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TimeBound {
    /// As it was given, such as `7d`.
    pub given: String,
    /// What it was resolved to, RFC 3339.
    pub resolved: String,
}

impl TimeBound {
    /// A bound that was given, and the time that it stands for.
    pub fn new(given: Option<&str>, resolved: Option<Timestamp>) -> Option<Self> {
        let (given, resolved) = given.zip(resolved)?;
        Some(Self { given: given.to_owned(), resolved: resolved.to_string() })
    }
}

/// The first file to read of a bundle: what it is, of what, and with which hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Manifest {
    /// `mailtrace-bundle`. First, so that a bundle is known by its beginning.
    pub format: String,
    pub version: u64,
    /// The program that made it, and its version.
    pub tool: String,
    pub question: BundleQuestion,
    /// By which rules it was answered.
    pub rules: Rules,
    pub counts: BundleCounts,
    /// The first of the IDs that no event has, as they were given.
    pub not_found: Vec<String>,
    /// The times of the first and of the last event.
    pub first_event: Option<String>,
    /// The time of the last event.
    pub last_event: Option<String>,
    /// Of which store, in which state.
    pub store: StoreFacts,
    pub coverage: Vec<CoveredGroup>,
    pub redaction: Option<Redacted>,
    /// Every other file but `SHA256SUMS`, in the order of their names.
    pub files: Vec<FileEntry>,
}

/// What the outcomes depend on besides the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rules {
    /// How long a recipient may be without an outcome before it counts as lost, in milliseconds.
    pub grace_ms: i64,
    /// The time of the newest record of the store, from which that counts.
    pub newest_record: Option<String>,
    /// When the directory was taken that decides of recipients of whom no event speaks; none where
    /// the store has no directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directory_taken: Option<String>,
    /// The zone of the times in tables and report: an IANA name, or `UTC`.
    pub time_zone: String,
}

/// How many there are of each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BundleCounts {
    pub messages: u64,
    /// Messages by what became of them.
    pub delivered: u64,
    /// Some recipients have it.
    pub partial: u64,
    /// Nobody has it.
    pub failed: u64,
    /// Not everything is known yet.
    pub pending: u64,
    /// No recipient is known.
    pub unknown: u64,
    /// Messages with more events than are exported of one.
    pub truncated: u64,
    /// Lines of `records.ndjson`.
    pub records: u64,
    /// Rows of `messages.csv` below its header.
    pub message_rows: u64,
    /// Rows of `timeline.csv` and of `timesketch.csv` below their headers.
    pub timeline_rows: u64,
    /// Whether records and timelines are in the order of time throughout.
    pub in_order: bool,
    /// IDs that were asked for and that no event has.
    pub not_found: u64,
    /// What a bundle of audit events has; such a bundle has no messages.
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
    /// One of this version, of nothing.
    pub(super) fn new() -> Self {
        Self {
            format: BUNDLE_FORMAT.to_owned(),
            version: BUNDLE_VERSION,
            tool: concat!("mailtrace ", env!("CARGO_PKG_VERSION")).to_owned(),
            ..Self::default()
        }
    }
}
