//! Reading single records from the archive.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Location;
use super::block::decompress_block;
use super::frames::Frames;
use super::line::parse_line;
use super::position::{ArchivePosition, Extent};
use crate::limits;
use crate::source::Record;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, archive_file_name};

/// Bytes read first. Most blocks end within them: 64 KiB of events compress to about a sixth.
const GUESS_BYTES: usize = 24 << 10;

/// Files kept open at once, of those opened when they are first read.
const OPEN_FILES_MAX: usize = 64;

/// The archive's files, held open. Files only grow, so an open one stays valid, even after it was
/// removed.
pub(in crate::store) struct ArchiveFiles {
    layout: Layout,
    /// Files opened at the beginning.
    held: Arc<HashMap<u32, Arc<File>>>,
    /// Files opened when they were first read.
    open: Arc<Mutex<HashMap<u32, Arc<File>>>>,
    /// Set once nobody waits for the answer any more.
    stop: Arc<AtomicBool>,
}

impl ArchiveFiles {
    /// Files that nobody removes in the meantime: each is opened when it is first read.
    pub(in crate::store) fn new(layout: &Layout) -> Arc<Self> {
        Arc::new(Self::of(layout, HashMap::new()))
    }

    fn of(layout: &Layout, held: HashMap<u32, Arc<File>>) -> Self {
        let (layout, held) = (layout.clone(), Arc::new(held));
        Self { layout, held, open: Arc::default(), stop: Arc::default() }
    }

    /// The same files, from which nothing more is read once `stop` is set.
    pub(in crate::store) fn stoppable(&self, stop: &Arc<AtomicBool>) -> Arc<Self> {
        let (held, open) = (Arc::clone(&self.held), Arc::clone(&self.open));
        Arc::new(Self { layout: self.layout.clone(), held, open, stop: Arc::clone(stop) })
    }

    /// Fails once nobody waits for the answer any more.
    pub(in crate::store) fn go_on(&self) -> Result<(), StoreError> {
        if self.stop.load(Ordering::Relaxed) { Err(StoreError::Stopped) } else { Ok(()) }
    }

    /// Opens the files that count as of a commit, up to [`limits::ARCHIVE_FILES_OPEN_MAX`], the
    /// newest first. Missing ones are left out; the second value is true if any is missing.
    pub(in crate::store) fn hold(
        layout: &Layout,
        position: &ArchivePosition,
    ) -> Result<(Arc<Self>, bool), StoreError> {
        let mut held = HashMap::new();
        let mut is_any_missing = false;
        let dir = layout.archive_dir();
        for number in position.files_backwards().take(limits::ARCHIVE_FILES_OPEN_MAX) {
            let opened = dir.as_ref().map(|it| it.file(&archive_file_name(number)));
            match opened {
                Ok(Ok(file)) => drop(held.insert(number, Arc::new(file))),
                Ok(Err(error)) if !error.is_not_found() => return Err(error),
                // The caller finds out whether it was removed just now, or is lost.
                _ => is_any_missing = true,
            }
        }
        Ok((Arc::new(Self::of(layout, held)), is_any_missing))
    }

    /// The frames of a file, as far as it counts.
    pub(in crate::store) fn frames(
        &self,
        number: u32,
        extent: Extent,
    ) -> Result<Frames, StoreError> {
        Frames::read(&*self.get(number)?, &self.layout.archive_file(number), extent)
    }

    /// The open file with a number.
    pub(in crate::store) fn get(&self, number: u32) -> Result<Arc<File>, StoreError> {
        if let Some(file) = self.held.get(&number) {
            return Ok(Arc::clone(file));
        }
        // The map is whole between any two statements, so that poisoning is harmless.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&number) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(self.layout.open_archive_file(number)?);
        if open.len() >= OPEN_FILES_MAX {
            // Files in use stay open: their readers share them.
            open.clear();
        }
        open.insert(number, Arc::clone(&file));
        Ok(file)
    }
}

/// Reads records by location, and keeps the blocks that were used last.
pub(in crate::store) struct ArchiveReader {
    files: Arc<ArchiveFiles>,
    /// The one that was used last comes first.
    blocks: VecDeque<((u32, u32), Arc<Block>)>,
    /// Memory for a frame, reused.
    frame: Vec<u8>,
}

/// The lines of one block, and the end of each.
struct Block {
    lines: Vec<u8>,
    ends: Vec<usize>,
}

impl Block {
    fn line(&self, index: u16) -> Option<&[u8]> {
        let index = usize::from(index);
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|it| self.ends.get(it)).map_or(0, |it| it + 1);
        self.lines.get(start..end)
    }
}

impl ArchiveReader {
    pub(in crate::store) fn new(files: &Arc<ArchiveFiles>) -> Self {
        Self { files: Arc::clone(files), blocks: VecDeque::new(), frame: Vec::new() }
    }

    /// Reads the record at a location.
    ///
    /// # Errors
    ///
    /// [`StoreError::ArchiveDamaged`] if there is no such record.
    pub(in crate::store) fn read(
        &mut self,
        location: Location,
    ) -> Result<Record<'static>, StoreError> {
        self.visit(location, |record| record.into_owned())
    }

    /// Hands the record at a location to `visit` without copying it.
    pub(in crate::store) fn visit<T>(
        &mut self,
        location: Location,
        visit: impl FnOnce(Record<'_>) -> T,
    ) -> Result<T, StoreError> {
        let block = self.block(location.file, location.offset)?;
        let record = parse_line(self.line(&block, location)?)
            .map_err(|reason| self.damaged(location.file, location.offset, &reason))?;
        Ok(visit(record))
    }

    /// True if the record at a location is archived as exactly this line, given without its line
    /// feed.
    pub(in crate::store) fn has_line(
        &mut self,
        location: Location,
        line: &[u8],
    ) -> Result<bool, StoreError> {
        let block = self.block(location.file, location.offset)?;
        Ok(self.line(&block, location)? == line)
    }

    fn line<'b>(&self, block: &'b Block, location: Location) -> Result<&'b [u8], StoreError> {
        block.line(location.line).ok_or_else(|| {
            self.damaged(location.file, location.offset, &format!("no line {}", location.line))
        })
    }

    fn block(&mut self, file: u32, offset: u32) -> Result<Arc<Block>, StoreError> {
        let key = (file, offset);
        if let Some(index) = self.blocks.iter().position(|(it, _)| *it == key)
            && let Some(found) = self.blocks.remove(index)
        {
            let block = Arc::clone(&found.1);
            self.blocks.push_front(found);
            return Ok(block);
        }
        let lines = self.load(file, offset)?;
        let ends = memchr::memchr_iter(b'\n', &lines).collect();
        let block = Arc::new(Block { lines, ends });
        self.blocks.truncate(limits::BLOCK_CACHE_BLOCKS.saturating_sub(1));
        self.blocks.push_front((key, Arc::clone(&block)));
        Ok(block)
    }

    fn load(&mut self, number: u32, offset: u32) -> Result<Vec<u8>, StoreError> {
        self.files.go_on()?;
        let path = self.files.layout.archive_file(number);
        let file = self.files.get(number)?;
        let frame = &mut self.frame;
        frame.resize(GUESS_BYTES, 0);
        let length = loop {
            let count = read_at_most(&file, frame, u64::from(offset))
                .map_err(StoreError::io("read", &path))?;
            // The file has no more bytes, or no block of ours has as many.
            let is_all = count < frame.len() || frame.len() >= limits::BLOCK_BYTES_MAX;
            let (read, _) = frame.split_at(count);
            match zstd::zstd_safe::find_frame_compressed_size(read) {
                Ok(length) if length <= count => break length,
                _ if is_all => return Err(self.damaged(number, offset, "no complete block")),
                _ => frame.resize(frame.len() * 4, 0),
            }
        };
        let lines = decompress_block(frame.split_at(length).0);
        lines.map_err(|error| self.damaged(number, offset, &error.to_string()))
    }

    fn damaged(&self, file: u32, offset: u32, reason: &str) -> StoreError {
        StoreError::ArchiveDamaged {
            path: self.files.layout.archive_file(file),
            reason: format!("at byte {offset}: {reason}"),
        }
    }
}

/// Fills the buffer from `offset` on, as far as the file goes.
fn read_at_most(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|it| !it.is_empty()) {
        match file.read_at(rest, offset + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
