//! Facts about the store from which an export is taken.

use serde::{Deserialize, Serialize};

use super::Redactor;
use crate::store::{CoveredRange, Store, StoreError};

/// A store as of one commit. Its path is left out: it concerns nobody else, and a copy elsewhere is
/// the same store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StoreFacts {
    /// The head of its archive; none before the first commit.
    pub head: Option<String>,
    pub records: u64,
    /// The time of its earliest record.
    pub first_record: Option<String>,
    /// The time of its newest record.
    pub newest_record: Option<String>,
}

impl StoreFacts {
    pub(super) fn of(store: &Store) -> Result<Self, StoreError> {
        let span = store.time_span();
        Ok(Self {
            // A mirror's own archive is a temporary copy, whose head proves nothing about the
            // original.
            head: if store.is_mirror() { None } else { store.head()? },
            records: store.record_count(),
            first_record: span.map(|(first, _)| first.to_string()),
            newest_record: span.map(|(_, newest)| newest.to_string()),
        })
    }
}

/// The coverage of one log group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CoveredGroup {
    /// Its name; none for records whose source does not name it.
    pub log_group: Option<String>,
    /// The covered ranges, in order. The time between two of them is a gap.
    pub ranges: Vec<InclusiveRange>,
}

/// A range of time, both ends included.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct InclusiveRange {
    /// Its first millisecond, RFC 3339.
    pub first: String,
    /// Its last millisecond, RFC 3339.
    pub last: String,
}

impl InclusiveRange {
    fn of(range: &CoveredRange) -> Self {
        Self { first: range.first().to_string(), last: range.last().to_string() }
    }
}

pub(super) fn coverage_of(store: &Store, redactor: Option<&Redactor>) -> Vec<CoveredGroup> {
    let shown = |name: &str| match redactor {
        Some(redactor) => redactor.plain_text(name),
        None => name.to_owned(),
    };
    store
        .checkpoint()
        .ledger
        .coverage
        .groups()
        .map(|(name, ranges)| CoveredGroup {
            log_group: (!name.is_empty()).then(|| shown(name)),
            ranges: ranges.iter().map(InclusiveRange::of).collect(),
        })
        .collect()
}
