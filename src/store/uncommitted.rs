//! What a writer has taken and not committed yet.

use super::identity::IdentitySet;
use super::ledger::Ledger;
use super::prepare::PreparedBatch;
use super::provenance::{OriginId, Place, Runs};

/// What the next commit will add.
#[derive(Default)]
pub(super) struct Uncommitted {
    pub(super) record_count: u64,
    /// How many of them are no email events.
    pub(super) other_count: u64,
    pub(super) ledger: Ledger,
    pub(super) runs: Runs,
    pub(super) identities: IdentitySet,
    /// Whether `identities` also holds what the records' would be without their times.
    pub(super) with_message_identities: bool,
}

/// What became of one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that are new.
    pub added: u64,
    /// The places in the batch, in order, of records that were there.
    pub duplicate_indices: Vec<usize>,
}

impl Appended {
    /// Records that were there.
    pub fn duplicates(&self) -> u64 {
        self.duplicate_indices.len() as u64
    }
}

/// For each record of a batch that is new, in order, which source it comes from and where it
/// stands there.
pub(super) fn sources_of_new(
    batch: &PreparedBatch,
) -> impl Iterator<Item = (Option<OriginId>, Option<Place>)> {
    let new = batch.records.iter().filter(|it| !it.is_stored);
    new.map(|it| (batch.origin, batch.places.get(it.position).copied()))
}
