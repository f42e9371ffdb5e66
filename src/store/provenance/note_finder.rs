//! Finding the notes of commits in the archive without reading its records.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::limits;
use crate::store::StoreError;
use crate::store::archive::{ArchiveFiles, NotePlace};
use crate::store::layout::Layout;
use crate::store::ledger::checkpoint::ArchivePosition;
use crate::store::ledger::note::CommitNote;

/// Finds notes up to the end of one commit, and keeps those read last.
pub(super) struct NoteFinder {
    layout: Layout,
    files: Arc<ArchiveFiles>,
    last: ArchivePosition,
    /// The places of the notes in each file that was searched.
    places: BTreeMap<u32, Vec<NotePlace>>,
    /// The notes read last, the newest first.
    notes: VecDeque<FoundNote>,
}

/// A note, with its file and the byte at which it ends.
pub(super) type FoundNote = ((u32, u64), Arc<CommitNote>);

impl NoteFinder {
    pub(super) fn new(layout: &Layout, files: &Arc<ArchiveFiles>, last: &ArchivePosition) -> Self {
        Self {
            layout: layout.clone(),
            files: Arc::clone(files),
            last: last.clone(),
            places: BTreeMap::new(),
            notes: VecDeque::new(),
        }
    }

    /// Finds the first note that ends after byte `offset` of a file: blocks between two notes
    /// belong to the second.
    pub(super) fn note_behind(
        &mut self,
        file: u32,
        offset: u64,
    ) -> Result<Option<FoundNote>, StoreError> {
        let (mut file, mut offset) = (file, Some(offset));
        while file <= self.last.file {
            let places = self.places_in(file)?;
            let next = places.iter().find(|it| offset.is_none_or(|offset| it.end > offset));
            if let Some(place) = next.cloned() {
                let note = self.read(file, &place)?;
                return Ok(Some(((file, place.end), note)));
            }
            // A commit may have begun a new file, and has its note there.
            (file, offset) = (file + 1, None);
        }
        Ok(None)
    }

    fn places_in(&mut self, file: u32) -> Result<&[NotePlace], StoreError> {
        if !self.places.contains_key(&file) {
            let places = if self.last.is_removed(file) {
                // The file that replaces it has notes for the records that were left.
                Vec::new()
            } else {
                self.files.frames(file, self.last.extent(file))?.note_places()?
            };
            self.places.insert(file, places);
        }
        Ok(self.places.get(&file).expect("it was put in above"))
    }

    fn read(&mut self, file: u32, place: &NotePlace) -> Result<Arc<CommitNote>, StoreError> {
        let key = (file, place.end);
        if let Some((_, note)) = self.notes.iter().find(|(it, _)| *it == key) {
            return Ok(Arc::clone(note));
        }
        let path = self.layout.archive_file(file);
        let note = place.read(&*self.files.get(file)?, &path).and_then(|content| {
            CommitNote::decode(&content).map_err(|reason| StoreError::ArchiveDamaged {
                path,
                reason: format!("note before byte {}: {reason}", place.end),
            })
        })?;
        let note = Arc::new(note);
        self.notes.truncate(limits::NOTES_KEPT.saturating_sub(1));
        self.notes.push_front((key, Arc::clone(&note)));
        Ok(note)
    }
}
