//! Building the index anew from the archive alone.

use std::fs;
use std::io;
use std::path::Path;

use rayon::prelude::*;
use sha2::Digest;

use super::StoreError;
use super::archive::{Frame, Frames, Location, Sums, hash_prefix, hex, lines_of, parse_line};
use super::checkpoint::{ArchivePosition, Checkpoint, CommitNote};
use super::coverage::Coverage;
use super::index::{Document, Fields, IndexWriter, document, quietly, read_checkpoint};
use super::layout::{Layout, archive_file_number, create_dir, sync_dir};
use super::lock::WriterLock;
use crate::event::Parser;

/// Blocks that are read before they are indexed together.
const BLOCKS_AT_ONCE: usize = 64;

/// What a reindex found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReindexReport {
    /// Records that are indexed now.
    pub records: u64,
    /// Parts of the archive that cannot be read; the records in them are not in the index.
    pub damage: Vec<String>,
}

/// Builds the index anew and puts it in the place of the old one. Until then, and whatever
/// happens on the way, the old one stays.
///
/// The archive is only read. Where it is damaged, what can be read is indexed.
///
/// # Errors
///
/// [`StoreError::Locked`] when somebody writes, and [`StoreError::Io`].
pub fn reindex(path: &Path) -> Result<ReindexReport, StoreError> {
    let layout = Layout::new(path);
    layout.check()?;
    let _lock = WriterLock::acquire(&layout)?;
    layout.sweep()?;
    let mut checkpoint = last_checkpoint(&layout)?;
    let target = layout.index_being_built();
    create_dir(&target)?;
    let mut writer = IndexWriter::create(&target, &Checkpoint::empty().to_payload())?;
    let mut report = ReindexReport::default();
    for number in 1..=checkpoint.archive.file {
        let path = layout.archive_file(number);
        let length = (number == checkpoint.archive.file).then_some(checkpoint.archive.bytes);
        match Frames::open(&path, length) {
            Ok(frames) => index_file(&mut writer, number, frames, &mut report)?,
            Err(error) => report.damage.push(error.to_string()),
        }
    }
    checkpoint.records = report.records;
    writer.commit(&checkpoint.to_payload())?;
    writer.finish()?;
    exchange(&layout)?;
    Ok(report)
}

fn index_file(
    writer: &mut IndexWriter,
    file: u32,
    mut frames: Frames,
    report: &mut ReindexReport,
) -> Result<(), StoreError> {
    let fields = *writer.fields();
    loop {
        let mut blocks = Vec::new();
        let mut is_end = false;
        while blocks.len() < BLOCKS_AT_ONCE && !is_end {
            match frames.next() {
                Ok(Some(Frame::Block { offset, lines })) => blocks.push((offset, lines)),
                Ok(Some(Frame::Note { .. })) => {}
                Ok(None) => is_end = true,
                Err(error) => {
                    report.damage.push(error.to_string());
                    is_end = !frames.skip_damage();
                }
            }
        }
        let indexed: Vec<_> = blocks
            .into_par_iter()
            .map_init(Parser::new, |parser, (offset, lines)| {
                documents(&fields, parser, file, offset, &lines)
            })
            .collect();
        for block in indexed {
            report.records += block.documents.len() as u64;
            report.damage.extend(block.damage);
            writer.add(block.documents)?;
        }
        if is_end {
            return Ok(());
        }
    }
}

#[derive(Default)]
struct IndexedBlock {
    documents: Vec<(Document, Location)>,
    damage: Vec<String>,
}

fn documents(
    fields: &Fields,
    parser: &mut Parser,
    file: u32,
    offset: u32,
    lines: &[u8],
) -> IndexedBlock {
    let mut block = IndexedBlock::default();
    for (line, bytes) in (0_u16..).zip(lines_of(lines)) {
        let read = parse_line(bytes).and_then(|record| {
            let event = parser.parse(&record.message).map_err(|error| error.to_string())?;
            Ok(document(fields, &record, &event))
        });
        match read {
            Ok(document) => block.documents.push((document, Location { file, offset, line })),
            Err(reason) => block
                .damage
                .push(format!("archive file {file}, byte {offset}, line {line}: {reason}")),
        }
    }
    block
}

/// What the last commit was: the archive's own notes say it where SHA256SUMS vouches for every
/// file. Otherwise the archive is damaged or goes on beyond the commit, and the index knows.
fn last_checkpoint(layout: &Layout) -> Result<Checkpoint, StoreError> {
    let noted = checkpoint_from_archive(layout)?;
    if is_vouched_for(layout, noted.archive.file)? {
        return Ok(noted);
    }
    // Only the commit: the segments may be too damaged to be opened.
    let known = quietly(|| read_checkpoint(&layout.index())).ok().and_then(Result::ok);
    Ok(known.unwrap_or(noted))
}

fn is_vouched_for(layout: &Layout, last: u32) -> Result<bool, StoreError> {
    let sums = Sums::read(layout)?;
    for number in 1..=last {
        let path = layout.archive_file(number);
        let Ok(metadata) = fs::metadata(&path) else { return Ok(false) };
        let sha256 = hex(&hash_prefix(&path, metadata.len())?.finalize());
        if sums.get(number) != Some(sha256.as_str()) {
            return Ok(false);
        }
    }
    Ok(!sums.is_altered())
}

/// Finds out from the archive's own notes what the last commit was.
fn checkpoint_from_archive(layout: &Layout) -> Result<Checkpoint, StoreError> {
    let dir = layout.archive();
    let mut numbers = Vec::new();
    for entry in fs::read_dir(&dir).map_err(StoreError::io("read the directory", &dir))? {
        let entry = entry.map_err(StoreError::io("read the directory", &dir))?;
        numbers.extend(entry.file_name().to_str().and_then(archive_file_number));
    }
    numbers.sort_unstable();
    let mut coverage = Coverage::default();
    let mut position = ArchivePosition::default();
    for number in numbers {
        let mut frames = Frames::open(&layout.archive_file(number), None)?;
        loop {
            match frames.next() {
                Ok(Some(Frame::Note { json, end })) => {
                    if let Ok(note) = serde_json::from_slice::<CommitNote>(&json) {
                        coverage.merge(&note.coverage);
                        (position.file, position.bytes) = (number, end);
                    }
                }
                Ok(Some(Frame::Block { .. })) => {}
                Ok(None) => break,
                Err(_) if frames.skip_damage() => {}
                Err(_) => break,
            }
        }
    }
    if position.file > 0 {
        let path = layout.archive_file(position.file);
        position.sha256 = hex(&hash_prefix(&path, position.bytes)?.finalize());
        let mut sums = Sums::read(layout)?;
        sums.truncate(position.file);
        for number in 1..position.file {
            if sums.get(number).is_none() {
                let path = layout.archive_file(number);
                let length = fs::metadata(&path).map_err(StoreError::io("inspect", &path))?.len();
                sums.set(number, hex(&hash_prefix(&path, length)?.finalize()));
            }
        }
        position.sealed_sha256 = sums.sealed_sha256(position.file);
    }
    Ok(Checkpoint { archive: position, coverage, ..Checkpoint::empty() })
}

/// Puts the new index in the old one's place at once, so that readers always find one.
fn exchange(layout: &Layout) -> Result<(), StoreError> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    let (old, new) = (layout.index(), layout.index_being_built());
    if !old.exists() {
        fs::rename(&new, &old).map_err(StoreError::io("rename to", &old))?;
        return sync_dir(layout.root());
    }
    match renameat_with(CWD, &new, CWD, &old, RenameFlags::EXCHANGE) {
        Ok(()) => {}
        // A file system that cannot exchange: readers may miss the index for an instant.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            let aside = layout.root().join("index.old.tmp");
            fs::rename(&old, &aside).map_err(StoreError::io("rename to", &aside))?;
            fs::rename(&new, &old).map_err(StoreError::io("rename to", &old))?;
            fs::rename(&aside, &new).map_err(StoreError::io("rename to", &new))?;
        }
        Err(errno) => {
            return Err(StoreError::io("exchange", &old)(io::Error::from(errno)));
        }
    }
    sync_dir(layout.root())?;
    fs::remove_dir_all(&new).map_err(StoreError::io("remove", &new))
}
