//! Whether archive and index are what they were, byte for byte and term for term.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::StoreError;
use super::archive::{Frame, Frames, Location, Sums, hash_prefix, hex, lines_of, parse_line};
use super::checkpoint::{Checkpoint, CommitNote};
use super::coverage::Coverage;
use super::index::{
    Documents, Fingerprint, IdHash, IndexSnapshot, check_segment_files, fingerprints_of_index,
    quietly, read_checkpoint,
};
use super::layout::{Layout, archive_file_name, archive_file_number};
use super::objects::TakenObjects;
use super::pulls::Pulls;
use crate::event::Parser;

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VerifyReport {
    /// Archive files that were read.
    pub archive_files: u64,
    /// Records that were read in them.
    pub records: u64,
    /// Documents in the index.
    pub documents: u64,
    /// Everything that is wrong, each with its place. Empty when the store is sound.
    pub problems: Vec<String>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
}

/// Reads the whole store and compares: each archive file with its checksum, each record with
/// what the index holds of it, and each rejected file with its name.
///
/// # Errors
///
/// [`StoreError`] when there is no store, or the file system refuses. What is wrong with the
/// store itself is in the report.
pub fn verify(path: &Path) -> Result<VerifyReport, StoreError> {
    let layout = Layout::new(path);
    layout.check()?;
    let mut report = VerifyReport::default();
    // Before the index: a commit in between then leaves these sums behind it, never ahead.
    let earlier_sums = Sums::read(&layout)?;
    let (snapshot, checkpoint) = open_index(&layout, &mut report);
    let archived = verify_archive(&layout, checkpoint.as_ref(), &earlier_sums, &mut report)?;
    if let (Some(snapshot), Some(checkpoint)) = (snapshot, checkpoint) {
        verify_index(&snapshot, &checkpoint, &archived, &mut report);
    }
    verify_rejected(&layout, &mut report)?;
    Ok(report)
}

/// Opens the index unless its files are damaged: tantivy may then panic, or ask for so much memory
/// that the process is aborted.
fn open_index(
    layout: &Layout,
    report: &mut VerifyReport,
) -> (Option<IndexSnapshot>, Option<Checkpoint>) {
    let path = layout.index();
    let checkpoint = match quietly(|| read_checkpoint(&path)) {
        Ok(Ok(checkpoint)) => checkpoint,
        Ok(Err(error)) => {
            report.problems.push(error.to_string());
            return (None, None);
        }
        Err(panic) => {
            report.problems.push(format!("{} cannot be opened: {panic}", path.display()));
            return (None, None);
        }
    };
    let problem_count = report.problems.len();
    match quietly(|| check_segment_files(&path)) {
        Ok(Ok(damaged)) => {
            for (file, reason) in damaged {
                let file = path.join(file);
                report.problems.push(format!("{} was changed: {reason}", file.display()));
            }
        }
        Ok(Err(error)) => report.problems.push(format!("the index cannot be checked: {error}")),
        Err(panic) => report.problems.push(format!("the index cannot be checked: {panic}")),
    }
    if report.problems.len() > problem_count {
        return (None, Some(checkpoint));
    }
    match IndexSnapshot::open(&path) {
        Ok((snapshot, checkpoint)) => (Some(snapshot), Some(checkpoint)),
        Err(error) => {
            report.problems.push(error.to_string());
            (None, Some(checkpoint))
        }
    }
}

/// What was found in one archive file.
#[derive(Default)]
struct FileReport {
    number: u32,
    fingerprint: Fingerprint,
    problems: Vec<String>,
    /// Bytes that lie behind the last commit.
    bytes_beyond: u64,
    /// The file's checksum as of each commit in it.
    commit_sums: Vec<String>,
    /// What each commit said.
    notes: Vec<CommitNote>,
}

fn verify_archive(
    layout: &Layout,
    checkpoint: Option<&Checkpoint>,
    earlier_sums: &Sums,
    report: &mut VerifyReport,
) -> Result<BTreeMap<u32, Fingerprint>, StoreError> {
    let sums = Sums::read(layout)?;
    if sums.is_altered() {
        report.problems.push(format!("{} was changed", layout.sums().display()));
    }
    let mut numbers = Vec::new();
    let dir = layout.archive();
    for entry in fs::read_dir(&dir).map_err(StoreError::io("read the directory", &dir))? {
        let entry = entry.map_err(StoreError::io("read the directory", &dir))?;
        let name = entry.file_name();
        match name.to_str().and_then(archive_file_number) {
            Some(number) => numbers.push(number),
            None if name == "SHA256SUMS" => {}
            None => report.notes.push(format!("{} is not ours", entry.path().display())),
        }
    }
    numbers.sort_unstable();
    let last = checkpoint.map_or(numbers.last().copied().unwrap_or(0), |it| it.archive.file);
    for number in 1..=last {
        if !numbers.contains(&number) {
            report.problems.push(format!("{} is missing", layout.archive_file(number).display()));
        }
    }
    if let Some(checkpoint) = checkpoint
        && last > 0
        && sums.sealed_sha256(last) != checkpoint.archive.sealed_sha256
    {
        report.problems.push(format!(
            "{}: the lines for sealed files are not those of the last commit",
            layout.sums().display()
        ));
    }
    let (counted, beyond): (Vec<u32>, Vec<u32>) = numbers.into_iter().partition(|it| *it <= last);
    for number in beyond {
        report.notes.push(format!(
            "{} belongs to no commit: a writer is at work or was cut off",
            layout.archive_file(number).display()
        ));
    }
    let files: Vec<FileReport> = counted
        .into_par_iter()
        .map(|number| {
            let active = checkpoint.filter(|it| it.archive.file == number);
            let length = active.map(|it| it.archive.bytes);
            let expected = active.map(|it| it.archive.sha256.as_str()).or(sums.get(number));
            verify_file(layout, number, length, expected)
        })
        .collect();
    let mut archived = BTreeMap::new();
    let mut coverage = Coverage::default();
    let mut pulls = Pulls::default();
    let mut objects = TakenObjects::default();
    for file in files {
        report.archive_files += 1;
        if checkpoint.is_some_and(|it| it.archive.file == file.number) {
            let sum = earlier_sums.get(file.number);
            verify_active_sum(layout, sum, &file, report);
        }
        if file.bytes_beyond > 0 {
            report.notes.push(format!(
                "{} has {} bytes beyond the last commit: a writer is at work or was cut off",
                layout.archive_file(file.number).display(),
                file.bytes_beyond
            ));
        }
        for note in &file.notes {
            coverage.merge(&note.coverage);
            pulls.merge(&note.pulls);
            objects.merge(&note.objects);
        }
        report.records += file.fingerprint.count;
        report.problems.extend(file.problems);
        archived.insert(file.number, file.fingerprint);
    }
    // A damaged archive may have lost notes, which says nothing of the commit.
    let is_other =
        |it: &Checkpoint| it.coverage != coverage || it.pulls != pulls || it.objects != objects;
    if report.problems.is_empty() && checkpoint.is_some_and(is_other) {
        report.problems.push(format!(
            "{}: the coverage is not what the archive's commits add up to: `mailtrace reindex` restores it",
            layout.index().display()
        ));
    }
    Ok(archived)
}

/// Whether the line of SHA256SUMS for the file that is still written to fits it as of some commit:
/// a writer that was cut off right after a commit leaves the line of the one before.
fn verify_active_sum(
    layout: &Layout,
    sum: Option<&str>,
    file: &FileReport,
    report: &mut VerifyReport,
) {
    let sums = layout.sums();
    let sums = sums.display();
    let name = archive_file_name(file.number);
    let is_behind = match sum {
        Some(sum) if file.commit_sums.iter().any(|it| it == sum) => {
            file.commit_sums.last().is_some_and(|it| it != sum)
        }
        None if file.commit_sums.len() <= 1 => true,
        _ => {
            report.problems.push(format!("{sums} was changed: its line for {name} fits no commit"));
            false
        }
    };
    if is_behind {
        report
            .notes
            .push(format!("{sums} is behind the last commit: a writer is at work or was cut off"));
    }
}

fn verify_file(
    layout: &Layout,
    number: u32,
    length: Option<u64>,
    expected: Option<&str>,
) -> FileReport {
    let mut report = FileReport { number, ..FileReport::default() };
    let path = layout.archive_file(number);
    let mut frames = match Frames::open(&path, length) {
        Ok(frames) => frames,
        Err(error) => {
            report.problems.push(error.to_string());
            return report;
        }
    };
    let read = frames.bytes().len() as u64;
    report.bytes_beyond = fs::metadata(&path).map_or(0, |it| it.len().saturating_sub(read));
    let sha256 = hex(&Sha256::digest(frames.bytes()));
    match expected {
        Some(expected) if expected == sha256 => {}
        Some(_) => {
            let path = path.display();
            report.problems.push(format!("{path} was changed: its SHA-256 is {sha256}"));
        }
        None => {
            report.problems.push(format!("{} has no line in SHA256SUMS", path.display()));
        }
    }
    let mut parser = Parser::new();
    let mut documents = Documents::default();
    let mut hasher = Sha256::new();
    let mut hashed_to = 0;
    loop {
        match frames.next() {
            Ok(Some(Frame::Block { offset, lines })) => {
                let mut locations = Vec::new();
                for (line, bytes) in (0_u16..).zip(lines_of(&lines)) {
                    let read = parse_line(bytes).and_then(|record| {
                        let event =
                            parser.parse(&record.message).map_err(|error| error.to_string())?;
                        let leg = IdHash::of_leg(&event.trace_id, &record.message);
                        documents.push(&record, &event, leg);
                        locations.push(Location { file: number, offset, line });
                        Ok(())
                    });
                    if let Err(reason) = read {
                        report.problems.push(format!(
                            "{}, block at byte {offset}, line {}: {reason}",
                            path.display(),
                            line + 1
                        ));
                    }
                }
                let located = documents.take().zip(locations).map(|(it, at)| it.at(at));
                report.fingerprint.add_documents(located);
            }
            Ok(Some(Frame::Note { json, end })) => {
                let end = usize::try_from(end).unwrap_or(usize::MAX);
                hasher.update(frames.bytes().get(hashed_to..end).unwrap_or_default());
                hashed_to = end;
                report.commit_sums.push(hex(&hasher.clone().finalize()));
                match serde_json::from_slice::<CommitNote>(&json) {
                    Ok(note) => report.notes.push(note),
                    Err(error) => report
                        .problems
                        .push(format!("{}, note before byte {end}: {error}", path.display())),
                }
            }
            Ok(None) => return report,
            Err(error) => {
                report.problems.push(error.to_string());
                if !frames.skip_damage() {
                    return report;
                }
            }
        }
    }
}

fn verify_index(
    snapshot: &IndexSnapshot,
    checkpoint: &Checkpoint,
    archived: &BTreeMap<u32, Fingerprint>,
    report: &mut VerifyReport,
) {
    let is_archive_sound = report.problems.is_empty();
    report.documents = snapshot.searcher().num_docs();
    if report.documents != checkpoint.records {
        report.problems.push(format!(
            "the index holds {} documents, and its commit says {}",
            report.documents, checkpoint.records
        ));
    }
    let indexed = match quietly(|| fingerprints_of_index(snapshot)) {
        Ok(Ok(indexed)) => indexed,
        Ok(Err(error)) => {
            report.problems.push(format!("the index cannot be read: {error}"));
            return;
        }
        Err(panic) => {
            report.problems.push(format!("the index cannot be read: {panic}"));
            return;
        }
    };
    let numbers: std::collections::BTreeSet<u32> =
        archived.keys().chain(indexed.keys()).copied().collect();
    for number in numbers {
        let nothing = Fingerprint::default();
        let archived = archived.get(&number).unwrap_or(&nothing);
        let indexed = indexed.get(&number).unwrap_or(&nothing);
        if archived != indexed {
            // A reindex makes the index agree with what is left of a damaged archive.
            let advice = if is_archive_sound { ": `mailtrace reindex` rebuilds it" } else { "" };
            report.problems.push(format!(
                "the index disagrees with {} ({} records archived, {} indexed){advice}",
                archive_file_name(number),
                archived.count,
                indexed.count
            ));
        }
    }
}

/// A rejected file is named by the hash of its content.
fn verify_rejected(layout: &Layout, report: &mut VerifyReport) -> Result<(), StoreError> {
    let dir = layout.rejected();
    // Copies of a store may lack it when it was empty.
    if !dir.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(&dir).map_err(StoreError::io("read the directory", &dir))? {
        let path = entry.map_err(StoreError::io("read the directory", &dir))?.path();
        let Some(name) = path.file_name().and_then(|it| it.to_str()) else { continue };
        let Some(expected) = name.strip_suffix(".ndjson") else { continue };
        let length = fs::metadata(&path).map_err(StoreError::io("inspect", &path))?.len();
        let sha256 = hex(&hash_prefix(&path, length)?.finalize());
        if !sha256.starts_with(expected) {
            report.problems.push(format!("{} was changed", path.display()));
        }
    }
    Ok(())
}
