//! What a removal leaves until after its commit.

use super::error::StoreError;
use super::layout::{Layout, archive_file_number, is_rejected_name};
use super::ledger::checkpoint::Checkpoint;

/// Removes what was left behind by a removal that was cut off after its commit.
pub(super) fn finish_removal(layout: &Layout, checkpoint: &Checkpoint) -> Result<(), StoreError> {
    let archive = layout.archive_dir()?;
    // Goes through the files that are there, not the numbers: a doctored commit may name a million
    // of them.
    let names = archive.names()?;
    let names = names.iter().filter_map(|it| it.to_str());
    let is_removed =
        |name: &str| archive_file_number(name).is_some_and(|it| checkpoint.archive.is_removed(it));
    let mut is_any_removed = false;
    for name in names.filter(|it| is_removed(it)) {
        is_any_removed |= archive.remove(name)?;
    }
    if is_any_removed {
        archive.sync()?;
    }
    let Some(rejected) = layout.rejected_dir()? else { return Ok(()) };
    let mut is_any_removed = false;
    for name in checkpoint.leftovers.iter().filter(|it| is_rejected_name(it)) {
        is_any_removed |= rejected.remove(name)?;
    }
    if is_any_removed { rejected.sync() } else { Ok(()) }
}
