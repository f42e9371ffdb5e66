//! Staging: an export is made under another name next to its target, and moved there when it is
//! complete.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ExportError;
use crate::fs::{create_private, parent_of, sync_dir};
use crate::temporary::TemporaryDirectory;

/// The directory in which an export is being made. Dropping it removes what is there.
pub struct Staging {
    target: PathBuf,
    dir: TemporaryDirectory,
}

impl Staging {
    /// Begins an export to `target`, which must not exist or must be an empty directory.
    pub fn beside(target: &Path) -> Result<Self, ExportError> {
        // Does not follow links: even a dangling one occupies the name.
        let is_vacant = match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(ExportError::io("inspect", target)(error)),
            Ok(metadata) => metadata.is_dir() && !is_zip(target) && is_empty(target)?,
        };
        let name = target.file_name();
        let (true, Some(name)) = (is_vacant, name) else {
            return Err(ExportError::TargetExists { path: target.to_owned() });
        };
        let parent = parent_of(target);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(ExportError::io("create the directory", parent))?;
        let prefix = format!(".{}.", name.to_string_lossy().chars().take(64).collect::<String>());
        let dir = TemporaryDirectory::make(parent, &prefix)
            .map_err(ExportError::io("create a directory in", parent))?;
        Ok(Self { target: target.to_owned(), dir })
    }

    /// Returns the directory in which it is made, which must be removed if the process ends early.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Returns its target.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Creates a file in it.
    pub(super) fn create(&self, name: &str) -> Result<HashedFile, ExportError> {
        HashedFile::create(self.path().join(name))
    }

    /// Moves the whole directory to its target, durably.
    pub(super) fn publish(self) -> Result<(), ExportError> {
        // The files are synced already. Before the rename their names must be durable too, after it
        // the parent's entry.
        sync(self.path())?;
        // Fails if anything but an empty directory has appeared there.
        fs::rename(self.path(), &self.target).map_err(|source| match source.kind() {
            io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => {
                ExportError::TargetExists { path: self.target.clone() }
            }
            _ => ExportError::io("rename to", &self.target)(source),
        })?;
        let parent = parent_of(&self.target).to_owned();
        // Nothing is left under the temporary name, so nothing may be removed there.
        self.dir.keep();
        sync(&parent)
    }

    /// Moves one of its files to the target, durably.
    pub(super) fn publish_file(self, name: &str) -> Result<(), ExportError> {
        let made = self.path().join(name);
        rename_to_new(&made, &self.target).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::TargetExists { path: self.target.clone() },
            _ => ExportError::io("rename to", &self.target)(source),
        })?;
        sync(parent_of(&self.target))
    }
}

/// Renames a file, but never over an existing one.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not supported by the kernel or the file system. A hard link does not replace an existing
        // file either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            fs::hard_link(from, to)
        }
        result => Ok(result?),
    }
}

/// True if an export to this target is one zip.
pub(super) fn is_zip(target: &Path) -> bool {
    target.extension().is_some_and(|it| it.eq_ignore_ascii_case("zip"))
}

fn is_empty(dir: &Path) -> Result<bool, ExportError> {
    let mut entries = fs::read_dir(dir).map_err(ExportError::io("read the directory", dir))?;
    Ok(entries.next().is_none())
}

fn sync(path: &Path) -> Result<(), ExportError> {
    sync_dir(path).map_err(ExportError::io("sync", path))
}

/// A new file that is hashed as it is written.
pub(super) struct HashedFile {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
}

/// The size and the hash of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileSum {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl HashedFile {
    fn create(path: PathBuf) -> Result<Self, ExportError> {
        let file = create_private(&path).map_err(ExportError::io("create the file", &path))?;
        Ok(Self { path, file: BufWriter::new(file), hasher: Sha256::new(), bytes: 0 })
    }

    /// Writes with `write`, and names the file in errors.
    pub(super) fn with(
        &mut self,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        write(self).map_err(|source| ExportError::io("write", &self.path)(source))
    }

    /// Makes the file durable, and returns its size and hash.
    pub(super) fn finish(mut self) -> Result<FileSum, ExportError> {
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(ExportError::io("write", &self.path))?;
        Ok(FileSum { bytes: self.bytes, sha256: hex::encode(self.hasher.finalize()) })
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        // Only what was accepted: a short write passes the rest again.
        self.hasher.update(bytes.split_at(count).0);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Every row of a table asks for a flush; `finish` does it once.
        Ok(())
    }
}
