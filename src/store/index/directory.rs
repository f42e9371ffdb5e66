//! The index's directory: tantivy's own, but durable, private, readable from read-only media, and
//! confined to its own files.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, INDEX_WRITER_LOCK, Lock, META_LOCK,
    MmapDirectory, TerminatingWrite, WatchCallback, WatchHandle, WritePtr,
};
use tantivy::{Document, IndexWriter};

use super::empty_store;
use crate::limits;
use crate::store::dir::Dir;
use crate::store::error::StoreError;

/// The file that is tantivy's commit.
pub(in crate::store) const META: &str = "meta.json";

/// A commit that takes effect together with another index's commit.
pub(in crate::store) const NEXT: &str = "next.json";

/// The list of the files that tantivy has made and may remove.
const MANAGED: &str = ".managed.json";

/// The directory of an index. Unlike `MmapDirectory` alone:
///
/// - A replaced file is durable when `atomic_write` returns: tantivy renames `meta.json` without
///   syncing the directory afterwards, and removes merged segments next.
/// - New files have mode 0600, and the document store, which is empty, takes no room.
/// - Only the store's lock keeps writers apart.
/// - Reading changes nothing, and does without a lock file that is missing or not accessible.
/// - A reader sees one commit: its `meta.json` is read once, and all files that it names are mapped
///   at once.
/// - A name that is not one of an index's files is neither read, nor written, nor removed.
/// - A commit can be held back until everything that belongs to it is in place.
#[derive(Clone, Debug)]
pub(in crate::store) struct IndexDirectory {
    dir: Dir,
    inner: MmapDirectory,
    /// The commit that a reader sees; none for a writer.
    seen: Option<Arc<Seen>>,
    /// The first write error. tantivy passes on a text at best.
    failure: Arc<Mutex<Option<StoreError>>>,
    held_back: Arc<Mutex<HeldBack>>,
}

/// A commit that only its writer sees.
#[derive(Debug, Default)]
struct HeldBack {
    is_on: bool,
    meta: Option<Vec<u8>>,
    /// Whether tantivy wanted to remove files that the commit visible to others may still need.
    keeps_files: bool,
}

/// An index as of one commit.
#[derive(Debug)]
struct Seen {
    meta: Vec<u8>,
    files: HashMap<PathBuf, Arc<dyn FileHandle>>,
}

impl IndexDirectory {
    /// Opens an index's directory for writing.
    pub(in crate::store) fn open(dir: &Dir) -> tantivy::Result<Self> {
        let inner = MmapDirectory::open(dir.path())?;
        let (failure, held_back) = (Arc::default(), Arc::default());
        Ok(Self { dir: dir.clone(), inner, seen: None, failure, held_back })
    }

    /// Opens an index's directory for reading, as of the latest commit.
    pub(in crate::store) fn open_to_read(dir: &Dir) -> tantivy::Result<Self> {
        Self::open_to_read_as(dir, |it| Ok(it.read(META)?))
    }

    /// Opens an index's directory for reading, as of the commit that takes effect with another
    /// index's commit.
    pub(in crate::store) fn open_to_read_next(dir: &Dir) -> tantivy::Result<Self> {
        Self::open_to_read_as(dir, |it| Ok(it.read(NEXT)?))
    }

    /// Opens the same directory for reading, as of the commit that is held back.
    pub(in crate::store) fn open_to_read_held(&self) -> tantivy::Result<Self> {
        Self::open_to_read_as(&self.dir, |_| Ok(self.atomic_read(Path::new(META))?))
    }

    fn open_to_read_as(
        dir: &Dir,
        meta: impl FnOnce(&Self) -> tantivy::Result<Vec<u8>>,
    ) -> tantivy::Result<Self> {
        let opened = Self::open(dir)?;
        // Taken before `meta` is read: a merge must not remove a file that it names until all of
        // them are mapped.
        let _lock = opened.lock_for_reading()?;
        let meta = meta(&opened)?;
        let mut files = HashMap::new();
        for name in opened.dir.names().map_err(|error| io_error(&error))? {
            let path = PathBuf::from(name);
            // An unreadable file fails when it is needed: this commit may not even name it.
            if path.to_str().is_some_and(is_segment_file)
                && let Ok(file) = opened.map(&path)
            {
                files.insert(path, file);
            }
        }
        Ok(Self { seen: Some(Arc::new(Seen { meta, files })), ..opened })
    }

    /// Holds the next commit back: until it is published only this writer sees it, and no file is
    /// removed.
    pub(in crate::store) fn hold_back(&self) {
        self.held_back().is_on = true;
    }

    /// Writes the held-back commit beside the last one, ready to take effect with another index's
    /// commit.
    pub(in crate::store) fn prepare(&self) -> Result<(), StoreError> {
        match &self.held_back().meta {
            Some(meta) => self.dir.replace(NEXT, meta),
            None => Ok(()),
        }
    }

    /// Makes a writer's held-back commit durable and visible.
    pub(in crate::store) fn publish<D: Document>(
        &self,
        writer: &IndexWriter<D>,
    ) -> Result<(), StoreError> {
        // Held to the end: a merge that finishes meanwhile must not write a `meta.json` that the
        // older one at hand then replaces.
        let mut held_back = self.held_back();
        if let Some(meta) = &held_back.meta {
            // In this order: a crash between the two leaves both with the same content, which does
            // no harm.
            self.dir.replace(META, meta)?;
            self.dir.remove(NEXT)?;
        }
        if std::mem::take(&mut *held_back).keeps_files {
            // Not waited for: the updater thread needs the lock held here. Whatever it cannot
            // remove goes with what the next merge leaves.
            drop(writer.garbage_collect_files());
        }
        Ok(())
    }

    fn held_back(&self) -> MutexGuard<'_, HeldBack> {
        // Each change is a single assignment, so a panic cannot leave a half-made one.
        self.held_back.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader's `meta.json`, byte for byte.
    pub(in crate::store) fn meta(&self) -> Option<&[u8]> {
        self.seen.as_ref().map(|it| it.meta.as_slice())
    }

    /// Takes the first write error.
    pub(in crate::store) fn take_failure(&self) -> Option<StoreError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn fail(&self, error: StoreError) -> io::Error {
        let io = io_error_of(&error);
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        io
    }

    /// Keeps writers from removing files, where that is possible without writing: only a process
    /// that may write can remove any. It does not wait forever for a writer that holds on: a file
    /// that goes missing is noticed.
    fn lock_for_reading(&self) -> tantivy::Result<Option<File>> {
        let file = match self.dir.file(&META_LOCK.filepath.to_string_lossy()) {
            Ok(file) => file,
            Err(StoreError::Io { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(io_error(&error)),
        };
        for _ in 0..LOCK_ATTEMPTS_MAX {
            match file.try_lock() {
                Ok(()) => return Ok(Some(file)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
                // Some network file systems lock only files that are open for writing.
                Err(TryLockError::Error(_)) => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Maps a file of a segment.
    fn map(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let wrapped = |error| OpenReadError::wrap_io_error(error, path.to_owned());
        let name = checked(path, is_segment_file).map_err(wrapped)?;
        // `MmapDirectory` opens by path and would follow a link that somebody put here.
        match self.dir.file_bytes(name) {
            Ok(Some(_)) => {}
            Ok(None) => return Err(OpenReadError::FileDoesNotExist(path.to_owned())),
            Err(error) => return Err(wrapped(io_error_of(&error))),
        }
        let file = self.inner.get_file_handle(path)?;
        if empty_store::is_empty_store(path) {
            return empty_store::read(&file).map_err(wrapped);
        }
        Ok(file)
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, OpenReadError> {
        let bytes = match self.dir.read(name, limits::STORE_FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => {
                return Err(OpenReadError::FileDoesNotExist(name.into()));
            }
            Err(error) => {
                return Err(OpenReadError::wrap_io_error(io_error_of(&error), name.into()));
            }
        };
        if name == MANAGED {
            check_managed(&bytes)
                .map_err(|error| OpenReadError::wrap_io_error(error, name.into()))?;
        }
        Ok(bytes)
    }
}

/// The number of attempts to get the lock, and the pause between them: half a second in all.
const LOCK_ATTEMPTS_MAX: u32 = 250;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// True if a segment's file may have that name: an identifier of 32 digits, and an extension.
fn is_segment_file(name: &str) -> bool {
    let Some((id, extension)) = name.split_once('.') else { return false };
    let is_part = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric());
    id.len() == SEGMENT_ID_DIGITS
        && id.bytes().all(|it| it.is_ascii_hexdigit())
        && extension.split('.').all(is_part)
}

const SEGMENT_ID_DIGITS: usize = 32;

fn is_index_file(name: &str) -> bool {
    name == META || is_segment_file(name)
}

/// The name, if it passes the test.
fn checked(path: &Path, is_ours: fn(&str) -> bool) -> io::Result<&str> {
    path.to_str().filter(|it| is_ours(it)).ok_or_else(|| {
        let reason = format!("{:?} is not an index file", path.display().to_string());
        io::Error::new(io::ErrorKind::InvalidData, reason)
    })
}

/// Rejects a list with foreign names: tantivy removes the files that it lists and no segment uses.
fn check_managed(bytes: &[u8]) -> io::Result<()> {
    let names: Vec<PathBuf> = serde_json::from_slice(bytes)?;
    names.iter().try_for_each(|it| checked(it, is_index_file).map(drop))
}

fn io_error_of(error: &StoreError) -> io::Error {
    match error {
        StoreError::Io { source, .. } => {
            io::Error::new(source.kind(), format!("{error}: {source}"))
        }
        other => io::Error::other(other.to_string()),
    }
}

fn io_error(error: &StoreError) -> tantivy::TantivyError {
    tantivy::TantivyError::from(io_error_of(error))
}

impl Directory for IndexDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        match self.seen.as_ref().and_then(|it| it.files.get(path)) {
            Some(file) => Ok(Arc::clone(file)),
            None => self.map(path),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let failed = |error: io::Error| DeleteError::IoError {
            io_error: Arc::new(error),
            filepath: path.to_owned(),
        };
        let name = checked(path, is_index_file).map_err(failed)?;
        let mut held_back = self.held_back();
        if held_back.is_on {
            // tantivy keeps the file in its list, and tries again with its next collection.
            held_back.keeps_files = true;
            return Err(failed(io::ErrorKind::ResourceBusy.into()));
        }
        drop(held_back);
        match self.dir.remove(name) {
            Ok(true) => Ok(()),
            Ok(false) => Err(DeleteError::FileDoesNotExist(path.to_owned())),
            Err(error) => Err(failed(io_error_of(&error))),
        }
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let name = path.to_string_lossy();
        let bytes = self.dir.file_bytes(&name);
        let bytes = bytes
            .map_err(|error| OpenReadError::wrap_io_error(io_error_of(&error), path.to_owned()))?;
        Ok(bytes.is_some())
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let wrapped = |error| OpenWriteError::wrap_io_error(error, path.to_owned());
        let name = checked(path, is_segment_file).map_err(wrapped)?;
        let file = self.dir.new_file(name).map_err(|error| wrapped(self.fail(error)))?;
        let written =
            WrittenFile { directory: self.clone(), path: self.dir.path().join(name), file };
        let writer: WritePtr = BufWriter::new(Box::new(written));
        if empty_store::is_empty_store(path) {
            return empty_store::write(writer).map_err(wrapped);
        }
        Ok(writer)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        match (path.to_str(), &self.seen) {
            (Some(META), Some(seen)) => Ok(seen.meta.clone()),
            (Some(META), None) => match &self.held_back().meta {
                Some(meta) => Ok(meta.clone()),
                None => self.read(META),
            },
            (Some(MANAGED), _) => self.read(MANAGED),
            _ => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
        }
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        let name = checked(path, |it| matches!(it, META | MANAGED))?;
        let mut held_back = self.held_back();
        if held_back.is_on && name == META {
            held_back.meta = Some(data.to_vec());
            return Ok(());
        }
        // Still under the lock, so that two threads never replace the same file at once.
        self.dir.replace(name, data).map_err(|error| self.fail(error))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.dir.sync().map_err(|error| self.fail(error))
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        // The store's lock keeps writers apart. tantivy's own would outlive its holder in a child
        // process started meanwhile, and keep the next writer out. A reader has already mapped all
        // its files.
        if lock.filepath == INDEX_WRITER_LOCK.filepath || self.seen.is_some() {
            return Ok(DirectoryLock::from(Box::new(())));
        }
        let name = lock.filepath.to_string_lossy();
        let failed = |error| LockError::wrap_io_error(self.fail(error));
        let file = self.dir.file_or_new(&name).map_err(failed)?;
        file.lock()
            .map_err(StoreError::io("lock", &self.dir.path().join(&*name)))
            .map_err(failed)?;
        Ok(DirectoryLock::from(Box::new(file)))
    }

    fn watch(&self, watch_callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(watch_callback)
    }
}

/// A file being written.
struct WrittenFile {
    directory: IndexDirectory,
    path: PathBuf,
    file: File,
}

impl WrittenFile {
    fn fail(&self, action: &'static str) -> impl FnOnce(io::Error) -> io::Error {
        move |error| self.directory.fail(StoreError::io(action, &self.path)(error))
    }
}

impl Write for WrittenFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.file.write(bytes) {
            // The caller repeats an interrupted write, so it is no failure.
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                Err(self.fail("write")(error))
            }
            other => other,
        }
    }

    // Nothing is buffered below this; `terminate_ref` is what makes the file durable.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for WrittenFile {
    fn terminate_ref(&mut self, _token: AntiCallToken) -> io::Result<()> {
        self.file.sync_data().map_err(self.fail("sync"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_an_index_are_touched() {
        let outer = tempfile::tempdir().unwrap();
        let victim = outer.path().join("thesis.txt");
        std::fs::write(&victim, "x").unwrap();
        std::fs::create_dir(outer.path().join("index")).unwrap();
        let dir = Dir::open(&outer.path().join("index")).unwrap();
        let directory = IndexDirectory::open(&dir).unwrap();
        for name in ["../thesis.txt", victim.to_str().unwrap(), "thesis.txt", "..", ""] {
            let path = Path::new(name);
            assert!(directory.delete(path).is_err(), "{name}");
            assert!(directory.get_file_handle(path).is_err(), "{name}");
            assert!(directory.open_write(path).is_err(), "{name}");
            assert!(directory.atomic_write(path, b"y").is_err(), "{name}");
            let managed = serde_json::to_vec(&[META, name]).unwrap();
            dir.replace(MANAGED, &managed).unwrap();
            assert!(directory.atomic_read(Path::new(MANAGED)).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "x");
    }

    #[test]
    fn a_link_in_the_place_of_a_segment_is_not_followed() {
        let outer = tempfile::tempdir().unwrap();
        let victim = outer.path().join("thesis.txt");
        std::fs::write(&victim, "x").unwrap();
        std::fs::create_dir(outer.path().join("index")).unwrap();
        let name = "0123456789abcdef0123456789abcdef.idx";
        std::os::unix::fs::symlink(&victim, outer.path().join("index").join(name)).unwrap();
        let directory = IndexDirectory::open(&Dir::open(&outer.path().join("index")).unwrap());
        let directory = directory.unwrap();
        assert!(directory.get_file_handle(Path::new(name)).is_err());
        assert!(directory.open_write(Path::new(name)).is_err());
        directory.delete(Path::new(name)).unwrap();
        assert_eq!(std::fs::read_to_string(&victim).unwrap(), "x");
    }
}
