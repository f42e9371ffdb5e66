//! What is to be done to have events logged: worked out from what was found, then carried out.

use super::ProvisioningError;
use super::clients::Monitoring;
use super::names::{ROLE_NAME_PART, Retention};
use super::policies::{role_policy, trust_policy};
use super::policy::Policy;
use super::review::{missing_permissions, trust_problems};
use super::roles::FoundRole;
use super::scope::{SERVICE_LINKED_ROLE, Scope};
use crate::aws::LogGroup;

/// Days for which a new group keeps events when nothing is said: WorkMail's own default
/// (administrator guide, "Enabling email event logging").
const RETENTION_DAYS_DEFAULT: u32 = 30;

/// The name of the policy that is written into the role.
pub const ROLE_POLICY_NAME: &str = "workmail-email-events";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupWish {
    /// The organization, the group and the role.
    pub scope: Scope,
    /// For how long the group keeps events; where it is not said a group with events stays as it
    /// is.
    pub retention: Option<Retention>,
    /// The ARN of the key that is to encrypt what is logged.
    pub kms_key: Option<String>,
    /// WorkMail logs as the role that it makes for itself, rather than as the scope's.
    pub is_default_role: bool,
    /// What stands in the way is replaced: another's trust policy, another key, logging elsewhere.
    pub is_forced: bool,
}

#[derive(Clone, Debug, Default)]
pub struct SetupFound {
    pub group: Option<LogGroup>,
    /// Whether nothing has ever been logged there.
    pub is_group_empty: bool,
    /// The role; not looked for with the default role.
    pub role: Option<FoundRole>,
    pub monitoring: Option<Monitoring>,
}

/// Steps to take in this order, and what needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupPlan {
    /// What it is all about.
    pub scope: Scope,
    /// WorkMail logs as the role that it makes for itself, rather than as the scope's.
    pub is_default_role: bool,
    /// What is to be done.
    pub steps: Vec<SetupStep>,
    /// What is as it should be, in words.
    pub kept: Vec<String>,
    /// What the administrator should know, in words.
    pub warnings: Vec<String>,
}

/// One call that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetupStep {
    /// Make the log group.
    CreateGroup {
        /// The ARN of the key that encrypts it.
        kms_key: Option<String>,
    },
    /// Set for how long the group keeps events.
    SetRetention(Retention),
    /// Encrypt what comes into the group from now on.
    EncryptGroup {
        /// The ARN of the key.
        kms_key: String,
    },
    CreateRole(Policy),
    /// Replace who may assume the role.
    ReplaceTrust(Policy),
    /// Write the policy within the role.
    PutRolePolicy(Policy),
    /// Log events from now on, and wait until that reads back.
    SwitchOn(Monitoring),
}

/// Works out what is to be done.
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
            // A new group keeps everything.
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
                "{name} is encrypted with {actual}, not with {wanted}: it is left as it is without --force"
            )),
            (Some(wanted), _) => self.steps.push(SetupStep::EncryptGroup { kms_key: wanted.clone() }),
            (None, _) => {}
        }
        // Where nothing was ever logged there is nothing to lose: a setup that stopped there goes
        // on as it would have.
        let is_unset = group.retention_days.is_none() && found.is_group_empty;
        let default = is_unset.then_some(Retention::Days(RETENTION_DAYS_DEFAULT));
        match wish.retention.or(default) {
            Some(wanted) if wanted.days() != group.retention_days => {
                self.steps.push(SetupStep::SetRetention(wanted));
                if let (Some(days), false) = (wanted.days(), found.is_group_empty) {
                    self.warnings.push(format!(
                        "what {name} has that is older than {days} days will be deleted: pull it first"
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
                "the name of the role {name} has no \"{ROLE_NAME_PART}\" in it: AWS's policy AmazonWorkMailFullAccess lets administrators pass only roles that have"
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
        // What the policy of our name allows already it goes on to allow: another group perhaps.
        let mut document = role_policy(scope);
        let own = role.policies.iter().find(|(policy, _)| policy == ROLE_POLICY_NAME);
        match own.map(|(_, policy)| policy) {
            Some(Ok(own)) => {
                document.statements.splice(..0, own.statements.iter().cloned());
            }
            // What it allows cannot be kept, so somebody has to say that it may go.
            Some(Err(error)) if !wish.is_forced => {
                return Err(ProvisioningError::UnreadablePolicy {
                    role: name.clone(),
                    policy: ROLE_POLICY_NAME,
                    reason: error.to_string(),
                });
            }
            Some(Err(_)) => self.warnings.push(format!(
                "the policy {ROLE_POLICY_NAME} of the role {name} cannot be read: what it allowed is replaced"
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

/// Whether a configuration that was found is the one that is wanted. Without a role WorkMail's own
/// is meant, which it may name or not.
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
