//! IAM: roles, their inline policies and their attached ones.

use aws_sdk_iam::Client;

use crate::aws::failure::{self, text};
use crate::aws::{AwsError, Call, Failure, Service, Session};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IamRole {
    pub name: String,
    pub arn: String,
    /// The trust policy, as JSON.
    pub trust_policy: String,
}

/// A policy attached to a role, which others may share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachedPolicy {
    pub name: String,
    pub arn: String,
}

/// The progress of a service-linked role's deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    InProgress,
    Succeeded,
    /// The role stays.
    Failed {
        /// The reason in the service's words, with what still uses the role.
        reason: String,
    },
}

/// Calls IAM. Every method is one request.
#[derive(Clone, Debug)]
pub struct IamClient {
    client: Client,
    /// The endpoint, if it is not the service's own; IAM has no regions.
    place: String,
}

impl IamClient {
    /// Makes a client with the session's identity.
    pub fn new(session: &Session) -> Self {
        let place =
            session.endpoint_url(Service::Iam).map_or_else(String::new, |url| format!(" at {url}"));
        Self { client: Client::new(&session.config), place }
    }

    fn call(&self, permission: &'static str, role: &str) -> Call {
        Call::new(permission, format!("role {role}{}", self.place))
    }

    /// A role by name; `None` if there is none.
    pub async fn role(&self, name: &str) -> Result<Option<IamRole>, Failure> {
        let call = self.call("iam:GetRole", name);
        let answer = self.client.get_role().role_name(name).send().await;
        let role = match answer.map_err(|error| failure::failure(&error, &call)) {
            Ok(answer) => answer.role,
            Err(Failure::Permanent(AwsError::NotFound { .. })) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        Ok(role.map(|it| IamRole {
            name: it.role_name,
            arn: it.arn,
            trust_policy: decoded(it.assume_role_policy_document.as_deref().unwrap_or("")),
        }))
    }

    /// A page of the names of a role's inline policies, and the marker of the next.
    pub async fn role_policies(
        &self,
        role: &str,
        marker: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), Failure> {
        let call = self.call("iam:ListRolePolicies", role);
        let request = self.client.list_role_policies().role_name(role).set_marker(marker);
        let answer = request.send().await.map_err(|error| failure::failure(&error, &call))?;
        Ok((answer.policy_names, answer.marker.filter(|_| answer.is_truncated)))
    }

    /// An inline policy of a role, as JSON.
    pub async fn role_policy(&self, role: &str, policy: &str) -> Result<String, Failure> {
        let call = self.call("iam:GetRolePolicy", role);
        let request = self.client.get_role_policy().role_name(role).policy_name(policy);
        let answer = request.send().await.map_err(|error| failure::failure(&error, &call))?;
        Ok(decoded(&answer.policy_document))
    }

    /// Makes a role with a trust policy.
    pub async fn create_role(
        &self,
        name: &str,
        trust_policy: &str,
        description: &str,
    ) -> Result<(), Failure> {
        let call = self.call("iam:CreateRole", name);
        let request = self.client.create_role().role_name(name).description(description);
        let answer = request.assume_role_policy_document(trust_policy).send().await;
        answer.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// Replaces a role's trust policy.
    pub async fn set_trust_policy(&self, role: &str, trust_policy: &str) -> Result<(), Failure> {
        let call = self.call("iam:UpdateAssumeRolePolicy", role);
        let request = self.client.update_assume_role_policy().role_name(role);
        let answer = request.policy_document(trust_policy).send().await;
        answer.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// Writes an inline policy of a role, over one of the same name.
    pub async fn put_role_policy(
        &self,
        role: &str,
        policy: &str,
        document: &str,
    ) -> Result<(), Failure> {
        let call = self.call("iam:PutRolePolicy", role);
        let request = self.client.put_role_policy().role_name(role).policy_name(policy);
        let answer = request.policy_document(document).send().await;
        answer.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// A page of a role's attached policies, and the marker of the next.
    pub async fn attached_policies(
        &self,
        role: &str,
        marker: Option<String>,
    ) -> Result<(Vec<AttachedPolicy>, Option<String>), Failure> {
        let call = self.call("iam:ListAttachedRolePolicies", role);
        let request = self.client.list_attached_role_policies().role_name(role).set_marker(marker);
        let answer = request.send().await.map_err(|error| failure::failure(&error, &call))?;
        let policies = answer.attached_policies.into_iter().flatten().filter_map(|it| {
            Some(AttachedPolicy { name: text(it.policy_name), arn: it.policy_arn? })
        });
        Ok((policies.collect(), answer.marker.filter(|_| answer.is_truncated)))
    }

    /// The default version of a managed policy.
    pub async fn policy_version(&self, arn: &str) -> Result<String, Failure> {
        let call = Call::new("iam:GetPolicy", format!("policy {arn}{}", self.place));
        let answer = self.client.get_policy().policy_arn(arn).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let version = answer.policy.and_then(|it| it.default_version_id);
        version.ok_or_else(|| incomprehensible(&call, "a policy without a default version"))
    }

    /// A version of a managed policy, as JSON.
    pub async fn policy_document(&self, arn: &str, version: &str) -> Result<String, Failure> {
        let call = Call::new("iam:GetPolicyVersion", format!("policy {arn}{}", self.place));
        let request = self.client.get_policy_version().policy_arn(arn).version_id(version);
        let answer = request.send().await.map_err(|error| failure::failure(&error, &call))?;
        let document = answer.policy_version.and_then(|it| it.document);
        let document =
            document.ok_or_else(|| incomprehensible(&call, "a version without a document"))?;
        Ok(decoded(&document))
    }

    /// Deletes an inline policy of a role. A missing one is not an error.
    pub async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<(), Failure> {
        let call = self.call("iam:DeleteRolePolicy", role);
        let request = self.client.delete_role_policy().role_name(role).policy_name(policy);
        let answer = request.send().await.map(|_| ());
        failure::unless_gone(answer.map_err(|error| failure::failure(&error, &call)))
    }

    /// Detaches a managed policy from a role. A missing one is not an error.
    pub async fn detach_role_policy(&self, role: &str, policy_arn: &str) -> Result<(), Failure> {
        let call = self.call("iam:DetachRolePolicy", role);
        let request = self.client.detach_role_policy().role_name(role).policy_arn(policy_arn);
        let answer = request.send().await.map(|_| ());
        failure::unless_gone(answer.map_err(|error| failure::failure(&error, &call)))
    }

    /// Deletes a role without policies. A missing one is not an error.
    pub async fn delete_role(&self, name: &str) -> Result<(), Failure> {
        let call = self.call("iam:DeleteRole", name);
        let answer = self.client.delete_role().role_name(name).send().await.map(|_| ());
        failure::unless_gone(answer.map_err(|error| failure::failure(&error, &call)))
    }

    /// Begins to delete a service-linked role. Returns the task to ask for; `None` if there is no
    /// such role.
    pub async fn delete_service_linked_role(&self, name: &str) -> Result<Option<String>, Failure> {
        let call = self.call("iam:DeleteServiceLinkedRole", name);
        let answer = self.client.delete_service_linked_role().role_name(name).send().await;
        match answer.map_err(|error| failure::failure(&error, &call)) {
            Ok(answer) => Ok(Some(answer.deletion_task_id)),
            Err(Failure::Permanent(AwsError::NotFound { .. })) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// The progress of such a deletion.
    pub async fn deletion(&self, name: &str, task: &str) -> Result<Deletion, Failure> {
        let call = self.call("iam:GetServiceLinkedRoleDeletionStatus", name);
        let request = self.client.get_service_linked_role_deletion_status();
        let answer = request.deletion_task_id(task).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        Ok(match answer.status.as_str() {
            "SUCCEEDED" => Deletion::Succeeded,
            "FAILED" => {
                let mut words = Vec::new();
                for usage in answer.reason.iter().flat_map(|it| it.role_usage_list()) {
                    let region = usage.region().unwrap_or("an unnamed region");
                    words.push(format!("in {region}: {}", usage.resources().join(", ")));
                }
                let reason = answer.reason.as_ref().and_then(|it| it.reason());
                words.insert(0, reason.unwrap_or("no reason given").to_owned());
                Deletion::Failed { reason: words.join("; ") }
            }
            _ => Deletion::InProgress,
        })
    }
}

fn incomprehensible(call: &Call, detail: &str) -> Failure {
    let error = AwsError::Incomprehensible { call: call.to_string(), detail: detail.to_owned() };
    Failure::Permanent(error)
}

/// Decodes the percent-encoding in which IAM returns policies (API reference, `GetRolePolicy`).
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_comes_percent_encoded() {
        assert_eq!(decoded("%7B%22a%22%3A%20%22b%2Bc%22%7D"), r#"{"a": "b+c"}"#);
        assert_eq!(decoded("{\"plain\": \"100%\"}%"), "{\"plain\": \"100%\"}%");
        assert_eq!(decoded("%c3%BC%zz"), "ü%zz");
    }
}
