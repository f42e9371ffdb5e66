//! The commands that set event logging up, check it and take it down. They go with WorkMail, as
//! [`crate::provisioning`] does.

mod audit_logs;
pub(super) mod doctor;
mod doctor_report;
pub(super) mod policy;
pub(super) mod setup;
mod target;
pub(super) mod teardown;
mod undertaking;
