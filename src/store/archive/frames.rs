//! Walking an archive file from its beginning, frame by frame.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::block::decompress_block;
use crate::limits;
use crate::store::StoreError;
use crate::store::layout::Layout;

/// One frame of an archive file.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) enum Frame {
    /// Lines, each with its line feed.
    Block {
        /// Where the frame begins in the file.
        offset: u32,
        /// The decompressed lines.
        lines: Vec<u8>,
    },
    /// What a commit left, and where the frame ends in the file.
    Note {
        /// What [`CommitNote::decode`](crate::store::note::CommitNote::decode) reads.
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
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(content);
    frame
}

/// Where the frame of a commit's note stands in its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct NotePlace {
    start: u64,
    /// The first byte after the frame.
    pub(in crate::store) end: u64,
}

impl NotePlace {
    /// Reads the note's content from its file.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(in crate::store) fn read(&self, file: &File, path: &Path) -> Result<Vec<u8>, StoreError> {
        let length = usize::try_from(self.end - self.start).unwrap_or_default();
        let mut content = vec![0; length.saturating_sub(SKIPPABLE_HEADER_BYTES)];
        file.read_exact_at(&mut content, self.start + SKIPPABLE_HEADER_BYTES as u64)
            .map_err(StoreError::io("read", path))?;
        Ok(content)
    }
}

/// A frame that was found and not looked into.
struct RawFrame {
    start: usize,
    end: usize,
    is_note: bool,
}

/// The frames of one file, in order.
pub(in crate::store) struct Frames {
    path: PathBuf,
    bytes: Vec<u8>,
    position: usize,
    /// Bytes of the file behind those that were asked for.
    bytes_beyond: u64,
}

impl Frames {
    /// Opens the first `length` bytes of an archive file, or all of it.
    ///
    /// # Errors
    ///
    /// As [`Frames::read`].
    pub(in crate::store) fn open(
        layout: &Layout,
        number: u32,
        length: Option<u64>,
    ) -> Result<Self, StoreError> {
        let file = layout.open_archive_file(number)?;
        Self::read(&file, &layout.archive_file(number), length)
    }

    /// Reads the first `length` bytes of an open file, or all of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], and [`StoreError::ArchiveDamaged`] when the file is shorter, or larger
    /// than any that we write.
    pub(in crate::store) fn read(
        file: &File,
        path: &Path,
        length: Option<u64>,
    ) -> Result<Self, StoreError> {
        let damaged = |reason: String| StoreError::ArchiveDamaged { path: path.to_owned(), reason };
        let actual = file.metadata().map_err(StoreError::io("inspect", path))?.len();
        let length = length.unwrap_or(actual);
        if actual < length {
            return Err(damaged(format!("it has {actual} bytes of {length}")));
        }
        if length > limits::ARCHIVE_READ_BYTES_MAX {
            return Err(damaged(format!("{length} bytes are more than an archive file has")));
        }
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        // The file may be in use by other threads: its own position is not ours to move.
        file.read_exact_at(&mut bytes, 0).map_err(StoreError::io("read", path))?;
        let bytes_beyond = actual - length;
        Ok(Self { path: path.to_owned(), bytes, position: 0, bytes_beyond })
    }

    /// After damage, goes on to the next place that looks like the beginning of a frame; false
    /// when there is none.
    pub(in crate::store) fn skip_damage(&mut self) -> bool {
        let from = self.position + 1;
        let rest = self.bytes.get(from..).unwrap_or_default();
        let starts = [BLOCK_MAGIC, NOTE_MAGIC]
            .into_iter()
            .filter_map(|it| memchr::memmem::find(rest, &it.to_le_bytes()));
        match starts.min() {
            Some(start) => {
                self.position = from + start;
                true
            }
            None => false,
        }
    }

    /// All bytes of the file.
    pub(in crate::store) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes of the file lie behind those that were asked for.
    pub(in crate::store) fn bytes_beyond(&self) -> u64 {
        self.bytes_beyond
    }

    /// The next frame, or `None` at the end.
    ///
    /// # Errors
    ///
    /// [`StoreError::ArchiveDamaged`] when what follows is no whole frame.
    pub(in crate::store) fn next(&mut self) -> Result<Option<Frame>, StoreError> {
        let Some(raw) = self.find()? else { return Ok(None) };
        let parsed = if raw.is_note { self.note(&raw) } else { self.block(&raw)? };
        self.position = raw.end;
        Ok(Some(parsed))
    }

    /// The next note, or `None` when there are no more; passes over blocks without a look at what
    /// they hold.
    ///
    /// # Errors
    ///
    /// As [`Frames::next`].
    pub(in crate::store) fn next_note(&mut self) -> Result<Option<Frame>, StoreError> {
        while let Some(raw) = self.find()? {
            self.position = raw.end;
            if raw.is_note {
                return Ok(Some(self.note(&raw)));
            }
        }
        Ok(None)
    }

    /// Where all notes stand.
    ///
    /// # Errors
    ///
    /// As [`Frames::next`].
    pub(in crate::store) fn note_places(mut self) -> Result<Vec<NotePlace>, StoreError> {
        let mut places = Vec::new();
        while let Some(raw) = self.find()? {
            self.position = raw.end;
            if raw.is_note {
                places.push(NotePlace { start: raw.start as u64, end: raw.end as u64 });
            }
        }
        Ok(places)
    }

    /// Finds the next frame.
    fn find(&self) -> Result<Option<RawFrame>, StoreError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let length = zstd::zstd_safe::find_frame_compressed_size(rest)
            .map_err(|code| self.damaged(zstd::zstd_safe::get_error_name(code)))?;
        if length > rest.len() {
            return Err(self.damaged("the frame is cut off"));
        }
        Ok(Some(RawFrame {
            start: self.position,
            end: self.position + length,
            is_note: rest.starts_with(&NOTE_MAGIC.to_le_bytes()),
        }))
    }

    fn frame(&self, raw: &RawFrame) -> &[u8] {
        self.bytes.get(raw.start..raw.end).unwrap_or_default()
    }

    fn note(&self, raw: &RawFrame) -> Frame {
        let content = self.frame(raw).get(SKIPPABLE_HEADER_BYTES..).unwrap_or_default().to_vec();
        Frame::Note { content, end: raw.end as u64 }
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
