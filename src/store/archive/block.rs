//! Blocks: zstd frames that hold whole lines.

use std::cell::RefCell;
use std::io;

use zstd::bulk::{Compressor, Decompressor};

use crate::limits;

/// On blocks of event records, level 1 is both smaller and faster than level 3 (80.3 against 80.5
/// MB for a million events). Only levels that search for matches five times as long save more: 5 %.
const LEVEL: i32 = 1;

// One of each for every thread: what they allocate is reused from block to block.
thread_local! {
    static COMPRESSION: RefCell<Option<Compression>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// A compressor and its output buffer, kept from block to block for their memory.
struct Compression {
    compressor: Compressor<'static>,
    frame: Vec<u8>,
}

impl Compression {
    fn new() -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        // The checksum shows damage when a single block is read: SHA256SUMS covers only whole
        // files. The size is checked before memory is allocated for it.
        compressor.include_checksum(true)?;
        compressor.include_contentsize(true)?;
        Ok(Self { compressor, frame: Vec::new() })
    }
}

/// Compresses whole lines to a frame that begins with their length and ends with a checksum.
pub(in crate::store) fn compress_block(lines: &[u8]) -> io::Result<Vec<u8>> {
    COMPRESSION.with_borrow_mut(|slot| {
        let Compression { compressor, frame } = match slot {
            Some(compression) => compression,
            None => slot.insert(Compression::new()?),
        };
        frame.clear();
        frame.reserve(zstd::zstd_safe::compress_bound(lines.len()));
        compressor.compress_to_buffer(lines, frame)?;
        // A copy of the exact size: the buffer has room for the worst case.
        let compressed = frame.clone();
        frame.shrink_to(limits::BLOCK_BYTES * 2);
        Ok(compressed)
    })
}

/// Decompresses a frame of lines. Its length is checked before anything is allocated.
pub(in crate::store) fn decompress_block(frame: &[u8]) -> io::Result<Vec<u8>> {
    let length = zstd::zstd_safe::get_frame_content_size(frame)
        .ok()
        .flatten()
        .and_then(|it| usize::try_from(it).ok())
        .filter(|it| *it <= limits::BLOCK_BYTES_MAX)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not a block of the archive"))?;
    DECOMPRESSOR.with_borrow_mut(|slot| {
        let decompressor = match slot {
            Some(decompressor) => decompressor,
            None => slot.insert(Decompressor::new()?),
        };
        decompressor.decompress(frame, length)
    })
}

/// Cuts lines into blocks of about [`limits::BLOCK_BYTES`], all of nearly the same length. `ends`
/// has the end of each line; returns the end of each block and the number of its lines.
pub(in crate::store) fn cut(
    ends: impl Iterator<Item = usize>,
    length: usize,
) -> Vec<(usize, usize)> {
    // Of equal length, and not filled one after the other: the last one would be a crumb, and small
    // blocks compress worse.
    let count = ((length + limits::BLOCK_BYTES / 2) / limits::BLOCK_BYTES).max(1);
    let wanted = length.div_ceil(count);
    let mut cuts = Vec::with_capacity(count + 1);
    let (mut start, mut end, mut lines) = (0, 0, 0);
    for line_end in ends {
        let is_full = line_end - start > wanted || lines >= limits::BLOCK_RECORDS_MAX;
        if lines > 0 && is_full {
            cuts.push((end, lines));
            (start, lines) = (end, 0);
        }
        (end, lines) = (line_end, lines + 1);
    }
    if lines > 0 {
        cuts.push((end, lines));
    }
    cuts
}

/// The lines of a block, without their line feeds.
pub(in crate::store) fn lines_of(lines: &[u8]) -> impl Iterator<Item = &[u8]> {
    lines.strip_suffix(b"\n").unwrap_or(lines).split(|it| *it == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_of_about_the_same_length() {
        let ends = |length: usize, count: usize| (1..=count).map(move |it| it * length);
        let blocks = |length, count| cut(ends(length, count), length * count);
        assert_eq!(blocks(10, 0), []);
        assert_eq!(blocks(10, 5), [(50, 5)]);
        // Just more than two blocks are two, not two and a crumb.
        let line = limits::BLOCK_BYTES / 100;
        let cuts = blocks(line, 210);
        assert_eq!(cuts.len(), 2, "{cuts:?}");
        assert!(cuts.iter().all(|(_, lines)| (104..=106).contains(lines)), "{cuts:?}");
        // A line that is longer than a block has one of its own.
        let long = 3 * limits::BLOCK_BYTES;
        assert_eq!(cut([long, long + 10].into_iter(), long + 10).first(), Some(&(long, 1)));
        // And a place in a block has so many bits.
        let tiny = cut(ends(1, limits::BLOCK_RECORDS_MAX + 1), limits::BLOCK_RECORDS_MAX + 1);
        assert_eq!(tiny.first().map(|it| it.1), Some(limits::BLOCK_RECORDS_MAX));
    }
}
