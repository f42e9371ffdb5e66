//! The names under which log shippers, log stores and exports keep the members of a record.
//!
//! One table lists the names of message, time, log group and so on. Supporting another shipper
//! takes one or more rows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::insights::group_of;
use super::when::read_time;
use super::{Decoded, Record, RejectReason};
use crate::time::LoggedTime;

/// The role of an envelope's member in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberRole {
    Message,
    Time,
    LogGroup,
    LogStream,
    EventId,
    IngestionTime,
}

use MemberRole::{EventId, IngestionTime, LogGroup, LogStream, Message, Time};

/// Paths to members, the best of each role first.
///
/// A dot in a path enters an object, or is part of a member's name. After a colon comes the key of
/// an OpenTelemetry attribute. The names are those of
///
/// - CloudWatch Logs itself (API reference of `FilterLogEvents`, `GetLogRecord`, `StartLiveTail`
///   and Logs Insights) and the AWS Tools for PowerShell, which write them with a capital;
/// - Vector's sources `aws_kinesis_firehose` and `aws_s3` (reference of their output data);
/// - Filebeat's input `aws-cloudwatch` ("AWS CloudWatch fields") and ECS (`event.original`);
/// - Logstash's plugin `logstash-input-cloudwatch_logs` (`cloudwatch_logs.*`);
/// - Fluent Bit and Fluentd (`date`, `log`), with `fluent-plugin-cloudwatch-logs`;
/// - the function with which AWS streams log groups to OpenSearch (`@message`, `@log_group`);
/// - OTLP's JSON (`opentelemetry/proto/logs/v1`) with the collector's receiver `awscloudwatch`
///   and the semantic conventions `aws.log.*`;
/// - Splunk: the HTTP Event Collector (`event`, `time`) and exports of searches (`_raw`, `_time`);
/// - Loki and Grafana (`line`, `Time`), GELF (`short_message`), journald (`MESSAGE`).
const MEMBERS: &[(MemberRole, &str)] = &[
    (Message, "@message"),
    (Message, "message"),
    (Message, "Message"),
    (Message, "event.original"),
    (Message, "log"),
    (Message, "log_processed"),
    (Message, "_raw"),
    (Message, "body.stringValue"),
    (Message, "body"),
    (Message, "Body"),
    (Message, "line"),
    (Message, "msg"),
    (Message, "MESSAGE"),
    (Message, "full_message"),
    (Message, "short_message"),
    (Message, "logEvent.message"),
    (Message, "json"),
    (Time, "@timestamp"),
    (Time, "timestamp"),
    (Time, "Timestamp"),
    (Time, "logEvent.timestamp"),
    (Time, "timeUnixNano"),
    (Time, "observedTimeUnixNano"),
    (Time, "_time"),
    (Time, "time"),
    (Time, "date"),
    (Time, "ts"),
    (LogGroup, "logGroup"),
    (LogGroup, "logGroupName"),
    (LogGroup, "LogGroupName"),
    (LogGroup, "log_group"),
    (LogGroup, "log_group_name"),
    (LogGroup, "@log_group"),
    (LogGroup, "@log"),
    (LogGroup, "logGroupIdentifier"),
    (LogGroup, "aws.cloudwatch.log_group"),
    (LogGroup, "awscloudwatch.log_group"),
    (LogGroup, "cloudwatch_logs.log_group"),
    (LogGroup, "cloudwatch.log_group"),
    (LogGroup, "attributes:aws.log.group.names"),
    (LogGroup, "attributes:aws.log.group.name"),
    (LogGroup, "attributes:cloudwatch.log.group.name"),
    (LogGroup, "fields.logGroup"),
    (LogGroup, "fields.log_group"),
    (LogGroup, "labels.log_group"),
    (LogStream, "logStream"),
    (LogStream, "logStreamName"),
    (LogStream, "LogStreamName"),
    (LogStream, "log_stream"),
    (LogStream, "log_stream_name"),
    (LogStream, "@log_stream"),
    (LogStream, "@logStream"),
    (LogStream, "aws.cloudwatch.log_stream"),
    (LogStream, "awscloudwatch.log_stream"),
    (LogStream, "cloudwatch_logs.log_stream"),
    (LogStream, "cloudwatch.log_stream"),
    (LogStream, "attributes:aws.log.stream.names"),
    (LogStream, "attributes:aws.log.stream.name"),
    (LogStream, "attributes:cloudwatch.log.stream"),
    (LogStream, "attributes:cloudwatch.log.stream.name"),
    (LogStream, "fields.logStream"),
    (LogStream, "fields.log_stream"),
    (LogStream, "labels.log_stream"),
    (EventId, "eventId"),
    (EventId, "EventId"),
    (EventId, "@id"),
    (EventId, "event.id"),
    (EventId, "cloudwatch_logs.event_id"),
    (EventId, "attributes:id"),
    (EventId, "id"),
    (IngestionTime, "ingestionTime"),
    (IngestionTime, "IngestionTime"),
    (IngestionTime, "@ingestionTime"),
    (IngestionTime, "aws.cloudwatch.ingestion_time"),
    (IngestionTime, "awscloudwatch.ingestion_time"),
    (IngestionTime, "cloudwatch_logs.ingestion_time"),
];

/// Objects that hold these members one level down: in a document of Elasticsearch or OpenSearch, a
/// Splunk result, the record of `GetLogRecord`.
const WRAPPERS: &[&str] = &["_source", "result", "logRecord", "record", "fields"];

/// The member that holds the message in Splunk's collector. A WorkMail event has a member of this
/// name too, so it counts only where no other does.
const SPLUNK_EVENT: &str = "event";

/// The member that holds the origin in Splunk's collector.
const SPLUNK_SOURCE: &str = "source";

/// Objects that matter only for a list in them, and lists of such objects.
const LIST_WRAPPERS: &[&str] = &["hits", "sessionUpdate"];

/// Returns the role of a table's column.
pub(super) fn column_role(name: &str) -> Option<MemberRole> {
    let exact = MEMBERS.iter().find(|(_, path)| *path == name);
    let role = |(role, _): &(MemberRole, &str)| *role;
    exact
        .or_else(|| MEMBERS.iter().find(|(_, path)| path.eq_ignore_ascii_case(name)))
        .or_else(|| {
            let inner = name.strip_prefix("_source.")?;
            MEMBERS.iter().find(|(_, path)| *path == inner)
        })
        .map(role)
}

/// True if a member of this name may make its object an envelope of the table.
pub(super) fn is_member(name: &str) -> bool {
    WRAPPERS.contains(&name)
        || MEMBERS.iter().any(|(_, path)| {
            let first = path.split_once(['.', ':']).map_or(*path, |it| it.0);
            first == name || (*path == name)
        })
}

/// True if an object of this name may wrap a list of records.
pub(super) fn is_list_wrapper(name: &[u8]) -> bool {
    LIST_WRAPPERS.iter().any(|it| it.as_bytes() == name)
}

/// Members that identify the kinds of records: an email event has one of the first two, an audit
/// event one of the next two, and a statement of the directory the last.
pub(super) const EVENT_KEYS: &[&str] =
    &["traceId", "eventName", "organization_arn", "event_timestamp", "mailtraceDirectory"];

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// A record from an envelope, as far as the envelope has it.
#[derive(Debug, Default)]
pub(super) struct Shipped<'a> {
    /// The message; `None` where the object itself is the message and has envelope members among
    /// its own.
    pub(super) message: Option<Cow<'a, str>>,
    pub(super) when: Option<LoggedTime>,
    pub(super) log_group: Option<Cow<'a, str>>,
    pub(super) log_stream: Option<Cow<'a, str>>,
    pub(super) event_id: Option<Cow<'a, str>>,
    pub(super) ingestion_time: Option<LoggedTime>,
}

impl<'a> Shipped<'a> {
    /// Returns the record, or the message alone where there is no time. `whole` is the text that it
    /// was read from.
    pub(super) fn into_decoded(self, whole: &'a str) -> Decoded<'a> {
        let message = self.message.unwrap_or(Cow::Borrowed(whole));
        match self.when {
            Some(when) => Decoded::Record(Record {
                log_group: self.log_group,
                log_stream: self.log_stream,
                event_id: self.event_id,
                timestamp: when.at,
                is_time_approximate: when.is_to_the_second,
                ingestion_time: self.ingestion_time.map(|it| it.at),
                message,
            }),
            None => Decoded::undated(self.log_group, self.log_stream, message),
        }
    }
}

/// Reads an object; `None` if it has no event where the table looks.
pub(super) fn read(text: &str) -> Result<Option<Shipped<'_>>, RejectReason> {
    let Ok(members) = serde_json::from_str::<Members<'_>>(text) else { return Ok(None) };
    if let Some(shipped) = read_members(&members)? {
        return Ok(Some(shipped));
    }
    for wrapper in WRAPPERS {
        let Some(inner) = members.get(*wrapper).and_then(|it| object(it.get())) else { continue };
        let Some(mut shipped) = read_members(&inner)? else { continue };
        if shipped.message.is_none() {
            // The wrapped object is itself the event.
            shipped.message = members.get(*wrapper).map(|it| Cow::Borrowed(it.get()));
        }
        // The inner envelope is closer to the event, so its values go before those around it.
        let outer = envelope(&members)?;
        return Ok(Some(Shipped {
            when: shipped.when.or(outer.when),
            log_group: shipped.log_group.or(outer.log_group),
            log_stream: shipped.log_stream.or(outer.log_stream),
            event_id: shipped.event_id.or(outer.event_id),
            ingestion_time: shipped.ingestion_time.or(outer.ingestion_time),
            ..shipped
        }));
    }
    Ok(None)
}

fn read_members<'a>(members: &Members<'a>) -> Result<Option<Shipped<'a>>, RejectReason> {
    let of_message = |(role, path): &(MemberRole, &str)| {
        if *role != Message {
            return None;
        }
        message_of(find(members, path)?)
    };
    // The first that may be an event: an envelope may have a `message` about something else.
    let mut message = MEMBERS.iter().find_map(of_message);
    let is_event = EVENT_KEYS.iter().any(|it| members.contains_key(*it));
    // In an event of WorkMail, `event` is not an envelope's message.
    if message.is_none() && !is_event {
        message = members.get(SPLUNK_EVENT).and_then(|it| message_of(it.get()));
        if message.is_none() {
            return Ok(None);
        }
    }
    let mut shipped = envelope(members)?;
    shipped.message = message;
    Ok(Some(shipped))
}

/// Reads all roles but the message. The first row of the table that has a value wins.
fn envelope<'a>(members: &Members<'a>) -> Result<Shipped<'a>, RejectReason> {
    let mut shipped = Shipped::default();
    for (role, path) in MEMBERS {
        let is_set = match role {
            Message => true,
            Time => shipped.when.is_some(),
            LogGroup => shipped.log_group.is_some(),
            LogStream => shipped.log_stream.is_some(),
            EventId => shipped.event_id.is_some(),
            IngestionTime => shipped.ingestion_time.is_some(),
        };
        if is_set {
            continue;
        }
        let Some(text) = find(members, path).and_then(scalar).filter(|it| !it.is_empty()) else {
            continue;
        };
        match role {
            Message => {}
            Time => shipped.when = Some(read_time(&text)?),
            LogGroup => shipped.log_group = Some(group_of(text)),
            LogStream => shipped.log_stream = Some(text),
            EventId => shipped.event_id = Some(text),
            IngestionTime => shipped.ingestion_time = read_time(&text).ok(),
        }
    }
    if shipped.log_group.is_none() && members.contains_key(SPLUNK_EVENT) {
        let source = members.get(SPLUNK_SOURCE).and_then(|it| scalar(it.get()));
        shipped.log_group = source.filter(|it| it.starts_with('/'));
    }
    Ok(shipped)
}

fn find<'a>(members: &Members<'a>, path: &str) -> Option<&'a str> {
    if let Some(raw) = members.get(path) {
        return Some(raw.get());
    }
    if let Some((list, key)) = path.split_once(':') {
        return attribute(members.get(list)?.get(), key);
    }
    // Shippers may flatten a part of a path and nest the rest, so each dot is tried.
    path.match_indices('.').find_map(|(dot, _)| {
        let (head, tail) = (path.get(..dot)?, path.get(dot + 1..)?);
        find(&object(members.get(head)?.get())?, tail)
    })
}

fn object(raw: &str) -> Option<Members<'_>> {
    raw.starts_with('{').then(|| serde_json::from_str(raw).ok())?
}

#[derive(Deserialize)]
struct Attribute<'a> {
    #[serde(borrow)]
    key: Cow<'a, str>,
    #[serde(borrow)]
    value: AttributeValue<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttributeValue<'a> {
    #[serde(borrow, default)]
    string_value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    array_value: Option<AttributeValues<'a>>,
}

#[derive(Deserialize)]
struct AttributeValues<'a> {
    #[serde(borrow, default)]
    values: Vec<AttributeValue<'a>>,
}

/// Returns an attribute's value, the first if it has several.
fn attribute<'a>(list: &'a str, key: &str) -> Option<&'a str> {
    let attributes: Vec<Attribute<'a>> = serde_json::from_str(list).ok()?;
    let value = attributes.into_iter().find(|it| it.key == key)?.value;
    let of_list = || value.array_value?.values.into_iter().find_map(|it| it.string_value);
    value.string_value.or_else(of_list).map(RawValue::get)
}

/// Returns the log group and log stream in the attributes of a resource.
pub(super) fn resource(raw: &str) -> (Option<String>, Option<String>) {
    let Some(members) = object(raw) else { return (None, None) };
    let Ok(shipped) = envelope(&members) else { return (None, None) };
    (shipped.log_group.map(Cow::into_owned), shipped.log_stream.map(Cow::into_owned))
}

/// Reads a text or a number, or the first text of a list.
fn scalar(raw: &str) -> Option<Cow<'_, str>> {
    match raw.as_bytes().first()? {
        b'"' => text(raw),
        b'0'..=b'9' | b'-' => Some(number(raw)),
        b'[' => text(serde_json::from_str::<Vec<&RawValue>>(raw).ok()?.first()?.get()),
        // MongoDB writes dates as `{"$date":…}`, BigQuery as `{"value":…}`.
        b'{' => {
            let members = object(raw)?;
            let value = members.get("$date").or_else(|| members.get("value"))?;
            scalar(value.get())
        }
        _ => None,
    }
}

/// Spells out a number that has an exponent.
fn number(raw: &str) -> Cow<'_, str> {
    if !raw.contains(['e', 'E']) {
        return Cow::Borrowed(raw);
    }
    // Else `read_time` would take the exponent for a spreadsheet's.
    raw.parse::<f64>().map_or(Cow::Borrowed(raw), |it| Cow::Owned(format!("{it:.0}")))
}

pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str::<Text<'_>>(raw).ok().map(|Text(text)| text)
}

/// Returns a value's message if it may be an event: a text that holds JSON, or the object itself.
fn message_of(raw: &str) -> Option<Cow<'_, str>> {
    let message = match raw.as_bytes().first()? {
        b'"' => text(raw)?,
        b'{' => Cow::Borrowed(raw),
        _ => return None,
    };
    may_be_event(&message).then_some(message)
}

/// True if a text may hold an event, judged without parsing it.
pub(super) fn may_be_event(text: &str) -> bool {
    let bytes = text.trim_start().as_bytes();
    let has = |name: &[u8]| memchr::memmem::find(bytes, name).is_some();
    matches!(bytes.first(), Some(b'{' | b'"')) && EVENT_KEYS.iter().any(|it| has(it.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"traceId":"t","event":{"eventName":"OUTGOING_EMAIL_SENT"}}"#;

    fn check(envelope: &str, time_ms: i64, group: Option<&str>, stream: Option<&str>) {
        let quoted = serde_json::to_string(EVENT).unwrap();
        let text = envelope.replace("TEXT", &quoted).replace("OBJECT", EVENT);
        let shipped = read(&text).unwrap().unwrap_or_else(|| panic!("nothing in {text}"));
        assert_eq!(shipped.message.as_deref(), Some(EVENT), "{text}");
        assert_eq!(shipped.when.map(|it| it.at.as_ms()), Some(time_ms), "{text}");
        assert_eq!(shipped.log_group.as_deref(), group, "{text}");
        assert_eq!(shipped.log_stream.as_deref(), stream, "{text}");
    }

    const MS: i64 = 1_795_446_131_120;

    #[test]
    fn each_shipper_has_its_own_names_for_the_same() {
        let (group, stream) = (Some("/aws/g"), Some("s"));
        for envelope in [
            r#"{"timestamp":"2026-11-23T15:02:11.120Z","message":TEXT,"log_group":"/aws/g","log_stream":"s","source_type":"aws_kinesis_firehose"}"#,
            r#"{"timestamp":"2026-11-23T15:02:11.120Z","message":OBJECT,"log_group":"/aws/g","log_stream":"s"}"#,
            r#"{"@timestamp":"2026-11-23T15:02:11.120Z","message":TEXT,"aws":{"cloudwatch":{"log_group":"/aws/g","log_stream":"s"}},"event":{"id":"1"}}"#,
            r#"{"@timestamp":"2026-11-23T15:02:11.120Z","event":{"original":TEXT},"awscloudwatch.log_group":"/aws/g","awscloudwatch":{"log_stream":"s"}}"#,
            r#"{"@timestamp":"2026-11-23T15:02:11.120Z","@version":"1","message":TEXT,"cloudwatch_logs":{"log_group":"/aws/g","log_stream":"s"}}"#,
            r#"{"date":1795446131.120000,"log":TEXT,"log_group":"/aws/g","log_stream":"s"}"#,
            r#"{"_index":"cwl","_source":{"@id":"1","@timestamp":"2026-11-23T15:02:11.120Z","@message":TEXT,"@owner":"1","@log_group":"/aws/g","@log_stream":"s","traceId":"t","event":{"eventName":"x"}}}"#,
            r#"{"timeUnixNano":"1795446131120000000","body":{"stringValue":TEXT},"attributes":[{"key":"aws.log.group.names","value":{"arrayValue":{"values":[{"stringValue":"/aws/g"}]}}},{"key":"cloudwatch.log.stream","value":{"stringValue":"s"}}]}"#,
            r#"{"time":1795446131.120,"host":"h","source":"/aws/g","sourcetype":"aws:cloudwatchlogs","event":TEXT,"fields":{"log_stream":"s"}}"#,
            r#"{"time":"1795446131.120","source":"/aws/g","event":OBJECT,"fields":{"log_stream":"s"}}"#,
            r#"{"preview":false,"result":{"_raw":TEXT,"_time":"2026-11-23T15:02:11.120+00:00","log_group":"/aws/g","log_stream":"s"}}"#,
            r#"{"logRecord":{"@ptr":"C","@timestamp":"1795446131120","@message":TEXT,"@logStream":"s","@log":"1:/aws/g"}}"#,
            r#"{"Timestamp":1795446131120,"Message":TEXT,"LogStreamName":"s","LogGroupName":"/aws/g"}"#,
        ] {
            check(envelope, MS, group, stream);
        }
        check(r#"{"ts":"2026-11-23T15:02:11.120Z","line":TEXT,"labels":{}}"#, MS, None, None);
    }

    #[test]
    fn an_event_is_no_envelope_of_its_own_event() {
        assert!(read(EVENT).unwrap().unwrap().message.is_none());
        for text in [r#"{"log":"START"}"#, r#"{"event":"login"}"#, "[]", "{", r#"{"log":{}}"#] {
            assert!(read(text).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn an_event_with_members_of_an_envelope_among_its_own_has_their_time() {
        let text =
            r#"{"traceId":"t","event":{},"@timestamp":"2026-11-23T15:02:11.120Z","log_group":"g"}"#;
        let shipped = read(text).unwrap().unwrap();
        assert_eq!(shipped.when.map(|it| it.at.as_ms()), Some(MS));
        assert!(matches!(shipped.into_decoded(text), Decoded::Record(it) if it.message == text));
    }
}
