//! DescribeLogGroups, DescribeLogStreams, GetCallerIdentity.

use serde_json::{Value, json};

use super::ACCOUNT;
use super::answer::{Call, limit, text};
use super::errors::AwsError;
use super::tokens::{Place, Tokens};
use super::world::{Event, Group, World};

/// Entries on a page of a list, by default and at most.
const LIST_PAGE: usize = 50;

/// What CloudWatch adds to each event's size.
const EVENT_OVERHEAD_BYTES: u64 = 26;

/// The group that a request names, by name or ARN.
pub(super) fn group<'a>(world: &'a World, parameters: &Value) -> Result<&'a Group, AwsError> {
    let name = text(parameters, "logGroupName")?;
    let name = match (name, text(parameters, "logGroupIdentifier")?) {
        (Some(name), None) => name,
        (None, Some(identifier)) => {
            let arn = identifier.trim_end_matches(":*");
            arn.split_once(":log-group:").map_or(identifier, |(_, name)| name)
        }
        _ => {
            return Err(AwsError::invalid(
                "Exactly one of logGroupName and logGroupIdentifier must be given",
            ));
        }
    };
    let found = world.groups.iter().find(|it| it.name == name);
    found.ok_or_else(|| AwsError::not_found("The specified log group does not exist."))
}

pub(super) fn groups(
    world: &World,
    tokens: &mut Tokens,
    parameters: &Value,
) -> Result<Value, AwsError> {
    let prefix = text(parameters, "logGroupNamePrefix")?;
    let pattern = text(parameters, "logGroupNamePattern")?;
    if prefix.is_some() && pattern.is_some() {
        return Err(AwsError::invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let mut groups: Vec<&Group> = world
        .groups
        .iter()
        .filter(|it| prefix.is_none_or(|prefix| it.name.starts_with(prefix)))
        .filter(|it| pattern.is_none_or(|pattern| it.name.contains(pattern)))
        .collect();
    groups.sort_by(|left, right| left.name.cmp(&right.name));
    let entries: Vec<Value> = groups.into_iter().map(describe_group).collect();
    page(tokens, Call::DescribeLogGroups, parameters, "logGroups", entries)
}

fn describe_group(group: &Group) -> Value {
    let sizes = group.events().iter().map(|it| it.message.len() as u64 + EVENT_OVERHEAD_BYTES);
    let mut entry = json!({
        "arn": format!("{}:*", group.arn()),
        "creationTime": group.creation_ms,
        "logGroupArn": group.arn(),
        "logGroupClass": "STANDARD",
        "logGroupName": group.name,
        "metricFilterCount": 0,
        "storedBytes": group.stored_bytes.unwrap_or_else(|| sizes.sum()),
    });
    if let Some(days) = group.retention_days {
        entry["retentionInDays"] = days.into();
    }
    entry
}

pub(super) fn streams(
    world: &World,
    tokens: &mut Tokens,
    parameters: &Value,
) -> Result<Value, AwsError> {
    let group = group(world, parameters)?;
    let prefix = text(parameters, "logStreamNamePrefix")?;
    let is_by_time = match text(parameters, "orderBy")? {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") if prefix.is_none() => true,
        Some("LastEventTime") => {
            return Err(AwsError::invalid(
                "Cannot order by LastEventTime with a logStreamNamePrefix.",
            ));
        }
        Some(other) => {
            return Err(AwsError::invalid(format!(
                "1 validation error detected: Value '{other}' at 'orderBy' failed to satisfy \
                 constraint: Member must satisfy enum value set: [LastEventTime, LogStreamName]"
            )));
        }
    };
    let names = group.streams().into_iter();
    let mut entries: Vec<Value> = names
        .filter(|it| prefix.is_none_or(|prefix| it.starts_with(prefix)))
        .map(|it| describe_stream(world, group, it))
        .collect();
    if is_by_time {
        entries.sort_by_key(|it| it["lastEventTimestamp"].as_i64());
    }
    if parameters.get("descending") == Some(&Value::Bool(true)) {
        entries.reverse();
    }
    page(tokens, Call::DescribeLogStreams, parameters, "logStreams", entries)
}

fn describe_stream(world: &World, group: &Group, name: &str) -> Value {
    let events: Vec<&Event> = world.arrived(group).filter(|it| it.stream == name).collect();
    let mut entry = json!({
        "arn": format!("{}:log-stream:{name}", group.arn()),
        "creationTime": group.creation_ms,
        "logStreamName": name,
        "storedBytes": 0,
    });
    let newest = events.iter().map(|it| it.ingestion_ms).max();
    let known = |it: &&&Event| {
        newest.is_some_and(|newest| it.ingestion_ms <= newest.saturating_sub(world.stream_lag_ms))
    };
    if let Some(first) = events.iter().filter(known).map(|it| it.timestamp_ms).min() {
        let last = events.iter().filter(known).map(|it| it.timestamp_ms).max();
        let ingested = events.iter().filter(known).map(|it| it.ingestion_ms).max();
        entry["firstEventTimestamp"] = first.into();
        entry["lastEventTimestamp"] = last.into();
        entry["lastIngestionTime"] = ingested.into();
    }
    entry
}

/// The entries that are due, under `name`.
fn page(
    tokens: &mut Tokens,
    call: Call,
    parameters: &Value,
    name: &str,
    entries: Vec<Value>,
) -> Result<Value, AwsError> {
    let first = match tokens.place(call, parameters)? {
        Place::Index(index) => index,
        Place::Start | Place::After(_) => 0,
    };
    let end = first + limit(parameters, LIST_PAGE, LIST_PAGE)?;
    let mut body = json!({});
    if end < entries.len() {
        body["nextToken"] = tokens.issue(call, parameters, Place::Index(end)).into();
    }
    let due = entries.into_iter().skip(first).take(end - first);
    body[name] = due.collect();
    Ok(body)
}

pub(super) fn caller_identity() -> Vec<u8> {
    format!(
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:user/ana</Arn>\
         <UserId>AIDACKCEVSQ6C2EXAMPLE</UserId><Account>{ACCOUNT}</Account>\
         </GetCallerIdentityResult><ResponseMetadata>\
         <RequestId>00000000-0000-4000-8000-000000000000</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    )
    .into_bytes()
}
