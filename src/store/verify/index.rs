//! Checking the index's files, and its counts.

use std::collections::BTreeMap;

use super::archive::ArchiveCheck;
use super::report::VerifyReport;
use super::{Meter, bytes_in};
use crate::store::audit_index::AuditIndex;
use crate::store::derived_index::check_derived_files;
use crate::store::error::StoreError;
use crate::store::index::{CommittedIndex, IndexSnapshot, check_segment_files, quietly};
use crate::store::layout::{Layout, archive_file_name};
use crate::store::ledger::checkpoint::Checkpoint;
use crate::store::names::{AUDIT, MESSAGES};

/// Opens the latest commit, and the index with it unless its files are damaged.
pub(super) fn open(
    layout: &Layout,
    meter: &Meter<'_>,
    report: &mut VerifyReport,
) -> (Option<IndexSnapshot>, Option<Checkpoint>) {
    let path = layout.index();
    let opened = quietly(|| {
        let committed = CommittedIndex::open(layout)?;
        let checkpoint = committed.checkpoint()?;
        Ok::<_, StoreError>((committed, checkpoint))
    });
    let (committed, checkpoint) = match opened {
        Ok(Ok(opened)) => opened,
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
    // Before any segment is opened: on damaged ones tantivy may panic, which `quietly` catches, or
    // ask for so much memory that the process is aborted, which nothing does.
    match quietly(|| check_segment_files(committed.index())) {
        Ok(Ok(damaged)) => {
            for (file, reason) in damaged {
                let file = path.join(file);
                report.problems.push(format!("{} was changed: {reason}", file.display()));
            }
        }
        Ok(Err(error)) => report.problems.push(format!("the index cannot be checked: {error}")),
        Err(panic) => report.problems.push(format!("the index cannot be checked: {panic}")),
    }
    meter.add(bytes_in(layout.index_dir()));
    if report.problems.len() > problem_count {
        return (None, Some(checkpoint));
    }
    match IndexSnapshot::of(&committed) {
        Ok((snapshot, checkpoint)) => (Some(snapshot), Some(checkpoint)),
        Err(error) => {
            report.problems.push(error.to_string());
            (None, Some(checkpoint))
        }
    }
}

/// Checks the files of the message table, if there is one.
pub(super) fn check_table(layout: &Layout, report: &mut VerifyReport) {
    check_derived(layout, MESSAGES, report);
}

/// Checks the files of a derived index, if there is one.
fn check_derived(layout: &Layout, name: &str, report: &mut VerifyReport) {
    let advice = "`mailtrace reindex` rebuilds it";
    let path = layout.root().join(name);
    match quietly(|| check_derived_files(layout, name)) {
        Ok(Ok(damaged)) => report.problems.extend(damaged.into_iter().map(|(file, reason)| {
            format!("{} was changed: {reason}: {advice}", path.join(file).display())
        })),
        Ok(Err(error)) => report.problems.push(format!("{error}: {advice}")),
        Err(panic) => {
            report.problems.push(format!("{} cannot be read: {panic}: {advice}", path.display()));
        }
    }
}

/// Checks the files of the index of audit events, if there is one, and opens it.
pub(super) fn open_audit(
    layout: &Layout,
    checkpoint: &Checkpoint,
    report: &mut VerifyReport,
) -> Option<AuditIndex> {
    let problem_count = report.problems.len();
    check_derived(layout, AUDIT, report);
    if report.problems.len() > problem_count {
        return None;
    }
    AuditIndex::open(layout, checkpoint).unwrap_or_else(|error| {
        report.problems.push(error.to_string());
        None
    })
}

/// Compares, for each archive file, the number of records in the archive's notes with that in the
/// index.
pub(super) fn compare_counts(
    snapshot: &IndexSnapshot,
    audit: Option<&AuditIndex>,
    checkpoint: &Checkpoint,
    archive: &ArchiveCheck,
    report: &mut VerifyReport,
) {
    if report.documents != checkpoint.records {
        report.problems.push(format!(
            "the index holds {} documents, but its commit says {}",
            report.documents, checkpoint.records
        ));
    }
    let mut told: BTreeMap<u32, u64> = BTreeMap::new();
    // A note may count records of a file that was removed since.
    let is_there = |number: u32| archive.files.iter().any(|it| it.number == number);
    let counts = archive.commits().flat_map(|(_, it)| it.note.runs.counts());
    for (file, count) in counts.filter(|(file, _)| is_there(*file)) {
        *told.entry(file).or_default() += count;
    }
    // Earlier builds noted no runs, so nothing says which file has their records. And after other
    // problems, a difference is no news.
    if told.values().sum::<u64>() != archive.records() || !report.problems.is_empty() {
        return;
    }
    let counts = || {
        let mut counts = snapshot.counts_by_file();
        for (place, _) in audit.into_iter().flat_map(AuditIndex::places) {
            *counts.entry(place.file).or_default() += 1;
        }
        counts
    };
    let indexed = match quietly(counts) {
        Ok(indexed) => indexed,
        Err(panic) => {
            report.problems.push(format!("the index cannot be read: {panic}"));
            return;
        }
    };
    let files: std::collections::BTreeSet<u32> =
        told.keys().chain(indexed.keys()).copied().collect();
    for file in files {
        let count = |of: &BTreeMap<u32, u64>| of.get(&file).copied().unwrap_or(0);
        if count(&told) != count(&indexed) {
            report.problems.push(format!(
                "the index disagrees with {} ({} records archived, {} indexed): `mailtrace reindex` rebuilds it",
                archive_file_name(file),
                count(&told),
                count(&indexed)
            ));
        }
    }
}
