//! One writer at a time.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;

use super::error::StoreError;
use super::layout::Layout;
use super::names::LOCK;
use crate::time::Timestamp;

/// Bytes read of the note by which a holder identifies itself.
const NOTE_BYTES_MAX: u64 = 1_024;

/// The right to write to a store, released when dropped or when the process dies.
#[derive(Debug)]
pub(super) struct WriterLock {
    /// The open file, to which the lock belongs.
    file: File,
}

impl Drop for WriterLock {
    fn drop(&mut self) {
        // A child process being started shares the open file until it executes another program, so
        // closing alone would leave the lock with the child. If this fails, closing is all that is
        // left.
        let _still_shared = self.file.unlock();
    }
}

impl WriterLock {
    /// Takes the lock, or says who holds it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`], [`StoreError::OtherOwner`], and [`StoreError::Io`] when no lock file
    /// can be made.
    pub(super) fn acquire(layout: &Layout) -> Result<Self, StoreError> {
        layout.check_owner()?;
        let dir = layout.root_dir()?;
        let path = dir.path().join(LOCK);
        // The old file stays locked until the new one is, so that no other writer gets in between.
        let mut shared: Option<File> = None;
        let mut file = loop {
            let file = lock(layout, dir.file_or_new(LOCK)?)?;
            // Another writer has replaced the file since it was opened: this lock guards nothing.
            if !dir.is_at(LOCK, &file)? {
                continue;
            }
            let links = file.metadata().map_err(StoreError::io("inspect", &path))?.nlink();
            if links <= 1 {
                break file;
            }
            // In a copy made of hard links the lock file is that of the original too.
            dir.replace(LOCK, b"")?;
            shared = Some(file);
        };
        if let Some(shared) = shared {
            shared.unlock().map_err(StoreError::io("unlock", &path))?;
        }
        let note = format!("process {} (since {})\n", std::process::id(), Timestamp::now());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(note.as_bytes()))
            .map_err(StoreError::io("write", &path))?;
        Ok(Self { file })
    }
}

/// Locks the file, or says who holds it.
fn lock(layout: &Layout, mut file: File) -> Result<File, StoreError> {
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            let mut note = String::new();
            // The note is only for people; the lock itself is what counts.
            let _unreadable = (&mut file).take(NOTE_BYTES_MAX).read_to_string(&mut note);
            let note = note.trim();
            let holder = if note.is_empty() { "another process" } else { note }.to_owned();
            Err(StoreError::Locked { path: layout.root().to_owned(), holder })
        }
        Err(TryLockError::Error(error)) => {
            Err(StoreError::io("lock", &layout.root().join(LOCK))(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_the_first_is() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let first = WriterLock::acquire(&layout).unwrap();
        let error = WriterLock::acquire(&layout).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        drop(first);
        WriterLock::acquire(&layout).unwrap();
    }

    #[test]
    fn a_lock_that_is_given_back_is_free_though_a_child_still_has_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let lock = WriterLock::acquire(&layout).unwrap();
        let shared = lock.file.try_clone().unwrap();
        drop(lock);
        WriterLock::acquire(&layout).unwrap();
        drop(shared);
    }
}
