//! The ledger: what a store knows besides its records, namely the ranges that have been looked at,
//! what was pulled and taken, and what was removed. Every commit adds to it, in the archive's own
//! notes ([`CommitNote`](note::CommitNote)) and in the index's commit ([`Checkpoint`]), which must
//! agree.

pub(in crate::store) mod checkpoint;
pub(in crate::store) mod coverage;
pub(in crate::store) mod folded;
pub(in crate::store) mod note;
pub(in crate::store) mod objects;
pub(in crate::store) mod other_records;
pub(in crate::store) mod pulls;
pub(in crate::store) mod standing;
pub(in crate::store) mod tombstone;

use serde::{Deserialize, Serialize};

use coverage::Coverage;
use objects::TakenObjects;
use pulls::Pulls;

/// The coverage, the pulls and the objects taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The time ranges that have been looked at.
    pub coverage: Coverage,
    /// The log groups that were pulled, and when each range was last listed.
    #[serde(default, skip_serializing_if = "Pulls::is_empty")]
    pub pulls: Pulls,
    /// The objects of buckets that were taken.
    #[serde(default, skip_serializing_if = "TakenObjects::is_empty")]
    pub objects: TakenObjects,
}

impl Ledger {
    /// Adds what a later commit says.
    pub(in crate::store) fn merge(&mut self, later: &Self) {
        self.coverage.merge(&later.coverage);
        self.pulls.merge(&later.pulls);
        self.objects.merge(&later.objects);
    }
}
