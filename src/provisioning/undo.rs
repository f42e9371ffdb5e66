//! A step of a teardown: in words, as a call, and as an AWS CLI command.

use super::ProvisioningError;
use super::clients::{AttachedPolicy, Deletion};
use super::scope::{SERVICE_LINKED_ROLE, Scope};
use super::services::Services;
use super::setup::Patience;
use super::step::{shell_command, standing};
use super::teardown::{TeardownPlan, TeardownWish};
use crate::aws::Failure;
use crate::limits;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TeardownStep {
    /// Switches logging off.
    SwitchOff,
    /// Pulls everything in the group into the store, until nothing new comes.
    Pull,
    Verify,
    DeleteGroup,
    /// Detaches a policy from the role, which it may share with others.
    DetachPolicy(AttachedPolicy),
    /// Deletes an inline policy of the role, by name.
    DeletePolicy(String),
    DeleteRole,
    /// Deletes WorkMail's own role, and waits until that is done.
    DeleteOwnRole,
}

impl TeardownStep {
    /// The step in words, such as "delete the log group X".
    pub fn title(&self, scope: &Scope) -> String {
        let Scope { organization, log_group, role, .. } = scope;
        match self {
            Self::SwitchOff => format!("stop logging the events of {organization}"),
            Self::Pull => format!("download everything in {log_group} into the store"),
            Self::Verify => "verify the store".to_owned(),
            Self::DeleteGroup => format!("delete the log group {log_group} with all its events"),
            Self::DetachPolicy(policy) => {
                format!("detach the policy {} from the role {role}", policy.name)
            }
            Self::DeletePolicy(policy) => format!("delete the policy {policy} of the role {role}"),
            Self::DeleteRole => format!("delete the role {role}"),
            Self::DeleteOwnRole => format!("delete the role {SERVICE_LINKED_ROLE}"),
        }
    }

    /// The IAM action of the call; empty if there is no call.
    pub fn action(&self) -> &'static str {
        match self {
            Self::SwitchOff => "workmail:DeleteEmailMonitoringConfiguration",
            Self::Pull => "logs:FilterLogEvents",
            Self::Verify => "",
            Self::DeleteGroup => "logs:DeleteLogGroup",
            Self::DetachPolicy(_) => "iam:DetachRolePolicy",
            Self::DeletePolicy(_) => "iam:DeleteRolePolicy",
            Self::DeleteRole => "iam:DeleteRole",
            Self::DeleteOwnRole => "iam:DeleteServiceLinkedRole",
        }
    }

    /// True if it removes something.
    pub fn is_destructive(&self) -> bool {
        !matches!(self, Self::Pull | Self::Verify)
    }

    /// The shell command that does the same: of the AWS CLI or mailtrace.
    pub fn command(&self, scope: &Scope) -> String {
        let Scope { region, organization, log_group, role, .. } = scope;
        let aws = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
            shell_command(&[words, vec!["--region".to_owned(), region.clone()]].concat())
        };
        match self {
            Self::SwitchOff => aws(&[
                "workmail",
                "delete-email-monitoring-configuration",
                "--organization-id",
                organization,
            ]),
            Self::Pull => {
                // `--recheck` lists the whole group again: the coverage of earlier pulls must not
                // decide what may be deleted.
                format!("mailtrace pull --log-group {log_group} --region {region} --recheck")
            }
            Self::Verify => "mailtrace verify".to_owned(),
            Self::DeleteGroup => aws(&["logs", "delete-log-group", "--log-group-name", log_group]),
            Self::DetachPolicy(policy) => aws(&[
                "iam",
                "detach-role-policy",
                "--role-name",
                role,
                "--policy-arn",
                &policy.arn,
            ]),
            Self::DeletePolicy(policy) => {
                aws(&["iam", "delete-role-policy", "--role-name", role, "--policy-name", policy])
            }
            Self::DeleteRole => aws(&["iam", "delete-role", "--role-name", role]),
            Self::DeleteOwnRole => {
                aws(&["iam", "delete-service-linked-role", "--role-name", SERVICE_LINKED_ROLE])
            }
        }
    }
}

impl TeardownPlan {
    /// The state after the step at `index` failed, and what to do about it.
    pub fn standing(&self, index: usize) -> String {
        let done = self.steps.iter().take(index);
        standing(done.map(|it| it.title(&self.wish.scope)), "already done")
    }
}

impl Services {
    /// Takes a step. Something already gone is not an error.
    pub async fn tear_down(
        &self,
        step: &TeardownStep,
        wish: &TeardownWish,
        role_wait_seconds: u64,
    ) -> Result<(), ProvisioningError> {
        let Scope { organization, log_group, role, .. } = &wish.scope;
        let taken = match step {
            // The command line does these, with the store.
            TeardownStep::Pull | TeardownStep::Verify => Ok(()),
            TeardownStep::SwitchOff => return self.switch_off(organization).await,
            TeardownStep::DeleteGroup => {
                // Pulling may have taken long since the plan was made, and a deleted group does
                // not come back.
                self.check_unused(wish).await?;
                if !organization.is_empty()
                    && let Some(found) = self.monitoring(organization).await?
                {
                    let found = super::plan::in_words(&found);
                    return Err(ProvisioningError::StillOn { seconds: 0, found });
                }
                self.call(async || self.logs.delete_group(log_group).await).await
            }
            TeardownStep::DetachPolicy(policy) => {
                self.call(async || self.iam.detach_role_policy(role, &policy.arn).await).await
            }
            TeardownStep::DeletePolicy(policy) => {
                self.call(async || self.iam.delete_role_policy(role, policy).await).await
            }
            TeardownStep::DeleteRole => self.call(async || self.iam.delete_role(role).await).await,
            TeardownStep::DeleteOwnRole => return self.delete_own_role(role_wait_seconds).await,
        };
        Ok(taken.map_err(Failure::into_error)?)
    }

    async fn switch_off(&self, organization: &str) -> Result<(), ProvisioningError> {
        let deleted = self.call(async || self.workmail.delete_monitoring(organization).await).await;
        deleted.map_err(Failure::into_error)?;
        let mut patience = Patience::of(limits::READ_BACK_SECONDS);
        while let Some(found) = self.monitoring(organization).await? {
            if patience.is_over() {
                let found = super::plan::in_words(&found);
                return Err(ProvisioningError::StillOn {
                    seconds: limits::READ_BACK_SECONDS,
                    found,
                });
            }
            patience.pause().await;
        }
        Ok(())
    }

    async fn delete_own_role(&self, seconds: u64) -> Result<(), ProvisioningError> {
        let name = SERVICE_LINKED_ROLE;
        let begun = self.call(async || self.iam.delete_service_linked_role(name).await).await;
        // Without a task there is no such role.
        let Some(task) = begun.map_err(Failure::into_error)? else { return Ok(()) };
        let mut patience = Patience::of(seconds);
        loop {
            let asked = self.call(async || self.iam.deletion(name, &task).await).await;
            match asked.map_err(Failure::into_error)? {
                Deletion::Succeeded => return Ok(()),
                Deletion::Failed { reason } => {
                    return Err(ProvisioningError::RoleStays { role: name.to_owned(), reason });
                }
                Deletion::InProgress if patience.is_over() => {
                    return Err(ProvisioningError::RoleGoes { role: name.to_owned(), seconds });
                }
                Deletion::InProgress => patience.pause().await,
            }
        }
    }
}
