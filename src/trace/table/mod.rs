//! The message table: kept by the judge, and asked instead of it.

pub(super) mod entry;
pub(super) mod filter;
pub(super) mod listing;
#[cfg(test)]
mod tests;
mod upkeep;

pub(crate) use listing::{ColumnOf, ListedMessage, ListedRow, Listing, SENDERS, TextNumbers};
pub use upkeep::{is_table_true, keep_table, rebuild_table};
