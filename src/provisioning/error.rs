//! Why event logging could not be examined or changed.

use super::names::NameError;
use crate::aws::AwsError;

/// Why event logging could not be examined or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisioningError {
    #[error(transparent)]
    Aws(#[from] AwsError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(
        "there is no WorkMail organization {name} in {region}{near}: check the name, --region and --profile"
    )]
    NoOrganization { name: String, region: String, near: String },
    #[error(
        "there are {count} active WorkMail organizations in {region}: name one with --organization, and its region with --region"
    )]
    NotTheOnlyOne { region: String, count: usize },
    #[error(
        "several WorkMail organizations in {region} have the alias {alias}: give one's ID with --organization: {ids}"
    )]
    SeveralOrganizations { alias: String, region: String, ids: String },
    #[error(
        "the WorkMail organization {name} is {state}, not active: events can be logged only of an active one"
    )]
    NotActive { name: String, state: String },
    #[error(
        "the organization belongs to account {organization}, the credentials to {credentials}: check --profile"
    )]
    OtherAccount { organization: String, credentials: String },
    #[error(
        "the log group {group} is in {found}, the organization in {wanted}: WorkMail logs only to a group of its organization's region and account; name another with --log-group"
    )]
    GroupElsewhere { group: String, found: String, wanted: String },
    #[error(
        "the policy {policy} of the role {role} cannot be read ({reason}), so what it allows would be lost: choose another role with --role-name, or replace the policy with --force"
    )]
    UnreadablePolicy { role: String, policy: &'static str, reason: String },
    #[error(
        "the role {role} exists, but its trust policy differs: {problems}; choose another with --role-name, or replace its trust policy with --force"
    )]
    ForeignTrust { role: String, problems: String },
    #[error(
        "the organization {organization} already logs to {found}: name that with --log-group and --role-name or --default-role, or make it log to {wanted} with --force"
    )]
    LogsElsewhere { organization: String, found: String, wanted: String },
    #[error(
        "WorkMail accepted the configuration, but does not show it after {seconds} s (it shows {found}): check again later"
    )]
    NotReadBack { seconds: u64, found: String },
    #[error(
        "the {what} is used by {by}: nothing was changed; leave its deletion out, or make those log elsewhere first"
    )]
    InUse { what: String, by: String },
    #[error("cannot tell whether another organization uses what would be deleted: {cause}")]
    UnknownUsers { cause: Box<ProvisioningError> },
    #[error(
        "the organization {organization} logs to {found}: name that with --log-group and --role-name (its own role goes with --delete-service-linked-role), or leave the deletion out"
    )]
    OtherTarget { organization: String, found: String },
    #[error(
        "the log group {group} is protected from deletion: remove the protection first with: {command}"
    )]
    Protected { group: String, command: String },
    #[error(
        "the role {role} is not only for WorkMail: {problems}; leave --delete-role out, or delete it by hand"
    )]
    ForeignRole { role: String, problems: String },
    #[error("after {seconds} s events are still logged to {found}: run the same command again")]
    StillOn { seconds: u64, found: String },
    #[error("IAM refused to delete the role {role}: {reason}")]
    RoleStays { role: String, reason: String },
    #[error(
        "IAM has not deleted the role {role} after {seconds} s, and is still working on it: run the same command again later to see that it is gone"
    )]
    RoleGoes { role: String, seconds: u64 },
    #[error("cannot {step}: {cause}{standing}")]
    Stopped { step: String, cause: Box<ProvisioningError>, standing: String },
    #[error("cannot start the network")]
    Runtime(#[source] std::io::Error),
}

impl ProvisioningError {
    /// True if a listing went beyond its bound: what it lists exists, and more of it.
    pub(super) fn is_cut_listing(&self) -> bool {
        matches!(self, Self::Aws(AwsError::CutListing { .. }))
    }
}
