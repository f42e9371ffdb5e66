//! What the notes of all commits together say.

use super::coverage::Coverage;
use super::note::CommitNote;
use super::objects::TakenObjects;
use super::pulls::Pulls;
use super::removal::{NotedTombstone, Tombstone};

/// The sum of notes, taken in the order of their commits.
#[derive(Default)]
pub(super) struct Folded {
    pub(super) coverage: Coverage,
    pub(super) pulls: Pulls,
    pub(super) objects: TakenObjects,
    pub(super) noted_tombstones: Vec<NotedTombstone>,
}

impl Folded {
    /// Takes in the next commit's note. One with tombstones says all anew: the notes before it
    /// may speak of what was removed, or have been removed themselves.
    pub(super) fn take(&mut self, note: &CommitNote) {
        if !note.tombstones.is_empty() {
            *self = Self { noted_tombstones: note.tombstones.clone(), ..Self::default() };
        }
        self.coverage.merge(&note.coverage);
        self.pulls.merge(&note.pulls);
        self.objects.merge(&note.objects);
    }

    pub(super) fn tombstones(&self) -> Vec<Tombstone> {
        self.noted_tombstones.iter().map(|it| it.tombstone.clone()).collect()
    }

    /// The numbers of the archive files that were removed.
    pub(super) fn removed_numbers(&self) -> impl Iterator<Item = u32> {
        self.noted_tombstones.iter().flat_map(|it| &it.removed).map(|it| it.number)
    }
}
