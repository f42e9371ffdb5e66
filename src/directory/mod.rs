//! The directory: an organization's users, groups, resources and domains, as WorkMail's API
//! reported them over time.
//!
//! Logs name people by ID, or by an address that may be an alias or a group. Only WorkMail's API
//! says who is meant, and that API will end. So its answers are kept in the archive as
//! [`Statement`]s, each of which records a change, and [`Directory`] is their sum at any time. This
//! module does not know where statements come from and where they are kept.

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
