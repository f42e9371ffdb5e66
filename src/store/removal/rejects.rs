//! Taking pieces out of rejected input.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::remove::Matcher;
use crate::store::layout::{Layout, TEMPORARY_SUFFIX, create_file, sync_dir};
use crate::store::{RejectedEntry, StoreError};

/// What is to be removed of rejected input.
#[derive(Debug, Default)]
pub(super) struct RejectedRemoval {
    /// Files that hold such pieces.
    pub(super) files: Vec<PathBuf>,
    /// How many pieces.
    pub(super) pieces: u64,
}

/// Finds the pieces.
pub(super) fn find(layout: &Layout, matcher: &Matcher) -> Result<RejectedRemoval, StoreError> {
    let dir = layout.rejected();
    let mut found = RejectedRemoval::default();
    if !dir.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(&dir).map_err(StoreError::io("read the directory", &dir))? {
        let path = entry.map_err(StoreError::io("read the directory", &dir))?.path();
        if path.extension().is_none_or(|it| it != "ndjson") {
            continue;
        }
        let mut pieces = 0;
        each_piece(&path, matcher, |_, is_removed| {
            pieces += u64::from(is_removed);
            Ok(())
        })?;
        if pieces > 0 {
            found.pieces += pieces;
            found.files.push(path);
        }
    }
    found.files.sort();
    Ok(found)
}

/// Writes a file's other pieces to a file of their own, under the name that their content gives.
pub(super) fn rewrite(path: &Path, matcher: &Matcher) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    let temporary = dir.join(format!("kept{TEMPORARY_SUFFIX}"));
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::io("remove", &temporary)(error));
        }
        _ => {}
    }
    let mut file = create_file(&temporary)?;
    let mut hasher = Sha256::new();
    let mut is_empty = true;
    each_piece(path, matcher, |lines, is_removed| {
        if is_removed {
            return Ok(());
        }
        is_empty = false;
        hasher.update(lines);
        file.write_all(lines).map_err(StoreError::io("write", &temporary))
    })?;
    if is_empty {
        return fs::remove_file(&temporary).map_err(StoreError::io("remove", &temporary));
    }
    file.sync_all().map_err(StoreError::io("sync", &temporary))?;
    let digest = hasher.finalize();
    let name: String = digest.iter().take(8).map(|it| format!("{it:02x}")).collect();
    let kept = dir.join(name + ".ndjson");
    fs::rename(&temporary, &kept).map_err(StoreError::io("rename to", &kept))?;
    sync_dir(dir)
}

/// Calls `visit` with the lines of each piece, and whether it is to be removed.
fn each_piece(
    path: &Path,
    matcher: &Matcher,
    mut visit: impl FnMut(&[u8], bool) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let file = fs::File::open(path).map_err(StoreError::io("open", path))?;
    let mut lines: Vec<u8> = Vec::new();
    let mut bytes: Vec<u8> = Vec::new();
    for line in BufReader::new(file).split(b'\n') {
        let mut line = line.map_err(StoreError::io("read", path))?;
        let entry = serde_json::from_slice::<RejectedEntry>(&line).ok();
        let goes_on = entry.as_ref().is_some_and(|it| it.is_continuation);
        if !goes_on && !lines.is_empty() {
            visit(&lines, matcher.matches_rejected(&bytes))?;
            lines.clear();
            bytes.clear();
        }
        if let Some(entry) = entry {
            bytes.extend(entry.text.into_iter().flat_map(String::into_bytes));
            bytes.extend(entry.base64.and_then(|it| STANDARD.decode(it).ok()).unwrap_or_default());
        }
        line.push(b'\n');
        lines.append(&mut line);
    }
    if lines.is_empty() {
        return Ok(());
    }
    visit(&lines, matcher.matches_rejected(&bytes))
}
