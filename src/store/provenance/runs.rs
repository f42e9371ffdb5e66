//! The sources of a commit's records, in runs.
//!
//! A run is a stretch of one archive block whose records follow one another in one source, the same
//! number of lines apart. A file with one record a line makes one run of each block, about seven
//! bytes before compression.

use std::collections::HashMap;

use super::origin::OriginId;
use crate::limits;
use crate::store::archive::Location;

/// The place of a record in its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line of the decompressed input on which it begins, from 1.
    pub line: u64,
    /// The byte of the decompressed input at which it begins, from 0, if known.
    pub byte_offset: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Run {
    /// The location of its first record.
    start: Location,
    count: u16,
    origin: OriginId,
    /// The line of its first record; none if the source has no lines.
    line: Option<u64>,
    line_step: u64,
    /// The bytes at which the records begin, if the lines do not tell them apart: several records
    /// on one line, or a single record.
    byte_offsets: Vec<u64>,
}

impl Run {
    /// The line on which the next record would be.
    fn next_line(&self) -> Option<u64> {
        self.line.map(|it| it + self.line_step * u64::from(self.count))
    }

    /// Adds the record if it continues the run; false if it does not.
    fn extend(&mut self, at: Location, origin: OriginId, place: Option<Place>) -> bool {
        let is_next = at.file == self.start.file
            && at.offset == self.start.offset
            && u32::from(at.line) == u32::from(self.start.line) + u32::from(self.count);
        if !is_next || origin != self.origin || place.is_some() != self.line.is_some() {
            return false;
        }
        if let (Some(place), Some(line)) = (place, self.line) {
            let Some(step) = place.line.checked_sub(line) else { return false };
            if self.count == 1 {
                // Two records decide how far apart the lines are; the others have to follow.
                self.line_step = step;
            } else if self.next_line() != Some(place.line) {
                return false;
            }
            // The offsets of all records or of none: they are found by the record's index. Where
            // each record has a line of its own, that says enough.
            let is_told = self.byte_offsets.len() == usize::from(self.count);
            match place.byte_offset.filter(|_| self.line_step == 0 && is_told) {
                Some(byte) => self.byte_offsets.push(byte),
                None => self.byte_offsets.clear(),
            }
        }
        self.count += 1;
        true
    }
}

/// The runs of a commit, in the order in which their records are archived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Runs(Vec<Run>);

/// Bytes that a run takes at least: flags, offset, line, count and source.
const RUN_BYTES_MIN: usize = 5;

impl Runs {
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the record that is archived next.
    pub(in crate::store) fn push(&mut self, at: Location, origin: OriginId, place: Option<Place>) {
        if self.0.last_mut().is_some_and(|it| it.extend(at, origin, place)) {
            return;
        }
        self.0.push(Run {
            start: at,
            count: 1,
            origin,
            line: place.map(|it| it.line),
            line_step: 0,
            byte_offsets: place.and_then(|it| it.byte_offset).into_iter().collect(),
        });
    }

    /// Adds runs of other records, of the files for which `is_meant` holds.
    pub(in crate::store) fn add_others<'r>(
        &mut self,
        others: impl Iterator<Item = &'r Self>,
        is_meant: impl Fn(u32) -> bool,
    ) {
        let meant = others.flat_map(|it| &it.0).filter(|it| is_meant(it.start.file));
        self.0.extend(meant.cloned());
        // `find` and the encoding rely on the order.
        self.0.sort_by_key(|it| it.start);
    }

    /// True if some of the runs are about records of that file.
    pub(in crate::store) fn has_file(&self, file: u32) -> bool {
        let first = self.0.partition_point(|it| it.start.file < file);
        self.0.get(first).is_some_and(|it| it.start.file == file)
    }

    /// The number of records of each run, with the archive file that they are in.
    pub(in crate::store) fn counts(&self) -> impl Iterator<Item = (u32, u64)> {
        self.0.iter().map(|it| (it.start.file, u64::from(it.count)))
    }

    /// Returns the source of a record, its line there, and its byte if the line alone does not
    /// tell.
    pub(in crate::store) fn find(
        &self,
        at: Location,
    ) -> Option<(OriginId, Option<u64>, Option<u64>)> {
        let behind = self.0.partition_point(|it| it.start <= at);
        let run = self.0.get(behind.checked_sub(1)?)?;
        let index = at.line.checked_sub(run.start.line).filter(|it| *it < run.count)?;
        if (run.start.file, run.start.offset) != (at.file, at.offset) {
            return None;
        }
        let line = run.line.map(|it| it + run.line_step * u64::from(index));
        Some((run.origin, line, run.byte_offsets.get(usize::from(index)).copied()))
    }

    /// Encodes the runs; `origins` are those that the commit notes, in its order.
    pub(in crate::store) fn encode(&self, origins: &[OriginId]) -> Vec<u8> {
        let indices: HashMap<OriginId, u64> = origins.iter().copied().zip(0..).collect();
        let mut bytes = Vec::with_capacity(self.0.len() * 8);
        let mut before = Before::default();
        push_number(&mut bytes, self.0.len() as u64);
        for run in &self.0 {
            // An index, as IDs are random bytes that do not compress.
            let origin = indices.get(&run.origin).copied().unwrap_or(u64::MAX);
            let has_bytes = !run.byte_offsets.is_empty();
            let flags = u64::from(run.line.is_some()) | u64::from(has_bytes) << 1;
            if run.start.file != before.file {
                // A flag, as few runs begin a file: the others need no number for it.
                before = Before { file: run.start.file, offset: 0, ..before };
                push_number(&mut bytes, flags | NEW_FILE);
                push_number(&mut bytes, u64::from(run.start.file));
            } else {
                push_number(&mut bytes, flags);
            }
            push_number(&mut bytes, u64::from(run.start.offset - before.offset));
            push_number(&mut bytes, u64::from(run.start.line));
            push_number(&mut bytes, u64::from(run.count));
            push_number(&mut bytes, origin);
            if let Some(line) = run.line {
                push_number(&mut bytes, zigzag(line, before.line));
                push_number(&mut bytes, run.line_step);
            }
            for offset in &run.byte_offsets {
                push_number(&mut bytes, zigzag(*offset, before.byte));
                before.byte = *offset;
            }
            before.offset = run.start.offset;
            before.line = run.next_line().unwrap_or(before.line);
        }
        bytes
    }

    /// Decodes runs.
    pub(in crate::store) fn decode(bytes: &[u8], origins: &[OriginId]) -> Result<Self, String> {
        Self::read(bytes, origins).ok_or_else(|| "its runs cannot be read".to_owned())
    }

    fn read(mut bytes: &[u8], origins: &[OriginId]) -> Option<Self> {
        let bytes = &mut bytes;
        let count = usize::try_from(take_number(bytes)?).ok()?;
        // Bounds what a doctored count can allocate.
        let mut runs = Vec::with_capacity(count.min(bytes.len() / RUN_BYTES_MIN));
        let mut before = Before::default();
        for _ in 0..count {
            let flags = take_number(bytes)?;
            if flags & NEW_FILE != 0 {
                let file = u32::try_from(take_number(bytes)?).ok()?;
                before = Before { file, offset: 0, ..before };
            }
            let offset = before.offset.checked_add(u32::try_from(take_number(bytes)?).ok()?)?;
            let line = u16::try_from(take_number(bytes)?).ok()?;
            let count = u16::try_from(take_number(bytes)?).ok()?;
            let origin = *origins.get(usize::try_from(take_number(bytes)?).ok()?)?;
            let mut run = Run {
                start: Location { file: before.file, offset, line },
                count: count.min(u16::try_from(limits::BLOCK_RECORDS_MAX).ok()?),
                origin,
                line: None,
                line_step: 0,
                byte_offsets: Vec::new(),
            };
            if flags & HAS_LINE != 0 {
                run.line = Some(unzigzag(take_number(bytes)?, before.line));
                run.line_step = take_number(bytes)?;
                // Checked here once, so that later arithmetic on lines cannot overflow.
                run.line?.checked_add(run.line_step.checked_mul(u64::from(run.count))?)?;
            }
            if flags & HAS_BYTES != 0 {
                for _ in 0..run.count {
                    before.byte = unzigzag(take_number(bytes)?, before.byte);
                    run.byte_offsets.push(before.byte);
                }
            }
            before.offset = offset;
            before.line = run.next_line().unwrap_or(before.line);
            runs.push(run);
        }
        bytes.is_empty().then_some(Self(runs))
    }
}

const HAS_LINE: u64 = 1;
const HAS_BYTES: u64 = 2;
const NEW_FILE: u64 = 4;

/// The values of the run before, from which the next run's are encoded as differences.
#[derive(Clone, Copy, Default)]
struct Before {
    file: u32,
    offset: u32,
    line: u64,
    byte: u64,
}

/// The difference from `before`: a small number if they are close, whichever is larger.
fn zigzag(number: u64, before: u64) -> u64 {
    let difference = number.wrapping_sub(before).cast_signed();
    ((difference << 1) ^ (difference >> 63)).cast_unsigned()
}

fn unzigzag(difference: u64, before: u64) -> u64 {
    before.wrapping_add((difference >> 1) ^ (difference & 1).wrapping_neg())
}

/// Appends a number with seven bits a byte, the lowest first (LEB128).
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [.., low] = (number & 0x7f).to_be_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(ordinal: u64) -> OriginId {
        OriginId::new("head", ordinal, "name")
    }

    #[test]
    fn a_file_with_one_record_a_line_makes_one_run_of_each_block() {
        let mut runs = Runs::default();
        for block in 0..100_u32 {
            for line in 0..150_u16 {
                let at = Location { file: 1, offset: block * 8_000, line };
                let place = Place {
                    line: u64::from(block) * 150 + u64::from(line) + 1,
                    byte_offset: Some(u64::from(block) * 70_000 + u64::from(line) * 450),
                };
                runs.push(at, id(0), Some(place));
            }
        }
        assert_eq!(runs.0.len(), 100);
        let bytes = runs.encode(&[id(0)]);
        assert!(bytes.len() < 1_000, "{}", bytes.len());
        let found = runs.find(Location { file: 1, offset: 16_000, line: 7 });
        assert_eq!(found, Some((id(0), Some(308), None)));
        assert_eq!(runs.find(Location { file: 1, offset: 16_000, line: 150 }), None);
        assert_eq!(runs.find(Location { file: 1, offset: 16_001, line: 0 }), None);
    }

    proptest! {
        #[test]
        fn each_record_is_found_with_its_place_after_a_round_trip(
            steps in proptest::collection::vec(
                (0u64..3, proptest::option::of((0u64..4, 0u64..900)), 0u8..8), 0..200
            ),
        ) {
            let origins = [id(0), id(1), id(2)];
            let mut runs = Runs::default();
            let (mut at, mut line, mut byte) = (Location { file: 1, offset: 0, line: 0 }, 1, 0);
            let mut expected = Vec::new();
            for (origin, place, jump) in steps {
                at = match jump {
                    0 => Location { file: at.file + 1, offset: 0, line: 0 },
                    1 => Location { offset: at.offset + 5_000, line: 0, ..at },
                    2 => Location { line: at.line + 3, ..at },
                    _ => Location { line: at.line + 1, ..at },
                };
                let place = place.map(|(lines, bytes)| {
                    (line, byte) = (line + lines, byte + bytes);
                    Place { line, byte_offset: (jump != 7).then_some(byte) }
                });
                runs.push(at, origins[usize::try_from(origin).unwrap()], place);
                expected.push((at, origins[usize::try_from(origin).unwrap()], place));
            }
            let bytes = runs.encode(&origins);
            let read = Runs::decode(&bytes, &origins).unwrap();
            prop_assert_eq!(&read, &runs);
            for (at, origin, place) in expected {
                let (found, line, byte) = read.find(at).unwrap();
                prop_assert_eq!((found, line), (origin, place.map(|it| it.line)));
                if let Some(byte) = byte {
                    prop_assert_eq!(Some(byte), place.and_then(|it| it.byte_offset));
                }
            }
            prop_assert!(bytes.is_empty() || Runs::decode(&bytes[..bytes.len() - 1], &origins).is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _is_read_or_not = Runs::decode(&bytes, &[id(0)]);
        }
    }
}
