//! What could not be understood, kept byte for byte.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::StoreError;
use super::layout::{TEMPORARY_SUFFIX, create_file, sync_dir};
use crate::limits;

/// One part of rejected input, as a line of a file in `rejected/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectedEntry {
    /// The path as it was given, or `-`.
    pub source: String,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// The byte at which it begins in the decompressed input.
    pub byte_offset: u64,
    /// What is wrong with it.
    pub reason: String,
    /// Whether it goes on from the entry before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_continuation: bool,
    /// The bytes, where they are UTF-8 and no control characters but white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in base64, where they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// Gathers the rejects of one source.
///
/// The file is named by its content: the same source rejected again changes nothing, whether or
/// not the commit in between was reached.
pub struct RejectedWriter {
    dir: PathBuf,
    source: String,
    open: Option<OpenFile>,
}

struct OpenFile {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
}

impl RejectedWriter {
    pub(super) fn new(dir: &Path, source: &str) -> Self {
        Self { dir: dir.to_owned(), source: source.to_owned(), open: None }
    }

    /// Keeps rejected input, or a part of it, in entries of at most
    /// [`limits::REJECTED_PART_BYTES`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn add(
        &mut self,
        line: u64,
        byte_offset: u64,
        reason: &str,
        is_continuation: bool,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let (part, rest) = bytes.split_at(bytes.len().min(limits::REJECTED_PART_BYTES));
        self.add_part(line, byte_offset, reason, is_continuation, part)?;
        let mut byte_offset = byte_offset + part.len() as u64;
        for part in rest.chunks(limits::REJECTED_PART_BYTES) {
            self.add_part(line, byte_offset, reason, true, part)?;
            byte_offset += part.len() as u64;
        }
        Ok(())
    }

    fn add_part(
        &mut self,
        line: u64,
        byte_offset: u64,
        reason: &str,
        is_continuation: bool,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        // JSON writes six characters for a control character.
        let is_plain =
            |it: &&str| !it.contains(|it: char| it.is_control() && !"\t\r\n".contains(it));
        let text = std::str::from_utf8(bytes).ok().filter(is_plain).map(str::to_owned);
        let base64 =
            text.is_none().then(|| base64::engine::general_purpose::STANDARD.encode(bytes));
        let entry = RejectedEntry {
            source: self.source.clone(),
            line,
            byte_offset,
            reason: reason.to_owned(),
            is_continuation,
            text,
            base64,
        };
        // Text, numbers and booleans: nothing that JSON cannot hold.
        let mut json = serde_json::to_vec(&entry).unwrap_or_default();
        json.push(b'\n');
        let open = match &mut self.open {
            Some(open) => open,
            slot => {
                let path = self.dir.join(format!("current{TEMPORARY_SUFFIX}"));
                let file = BufWriter::new(create_file(&path)?);
                slot.insert(OpenFile { path, file, hasher: Sha256::new() })
            }
        };
        open.hasher.update(&json);
        open.file.write_all(&json).map_err(StoreError::io("write", &open.path))
    }

    /// Makes the rejects durable under their final name. Returns it when there were any.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub fn finish(self) -> Result<Option<PathBuf>, StoreError> {
        let Some(open) = self.open else { return Ok(None) };
        let digest = open.hasher.finalize();
        let name: String =
            digest.iter().take(8).map(|it| format!("{it:02x}")).collect::<String>() + ".ndjson";
        let path = self.dir.join(name);
        let file = open
            .file
            .into_inner()
            .map_err(|error| StoreError::io("write", &open.path)(error.into_error()))?;
        if path.exists() {
            fs::remove_file(&open.path).map_err(StoreError::io("remove", &open.path))?;
            return Ok(Some(path));
        }
        file.sync_all().map_err(StoreError::io("sync", &open.path))?;
        fs::rename(&open.path, &path).map_err(StoreError::io("rename to", &path))?;
        sync_dir(&self.dir)?;
        Ok(Some(path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(dir: &Path) -> Option<PathBuf> {
        let mut writer = RejectedWriter::new(dir, "a.ndjson");
        writer.add(3, 40, "not JSON", false, b"{\"half").unwrap();
        writer.add(4, 47, "not UTF-8", false, b"\xff\xfe").unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn bytes_come_back_and_a_second_time_adds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = reject(dir.path()).unwrap();
        assert_eq!(reject(dir.path()), Some(path.clone()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let text = fs::read_to_string(path).unwrap();
        let entries: Vec<RejectedEntry> =
            text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        assert_eq!(entries[0].text.as_deref(), Some("{\"half"));
        assert_eq!((entries[1].line, entries[1].base64.as_deref()), (4, Some("//4=")));
    }

    #[test]
    fn what_is_long_spans_entries() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = RejectedWriter::new(dir.path(), "a");
        let bytes = vec![b'x'; 2 * limits::REJECTED_PART_BYTES + 1];
        writer.add(7, 100, "too long", false, &bytes).unwrap();
        writer.add(8, 0, "ends", false, b"").unwrap();
        let text = fs::read_to_string(writer.finish().unwrap().unwrap()).unwrap();
        let entries: Vec<RejectedEntry> =
            text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let part = limits::REJECTED_PART_BYTES as u64;
        let parts: Vec<_> =
            entries.iter().map(|it| (it.line, it.byte_offset, it.is_continuation)).collect();
        let expected = [(7, 100), (7, 100 + part), (7, 100 + 2 * part), (8, 0)];
        assert_eq!(parts, expected.map(|(line, at)| (line, at, line == 7 && at > 100)));
        let lengths = entries.iter().map(|it| it.text.as_ref().unwrap().len());
        assert_eq!(lengths.sum::<usize>(), bytes.len());
    }

    #[test]
    fn nothing_rejected_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(RejectedWriter::new(dir.path(), "a").finish().unwrap(), None);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
