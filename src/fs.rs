//! Files and checksums, for all modules.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Returns a file's name for people; empty if the path ends in none, like `/`.
pub(crate) fn shown_name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Returns the directory of a path.
pub(crate) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        // The parent of a bare file name is empty, and cannot be opened.
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Creates a new file that only its owner may read.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(path)
}

/// Syncs a directory, so that names made, moved or removed in it survive a power loss.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns the first bytes of a checksum, enough to distinguish things but not to verify them.
pub(crate) fn first_of_sum<const N: usize>(hasher: Sha256) -> [u8; N] {
    *hasher.finalize().first_chunk().expect("a sum has 32 bytes")
}
