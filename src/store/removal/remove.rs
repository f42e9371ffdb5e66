//! The removal itself, step by step.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;

use rayon::prelude::*;

use super::matcher::{Removal, RemovalMatcher};
use super::person::ids_of;
use super::rejects;
use super::rewrite::{Sources, rewrite};
use crate::store::archive::{ArchiveWriter, Frame, Frames, lines_of, parse_line};
use crate::store::audit_index::AuditBuilder;
use crate::store::error::StoreError;
use crate::store::index::{IndexSnapshot, IndexWriter, read_checkpoint};
use crate::store::layout::{Layout, is_rejected_name};
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::ledger::folded::Folded;
use crate::store::ledger::note::CommitNote;
use crate::store::ledger::other_records::OtherRecords;
use crate::store::ledger::tombstone::{NotedTombstone, RemovalRule, RemovedFile, Tombstone};
use crate::store::leftovers::finish_removal;
use crate::store::lock::WriterLock;
use crate::store::names::INDEX_BEING_BUILT;
use crate::store::reindex::{build_index, exchange, sweep_after_failure, told_of_room};
use crate::store::verify::{ArchiveCheck, CommitChain, FileCheck, check_archive};
use crate::time::Timestamp;

/// A request to remove records, with what the tombstone will say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalRequest {
    /// The records to remove.
    pub removal: Removal,
    /// The reason.
    pub reason: String,
    /// The time by the caller's clock.
    pub at: Timestamp,
}

/// The counts of what was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RemovalReport {
    /// The number of records.
    pub records: u64,
    /// The times of the earliest and the latest of them.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Pieces of rejected input.
    pub rejected: u64,
    /// The number of archive files that hold such records and are rewritten.
    pub files: u64,
    /// The tombstone; `None` if nothing was removed.
    pub tombstone: Option<Tombstone>,
}

/// The records of one file that are to be removed.
#[derive(Clone, Copy, Default)]
struct FoundInFile {
    records: u64,
    span: Option<(i64, i64)>,
}

/// Counts in each file the records that [`remove_records`] would remove. Nothing is written.
///
/// # Errors
///
/// As [`remove_records`], except for the lock, which is not needed.
fn find(
    layout: &Layout,
    archive: &ArchiveCheck,
    matcher: &RemovalMatcher,
) -> Result<BTreeMap<u32, FoundInFile>, StoreError> {
    let found = archive
        .files
        .par_iter()
        .map(|file| Ok((file.number, find_in_file(layout, file, matcher)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(found.into_iter().filter(|(_, it)| it.records > 0).collect())
}

fn find_in_file(
    layout: &Layout,
    file: &FileCheck,
    matcher: &RemovalMatcher,
) -> Result<FoundInFile, StoreError> {
    let path = layout.archive_file(file.number);
    let mut frames = Frames::open(layout, file.number, file.extent)?;
    let mut found = FoundInFile::default();
    while let Some(frame) = frames.next()? {
        let Frame::Block { offset, lines } = frame else { continue };
        for line in lines_of(&lines) {
            let record = parse_line(line).map_err(|reason| StoreError::ArchiveDamaged {
                path: path.clone(),
                reason: format!("block at byte {offset}: {reason}"),
            })?;
            if matcher.matches(&record) {
                let ms = record.timestamp.as_ms();
                let (first, last) = found.span.unwrap_or((ms, ms));
                found.span = Some((first.min(ms), last.max(ms)));
                found.records += 1;
            }
        }
    }
    Ok(found)
}

/// Removes records from archive, index and rejected input, and leaves a tombstone. With
/// `is_dry_run` it only counts.
///
/// A crash at any instant leaves the store either as it was or with the records removed; the same
/// call completes it.
///
/// # Errors
///
/// [`StoreError::Locked`] if somebody else is writing, [`StoreError::ArchiveDamaged`] if the
/// archive is not what it was: a damaged one is not rewritten. [`StoreError::Io`] and
/// [`StoreError::Index`].
pub fn remove_records(
    path: &Path,
    request: &RemovalRequest,
    is_dry_run: bool,
) -> Result<RemovalReport, StoreError> {
    let layout = Layout::new(path);
    layout.check()?;
    if is_dry_run {
        return remove(&layout, request, true);
    }
    let _lock = WriterLock::acquire(&layout)?;
    layout.sweep()?;
    let before = State::of(&layout)?;
    remove(&layout, request, false).map_err(|error| {
        sweep_after_failure(&layout);
        // As after a crash: the next writer removes what cannot be removed now.
        let _left_to_the_next = before.restore_rejected(&layout);
        told_of_room(error, &layout, before.archive_bytes)
    })
}

/// The store before a removal.
struct State {
    checkpoint: Option<Checkpoint>,
    /// Bytes of the archive, all of which may have to be rewritten.
    archive_bytes: u64,
    rejected: Vec<OsString>,
}

impl State {
    fn of(layout: &Layout) -> Result<Self, StoreError> {
        let rejected = layout.rejected_dir()?.map(|it| it.names()).transpose()?;
        Ok(Self {
            checkpoint: read_checkpoint(layout).ok(),
            archive_bytes: layout.archive_dir()?.bytes()?,
            rejected: rejected.into_iter().flatten().collect(),
        })
    }

    /// Removes the rewritten files of rejected input, unless the removal has been committed: the
    /// files that they were to replace are still there.
    fn restore_rejected(&self, layout: &Layout) -> Result<(), StoreError> {
        let Some(dir) = layout.rejected_dir()? else { return Ok(()) };
        // In doubt both stay: input that is kept twice is not lost.
        if self.checkpoint.is_none() || read_checkpoint(layout).ok() != self.checkpoint {
            return Ok(());
        }
        for name in dir.names()?.iter().filter(|it| !self.rejected.contains(it)) {
            if let Some(name) = name.to_str().filter(|it| is_rejected_name(it)) {
                dir.remove(name)?;
            }
        }
        dir.sync()
    }
}

fn remove(
    layout: &Layout,
    request: &RemovalRequest,
    is_dry_run: bool,
) -> Result<RemovalReport, StoreError> {
    let (_, checkpoint) = IndexSnapshot::open(layout)?;
    let mut writer = None;
    if !is_dry_run {
        // Completes a removal that was cut off: the next commit names its own leftovers alone.
        finish_removal(layout, &checkpoint)?;
        writer = Some(ArchiveWriter::open(layout, &checkpoint.archive)?);
    }
    let archive = check_archive(layout, &checkpoint)?;
    let chain = CommitChain::new(&archive);
    // Rewriting would give what is damaged a checksum that fits, and hide the damage for good.
    if let Some(problem) = archive.first_problem().or_else(|| chain.problems(layout).pop()) {
        return Err(StoreError::ArchiveDamaged { path: layout.archive(), reason: problem });
    }
    let mut matcher = RemovalMatcher::new(&request.removal);
    if let RemovalMatcher::Address(address, ids) = &mut matcher
        && checkpoint.other_records() > 0
    {
        *ids = ids_of(layout, &archive, address)?;
    }
    let found = find(layout, &archive, &matcher)?;
    let rejected = rejects::find(layout, &matcher)?;
    let span = found.values().filter_map(|it| it.span);
    let span = span.reduce(|(a, b), (c, d)| (a.min(c), b.max(d)));
    let report = RemovalReport {
        records: found.values().map(|it| it.records).sum(),
        span: span.and_then(|(a, b)| Timestamp::from_ms(a).zip(Timestamp::from_ms(b))),
        rejected: rejected.pieces,
        files: found.len() as u64,
        tombstone: None,
    };
    let Some(mut writer) = writer.filter(|_| report.records > 0 || report.rejected > 0) else {
        return Ok(report);
    };
    let at_ms = request.at.as_ms();
    // The last file may be one of those to rewrite, and its records must go to a later one.
    writer.seal_active()?;
    let sources = Sources::new(&archive);
    let numbers: BTreeSet<u32> = archive.files.iter().map(|it| it.number).collect();
    let is_left = |file| numbers.contains(&file) && !found.contains_key(&file);
    let note =
        CommitNote { records: checkpoint.records, at_ms: Some(at_ms), ..CommitNote::default() };
    for file in archive.files.iter().filter(|it| found.contains_key(&it.number)) {
        rewrite(layout, (file, &is_left), &matcher, &sources, &mut writer, note.clone())?;
    }
    let tombstone = Tombstone {
        number: checkpoint.tombstones.last().map_or(0, |it| it.number).saturating_add(1),
        rule: match &request.removal {
            Removal::Before(time) => RemovalRule::Before { before_ms: time.as_ms() },
            Removal::Address(address) => {
                let ids = match &matcher {
                    RemovalMatcher::Address(_, ids) => Some(ids),
                    RemovalMatcher::Before(_) => None,
                };
                let ids = ids.into_iter().flatten().map(String::as_str);
                RemovalRule::of_address(address, ids)
            }
        },
        at_ms,
        reason: request.reason.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        records: report.records,
        rejected: report.rejected,
        files: report.files,
    };
    let noted = noted(&tombstone, &archive, &chain, &found, &writer);
    let mut after = bury(layout, checkpoint, noted, &archive, note, &mut writer)?;
    after.leftovers = rejected
        .files
        .iter()
        .filter_map(|it| it.file_name()?.to_str().map(str::to_owned))
        .collect();
    build_new_index(layout, &mut after)?;
    // Last, close to the commit: a crash in between leaves these beside the files that they were to
    // replace.
    for path in &rejected.files {
        rejects::rewrite(path, &matcher)?;
    }
    exchange(layout)?;
    // Committed. If we stop from here on, the next writer removes what is left.
    finish_removal(layout, &after)?;
    writer.refresh_sums()?;
    Ok(RemovalReport { tombstone: Some(tombstone), ..report })
}

/// The tombstone with the files that the removal replaces.
fn noted(
    tombstone: &Tombstone,
    archive: &ArchiveCheck,
    chain: &CommitChain,
    found: &BTreeMap<u32, FoundInFile>,
    writer: &ArchiveWriter,
) -> NotedTombstone {
    let removed = archive.files.iter().filter(|it| found.contains_key(&it.number));
    // The note with the tombstone will begin here.
    let (file, offset) = writer.end();
    NotedTombstone {
        tombstone: tombstone.clone(),
        file,
        offset,
        removed: removed
            .map(|it| RemovedFile::new(it.number, &it.sha256, chain.heads_in(it.number)))
            .collect(),
    }
}

/// Writes the note with the tombstone, and returns the checkpoint that it leads to.
fn bury(
    layout: &Layout,
    before: Checkpoint,
    noted: NotedTombstone,
    archive: &ArchiveCheck,
    note: CommitNote,
    writer: &mut ArchiveWriter,
) -> Result<Checkpoint, StoreError> {
    let mut after = before;
    after.records = after.records.saturating_sub(noted.tombstone.records);
    if let RemovalRule::Before { before_ms } = &noted.tombstone.rule {
        // Within coverage, mail that is not found did not exist. Before this time that is no longer
        // true.
        after.ledger.coverage.forget_before(*before_ms);
    }
    after.tombstones.push(noted.tombstone.clone());
    writer.forget(noted.removed.iter().map(|it| it.number));
    // A note with tombstones replaces all notes before it, some of which go with their files: so it
    // repeats every earlier tombstone, and the whole ledger.
    let mut folded = Folded::default();
    archive.commits().for_each(|(_, it)| folded.take(&it.note));
    let mut tombstones = folded.noted_tombstones;
    tombstones.push(noted);
    let note = CommitNote {
        records: after.records,
        previous: Some(writer.head().to_owned()).filter(|it| !it.is_empty()),
        ledger: after.ledger.clone(),
        tombstones,
        ..note
    };
    let note = note.encode().map_err(StoreError::io("compress data for", &layout.archive()))?;
    after.archive = writer.sync(&note)?;
    Ok(after)
}

/// Builds the index of what is left, to replace the old one.
fn build_new_index(layout: &Layout, after: &mut Checkpoint) -> Result<(), StoreError> {
    let mut damage = Vec::new();
    let target = layout.root_dir()?.make_dir(INDEX_BEING_BUILT)?;
    let mut index = IndexWriter::create(&target, &Checkpoint::empty().to_payload(layout)?)?;
    let mut audit = AuditBuilder::new(layout);
    let records = build_index(layout, &after.archive, &mut index, &mut audit, &mut damage)?;
    if let Some(reason) = damage.into_iter().next() {
        // A reindex leaves out what it cannot read. Here that would remove it for good.
        return Err(StoreError::ArchiveDamaged { path: layout.archive(), reason });
    }
    if records != after.records {
        // Counted from what was written, before any original goes.
        let reason = format!("only {records} of {} records would be left", after.records);
        return Err(StoreError::ArchiveDamaged { path: layout.archive(), reason });
    }
    after.others = OtherRecords::at(audit.count, &after.archive);
    audit.finish(after)?;
    index.commit(&after.to_payload(layout)?)?;
    index.finish()
}
