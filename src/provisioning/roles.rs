//! Existing roles and their permissions.

use super::ProvisioningError;
use super::clients::AttachedPolicy;
use super::policy::{Policy, PolicyError};
use super::scope::Scope;
use super::services::Services;
use crate::aws::{Failure, Retrier};
use crate::limits;

#[derive(Clone, Debug)]
pub struct FoundRole {
    pub arn: String,
    pub trust: Result<Policy, PolicyError>,
    /// Its inline policies, by name. Attached ones are not among them.
    pub policies: Vec<NamedPolicy>,
}

/// The name of a policy, and the policy if it can be read.
pub type NamedPolicy = (String, Result<Policy, PolicyError>);

impl Services {
    /// The scope's role with its inline policies; `None` if there is none.
    pub async fn role(&self, scope: &Scope) -> Result<Option<FoundRole>, ProvisioningError> {
        let Some((arn, trust)) = self.trust_of(&scope.role).await? else { return Ok(None) };
        let policies = self.policies_within(&scope.role).await?;
        Ok(Some(FoundRole { arn, trust, policies }))
    }

    /// A role's ARN and trust policy; `None` if there is none.
    pub(super) async fn trust_of(
        &self,
        role: &str,
    ) -> Result<Option<(String, Result<Policy, PolicyError>)>, ProvisioningError> {
        let found = self.call(async || self.iam.role(role).await).await;
        let found = found.map_err(Failure::into_error)?;
        Ok(found.map(|it| (it.arn, Policy::parse(&it.trust_policy))))
    }

    /// The names of a role's inline policies.
    pub(super) async fn policy_names(&self, role: &str) -> Result<Vec<String>, ProvisioningError> {
        let page = async |marker| self.iam.role_policies(role, marker).await;
        let retrier = Retrier::first(&self.limiter);
        let listed = retrier.pages("policies", limits::IDENTITY_PAGES_MAX, page).await;
        Ok(listed.map_err(Failure::into_error)?)
    }

    /// A role's inline policies.
    pub(super) async fn policies_within(
        &self,
        role: &str,
    ) -> Result<Vec<NamedPolicy>, ProvisioningError> {
        let mut policies = Vec::new();
        for policy in self.policy_names(role).await? {
            let document = self.call(async || self.iam.role_policy(role, &policy).await).await;
            policies.push((policy, Policy::parse(&document.map_err(Failure::into_error)?)));
        }
        Ok(policies)
    }

    /// A role's attached policies, which others may share.
    pub(super) async fn attached_to(
        &self,
        role: &str,
    ) -> Result<Vec<AttachedPolicy>, ProvisioningError> {
        let page = async |marker| self.iam.attached_policies(role, marker).await;
        let retrier = Retrier::first(&self.limiter);
        let listed = retrier.pages("policies", limits::IDENTITY_PAGES_MAX, page).await;
        Ok(listed.map_err(Failure::into_error)?)
    }

    /// The document of an attached policy.
    pub(super) async fn document_of(
        &self,
        policy: &AttachedPolicy,
    ) -> Result<NamedPolicy, ProvisioningError> {
        let arn = &policy.arn;
        let version = self.call(async || self.iam.policy_version(arn).await).await;
        let version = version.map_err(Failure::into_error)?;
        let document = self.call(async || self.iam.policy_document(arn, &version).await).await;
        let document = document.map_err(Failure::into_error)?;
        Ok((policy.name.clone(), Policy::parse(&document)))
    }
}
