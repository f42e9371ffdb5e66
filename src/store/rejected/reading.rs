//! Reading rejected files line by line, in bounded memory.

use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;

use super::{PLAIN_SUFFIX, RejectedEntry, SUFFIX};
use crate::limits;
use crate::store::dir::Dir;
use crate::store::error::StoreError;

/// The hash of its bytes in the name of a rejected file; `None` for other files.
pub(in crate::store) fn hash_in_name(name: &str) -> Option<&str> {
    name.strip_suffix(SUFFIX).or_else(|| name.strip_suffix(PLAIN_SUFFIX))
}

/// The lines of one rejected file.
pub(in crate::store) struct RejectedLines {
    path: PathBuf,
    read: Box<dyn BufRead>,
    /// True if the last line is longer than any of ours, and goes on.
    is_mid_line: bool,
}

/// One line, or a part of one that is longer than any of ours.
pub(in crate::store) struct RejectedLine {
    /// With its line feed.
    pub(in crate::store) bytes: Vec<u8>,
    /// The entry, if the line is one.
    pub(in crate::store) entry: Option<RejectedEntry>,
    /// True if it belongs to the same piece as the line before.
    pub(in crate::store) is_continuation: bool,
}

impl RejectedLines {
    pub(in crate::store) fn open(dir: &Dir, name: &str) -> Result<Self, StoreError> {
        let path = dir.path().join(name);
        let file = dir.file(name)?;
        let read: Box<dyn BufRead> = if name.ends_with(SUFFIX) {
            let decoder = zstd::Decoder::new(file).map_err(StoreError::io("read", &path))?;
            Box::new(BufReader::new(decoder))
        } else {
            Box::new(BufReader::new(file))
        };
        Ok(Self { path, read, is_mid_line: false })
    }

    fn next_bytes(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::new();
        let mut line = (&mut self.read).take(limits::REJECTED_LINE_BYTES_MAX);
        line.read_until(b'\n', &mut bytes)?;
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

impl Iterator for RejectedLines {
    type Item = Result<RejectedLine, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut bytes = match self.next_bytes() {
            Ok(bytes) => bytes?,
            Err(error) => return Some(Err(StoreError::io("read", &self.path)(error))),
        };
        let was_mid_line = self.is_mid_line;
        let is_ended = bytes.last() == Some(&b'\n');
        self.is_mid_line = !is_ended && bytes.len() as u64 == limits::REJECTED_LINE_BYTES_MAX;
        let entry = serde_json::from_slice::<RejectedEntry>(&bytes).ok();
        let is_continuation = was_mid_line || entry.as_ref().is_some_and(|it| it.is_continuation);
        // The last line of a file may lack its line feed, and others may be written after it.
        if !is_ended && !self.is_mid_line {
            bytes.push(b'\n');
        }
        Some(Ok(RejectedLine { bytes, entry, is_continuation }))
    }
}
