//! CloudWatch Logs: making, changing and deleting log groups, and their subscribers.

use crate::aws::failure::{self, text};
use crate::aws::{AwsError, Failure, LogsClient};

/// A destination to which a group's events are forwarded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The filter's name.
    pub name: String,
    /// The destination's ARN.
    pub destination: String,
}

impl LogsClient {
    /// A page of a group's subscriptions, and the token of the next.
    pub async fn subscriptions(
        &self,
        group: &str,
        token: Option<String>,
    ) -> Result<(Vec<Subscription>, Option<String>), Failure> {
        let call = self.call("logs:DescribeSubscriptionFilters", group);
        let request = self.client.describe_subscription_filters().log_group_name(group);
        let answer = request.set_next_token(token).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let filters = answer.subscription_filters.into_iter().flatten();
        let subscriptions = filters.map(|it| Subscription {
            name: text(it.filter_name),
            destination: text(it.destination_arn),
        });
        Ok((subscriptions.collect(), answer.next_token))
    }

    /// Deletes a group with everything in it. A missing one is not an error.
    pub async fn delete_group(&self, group: &str) -> Result<(), Failure> {
        let call = self.call("logs:DeleteLogGroup", group);
        let answer = self.client.delete_log_group().log_group_name(group).send().await;
        failure::unless_gone(answer.map(|_| ()).map_err(|error| failure::failure(&error, &call)))
    }

    /// Makes a group that is encrypted with this key, or with CloudWatch's own. An existing one
    /// is not an error.
    pub async fn create_group(&self, group: &str, kms_key: Option<&str>) -> Result<(), Failure> {
        let call = self.call("logs:CreateLogGroup", group);
        let request = self.client.create_log_group().log_group_name(group);
        let answer = request.set_kms_key_id(kms_key.map(str::to_owned)).send().await;
        match answer.map_err(|error| failure::failure(&error, &call)) {
            Ok(_) | Err(Failure::Permanent(AwsError::AlreadyExists { .. })) => Ok(()),
            // In this call the code means the account's quota of groups, which no pause changes.
            Err(Failure::Throttled(AwsError::Service { call, code, detail }))
                if code == "LimitExceededException" =>
            {
                Err(Failure::Permanent(AwsError::Service { call, code, detail }))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Sets how many days a group keeps events; `None` means for ever.
    pub async fn set_retention(&self, group: &str, days: Option<u32>) -> Result<(), Failure> {
        // CloudWatch has no value for "never": the policy is deleted instead.
        let Some(days) = days else {
            let call = self.call("logs:DeleteRetentionPolicy", group);
            let answer = self.client.delete_retention_policy().log_group_name(group).send().await;
            return answer.map(|_| ()).map_err(|error| failure::failure(&error, &call));
        };
        let call = self.call("logs:PutRetentionPolicy", group);
        let request = self.client.put_retention_policy().log_group_name(group);
        let days = i32::try_from(days).unwrap_or(i32::MAX);
        let answer = request.retention_in_days(days).send().await;
        answer.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }

    /// Encrypts the events that arrive from now on with a KMS key.
    pub async fn encrypt_group(&self, group: &str, kms_key: &str) -> Result<(), Failure> {
        let call = self.call("logs:AssociateKmsKey", group);
        let request = self.client.associate_kms_key().log_group_name(group).kms_key_id(kms_key);
        request.send().await.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }
}
