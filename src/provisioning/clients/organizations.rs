//! WorkMail: organizations, and the logging of their email events.

use crate::aws::failure::{self, text};
use crate::aws::{Call, Failure, WorkMailClient};

/// An organization in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationSummary {
    /// `m-` and 32 hexadecimal digits.
    pub id: String,
    /// The alias, part of its web application's address.
    pub alias: String,
    /// The state, such as `Active` or `Deleted`.
    pub state: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// `m-` and 32 hexadecimal digits.
    pub id: String,
    /// The alias, part of its web application's address.
    pub alias: String,
    /// The state, such as `Active` or `Deleted`.
    pub state: String,
    /// `arn:aws:workmail:REGION:ACCOUNT:organization/ID`, if the service gives it.
    pub arn: Option<String>,
}

/// The logging configuration of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Monitoring {
    /// The log group's ARN, as WorkMail writes it: with `:*` at its end.
    pub log_group_arn: String,
    /// The ARN of the role that WorkMail writes as; `None` for the service-linked one.
    pub role_arn: Option<String>,
}

impl WorkMailClient {
    /// A page of the region's organizations, including deleted ones, and the token of the next.
    pub async fn organizations(
        &self,
        token: Option<String>,
    ) -> Result<(Vec<OrganizationSummary>, Option<String>), Failure> {
        let resource = format!("organizations in {}", self.place);
        let call = Call::new("workmail:ListOrganizations", resource);
        let answer = self.client.list_organizations().set_next_token(token).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let listed = answer.organization_summaries.into_iter().flatten();
        let organizations = listed.filter_map(|it| {
            Some(OrganizationSummary {
                id: it.organization_id?,
                alias: text(it.alias),
                state: text(it.state),
            })
        });
        Ok((organizations.collect(), answer.next_token.filter(|it| !it.is_empty())))
    }

    pub async fn organization(&self, id: &str) -> Result<Organization, Failure> {
        let call = self.call("workmail:DescribeOrganization", id);
        let answer = self.client.describe_organization().organization_id(id).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        Ok(Organization {
            id: answer.organization_id.unwrap_or_else(|| id.to_owned()),
            alias: text(answer.alias),
            state: text(answer.state),
            arn: answer.arn.filter(|it| !it.is_empty()),
        })
    }

    /// The logging configuration of an organization; `None` if logging is off.
    pub async fn monitoring(&self, id: &str) -> Result<Option<Monitoring>, Failure> {
        let call = self.call("workmail:DescribeEmailMonitoringConfiguration", id);
        let request = self.client.describe_email_monitoring_configuration().organization_id(id);
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => {
                // "Nothing is configured" and "there is no such organization" differ only in the
                // code.
                let is_off =
                    error.as_service_error().is_some_and(|it| it.is_resource_not_found_exception());
                return if is_off { Ok(None) } else { Err(failure::failure(&error, &call)) };
            }
        };
        let is_said = |it: &String| !it.is_empty();
        Ok(answer.log_group_arn.filter(is_said).map(|log_group_arn| Monitoring {
            log_group_arn,
            role_arn: answer.role_arn.filter(is_said),
        }))
    }

    /// Switches logging on for an organization.
    ///
    /// # Errors
    ///
    /// [`Failure::BadParameter`] or [`crate::aws::AwsError::NotFound`] also while a new role is
    /// not known everywhere.
    pub async fn put_monitoring(&self, id: &str, monitoring: &Monitoring) -> Result<(), Failure> {
        let call = self.call("workmail:PutEmailMonitoringConfiguration", id);
        let request = self.client.put_email_monitoring_configuration().organization_id(id);
        let request = request.log_group_arn(&monitoring.log_group_arn);
        let answer = request.set_role_arn(monitoring.role_arn.clone()).send().await;
        answer.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// Switches logging off for an organization.
    pub async fn delete_monitoring(&self, id: &str) -> Result<(), Failure> {
        let call = self.call("workmail:DeleteEmailMonitoringConfiguration", id);
        let request = self.client.delete_email_monitoring_configuration().organization_id(id);
        request.send().await.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }
}
