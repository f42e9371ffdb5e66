//! Removing records from a store, for good and on the record.
//!
//! The archive files that hold such records are rewritten without them, after all others; a last
//! note holds the [`Tombstone`](crate::store::Tombstone), which says what was removed, why, and which
//! files it replaces. Then a new index is built from what is left. Putting it in the place of the
//! old one is the commit: before that nothing has happened, and after it the next writer removes
//! whatever is still there.

mod matcher;
mod mention;
mod person;
mod rejects;
mod removals;
mod remove;
mod rewrite;

pub use matcher::Removal;
pub use remove::{RemovalReport, RemovalRequest, remove_records};

pub(super) use removals::Removals;
