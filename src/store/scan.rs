//! Reading many records of the archive on all cores, and joining the results in archive order.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use rayon::prelude::*;

use super::archive::{ArchiveReader, Location, decompress_block, lines_of, parse_line};
use super::error::StoreError;
use super::reader::Store;
use crate::limits;
use crate::source::Record;

/// Records that one task reads.
enum Chunk<'p> {
    /// Blocks of one file: the first byte of each, and the first after it.
    Blocks { number: u32, file: Arc<File>, blocks: Vec<(u64, u64)> },
    /// Single records, by their places.
    Places(&'p [Location]),
}

impl Store {
    /// Reads the records at `places`, which are in order, or all records: `fold` adds each to a
    /// value that `init` made, `join` takes the values in the order of the archive. Which records
    /// share a value depends on nothing but the store.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`], [`StoreError::ArchiveDamaged`], and the errors of `fold` and `join`.
    pub(crate) fn scan<T: Send, E: From<StoreError> + Send>(
        &self,
        places: Option<&[Location]>,
        init: impl Fn() -> T + Sync,
        fold: impl Fn(&mut T, &Record<'_>, Location) -> Result<(), E> + Sync,
        join: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        self.scan_some(places, &|_| true, init, fold, join)
    }

    /// Like [`Store::scan`], but only for records that `may_be_in` accepts by the text of their
    /// line, or of several lines together. JSON may have escaped any character of the text. Records
    /// read by their places are not asked about.
    pub(crate) fn scan_some<T: Send, E: From<StoreError> + Send>(
        &self,
        places: Option<&[Location]>,
        may_be_in: &(dyn Fn(&[u8]) -> bool + Sync),
        init: impl Fn() -> T + Sync,
        fold: impl Fn(&mut T, &Record<'_>, Location) -> Result<(), E> + Sync,
        mut join: impl FnMut(T) -> Result<(), E>,
    ) -> Result<(), E> {
        let at_once = limits::SCAN_CHUNKS_PER_CORE * rayon::current_num_threads();
        // In waves: the values of one are joined before the next is read, which bounds how many of
        // them wait in memory.
        let mut read = |chunks: &[Chunk<'_>]| -> Result<(), E> {
            for wave in chunks.chunks(at_once) {
                let parts: Vec<Result<T, E>> = wave
                    .par_iter()
                    .map(|chunk| {
                        let mut value = init();
                        self.read_chunk(chunk, may_be_in, &mut |record, location| {
                            fold(&mut value, record, location)
                        })?;
                        Ok(value)
                    })
                    .collect();
                for part in parts {
                    join(part?)?;
                }
            }
            Ok(())
        };
        if let Some(places) = places {
            let chunks: Vec<_> = places.chunks(limits::SCAN_PLACES).map(Chunk::Places).collect();
            return read(&chunks);
        }
        let last = &self.checkpoint.archive;
        for number in last.files() {
            let blocks = self.files.frames(number, last.extent(number))?.block_places()?;
            let file = self.files.get(number)?;
            let chunk = |blocks: &[(u64, u64)]| Chunk::Blocks {
                number,
                file: Arc::clone(&file),
                blocks: blocks.to_vec(),
            };
            let chunks: Vec<_> = blocks.chunks(limits::SCAN_BLOCKS).map(chunk).collect();
            read(&chunks)?;
        }
        Ok(())
    }

    /// Reads the whole archive on all cores: `fold` adds each record to a value that `init` made,
    /// and `join` joins the values in the order of the archive.
    pub fn fold_records<T: Send>(
        &self,
        init: impl Fn() -> T + Sync,
        fold: impl Fn(&mut T, &Record<'_>) + Sync,
        mut join: impl FnMut(T, T) -> T,
    ) -> Result<T, StoreError> {
        let mut whole = None;
        self.scan(
            None,
            &init,
            |value, record, _| {
                fold(value, record);
                Ok::<_, StoreError>(())
            },
            |part| {
                whole = Some(match whole.take() {
                    Some(before) => join(before, part),
                    None => part,
                });
                Ok(())
            },
        )?;
        Ok(whole.unwrap_or_else(init))
    }

    fn read_chunk<E: From<StoreError>>(
        &self,
        chunk: &Chunk<'_>,
        may_be_in: &dyn Fn(&[u8]) -> bool,
        visit: &mut dyn FnMut(&Record<'_>, Location) -> Result<(), E>,
    ) -> Result<(), E> {
        match chunk {
            Chunk::Places(places) => {
                let mut archive = ArchiveReader::new(&self.files);
                // In order, so that each block is decompressed once.
                for location in *places {
                    archive.visit(*location, |record| visit(&record, *location))??;
                }
                Ok(())
            }
            Chunk::Blocks { number, file, blocks } => {
                let mut frame = Vec::new();
                for (start, end) in blocks {
                    self.files.go_on()?;
                    let length = usize::try_from(end - start).unwrap_or(usize::MAX);
                    frame.resize(length, 0);
                    let path = || self.layout.archive_file(*number);
                    file.read_exact_at(&mut frame, *start)
                        .map_err(|error| StoreError::io("read", &path())(error))?;
                    let damaged = |reason: String| StoreError::ArchiveDamaged {
                        path: path(),
                        reason: format!("at byte {start}: {reason}"),
                    };
                    let lines = decompress_block(&frame).map_err(|it| damaged(it.to_string()))?;
                    // One look at the whole block spares one at each line where none fits.
                    if !may_be_in(&lines) {
                        continue;
                    }
                    let offset = u32::try_from(*start).map_err(|it| damaged(it.to_string()))?;
                    let all = (0..=u16::MAX).zip(lines_of(&lines));
                    for (line, text) in all.filter(|(_, text)| may_be_in(text)) {
                        let record = parse_line(text).map_err(damaged)?;
                        visit(&record, Location { file: *number, offset, line })?;
                    }
                }
                Ok(())
            }
        }
    }
}
