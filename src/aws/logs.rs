//! CloudWatch Logs: groups, streams, and pages of events.

use aws_sdk_cloudwatchlogs::Client;

use super::error::{AwsError, Call, Failure};
use super::failure;
use super::session::{Service, Session};
use crate::limits;

/// A log group, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// Its ARN without the trailing `:*`: account, region and name in one.
    pub arn: String,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: Option<i64>,
    /// Days after which events are deleted; `None` when they never are.
    pub retention_days: Option<u32>,
    /// Bytes stored, by the service's own count, which lags behind.
    pub stored_bytes: Option<u64>,
    /// The ARN of the KMS key that new events are encrypted with; `None` for CloudWatch's own.
    pub kms_key: Option<String>,
    /// Whether a data protection policy may mask parts of messages.
    pub is_masked: bool,
    /// Whether it cannot be deleted before its protection is taken off.
    pub is_deletion_protected: bool,
    /// How many metrics are counted from its events.
    pub metric_filter_count: u32,
}

/// Somewhere that a group's events are sent on to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The name of the filter.
    pub name: String,
    /// The ARN of where they go.
    pub destination: String,
}

/// A log stream, as far as it tells whether something has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    /// Its name.
    pub name: String,
    /// When the last event was taken in, in milliseconds since 1970. Lags behind.
    pub last_ingestion_ms: Option<i64>,
}

/// One event as CloudWatch gave it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEvent {
    /// The stream that it is in.
    pub log_stream: Option<String>,
    /// The service's ID of it.
    pub event_id: Option<String>,
    /// When it happened, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// When it was taken in, in milliseconds since 1970.
    pub ingestion_ms: Option<i64>,
    /// The message.
    pub message: Option<String>,
}

/// One answer of a listing of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events, none perhaps although more follow.
    pub events: Vec<LogEvent>,
    /// What to ask with for the next page; `None` at the end.
    pub next_token: Option<String>,
}

/// A listing of the events of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// The first millisecond.
    pub first_ms: i64,
    /// The last millisecond, itself inside.
    pub last_ms: i64,
    /// The streams to look at, at most [`limits::FILTER_STREAMS_MAX`]; empty for all.
    pub log_streams: Vec<String>,
}

/// Calls CloudWatch Logs. Every method is one request.
#[derive(Clone, Debug)]
pub struct LogsClient {
    pub(super) client: Client,
    /// The region, and the endpoint where it is not the service's own.
    pub(super) place: String,
}

impl LogsClient {
    /// Calls as the session's identity, in its region.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(&session.config), place: session.place(Service::Logs) }
    }

    fn call(&self, permission: &'static str, group: &str) -> Call {
        Call::new(permission, format!("log group {group} in {}", self.place))
    }

    /// One page of the events of a group, in order of their times.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn events(
        &self,
        group: &str,
        query: &EventQuery,
        token: Option<String>,
    ) -> Result<EventPage, Failure> {
        let streams = (!query.log_streams.is_empty()).then(|| query.log_streams.clone());
        let answer = self
            .client
            .filter_log_events()
            .log_group_name(group)
            .start_time(query.first_ms.max(0))
            // Documented as inclusive; a millisecond more costs nothing if it were not.
            .end_time(query.last_ms.saturating_add(1).max(0))
            .set_log_stream_names(streams)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure::failure(&error, &self.call("logs:FilterLogEvents", group)))?;
        let events = answer.events.unwrap_or_default().into_iter().map(|it| LogEvent {
            log_stream: it.log_stream_name,
            event_id: it.event_id,
            timestamp_ms: it.timestamp,
            ingestion_ms: it.ingestion_time,
            message: it.message,
        });
        Ok(EventPage { events: events.collect(), next_token: answer.next_token })
    }

    /// One page of the groups whose names begin with `prefix`, in order of their names, and the
    /// token of the next.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn groups(
        &self,
        prefix: &str,
        token: Option<String>,
    ) -> Result<(Vec<LogGroup>, Option<String>), Failure> {
        let call = if prefix.is_empty() {
            Call::new("logs:DescribeLogGroups", format!("log groups in {}", self.place))
        } else {
            self.call("logs:DescribeLogGroups", prefix)
        };
        let answer = self
            .client
            .describe_log_groups()
            .set_log_group_name_prefix((!prefix.is_empty()).then(|| prefix.to_owned()))
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure::failure(&error, &call))?;
        let groups = answer.log_groups.unwrap_or_default().into_iter().filter_map(|it| {
            let arn = it.arn.or(it.log_group_arn)?;
            Some(LogGroup {
                name: it.log_group_name?,
                arn: arn.strip_suffix(":*").unwrap_or(&arn).to_owned(),
                created_ms: it.creation_time,
                retention_days: it.retention_in_days.and_then(|it| u32::try_from(it).ok()),
                stored_bytes: it.stored_bytes.and_then(|it| u64::try_from(it).ok()),
                kms_key: it.kms_key_id,
                is_masked: it.data_protection_status.is_some_and(|it| it.as_str() == "ACTIVATED"),
                is_deletion_protected: it.deletion_protection_enabled == Some(true),
                metric_filter_count: it
                    .metric_filter_count
                    .and_then(|it| u32::try_from(it).ok())
                    .unwrap_or(0),
            })
        });
        Ok((groups.collect(), answer.next_token))
    }

    /// One page of the streams of a group, and the token of the next.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn streams(
        &self,
        group: &str,
        token: Option<String>,
    ) -> Result<(Vec<LogStream>, Option<String>), Failure> {
        let call = self.call("logs:DescribeLogStreams", group);
        let answer = self
            .client
            .describe_log_streams()
            .log_group_name(group)
            .limit(limits::DESCRIBE_STREAMS_PAGE)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure::failure(&error, &call))?;
        let streams = answer.log_streams.unwrap_or_default().into_iter().filter_map(|it| {
            Some(LogStream { name: it.log_stream_name?, last_ingestion_ms: it.last_ingestion_time })
        });
        Ok((streams.collect(), answer.next_token))
    }

    /// One page of where the events of a group are sent on to, and the token of the next.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn subscriptions(
        &self,
        group: &str,
        token: Option<String>,
    ) -> Result<(Vec<Subscription>, Option<String>), Failure> {
        let call = self.call("logs:DescribeSubscriptionFilters", group);
        let request = self.client.describe_subscription_filters().log_group_name(group);
        let answer = request.set_next_token(token).send().await;
        let answer = answer.map_err(|error| failure::failure(&error, &call))?;
        let filters = answer.subscription_filters.unwrap_or_default().into_iter();
        let subscriptions = filters.map(|it| Subscription {
            name: it.filter_name.unwrap_or_default(),
            destination: it.destination_arn.unwrap_or_default(),
        });
        Ok((subscriptions.collect(), answer.next_token))
    }

    /// Deletes a group with everything in it. That there is none is no failure.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn delete_group(&self, group: &str) -> Result<(), Failure> {
        let call = self.call("logs:DeleteLogGroup", group);
        let answer = self.client.delete_log_group().log_group_name(group).send().await;
        failure::unless_gone(answer.map(|_| ()).map_err(|error| failure::failure(&error, &call)))
    }

    /// Makes a group that is encrypted with this key, or with CloudWatch's own. That it is there
    /// already is no failure.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn create_group(&self, group: &str, kms_key: Option<&str>) -> Result<(), Failure> {
        let call = self.call("logs:CreateLogGroup", group);
        let request = self.client.create_log_group().log_group_name(group);
        let answer = request.set_kms_key_id(kms_key.map(str::to_owned)).send().await;
        match answer.map_err(|error| failure::failure(&error, &call)) {
            Ok(_) | Err(Failure::Permanent(AwsError::AlreadyExists { .. })) => Ok(()),
            // Here this is how many groups an account may have, which no pause changes.
            Err(Failure::Throttled(AwsError::Service { call, code, detail }))
                if code == "LimitExceededException" =>
            {
                Err(Failure::Permanent(AwsError::Service { call, code, detail }))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Sets for how many days a group keeps events; `None` for ever.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn set_retention(&self, group: &str, days: Option<u32>) -> Result<(), Failure> {
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

    /// Encrypts what comes into a group from now on with a key of KMS.
    ///
    /// # Errors
    ///
    /// How the call failed.
    pub async fn encrypt_group(&self, group: &str, kms_key: &str) -> Result<(), Failure> {
        let call = self.call("logs:AssociateKmsKey", group);
        let request = self.client.associate_kms_key().log_group_name(group).kms_key_id(kms_key);
        request.send().await.map(|_| ()).map_err(|error| failure::failure(&error, &call))
    }
}
