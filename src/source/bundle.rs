//! Recognises an exported bundle: a directory or a zip with records, and tables that are not logs.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use flate2::{Decompress, FlushDecompress, Status};
use zip::{CompressionMethod, ZipArchive};

use super::error::RejectReason;
use crate::limits;

/// The file that identifies a bundle.
pub const BUNDLE_MANIFEST: &str = "manifest.json";

/// The file with a bundle's records.
pub const BUNDLE_RECORDS: &str = "records.ndjson";

/// The `format` in a bundle's manifest.
pub const BUNDLE_FORMAT: &str = "mailtrace-bundle";

/// Bytes at the start of a manifest that include its `format`.
const HEAD_BYTES: usize = 256;

/// The first bytes of a zip.
const ZIP_MAGIC: &[u8] = b"PK\x03\x04";

/// True if a directory is a bundle.
pub(super) fn is_bundle(dir: &Path) -> bool {
    dir.join(BUNDLE_RECORDS).is_file()
        && File::open(dir.join(BUNDLE_MANIFEST)).is_ok_and(is_manifest)
}

/// True if a file holds the records of a bundle that is a directory.
pub(super) fn is_of_bundle(path: &Path) -> bool {
    path.file_name() == Some(OsStr::new(BUNDLE_RECORDS))
        && is_bundle(
            path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new(".")),
        )
}

/// True if this is the start of a bundle's manifest.
fn is_manifest(read: impl Read) -> bool {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    if read.take(HEAD_BYTES as u64).read_to_end(&mut head).is_err() {
        return false;
    }
    // The same manifest may be laid out in other ways.
    head.retain(|it| !it.is_ascii_whitespace());
    head.starts_with(format!("{{\"format\":\"{BUNDLE_FORMAT}\"").as_bytes())
}

/// Returns the decompressed records of a zip that is a bundle; `None` for anything else, with the
/// file at its start again.
pub(super) fn records_in_zip(file: &mut File) -> io::Result<Option<Box<dyn Read + Send>>> {
    let mut magic = [0; ZIP_MAGIC.len()];
    // A pipe cannot be read twice, and a zip cannot be read from a pipe.
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let is_zip = file.read_exact(&mut magic).is_ok() && magic == ZIP_MAGIC;
    file.rewind()?;
    // A clone shares the position of its file, which is therefore set anew after each use.
    let place = if is_zip { place_of_records(file.try_clone()?) } else { None };
    file.rewind()?;
    let Some(place) = place else { return Ok(None) };
    file.seek(SeekFrom::Start(place.start))?;
    // Not zip's own reader, which borrows the archive and so cannot be returned.
    let stored = file.try_clone()?.take(place.stored_bytes);
    Ok(Some(match place.method {
        CompressionMethod::Deflated => Box::new(Inflated::new(stored, place.bytes)),
        _ => Box::new(stored),
    }))
}

/// The decompressed records of a zip, bounded by the size that the zip states. A wrong size and
/// damaged data are faults of the content, not of the machine.
struct Inflated<R> {
    stored: BufReader<R>,
    inflate: Decompress,
    /// Bytes still to come.
    left: u64,
    fault: Option<RejectReason>,
    is_at_end: bool,
}

const LAYER: &str = "zip";

impl<R: Read> Inflated<R> {
    fn new(stored: R, bytes: u64) -> Self {
        Self {
            stored: BufReader::new(stored),
            inflate: Decompress::new(false),
            left: bytes,
            fault: None,
            is_at_end: false,
        }
    }

    /// Decompresses once into the buffer and returns the number of bytes. The bytes before a fault
    /// are handed out first.
    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let corrupt =
            |reason: &str| Some(RejectReason::Corrupt { layer: LAYER, reason: reason.to_owned() });
        let input = self.stored.fill_buf()?;
        let is_input_at_end = input.is_empty();
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let result = self.inflate.decompress(input, buffer, FlushDecompress::None);
        let consumed = usize::try_from(self.inflate.total_in() - before_in).unwrap_or(0);
        let produced = self.inflate.total_out() - before_out;
        self.stored.consume(consumed);
        let (kept, is_over) = (produced.min(self.left), produced > self.left);
        self.left -= kept;
        self.fault = match result {
            _ if is_over => corrupt("longer than it says"),
            Ok(Status::StreamEnd) if self.left > 0 => {
                Some(RejectReason::Truncated { layer: LAYER })
            }
            Ok(Status::StreamEnd) => {
                self.is_at_end = true;
                None
            }
            Ok(_) if produced > 0 || consumed > 0 => None,
            Ok(_) if is_input_at_end => Some(RejectReason::Truncated { layer: LAYER }),
            Ok(_) => corrupt("no progress"),
            Err(error) => corrupt(error.message().unwrap_or("damaged")),
        };
        Ok(usize::try_from(kept).unwrap_or(0))
    }
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some(fault) = &self.fault {
                return Err(io::Error::other(fault.clone()));
            }
            if self.is_at_end {
                return Ok(0);
            }
            let count = self.step(buffer)?;
            if count > 0 {
                return Ok(count);
            }
        }
    }
}

struct ZipPlace {
    start: u64,
    stored_bytes: u64,
    bytes: u64,
    method: CompressionMethod,
}

fn place_of_records(file: File) -> Option<ZipPlace> {
    let mut archive = open_small_zip(file).ok()??;
    if !archive.by_name(BUNDLE_MANIFEST).is_ok_and(is_manifest) {
        return None;
    }
    let entry = archive.by_name(BUNDLE_RECORDS).ok()?;
    let place = ZipPlace {
        start: entry.data_start()?,
        stored_bytes: entry.compressed_size(),
        bytes: entry.size(),
        method: entry.compression(),
    };
    let is_known = match place.method {
        CompressionMethod::Stored => true,
        // The layers above count these bytes as raw input, so only this bounds their expansion.
        CompressionMethod::Deflated => !expands_too_much(place.stored_bytes, place.bytes),
        _ => false,
    };
    is_known.then_some(place)
}

/// True if compressed bytes claim to expand more than any log does.
pub(crate) fn expands_too_much(stored_bytes: u64, bytes: u64) -> bool {
    let most = stored_bytes.saturating_mul(limits::EXPANSION_RATIO_MAX);
    bytes > most.saturating_add(limits::EXPANSION_FREE_BYTES)
}

/// Opens a zip of a few files; `None` for anything else: a zip may claim millions of files, all of
/// which would be read.
pub(crate) fn open_small_zip(mut file: File) -> io::Result<Option<ZipArchive<File>>> {
    if !has_small_directory(&mut file)? {
        return Ok(None);
    }
    Ok(ZipArchive::new(file).ok().filter(|it| it.len() <= limits::BUNDLE_FILES_MAX))
}

/// Bytes of the record that ends a zip without a comment (APPNOTE 4.3.16), of the locator before it
/// in a large zip (4.3.15), and of the record that this locates (4.3.14).
const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const LARGE_END_BYTES: usize = 56;

/// Bytes of a directory of [`limits::BUNDLE_FILES_MAX`] files and the records after it.
const DIRECTORY_BYTES_MAX: u64 = 64 << 10;

/// True if the zip's directory is short by each record that states its size.
fn has_small_directory(file: &mut File) -> io::Result<bool> {
    let length = file.metadata()?.len();
    let is_small = |count: u64, start: u64| {
        count <= limits::BUNDLE_FILES_MAX as u64
            && length.checked_sub(start).is_some_and(|it| it <= DIRECTORY_BYTES_MAX)
    };
    let Some(end) = read_at::<END_BYTES>(file, length.checked_sub(END_BYTES as u64))? else {
        return Ok(false);
    };
    // Only without a comment is the last record at a known place.
    let [b'P', b'K', 5, 6, _, _, _, _, _, _, a, b, _, _, _, _, c, d, e, f, 0, 0] = end else {
        return Ok(false);
    };
    let start = u32::from_le_bytes([c, d, e, f]);
    // All ones mean that the true start is in the record for large zips.
    let (count, is_elsewhere) = (u16::from_le_bytes([a, b]), start == u32::MAX);
    if count as usize > limits::BUNDLE_FILES_MAX
        || (!is_elsewhere && !is_small(count.into(), start.into()))
    {
        return Ok(false);
    }
    let locator = length.checked_sub((END_BYTES + LOCATOR_BYTES) as u64);
    let locator = read_at::<LOCATOR_BYTES>(file, locator)?;
    let Some([b'P', b'K', 6, 7, _, _, _, _, place @ .., _, _, _, _]) = locator else {
        return Ok(!is_elsewhere);
    };
    let large = read_at::<LARGE_END_BYTES>(file, Some(u64::from_le_bytes(place)))?;
    let Some([b'P', b'K', 6, 6, rest @ ..]) = large else { return Ok(false) };
    let number = |at: usize| {
        let bytes = rest.get(at..).and_then(|it| it.first_chunk::<8>());
        bytes.map_or(u64::MAX, |it| u64::from_le_bytes(*it))
    };
    // Offsets count from after the four bytes of the signature.
    Ok(is_small(number(28), number(44)))
}

fn read_at<const BYTES: usize>(
    file: &mut File,
    place: Option<u64>,
) -> io::Result<Option<[u8; BYTES]>> {
    let Some(place) = place else { return Ok(None) };
    file.seek(SeekFrom::Start(place))?;
    let mut bytes = [0; BYTES];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}
