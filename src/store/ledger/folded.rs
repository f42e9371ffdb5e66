//! The sum of the notes of all commits.

use super::Ledger;
use super::note::CommitNote;
use crate::store::ledger::tombstone::{NotedTombstone, Tombstone};

/// The sum of notes, taken in the order of their commits.
#[derive(Default)]
pub(in crate::store) struct Folded {
    pub(in crate::store) ledger: Ledger,
    pub(in crate::store) noted_tombstones: Vec<NotedTombstone>,
}

impl Folded {
    /// Adds the next commit's note. One with tombstones replaces all before it, which may speak of
    /// what was removed, or may have been removed themselves.
    pub(in crate::store) fn take(&mut self, note: &CommitNote) {
        if !note.tombstones.is_empty() {
            *self = Self { noted_tombstones: note.tombstones.clone(), ..Self::default() };
        }
        self.ledger.merge(&note.ledger);
    }

    pub(in crate::store) fn tombstones(&self) -> Vec<Tombstone> {
        self.noted_tombstones.iter().map(|it| it.tombstone.clone()).collect()
    }

    /// The numbers of the archive files that were removed.
    pub(in crate::store) fn removed_numbers(&self) -> impl Iterator<Item = u32> {
        self.noted_tombstones.iter().flat_map(|it| &it.removed).map(|it| it.number)
    }
}
