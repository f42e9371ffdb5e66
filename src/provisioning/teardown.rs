//! The plan for switching event logging off and removing what it used.

use super::ProvisioningError;
use super::clients::{AttachedPolicy, Monitoring, Subscription};
use super::doctor::{WORKMAIL_REGIONS, group_of, name_of};
use super::plan::in_words;
use super::policy::{Policy, PolicyError};
use super::review::others_trusted;
use super::scope::{SERVICE_LINKED_ROLE, Scope};
use super::services::Services;
use super::step::shell_command;
use super::undo::TeardownStep;
use crate::aws::{LogGroup, Retrier, WorkMailClient};
use crate::limits;
use crate::time::Timestamp;
use crate::time::workmail_end::has_ended;

/// The parts to switch off and to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeardownWish {
    /// The organization (its ID is empty if none is given), the group and the role.
    pub scope: Scope,
    /// True if the group was named, rather than the default.
    pub is_group_named: bool,
    pub deletes_group: bool,
    pub deletes_role: bool,
    /// WorkMail's own role is deleted.
    pub deletes_own_role: bool,
    pub now: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogUser {
    /// Alias or ID.
    pub name: String,
    pub region: String,
    /// The log group and the role.
    pub monitoring: Monitoring,
}

/// A role to be deleted.
#[derive(Clone, Debug)]
pub struct DoomedRole {
    pub trust: Result<Policy, PolicyError>,
    /// The names of its inline policies.
    pub policies: Vec<String>,
    /// Its attached policies, which others may share.
    pub attached: Vec<AttachedPolicy>,
}

#[derive(Clone, Debug, Default)]
pub struct TeardownFound {
    pub monitoring: Option<Monitoring>,
    pub others: Vec<LogUser>,
    /// The group, if it is to be deleted.
    pub group: Option<LogGroup>,
    /// The group's subscriptions, or why they are unknown.
    pub subscriptions: Option<Result<Vec<Subscription>, String>>,
    /// The role, if it is to be deleted.
    pub role: Option<DoomedRole>,
    /// True if WorkMail's own role exists and is to be deleted.
    pub has_own_role: bool,
}

/// Steps in order, and what needs none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeardownPlan {
    /// The request.
    pub wish: TeardownWish,
    /// The steps to take.
    pub steps: Vec<TeardownStep>,
    /// Things that are gone already, in words.
    pub kept: Vec<String>,
    /// Warnings for the administrator, in words.
    pub warnings: Vec<String>,
}

/// Plans a teardown.
pub fn teardown_plan(
    wish: &TeardownWish,
    found: &TeardownFound,
) -> Result<TeardownPlan, ProvisioningError> {
    let mut plan = TeardownPlan {
        wish: wish.clone(),
        steps: Vec::new(),
        kept: Vec::new(),
        warnings: Vec::new(),
    };
    // Every refusal comes before the first step, so that an error leaves everything as it was.
    check_unused(wish, &found.others)?;
    plan.add_switch(found)?;
    // The group only after the switch: what WorkMail logged in between would be lost with it.
    if wish.deletes_group {
        plan.add_group(found)?;
    }
    if wish.deletes_role {
        plan.add_role(found.role.as_ref())?;
    }
    if wish.deletes_own_role {
        match found.has_own_role {
            true => plan.steps.push(TeardownStep::DeleteOwnRole),
            false => plan.kept.push(format!("there is no role {SERVICE_LINKED_ROLE}")),
        }
    }
    Ok(plan)
}

/// Fails if another organization uses the group or the roles to be deleted.
fn check_unused(wish: &TeardownWish, others: &[LogUser]) -> Result<(), ProvisioningError> {
    let scope = &wish.scope;
    let users = |is_user: &dyn Fn(&LogUser) -> bool| {
        let users = others.iter().filter(|it| is_user(it));
        let names: Vec<String> = users.map(|it| format!("{} in {}", it.name, it.region)).collect();
        names.join(", ")
    };
    let group = scope.log_group_arn();
    let in_use = |what: String, by: String| match by.is_empty() {
        true => Ok(()),
        false => Err(ProvisioningError::InUse { what, by }),
    };
    if wish.deletes_group {
        let by = users(&|it| group_of(&it.monitoring).is_some_and(|it| it == group));
        in_use(format!("log group {}", scope.log_group), by)?;
    }
    if wish.deletes_role {
        let by = users(&|it| role_of(&it.monitoring) == scope.role);
        in_use(format!("role {}", scope.role), by)?;
    }
    if wish.deletes_own_role {
        let by = users(&|it| role_of(&it.monitoring) == SERVICE_LINKED_ROLE);
        in_use(format!("role {SERVICE_LINKED_ROLE}"), by)?;
    }
    Ok(())
}

/// The role's name. Without one, WorkMail uses its service-linked role.
fn role_of(monitoring: &Monitoring) -> String {
    let named = monitoring.role_arn.as_deref().and_then(name_of);
    named.unwrap_or_else(|| SERVICE_LINKED_ROLE.to_owned())
}

impl TeardownPlan {
    fn add_switch(&mut self, found: &TeardownFound) -> Result<(), ProvisioningError> {
        let scope = &self.wish.scope;
        let Some(monitoring) = &found.monitoring else {
            if !scope.organization.is_empty() {
                self.kept.push(format!("{} logs no events", scope.organization));
            }
            return Ok(());
        };
        let is_group = group_of(monitoring).is_some_and(|it| it == scope.log_group_arn());
        // A group that was not named is only the default, and need not be the one that is logged
        // to.
        let needs_group = self.wish.deletes_group || self.wish.is_group_named;
        let is_role = role_of(monitoring) == scope.role;
        if (needs_group && !is_group) || (self.wish.deletes_role && !is_role) {
            let found = in_words(monitoring);
            let organization = scope.organization.clone();
            return Err(ProvisioningError::OtherTarget { organization, found });
        }
        self.steps.push(TeardownStep::SwitchOff);
        Ok(())
    }

    fn add_group(&mut self, found: &TeardownFound) -> Result<(), ProvisioningError> {
        let scope = &self.wish.scope;
        let name = &scope.log_group;
        let Some(group) = &found.group else {
            self.kept.push(format!("there is no log group {name}"));
            return Ok(());
        };
        if group.is_deletion_protected {
            let command = [
                "logs",
                "put-log-group-deletion-protection",
                "--region",
                &scope.region,
                "--log-group-identifier",
                name,
                "--no-deletion-protection-enabled",
            ];
            let command = shell_command(&command.map(str::to_owned));
            return Err(ProvisioningError::Protected { group: name.clone(), command });
        }
        if group.is_masked {
            self.warnings.push(format!("a data protection policy masks parts of the events of {name}: the store has them masked, and the originals go with the group"));
        }
        if group.metric_filter_count > 0 {
            self.warnings.push(format!(
                "{} metrics are counted from the events of {name}: their filters go with the group",
                group.metric_filter_count
            ));
        }
        match &found.subscriptions {
            Some(Ok(subscriptions)) => {
                self.warnings.extend(subscriptions.iter().map(|it| {
                    format!(
                        "the events of {name} are forwarded to {}: that subscription ({}) goes with the group",
                        it.destination, it.name
                    )
                }));
            }
            Some(Err(error)) => self
                .warnings
                .push(format!("cannot tell whether the events of {name} are forwarded: {error}")),
            None => {}
        }
        // In this order: the group is deleted only after its events are in the store and the
        // store is verified.
        self.steps.extend([TeardownStep::Pull, TeardownStep::Verify, TeardownStep::DeleteGroup]);
        Ok(())
    }

    fn add_role(&mut self, role: Option<&DoomedRole>) -> Result<(), ProvisioningError> {
        let name = &self.wish.scope.role;
        let Some(role) = role else {
            self.kept.push(format!("there is no role {name}"));
            return Ok(());
        };
        let problems = match &role.trust {
            Ok(trust) => others_trusted(trust),
            Err(error) => vec![format!("its trust policy cannot be read ({error})")],
        };
        if !problems.is_empty() {
            let problems = problems.join("; ");
            return Err(ProvisioningError::ForeignRole { role: name.clone(), problems });
        }
        // IAM refuses to delete a role that still has policies.
        self.steps.extend(role.attached.iter().cloned().map(TeardownStep::DetachPolicy));
        self.steps.extend(role.policies.iter().cloned().map(TeardownStep::DeletePolicy));
        self.steps.push(TeardownStep::DeleteRole);
        Ok(())
    }
}

impl Services {
    /// Reads the state before a teardown.
    pub async fn look_before_teardown(
        &self,
        wish: &TeardownWish,
    ) -> Result<TeardownFound, ProvisioningError> {
        let scope = &wish.scope;
        let mut found = TeardownFound::default();
        if !scope.organization.is_empty() {
            found.monitoring = self.monitoring(&scope.organization).await?;
        }
        found.others = self.others(wish).await?;
        if wish.deletes_group {
            found.group = self.log_group(&scope.log_group).await?;
            // Subscriptions are only for a warning, so a missing permission must not stop the
            // teardown.
            if found.group.is_some() {
                found.subscriptions = Some(self.subscriptions(&scope.log_group).await);
            }
        }
        if wish.deletes_role
            && let Some((_, trust)) = self.trust_of(&scope.role).await?
        {
            let policies = self.policy_names(&scope.role).await?;
            let attached = self.attached_to(&scope.role).await?;
            found.role = Some(DoomedRole { trust, policies, attached });
        }
        if wish.deletes_own_role {
            found.has_own_role = self.trust_of(SERVICE_LINKED_ROLE).await?.is_some();
        }
        Ok(found)
    }

    /// Checks again that nobody else uses what is about to be deleted.
    pub async fn check_unused(&self, wish: &TeardownWish) -> Result<(), ProvisioningError> {
        check_unused(wish, &self.others(wish).await?)
    }

    async fn subscriptions(&self, group: &str) -> Result<Vec<Subscription>, String> {
        let page = async |token| self.logs.subscriptions(group, token).await;
        let retrier = Retrier::first(&self.limiter);
        let listed = retrier.pages("subscriptions", limits::DESCRIBE_PAGES_MAX, page).await;
        listed.map_err(|it| it.into_error().to_string())
    }

    /// The other organizations that log, as far as they could use what is deleted. Roles belong
    /// to all regions, groups to one.
    async fn others(&self, wish: &TeardownWish) -> Result<Vec<LogUser>, ProvisioningError> {
        let mut users = Vec::new();
        let here = self.session.region();
        let mut regions = Vec::new();
        if wish.deletes_group || wish.deletes_role || wish.deletes_own_role {
            regions.push(here);
        }
        if wish.deletes_role || wish.deletes_own_role {
            regions.extend(WORKMAIL_REGIONS.into_iter().filter(|it| *it != here));
        }
        for region in regions {
            match self.users_in(region, &wish.scope.organization).await {
                Ok(found) => users.extend(found),
                // Without WorkMail nobody can use anything, unless the listing just found
                // somebody.
                Err(cause) if has_ended(wish.now) && !cause.is_cut_listing() => {}
                Err(cause) => {
                    return Err(ProvisioningError::UnknownUsers { cause: Box::new(cause) });
                }
            }
        }
        Ok(users)
    }

    async fn users_in(&self, region: &str, ours: &str) -> Result<Vec<LogUser>, ProvisioningError> {
        let workmail = WorkMailClient::new(&self.session.in_region(region));
        let mut users = Vec::new();
        for it in self.organizations_of(&workmail).await? {
            // Organizations that are being made or deleted cannot log.
            let is_idle = ["Requested", "Creating", "Deleting", "Deleted"]
                .iter()
                .any(|state| it.state.eq_ignore_ascii_case(state));
            if it.id == ours || is_idle {
                continue;
            }
            let found = self.call(async || workmail.monitoring(&it.id).await).await;
            if let Some(monitoring) = found.map_err(crate::aws::Failure::into_error)? {
                let name = if it.alias.is_empty() { it.id } else { it.alias };
                users.push(LogUser { name, region: region.to_owned(), monitoring });
            }
        }
        Ok(users)
    }
}

#[cfg(test)]
#[path = "teardown_tests.rs"]
mod tests;
