//! A step in words, as a call, and as an AWS CLI command.

use super::names::Retention;
use super::plan::{ROLE_POLICY_NAME, SetupStep};
use super::policy::Policy;
use super::scope::Scope;
use crate::shell::quoted;

/// The description of a role that we make.
pub(super) const ROLE_DESCRIPTION: &str = "Lets Amazon WorkMail log the events of its mail";

impl SetupStep {
    /// The step in words, such as "create the log group X".
    pub fn title(&self, scope: &Scope) -> String {
        let (group, role) = (&scope.log_group, &scope.role);
        match self {
            Self::CreateGroup { kms_key: None } => format!("create the log group {group}"),
            Self::CreateGroup { kms_key: Some(key) } => {
                format!("create the log group {group}, encrypted with {key}")
            }
            Self::SetRetention(Retention::Days(days)) => {
                format!("set {group} to keep events for {days} days")
            }
            Self::SetRetention(Retention::Forever) => {
                format!("set {group} to keep events for ever")
            }
            Self::EncryptGroup { kms_key } => format!("encrypt {group} with {kms_key}"),
            Self::CreateRole(_) => format!("create the role {role}"),
            Self::ReplaceTrust(_) => format!("replace the trust policy of the role {role}"),
            Self::PutRolePolicy(_) => {
                format!("write the policy {ROLE_POLICY_NAME} into the role {role}")
            }
            Self::SwitchOn(monitoring) => format!(
                "log the events of {} to {group} as {}",
                scope.organization,
                monitoring.role_arn.as_deref().unwrap_or("WorkMail's own role"),
            ),
        }
    }

    /// The IAM action of the call.
    pub fn action(&self) -> &'static str {
        match self {
            Self::CreateGroup { .. } => "logs:CreateLogGroup",
            Self::SetRetention(Retention::Days(_)) => "logs:PutRetentionPolicy",
            Self::SetRetention(Retention::Forever) => "logs:DeleteRetentionPolicy",
            Self::EncryptGroup { .. } => "logs:AssociateKmsKey",
            Self::CreateRole(_) => "iam:CreateRole",
            Self::ReplaceTrust(_) => "iam:UpdateAssumeRolePolicy",
            Self::PutRolePolicy(_) => "iam:PutRolePolicy",
            Self::SwitchOn(_) => "workmail:PutEmailMonitoringConfiguration",
        }
    }

    /// The policy it writes, if any.
    pub fn policy(&self) -> Option<&Policy> {
        match self {
            Self::CreateRole(policy) | Self::ReplaceTrust(policy) | Self::PutRolePolicy(policy) => {
                Some(policy)
            }
            _ => None,
        }
    }

    /// The AWS CLI arguments that do the same.
    pub fn command(&self, scope: &Scope) -> Vec<String> {
        let Scope { region, organization, log_group, role, .. } = scope;
        let owned = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let logs = |operation, rest: &[&str]| {
            let first = ["logs", operation, "--region", region, "--log-group-name", log_group];
            [owned(&first), owned(rest)].concat()
        };
        let iam = |operation, rest: &[&str]| {
            // IAM has no regions, but some versions of the CLI demand one.
            let first = ["iam", operation, "--role-name", role, "--region", region];
            [owned(&first), owned(rest)].concat()
        };
        match self {
            Self::CreateGroup { kms_key: None } => logs("create-log-group", &[]),
            Self::CreateGroup { kms_key: Some(key) } => {
                logs("create-log-group", &["--kms-key-id", key])
            }
            Self::SetRetention(Retention::Days(days)) => {
                logs("put-retention-policy", &["--retention-in-days", &days.to_string()])
            }
            Self::SetRetention(Retention::Forever) => logs("delete-retention-policy", &[]),
            Self::EncryptGroup { kms_key } => logs("associate-kms-key", &["--kms-key-id", kms_key]),
            Self::CreateRole(trust) => iam(
                "create-role",
                &[
                    "--description",
                    ROLE_DESCRIPTION,
                    "--assume-role-policy-document",
                    &trust.to_json(),
                ],
            ),
            Self::ReplaceTrust(trust) => {
                iam("update-assume-role-policy", &["--policy-document", &trust.to_json()])
            }
            Self::PutRolePolicy(policy) => iam(
                "put-role-policy",
                &["--policy-name", ROLE_POLICY_NAME, "--policy-document", &policy.to_json()],
            ),
            Self::SwitchOn(monitoring) => {
                let operation = "put-email-monitoring-configuration";
                let mut command = owned(&["workmail", operation, "--region", region]);
                command.extend(owned(&["--organization-id", organization]));
                command.extend(owned(&["--log-group-arn", &monitoring.log_group_arn]));
                if let Some(role_arn) = &monitoring.role_arn {
                    command.extend(owned(&["--role-arn", role_arn]));
                }
                command
            }
        }
    }

    /// The AWS CLI arguments that undo it, if it made something new.
    pub fn undo(&self, scope: &Scope) -> Option<Vec<String>> {
        let Scope { region, organization, log_group, role, .. } = scope;
        let command: Vec<&str> = match self {
            Self::CreateGroup { .. } => {
                vec!["logs", "delete-log-group", "--region", region, "--log-group-name", log_group]
            }
            Self::CreateRole(_) => {
                vec!["iam", "delete-role", "--role-name", role, "--region", region]
            }
            Self::PutRolePolicy(_) => vec![
                "iam",
                "delete-role-policy",
                "--role-name",
                role,
                "--region",
                region,
                "--policy-name",
                ROLE_POLICY_NAME,
            ],
            Self::SwitchOn(_) => vec![
                "workmail",
                "delete-email-monitoring-configuration",
                "--region",
                region,
                "--organization-id",
                organization,
            ],
            // The former value is not kept, so there is nothing to restore.
            Self::SetRetention(_) | Self::EncryptGroup { .. } | Self::ReplaceTrust(_) => {
                return None;
            }
        };
        Some(command.into_iter().map(str::to_owned).collect())
    }
}

/// A command for a POSIX shell.
pub fn shell_command(arguments: &[String]) -> String {
    let words = arguments.iter().map(|it| quoted(it));
    std::iter::once("aws".into()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The state after a step failed, given the titles of the steps before it, and what to do about
/// it.
pub(super) fn standing(titles: impl Iterator<Item = String>, done: &str) -> String {
    match titles.collect::<Vec<_>>().as_slice() {
        [] => "; nothing was changed: run the same command again once that is fixed".to_owned(),
        titles => {
            format!(
                "; this was {done}: {}; run the same command again to continue",
                titles.join(", ")
            )
        }
    }
}
