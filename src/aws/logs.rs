//! CloudWatch Logs: groups, streams, and pages of events.

use aws_sdk_cloudwatchlogs::Client;

use super::error::{Call, Failure};
use super::failure;
use super::session::{Service, Session};
use crate::limits;

/// A log group, as far as known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogGroup {
    pub name: String,
    /// Its ARN without the trailing `:*`: account, region and name in one.
    pub arn: String,
    /// When it was created, in milliseconds since 1970.
    pub created_ms: Option<i64>,
    /// Days after which events are deleted; `None` for never.
    pub retention_days: Option<u32>,
    /// Bytes stored, by the service's own count, which lags.
    pub stored_bytes: Option<u64>,
    /// The ARN of the KMS key that new events are encrypted with; `None` for CloudWatch's own.
    pub kms_key: Option<String>,
    /// True if a data protection policy may mask parts of messages.
    pub is_masked: bool,
    /// True if it cannot be deleted before its protection is removed.
    pub is_deletion_protected: bool,
    /// The number of metric filters on it.
    pub metric_filter_count: u32,
}

/// A log stream, as far as it shows whether something has arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogStream {
    pub name: String,
    /// When the last event was ingested, in milliseconds since 1970. Lags.
    pub last_ingestion_ms: Option<i64>,
}

/// One event as CloudWatch returned it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEvent {
    pub log_stream: Option<String>,
    /// The service's ID of the event.
    pub event_id: Option<String>,
    /// When it happened, in milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    /// When it was ingested, in milliseconds since 1970.
    pub ingestion_ms: Option<i64>,
    pub message: Option<String>,
}

/// One page of a listing of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events; may be empty although more follow.
    pub events: Vec<LogEvent>,
    /// The token of the next page; `None` at the end.
    pub next_token: Option<String>,
}

/// A listing of the events of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    pub first_ms: i64,
    /// The last millisecond, inclusive.
    pub last_ms: i64,
    /// The streams to list, at most [`limits::FILTER_STREAMS_MAX`]; empty for all.
    pub log_streams: Vec<String>,
}

/// Calls CloudWatch Logs. Every method is one request.
#[derive(Clone, Debug)]
pub struct LogsClient {
    pub(crate) client: Client,
    /// The region, and the endpoint where it is not the service's own.
    pub(crate) place: String,
}

impl LogsClient {
    /// Calls as the session's identity, in its region.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(&session.config), place: session.place(Service::Logs) }
    }

    pub(crate) fn call(&self, permission: &'static str, group: &str) -> Call {
        Call::new(permission, format!("log group {group} in {}", self.place))
    }

    /// Fetches one page of the events of a group, in order of time.
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
            // Documented as inclusive; one millisecond more guards against an exclusive end.
            .end_time(query.last_ms.saturating_add(1).max(0))
            .set_log_stream_names(streams)
            .set_next_token(token)
            .send()
            .await
            .map_err(|error| failure::failure(&error, &self.call("logs:FilterLogEvents", group)))?;
        let events = answer.events.into_iter().flatten().map(|it| LogEvent {
            log_stream: it.log_stream_name,
            event_id: it.event_id,
            timestamp_ms: it.timestamp,
            ingestion_ms: it.ingestion_time,
            message: it.message,
        });
        Ok(EventPage { events: events.collect(), next_token: answer.next_token })
    }

    /// Fetches one page of the groups whose names begin with `prefix`, in order of their names, and
    /// the token of the next.
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
        let groups = answer.log_groups.into_iter().flatten().filter_map(|it| {
            // `arn` ends in `:*`, `logGroupArn` does not.
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

    /// Fetches one page of the streams of a group, and the token of the next.
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
        let streams = answer.log_streams.into_iter().flatten().filter_map(|it| {
            Some(LogStream { name: it.log_stream_name?, last_ingestion_ms: it.last_ingestion_time })
        });
        Ok((streams.collect(), answer.next_token))
    }
}
