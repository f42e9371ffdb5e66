//! The originals: append-only zstd files of NDJSON, one record a line.
//!
//! A file is a sequence of zstd frames. A frame with lines is a *block*, which can be read without
//! the rest; a skippable frame is the note of a commit. `zstd -dc FILE` passes over the notes and
//! prints the records.

mod block;
mod frames;
mod line;
mod position;
mod reader;
mod sums;
mod writer;

pub(super) use block::{compress_block, cut, decompress_block, lines_of};
pub(super) use frames::{Frame, Frames, NotePlace};
pub(super) use line::{parse_line, write_line};
pub(super) use position::{ArchivePosition, Extent};
pub(super) use reader::{ArchiveFiles, ArchiveReader};
pub(super) use sums::{Sums, SumsBefore, hash_archive_file, hash_on, hash_prefix};
pub(super) use writer::{ArchiveWriter, remove_files_after};

use crate::limits;

/// The place of a record: its file, the byte at which its block begins, and its line there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    pub(super) file: u32,
    pub(super) offset: u32,
    pub(super) line: u16,
}

const LINE_BITS: u32 = limits::BLOCK_RECORDS_MAX.ilog2();
// The other 20 bits hold the file's number: hence `ARCHIVE_FILES_MAX`.
const OFFSET_BITS: u32 = 32;

impl Location {
    /// The name of the archive file.
    pub(super) fn file_name(self) -> String {
        super::layout::archive_file_name(self.file)
    }

    /// Packs the location into the 64 bits that the index keeps: file, offset and line, in this
    /// order, so that the numbers sort like the archive.
    pub(crate) fn to_bits(self) -> u64 {
        (u64::from(self.file) << (OFFSET_BITS + LINE_BITS))
            | (u64::from(self.offset) << LINE_BITS)
            | u64::from(self.line)
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        let low = |bits: u64, count: u32| bits & ((1 << count) - 1);
        Self {
            file: u32::try_from(bits >> (OFFSET_BITS + LINE_BITS)).unwrap_or(u32::MAX),
            offset: u32::try_from(low(bits >> LINE_BITS, OFFSET_BITS)).unwrap_or(u32::MAX),
            line: u16::try_from(low(bits, LINE_BITS)).unwrap_or(u16::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn locations_survive_their_bits(file in 0u32..1 << 20, offset: u32, line in 0u16..1 << 12) {
            let location = Location { file, offset, line };
            prop_assert_eq!(Location::from_bits(location.to_bits()), location);
        }
    }
}
