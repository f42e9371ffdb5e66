//! A directory of a store, held open, and the files in it.
//!
//! A store may come from somebody else: evidence that was handed over, a restored backup, a shared
//! directory. So no name found in it is treated as a path, and no symbolic link in it is followed:
//! a file is opened by its plain name in a directory that is held open, whatever is renamed above
//! that directory meanwhile.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags, Stat};
use rustix::io::Errno;

use super::error::StoreError;
use super::names::TEMPORARY_SUFFIX;

/// A directory, held open.
#[derive(Clone, Debug)]
pub(super) struct Dir {
    path: PathBuf,
    handle: Arc<OwnedFd>,
}

const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
const DIR_MODE: Mode = Mode::RWXU;

impl Dir {
    /// Opens the directory at a path given by the user; links in that path are the user's own.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::openat(CWD, path, flags, Mode::empty());
        let handle = handle.map_err(failed("open the directory", path))?;
        Ok(Self { path: path.to_owned(), handle: Arc::new(handle) })
    }

    /// Opens a directory in this one.
    pub(super) fn dir(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.path_of(name)?;
        let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&*self.handle, name, flags, Mode::empty()) {
            Ok(handle) => Ok(Self { path, handle: Arc::new(handle) }),
            Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
                Err(self.misplaced(name, "a directory"))
            }
            Err(errno) => Err(failed("open the directory", &path)(errno)),
        }
    }

    /// The path of the directory when it was opened.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The user ID of the directory's owner.
    pub(super) fn owner(&self) -> Result<u32, StoreError> {
        let stat = rustix::fs::fstat(&*self.handle).map_err(failed("inspect", &self.path))?;
        Ok(stat.st_uid)
    }

    /// Opens a file for reading.
    pub(super) fn file(&self, name: &str) -> Result<File, StoreError> {
        self.open_file(name, OFlags::RDONLY, "open")
    }

    /// Opens a file for reading and writing.
    pub(super) fn file_to_write(&self, name: &str) -> Result<File, StoreError> {
        self.open_file(name, OFlags::RDWR, "open")
    }

    /// Opens a file for reading and writing, and creates it if it is missing.
    pub(super) fn file_or_new(&self, name: &str) -> Result<File, StoreError> {
        self.open_file(name, OFlags::RDWR | OFlags::CREATE, "open")
    }

    /// Creates a new file that only its owner may read.
    pub(super) fn new_file(&self, name: &str) -> Result<File, StoreError> {
        self.open_file(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL, "create the file")
    }

    fn open_file(
        &self,
        name: &str,
        flags: OFlags,
        action: &'static str,
    ) -> Result<File, StoreError> {
        let path = self.path_of(name)?;
        // Opening must not wait for the other end of a pipe that somebody put in place of a file.
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&*self.handle, name, flags, FILE_MODE) {
            Ok(handle) => File::from(handle),
            Err(Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::ISDIR) => {
                return Err(self.misplaced(name, "a file"));
            }
            Err(errno) => return Err(failed(action, &path)(errno)),
        };
        let metadata = file.metadata().map_err(StoreError::io("inspect", &path))?;
        // Asked of the open file, not of the name, which may have changed since.
        if metadata.is_file() { Ok(file) } else { Err(self.misplaced(name, "a file")) }
    }

    /// Reads a whole file of at most `bytes_max` bytes.
    pub(super) fn read(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, StoreError> {
        let path = self.path.join(name);
        let file = self.file(name)?;
        let mut bytes = Vec::new();
        // One byte more than allowed, to notice a file that is too long.
        file.take(bytes_max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(StoreError::io("read", &path))?;
        if bytes.len() as u64 > bytes_max {
            let reason = format!("it has more than {bytes_max} bytes");
            let error = io::Error::new(io::ErrorKind::InvalidData, reason);
            return Err(StoreError::io("read", &path)(error));
        }
        Ok(bytes)
    }

    /// Replaces a file's content atomically and durably: after a crash it is the old or the new
    /// one.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<(), StoreError> {
        let temporary = format!("{name}{TEMPORARY_SUFFIX}");
        let path = self.path_of(&temporary)?;
        // A crash may have left it, and `new_file` opens no existing file, which could be a link.
        self.remove(&temporary)?;
        let mut file = self.new_file(&temporary)?;
        file.write_all(content)
            // Before the rename: otherwise a power loss may leave the new name with empty content.
            .and_then(|()| file.sync_all())
            .map_err(StoreError::io("write", &path))?;
        self.rename(&temporary, name)?;
        self.sync()
    }

    /// Renames a file, replacing whatever had the new name.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.path_of(from)?;
        let path = self.path_of(to)?;
        rustix::fs::renameat(&*self.handle, from, &*self.handle, to)
            .map_err(failed("rename to", &path))
    }

    /// Swaps two entries atomically; `false` where the file system cannot.
    pub(super) fn exchange(&self, one: &str, other: &str) -> Result<bool, StoreError> {
        self.path_of(one)?;
        let path = self.path_of(other)?;
        let flags = RenameFlags::EXCHANGE;
        match rustix::fs::renameat_with(&*self.handle, one, &*self.handle, other, flags) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS) => Ok(false),
            Err(errno) => Err(failed("exchange", &path)(errno)),
        }
    }

    /// Removes a file; `false` when there is none.
    pub(super) fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let path = self.path_of(name)?;
        match rustix::fs::unlinkat(&*self.handle, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed("remove", &path)(errno)),
        }
    }

    /// Creates a directory that only its owner may enter, unless it exists.
    pub(super) fn make_dir(&self, name: &str) -> Result<Self, StoreError> {
        let path = self.path_of(name)?;
        match rustix::fs::mkdirat(&*self.handle, name, DIR_MODE) {
            Ok(()) => self.sync()?,
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed("create the directory", &path)(errno)),
        }
        self.dir(name)
    }

    /// Removes a directory with the files in it; a store's directories hold nothing else.
    pub(super) fn remove_dir(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path_of(name)?;
        // A thread that is ending may still create a file while the directory is being emptied.
        for attempts_left in (0..REMOVALS_MAX).rev() {
            let dir = match self.dir(name) {
                Err(error) if error.is_not_found() => return Ok(()),
                other => other?,
            };
            for file in dir.names()? {
                dir.remove(&file.to_string_lossy())?;
            }
            match rustix::fs::unlinkat(&*self.handle, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(Errno::NOENT) => return Ok(()),
                Err(Errno::NOTEMPTY | Errno::EXIST) if attempts_left > 0 => {}
                Err(errno) => return Err(failed("remove", &path)(errno)),
            }
        }
        Ok(())
    }

    /// The names in the directory, in no order.
    pub(super) fn names(&self) -> Result<Vec<OsString>, StoreError> {
        let read = || {
            let mut names = Vec::new();
            for entry in rustix::fs::Dir::read_from(&*self.handle)? {
                let entry = entry?;
                let name = OsStr::from_bytes(entry.file_name().to_bytes());
                if name != "." && name != ".." {
                    names.push(name.to_owned());
                }
            }
            Ok(names)
        };
        read().map_err(failed("read the directory", &self.path))
    }

    /// True if there is an entry of that name.
    pub(super) fn has(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.stat(name)?.is_some())
    }

    /// The length of the regular file of that name; none if there is no such file.
    pub(super) fn file_bytes(&self, name: &str) -> Result<Option<u64>, StoreError> {
        let stat = self.stat(name)?.filter(|it| FileType::from_raw_mode(it.st_mode).is_file());
        Ok(stat.and_then(|it| u64::try_from(it.st_size).ok()))
    }

    /// True if a name still refers to the opened file.
    pub(super) fn is_at(&self, name: &str, file: &File) -> Result<bool, StoreError> {
        let path = self.path_of(name)?;
        let metadata = file.metadata().map_err(StoreError::io("inspect", &path))?;
        let stat = self.stat(name)?;
        // The integer types of these differ between systems; this one holds them all.
        Ok(stat.is_some_and(|it| {
            i128::from(it.st_ino) == i128::from(metadata.ino())
                && i128::from(it.st_dev) == i128::from(metadata.dev())
        }))
    }

    fn stat(&self, name: &str) -> Result<Option<Stat>, StoreError> {
        let path = self.path_of(name)?;
        match rustix::fs::statat(&*self.handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed("inspect", &path)(errno)),
        }
    }

    /// The bytes that this user can still write to the disk.
    pub(super) fn free_bytes(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::fstatvfs(&*self.handle).map_err(failed("inspect", &self.path))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    /// The total bytes of the files in the directory.
    pub(super) fn bytes(&self) -> Result<u64, StoreError> {
        let mut bytes = 0_u64;
        for name in self.names()? {
            let length = name.to_str().map(|it| self.file_bytes(it)).transpose()?.flatten();
            bytes = bytes.saturating_add(length.unwrap_or(0));
        }
        Ok(bytes)
    }

    /// Makes created, renamed and removed entries survive a power loss.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        rustix::fs::fsync(&*self.handle).map_err(failed("sync", &self.path))
    }

    /// The path of an entry, for messages; an error if the name could lead elsewhere.
    fn path_of(&self, name: &str) -> Result<PathBuf, StoreError> {
        if is_plain_name(name) {
            return Ok(self.path.join(name));
        }
        let error =
            io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not a file name"));
        Err(StoreError::io("inspect", &self.path)(error))
    }

    fn misplaced(&self, name: &str, expected: &'static str) -> StoreError {
        let file_type =
            self.stat(name).ok().flatten().map(|it| FileType::from_raw_mode(it.st_mode));
        let found = match file_type {
            Some(FileType::Symlink) => "a symbolic link",
            Some(FileType::Directory) => "a directory",
            Some(FileType::RegularFile) => "a file",
            Some(FileType::Fifo) => "a pipe",
            Some(FileType::Socket) => "a socket",
            Some(_) => "a device",
            None => "something else",
        };
        StoreError::Misplaced { path: self.path.join(name), found, expected }
    }
}

/// Attempts to remove a directory that is still in use.
const REMOVALS_MAX: u32 = 100;

/// True if a name cannot lead to another directory.
pub(super) fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    // Compared with the whole name, since `components` drops a trailing slash.
    let is_one = matches!(components.next(), Some(Component::Normal(it)) if it == name);
    is_one && components.next().is_none() && !name.contains('\0')
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(Errno) -> StoreError {
    move |errno| StoreError::io(action, path)(errno.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_name_leads_out() {
        let outer = tempfile::tempdir().unwrap();
        std::fs::write(outer.path().join("thesis"), "x").unwrap();
        std::fs::create_dir(outer.path().join("store")).unwrap();
        let dir = Dir::open(&outer.path().join("store")).unwrap();
        let absolute = outer.path().join("thesis");
        for name in ["../thesis", "..", ".", "", "a/b", "a/", absolute.to_str().unwrap(), "a\0b"] {
            assert!(!is_plain_name(name), "{name}");
            assert!(dir.remove(name).is_err(), "{name}");
            assert!(dir.file(name).is_err(), "{name}");
            assert!(dir.replace(name, b"y").is_err(), "{name}");
            assert!(dir.rename(name, "z").is_err(), "{name}");
            assert!(dir.remove_dir(name).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_to_string(absolute).unwrap(), "x");
    }

    #[test]
    fn links_pipes_and_directories_are_named_and_not_opened() {
        let outer = tempfile::tempdir().unwrap();
        let victim = outer.path().join("thesis");
        std::fs::write(&victim, "x").unwrap();
        std::fs::create_dir(outer.path().join("store")).unwrap();
        let root = outer.path().join("store");
        let dir = Dir::open(&root).unwrap();
        symlink(&victim, root.join("file")).unwrap();
        symlink(outer.path(), root.join("dir")).unwrap();
        rustix::fs::mknodat(CWD, root.join("pipe"), FileType::Fifo, FILE_MODE, 0).unwrap();
        for (name, found) in [("file", "symbolic link"), ("pipe", "pipe"), ("dir", "link")] {
            for error in [dir.file(name), dir.file_to_write(name), dir.file_or_new(name)] {
                let error = error.unwrap_err().to_string();
                assert!(error.contains(name) && error.contains(found), "{error}");
            }
        }
        assert!(dir.dir("dir").unwrap_err().to_string().contains("symbolic link"));
        assert!(dir.dir("file").unwrap_err().to_string().contains("symbolic link"));
        dir.replace("file", b"ours").unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "x");
        assert_eq!(dir.read("file", 4).unwrap(), b"ours");
        assert!(dir.read("file", 3).is_err());
    }

    #[test]
    fn a_directory_goes_with_its_files() {
        let outer = tempfile::tempdir().unwrap();
        let dir = Dir::open(outer.path()).unwrap();
        let inner = dir.make_dir("index.new").unwrap();
        drop(inner.new_file("a").unwrap());
        drop(inner.new_file(".b").unwrap());
        dir.remove_dir("index.new").unwrap();
        dir.remove_dir("index.new").unwrap();
        assert_eq!(dir.names().unwrap(), [""; 0]);
    }
}
