//! Checking the archive's files: their checksums, their frames, the notes of their commits.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::OnceLock;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::Meter;
use super::report::VerifyReport;
use crate::store::archive::{ArchivePosition, Extent};
use crate::store::archive::{Frame, Frames, Sums};
use crate::store::error::StoreError;
use crate::store::layout::{Layout, archive_file_name, archive_file_number};
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::ledger::folded::Folded;
use crate::store::ledger::note::CommitNote;
use crate::store::names::SUMS;

/// Bytes that are hashed between two reports of progress.
const STEP_BYTES: usize = 1 << 20;

/// The result of checking the archive.
pub(in crate::store) struct ArchiveCheck {
    /// The files that count as of the commit, in order.
    pub(in crate::store) files: Vec<FileCheck>,
    /// Numbers of files that count and are missing.
    pub(in crate::store) missing: Vec<u32>,
    pub(in crate::store) problems: Vec<String>,
    pub(in crate::store) notes: Vec<String>,
    /// The sum of all commits' notes, made when it is first asked for: with weeks of commits it
    /// takes a while.
    folded: OnceLock<Folded>,
}

/// The result of checking one archive file.
#[derive(Default)]
pub(in crate::store) struct FileCheck {
    pub(in crate::store) number: u32,
    /// SHA-256 of the part that counts.
    pub(in crate::store) sha256: String,
    pub(in crate::store) problems: Vec<String>,
    /// True if the file is not what it was.
    pub(in crate::store) is_damaged: bool,
    /// The part of the file that counts.
    pub(in crate::store) extent: Extent,
    /// Bytes after the last commit.
    bytes_beyond: u64,
    /// The problem reported for its having no line in SHA256SUMS.
    missing_line: Option<String>,
    pub(in crate::store) commits: Vec<CommitCheck>,
}

/// A commit's note, and the file as of it.
pub(in crate::store) struct CommitCheck {
    /// The first byte after the note.
    pub(in crate::store) end: u64,
    /// SHA-256 of the file up to `end`.
    pub(in crate::store) sha256: String,
    pub(in crate::store) note: CommitNote,
}

impl ArchiveCheck {
    pub(in crate::store) fn commits(&self) -> impl Iterator<Item = (u32, &CommitCheck)> {
        self.files.iter().flat_map(|file| file.commits.iter().map(|it| (file.number, it)))
    }

    /// The sum of all notes.
    pub(in crate::store) fn folded(&self) -> &Folded {
        self.folded.get_or_init(|| {
            let mut folded = Folded::default();
            self.commits().for_each(|(_, it)| folded.take(&it.note));
            folded
        })
    }

    /// The first problem.
    pub(in crate::store) fn first_problem(&self) -> Option<String> {
        let of_files = self.files.iter().flat_map(|it| &it.problems);
        self.problems.iter().chain(of_files).next().cloned()
    }

    /// The number of records, as the last commit counts them.
    pub(in crate::store) fn records(&self) -> u64 {
        self.commits().last().map_or(0, |(_, it)| it.note.records)
    }

    /// Checks that the commits add up to what the index's commit says. Only for a sound archive: a
    /// damaged one may have lost notes.
    pub(in crate::store) fn check_sums_of_notes(
        &self,
        layout: &Layout,
        checkpoint: &Checkpoint,
        report: &mut VerifyReport,
    ) {
        let folded = self.folded();
        let index = layout.index();
        let index = index.display();
        if checkpoint.ledger != folded.ledger || checkpoint.tombstones != folded.tombstones() {
            report.problems.push(format!(
                "{index}: the coverage does not match the archive's commits: `mailtrace reindex` restores it",
            ));
        }
        if checkpoint.records != self.records() {
            report.problems.push(format!(
                "{index}: its commit counts {} records, but the archive's last commit counts {}: `mailtrace reindex` restores it",
                checkpoint.records,
                self.records()
            ));
        }
    }
}

/// Checks the archive of a store that nobody else is writing to.
pub(in crate::store) fn check_archive(
    layout: &Layout,
    checkpoint: &Checkpoint,
) -> Result<ArchiveCheck, StoreError> {
    let sums = Sums::read(layout)?;
    check(layout, Some(checkpoint), &sums, &Meter::new(layout, &|_| {}))
}

pub(super) fn check(
    layout: &Layout,
    checkpoint: Option<&Checkpoint>,
    earlier_sums: &Sums,
    meter: &Meter<'_>,
) -> Result<ArchiveCheck, StoreError> {
    let sums = Sums::read(layout)?;
    let mut check = ArchiveCheck {
        files: Vec::new(),
        missing: Vec::new(),
        problems: Vec::new(),
        notes: Vec::new(),
        folded: OnceLock::new(),
    };
    if sums.is_altered() {
        check.problems.push(format!("{} was changed", layout.sums().display()));
    }
    let numbers = check.list(layout)?;
    let position = checkpoint.map(|it| &it.archive);
    // Without a commit of the index to go by, every file that is there counts.
    let last = position.map_or(numbers.last().copied().unwrap_or(0), |it| it.file);
    let is_removed = |number| position.is_some_and(|it| it.is_removed(number));
    let there: BTreeSet<u32> = numbers.iter().copied().collect();
    let (counted, beyond): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(|it| *it <= last);
    for number in beyond {
        check.notes.push(format!(
            "{} is part of no commit: an import is running or was interrupted (harmless)",
            layout.archive_file(number).display()
        ));
    }
    let (removed, counted): (Vec<u32>, Vec<u32>) =
        counted.into_iter().partition(|it| is_removed(*it));
    for number in removed {
        check.notes.push(format!(
            "{} was replaced, but is still there: an import is running or was interrupted, and the next one removes it",
            layout.archive_file(number).display()
        ));
    }
    check.files = counted
        .into_par_iter()
        .map(|number| {
            let active = position.filter(|it| it.file == number);
            let extent = position.map_or(Extent::Whole, |it| it.extent(number));
            // The commit itself knows the file that is still written to; its line in SHA256SUMS may
            // be that of an earlier commit.
            let expected = active.map(|it| it.sha256.as_str()).or(sums.get(number));
            check_file(layout, number, extent, expected, meter)
        })
        .collect();
    let mut removed = check.folded().removed_numbers().collect::<BTreeSet<_>>();
    // Both know of removals; where one is damaged or missing, the other still explains the gap.
    removed.extend(position.into_iter().flat_map(|it| it.removed_numbers()));
    check.missing = (1..=last).filter(|it| !there.contains(it) && !removed.contains(it)).collect();
    for run in check.missing.chunk_by(|it, next| it + 1 == *next) {
        // A doctored commit may name a million files that there never were: one line for each run.
        let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
        let path = layout.archive_file(*first);
        check.problems.push(if first == last {
            format!("{} is missing", path.display())
        } else {
            format!("{} to {} are missing", path.display(), archive_file_name(*last))
        });
    }
    if let Some(position) = position.filter(|_| last > 0) {
        check.compare_sealed(layout, &sums, position);
    }
    for file in &check.files {
        if position.is_some_and(|it| it.file == file.number) {
            // The sums from before the index was opened: those read since may be of a later commit.
            let sum = earlier_sums.get(file.number);
            match active_sum(layout, sum, file) {
                Ok(notes) => check.notes.extend(notes),
                Err(problem) => check.problems.push(problem),
            }
        }
        if file.bytes_beyond > 0 {
            check.notes.push(format!(
                "{} has {} bytes beyond the last commit: an import is running or was interrupted (harmless)",
                layout.archive_file(file.number).display(),
                file.bytes_beyond
            ));
        }
    }
    Ok(check)
}

impl ArchiveCheck {
    /// Checks that SHA256SUMS has the lines of the sealed files that the last commit knows. A
    /// writer that was cut off right after the commit leaves earlier lines; then the files
    /// themselves decide.
    fn compare_sealed(&mut self, layout: &Layout, sums: &Sums, position: &ArchivePosition) {
        let path = layout.sums();
        if sums.sealed_sha256(position.file) == position.sealed_sha256 {
            return;
        }
        let mut actual = Sums::default();
        let sealed = self.files.iter().filter(|it| it.number < position.file);
        sealed.for_each(|it| actual.set(it.number, it.sha256.clone()));
        if self.missing.is_empty() && actual.sealed_sha256(position.file) == position.sealed_sha256
        {
            self.files.iter_mut().for_each(FileCheck::forgive_missing_line);
            self.notes.push(format!(
                "{} is behind the last commit: an import is running or was interrupted (harmless)",
                path.display()
            ));
        } else {
            self.problems.push(format!(
                "{}: the lines for sealed files differ from those of the last commit",
                path.display()
            ));
        }
    }

    /// Lists the numbers of the files that are there, in order.
    fn list(&mut self, layout: &Layout) -> Result<Vec<u32>, StoreError> {
        let mut numbers = Vec::new();
        for name in layout.archive_dir()?.names()? {
            match name.to_str().and_then(archive_file_number) {
                Some(number) => numbers.push(number),
                None if name == SUMS => {}
                None => {
                    let path = layout.archive().join(name);
                    self.notes.push(format!("{} does not belong to the store", path.display()));
                }
            }
        }
        numbers.sort_unstable();
        Ok(numbers)
    }
}

/// Checks the line of SHA256SUMS for the file that is still written to. It may be that of any
/// commit in the file: a writer that was cut off right after a commit leaves the line of the one
/// before.
fn active_sum(
    layout: &Layout,
    sum: Option<&str>,
    file: &FileCheck,
) -> Result<Option<String>, String> {
    let sums = layout.sums();
    let sums = sums.display();
    let commits = &file.commits;
    let is_behind = match sum {
        Some(sum) if commits.iter().any(|it| it.sha256 == sum) => {
            commits.last().is_some_and(|it| it.sha256 != sum)
        }
        // The file may be new with the last commit. A removal writes several notes before the one
        // commit that counts them all.
        None if commits.len() <= 1
            || commits.last().is_some_and(|it| !it.note.tombstones.is_empty()) =>
        {
            true
        }
        _ => {
            let name = archive_file_name(file.number);
            return Err(format!("{sums} was changed: its line for {name} matches no commit"));
        }
    };
    let note = "is behind the last commit: an import is running or was interrupted (harmless)";
    Ok(is_behind.then(|| format!("{sums} {note}")))
}

impl FileCheck {
    fn forgive_missing_line(&mut self) {
        if let Some(problem) = self.missing_line.take() {
            self.problems.retain(|it| *it != problem);
        }
    }
}

fn check_file(
    layout: &Layout,
    number: u32,
    extent: Extent,
    expected: Option<&str>,
    meter: &Meter<'_>,
) -> FileCheck {
    let mut check = FileCheck { number, extent, ..FileCheck::default() };
    let path = layout.archive_file(number);
    let mut frames = match Frames::open(layout, number, extent) {
        Ok(frames) => frames,
        Err(error) => {
            check.problems.push(error.to_string());
            check.is_damaged = true;
            return check;
        }
    };
    check.bytes_beyond = frames.bytes_beyond();
    let read = frames.length();
    let file = match layout.open_archive_file(number) {
        Ok(file) => file,
        Err(error) => {
            check.problems.push(error.to_string());
            return check;
        }
    };
    let mut hashing = Hashing {
        path: path.clone(),
        file,
        hasher: Sha256::new(),
        hashed_to: 0,
        buffer: Vec::new(),
        meter,
    };
    loop {
        // Notes alone: a change to a block shows in the checksum, without decompressing it.
        match frames.next_note() {
            Ok(Some(Frame::Note { content, end })) => {
                check.problems.extend(hashing.go_on(end).err().map(|it| it.to_string()));
                // A copy of the running hash, so that the file is hashed once for all its commits.
                let sha256 = hex::encode(hashing.hasher.clone().finalize());
                match CommitNote::decode(&content) {
                    Ok(note) => check.commits.push(CommitCheck { end, sha256, note }),
                    Err(error) => {
                        check
                            .problems
                            .push(format!("{}, note before byte {end}: {error}", path.display()));
                    }
                }
            }
            Ok(Some(Frame::Block { .. })) => {}
            Ok(None) => break,
            Err(error) => {
                check.problems.push(error.to_string());
                check.is_damaged = true;
                if !frames.skip_damage() {
                    break;
                }
            }
        }
    }
    check.problems.extend(hashing.go_on(read).err().map(|it| it.to_string()));
    check.sha256 = hex::encode(hashing.hasher.finalize());
    let path = path.display();
    match expected {
        Some(expected) if expected == check.sha256 => {}
        Some(_) => {
            check.is_damaged = true;
            let sha256 = &check.sha256;
            check.problems.push(format!("{path} was changed: its SHA-256 is {sha256}"));
        }
        None => {
            let problem = format!("{path} has no line in SHA256SUMS");
            check.problems.push(problem.clone());
            // Kept apart, as it is taken back where the commit itself vouches for the file.
            check.missing_line = Some(problem);
        }
    }
    check
}

/// The running hash of a file.
struct Hashing<'c, 'p> {
    path: PathBuf,
    file: File,
    hasher: Sha256,
    hashed_to: u64,
    buffer: Vec<u8>,
    meter: &'c Meter<'p>,
}

impl Hashing<'_, '_> {
    /// Hashes on from where it stopped, up to `until`.
    fn go_on(&mut self, until: u64) -> Result<(), StoreError> {
        while self.hashed_to < until {
            let left = usize::try_from(until - self.hashed_to).unwrap_or(usize::MAX);
            self.buffer.resize(left.min(STEP_BYTES), 0);
            let read = self.file.read_exact_at(&mut self.buffer, self.hashed_to);
            read.map_err(StoreError::io("read", &self.path))?;
            self.hasher.update(&self.buffer);
            self.hashed_to += self.buffer.len() as u64;
            self.meter.add(self.buffer.len() as u64);
        }
        Ok(())
    }
}
