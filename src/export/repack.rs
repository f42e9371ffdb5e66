//! Compares a zip, to the last byte, with the one that its contents make.
//!
//! Checking the contents says nothing about what surrounds them: headers, slack after the end of
//! compressed data, comments, extra fields. Since packing is deterministic, the expected zip is
//! packed again and compared on the fly; nothing is written anywhere.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

/// Maximum number of bytes that may differ for the time being: a header is written before its
/// values are known, and again afterwards. The headers of [`crate::limits::BUNDLE_FILES_MAX`] files
/// have fewer.
const PENDING_BYTES_MAX: usize = 4_096;

/// Bytes that are compared at a time.
const PIECE_BYTES: usize = 64 << 10;

/// A writer that compares what is written with a file.
pub(super) struct Comparer {
    file: File,
    length: u64,
    position: u64,
    /// The end of what was written so far.
    end: u64,
    /// Offsets at which the latest written byte differs from the file.
    differing: BTreeSet<u64>,
    /// True once so much differs that comparing has stopped.
    is_other: bool,
}

impl Comparer {
    /// Compares with a file from its beginning. The file's own position is neither used nor
    /// changed.
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let differing = BTreeSet::new();
        Ok(Self { file, length, position: 0, end: 0, differing, is_other: false })
    }

    /// Returns the first byte at which the file differs from what was written.
    pub(super) fn difference(&self) -> Option<u64> {
        let rest = (self.end != self.length).then_some(self.end.min(self.length));
        self.differing.first().copied().or(rest)
    }

    fn compare(&mut self, written: &[u8]) -> io::Result<()> {
        let mut held = vec![0; written.len()];
        let held_count = read_at(&self.file, &mut held, self.position)?;
        held.truncate(held_count);
        // The normal case costs one comparison, not a set operation per byte.
        if self.differing.is_empty() && held == written {
            return Ok(());
        }
        for (place, (index, byte)) in (self.position..).zip(written.iter().enumerate()) {
            if held.get(index) == Some(byte) {
                // Written again, a header may turn out right.
                self.differing.remove(&place);
            } else {
                self.differing.insert(place);
            }
            if self.differing.len() > PENDING_BYTES_MAX {
                self.is_other = true;
                break;
            }
        }
        Ok(())
    }
}

/// Reads until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut count = 0;
    while let Some(rest) = buffer.get_mut(count..).filter(|it| !it.is_empty()) {
        match file.read_at(rest, position.saturating_add(count as u64)) {
            Ok(0) => break,
            Ok(read) => count += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

impl Write for Comparer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = bytes.get(..PIECE_BYTES).unwrap_or(bytes);
        if !self.is_other {
            self.compare(piece)?;
        }
        self.position += piece.len() as u64;
        self.end = self.end.max(self.position);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Comparer {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.position = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a file differs from what is written: first all of it, then parts of it again.
    fn difference(file: &[u8], written: &[u8], again: &[(u64, &[u8])]) -> Option<u64> {
        let mut held = tempfile::tempfile().unwrap();
        held.write_all(file).unwrap();
        let mut comparer = Comparer::new(held).unwrap();
        comparer.write_all(written).unwrap();
        for (place, bytes) in again {
            comparer.seek(SeekFrom::Start(*place)).unwrap();
            comparer.write_all(bytes).unwrap();
        }
        comparer.difference()
    }

    #[test]
    fn the_first_difference_is_found() {
        assert_eq!(difference(b"abcdef", b"abcdef", &[]), None);
        assert_eq!(difference(b"abcdef", b"abxdex", &[]), Some(2));
        assert_eq!(difference(b"abcdef", b"abcde", &[]), Some(5));
        assert_eq!(difference(b"abcdef", b"abcdefg", &[]), Some(6));
        assert_eq!(difference(b"", b"", &[]), None);
    }

    #[test]
    fn what_is_written_again_counts() {
        assert_eq!(difference(b"abcdef", b"..cdef", &[(0, b"ab")]), None);
        assert_eq!(difference(b"abcdef", b"..cdef", &[(0, b"a")]), Some(1));
        assert_eq!(difference(b"abcdef", b"abcdef", &[(1, b"x")]), Some(1));
        let (file, written) = (vec![1; 200_000], vec![2; 200_000]);
        assert_eq!(difference(&file, &written, &[(0, &file)]), Some(0), "too much to remember");
    }
}
