//! Rebuilding the index from the archive alone.

use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::archive::{ArchivePosition, Extent};
use super::archive::{
    Frame, Frames, Location, Sums, hash_archive_file, hash_on, lines_of, parse_line,
    remove_files_after,
};
use super::audit_index::{AuditBuilder, OtherDocument, other_documents_of, remove_audit_index};
use super::error::StoreError;
use super::index::{Document, Documents, IdHash, IndexWriter, read_checkpoint_of_any_format};
use super::layout::{Layout, archive_file_name, archive_file_number};
use super::ledger::checkpoint::{Checkpoint, INDEX_FORMAT};
use super::ledger::folded::Folded;
use super::ledger::note::CommitNote;
use super::ledger::other_records::OtherRecords;
use super::leftovers::finish_removal;
use super::lock::WriterLock;
use super::message_table::remove_table;
use super::names::{AUDIT, AUDIT_BEING_BUILT, INDEX, INDEX_ASIDE, INDEX_BEING_BUILT};
use crate::audit::OtherRecord;
use crate::event::Parser;

/// Blocks that are read, and then indexed in parallel.
const BLOCKS_AT_ONCE: usize = 64;

/// The result of a reindex.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReindexReport {
    /// The number of records indexed.
    pub records: u64,
    /// Parts of the archive that cannot be read; their records are not in the index.
    pub damage: Vec<String>,
}

/// Builds a new index and puts it in the place of the old one. Until then the old one stays,
/// whatever happens on the way.
///
/// The archive is only read. If it is damaged, what can be read is indexed.
///
/// # Errors
///
/// [`StoreError::Locked`] if somebody else is writing, and [`StoreError::Io`].
pub fn reindex(path: &Path) -> Result<ReindexReport, StoreError> {
    let layout = Layout::new(path);
    layout.check()?;
    let _lock = WriterLock::acquire(&layout)?;
    layout.sweep()?;
    rebuild(&layout).map_err(|error| {
        sweep_after_failure(&layout);
        told_of_room(error, &layout, 0)
    })
}

fn rebuild(layout: &Layout) -> Result<ReindexReport, StoreError> {
    // The old index knows what a removal that was cut off left behind; the new one will not.
    if let Ok(known) = read_checkpoint_of_any_format(layout) {
        finish_removal(layout, &known)?;
    }
    let mut report = ReindexReport::default();
    let mut checkpoint = last_checkpoint(layout, &mut report)?;
    let target = layout.root_dir()?.make_dir(INDEX_BEING_BUILT)?;
    let mut writer = IndexWriter::create(&target, &Checkpoint::empty().to_payload(layout)?)?;
    let mut audit = AuditBuilder::new(layout);
    let archive = &checkpoint.archive;
    report.records = build_index(layout, archive, &mut writer, &mut audit, &mut report.damage)?;
    // Of a damaged archive, only what could be indexed: `verify` compares the commit's count with
    // the documents.
    checkpoint.records = report.records;
    checkpoint.others = OtherRecords::at(audit.count, archive);
    audit.finish(&checkpoint)?;
    writer.commit(&checkpoint.to_payload(layout)?)?;
    writer.finish()?;
    exchange(layout)?;
    Ok(report)
}

/// Turns the error of a full disk into one that says how much room a new index takes, with
/// `archive_bytes` of archive files. Call it after the sweep, which frees room.
pub(super) fn told_of_room(error: StoreError, layout: &Layout, archive_bytes: u64) -> StoreError {
    if !error.is_no_room() {
        return error;
    }
    let measure = || {
        let index_bytes = match layout.index_dir() {
            Ok(dir) => dir.bytes()?,
            // With no old index to measure, the archive's size is a safe estimate.
            Err(_) => layout.archive_dir()?.bytes()?,
        };
        // Twice, as at worst a merge of everything is written beside what it merges.
        let needed_bytes = index_bytes.saturating_mul(2).saturating_add(archive_bytes);
        Ok::<_, StoreError>((needed_bytes, layout.root_dir()?.free_bytes()?))
    };
    match measure() {
        Ok((needed_bytes, free_bytes)) => StoreError::NoRoom {
            path: layout.root().to_owned(),
            needed_bytes,
            free_bytes,
            source: Box::new(error),
        },
        Err(_) => error,
    }
}

/// Removes what a failed command has made and no commit names: on a full disk that is the room that
/// is needed. What cannot be removed is left to the next writer, as after a crash.
pub(super) fn sweep_after_failure(layout: &Layout) {
    let sweep = || {
        layout.sweep()?;
        // The commit may have been made before the failure: what it names stays.
        let committed = read_checkpoint_of_any_format(layout)?;
        remove_files_after(&layout.archive_dir()?, committed.archive.file)
    };
    let _left_to_the_next: Result<(), StoreError> = sweep();
}

/// Indexes the records of the archive up to a position, and returns their number; those that are no
/// email events go to `audit`. What cannot be read is reported in `damage`.
pub(super) fn build_index(
    layout: &Layout,
    position: &ArchivePosition,
    writer: &mut IndexWriter,
    audit: &mut AuditBuilder<'_>,
    damage: &mut Vec<String>,
) -> Result<u64, StoreError> {
    let mut records = 0;
    for number in position.files() {
        let frames = Frames::open(layout, number, position.extent(number)).or_else(|error| {
            damage.push(error.to_string());
            // Shorter than it was: what is left of it is indexed.
            Frames::open(layout, number, Extent::Whole)
        });
        if let Ok(frames) = frames {
            records += index_file(writer, audit, number, frames, damage)?;
        }
    }
    Ok(records)
}

fn index_file(
    writer: &mut IndexWriter,
    audit: &mut AuditBuilder<'_>,
    file: u32,
    mut frames: Frames,
    damage: &mut Vec<String>,
) -> Result<u64, StoreError> {
    let mut records = 0;
    loop {
        let mut blocks = Vec::new();
        let mut is_end = false;
        while blocks.len() < BLOCKS_AT_ONCE && !is_end {
            match frames.next() {
                Ok(Some(Frame::Block { offset, lines })) => blocks.push((offset, lines)),
                Ok(Some(Frame::Note { .. })) => {}
                Ok(None) => is_end = true,
                Err(error) => {
                    damage.push(error.to_string());
                    is_end = !frames.skip_damage();
                }
            }
        }
        let indexed: Vec<_> = blocks
            .into_par_iter()
            .map_init(Parser::new, |parser, (offset, lines)| {
                documents(parser, file, offset, &lines)
            })
            .collect();
        for block in indexed {
            records += (block.documents.len() + block.others.len()) as u64;
            damage.extend(block.damage);
            writer.add(block.documents)?;
            audit.add(block.others)?;
        }
        if is_end {
            return Ok(records);
        }
    }
}

#[derive(Default)]
struct IndexedBlock {
    documents: Vec<Document>,
    others: Vec<OtherDocument>,
    damage: Vec<String>,
}

fn documents(parser: &mut Parser, file: u32, offset: u32, lines: &[u8]) -> IndexedBlock {
    let mut block = IndexedBlock::default();
    let mut documents = Documents::default();
    let mut locations = Vec::new();
    let mut has_others = false;
    for (line, bytes) in (0_u16..).zip(lines_of(lines)) {
        let read = parse_line(bytes).and_then(|record| match parser.parse(&record.message) {
            Ok(event) => {
                let leg = IdHash::of_leg(&event.trace_id, &record.message);
                documents.push(&record, &event, leg);
                Ok(true)
            }
            Err(_) if OtherRecord::parse(&record.message).is_some() => Ok(false),
            Err(error) => Err(error.to_string()),
        });
        match read {
            Ok(true) => locations.push(Location { file, offset, line }),
            Ok(false) => has_others = true,
            Err(reason) => block
                .damage
                .push(format!("archive file {file}, byte {offset}, line {line}: {reason}")),
        }
    }
    if has_others {
        block.others = other_documents_of(parser, file, offset, lines);
    }
    block.documents = documents.take().zip(locations).map(|(it, at)| it.at(at)).collect();
    block
}

/// Finds the last commit: from the archive's own notes, if SHA256SUMS vouches for them. Otherwise
/// the archive is damaged or goes on beyond the commit, and the index knows.
///
/// If neither does, the position is one that no writer accepts: a writer would cut off originals
/// that lack nothing but their note.
fn last_checkpoint(layout: &Layout, report: &mut ReindexReport) -> Result<Checkpoint, StoreError> {
    let noted = Noted::read(layout)?;
    // The archive before the index, which is what needs replacing: opening a damaged one may panic,
    // and its commit may say anything of how far the archive counts.
    let sums = Sums::read(layout)?;
    if noted.is_vouched_for(layout, &sums)? {
        return Ok(noted.checkpoint);
    }
    // The commit alone: the segments may be too damaged to open, or of another format.
    if let Ok(known) = read_checkpoint_of_any_format(layout) {
        return Ok(Checkpoint { index_format: INDEX_FORMAT, ..known });
    }
    if sums.last().is_none() {
        // Without SHA256SUMS nothing contradicts the notes.
        return Ok(noted.checkpoint);
    }
    let mut checkpoint = noted.checkpoint;
    let file = checkpoint.archive.file.max(sums.last().unwrap_or(0));
    report.damage.push(format!("{} does not match SHA256SUMS", archive_file_name(file)));
    checkpoint.archive = ArchivePosition {
        file,
        bytes: None,
        sha256: sums.get(file).unwrap_or("").to_owned(),
        ..checkpoint.archive
    };
    Ok(checkpoint)
}

/// The last commit according to the archive's own notes.
struct Noted {
    checkpoint: Checkpoint,
    /// The checksum of the last file as of each commit in it.
    commit_sums: Vec<String>,
}

impl Noted {
    fn read(layout: &Layout) -> Result<Self, StoreError> {
        let names = layout.archive_dir()?.names()?;
        let numbers = names.iter().filter_map(|it| archive_file_number(it.to_str()?));
        let mut numbers: Vec<u32> = numbers.collect();
        numbers.sort_unstable();
        let mut folded = Folded::default();
        let mut position = Checkpoint::empty().archive;
        let mut commit_ends = Vec::new();
        for number in numbers {
            let mut frames = Frames::open(layout, number, Extent::Whole)?;
            loop {
                match frames.next_note() {
                    Ok(Some(Frame::Note { content, end })) => {
                        let Ok(note) = CommitNote::decode(&content) else {
                            continue;
                        };
                        folded.take(&note);
                        if position.file != number {
                            // Only the last file's are needed: earlier ones are sealed.
                            commit_ends.clear();
                        }
                        (position.file, position.bytes) = (number, Some(end));
                        commit_ends.push(end);
                    }
                    Ok(Some(Frame::Block { .. })) => {}
                    Ok(None) => break,
                    Err(_) if frames.skip_damage() => {}
                    Err(_) => break,
                }
            }
        }
        let mut commit_sums = Vec::new();
        // `ArchivePosition` keeps only removed files that come before the last one.
        let removed = folded.removed_numbers().filter(|it| (1..position.file).contains(it));
        removed.collect::<Vec<_>>().into_iter().for_each(|it| position.removed.add(it));
        if position.file > 0 {
            commit_sums = prefix_sums(layout, position.file, &commit_ends)?;
            let last = commit_sums.last().expect("its number is that of a file with a note");
            position.sha256.clone_from(last);
            let mut sums = Sums::read(layout)?;
            sums.truncate(position.file);
            position.removed_numbers().for_each(|it| sums.remove(it));
            for number in position.sealed_files() {
                // A writer may have been cut off before it wrote the line of a file that it sealed.
                if sums.get(number).is_none() {
                    sums.set(number, hash_archive_file(layout, number)?);
                }
            }
            position.sealed_sha256 = sums.sealed_sha256(position.file);
            position.head = sums.head(position.file, &position.sha256);
        }
        let tombstones = folded.tombstones();
        let checkpoint = Checkpoint {
            archive: position,
            ledger: folded.ledger,
            tombstones,
            ..Checkpoint::empty()
        };
        Ok(Self { checkpoint, commit_sums })
    }

    /// True if SHA256SUMS names these files and no others, each as it is. The last one may be as of
    /// any commit in it: a writer that was cut off leaves the line of an earlier one.
    fn is_vouched_for(&self, layout: &Layout, sums: &Sums) -> Result<bool, StoreError> {
        let last = self.checkpoint.archive.file;
        if sums.is_altered() || sums.last().unwrap_or(0) != last {
            return Ok(false);
        }
        for number in self.checkpoint.archive.sealed_files() {
            match hash_archive_file(layout, number) {
                Ok(sum) if sums.get(number) == Some(sum.as_str()) => {}
                Err(error) if !error.is_not_found() => return Err(error),
                _ => return Ok(false),
            }
        }
        let sum = sums.get(last);
        Ok(last == 0 || self.commit_sums.iter().any(|it| sum == Some(it.as_str())))
    }
}

/// Computes the checksum of an archive file's beginning for each of several ascending lengths, in
/// one pass.
fn prefix_sums(layout: &Layout, number: u32, lengths: &[u64]) -> Result<Vec<String>, StoreError> {
    let path = layout.archive_file(number);
    let file = layout.open_archive_file(number)?;
    let mut hasher = Sha256::new();
    let mut hashed = 0;
    let mut sums = Vec::with_capacity(lengths.len());
    for length in lengths {
        hash_on(&file, &path, &mut hasher, hashed..*length)?;
        hashed = *length;
        sums.push(hex::encode(hasher.clone().finalize()));
    }
    Ok(sums)
}

/// Puts the new index in the old one's place in one step, so that readers always find one.
pub(super) fn exchange(layout: &Layout) -> Result<(), StoreError> {
    // First: its entries were made from the old index, and may show what was removed.
    remove_table(layout)?;
    let root = layout.root_dir()?;
    if !root.has(INDEX)? {
        root.rename(INDEX_BEING_BUILT, INDEX)?;
        root.sync()?;
        return exchange_audit(layout);
    }
    if !root.exchange(INDEX_BEING_BUILT, INDEX)? {
        // A file system that cannot exchange names: for an instant readers find no index, and wait.
        root.rename(INDEX, INDEX_ASIDE)?;
        root.rename(INDEX_BEING_BUILT, INDEX)?;
        root.rename(INDEX_ASIDE, INDEX_BEING_BUILT)?;
    }
    root.sync()?;
    // By now this is the old index.
    root.remove_dir(INDEX_BEING_BUILT)?;
    exchange_audit(layout)
}

/// Puts the new index of audit events in the old one's place. A crash before that leaves one of
/// another commit, which readers refuse and the next writer rebuilds.
fn exchange_audit(layout: &Layout) -> Result<(), StoreError> {
    let root = layout.root_dir()?;
    if !root.has(AUDIT_BEING_BUILT)? {
        return remove_audit_index(layout);
    }
    if !root.has(AUDIT)? || !root.exchange(AUDIT_BEING_BUILT, AUDIT)? {
        remove_audit_index(layout)?;
        root.rename(AUDIT_BEING_BUILT, AUDIT)?;
    }
    root.sync()?;
    root.remove_dir(AUDIT_BEING_BUILT)
}
