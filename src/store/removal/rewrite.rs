//! Rewriting an archive file without some of its records.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::matcher::RemovalMatcher;
use crate::limits;
use crate::store::archive::{
    ArchiveWriter, Frame, Frames, Location, compress_block, lines_of, parse_line,
};
use crate::store::error::StoreError;
use crate::store::layout::Layout;
use crate::store::ledger::note::CommitNote;
use crate::store::provenance::{Origin, OriginId, Place, Runs};
use crate::store::verify::{ArchiveCheck, FileCheck};

/// The provenance of records, according to all notes of an archive.
pub(super) struct Sources {
    /// The runs of all notes. A record's run may be in the note of a later file: a commit may begin
    /// in one file and end in another, and removals carry runs on.
    runs: Runs,
    /// The sources, each as known at its end.
    origins: BTreeMap<OriginId, Origin>,
}

impl Sources {
    pub(super) fn new(archive: &ArchiveCheck) -> Self {
        let mut origins: BTreeMap<OriginId, Origin> = BTreeMap::new();
        for origin in archive.commits().flat_map(|(_, it)| &it.note.origins) {
            match origins.get_mut(&origin.id) {
                Some(known) => known.merge(origin),
                None => drop(origins.insert(origin.id, origin.clone())),
            }
        }
        let mut runs = Runs::default();
        runs.add_others(archive.commits().map(|(_, it)| &it.note.runs), |_| true);
        Self { runs, origins }
    }

    /// The source of a record, and its place there.
    fn of(&self, at: Location) -> Option<(OriginId, Option<Place>)> {
        let (id, line, byte_offset) = self.runs.find(at)?;
        Some((id, line.map(|line| Place { line, byte_offset })))
    }

    /// The sources that a file's notes name, and those in `used` besides, each as known at its end
    /// but with the counts of this file alone.
    fn carried(&self, file: &FileCheck, used: &BTreeSet<OriginId>) -> Vec<Origin> {
        let mut carried: BTreeMap<OriginId, Origin> = BTreeMap::new();
        let mut order = Vec::new();
        for origin in file.commits.iter().flat_map(|it| &it.note.origins) {
            match carried.get_mut(&origin.id) {
                Some(known) => known.merge(origin),
                None => {
                    order.push(origin.id);
                    carried.insert(origin.id, origin.clone());
                }
            }
        }
        for id in used {
            if let Some(origin) = self.origins.get(id).filter(|_| !carried.contains_key(id)) {
                order.push(*id);
                // Its counts are in the note of another file, and are added up over all notes.
                let nothing = crate::store::provenance::OriginCounts::default();
                carried.insert(*id, Origin { counts: nothing, ..origin.clone() });
            }
        }
        let mut origins = Vec::with_capacity(order.len());
        // In the order in which they were first noted; that of the map, by ID, means nothing.
        for id in order {
            if let Some(mut origin) = carried.remove(&id) {
                origin.end = self.origins.get(&id).and_then(|it| it.end.clone()).or(origin.end);
                origins.push(origin);
            }
        }
        origins
    }
}

/// Appends what is left of a file to the archive, in new blocks, with a note of where it came from.
/// The note carries on what the file's notes say of records in other files, of which `is_left` tells
/// whether they stay.
pub(super) fn rewrite(
    layout: &Layout,
    (file, is_left): (&FileCheck, &dyn Fn(u32) -> bool),
    matcher: &RemovalMatcher,
    sources: &Sources,
    archive: &mut ArchiveWriter,
    note: CommitNote,
) -> Result<(), StoreError> {
    let path = layout.archive_file(file.number);
    let mut frames = Frames::open(layout, file.number, file.extent)?;
    let mut kept = Kept {
        archive,
        layout,
        lines: Vec::new(),
        origins: Vec::new(),
        runs: Runs::default(),
        used: BTreeSet::new(),
    };
    while let Some(frame) = frames.next()? {
        let Frame::Block { offset, lines } = frame else { continue };
        for (line, bytes) in (0_u16..).zip(lines_of(&lines)) {
            let record = parse_line(bytes).map_err(|reason| StoreError::ArchiveDamaged {
                path: path.clone(),
                reason: format!("block at byte {offset}, line {}: {reason}", u32::from(line) + 1),
            })?;
            if !matcher.matches(&record) {
                // The archived line itself: what stays keeps its bytes.
                kept.push(bytes, sources.of(Location { file: file.number, offset, line }))?;
            }
        }
    }
    kept.flush()?;
    let (mut runs, used) = (kept.runs, kept.used);
    runs.add_others(file.commits.iter().map(|it| &it.note.runs), is_left);
    let origins = sources.carried(file, &used);
    // Earlier builds noted no sources.
    if origins.is_empty() && runs.is_empty() {
        return Ok(());
    }
    let previous = Some(archive.head().to_owned()).filter(|it| !it.is_empty());
    let note = CommitNote { origins, runs, previous, ..note };
    let note = note.encode().map_err(StoreError::io("compress data for", &layout.archive()))?;
    archive.sync(&note).map(|_| ())
}

/// Records that stay, on their way to new blocks.
struct Kept<'a> {
    archive: &'a mut ArchiveWriter,
    layout: &'a Layout,
    lines: Vec<u8>,
    origins: Vec<Option<(OriginId, Option<Place>)>>,
    runs: Runs,
    used: BTreeSet<OriginId>,
}

impl Kept<'_> {
    fn push(
        &mut self,
        line: &[u8],
        origin: Option<(OriginId, Option<Place>)>,
    ) -> Result<(), StoreError> {
        let is_full = self.lines.len() + line.len() > limits::BLOCK_BYTES
            || self.origins.len() >= limits::BLOCK_RECORDS_MAX;
        if is_full {
            self.flush()?;
        }
        self.lines.extend_from_slice(line);
        self.lines.push(b'\n');
        self.origins.push(origin);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let failed =
            |error: io::Error| StoreError::io("compress data for", &self.layout.archive())(error);
        let frame = compress_block(&self.lines).map_err(failed)?;
        let (file, offset) = self.archive.append(&frame)?;
        for (line, origin) in (0..).zip(self.origins.drain(..)) {
            if let Some((id, place)) = origin {
                self.runs.push(Location { file, offset, line }, id, place);
                self.used.insert(id);
            }
        }
        self.lines.clear();
        Ok(())
    }
}
