//! The document store that tantivy insists on, in next to no room.
//!
//! It is empty, yet takes five bytes a document, for the start of each. These repeat from block to
//! block, so the file is kept compressed. Only merges read it.

use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tantivy::HasLen;
use tantivy::directory::{AntiCallToken, FileHandle, OwnedBytes, TerminatingWrite, WritePtr};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

/// Bytes at a file's end that are stored uncompressed too: tantivy reads the footer and the skip
/// list, some 10 bytes for each block of 16 KiB, whenever it opens the index.
fn tail_bytes(length: u64) -> usize {
    let bytes = length.min((4 << 10) + length / 256);
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// True if a file of the index is such a store.
pub(super) fn is_empty_store(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "store")
}

/// Wraps a new file so that its content is compressed.
pub(super) fn write(file: WritePtr) -> io::Result<WritePtr> {
    // tantivy's own checksum is within the content, so it sees neither the tail nor a change of the
    // compressed form: this sum covers every byte of the file.
    let encoder = Encoder::new(Summed { file, sum: Xxh3::new() }, 1)?;
    let writer = EmptyStoreWriter { encoder, tail: Vec::new(), length: 0 };
    Ok(BufWriter::new(Box::new(writer)))
}

/// A file, and the checksum of what was written to it.
struct Summed {
    file: WritePtr,
    sum: Xxh3,
}

impl Write for Summed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sum.update(bytes.split_at(written).0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

struct EmptyStoreWriter {
    encoder: Encoder<'static, Summed>,
    tail: Vec<u8>,
    length: u64,
}

impl Write for EmptyStoreWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        // The length is unknown until the end, so the tail slides along.
        let excess = self.tail.len().saturating_sub(tail_bytes(self.length));
        self.tail.drain(..excess);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

impl TerminatingWrite for EmptyStoreWriter {
    fn terminate_ref(&mut self, token: AntiCallToken) -> io::Result<()> {
        self.encoder.do_finish()?;
        let summed = self.encoder.get_mut();
        summed.write_all(&self.tail)?;
        summed.write_all(&self.length.to_le_bytes())?;
        let sum = summed.sum.digest();
        summed.file.write_all(&sum.to_le_bytes())?;
        summed.file.terminate_ref(token)
    }
}

/// Opens a compressed file.
pub(super) fn read(file: &Arc<dyn FileHandle>) -> io::Result<Arc<dyn FileHandle>> {
    let bytes = file.read_bytes(0..file.len())?;
    parse(&bytes)
        .map(|it| Arc::new(it) as Arc<dyn FileHandle>)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its checksum does not match"))
}

fn parse(bytes: &OwnedBytes) -> Option<EmptyStoreFile> {
    let (summed, sum) = bytes.split_last_chunk()?;
    if xxh3_64(summed) != u64::from_le_bytes(*sum) {
        return None;
    }
    let (rest, length) = summed.split_last_chunk()?;
    let length = u64::from_le_bytes(*length);
    let tail_start = rest.len().checked_sub(tail_bytes(length))?;
    let length = usize::try_from(length).ok()?;
    let (compressed, tail) = (bytes.slice(0..tail_start), bytes.slice(tail_start..rest.len()));
    Some(EmptyStoreFile { compressed, tail, length, content: OnceLock::new() })
}

#[derive(Debug)]
struct EmptyStoreFile {
    compressed: OwnedBytes,
    tail: OwnedBytes,
    length: usize,
    content: OnceLock<OwnedBytes>,
}

impl EmptyStoreFile {
    fn content(&self) -> io::Result<OwnedBytes> {
        if let Some(content) = self.content.get() {
            return Ok(content.clone());
        }
        let mut content = Vec::new();
        // One byte more than expected, to notice content that is too long without decompressing all
        // of it.
        let most = (self.length as u64).saturating_add(1);
        Decoder::new(self.compressed.as_slice())?.take(most).read_to_end(&mut content)?;
        if content.len() != self.length {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "its length differs"));
        }
        Ok(self.content.get_or_init(|| OwnedBytes::new(content)).clone())
    }
}

impl HasLen for EmptyStoreFile {
    fn len(&self) -> usize {
        self.length
    }
}

impl FileHandle for EmptyStoreFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        // Opening an index reads only the tail, so nothing is decompressed for a reader.
        let tail_start = self.length - self.tail.len();
        let (bytes, start) = if range.start >= tail_start {
            (self.tail.clone(), tail_start)
        } else {
            (self.content()?, 0)
        };
        let range = range.start - start..range.end.saturating_sub(start);
        if range.start > range.end || range.end > bytes.len() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "beyond the file's end"));
        }
        Ok(bytes.slice(range))
    }
}

#[cfg(test)]
mod tests {
    use tantivy::Directory;
    use tantivy::directory::RamDirectory;

    use super::*;

    fn written(content: &[u8]) -> (RamDirectory, Arc<dyn FileHandle>) {
        let directory = RamDirectory::create();
        let path = Path::new("a.store");
        let mut file = write(directory.open_write(path).unwrap()).unwrap();
        file.write_all(content).unwrap();
        file.terminate().unwrap();
        let handle = directory.get_file_handle(path).unwrap();
        (directory, handle)
    }

    #[test]
    fn what_was_written_is_read() {
        for length in [0, 1, 4_095, 4_096, 4_097, 5_000, 1_000_000] {
            let content: Vec<u8> = (0_u8..251).cycle().take(length).collect();
            let (_directory, raw) = written(&content);
            let file = read(&raw).unwrap();
            assert_eq!(file.len(), length);
            for range in [0..length, length / 2..length, length.saturating_sub(10)..length] {
                assert_eq!(file.read_bytes(range.clone()).unwrap().as_slice(), &content[range]);
            }
            assert!(file.read_bytes(0..length + 1).is_err());
            assert!(length < 100_000 || raw.len() < length / 10);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(|it| (it / 3).to_le_bytes()).collect();
        let (_directory, raw) = written(&content);
        let bytes = raw.read_bytes(0..raw.len()).unwrap();
        for cut in [0, 5, 16, 100, bytes.len() - 1] {
            assert!(parse(&bytes.slice(0..cut)).is_none());
        }
        for place in (0..bytes.len()).step_by(97) {
            let mut changed = bytes.to_vec();
            changed[place] ^= 0x10;
            assert!(parse(&OwnedBytes::new(changed)).is_none());
        }
    }
}
