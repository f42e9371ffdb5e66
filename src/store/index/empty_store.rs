//! The store of documents that tantivy insists on, in next to no room.
//!
//! Nothing is stored in it, and yet it takes five bytes a document: where each one begins. That
//! repeats from block to block, so the file is kept compressed. Only merges read it.

use std::io::{self, BufWriter, Read, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use tantivy::HasLen;
use tantivy::directory::{AntiCallToken, FileHandle, OwnedBytes, TerminatingWrite, WritePtr};
use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

/// Bytes at a file's end that are kept as they are too: tantivy reads its footers whenever it
/// opens the index.
const TAIL_BYTES: usize = 4 << 10;

/// Bytes behind the tail: how many bytes the whole file has.
const TRAILER_BYTES: usize = 8;

/// Whether a file of the index is such a store.
pub(super) fn is_empty_store(path: &Path) -> bool {
    path.extension().is_some_and(|it| it == "store")
}

/// Compresses what is written.
pub(super) fn write(file: WritePtr) -> io::Result<WritePtr> {
    let writer = EmptyStoreWriter { encoder: Encoder::new(file, 1)?, tail: Vec::new(), length: 0 };
    Ok(BufWriter::new(Box::new(writer)))
}

struct EmptyStoreWriter {
    encoder: Encoder<'static, WritePtr>,
    tail: Vec<u8>,
    length: u64,
}

impl Write for EmptyStoreWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write_all(bytes)?;
        self.length += bytes.len() as u64;
        self.tail.extend_from_slice(bytes);
        let excess = self.tail.len().saturating_sub(TAIL_BYTES);
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
        let file = self.encoder.get_mut();
        file.write_all(&self.tail)?;
        file.write_all(&self.length.to_le_bytes())?;
        file.terminate_ref(token)
    }
}

/// Reads what was compressed.
pub(super) fn read(file: &Arc<dyn FileHandle>) -> io::Result<Arc<dyn FileHandle>> {
    let bytes = file.read_bytes(0..file.len())?;
    let cut_off = || io::Error::new(io::ErrorKind::UnexpectedEof, "the file is cut off");
    let (rest, trailer) = bytes.split_last_chunk::<TRAILER_BYTES>().ok_or_else(cut_off)?;
    let length = usize::try_from(u64::from_le_bytes(*trailer)).map_err(|_| cut_off())?;
    let tail_start = rest.len().checked_sub(length.min(TAIL_BYTES)).ok_or_else(cut_off)?;
    let (compressed, tail) = (bytes.slice(0..tail_start), bytes.slice(tail_start..rest.len()));
    Ok(Arc::new(EmptyStoreFile { compressed, tail, length, content: OnceLock::new() }))
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
        // One byte more than there should be tells that there are more.
        let most = (self.length as u64).saturating_add(1);
        Decoder::new(self.compressed.as_slice())?.take(most).read_to_end(&mut content)?;
        if content.len() != self.length {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it has another length"));
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
        for length in [0, 1, TAIL_BYTES - 1, TAIL_BYTES, TAIL_BYTES + 1, 1_000_000] {
            let content: Vec<u8> = (0..length).map(|it| (it / 4 % 251) as u8).collect();
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
        let (_directory, raw) = written(&vec![7; 100_000]);
        let bytes = raw.read_bytes(0..raw.len()).unwrap();
        for cut in [0, 5, TRAILER_BYTES, 100] {
            let cut: Arc<dyn FileHandle> = Arc::new(OwnedBytes::new(bytes[..cut].to_vec()));
            assert!(read(&cut).and_then(|it| it.read_bytes(0..10)).is_err());
        }
        let mut changed = bytes.to_vec();
        changed[10] ^= 0xff;
        let changed: Arc<dyn FileHandle> = Arc::new(OwnedBytes::new(changed));
        assert!(read(&changed).unwrap().read_bytes(0..100_000).is_err());
    }
}
