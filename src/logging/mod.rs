//! Email event logging on the AWS side: what it takes, whether it is right, and making it so.
//!
//! WorkMail writes the events of an organization to a log group, as a role that it may assume.
//! [`Scope`] names the three; [`Policy`] is a policy document that can be compared;
//! [`trust_policy`], [`role_policy`] and the policies of the callers are the narrowest that work;
//! [`trust_problems`] and [`missing_permissions`] review what is found. Nothing here prints, or
//! knows of the store.

mod error;
pub mod names;
mod policies;
mod policy;
mod review;
mod scope;
mod services;
mod wildcard;

pub use error::LoggingError;
pub use names::{NameError, Retention, default_role, log_group_or_arn};
pub use policies::{reader_policy, role_policy, setup_policy, teardown_policy, trust_policy};
pub use policy::{Conditions, Effect, Policy, PolicyError, Principal, Statement, Values};
pub use review::{missing_permissions, trust_problems};
pub use scope::{SERVICE, SERVICE_LINKED_ROLE, Scope};
pub use services::{FoundRole, Services};
