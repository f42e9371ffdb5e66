//! Opening a store's index for writing.

use super::error::StoreError;
use super::index::{IndexSnapshot, IndexWriter};
use super::layout::Layout;
use super::ledger::checkpoint::Checkpoint;
use super::names::INDEX;

/// Opens the index, or creates it if the store has never had one.
pub(super) fn open_index(layout: &Layout) -> Result<IndexWriter, StoreError> {
    let opened = IndexWriter::open(layout);
    let is_sound = match &opened {
        // It may open and still have no commit that can be read.
        Ok(_) => IndexSnapshot::open(layout).is_ok(),
        Err(StoreError::NoIndex { .. }) => false,
        Err(_) => true,
    };
    // An index is committed before the first byte is archived. With an empty archive, a broken one
    // is just a creation that was cut off. With any other it is damage, and needs a reindex.
    if is_sound || !archive_is_empty(layout)? {
        return opened;
    }
    drop(opened);
    let root = layout.root_dir()?;
    root.remove_dir(INDEX)?;
    let dir = root.make_dir(INDEX)?;
    IndexWriter::create(&dir, &Checkpoint::empty().to_payload(layout)?)
}

fn archive_is_empty(layout: &Layout) -> Result<bool, StoreError> {
    Ok(layout.archive_dir()?.names()?.is_empty())
}
