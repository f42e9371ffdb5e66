//! Writing rejected files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use sha2::{Digest, Sha256};

use super::known::{EntryHash, KnownRejects};
use super::{RejectedEntry, SUFFIX};
use crate::fs::{create_private, first_of_sum};
use crate::json;
use crate::limits;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, sync_dir};
use crate::store::names::TEMPORARY_SUFFIX;

/// Collects the rejects of one source.
///
/// A piece that is kept already is not kept again, whether or not the commit in between was
/// reached.
pub struct RejectedWriter {
    dir: PathBuf,
    source: String,
    known: Arc<Mutex<KnownRejects>>,
    open: Option<OpenFile>,
    /// Compressed bytes that all rejects of the source may take.
    bytes_max: u64,
    /// Compressed bytes in finished files.
    finished_bytes: u64,
    /// The hash of the last entry, which goes into that of its continuation.
    last: EntryHash,
    /// True if the last entry was left out, so that its continuation is too.
    is_leaving_out: bool,
    /// True if the last entry is as long as entries get, so that it may go on.
    may_go_on: bool,
    left_out: u64,
    before: Before,
}

/// The entry before, to recognise the same one again.
#[derive(Default)]
struct Before {
    place: Option<(u64, u64)>,
    reason: String,
    bytes: Vec<u8>,
}

struct OpenFile {
    file: RejectedFile,
    hashes: Vec<EntryHash>,
}

impl RejectedWriter {
    pub(in crate::store) fn new(
        layout: &Layout,
        source: &str,
        known: &Arc<Mutex<KnownRejects>>,
    ) -> Self {
        Self {
            dir: layout.rejected(),
            source: source.to_owned(),
            known: Arc::clone(known),
            open: None,
            bytes_max: limits::REJECTED_FREE_BYTES,
            finished_bytes: 0,
            last: EntryHash::default(),
            is_leaving_out: false,
            may_go_on: false,
            left_out: 0,
            before: Before::default(),
        }
    }

    /// Allows the rejects to take more, now that `raw_bytes` of the source were read.
    pub fn allow(&mut self, raw_bytes: u64) {
        let bytes = raw_bytes.saturating_mul(limits::REJECTED_RATIO_MAX);
        self.bytes_max = self.bytes_max.max(limits::REJECTED_FREE_BYTES.saturating_add(bytes));
    }

    /// The number of pieces left out because the rejects of the source would have taken too much.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Keeps rejected input, or a part of it, in entries of at most
    /// [`limits::REJECTED_PART_BYTES`].
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
        if !is_continuation && self.is_as_before(line, byte_offset, reason, bytes) {
            return Ok(());
        }
        self.may_go_on = bytes.len() == limits::REJECTED_PART_BYTES;
        if self.is_left_out(is_continuation) {
            return Ok(());
        }
        // JSON takes six characters for a control character, more than base64.
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
        let mut json = json::bytes(&entry);
        json.push(b'\n');
        let hash = self.hash(&json, is_continuation);
        self.last = hash;
        if !self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(hash) {
            return Ok(());
        }
        let open = match &mut self.open {
            Some(open) => open,
            slot => {
                // The name is known at the end only: it is the hash of the content.
                let path = self.dir.join(format!("current{TEMPORARY_SUFFIX}"));
                slot.insert(OpenFile { file: RejectedFile::create(path)?, hashes: Vec::new() })
            }
        };
        if open.hashes.len() < limits::KNOWN_REJECTS_MAX {
            open.hashes.push(hash);
        }
        open.file.write(&json)
    }

    /// True if an entry says the same as the one before: a payload may hold the same line millions
    /// of times, always with the place of the payload.
    fn is_as_before(&mut self, line: u64, byte_offset: u64, reason: &str, bytes: &[u8]) -> bool {
        const BYTES_COMPARED: usize = 4 << 10;
        let before = &mut self.before;
        let is_same = bytes.len() <= BYTES_COMPARED
            && before.place == Some((line, byte_offset))
            && before.reason == reason
            && before.bytes == bytes;
        if !is_same {
            before.place = (bytes.len() <= BYTES_COMPARED).then_some((line, byte_offset));
            before.reason.clear();
            before.reason.push_str(reason);
            before.bytes.clear();
            before.bytes.extend_from_slice(bytes.get(..BYTES_COMPARED).unwrap_or(bytes));
        }
        // One that was left out is counted each time.
        is_same && !self.is_leaving_out
    }

    /// True if there is no room for an entry, or there was none for the one that it continues.
    fn is_left_out(&mut self, is_continuation: bool) -> bool {
        if !(is_continuation && self.is_leaving_out) {
            let open_bytes = self.open.as_ref().map_or(0, |it| it.file.written_bytes());
            self.is_leaving_out = self.finished_bytes + open_bytes >= self.bytes_max;
            self.left_out += u64::from(self.is_leaving_out);
        }
        self.is_leaving_out
    }

    fn hash(&self, json: &[u8], is_continuation: bool) -> EntryHash {
        let mut hasher = Sha256::new();
        if is_continuation {
            // The parts of a payload all have its place, and may look alike.
            hasher.update(self.last);
        }
        hasher.update(json);
        first_of_sum(hasher)
    }

    /// Makes what was added so far durable, for a commit in the middle of the source; waits for the
    /// end of a piece that may go on, so that each piece is in one file.
    pub fn keep(&mut self) -> Result<(), StoreError> {
        if !self.may_go_on {
            self.finish()?;
        }
        Ok(())
    }

    /// Makes what was added so far durable under its final name, and returns that if anything was
    /// new. More may be added afterwards.
    pub fn finish(&mut self) -> Result<Option<PathBuf>, StoreError> {
        let Some(open) = self.open.take() else { return Ok(None) };
        self.finished_bytes += open.file.written_bytes();
        let path = open.file.finish(&self.dir)?;
        if let Some(name) = path.file_name().and_then(|it| it.to_str()) {
            // Only now that the file is durable: a crash in between has its pieces kept twice, not
            // taken for kept and lost.
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.keep(name.to_owned(), open.hashes)?;
        }
        Ok(Some(path))
    }
}

/// A rejected file that is being written.
pub(in crate::store) struct RejectedFile {
    path: PathBuf,
    encoder: zstd::Encoder<'static, Hashing>,
}

/// Counts and hashes the bytes written.
struct Hashing {
    file: File,
    hasher: Sha256,
    written_bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buffer)?;
        self.hasher.update(buffer.split_at(count).0);
        self.written_bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl RejectedFile {
    /// Creates a file under a temporary name.
    pub(in crate::store) fn create(path: PathBuf) -> Result<Self, StoreError> {
        let file = create_private(&path).map_err(StoreError::io("create the file", &path))?;
        let hashing = Hashing { file, hasher: Sha256::new(), written_bytes: 0 };
        let encoder = zstd::Encoder::new(hashing, zstd::DEFAULT_COMPRESSION_LEVEL);
        let encoder = encoder.map_err(StoreError::io("compress data for", &path))?;
        Ok(Self { path, encoder })
    }

    /// Compressed bytes written so far.
    fn written_bytes(&self) -> u64 {
        self.encoder.get_ref().written_bytes
    }

    pub(in crate::store) fn write(&mut self, lines: &[u8]) -> Result<(), StoreError> {
        self.encoder.write_all(lines).map_err(StoreError::io("write", &self.path))
    }

    /// Makes the file durable in `dir`, named by the hash of its bytes.
    pub(in crate::store) fn finish(self, dir: &Path) -> Result<PathBuf, StoreError> {
        let hashing = self.encoder.finish().map_err(StoreError::io("write", &self.path))?;
        let path = dir.join(hex::encode(first_of_sum::<8>(hashing.hasher)) + SUFFIX);
        if path.exists() {
            // The same name means the same bytes.
            fs::remove_file(&self.path).map_err(StoreError::io("remove", &self.path))?;
            return Ok(path);
        }
        hashing.file.sync_all().map_err(StoreError::io("sync", &self.path))?;
        fs::rename(&self.path, &path).map_err(StoreError::io("rename to", &path))?;
        sync_dir(dir)?;
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::dir::Dir;
    use crate::store::rejected::RejectedLines;

    fn layout(dir: &Path) -> Layout {
        let layout = Layout::new(dir);
        layout.create().unwrap();
        layout
    }

    fn writer(layout: &Layout) -> RejectedWriter {
        let known = Arc::new(Mutex::new(KnownRejects::read(layout)));
        RejectedWriter::new(layout, "a.ndjson", &known)
    }

    fn entries(path: &Path) -> Vec<RejectedEntry> {
        let dir = Dir::open(path.parent().unwrap()).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        RejectedLines::open(&dir, name).unwrap().map(|it| it.unwrap().entry.unwrap()).collect()
    }

    fn files(layout: &Layout) -> Vec<PathBuf> {
        fs::read_dir(layout.rejected()).unwrap().map(|it| it.unwrap().path()).collect()
    }

    fn reject(layout: &Layout) -> Option<PathBuf> {
        let mut writer = writer(layout);
        writer.add(3, 40, "not JSON", false, b"{\"half").unwrap();
        writer.add(4, 47, "not UTF-8", false, b"\xff\xfe").unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn bytes_come_back_and_a_second_time_adds_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let path = reject(&layout).unwrap();
        assert_eq!(reject(&layout), None);
        // Without its memory, the name tells.
        fs::remove_file(layout.known_rejects()).unwrap();
        assert_eq!(reject(&layout), Some(path.clone()));
        assert_eq!(files(&layout), std::slice::from_ref(&path));
        let entries = entries(&path);
        assert_eq!(entries[0].text.as_deref(), Some("{\"half"));
        assert_eq!((entries[1].line, entries[1].base64.as_deref()), (4, Some("//4=")));
        // Whoever removes the file wants it again.
        fs::remove_file(&path).unwrap();
        assert_eq!(reject(&layout), Some(path));
    }

    #[test]
    fn what_is_kept_in_one_file_is_not_kept_in_the_next_in_other_company() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let mut first = writer(&layout);
        first.add(0, 0, "no event", false, b"one").unwrap();
        first.finish().unwrap();
        first.add(0, 0, "no event", false, b"two").unwrap();
        first.add(0, 0, "no event", false, b"one").unwrap();
        let second = first.finish().unwrap().unwrap();
        assert_eq!(entries(&second).len(), 1);
        let mut again = writer(&layout);
        for bytes in [b"two", b"one"] {
            again.add(0, 0, "no event", false, bytes).unwrap();
        }
        assert_eq!((again.finish().unwrap(), files(&layout).len()), (None, 2));
    }

    #[test]
    fn what_is_long_spans_entries_also_where_they_look_alike() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let mut writer = writer(&layout);
        let bytes = vec![b'x'; 2 * limits::REJECTED_PART_BYTES + 1];
        writer.add(7, 100, "too long", false, &bytes).unwrap();
        writer.add(8, 0, "ends", false, b"").unwrap();
        for _ in 0..3 {
            writer.add(9, 0, "of a payload", true, b"part").unwrap();
        }
        let path = writer.finish().unwrap().unwrap();
        assert!(path.metadata().unwrap().len() < 4_000);
        let entries = entries(&path);
        let part = limits::REJECTED_PART_BYTES as u64;
        let parts: Vec<_> =
            entries.iter().map(|it| (it.line, it.byte_offset, it.is_continuation)).collect();
        let expected = [(7, 100), (7, 100 + part), (7, 100 + 2 * part), (8, 0)];
        let expected = expected.map(|(line, at)| (line, at, line == 7 && at > 100));
        assert_eq!(parts[..4], expected);
        assert_eq!(parts[4..], [(9, 0, true); 3]);
        let lengths = entries.iter().take(4).map(|it| it.text.as_ref().unwrap().len());
        assert_eq!(lengths.sum::<usize>(), bytes.len());
    }

    #[test]
    fn the_rejects_of_a_source_are_bounded_in_sum() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        let mut writer = writer(&layout);
        writer.bytes_max = 1;
        let noise = |seed: u64| -> Vec<u8> {
            let words = (0..50_000).map(|it| (it + seed).wrapping_mul(0x9e37_79b9_7f4a_7c15));
            words.flat_map(u64::to_le_bytes).collect()
        };
        let mut line = 0;
        while writer.left_out() == 0 {
            writer.add(line, 0, "binary", false, &noise(line)).unwrap();
            line += 1;
        }
        assert!(line < 10, "{line}");
        writer.add(line, 0, "binary", true, b"goes on").unwrap();
        assert_eq!(writer.left_out(), 1);
        let path = writer.finish().unwrap().unwrap();
        assert_eq!(entries(&path).len() as u64, line - 1);
        writer.add(line, 9, "binary", false, b"more").unwrap();
        assert_eq!((writer.left_out(), writer.finish().unwrap()), (2, None));
        writer.allow(1 << 30);
        writer.add(line, 9, "binary", false, b"more").unwrap();
        assert!(writer.finish().unwrap().is_some());
    }

    #[test]
    fn nothing_rejected_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let layout = layout(dir.path());
        assert_eq!(writer(&layout).finish().unwrap(), None);
        assert_eq!(files(&layout).len(), 0);
    }
}
