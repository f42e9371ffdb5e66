//! The index's directory: tantivy's own, made durable, private and readable where nothing can be
//! written.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    Directory, DirectoryLock, FileHandle, INDEX_WRITER_LOCK, Lock, META_LOCK, MmapDirectory,
    WatchCallback, WatchHandle, WritePtr,
};

use super::empty_store;

/// `MmapDirectory` with five differences: a replaced file is durable when `atomic_write`
/// returns (tantivy renames `meta.json` without syncing the directory afterwards, and removes
/// merged segments next), new files have mode 0600, the store of documents that
/// holds nothing takes no room, reading needs no lock file on a medium that is
/// read-only, and writers are kept apart by the store's lock alone.
#[derive(Clone, Debug)]
pub(super) struct IndexDirectory {
    path: PathBuf,
    inner: MmapDirectory,
}

impl IndexDirectory {
    pub(super) fn open(path: &Path) -> tantivy::Result<Self> {
        Ok(Self { path: path.to_owned(), inner: MmapDirectory::open(path)? })
    }
}

impl Directory for IndexDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let file = self.inner.get_file_handle(path)?;
        if empty_store::is_empty_store(path) {
            let wrapped = |error| OpenReadError::wrap_io_error(error, path.to_owned());
            return empty_store::read(&file).map_err(wrapped);
        }
        Ok(file)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.inner.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.inner.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let writer = self.inner.open_write(path)?;
        let wrapped = |error| OpenWriteError::wrap_io_error(error, path.to_owned());
        fs::set_permissions(self.path.join(path), fs::Permissions::from_mode(0o600))
            .map_err(wrapped)?;
        if empty_store::is_empty_store(path) {
            return empty_store::write(writer).map_err(wrapped);
        }
        Ok(writer)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.inner.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.inner.atomic_write(path, data)?;
        self.inner.sync_directory()
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        if lock.filepath == INDEX_WRITER_LOCK.filepath {
            // Whoever writes has the store's. This one would outlive its holder in a child process
            // that was made meanwhile, and keep the next one out.
            return Ok(DirectoryLock::from(Box::new(())));
        }
        match self.inner.acquire_lock(lock) {
            // Where no lock file can be made nobody can remove segments either.
            Err(LockError::IoError(_)) if lock.filepath == META_LOCK.filepath => {
                Ok(DirectoryLock::from(Box::new(())))
            }
            other => other,
        }
    }

    fn watch(&self, watch_callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.inner.watch(watch_callback)
    }
}
