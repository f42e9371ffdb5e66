//! An export is made under another name beside its place, and moved there when it is whole.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ExportError;
use crate::fs::{create_private, parent_of, sync_dir};
use crate::temporary::TemporaryDirectory;

/// The place where an export is being made. What is there goes when this is dropped.
pub struct Staging {
    target: PathBuf,
    dir: TemporaryDirectory,
}

impl Staging {
    /// Begins an export that is to go to `target`, which must not exist; an empty directory may.
    pub fn beside(target: &Path) -> Result<Self, ExportError> {
        let is_vacant = match fs::symlink_metadata(target) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(ExportError::io("look at", target)(error)),
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
            .map_err(ExportError::io("make the directory", parent))?;
        let prefix = format!(".{}.", name.to_string_lossy().chars().take(64).collect::<String>());
        let dir = TemporaryDirectory::make(parent, &prefix)
            .map_err(ExportError::io("make a directory in", parent))?;
        Ok(Self { target: target.to_owned(), dir })
    }

    /// The directory in which it is made: to be removed by whoever ends the process.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Where it is to go.
    pub(super) fn target(&self) -> &Path {
        &self.target
    }

    /// Makes a file in it.
    pub(super) fn create(&self, name: &str) -> Result<HashedFile, ExportError> {
        HashedFile::create(self.path().join(name))
    }

    /// Moves the whole directory to its place, durably.
    pub(super) fn publish(self) -> Result<(), ExportError> {
        sync(self.path())?;
        // Fails where there is anything by now but an empty directory.
        fs::rename(self.path(), &self.target).map_err(|source| match source.kind() {
            io::ErrorKind::DirectoryNotEmpty
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::AlreadyExists => {
                ExportError::TargetExists { path: self.target.clone() }
            }
            _ => ExportError::io("rename to", &self.target)(source),
        })?;
        let parent = parent_of(&self.target).to_owned();
        // It is not there any more under its first name.
        self.dir.keep();
        sync(&parent)
    }

    /// Moves one of its files to the place, durably.
    pub(super) fn publish_file(self, name: &str) -> Result<(), ExportError> {
        let made = self.path().join(name);
        rename_to_new(&made, &self.target).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => ExportError::TargetExists { path: self.target.clone() },
            _ => ExportError::io("rename to", &self.target)(source),
        })?;
        sync(parent_of(&self.target))
    }
}

/// Renames a file to a name that does not exist.
fn rename_to_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system or the kernel cannot; a link does not replace what is there either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            fs::hard_link(from, to)
        }
        result => Ok(result?),
    }
}

/// Whether an export to this place is one zip.
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

/// A new file, hashed as it is written.
pub(super) struct HashedFile {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
    bytes: u64,
}

/// What a file holds, without it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileSum {
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl HashedFile {
    fn create(path: PathBuf) -> Result<Self, ExportError> {
        let file = create_private(&path).map_err(ExportError::io("make the file", &path))?;
        Ok(Self { path, file: BufWriter::new(file), hasher: Sha256::new(), bytes: 0 })
    }

    /// Writes with `write`; an error names the file.
    pub(super) fn with(
        &mut self,
        write: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> Result<(), ExportError> {
        write(self).map_err(|source| ExportError::io("write", &self.path)(source))
    }

    /// Makes what was written durable.
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
        self.hasher.update(bytes.split_at(count).0);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        // Each row of a table asks for it; `finish` does it once.
        Ok(())
    }
}
