//! The role that events are logged as.

use super::{Examination, is_denied, name_of};
use crate::provisioning::check::Check;
use crate::provisioning::judge;
use crate::provisioning::lint::Given;
use crate::provisioning::policy::Policy;
use crate::provisioning::scope::{SERVICE_LINKED_ROLE, Scope};

impl Examination<'_> {
    /// Examines the role with this ARN or name.
    pub(super) async fn role(&mut self, role_arn: &str) {
        const NAME: &str = "role";
        let Some(name) = name_of(role_arn) else { return };
        let found = self.services.trust_of(&name).await;
        let is_own = name == SERVICE_LINKED_ROLE;
        let (arn, trust) = match found {
            Ok(Some(found)) => found,
            Ok(None) => {
                let found = format!("there is no role {name}, so no event can be logged with it");
                let check = Check::failed(NAME, found);
                self.checks.push(match (&self.organization, is_own) {
                    (Some(it), false) => check.command(format!(
                        "mailtrace setup --organization {} --region {} --role-name {name}",
                        it.id,
                        self.region()
                    )),
                    (Some(it), true) => check.command(format!(
                        "mailtrace setup --organization {} --region {} --default-role --force",
                        it.id,
                        self.region()
                    )),
                    (None, _) => check,
                });
                return;
            }
            Err(error) => {
                let check = self.unknown(NAME, &error);
                self.checks.push(check);
                return;
            }
        };
        // Its policies are AWS's and cannot be changed, so there is nothing to review.
        if is_own {
            let found = format!("{name} exists: WorkMail's own role, with policies managed by AWS");
            self.checks.push(Check::ok(NAME, found));
            return;
        }
        self.checks.push(Check::ok(NAME, format!("{arn} exists")));
        let scope = self.scope(&name, trust.as_ref().ok());
        self.checks.push(judge::trust(&trust, &scope));
        let check = self.permissions(&name, &scope).await;
        self.checks.push(check);
        self.checks.push(judge::role_name(&name));
    }

    /// The role's intended scope; gaps are filled from its trust policy.
    fn scope(&self, role: &str, trust: Option<&Policy>) -> Scope {
        let given = Given {
            organization: self.organization.as_ref().map(|it| it.id.clone()),
            region: Some(self.region().to_owned()),
            account: self.account.clone(),
            log_group: self.log_group(),
            role: Some(role.to_owned()),
        };
        given.completed(trust, None)
    }

    async fn permissions(&self, role: &str, scope: &Scope) -> Check {
        let (mut policies, mut unread) = (Vec::new(), Vec::new());
        match self.services.policies_within(role).await {
            Ok(within) => policies.extend(within),
            Err(error) => unread.push(error),
        }
        match self.services.attached_to(role).await {
            Ok(attached) => {
                for policy in attached {
                    match self.services.document_of(&policy).await {
                        Ok(read) => policies.push(read),
                        Err(error) => unread.push(error),
                    }
                }
            }
            Err(error) => unread.push(error),
        }
        let texts: Vec<String> = unread.iter().map(ToString::to_string).collect();
        let check = judge::permissions(&policies, &texts, scope);
        match unread.iter().any(is_denied) {
            true => check.command(self.policy_command()),
            false => check,
        }
    }
}
