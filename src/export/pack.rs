//! One zip out of the files of a bundle, the same for the same files.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::ExportError;

/// Bytes from which on a file's lengths need 64 bits in a zip.
const LARGE_BYTES: u64 = 1 << 31;

/// Packs files of a directory, in the order given, and makes the zip durable.
pub(super) fn pack(dir: &Path, names: &[&str], zip: &Path) -> Result<(), ExportError> {
    let made = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(zip)
        .map_err(ExportError::io("make the file", zip))?;
    let mut writer = ZipWriter::new(BufWriter::new(made));
    for name in names {
        let path = dir.join(name);
        let file = File::open(&path).map_err(ExportError::io("open", &path))?;
        let length = file.metadata().map_err(ExportError::io("look at", &path))?.len();
        // Nothing of the clock, the machine or the user's umask goes in.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o600)
            .large_file(length >= LARGE_BYTES);
        writer
            .start_file(*name, options)
            .map_err(io::Error::from)
            .and_then(|()| io::copy(&mut BufReader::new(file), &mut writer))
            .map_err(ExportError::io("write", zip))?;
    }
    let buffered = writer.finish().map_err(io::Error::from);
    let file = buffered.and_then(|it| it.into_inner().map_err(io::IntoInnerError::into_error));
    file.and_then(|it| it.sync_all()).map_err(ExportError::io("write", zip))
}
