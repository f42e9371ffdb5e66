//! Comparing what the index says of each record with the record itself.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::archive::{ArchiveCheck, FileCheck};
use super::report::VerifyReport;
use crate::event::Parser;
use crate::limits;
use crate::store::archive::Extent;
use crate::store::archive::{Frame, Frames, Location, lines_of, parse_line};
use crate::store::audit_index::{AuditIndex, compare_audit, other_documents_of};
use crate::store::index::{
    Document, Documents, Fingerprint, IdHash, IndexSnapshot, fingerprints_of_index, quietly,
};
use crate::store::layout::{Layout, archive_file_name};

/// Compares every file, and names the records that differ.
pub(super) fn compare(
    layout: &Layout,
    archive: &ArchiveCheck,
    (snapshot, audit): (&IndexSnapshot, Option<&AuditIndex>),
    report: &mut VerifyReport,
) {
    let is_archive_sound = report.problems.is_empty();
    let archived: BTreeMap<u32, Fingerprint> = archive
        .files
        .par_iter()
        .map(|file| {
            let mut fingerprint = Fingerprint::default();
            each_block(layout, file, |documents| {
                fingerprint.add_documents(documents.into_iter());
            });
            (file.number, fingerprint)
        })
        .collect();
    let others = compare_others(layout, archive, audit, report);
    report.records = archived.values().map(|it| it.count).sum::<u64>() + others;
    let by_file = |bits: u64| Some(u64::from(Location::from_bits(bits).file));
    let indexed = match quietly(|| fingerprints_of_index(snapshot, &by_file)) {
        Ok(Ok(indexed)) => indexed,
        Ok(Err(error)) => {
            return report.problems.push(format!("the index cannot be read: {error}"));
        }
        Err(panic) => return report.problems.push(format!("the index cannot be read: {panic}")),
    };
    let indexed: BTreeMap<u32, Fingerprint> = indexed
        .into_iter()
        .map(|(file, it)| (u32::try_from(file).unwrap_or(u32::MAX), it))
        .collect();
    let numbers: BTreeSet<u32> = archived.keys().chain(indexed.keys()).copied().collect();
    for number in numbers {
        let nothing = Fingerprint::default();
        let of_archive = archived.get(&number).unwrap_or(&nothing);
        let of_index = indexed.get(&number).unwrap_or(&nothing);
        // A sum for each file first: finding the records that differ takes a sum for each record.
        if of_archive == of_index {
            continue;
        }
        // With a damaged archive a reindex would only make the index agree with what is left.
        let advice = if is_archive_sound { ": `mailtrace reindex` rebuilds it" } else { "" };
        report.problems.push(format!(
            "the index disagrees with {} ({} records archived, {} indexed){advice}",
            archive_file_name(number),
            of_archive.count,
            of_index.count
        ));
        let file = archive.files.iter().find(|it| it.number == number);
        let differing = file.map_or_else(Default::default, |it| differing(layout, it, snapshot));
        report.problems.extend(named(&differing));
    }
}

/// Compares the records that are no email events, and counts them.
fn compare_others(
    layout: &Layout,
    archive: &ArchiveCheck,
    audit: Option<&AuditIndex>,
    report: &mut VerifyReport,
) -> u64 {
    let mut parser = Parser::new();
    let mut count = 0;
    let documents = archive.files.iter().flat_map(|file| {
        let mut documents = Vec::new();
        each_raw_block(layout, file, |offset, lines| {
            documents.extend(other_documents_of(&mut parser, file.number, offset, lines));
        });
        count += documents.len() as u64;
        documents
    });
    let compared = quietly(|| compare_audit(audit, documents));
    match compared {
        Ok(Ok(files)) => report.problems.extend(files.into_iter().map(|file| {
            format!(
                "the index of audit events disagrees with {}: `mailtrace reindex` rebuilds it",
                archive_file_name(file)
            )
        })),
        Ok(Err(error)) => {
            report.problems.push(format!("the index of audit events cannot be read: {error}"));
        }
        Err(panic) => {
            report.problems.push(format!("the index of audit events cannot be read: {panic}"));
        }
    }
    count
}

/// Returns the places of records of which the index says something else or nothing, and of
/// documents that have no record.
pub(super) fn differing(
    layout: &Layout,
    file: &FileCheck,
    snapshot: &IndexSnapshot,
) -> Vec<Location> {
    let mut archived: BTreeMap<u64, Fingerprint> = BTreeMap::new();
    each_block(layout, file, |documents| {
        for document in documents {
            let at = document.location().to_bits();
            archived.entry(at).or_default().add_documents(std::iter::once(document));
        }
    });
    let of_file = |bits: u64| (Location::from_bits(bits).file == file.number).then_some(bits);
    let Ok(Ok(indexed)) = quietly(|| fingerprints_of_index(snapshot, &of_file)) else {
        return Vec::new();
    };
    let places: BTreeSet<u64> = archived.keys().chain(indexed.keys()).copied().collect();
    let differ = places.into_iter().filter(|it| archived.get(it) != indexed.get(it));
    differ.map(Location::from_bits).collect()
}

/// Names the first few records, a line each, and counts the others.
fn named(differing: &[Location]) -> Vec<String> {
    let mut lines: Vec<String> = differing
        .iter()
        .take(limits::DIFFERING_DOCUMENTS_SHOWN)
        .map(|it| {
            format!(
                "the index disagrees with {}, block at byte {}, line {}",
                it.file_name(),
                it.offset,
                u32::from(it.line) + 1
            )
        })
        .collect();
    let more = differing.len() - lines.len();
    if more > 0 {
        lines.push(format!("and with {more} more records of that file"));
    }
    lines
}

/// Hands over what the index should hold of each block that can be read.
fn each_block(layout: &Layout, file: &FileCheck, mut visit: impl FnMut(Vec<Document>)) {
    let mut parser = Parser::new();
    let mut documents = Documents::default();
    each_raw_block(layout, file, |offset, lines| {
        let mut locations = Vec::new();
        for (line, bytes) in (0_u16..).zip(lines_of(lines)) {
            let Ok(record) = parse_line(bytes) else { continue };
            // Other records are in the index of audit events.
            let Ok(event) = parser.parse(&record.message) else { continue };
            let leg = IdHash::of_leg(&event.trace_id, &record.message);
            documents.push(&record, &event, leg);
            locations.push(Location { file: file.number, offset, line });
        }
        visit(documents.take().zip(locations).map(|(it, at)| it.at(at)).collect());
    });
}

/// Hands over the lines of each block that can be read.
fn each_raw_block(layout: &Layout, file: &FileCheck, mut visit: impl FnMut(u32, &[u8])) {
    // A file that is shorter than its commit says is read as far as it goes.
    let Ok(mut frames) = Frames::open(layout, file.number, file.extent)
        .or_else(|_| Frames::open(layout, file.number, Extent::Whole))
    else {
        return;
    };
    loop {
        match frames.next() {
            Ok(Some(Frame::Block { offset, lines })) => visit(offset, &lines),
            Ok(Some(Frame::Note { .. })) => {}
            Ok(None) => return,
            Err(_) if frames.skip_damage() => {}
            Err(_) => return,
        }
    }
}
