//! Taking records out of a store, for good and on the record.
//!
//! The files of the archive that hold such records are written anew without them, behind all
//! others; a last note holds the [`Tombstone`], which says what was removed, why, and which files
//! it replaces. Then the index is built from what is left, and its taking the old one's place is
//! the commit: before it nothing has happened, and after it whoever next opens the store for
//! writing removes what may still lie there.

mod mention;
mod person;
mod rejects;
mod remove;
mod rewrite;
mod tombstone;

pub use remove::{Removal, RemovalReport, RemovalRequest, remove_records};
pub use tombstone::{RemovalRule, Tombstone};

pub(super) use remove::finish_removal;
pub(super) use tombstone::{NotedTombstone, Removals};
