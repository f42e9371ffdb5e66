//! The commands that set event logging up, check it and take it down. They go with WorkMail, as
//! [`crate::provisioning`] does.

mod audit_logs;
pub(crate) mod doctor;
mod doctor_report;
pub(crate) mod policy;
pub(crate) mod setup;
mod target;
pub(crate) mod teardown;
mod undertaking;
