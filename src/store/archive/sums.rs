//! SHA256SUMS: the checksums of the archive's files, in the form that `sha256sum -c` accepts.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::store::StoreError;
use crate::store::layout::{Layout, archive_file_name, archive_file_number, write_atomically};

/// The checksum of each archive file, in hexadecimal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::store) struct Sums {
    by_number: BTreeMap<u32, String>,
    /// Whether the file had other bytes than we would write for these sums.
    is_altered: bool,
}

impl Sums {
    /// Reads the file; what is not there or not of this form is left out.
    pub(in crate::store) fn read(layout: &Layout) -> Result<Self, StoreError> {
        let path = layout.sums();
        let text = match fs::read(&path) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(StoreError::io("read", &path)(error)),
        };
        let mut sums = Self::default();
        for line in text.lines() {
            if let Some((hex, name)) = line.split_once("  ")
                && let Some(number) = archive_file_number(name)
            {
                sums.by_number.insert(number, hex.to_owned());
            }
        }
        sums.is_altered = sums.to_text() != text;
        Ok(sums)
    }

    /// The same sums, to be written as they should be.
    pub(in crate::store) fn unaltered(self) -> Self {
        Self { is_altered: false, ..self }
    }

    pub(in crate::store) fn is_altered(&self) -> bool {
        self.is_altered
    }

    /// The number of the last file named.
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

    /// Forgets one file.
    pub(in crate::store) fn remove(&mut self, number: u32) {
        self.by_number.remove(&number);
    }

    /// SHA-256 over the lines of the files before `number`, in hexadecimal.
    pub(in crate::store) fn sealed_sha256(&self, number: u32) -> String {
        let mut sealed = self.clone();
        sealed.truncate(number);
        hex(&Sha256::digest(sealed.to_text()))
    }

    /// The head of a commit: SHA-256, in hexadecimal, over the lines of the files before `number`
    /// and a line for that file as of the commit, where its first bytes, with the commit's note at
    /// their end, have the checksum `sha256`.
    pub(in crate::store) fn head(&self, number: u32, sha256: &str) -> String {
        let mut sums = self.clone();
        sums.truncate(number);
        sums.set(number, sha256.to_owned());
        hex(&Sha256::digest(sums.to_text()))
    }

    /// Replaces the file on disk.
    pub(in crate::store) fn write(&self, layout: &Layout) -> Result<(), StoreError> {
        write_atomically(&layout.sums(), self.to_text().as_bytes())
    }

    fn to_text(&self) -> String {
        self.by_number
            .iter()
            .map(|(number, hex)| format!("{hex}  {}\n", archive_file_name(*number)))
            .collect()
    }
}

/// Hashes the first `length` bytes of a file.
///
/// # Errors
///
/// [`StoreError::Io`], and [`StoreError::ArchiveDamaged`] when the file is shorter.
pub(in crate::store) fn hash_prefix(path: &Path, length: u64) -> Result<Sha256, StoreError> {
    let file = File::open(path).map_err(StoreError::io("open", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    let mut prefix = file.take(length);
    let mut hashed = 0;
    loop {
        let count = match prefix.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(StoreError::io("read", path)(error)),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        hashed += count as u64;
    }
    if hashed < length {
        return Err(StoreError::ArchiveDamaged {
            path: path.to_owned(),
            reason: format!("it has {hashed} bytes of {length}"),
        });
    }
    Ok(hasher)
}

/// Lower-case hexadecimal.
pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}
