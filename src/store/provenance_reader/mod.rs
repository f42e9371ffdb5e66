//! Finding out where records came from.

#[cfg(test)]
mod carried_tests;
mod note_finder;

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;

use note_finder::NoteFinder;

use crate::limits;
use crate::store::archive::{ArchiveFiles, Frame, Location};
use crate::store::error::StoreError;
use crate::store::event::StoredEvent;
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::ledger::note::CommitNote;
use crate::store::provenance::{Origin, OriginId, RepeatedOrigin, Repeats, Runs};
use crate::store::reader::{Locator, Store};
use crate::time::Timestamp;

/// The provenance of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The source.
    pub origin: Origin,
    /// The line of the decompressed source on which it begins, from 1; `None` if the source has no
    /// lines.
    pub line: Option<u64>,
    /// The byte of the decompressed source at which it begins, if several records may begin on its
    /// line. For a record within a base64 payload, that of the payload.
    pub byte_offset: Option<u64>,
    /// The time of the commit that stored it.
    pub committed: Option<Timestamp>,
    /// The name of the archive file that holds it.
    pub archive_file: String,
    /// The byte at which its block begins there.
    pub block_offset: u64,
    /// Its line in that block, from 1.
    pub block_line: u64,
}

/// Finds where records came from, and keeps what it has read.
pub struct ProvenanceReader<'s> {
    locator: Locator<'s>,
    notes: NoteFinder,
    /// Sources, including what later commits say of them.
    origins: HashMap<OriginId, Origin>,
}

impl Store {
    /// Makes a reader of where records came from, which keeps what it has read.
    pub fn provenance(&self) -> ProvenanceReader<'_> {
        let notes = NoteFinder::new(&self.layout, &self.files, &self.checkpoint.archive);
        ProvenanceReader { locator: self.locator(), notes, origins: HashMap::new() }
    }

    /// Returns all sources that added records, in the order in which they first did. Reads the
    /// whole archive, but not its records.
    pub fn origins(&self) -> Result<Vec<OriginHistory>, StoreError> {
        origin_histories(&self.files, &self.checkpoint)
    }

    /// Returns the sources that added nothing, those read last at the end, and how many more were
    /// forgotten.
    pub fn repeated_origins(&self) -> Result<(Vec<RepeatedOrigin>, u64), StoreError> {
        let repeats = Repeats::read(&self.layout)?;
        Ok((repeats.repeated, repeats.forgotten))
    }
}

impl ProvenanceReader<'_> {
    /// Returns where the record at a location came from; `None` if that was not recorded.
    pub fn of(&mut self, location: Location) -> Result<Option<Provenance>, StoreError> {
        let Some((place, note)) = self.notes.note_of(location)? else { return Ok(None) };
        let Some((id, line, byte_offset)) = note.runs.find(location) else { return Ok(None) };
        let Some(origin) = self.origin(id, place, &note)? else { return Ok(None) };
        Ok(Some(Provenance {
            origin,
            line,
            byte_offset,
            committed: note.at_ms.and_then(Timestamp::from_ms),
            archive_file: location.file_name(),
            block_offset: u64::from(location.offset),
            block_line: u64::from(location.line) + 1,
        }))
    }

    /// Returns where an event's record came from; `None` if that was not recorded, or the store
    /// does not hold it.
    pub fn of_event(&mut self, event: &StoredEvent) -> Result<Option<Provenance>, StoreError> {
        match self.locator.locate(event)? {
            Some(location) => self.of(location),
            None => Ok(None),
        }
    }

    /// Returns a source with what this commit and later ones say of it: its checksum is known only
    /// at its end.
    fn origin(
        &mut self,
        id: OriginId,
        place: (u32, u64),
        note: &CommitNote,
    ) -> Result<Option<Origin>, StoreError> {
        if let Some(origin) = self.origins.get(&id) {
            return Ok(Some(origin.clone()));
        }
        let named = |note: &CommitNote| note.origins.iter().find(|it| it.id == id).cloned();
        let Some(mut origin) = named(note) else { return Ok(None) };
        let (mut place, mut silent_count) = (place, 0);
        // A source has no end if the program was killed while it read it: the search for one is
        // bounded by how long a source may rest while others make commits.
        while origin.end.is_none() && silent_count < limits::NOTES_WITHOUT_NEWS_MAX {
            let Some((next, note)) = self.notes.note_behind(place.0, place.1)? else { break };
            match named(&note) {
                Some(later) => {
                    origin.merge(&later);
                    silent_count = 0;
                }
                None => silent_count += 1,
            }
            place = next;
        }
        self.origins.insert(id, origin.clone());
        Ok(Some(origin))
    }
}

/// A source, as seen by all commits together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginHistory {
    /// The source, with the sums of its counts.
    pub origin: Origin,
    /// The time of the first commit that holds records of it.
    pub first_committed: Option<Timestamp>,
    /// The time of the last one.
    pub last_committed: Option<Timestamp>,
}

/// The sources of all notes of an archive, in the order of the notes.
fn origin_histories(
    files: &ArchiveFiles,
    checkpoint: &Checkpoint,
) -> Result<Vec<OriginHistory>, StoreError> {
    let last = &checkpoint.archive;
    let notes: Vec<Vec<CommitNote>> = last
        .files()
        .into_par_iter()
        .map(|number| {
            let mut frames = files.frames(number, last.extent(number))?;
            let mut notes = Vec::new();
            while let Some(frame) = frames.next_note()? {
                let Frame::Note { content, .. } = frame else { continue };
                // `verify` reports what cannot be read.
                if let Ok(mut note) = CommitNote::decode(&content) {
                    // Not needed here, and there may be a run for each record.
                    note.runs = Runs::default();
                    notes.push(note);
                }
            }
            Ok(notes)
        })
        .collect::<Result<_, StoreError>>()?;
    let mut indices: BTreeMap<OriginId, usize> = BTreeMap::new();
    let mut histories: Vec<OriginHistory> = Vec::new();
    // In the order of the files, and so of the commits, whichever was read first.
    for note in notes.into_iter().flatten() {
        let at = note.at_ms.and_then(Timestamp::from_ms);
        for origin in note.origins {
            let index = *indices.entry(origin.id).or_insert(histories.len());
            match histories.get_mut(index) {
                Some(history) => {
                    history.origin.merge(&origin);
                    history.last_committed = at;
                }
                None => histories.push(OriginHistory {
                    origin,
                    first_committed: at,
                    last_committed: at,
                }),
            }
        }
    }
    Ok(histories)
}
