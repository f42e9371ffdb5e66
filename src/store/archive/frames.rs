//! Walking an archive file from its beginning, frame by frame.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::decompress_block;
use super::position::Extent;
use crate::limits;
use crate::store::error::StoreError;
use crate::store::layout::Layout;

/// One frame of an archive file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Frame {
    /// A block of lines, each with its line feed.
    Block {
        /// The byte of the file at which the frame begins.
        offset: u32,
        /// The decompressed lines.
        lines: Vec<u8>,
    },
    /// The note of a commit.
    Note {
        /// The input of [`CommitNote::decode`](crate::store::ledger::note::CommitNote::decode).
        content: Vec<u8>,
        /// The first byte after the frame.
        end: u64,
    },
}

/// The magic number of the skippable frame that holds a commit's note ("skippable frames" in
/// RFC 8878, section 3.1.2).
const NOTE_MAGIC: u32 = 0x184D_2A5E;

/// The magic number of an ordinary frame (RFC 8878, section 3.1.1).
const BLOCK_MAGIC: u32 = 0xFD2F_B528;

/// Bytes before a skippable frame's content: its magic number and its length.
const SKIPPABLE_HEADER_BYTES: usize = 8;

/// Makes the frame that holds a commit's note.
pub(super) fn note_frame(content: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(SKIPPABLE_HEADER_BYTES + content.len());
    frame.extend_from_slice(&NOTE_MAGIC.to_le_bytes());
    // Never too long: `CommitNote::encode` refuses more than `NOTE_BYTES_MAX`.
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(content);
    frame
}

/// The place of a commit's note in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct NotePlace {
    start: u64,
    /// The first byte after the frame.
    pub(in crate::store) end: u64,
}

impl NotePlace {
    /// Reads the note's content from its file.
    pub(in crate::store) fn read(&self, file: &File, path: &Path) -> Result<Vec<u8>, StoreError> {
        let length = usize::try_from(self.end - self.start).expect("less than a file has");
        let mut content = vec![0; length.saturating_sub(SKIPPABLE_HEADER_BYTES)];
        file.read_exact_at(&mut content, self.start + SKIPPABLE_HEADER_BYTES as u64)
            .map_err(StoreError::io("read", path))?;
        Ok(content)
    }
}

/// A frame that was found but not decoded.
struct RawFrame {
    start: u64,
    end: u64,
    is_note: bool,
}

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// Bytes of the longest frame: a note, or a block that could not be compressed at all.
const FRAME_BYTES_MAX: u64 = limits::NOTE_BYTES_MAX + (1 << 20);

const _: () = assert!(limits::BLOCK_BYTES_MAX as u64 + (1 << 20) <= FRAME_BYTES_MAX);

/// The frames of one file, in order. Little more than one frame is in memory at a time.
pub(in crate::store) struct Frames {
    path: PathBuf,
    file: File,
    /// The bytes of the file to read.
    length: u64,
    /// A stretch of the file.
    bytes: Vec<u8>,
    /// The byte of the file at which the stretch begins.
    start: u64,
    position: u64,
    /// Bytes of the file after those to read.
    bytes_beyond: u64,
}

impl Frames {
    /// Opens the part of an archive file that counts.
    pub(in crate::store) fn open(
        layout: &Layout,
        number: u32,
        extent: Extent,
    ) -> Result<Self, StoreError> {
        let file = layout.open_archive_file(number)?;
        Self::read(&file, &layout.archive_file(number), extent)
    }

    /// Reads the part of an open file that counts.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], and [`StoreError::ArchiveDamaged`] if the file is shorter, or larger
    /// than any that we write, or if it is not known how much of it counts.
    pub(in crate::store) fn read(
        file: &File,
        path: &Path,
        extent: Extent,
    ) -> Result<Self, StoreError> {
        let damaged = |reason: String| StoreError::ArchiveDamaged { path: path.to_owned(), reason };
        let actual = file.metadata().map_err(StoreError::io("inspect", path))?.len();
        let length = match extent {
            Extent::Whole => actual,
            Extent::Bytes(length) => length,
            Extent::Unknown => {
                let reason =
                    "the note of its last commit is lost, so how much of it counts is unknown";
                return Err(damaged(reason.to_owned()));
            }
        };
        if actual < length {
            return Err(damaged(format!("it has {actual} of {length} bytes")));
        }
        if length > limits::ARCHIVE_READ_BYTES_MAX {
            return Err(damaged(format!("{length} bytes are more than an archive file can have")));
        }
        // Other threads may be reading the file, so we read by offset and never move its position.
        let file = file.try_clone().map_err(StoreError::io("open", path))?;
        let bytes_beyond = actual - length;
        let (path, bytes) = (path.to_owned(), Vec::new());
        Ok(Self { path, file, length, bytes, start: 0, position: 0, bytes_beyond })
    }

    /// The number of bytes of the file to read.
    pub(in crate::store) fn length(&self) -> u64 {
        self.length
    }

    /// The bytes in memory from the position on.
    fn held(&self) -> &[u8] {
        let from = usize::try_from(self.position - self.start).unwrap_or(usize::MAX);
        self.bytes.get(from..).unwrap_or(&[])
    }

    /// Reads until `count` bytes from the position on are in memory, or all that are left.
    fn hold(&mut self, count: u64) -> Result<(), StoreError> {
        let held = self.held().len();
        let wanted = usize::try_from(count.min(self.length - self.position)).unwrap_or(usize::MAX);
        if held >= wanted {
            return Ok(());
        }
        self.bytes.drain(..self.bytes.len() - held);
        self.start = self.position;
        // A single long frame must not hold its memory for the rest of the file.
        self.bytes.shrink_to(wanted.max(4 * READ_BYTES));
        let left = usize::try_from(self.length - self.start).unwrap_or(usize::MAX);
        self.bytes.resize(wanted.max(READ_BYTES).min(left), 0);
        let (_, new) = self.bytes.split_at_mut(held);
        self.file
            .read_exact_at(new, self.start + held as u64)
            .map_err(StoreError::io("read", &self.path))
    }

    /// After damage, moves on to the next position that looks like the beginning of a frame; false
    /// if there is none.
    pub(in crate::store) fn skip_damage(&mut self) -> bool {
        // The damaged frame itself may still begin like one. What only looks like a frame fails
        // when it is read, and is skipped in turn.
        self.position += 1;
        while self.position < self.length {
            if self.hold(READ_BYTES as u64).is_err() {
                break;
            }
            let rest = self.held();
            let starts = [BLOCK_MAGIC, NOTE_MAGIC]
                .into_iter()
                .filter_map(|it| memchr::memmem::find(rest, &it.to_le_bytes()));
            if let Some(start) = starts.min() {
                self.position += start as u64;
                return true;
            }
            // The last three bytes may be the beginning of a magic number.
            let is_last = self.position + rest.len() as u64 == self.length;
            let overlap = if is_last { 0 } else { 3 };
            self.position += rest.len().saturating_sub(overlap).max(1) as u64;
        }
        false
    }

    /// The number of bytes of the file after those to read.
    pub(in crate::store) fn bytes_beyond(&self) -> u64 {
        self.bytes_beyond
    }

    /// Reads the next frame, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::ArchiveDamaged`] if no whole frame follows.
    pub(in crate::store) fn next(&mut self) -> Result<Option<Frame>, StoreError> {
        let Some(raw) = self.find()? else { return Ok(None) };
        let parsed = if raw.is_note { self.note(&raw) } else { self.block(&raw)? };
        self.position = raw.end;
        Ok(Some(parsed))
    }

    /// Reads the next note, or `None` if there are no more. Blocks are passed over without being
    /// decompressed.
    pub(in crate::store) fn next_note(&mut self) -> Result<Option<Frame>, StoreError> {
        while let Some(raw) = self.find()? {
            let note = raw.is_note.then(|| self.note(&raw));
            self.position = raw.end;
            if note.is_some() {
                return Ok(note);
            }
        }
        Ok(None)
    }

    /// Finds the places of all notes.
    pub(in crate::store) fn note_places(self) -> Result<Vec<NotePlace>, StoreError> {
        let notes = self.places(|it| it.is_note)?.into_iter();
        Ok(notes.map(|it| NotePlace { start: it.start, end: it.end }).collect())
    }

    /// Finds the places of all blocks: the first byte of each, and the first byte after it.
    pub(in crate::store) fn block_places(self) -> Result<Vec<(u64, u64)>, StoreError> {
        let blocks = self.places(|it| !it.is_note)?.into_iter();
        Ok(blocks.map(|it| (it.start, it.end)).collect())
    }

    /// Finds all frames that `is_such` accepts.
    fn places(mut self, is_such: fn(&RawFrame) -> bool) -> Result<Vec<RawFrame>, StoreError> {
        let mut places = Vec::new();
        while let Some(raw) = self.find()? {
            self.position = raw.end;
            places.extend(Some(raw).filter(is_such));
        }
        Ok(places)
    }

    /// Finds the next frame, without decoding it.
    fn find(&mut self) -> Result<Option<RawFrame>, StoreError> {
        let left = self.length.saturating_sub(self.position);
        if left == 0 {
            return Ok(None);
        }
        let mut wanted = READ_BYTES as u64;
        loop {
            self.hold(wanted)?;
            let held = self.held();
            // Goes by the headers of the frame's blocks, and decompresses nothing.
            match zstd::zstd_safe::find_frame_compressed_size(held) {
                Ok(length) if length <= held.len() => {
                    return Ok(Some(RawFrame {
                        start: self.position,
                        end: self.position + length as u64,
                        is_note: held.starts_with(&NOTE_MAGIC.to_le_bytes()),
                    }));
                }
                found => {
                    // The frame may end beyond what was read, as far as the longest of ours goes.
                    if wanted < left.min(FRAME_BYTES_MAX) {
                        wanted = (wanted * 4).min(FRAME_BYTES_MAX);
                        continue;
                    }
                    let code = found.err();
                    let name = code.map(zstd::zstd_safe::get_error_name);
                    return Err(self.damaged(name.unwrap_or("the frame is cut off")));
                }
            }
        }
    }

    fn frame(&self, raw: &RawFrame) -> &[u8] {
        let length = usize::try_from(raw.end - raw.start).unwrap_or(usize::MAX);
        self.held().get(..length).unwrap_or(&[])
    }

    fn note(&self, raw: &RawFrame) -> Frame {
        let content = self.frame(raw).get(SKIPPABLE_HEADER_BYTES..).unwrap_or(&[]).to_vec();
        Frame::Note { content, end: raw.end }
    }

    fn block(&self, raw: &RawFrame) -> Result<Frame, StoreError> {
        let offset = u32::try_from(raw.start).map_err(|_| self.damaged("the file is too long"))?;
        let lines =
            decompress_block(self.frame(raw)).map_err(|error| self.damaged(&error.to_string()))?;
        if lines.last() != Some(&b'\n') {
            return Err(self.damaged("the block does not end with a line feed"));
        }
        Ok(Frame::Block { offset, lines })
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::ArchiveDamaged {
            path: self.path.clone(),
            reason: format!("at byte {}: {reason}", self.position),
        }
    }
}
