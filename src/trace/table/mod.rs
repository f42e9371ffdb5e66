//! The message table: filled by the judge, and asked in its place.

pub(super) mod entry;
pub(super) mod filter;
pub(super) mod listing;
mod numbers;
mod resolve;
#[cfg(test)]
mod tests;
mod texts;
#[cfg(feature = "aws")]
mod touched;
mod upkeep;

pub(crate) use listing::{ListedMessage, ListedRow, Listing, Reading};
pub(crate) use numbers::{TextKind, TextNumbers};
#[cfg(feature = "aws")]
pub(crate) use touched::{Touched, TouchedMessages};
pub(in crate::trace) use upkeep::message_table_of;
pub use upkeep::{is_table_true, keep_table, ready_table, rebuild_table};
