//! Appending to the archive.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::frames::note_frame;
use super::position::{ArchivePosition, RemovedNumbers};
use super::sums::{Sums, hash_archive_file, hash_prefix};
use crate::limits;
use crate::store::dir::Dir;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, archive_file_name, archive_file_number};
use crate::store::names::TEMPORARY_SUFFIX;

/// The end of the archive, where blocks are appended.
///
/// Nothing written here counts until a commit names it: opening the archive cuts off everything
/// after the position of the last commit.
pub(in crate::store) struct ArchiveWriter {
    layout: Layout,
    dir: Dir,
    active: Option<ActiveFile>,
    number: u32,
    sums: Sums,
    /// The head of the last commit; empty before the first.
    head: String,
    /// Numbers of files that were removed on purpose.
    removed: RemovedNumbers,
    /// Bytes after which a file takes no more blocks.
    file_bytes_max: u64,
}

struct ActiveFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    hasher: Sha256,
}

impl ArchiveWriter {
    /// Brings the archive back to `position` and opens its end.
    ///
    /// # Errors
    ///
    /// [`StoreError::ArchiveDamaged`] if the committed part is not what it was.
    pub(in crate::store) fn open(
        layout: &Layout,
        position: &ArchivePosition,
    ) -> Result<Self, StoreError> {
        let dir = layout.archive_dir()?;
        remove_files_after(&dir, position.file)?;
        let sums = sealed_sums(layout, position)?;
        let head = match position.file {
            0 => String::new(),
            number => sums.head(number, &position.sha256),
        };
        let mut writer = Self {
            layout: layout.clone(),
            dir,
            active: None,
            number: position.file,
            sums,
            head,
            removed: position.removed.clone(),
            file_bytes_max: limits::ARCHIVE_FILE_BYTES_MAX,
        };
        if position.file > 0 {
            writer.active = Some(open_at(layout, &writer.dir, position)?);
        }
        // The last writer may have been cut off between its commit and this.
        writer.refresh_sums()?;
        Ok(writer)
    }

    /// From now on, begins a new file after `bytes` bytes.
    #[cfg(test)]
    pub(in crate::store) fn limit_files(&mut self, bytes: u64) {
        self.file_bytes_max = bytes;
    }

    /// Appends a block, without making it durable. Returns the file's number and the byte at which
    /// the block begins.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`]; whatever was written is cut off when the store is next opened.
    pub(in crate::store) fn append(&mut self, frame: &[u8]) -> Result<(u32, u32), StoreError> {
        if self.active.as_ref().is_some_and(|it| it.bytes >= self.file_bytes_max) {
            self.seal()?;
        }
        let (number, active) = self.active_file()?;
        let offset = u32::try_from(active.bytes).map_err(|_| StoreError::ArchiveDamaged {
            path: active.path.clone(),
            reason: "it is too long".to_owned(),
        })?;
        active.write(frame)?;
        Ok((number, offset))
    }

    /// Appends a commit's note and makes everything so far durable.
    pub(in crate::store) fn sync(&mut self, note: &[u8]) -> Result<ArchivePosition, StoreError> {
        let (number, active) = self.active_file()?;
        active.write(&note_frame(note))?;
        // This also makes the file's length durable, without which its end could not be read.
        active.file.sync_data().map_err(StoreError::io("sync", &active.path))?;
        let (bytes, sha256) = (active.bytes, hex::encode(active.hasher.clone().finalize()));
        let sealed_sha256 = self.sums.sealed_sha256(number);
        self.head = self.sums.head(number, &sha256);
        Ok(ArchivePosition {
            file: number,
            bytes: Some(bytes),
            sha256,
            sealed_sha256,
            head: self.head.clone(),
            removed: self.removed.clone(),
        })
    }

    /// The place of the next byte: the number of its file, and the file's length before it.
    pub(in crate::store) fn end(&self) -> (u32, u64) {
        self.active.as_ref().map_or((self.number + 1, 0), |it| (self.number, it.bytes))
    }

    /// Takes files out of the next commit. They stay on disk until it is made.
    pub(in crate::store) fn forget(&mut self, numbers: impl Iterator<Item = u32>) {
        for number in numbers {
            self.sums.remove(number);
            self.removed.add(number);
        }
    }

    /// Seals the file that is written to; what comes next goes to a new one.
    pub(in crate::store) fn seal_active(&mut self) -> Result<(), StoreError> {
        if let Some(active) = self.active.take() {
            // The commit that counts it syncs only the file that it ends in.
            active.file.sync_all().map_err(StoreError::io("sync", &active.path))?;
            self.sums.set(self.number, hex::encode(active.hasher.finalize()));
        }
        Ok(())
    }

    /// The head of the last commit; empty before the first.
    pub(in crate::store) fn head(&self) -> &str {
        &self.head
    }

    /// Brings SHA256SUMS up to date, including the line of the file that is still written to.
    pub(in crate::store) fn refresh_sums(&mut self) -> Result<(), StoreError> {
        if let Some(active) = &self.active {
            self.sums.set(self.number, hex::encode(active.hasher.clone().finalize()));
        }
        if self.sums != Sums::read(&self.layout)? {
            self.sums.write(&self.layout)?;
        }
        Ok(())
    }

    /// The file that is written to, begun if there is none, and its number.
    fn active_file(&mut self) -> Result<(u32, &mut ActiveFile), StoreError> {
        let active = match &mut self.active {
            Some(active) => active,
            slot => {
                if self.number >= limits::ARCHIVE_FILES_MAX {
                    let reason = format!("it already has {} files, the maximum", self.number);
                    return Err(StoreError::ArchiveDamaged { path: self.layout.archive(), reason });
                }
                self.number += 1;
                let path = self.layout.archive_file(self.number);
                let file = self.dir.new_file(&archive_file_name(self.number))?;
                // Syncing the file later does not make its name durable.
                self.dir.sync()?;
                slot.insert(ActiveFile { path, file, bytes: 0, hasher: Sha256::new() })
            }
        };
        Ok((self.number, active))
    }

    fn seal(&mut self) -> Result<(), StoreError> {
        self.seal_active()?;
        self.active_file().map(|_| ())
    }
}

impl ActiveFile {
    fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(StoreError::io("write", &self.path))?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Removes the files after `last`, which no commit names.
pub(in crate::store) fn remove_files_after(dir: &Dir, last: u32) -> Result<(), StoreError> {
    for name in dir.names()? {
        let Some(name) = name.to_str() else { continue };
        if archive_file_number(name).is_some_and(|it| it > last) {
            dir.remove(name)?;
        }
    }
    Ok(())
}

/// The sums of the sealed files as of the last commit. A crash may come between a commit and the
/// rewriting of SHA256SUMS: then the files are hashed again, and must agree with the commit.
fn sealed_sums(layout: &Layout, position: &ArchivePosition) -> Result<Sums, StoreError> {
    let mut sums = Sums::read(layout)?.unaltered();
    sums.truncate(position.file);
    position.removed_numbers().for_each(|it| sums.remove(it));
    // Before its second file, an archive has no sealed one.
    if sums.sealed_sha256(position.file) == position.sealed_sha256 || position.file <= 1 {
        return Ok(sums);
    }
    for number in position.sealed_files() {
        sums.set(number, hash_archive_file(layout, number)?);
    }
    if sums.sealed_sha256(position.file) == position.sealed_sha256 {
        return Ok(sums);
    }
    Err(StoreError::ArchiveDamaged {
        path: layout.archive(),
        reason: "the checksums of its sealed files differ from those of the last commit".to_owned(),
    })
}

fn open_at(
    layout: &Layout,
    dir: &Dir,
    position: &ArchivePosition,
) -> Result<ActiveFile, StoreError> {
    let path = layout.archive_file(position.file);
    let name = archive_file_name(position.file);
    let mut file = match dir.file_to_write(&name) {
        Err(error) if error.is_not_found() => {
            return Err(StoreError::ArchiveDamaged { path, reason: "it is missing".to_owned() });
        }
        other => other?,
    };
    let Some(bytes) = position.bytes else {
        let reason = "how much of it counts is unknown".to_owned();
        return Err(StoreError::ArchiveDamaged { path, reason });
    };
    // Appending goes on from this hash, so checking what was committed costs nothing more.
    let hasher = hash_prefix(&file, &path, bytes)?;
    if hex::encode(hasher.clone().finalize()) != position.sha256 {
        return Err(StoreError::ArchiveDamaged {
            path,
            reason: "its checksum differs from that of the last commit".to_owned(),
        });
    }
    if file.metadata().map_err(StoreError::io("inspect", &path))?.nlink() > 1 {
        file = copied(dir, &name, &mut file, bytes)?;
    }
    // What a crash left after the commit goes only once the rest has proved to be what it was.
    file.set_len(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| file.seek(SeekFrom::End(0)))
        .map_err(StoreError::io("cut", &path))?;
    Ok(ActiveFile { path, file, bytes, hasher })
}

/// Replaces a file by a copy of its first bytes. The file has another name, in a copy of the store
/// made of hard links, where whatever we append or cut off would change too.
fn copied(dir: &Dir, name: &str, file: &mut File, bytes: u64) -> Result<File, StoreError> {
    let temporary = format!("{name}{TEMPORARY_SUFFIX}");
    let path = dir.path().join(&temporary);
    let mut copy = dir.new_file(&temporary)?;
    file.seek(SeekFrom::Start(0))
        .and_then(|_| io::copy(&mut file.take(bytes), &mut copy))
        .and_then(|_| copy.sync_all())
        .map_err(StoreError::io("write", &path))?;
    dir.rename(&temporary, name)?;
    dir.sync()?;
    Ok(copy)
}
