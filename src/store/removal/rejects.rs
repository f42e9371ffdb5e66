//! Removing pieces of rejected input.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::matcher::RemovalMatcher;
use crate::limits;
use crate::store::dir::Dir;
use crate::store::error::StoreError;
use crate::store::layout::Layout;
use crate::store::names::TEMPORARY_SUFFIX;
use crate::store::rejected::{RejectedFile, RejectedLine, RejectedLines, hash_in_name};

/// The rejected input to remove.
#[derive(Debug, Default)]
pub(super) struct RejectedRemoval {
    /// The files that hold pieces to remove.
    pub(super) files: Vec<PathBuf>,
    /// The number of pieces.
    pub(super) pieces: u64,
}

/// Finds the pieces to remove.
pub(super) fn find(
    layout: &Layout,
    matcher: &RemovalMatcher,
) -> Result<RejectedRemoval, StoreError> {
    let mut found = RejectedRemoval::default();
    let Some(dir) = layout.rejected_dir()? else { return Ok(found) };
    for name in dir.names()? {
        let Some(name) = name.to_str().filter(|it| hash_in_name(it).is_some()) else { continue };
        let pieces = removed(&dir, name, matcher)?.into_iter().filter(|it| *it).count();
        if pieces > 0 {
            found.pieces += pieces as u64;
            found.files.push(dir.path().join(name));
        }
    }
    found.files.sort();
    Ok(found)
}

/// Writes the pieces of a file that stay to a new file, named by its content. The old file stays
/// until the removal is committed, as one of its leftovers.
pub(super) fn rewrite(path: &Path, matcher: &RemovalMatcher) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    let open = Dir::open(dir)?;
    let name = path.file_name().and_then(|it| it.to_str()).unwrap_or("");
    // A pass of its own: a piece has to be searched to its end before any of it can be kept, and it
    // may be too large for memory.
    let removed = removed(&open, name, matcher)?;
    if removed.iter().all(|it| *it) {
        return Ok(());
    }
    let temporary = dir.join(format!("kept{TEMPORARY_SUFFIX}"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::io("remove", &temporary)(error));
        }
        _ => {}
    }
    let mut kept = RejectedFile::create(temporary)?;
    let mut removed = removed.into_iter();
    let mut is_removed = false;
    for (index, line) in RejectedLines::open(&open, name)?.enumerate() {
        let RejectedLine { bytes, is_continuation, .. } = line?;
        if index == 0 || !is_continuation {
            is_removed = removed.next() == Some(true);
        }
        if !is_removed {
            kept.write(&bytes)?;
        }
    }
    kept.finish(dir)?;
    Ok(())
}

/// Decides for each piece of a file, in order, whether to remove it.
fn removed(dir: &Dir, name: &str, matcher: &RemovalMatcher) -> Result<Vec<bool>, StoreError> {
    let mut removed = Vec::new();
    let mut piece: Option<RejectPiece<'_>> = None;
    for line in RejectedLines::open(dir, name)? {
        let RejectedLine { bytes, entry, is_continuation } = line?;
        if !is_continuation {
            removed.extend(piece.take().map(|it| it.is_removed()));
        }
        // Anything longer is no record, so none of it has to be parsed as a whole.
        let piece =
            piece.get_or_insert_with(|| RejectPiece::new(matcher, limits::RECORD_BYTES_MAX));
        match entry {
            Some(entry) => {
                piece.push(entry.text.as_deref().unwrap_or("").as_bytes());
                if let Some(bytes) = entry.base64.and_then(|it| STANDARD.decode(it).ok()) {
                    piece.push(&bytes);
                }
            }
            // Not an entry of ours, but it may name somebody.
            None => piece.push(&bytes),
        }
    }
    removed.extend(piece.map(|it| it.is_removed()));
    Ok(removed)
}

/// Bytes of a long piece that are searched again together with what follows them. No address is as
/// long, however it is escaped.
const OVERLAP_BYTES: usize = 64 << 10;

/// A piece of rejected input, searched stretch by stretch: it may be the image of a disk.
struct RejectPiece<'m> {
    matcher: &'m RemovalMatcher,
    stretch_bytes_max: usize,
    /// The overlap with what was searched, and what was not searched yet.
    bytes: Vec<u8>,
    is_removed: bool,
}

impl<'m> RejectPiece<'m> {
    fn new(matcher: &'m RemovalMatcher, stretch_bytes_max: usize) -> Self {
        Self { matcher, stretch_bytes_max, bytes: Vec::new(), is_removed: false }
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.is_removed {
            return;
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() <= self.stretch_bytes_max {
            return;
        }
        let end = boundary(&self.bytes, self.bytes.len());
        let (seen, _) = self.bytes.split_at(end);
        self.is_removed = self.matcher.matches_rejected(seen);
        let start = boundary(&self.bytes, end.saturating_sub(OVERLAP_BYTES));
        self.bytes.drain(..start);
    }

    fn is_removed(&self) -> bool {
        self.is_removed || self.matcher.matches_rejected(&self.bytes)
    }
}

/// The last position up to `end` right after a byte that no address contains. A cut anywhere else
/// could leave half an address, which would look like another one.
fn boundary(bytes: &[u8], end: usize) -> usize {
    let from = end.saturating_sub(OVERLAP_BYTES / 2);
    let (_, near) = bytes.split_at(end).0.split_at(from);
    let is_between = |byte: &u8| byte.is_ascii_whitespace() || b"\"<>,;\0".contains(byte);
    near.iter().rposition(is_between).map_or(end, |at| from + at + 1)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::store::rejected::{KnownRejects, RejectedWriter};
    use crate::store::removal::Removal;

    const ANA: &str = "ana@acme.example";

    /// Noise of so many bytes with a text at a place in it.
    fn noise(length: usize, text: &str, at: usize) -> Vec<u8> {
        let mut bytes = b"noise, ".repeat(length / 7 + 1);
        bytes.truncate(length);
        bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn long_pieces_are_looked_through_stretch_by_stretch() {
        let matcher = RemovalMatcher::new(&Removal::Address(ANA.to_owned()));
        let (stretch_bytes, part_bytes) = (8 * OVERLAP_BYTES, OVERLAP_BYTES);
        let length = 3 * stretch_bytes;
        let is_removed = |bytes: &[u8]| {
            let mut piece = RejectPiece::new(&matcher, stretch_bytes);
            for part in bytes.chunks(part_bytes) {
                piece.push(part);
                assert!(piece.bytes.len() <= stretch_bytes);
            }
            piece.is_removed()
        };
        let limit = stretch_bytes + part_bytes;
        let places = [1, limit - 8, limit - 1, limit + OVERLAP_BYTES, length - 20];
        for at in places {
            assert!(is_removed(&noise(length, &format!(" {ANA} "), at)), "{at}");
        }
        // What is cut anywhere does not become another address.
        for at in (limit - 40..limit + 2).step_by(9) {
            assert!(!is_removed(&noise(length, &format!(" di{ANA}s "), at)), "{at}");
        }
        for at in (limit - OVERLAP_BYTES - 40..limit - OVERLAP_BYTES + 2).step_by(9) {
            assert!(!is_removed(&noise(length, &format!(" di{ANA} "), at)), "{at}");
        }
    }

    #[test]
    fn plain_files_of_earlier_versions_are_rewritten_too() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        layout.create().unwrap();
        let known = Arc::new(Mutex::new(KnownRejects::read(&layout)));
        let mut writer = RejectedWriter::new(&layout, "a", &known);
        for (line, text) in [(1, "of nobody"), (2, ANA), (3, "of nobody either")] {
            writer.add(line, 0, "no event", false, text.as_bytes()).unwrap();
        }
        let compressed = writer.finish().unwrap().unwrap();
        let plain = layout.rejected().join("0123456789abcdef.ndjson");
        let rejected = layout.rejected_dir().unwrap().unwrap();
        let open = |path: &Path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            RejectedLines::open(&rejected, name).unwrap()
        };
        let lines: Vec<u8> = open(&compressed).flat_map(|it| it.unwrap().bytes).collect();
        fs::write(&plain, lines).unwrap();
        let matcher = RemovalMatcher::new(&Removal::Address(ANA.to_owned()));
        let found = find(&layout, &matcher).unwrap();
        assert_eq!(found.pieces, 2);
        assert!(found.files.contains(&plain) && found.files.contains(&compressed));
        for path in &found.files {
            rewrite(path, &matcher).unwrap();
            fs::remove_file(path).unwrap();
        }
        let files: Vec<_> = fs::read_dir(layout.rejected()).unwrap().collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let lines: Vec<u64> = open(&file.as_ref().unwrap().path())
            .map(|it| it.unwrap().entry.unwrap().line)
            .collect();
        assert_eq!(lines, [1, 3]);
    }
}
