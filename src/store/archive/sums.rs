//! SHA256SUMS: the checksums of the archive's files, in the form that `sha256sum -c` accepts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::limits;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, archive_file_name, archive_file_number};
use crate::store::names::SUMS;

/// The checksum of each archive file, in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Sums {
    by_number: BTreeMap<u32, String>,
    /// True if the file had other bytes than we would write for these sums.
    is_altered: bool,
}

impl Sums {
    /// Reads the file, if there is one; lines that are not of this form are left out.
    pub(in crate::store) fn read(layout: &Layout) -> Result<Self, StoreError> {
        let read = layout.archive_dir().and_then(|it| it.read(SUMS, limits::STORE_FILE_BYTES_MAX));
        let text = match read {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.is_not_found() => String::new(),
            Err(error) => return Err(error),
        };
        let mut sums = Self::default();
        for line in text.lines() {
            if let Some((hex, name)) = line.split_once("  ")
                && let Some(number) = archive_file_number(name)
            {
                sums.by_number.insert(number, hex.to_owned());
            }
        }
        // Any line too many, out of order or spelled otherwise is somebody else's doing.
        sums.is_altered = sums.to_text() != text;
        Ok(sums)
    }

    /// The same sums, without the mark that their file was altered.
    pub(in crate::store) fn unaltered(self) -> Self {
        Self { is_altered: false, ..self }
    }

    pub(in crate::store) fn is_altered(&self) -> bool {
        self.is_altered
    }

    /// The number of the last file.
    pub(in crate::store) fn last(&self) -> Option<u32> {
        self.by_number.keys().next_back().copied()
    }

    pub(in crate::store) fn get(&self, number: u32) -> Option<&str> {
        self.by_number.get(&number).map(String::as_str)
    }

    pub(in crate::store) fn set(&mut self, number: u32, hex: String) {
        self.by_number.insert(number, hex);
    }

    /// Forgets the files from `number` on.
    pub(in crate::store) fn truncate(&mut self, number: u32) {
        self.by_number.retain(|it, _| *it < number);
    }

    pub(in crate::store) fn remove(&mut self, number: u32) {
        self.by_number.remove(&number);
    }

    /// SHA-256 over the lines of the files before `number`, in hexadecimal.
    pub(in crate::store) fn sealed_sha256(&self, number: u32) -> String {
        let mut sealed = self.clone();
        sealed.truncate(number);
        hex::encode(Sha256::digest(sealed.to_text()))
    }

    /// The head of a commit: SHA-256, in hexadecimal, over the lines of the files before `number`
    /// and a line for that file, whose bytes up to the end of the commit's note have the checksum
    /// `sha256`.
    pub(in crate::store) fn head(&self, number: u32, sha256: &str) -> String {
        let mut sums = self.clone();
        sums.truncate(number);
        sums.set(number, sha256.to_owned());
        hex::encode(Sha256::digest(sums.to_text()))
    }

    /// Replaces the file on disk.
    pub(in crate::store) fn write(&self, layout: &Layout) -> Result<(), StoreError> {
        layout.archive_dir()?.replace(SUMS, self.to_text().as_bytes())
    }

    fn to_text(&self) -> String {
        self.by_number.iter().map(|(number, hex)| line(*number, hex)).collect()
    }
}

fn line(number: u32, hex: &str) -> String {
    format!("{hex}  {}\n", archive_file_name(number))
}

/// Computes the heads of successive commits as [`Sums::head`] does, without hashing the lines of
/// earlier files again for each: there may be millions of commits and thousands of files.
pub(in crate::store) struct SumsBefore {
    /// Files whose lines are not in `hasher` yet.
    pending: BTreeMap<u32, String>,
    hasher: Sha256,
}

impl SumsBefore {
    /// Begins with the checksums of files.
    pub(in crate::store) fn new<'s>(sums: impl Iterator<Item = (u32, &'s str)>) -> Self {
        let pending = sums.map(|(number, hex)| (number, hex.to_owned())).collect();
        Self { pending, hasher: Sha256::new() }
    }

    /// Adds the checksum of a file, which comes after all those whose heads were asked for.
    pub(in crate::store) fn add(&mut self, number: u32, hex: &str) {
        self.pending.insert(number, hex.to_owned());
    }

    /// The head of a commit in a file. Ask for files in ascending order.
    pub(in crate::store) fn head(&mut self, number: u32, sha256: &str) -> String {
        // Files that were removed since may have later numbers: their lines wait for their turn.
        while let Some(entry) = self.pending.first_entry()
            && *entry.key() < number
        {
            let (number, hex) = entry.remove_entry();
            self.hasher.update(line(number, &hex));
        }
        hex::encode(self.hasher.clone().chain_update(line(number, sha256)).finalize())
    }
}

/// Hashes the first `length` bytes of a file.
///
/// # Errors
///
/// [`StoreError::Io`], and [`StoreError::ArchiveDamaged`] if the file is shorter.
pub(in crate::store) fn hash_prefix(
    file: &File,
    path: &Path,
    length: u64,
) -> Result<Sha256, StoreError> {
    let mut hasher = Sha256::new();
    hash_on(file, path, &mut hasher, 0..length)?;
    Ok(hasher)
}

/// Adds a stretch of a file to `hasher`, with the errors of [`hash_prefix`].
pub(in crate::store) fn hash_on(
    file: &File,
    path: &Path,
    hasher: &mut Sha256,
    stretch: Range<u64>,
) -> Result<(), StoreError> {
    let Range { start: mut hashed, end } = stretch;
    let mut buffer = vec![0; 256 << 10];
    while hashed < end {
        let wanted = usize::try_from(end - hashed).unwrap_or(usize::MAX).min(buffer.len());
        let count = match file.read_at(buffer.split_at_mut(wanted).0, hashed) {
            Ok(0) => {
                return Err(StoreError::ArchiveDamaged {
                    path: path.to_owned(),
                    reason: format!("it has {hashed} of {end} bytes"),
                });
            }
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        hasher.update(buffer.split_at(count).0);
        hashed += count as u64;
    }
    Ok(())
}

/// Computes the checksum of a whole archive file.
pub(in crate::store) fn hash_archive_file(
    layout: &Layout,
    number: u32,
) -> Result<String, StoreError> {
    let path = layout.archive_file(number);
    let file = layout.open_archive_file(number)?;
    let length = file.metadata().map_err(StoreError::io("inspect", &path))?.len();
    Ok(hex::encode(hash_prefix(&file, &path, length)?.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_one_after_the_other_are_those_of_whole_sums() {
        let sum = |number: u32| format!("{number:064x}");
        let mut before =
            SumsBefore::new([(2, sum(2)), (9, sum(9))].iter().map(|(n, s)| (*n, s.as_str())));
        let mut sums = Sums::default();
        sums.set(2, sum(2));
        sums.set(9, sum(9));
        for number in [1, 3, 4, 10] {
            for commit in 0..3 {
                let sha256 = sum(number * 100 + commit);
                assert_eq!(before.head(number, &sha256), sums.head(number, &sha256));
            }
            sums.set(number, sum(number));
            before.add(number, &sum(number));
        }
    }
}
