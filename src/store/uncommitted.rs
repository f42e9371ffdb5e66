//! What a writer has appended and not committed yet.

use super::identity::IdentitySet;
use super::ledger::Ledger;
use super::prepare::PreparedBatch;
use super::provenance::{OriginId, Place, Runs};

/// The additions of the next commit.
#[derive(Default)]
pub(super) struct Uncommitted {
    pub(super) record_count: u64,
    /// The number of those that are no email events.
    pub(super) other_count: u64,
    pub(super) ledger: Ledger,
    pub(super) runs: Runs,
    pub(super) identities: IdentitySet,
    /// True if `identities` also holds those of the records without their times.
    pub(super) with_message_identities: bool,
}

/// The result of appending one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// The number of new records.
    pub added: u64,
    /// The positions in the batch, in order, of records that were there already.
    pub duplicate_indices: Vec<usize>,
}

impl Appended {
    /// The number of records that were there already.
    pub fn duplicates(&self) -> u64 {
        self.duplicate_indices.len() as u64
    }
}

/// The source of each new record of a batch, in order, and its place there.
pub(super) fn sources_of_new(
    batch: &PreparedBatch,
) -> impl Iterator<Item = (Option<OriginId>, Option<Place>)> {
    let new = batch.records.iter().filter(|it| !it.is_stored);
    new.map(|it| (batch.origin, batch.places.get(it.position).copied()))
}
