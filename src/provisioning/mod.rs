//! Email event logging on the AWS side: reviewing it and setting it up.
//!
//! WorkMail writes an organization's events to a log group, through a role that it may assume.
//! [`Scope`] names the three; [`Policy`] is a policy document that can be compared;
//! [`trust_policy`], [`role_policy`] and the callers' policies are the narrowest that work;
//! [`trust_problems`] and [`missing_permissions`] review existing ones. [`Services`] reads the
//! present state; [`plan()`] works out the [`SetupStep`]s to the wanted one, from data to data;
//! [`Template`] writes the same for other tools. [`Services::examine`] and [`lint()`] turn
//! findings into [`Check`]s; [`teardown_plan`] works out the way back. Nothing here prints.
//!
//! All of it serves WorkMail alone, and goes with it: this directory, `cli/provisioning`, and
//! `cli/pull_directory` beside [`crate::pull`]'s directory.

mod audit_logs;
mod breadth;
mod check;
mod clients;
mod doctor;
mod emit;
mod error;
mod judge;
mod lint;
pub mod names;
mod plan;
mod policies;
mod policy;
mod review;
mod roles;
mod scope;
mod services;
mod setup;
mod step;
mod teardown;
mod undo;

pub use audit_logs::{
    AuditFound, AuditPlan, audit_plan, audit_policy, audit_teardown_plan, default_audit_group,
};
pub use breadth::{excess_permissions, trust_findings};
pub use check::{Check, Health, Remedy};
pub use clients::Organization;
pub use doctor::{DoctorWish, StoreView, unopened};
pub use emit::Template;
pub use error::ProvisioningError;
pub use lint::{Given, LintWish, lint};
pub use names::{LogGroupPlace, NameError, Retention, check_place, default_role, log_group_or_arn};
pub use plan::{SetupFound, SetupPlan, SetupWish, plan};
pub use policies::{reader_policy, setup_policy, teardown_policy};
pub use policy::Policy;
pub use review::{missing_permissions, trust_problems};
pub use scope::Scope;
pub use services::Services;
pub use setup::SetupEvent;
pub use step::shell_command;
pub use teardown::{TeardownPlan, TeardownWish, teardown_plan};
pub use undo::TeardownStep;
