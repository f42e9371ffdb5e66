//! The directory: an organization's users, groups, resources and domains, as WorkMail's API gave
//! them at a time.
//!
//! Logs name people by ID or by an address that may be an alias or a group. WorkMail's API says who
//! is meant, until it ends; so what it says is taken and kept in the archive, as [`Statement`]s of
//! which each changes something, and [`Directory`] is what they amount to at any time. Where the
//! statements come from and where they are kept, this module does not know.

mod build;
mod entity;
mod history;
mod lazy;
mod meaning;
mod statement;
#[cfg(test)]
mod tests;

pub use build::DirectoryBuilder;
pub use entity::{Domain, Entity, EntityKind, Member, Permission};
pub use history::{Directory, EntityState, OrganizationHistory};
pub use lazy::LazyDirectory;
pub use meaning::Meaning;
pub use statement::{Said, Statement, StatementError};
