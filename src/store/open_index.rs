//! Opening a store's index for writing.

use super::StoreError;
use super::checkpoint::Checkpoint;
use super::index::{IndexSnapshot, IndexWriter};
use super::layout::Layout;

/// Opens the index, or makes it where the store has never had one.
pub(super) fn open_index(layout: &Layout) -> Result<IndexWriter, StoreError> {
    let path = layout.index();
    match IndexWriter::open(&path) {
        // An index is committed before the first byte is archived.
        Err(StoreError::NoIndex { .. }) if archive_is_empty(layout)? => {
            std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
            super::layout::create_dir(&path)?;
            let writer = IndexWriter::create(&path, &Checkpoint::empty().to_payload())?;
            super::layout::sync_dir(layout.root())?;
            Ok(writer)
        }
        Ok(writer) if IndexSnapshot::open(&path).is_err() && archive_is_empty(layout)? => {
            drop(writer);
            std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
            super::layout::create_dir(&path)?;
            IndexWriter::create(&path, &Checkpoint::empty().to_payload())
        }
        other => other,
    }
}

fn archive_is_empty(layout: &Layout) -> Result<bool, StoreError> {
    let dir = layout.archive();
    let mut entries =
        std::fs::read_dir(&dir).map_err(StoreError::io("read the directory", &dir))?;
    Ok(entries.next().is_none())
}
