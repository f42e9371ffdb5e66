//! IAM: roles and the policies within them.

use aws_sdk_iam::Client;

use super::error::{self, AwsError, Call, Failure};
use super::session::Session;

/// A role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Who may assume it, and when: a policy as JSON.
    pub trust_policy: String,
}

/// Calls IAM. Every method is one request.
#[derive(Clone, Debug)]
pub struct IamClient {
    client: Client,
    /// The endpoint where it is not the service's own; IAM has no regions.
    place: String,
}

impl IamClient {
    /// Calls as the session's identity.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let place = session.endpoint_url().map(|url| format!(" at {url}")).unwrap_or_default();
        Self { client: Client::new(&session.config), place }
    }

    fn call(&self, permission: &'static str, role: &str) -> Call {
        Call::new(permission, format!("role {role}{}", self.place))
    }

    /// A role by its name; `None` where there is none.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn role(&self, name: &str) -> Result<Option<Role>, Failure> {
        let call = self.call("iam:GetRole", name);
        let answer = self.client.get_role().role_name(name).send().await;
        let role = match answer.map_err(|error| error::failure(&error, &call)) {
            Ok(answer) => answer.role,
            Err(Failure::Permanent(AwsError::NotFound { .. })) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        Ok(role.map(|it| Role {
            name: it.role_name,
            arn: it.arn,
            trust_policy: decoded(it.assume_role_policy_document.as_deref().unwrap_or_default()),
        }))
    }

    /// One page of the names of the policies within a role, and the marker of the next.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn role_policies(
        &self,
        role: &str,
        marker: Option<String>,
    ) -> Result<(Vec<String>, Option<String>), Failure> {
        let call = self.call("iam:ListRolePolicies", role);
        let request = self.client.list_role_policies().role_name(role).set_marker(marker);
        let answer = request.send().await.map_err(|error| error::failure(&error, &call))?;
        Ok((answer.policy_names, answer.marker.filter(|_| answer.is_truncated)))
    }

    /// A policy within a role, as JSON.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn role_policy(&self, role: &str, policy: &str) -> Result<String, Failure> {
        let call = self.call("iam:GetRolePolicy", role);
        let request = self.client.get_role_policy().role_name(role).policy_name(policy);
        let answer = request.send().await.map_err(|error| error::failure(&error, &call))?;
        Ok(decoded(&answer.policy_document))
    }

    /// Makes a role that trusts as `trust_policy` says.
    ///
    /// # Errors
    ///
    /// How the call failed; [`AwsError::AlreadyExists`] where there is one of that name.
    pub async fn create_role(
        &self,
        name: &str,
        trust_policy: &str,
        description: &str,
    ) -> Result<(), Failure> {
        let call = self.call("iam:CreateRole", name);
        let request = self.client.create_role().role_name(name).description(description);
        let answer = request.assume_role_policy_document(trust_policy).send().await;
        answer.map(|_| ()).map_err(|error| error::failure(&error, &call))
    }

    /// Replaces who may assume a role.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn set_trust_policy(&self, role: &str, trust_policy: &str) -> Result<(), Failure> {
        let call = self.call("iam:UpdateAssumeRolePolicy", role);
        let request = self.client.update_assume_role_policy().role_name(role);
        let answer = request.policy_document(trust_policy).send().await;
        answer.map(|_| ()).map_err(|error| error::failure(&error, &call))
    }

    /// Writes a policy within a role, over one of the same name.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn put_role_policy(
        &self,
        role: &str,
        policy: &str,
        document: &str,
    ) -> Result<(), Failure> {
        let call = self.call("iam:PutRolePolicy", role);
        let request = self.client.put_role_policy().role_name(role).policy_name(policy);
        let answer = request.policy_document(document).send().await;
        answer.map(|_| ()).map_err(|error| error::failure(&error, &call))
    }
}

/// Takes the percent-encoding off in which IAM gives policies (API reference, `GetRolePolicy`).
fn decoded(text: &str) -> String {
    let digit = |it: Option<&u8>| it.and_then(|it| char::from(*it).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, behind)) = rest.split_first() {
        let code = match (first, digit(behind.first()), digit(behind.get(1))) {
            (b'%', Some(high), Some(low)) => u8::try_from(high * 16 + low).ok(),
            _ => None,
        };
        decoded.push(code.unwrap_or(*first));
        rest = if code.is_some() { behind.get(2..).unwrap_or_default() } else { behind };
    }
    String::from_utf8_lossy(&decoded).into_owned()
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
