//! The rejected pieces that are kept already. A range that is pulled again, or a file that is
//! imported again, brings them again.

use std::collections::{HashSet, VecDeque};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::json;
use crate::limits;
use crate::store::error::StoreError;
use crate::store::layout::{Layout, is_rejected_name};
use crate::store::names::KNOWN_REJECTS;

/// A hash that identifies an entry.
pub(super) type EntryHash = [u8; 16];

/// The latest entries that are kept in files of `rejected/`.
#[derive(Debug, Default)]
pub(in crate::store) struct KnownRejects {
    layout: Option<Layout>,
    by_file: VecDeque<(String, Vec<EntryHash>)>,
    /// The hashes of all of them, and of entries that are about to be kept.
    seen: HashSet<EntryHash>,
}

impl KnownRejects {
    /// Reads what was noted of files that are still there. An unreadable note is ignored: then
    /// pieces may be kept twice.
    pub(in crate::store) fn read(layout: &Layout) -> Self {
        let root = layout.root_dir();
        let text = root.and_then(|it| it.read(KNOWN_REJECTS, limits::KNOWN_REJECTS_BYTES_MAX));
        let files = text.ok().and_then(|it| serde_json::from_slice(&it).ok());
        let files: Vec<(String, String)> = files.unwrap_or_default();
        let dir = layout.rejected_dir().ok().flatten();
        // A file that was erased or removed by hand keeps nothing, so its pieces may come again.
        let is_there = |name: &str| {
            is_rejected_name(name)
                && dir.as_ref().is_some_and(|it| matches!(it.has(name), Ok(true)))
        };
        let by_file = files.into_iter().filter(|(name, _)| is_there(name)).map(|(name, text)| {
            let bytes = STANDARD.decode(text).unwrap_or_default();
            (name, bytes.as_chunks().0.to_vec())
        });
        let by_file = by_file.collect();
        let mut known = Self { layout: Some(layout.clone()), by_file, seen: HashSet::new() };
        known.see_files();
        known
    }

    fn see_files(&mut self) {
        self.seen = self.by_file.iter().flat_map(|(_, hashes)| hashes).copied().collect();
    }

    /// Notes that an entry is about to be kept; false if it is kept already.
    pub(super) fn insert(&mut self, hash: EntryHash) -> bool {
        // Full: new entries are kept without being remembered, twice rather than not at all.
        if self.seen.len() >= 2 * limits::KNOWN_REJECTS_MAX {
            return !self.seen.contains(&hash);
        }
        self.seen.insert(hash)
    }

    /// Notes durably that entries are kept in a file. Beyond a bound the oldest are forgotten, and
    /// kept once more when they come again.
    pub(super) fn keep(&mut self, name: String, hashes: Vec<EntryHash>) -> Result<(), StoreError> {
        self.by_file.push_back((name, hashes));
        let mut count: usize = self.by_file.iter().map(|(_, hashes)| hashes.len()).sum();
        while count > limits::KNOWN_REJECTS_MAX
            && self.by_file.len() > 1
            && let Some((_, oldest)) = self.by_file.pop_front()
        {
            count -= oldest.len();
        }
        // Entries of files that were forgotten just now go from `seen` as well.
        if self.seen.len() > limits::KNOWN_REJECTS_MAX {
            self.see_files();
        }
        let files: Vec<_> = self
            .by_file
            .iter()
            .map(|(name, hashes)| (name, STANDARD.encode(hashes.concat())))
            .collect();
        let mut json = json::bytes(&files);
        json.push(b'\n');
        match &self.layout {
            Some(layout) => layout.root_dir()?.replace(KNOWN_REJECTS, &json),
            None => Ok(()),
        }
    }
}
