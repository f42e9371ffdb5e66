//! Finding the notes of commits in the archive without reading its records.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::limits;
use crate::store::archive::ArchivePosition;
use crate::store::archive::{ArchiveFiles, Location, NotePlace};
use crate::store::error::StoreError;
use crate::store::layout::Layout;
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
    /// The notes that carry the runs of a removed one: by the file that the runs are about and the
    /// end of the note that stands where the removed one did; none if there is none.
    carriers: HashMap<(u32, NoteEnd), Option<NoteEnd>>,
}

/// A file, and the byte at which a note ends in it.
type NoteEnd = (u32, u64);

/// A note, with its file and the byte at which it ends.
pub(super) type FoundNote = (NoteEnd, Arc<CommitNote>);

impl NoteFinder {
    pub(super) fn new(layout: &Layout, files: &Arc<ArchiveFiles>, last: &ArchivePosition) -> Self {
        Self {
            layout: layout.clone(),
            files: Arc::clone(files),
            last: last.clone(),
            places: BTreeMap::new(),
            notes: VecDeque::new(),
            carriers: HashMap::new(),
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

    /// Finds the note with the run of a record: that of the record's commit, or, if the file with
    /// that one was replaced, the note that replaces it.
    pub(super) fn note_of(&mut self, location: Location) -> Result<Option<FoundNote>, StoreError> {
        let found = self.note_behind(location.file, u64::from(location.offset))?;
        let Some((end, note)) = found else { return Ok(None) };
        if note.runs.find(location).is_some() {
            return Ok(Some((end, note)));
        }
        if !(location.file..end.0).any(|it| self.last.is_removed(it)) {
            return Ok(None);
        }
        // All records of a file whose note was replaced are of one commit, and that note alone
        // carries their runs: one search does for all of them.
        let key = (location.file, end);
        if let Some(carrier) = self.carriers.get(&key) {
            // A note that ends after the byte before its end is itself.
            return match *carrier {
                Some((file, end)) => self.note_behind(file, end - 1),
                None => Ok(None),
            };
        }
        let mut carrier = self.note_behind(end.0, end.1)?;
        while let Some((end, _)) =
            carrier.as_ref().filter(|(_, it)| !it.runs.has_file(location.file))
        {
            carrier = self.note_behind(end.0, end.1)?;
        }
        self.carriers.insert(key, carrier.as_ref().map(|(end, _)| *end));
        Ok(carrier)
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
