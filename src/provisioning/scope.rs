//! The scope of event logging: one organization, the group it logs to, the role it logs as.

use crate::aws::{LogGroupArn, partition};

/// The service that writes the events, as roles and policies name it (WorkMail administrator
/// guide, "Enabling email event logging").
pub const SERVICE: &str = "events.workmail.amazonaws.com";

/// The role that WorkMail makes for itself (administrator guide, "Using service-linked roles").
pub const SERVICE_LINKED_ROLE: &str = "AWSServiceRoleForAmazonWorkMailEvents";

/// One organization, its log group and its role, in one region of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The region of the organization and the log group.
    pub region: String,
    /// The account's number.
    pub account: String,
    /// The organization's ID.
    pub organization: String,
    /// The log group's name.
    pub log_group: String,
    /// The role's name, without its path.
    pub role: String,
}

impl Scope {
    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self {
            region: "eu-west-1".to_owned(),
            account: "123456789012".to_owned(),
            organization: "m-0123456789abcdef0123456789abcdef".to_owned(),
            log_group: "/acme".to_owned(),
            role: "workmail-acme".to_owned(),
        }
    }

    /// True if the organization is a single one, named by its ID.
    pub(super) fn is_named(&self) -> bool {
        super::names::is_organization_id(&self.organization)
    }

    fn partition(&self) -> &'static str {
        partition(&self.region)
    }

    /// The organization's ARN, which is the source of WorkMail's calls.
    pub fn organization_arn(&self) -> String {
        let Self { region, account, organization, .. } = self;
        let partition = self.partition();
        format!("arn:{partition}:workmail:{region}:{account}:organization/{organization}")
    }

    /// The log group's ARN.
    pub fn log_group_arn(&self) -> LogGroupArn {
        LogGroupArn::new(&self.region, &self.account, &self.log_group)
    }

    /// The role's ARN, if it has no path.
    pub fn role_arn(&self) -> String {
        format!("arn:{}:iam::{}:role/{}", self.partition(), self.account, self.role)
    }

    /// The ARN of WorkMail's own role.
    pub fn service_linked_role_arn(&self) -> String {
        format!(
            "arn:{}:iam::{}:role/aws-service-role/{SERVICE}/{SERVICE_LINKED_ROLE}",
            self.partition(),
            self.account
        )
    }
}
