//! Queries on audit events: who did what in which mailbox, from where, and who was kept out.
//!
//! The index of audit events answers them alone: each clause of a query becomes a set of documents,
//! and only the events to be shown are read from the archive. People are shown by address where
//! [`People`] knows one.

mod clause;
mod conditions;
mod groups;
mod hits;
mod people;

pub use conditions::AccessConditions;
pub use groups::{AccessGroup, AccessGroups, AccessKey};
pub use hits::{AccessCursor, AccessEvent, AccessHits, AccessOrder, AccessRequest};
pub use people::{People, PeopleOnDemand};
