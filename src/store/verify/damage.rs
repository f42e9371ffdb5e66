//! Naming the records that damage to the archive affects: the index still knows the place and the
//! time of each.

use std::collections::BTreeSet;

use super::archive::{ArchiveCheck, FileCheck};
use super::compare::differing;
use super::report::{Damage, VerifyReport};
use crate::limits;
use crate::store::archive::Extent;
use crate::store::archive::{Frame, Frames, Location};
use crate::store::audit_index::AuditIndex;
use crate::store::index::IndexSnapshot;
use crate::store::layout::{Layout, archive_file_name};
use crate::time::Timestamp;

/// Reports for each missing or damaged file which records can no longer be read, or have changed.
pub(super) fn tell(
    layout: &Layout,
    archive: &ArchiveCheck,
    (snapshot, audit): (&IndexSnapshot, Option<&AuditIndex>),
    report: &mut VerifyReport,
) {
    let places_of_file = |number| {
        let mut places = snapshot.places_of_file(number);
        let others = audit.into_iter().flat_map(AuditIndex::places);
        places.extend(others.filter(|(it, _)| it.file == number));
        places.sort_unstable();
        places
    };
    for number in &archive.missing {
        let lost = places_of_file(*number);
        tell_stretches(layout, "are gone", lost, |_, _| false, report);
    }
    for file in archive.files.iter().filter(|it| it.is_damaged) {
        let places = places_of_file(file.number);
        let intact = intact_blocks(layout, file);
        let (there, lost): (Vec<_>, Vec<_>) =
            places.into_iter().partition(|(at, _)| intact.contains(&at.offset));
        let is_any_lost = !lost.is_empty();
        // Lost records on both sides of a readable block are two stretches.
        let is_between =
            |from: Location, to: Location| intact.range(from.offset..to.offset).next().is_some();
        tell_stretches(layout, "cannot be read", lost, is_between, report);
        // A block may have been replaced by another that can be read: only the index knows.
        let changed: BTreeSet<Location> = differing(layout, file, snapshot).into_iter().collect();
        let changed: Vec<_> = there.into_iter().filter(|(at, _)| changed.contains(at)).collect();
        if changed.is_empty() && !is_any_lost {
            report.notes.push(format!(
                "{}: no record is affected, as far as the index shows",
                layout.archive_file(file.number).display()
            ));
        }
        let is_apart = |from: Location, to: Location| {
            (from.offset, u32::from(from.line) + 1) != (to.offset, u32::from(to.line))
        };
        tell_stretches(layout, "were changed", changed, is_apart, report);
    }
}

/// Returns where the blocks begin that can be read.
fn intact_blocks(layout: &Layout, file: &FileCheck) -> BTreeSet<u32> {
    let mut intact = BTreeSet::new();
    let Ok(mut frames) = Frames::open(layout, file.number, file.extent)
        .or_else(|_| Frames::open(layout, file.number, Extent::Whole))
    else {
        return intact;
    };
    loop {
        match frames.next() {
            Ok(Some(Frame::Block { offset, .. })) => _ = intact.insert(offset),
            Ok(Some(Frame::Note { .. })) => {}
            Ok(None) => return intact,
            Err(_) if frames.skip_damage() => {}
            Err(_) => return intact,
        }
    }
}

/// Joins neighbouring records into stretches, and reports each.
fn tell_stretches(
    layout: &Layout,
    what: &str,
    places: Vec<(Location, i64)>,
    is_apart: impl Fn(Location, Location) -> bool,
    report: &mut VerifyReport,
) {
    let mut stretches: Vec<Damage> = Vec::new();
    let mut before: Option<Location> = None;
    let mut file = 0;
    for (at, ms) in places {
        file = at.file;
        let time = Timestamp::from_ms(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        // Beyond the bound the last stretch takes in all that follows.
        let goes_on = before.is_some_and(|before| !is_apart(before, at))
            || stretches.len() >= limits::DAMAGE_STRETCHES_MAX;
        before = Some(at);
        match stretches.last_mut().filter(|_| goes_on) {
            Some(stretch) => {
                stretch.last_block = u64::from(at.offset);
                stretch.last_line = u64::from(at.line) + 1;
                stretch.records += 1;
                stretch.first = stretch.first.min(time);
                stretch.last = stretch.last.max(time);
            }
            None => stretches.push(Damage {
                archive_file: archive_file_name(at.file),
                first_block: u64::from(at.offset),
                last_block: u64::from(at.offset),
                first_line: u64::from(at.line) + 1,
                last_line: u64::from(at.line) + 1,
                records: 1,
                first: time,
                last: time,
            }),
        }
    }
    for it in &stretches {
        let blocks = if it.first_block == it.last_block {
            format!("block at byte {}, lines {} to {}", it.first_block, it.first_line, it.last_line)
        } else {
            format!(
                "from line {} of the block at byte {} to line {} of the block at byte {}",
                it.first_line, it.first_block, it.last_line, it.last_block
            )
        };
        report.problems.push(format!(
            "{}, {blocks}: {} records from {} to {} {what}",
            layout.archive_file(file).display(),
            it.records,
            it.first,
            it.last
        ));
    }
    report.damage.extend(stretches);
}
