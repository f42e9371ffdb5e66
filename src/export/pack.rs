//! Packs the files of a bundle into one zip, which is the same for the same files.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::ExportError;
use crate::fs::create_private;

/// File size in bytes from which a zip gets lengths of 64 bits.
const LARGE_BYTES: u64 = 1 << 31;

/// Bytes that are compressed at a time. Each piece but the last is full, whatever a read returns,
/// so that the compressed bytes depend on the content alone.
const PIECE_BYTES: usize = 64 << 10;

/// Packs files of a directory in the given order, and makes the zip durable.
pub(super) fn pack(dir: &Path, names: &[&str], zip: &Path) -> Result<(), ExportError> {
    let made = create_private(zip).map_err(ExportError::io("create the file", zip))?;
    let mut packer = Packer::new(BufWriter::new(made));
    for name in names {
        let path = dir.join(name);
        let mut file = File::open(&path).map_err(ExportError::io("open", &path))?;
        let length = file.metadata().map_err(ExportError::io("inspect", &path))?.len();
        packer.add(name, length, &mut file).map_err(ExportError::io("write", zip))?;
    }
    let file =
        packer.finish().and_then(|it| it.into_inner().map_err(io::IntoInnerError::into_error));
    file.and_then(|it| it.sync_all()).map_err(ExportError::io("write", zip))
}

/// Writes a zip that depends only on names and contents.
pub(super) struct Packer<W: Write + Seek>(Option<ZipWriter<W>>);

impl<W: Write + Seek> Packer<W> {
    pub(super) fn new(out: W) -> Self {
        Self(Some(ZipWriter::new(out)))
    }

    /// Adds a file of `length` bytes.
    pub(super) fn add(
        &mut self,
        name: &str,
        length: u64,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        let Some(writer) = &mut self.0 else { return Ok(()) };
        // Neither the clock nor the machine nor the user's umask may leave a trace.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o600)
            .large_file(length >= LARGE_BYTES);
        writer.start_file(name, options)?;
        let mut piece = Vec::with_capacity(PIECE_BYTES);
        loop {
            piece.clear();
            Read::take(&mut *content, PIECE_BYTES as u64).read_to_end(&mut piece)?;
            if piece.is_empty() {
                return Ok(());
            }
            writer.write_all(&piece)?;
        }
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        match self.0.take() {
            Some(writer) => Ok(writer.finish()?),
            None => Err(io::Error::other("the zip has ended already")),
        }
    }
}

impl<W: Write + Seek> Drop for Packer<W> {
    fn drop(&mut self) {
        // When dropped, the library's writer tries to finish even a failed zip, and complains on
        // stderr in its own words. The leaked descriptor is closed when the process exits.
        std::mem::forget(self.0.take());
    }
}
