//! Reads the present state, and carries out a plan step by step.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ProvisioningError;
use super::clients::Monitoring;
use super::plan::{
    ROLE_POLICY_NAME, SetupFound, SetupPlan, SetupStep, SetupWish, in_words, is_same,
};
use super::services::Services;
use super::step::{self, ROLE_DESCRIPTION, shell_command};
use crate::aws::{AwsError, Failure};
use crate::limits;

/// Events while a plan is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupEvent<'s> {
    Done(&'s SetupStep),
    /// WorkMail does not accept the role yet, and is asked again.
    WaitsForRole,
    /// The configuration does not read back yet.
    WaitsForReadBack,
}

impl Services {
    pub async fn look(&self, wish: &SetupWish) -> Result<SetupFound, ProvisioningError> {
        let scope = &wish.scope;
        let monitoring = self.monitoring(&scope.organization).await?;
        let group = self.log_group(&scope.log_group).await?;
        let is_group_empty = match &group {
            // Emptiness matters only where a retention may be set.
            Some(group) if group.retention_days.is_none() || wish.retention.is_some() => {
                self.is_empty(&group.name).await?
            }
            _ => false,
        };
        let role = if wish.is_default_role { None } else { self.role(scope).await? };
        Ok(SetupFound { group, is_group_empty, role, monitoring })
    }

    /// The logging configuration of an organization; `None` if logging is off.
    pub async fn monitoring(
        &self,
        organization: &str,
    ) -> Result<Option<Monitoring>, ProvisioningError> {
        let found = self.call(async || self.workmail.monitoring(organization).await).await;
        Ok(found.map_err(Failure::into_error)?)
    }

    /// Takes the steps of a plan, and reports each.
    ///
    /// # Errors
    ///
    /// [`ProvisioningError::Stopped`] at the first step that fails.
    pub async fn carry_out(
        &self,
        plan: &SetupPlan,
        on_event: &mut dyn FnMut(SetupEvent<'_>),
    ) -> Result<(), ProvisioningError> {
        for (index, step) in plan.steps.iter().enumerate() {
            if let Err(cause) = self.take(step, plan, on_event).await {
                let (done, _) = plan.steps.split_at(index);
                return Err(ProvisioningError::Stopped {
                    step: step.title(&plan.scope),
                    cause: Box::new(cause),
                    standing: standing(done, plan),
                });
            }
            on_event(SetupEvent::Done(step));
        }
        Ok(())
    }

    async fn take(
        &self,
        step: &SetupStep,
        plan: &SetupPlan,
        on_event: &mut dyn FnMut(SetupEvent<'_>),
    ) -> Result<(), ProvisioningError> {
        let (group, role) = (plan.scope.log_group.as_str(), plan.scope.role.as_str());
        let taken = match step {
            SetupStep::CreateGroup { kms_key } => {
                self.call(async || self.logs.create_group(group, kms_key.as_deref()).await).await
            }
            SetupStep::SetRetention(retention) => {
                self.call(async || self.logs.set_retention(group, retention.days()).await).await
            }
            SetupStep::EncryptGroup { kms_key } => {
                self.call(async || self.logs.encrypt_group(group, kms_key).await).await
            }
            SetupStep::CreateRole(trust) => {
                let trust = trust.to_json();
                self.call(async || self.iam.create_role(role, &trust, ROLE_DESCRIPTION).await).await
            }
            SetupStep::ReplaceTrust(trust) => {
                let trust = trust.to_json();
                self.call(async || self.iam.set_trust_policy(role, &trust).await).await
            }
            SetupStep::PutRolePolicy(policy) => {
                let policy = policy.to_json();
                let put = async || self.iam.put_role_policy(role, ROLE_POLICY_NAME, &policy).await;
                self.call(put).await
            }
            SetupStep::SwitchOn(monitoring) => {
                let organization = &plan.scope.organization;
                self.switch_on(organization, monitoring, on_event).await?;
                return self.wait_for_read_back(organization, monitoring, on_event).await;
            }
        };
        Ok(taken.map_err(Failure::into_error)?)
    }

    /// Switches logging on. A role may have been made so recently, in this run or the one before,
    /// that WorkMail cannot assume it yet.
    async fn switch_on(
        &self,
        organization: &str,
        monitoring: &Monitoring,
        on_event: &mut dyn FnMut(SetupEvent<'_>),
    ) -> Result<(), ProvisioningError> {
        let mut patience = Patience::of(limits::ROLE_PROPAGATION_SECONDS);
        loop {
            let put = async || self.workmail.put_monitoring(organization, monitoring).await;
            let failure = match self.call(put).await {
                Ok(()) => return Ok(()),
                Err(failure) => failure,
            };
            // Either failure may mean that a new role is not known everywhere yet. WorkMail's own
            // role cannot be the reason.
            let may_be_the_role = monitoring.role_arn.is_some()
                && matches!(
                    failure,
                    Failure::BadParameter(_) | Failure::Permanent(AwsError::NotFound { .. })
                );
            if !may_be_the_role || patience.is_over() {
                return Err(failure.into_error().into());
            }
            if patience.is_fresh() {
                on_event(SetupEvent::WaitsForRole);
            }
            patience.pause().await;
        }
    }

    async fn wait_for_read_back(
        &self,
        organization: &str,
        wanted: &Monitoring,
        on_event: &mut dyn FnMut(SetupEvent<'_>),
    ) -> Result<(), ProvisioningError> {
        let mut patience = Patience::of(limits::READ_BACK_SECONDS);
        loop {
            let found = self.monitoring(organization).await?;
            if found.as_ref().is_some_and(|it| is_same(it, wanted)) {
                return Ok(());
            }
            if patience.is_over() {
                let found = found.as_ref().map_or_else(|| "none".to_owned(), in_words);
                let seconds = limits::READ_BACK_SECONDS;
                return Err(ProvisioningError::NotReadBack { seconds, found });
            }
            if patience.is_fresh() {
                on_event(SetupEvent::WaitsForReadBack);
            }
            patience.pause().await;
        }
    }
}

/// Pauses that double, up to an end.
pub(super) struct Patience {
    until: Instant,
    pause_ms: u64,
}

/// Milliseconds of the first pause.
const FIRST_PAUSE_MS: u64 = 250;

impl Patience {
    pub(super) fn of(seconds: u64) -> Self {
        Self { until: Instant::now() + Duration::from_secs(seconds), pause_ms: FIRST_PAUSE_MS }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until
    }

    /// True before the first pause.
    fn is_fresh(&self) -> bool {
        self.pause_ms == FIRST_PAUSE_MS
    }

    pub(super) async fn pause(&mut self) {
        sleep(Duration::from_millis(self.pause_ms)).await;
        self.pause_ms = (self.pause_ms * 2).min(limits::PROPAGATION_PAUSE_MS_MAX);
    }
}

/// The state after a step failed, and what to do about it.
fn standing(done: &[SetupStep], plan: &SetupPlan) -> String {
    let titles = done.iter().map(|it| it.title(&plan.scope));
    let mut text = step::standing(titles, "done and remains in place");
    // Backwards: a role cannot be deleted before its policy.
    let undo = done.iter().rev().filter_map(|it| it.undo(&plan.scope));
    let undo: Vec<String> = undo.map(|it| shell_command(&it)).collect();
    if !undo.is_empty() {
        text.push_str(&format!(", or undo it with: {}", undo.join(" && ")));
    }
    text
}
