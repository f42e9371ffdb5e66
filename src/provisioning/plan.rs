//! The plan of a setup: worked out from the present state, then carried out.

use super::ProvisioningError;
use super::clients::Monitoring;
use super::names::{ROLE_NAME_PART, Retention};
use super::policies::{role_policy, trust_policy};
use super::policy::Policy;
use super::review::{missing_permissions, trust_problems};
use super::roles::FoundRole;
use super::scope::{SERVICE_LINKED_ROLE, Scope};
use crate::aws::LogGroup;

/// Days for which a new group keeps events by default: WorkMail's own default (administrator
/// guide, "Enabling email event logging").
const RETENTION_DAYS_DEFAULT: u32 = 30;

/// The name of the role's inline policy.
pub const ROLE_POLICY_NAME: &str = "workmail-email-events";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupWish {
    /// The organization, the group and the role.
    pub scope: Scope,
    /// The time for which the group keeps events. If unset, a group with events keeps its own.
    pub retention: Option<Retention>,
    /// The ARN of the key that encrypts the log group.
    pub kms_key: Option<String>,
    /// True if WorkMail logs as the role it makes for itself, rather than as the scope's.
    pub is_default_role: bool,
    /// Replaces what is in the way: a foreign trust policy, another key, logging elsewhere.
    pub is_forced: bool,
}

#[derive(Clone, Debug, Default)]
pub struct SetupFound {
    pub group: Option<LogGroup>,
    /// True if nothing was ever logged there.
    pub is_group_empty: bool,
    /// The role; not read with the default role.
    pub role: Option<FoundRole>,
    pub monitoring: Option<Monitoring>,
}

/// Steps in order, and what needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupPlan {
    /// The organization, the group and the role.
    pub scope: Scope,
    /// True if WorkMail logs as the role it makes for itself, rather than as the scope's.
    pub is_default_role: bool,
    /// The steps to take.
    pub steps: Vec<SetupStep>,
    /// Everything that is as it should be, in words.
    pub kept: Vec<String>,
    /// Warnings for the administrator, in words.
    pub warnings: Vec<String>,
}

/// One call that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupStep {
    /// Makes the log group.
    CreateGroup {
        /// The ARN of the key that encrypts it.
        kms_key: Option<String>,
    },
    /// Sets how long the group keeps events.
    SetRetention(Retention),
    /// Encrypts events that arrive from now on.
    EncryptGroup {
        /// The ARN of the key.
        kms_key: String,
    },
    CreateRole(Policy),
    /// Replaces the trust policy.
    ReplaceTrust(Policy),
    /// Writes the role's inline policy.
    PutRolePolicy(Policy),
    /// Switches logging on, and waits until it reads back.
    SwitchOn(Monitoring),
}

/// Plans a setup.
///
/// # Errors
///
/// [`ProvisioningError::ForeignTrust`], [`ProvisioningError::UnreadablePolicy`] and
/// [`ProvisioningError::LogsElsewhere`], unless forced.
pub fn plan(wish: &SetupWish, found: &SetupFound) -> Result<SetupPlan, ProvisioningError> {
    let mut plan = SetupPlan {
        scope: wish.scope.clone(),
        is_default_role: wish.is_default_role,
        steps: Vec::new(),
        kept: Vec::new(),
        warnings: Vec::new(),
    };
    // In this order: WorkMail's configuration names the group and the role, so both must exist
    // before it.
    plan.add_group(wish, found);
    if !wish.is_default_role {
        plan.add_role(wish, found.role.as_ref())?;
    }
    plan.add_switch(wish, found)?;
    if let Some(key) = &wish.kms_key {
        plan.warnings.push(format!(
            "the key policy of {key} must let logs.{}.amazonaws.com encrypt and decrypt, or nothing is logged",
            wish.scope.region
        ));
    }
    Ok(plan)
}

impl SetupPlan {
    fn add_group(&mut self, wish: &SetupWish, found: &SetupFound) {
        let name = &wish.scope.log_group;
        let Some(group) = &found.group else {
            self.steps.push(SetupStep::CreateGroup { kms_key: wish.kms_key.clone() });
            let retention = wish.retention.unwrap_or(Retention::Days(RETENTION_DAYS_DEFAULT));
            // A new group keeps everything by default.
            if retention != Retention::Forever {
                self.steps.push(SetupStep::SetRetention(retention));
            }
            return;
        };
        self.kept.push(format!("the log group {name} exists"));
        match (&wish.kms_key, &group.kms_key) {
            (Some(wanted), Some(actual)) if wanted == actual => {
                self.kept.push(format!("it is encrypted with {actual}"));
            }
            (Some(wanted), Some(actual)) if !wish.is_forced => self.warnings.push(format!(
                "{name} is encrypted with {actual}, not with {wanted}: it stays so without --force"
            )),
            (Some(wanted), _) => {
                self.steps.push(SetupStep::EncryptGroup { kms_key: wanted.clone() });
            }
            (None, _) => {}
        }
        // An empty group without retention may be left from a setup that stopped after making it,
        // and nothing in it can be lost: it gets what a new one gets.
        let is_unset = group.retention_days.is_none() && found.is_group_empty;
        let default = is_unset.then_some(Retention::Days(RETENTION_DAYS_DEFAULT));
        match wish.retention.or(default) {
            Some(wanted) if wanted.days() != group.retention_days => {
                self.steps.push(SetupStep::SetRetention(wanted));
                if let (Some(days), false) = (wanted.days(), found.is_group_empty) {
                    self.warnings.push(format!(
                        "events in {name} that are older than {days} days will be deleted: pull them first"
                    ));
                }
            }
            _ => self.kept.push(match group.retention_days {
                Some(days) => format!("it keeps events for {days} days"),
                None => "it keeps events for ever".to_owned(),
            }),
        }
    }

    fn add_role(
        &mut self,
        wish: &SetupWish,
        role: Option<&FoundRole>,
    ) -> Result<(), ProvisioningError> {
        let scope = &wish.scope;
        let name = &scope.role;
        if !name.contains(ROLE_NAME_PART) {
            self.warnings.push(format!(
                "the role name {name} does not contain \"{ROLE_NAME_PART}\": AWS's policy AmazonWorkMailFullAccess lets administrators pass only roles whose names do"
            ));
        }
        let Some(role) = role else {
            self.steps.push(SetupStep::CreateRole(trust_policy(scope)));
            self.steps.push(SetupStep::PutRolePolicy(role_policy(scope)));
            return Ok(());
        };
        let problems = match &role.trust {
            Ok(trust) => trust_problems(trust, scope),
            Err(error) => vec![format!("its trust policy cannot be read ({error})")],
        };
        if problems.is_empty() {
            self.kept.push(format!("the role {name} trusts WorkMail for this organization"));
        } else if wish.is_forced {
            self.steps.push(SetupStep::ReplaceTrust(trust_policy(scope)));
        } else {
            return Err(ProvisioningError::ForeignTrust {
                role: name.clone(),
                problems: problems.join("; "),
            });
        }
        let policies = || role.policies.iter().filter_map(|(_, it)| it.as_ref().ok());
        if missing_permissions(policies(), scope).is_empty() {
            self.kept.push(format!("it may write to {}", scope.log_group));
            return Ok(());
        }
        // Keeps what our policy already allows, which may be another group.
        let mut document = role_policy(scope);
        let own = role.policies.iter().find(|(policy, _)| policy == ROLE_POLICY_NAME);
        match own.map(|(_, policy)| policy) {
            Some(Ok(own)) => {
                document.statements.splice(..0, own.statements.iter().cloned());
            }
            // Its contents cannot be kept, so replacing it needs `--force`.
            Some(Err(error)) if !wish.is_forced => {
                return Err(ProvisioningError::UnreadablePolicy {
                    role: name.clone(),
                    policy: ROLE_POLICY_NAME,
                    reason: error.to_string(),
                });
            }
            Some(Err(_)) => self.warnings.push(format!(
                "the policy {ROLE_POLICY_NAME} of the role {name} cannot be read: whatever it allowed is replaced"
            )),
            None => {}
        }
        self.steps.push(SetupStep::PutRolePolicy(document));
        Ok(())
    }

    fn add_switch(
        &mut self,
        wish: &SetupWish,
        found: &SetupFound,
    ) -> Result<(), ProvisioningError> {
        let scope = &wish.scope;
        // An existing role may have a path, which its name does not show.
        let role_arn = (!wish.is_default_role).then(|| match &found.role {
            Some(role) => role.arn.clone(),
            None => scope.role_arn(),
        });
        let log_group_arn = scope.log_group_arn().with_streams();
        let wanted = Monitoring { log_group_arn, role_arn };
        match &found.monitoring {
            Some(actual) if is_same(actual, &wanted) => {
                self.kept.push(format!("events are logged to {}", in_words(actual)));
                return Ok(());
            }
            Some(actual) if !wish.is_forced => {
                return Err(ProvisioningError::LogsElsewhere {
                    organization: scope.organization.clone(),
                    found: in_words(actual),
                    wanted: in_words(&wanted),
                });
            }
            Some(actual) => self
                .warnings
                .push(format!("events will no longer be logged to {}", in_words(actual))),
            None => {}
        }
        self.steps.push(SetupStep::SwitchOn(wanted));
        Ok(())
    }
}

/// True if the configuration found is the wanted one. No role means WorkMail's own, which the
/// answer may name or not.
pub(super) fn is_same(actual: &Monitoring, wanted: &Monitoring) -> bool {
    let group = |it: &Monitoring| it.log_group_arn.trim_end_matches(":*").to_owned();
    let role = |it: &Monitoring| {
        it.role_arn.clone().filter(|it| !it.ends_with(&format!("/{SERVICE_LINKED_ROLE}")))
    };
    group(actual) == group(wanted) && role(actual) == role(wanted)
}

pub(super) fn in_words(monitoring: &Monitoring) -> String {
    let group = monitoring.log_group_arn.trim_end_matches(":*");
    match &monitoring.role_arn {
        Some(role) => format!("{group} as {role}"),
        None => format!("{group} as WorkMail's own role"),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
