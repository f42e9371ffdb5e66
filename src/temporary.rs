//! Directories that must not outlive their process, and the removal of those of killed processes.
//!
//! Such a directory holds mail addresses. Its process holds a lock on it, which the system releases
//! when the process ends; the next process that makes one of the same name removes those that
//! nobody has locked. This module does not know what they are for.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

/// The suffix of each name.
const SUFFIX: &str = ".tmp";

/// Random letters and digits in the name of each.
const RANDOM_CHARS: usize = 6;

/// Attempts to make a directory, if others sweep each one before it is locked.
const TRIES_MAX: usize = 10;

/// A directory that is removed on drop or, after a kill, when the next of its name is made.
#[derive(Debug)]
pub struct TemporaryDirectory {
    dir: TempDir,
    /// Holds the lock while it is open.
    _lock: File,
}

impl TemporaryDirectory {
    /// Creates a directory in `parent` whose name begins with `prefix`, after removing those of the
    /// same user's dead processes.
    pub fn make(parent: &Path, prefix: &str) -> io::Result<Self> {
        Self::make_after(parent, prefix, &mut |_| {})
    }

    /// Does the same as [`TemporaryDirectory::make`]; `on_leftover` sees each directory before it
    /// is removed.
    pub fn make_after(
        parent: &Path,
        prefix: &str,
        on_leftover: &mut dyn FnMut(&Path),
    ) -> io::Result<Self> {
        sweep(parent, prefix, on_leftover);
        for _ in 0..TRIES_MAX {
            let dir = tempfile::Builder::new()
                .prefix(prefix)
                .suffix(SUFFIX)
                .rand_bytes(RANDOM_CHARS)
                .permissions(PermissionsExt::from_mode(0o700))
                .tempdir_in(parent)?;
            let Ok(lock) = open_directory(dir.path()) else { continue };
            // Only a lock held by another process means a sweep: a file system without locks has
            // none.
            let is_swept = matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock));
            if !is_swept && is_same(&lock, dir.path()) {
                return Ok(Self { dir, _lock: lock });
            }
        }
        Err(io::Error::other("whatever is made there is removed at once"))
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Keeps the directory, which is then no longer temporary.
    pub fn keep(self) {
        let _path: PathBuf = self.dir.keep();
    }
}

/// Removes the directories of the same user's dead processes.
fn sweep(parent: &Path, prefix: &str, on_leftover: &mut dyn FnMut(&Path)) {
    // A courtesy only: the user may have no right to list the place.
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten().filter(|it| is_ours(&it.file_name(), prefix)) {
        let path = entry.path();
        let Ok(dir) = open_directory(&path) else { continue };
        let owner = dir.metadata().map(|it| it.uid());
        let is_own = owner.is_ok_and(|it| it == rustix::process::geteuid().as_raw());
        // The name is checked after the lock: the owner may have removed its directory meanwhile,
        // and another may have taken the name.
        if is_own && dir.try_lock().is_ok() && is_same(&dir, &path) {
            on_leftover(&path);
            let _still_there = fs::remove_dir_all(&path);
        }
    }
}

fn is_ours(name: &OsStr, prefix: &str) -> bool {
    let random = name.to_str().and_then(|it| it.strip_prefix(prefix)?.strip_suffix(SUFFIX));
    random.is_some_and(|it| {
        it.len() == RANDOM_CHARS && it.bytes().all(|it| it.is_ascii_alphanumeric())
    })
}

fn open_directory(path: &Path) -> io::Result<File> {
    // Never through a link, which others may put into a shared temporary directory.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// True if an open directory is still the one of that name.
fn is_same(dir: &File, path: &Path) -> bool {
    let key = |it: fs::Metadata| (it.dev(), it.ino());
    let (opened, named) = (dir.metadata().map(key), fs::symlink_metadata(path).map(key));
    opened.is_ok_and(|opened| named.is_ok_and(|named| opened == named))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let name = |it: io::Result<fs::DirEntry>| it.unwrap().file_name().into_string().unwrap();
        let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_nobody_holds_goes_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        for name in [".x.aaaaaa.tmp", ".x.bbbbbb.tmp/inner", ".x.abc.tmp", ".x.cc-ccc.tmp"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        for name in [".y.aaaaaa.tmp", ".x.aaaaaa.tmp.old", "x.aaaaaa.tmp"] {
            fs::create_dir(path(name)).unwrap();
        }
        fs::write(path(".x.bbbbbb.tmp/inner/file"), "x").unwrap();
        fs::write(path(".x.dddddd.tmp"), "a file").unwrap();
        std::os::unix::fs::symlink(path(".y.aaaaaa.tmp"), path(".x.eeeeee.tmp")).unwrap();
        let mut seen = 0;
        let held = TemporaryDirectory::make_after(place.path(), ".x.", &mut |_| seen += 1).unwrap();
        let other = TemporaryDirectory::make(place.path(), ".x.").unwrap();
        assert_eq!(seen, 2);
        assert!(held.path().is_dir() && other.path().is_dir());
        drop(held);
        drop(other);
        let left = [
            ".x.abc.tmp",
            ".x.aaaaaa.tmp.old",
            ".x.cc-ccc.tmp",
            ".x.dddddd.tmp",
            ".x.eeeeee.tmp",
            ".y.aaaaaa.tmp",
            "x.aaaaaa.tmp",
        ];
        let mut left = left.map(str::to_owned);
        left.sort();
        assert_eq!(names(place.path()), left);
    }

    #[test]
    fn what_is_kept_is_not_removed() {
        let place = tempfile::tempdir().unwrap();
        let dir = TemporaryDirectory::make(place.path(), "x-").unwrap();
        let path = dir.path().to_owned();
        fs::rename(&path, place.path().join("kept")).unwrap();
        dir.keep();
        assert_eq!(names(place.path()), ["kept"]);
    }
}
