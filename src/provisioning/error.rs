//! Why event logging could not be looked at or changed.

use super::names::NameError;
use crate::aws::AwsError;

/// Why event logging could not be looked at or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProvisioningError {
    /// What AWS said.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A name that cannot be one.
    #[error(transparent)]
    Name(#[from] NameError),
    /// No organization has that alias or ID.
    #[error(
        "there is no WorkMail organization {name} in {region}{near}: check the name, --region and --profile"
    )]
    NoOrganization {
        /// As it was given.
        name: String,
        /// Where it was looked for.
        region: String,
        /// Which there are.
        near: String,
    },
    /// Nobody says which organization is meant.
    #[error(
        "there are {count} active WorkMail organizations in {region}: name one with --organization, and its region with --region"
    )]
    NotTheOnlyOne {
        /// The region.
        region: String,
        /// How many there are.
        count: usize,
    },
    /// Several organizations have that alias.
    #[error(
        "several WorkMail organizations in {region} have the alias {alias}: give one's ID with --organization: {ids}"
    )]
    SeveralOrganizations {
        /// As it was given.
        alias: String,
        /// Where they are.
        region: String,
        /// Their IDs.
        ids: String,
    },
    /// The organization is being made, or gone.
    #[error(
        "the WorkMail organization {name} is not active but {state}: events can be logged of an active one only"
    )]
    NotActive {
        /// As it was given.
        name: String,
        /// What it is doing, in the service's words.
        state: String,
    },
    /// The credentials are of another account than the organization.
    #[error(
        "the organization is of the account {organization}, the credentials are of {credentials}: check --profile"
    )]
    OtherAccount {
        /// The organization's account.
        organization: String,
        /// The credentials' account.
        credentials: String,
    },
    /// The log group is where WorkMail cannot write.
    #[error(
        "the log group {group} is in {found}, the organization in {wanted}: WorkMail logs only to a group of its organization's region and account; name another with --log-group"
    )]
    GroupElsewhere {
        /// The group's name.
        group: String,
        /// Where it is: region and account.
        found: String,
        /// Where it should be.
        wanted: String,
    },
    /// The policy that setup would write is there, and says what is not understood.
    #[error(
        "the policy {policy} of the role {role} cannot be read ({reason}), so what it allows would be lost: choose another role with --role-name, or have it replaced with --force"
    )]
    UnreadablePolicy {
        /// The role's name.
        role: String,
        /// The policy's name.
        policy: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else's role has that name.
    #[error(
        "the role {role} exists and trusts otherwise: {problems}; choose another with --role-name, or have its trust policy replaced with --force"
    )]
    ForeignTrust {
        /// The role's name.
        role: String,
        /// How its trust policy differs.
        problems: String,
    },
    /// Events already go somewhere else.
    #[error(
        "the organization {organization} already logs to {found}: name that with --log-group and --role-name or --default-role, or have it log to {wanted} with --force"
    )]
    LogsElsewhere {
        /// The organization's ID.
        organization: String,
        /// Group and role that it logs to.
        found: String,
        /// Group and role that it should log to.
        wanted: String,
    },
    /// What was switched on does not read back.
    #[error(
        "WorkMail took the configuration, but does not show it after {seconds} s (it shows {found}): look again later"
    )]
    NotReadBack {
        /// How long was waited.
        seconds: u64,
        /// What it shows.
        found: String,
    },
    /// Others use what is to be deleted.
    #[error(
        "the {what} is used by {by}: nothing was changed; leave its deletion out, or have those log elsewhere first"
    )]
    InUse {
        /// What is used.
        what: String,
        /// By which organizations.
        by: String,
    },
    /// Whether others use what is to be deleted is not known.
    #[error("cannot tell whether another organization uses what is to be deleted: {cause}")]
    UnknownUsers {
        /// Why not.
        cause: Box<ProvisioningError>,
    },
    /// Events go somewhere else than is named.
    #[error(
        "the organization {organization} logs to {found}: name that with --log-group and --role-name (its own role goes with --delete-service-linked-role), or leave the deletion out"
    )]
    OtherTarget {
        /// The organization's ID.
        organization: String,
        /// Group and role that it logs to.
        found: String,
    },
    /// The log group is not to be deleted.
    #[error(
        "the log group {group} is protected from deletion: take that off first with: {command}"
    )]
    Protected {
        /// The group's name.
        group: String,
        /// The command that does so.
        command: String,
    },
    /// The role is not WorkMail's alone.
    #[error(
        "the role {role} is not for WorkMail alone: {problems}; leave --delete-role out, or delete it by hand"
    )]
    ForeignRole {
        /// The role's name.
        role: String,
        /// Who else may assume it.
        problems: String,
    },
    /// Events are logged although they should not be.
    #[error("after {seconds} s events are still logged to {found}: run the same command again")]
    StillOn {
        /// How long was waited.
        seconds: u64,
        /// Where they go.
        found: String,
    },
    /// IAM does not delete a role.
    #[error("IAM does not delete the role {role}: {reason}")]
    RoleStays {
        /// The role's name.
        role: String,
        /// Why, in the service's words.
        reason: String,
    },
    /// IAM has not deleted a role yet.
    #[error(
        "IAM has not deleted the role {role} after {seconds} s, and goes on: run the same command again later to see that it is gone"
    )]
    RoleGoes {
        /// The role's name.
        role: String,
        /// How long was waited.
        seconds: u64,
    },
    /// A step failed, and what others before it did stands.
    #[error("cannot {step}: {cause}{standing}")]
    Stopped {
        /// The step that failed.
        step: String,
        /// What it came to.
        cause: Box<ProvisioningError>,
        /// What stands, and what to do, in words.
        standing: String,
    },
    /// The operating system gives us no event loop.
    #[error("cannot start the network")]
    Runtime(#[source] std::io::Error),
}

impl ProvisioningError {
    /// Whether a listing went on beyond its bound: what it lists is there, and more of it.
    pub(super) fn is_cut_listing(&self) -> bool {
        matches!(self, Self::Aws(AwsError::CutListing { .. }))
    }
}
