//! Reads one JSON object: a record with its envelope, an event alone, or something that holds
//! records.
//!
//! simd-json reads it first. serde_json reads again what simd-json refuses although JSON allows it,
//! and also yields the exact text of a message that is an object rather than a string.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::value::RawValue;
use simd_json::prelude::*;
use simd_json::tape;

use super::document::{DocumentContext, list_format};
use super::insights::group_of;
use super::shippers;
use super::when::{bad_timestamp, read_time};
use super::{Decoded, EscapedText, Format, Record, RejectReason};
use crate::limits;
use crate::time::{LoggedTime, Timestamp};

pub(super) enum EnvelopeShape<'a> {
    /// A record, and its message still escaped where that is at hand.
    Record(Format, Record<'a>, Option<EscapedText<'a>>),
    /// The content of a shipper's envelope, or a message without a time.
    Decoded(Format, Decoded<'a>),
    /// The object itself is an event.
    Event,
    /// The object holds a list of records.
    Document,
    /// Base64 of further input.
    Payload(String),
    /// A subscription's test message.
    Control,
    Rejected(RejectReason),
    /// Unreadable for both parsers.
    Refused(RejectReason),
}

/// Reads values, reusing its buffers.
pub(super) struct EnvelopeReader {
    /// simd-json overwrites its input.
    copy: Vec<u8>,
    buffers: simd_json::Buffers,
}

impl EnvelopeReader {
    pub(super) fn new() -> Self {
        Self {
            copy: Vec::new(),
            buffers: simd_json::Buffers::with_max_depth(4 << 10, limits::JSON_DEPTH_MAX),
        }
    }

    /// Releases the memory that an unusually large value needed.
    pub(super) fn shrink(&mut self) {
        if self.copy.capacity() > 4 * limits::BATCH_BYTES {
            *self = Self::new();
        }
    }

    /// Reads an object. Its own group and stream take precedence over those of `context`.
    pub(super) fn read<'a>(
        &'a mut self,
        bytes: &'a [u8],
        context: &'a DocumentContext,
    ) -> EnvelopeShape<'a> {
        self.copy.clear();
        self.copy.extend_from_slice(bytes);
        let read = match simd_json::to_tape_with_buffers(&mut self.copy, &mut self.buffers) {
            Ok(tape) => Fields::from_tape(&tape),
            Err(_) => None,
        };
        match read {
            // A second parse, but only of envelopes with members that are in the table alone.
            Some(fields) if fields.is_shipped() => match shipped(bytes, context) {
                Some(shape) => shape,
                None => fields.into_shape(context),
            },
            Some(fields) => fields.into_shape(context),
            None => read_slowly(bytes, context),
        }
    }
}

/// Reads by the table of shippers; `None` if there is no event where the table looks.
fn shipped<'a>(bytes: &'a [u8], context: &'a DocumentContext) -> Option<EnvelopeShape<'a>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut shipped = match shippers::read(text) {
        Ok(shipped) => shipped?,
        Err(reason) => return Some(EnvelopeShape::Rejected(reason)),
    };
    let outer = |it: &'a Option<String>| it.as_deref().map(Cow::Borrowed);
    shipped.log_group = shipped.log_group.or(outer(&context.log_group));
    shipped.log_stream = shipped.log_stream.or(outer(&context.log_stream));
    // The object itself is the event and the table adds nothing: `into_shape` knows more of it.
    if shipped.message.is_none() && shipped.when.is_none() {
        return None;
    }
    let format = match context.format {
        Some(Format::Json) | None => Format::Shipper,
        Some(format) => format,
    };
    Some(EnvelopeShape::Decoded(format, shipped.into_decoded(text)))
}

/// Reads with serde_json.
fn read_slowly<'a>(bytes: &'a [u8], context: &'a DocumentContext) -> EnvelopeShape<'a> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return EnvelopeShape::Refused(RejectReason::InvalidUtf8);
    };
    // serde_json has a depth limit of its own, equal to ours, and does not recurse for raw values.
    match serde_json::from_str::<BTreeMap<Cow<'a, str>, &'a RawValue>>(text) {
        Ok(members) => {
            let mut fields = Fields::default();
            for (key, raw) in members {
                fields.set(&key, EnvelopeValue::from_raw(&key, raw.get()));
            }
            let by_table = fields.is_shipped().then(|| shipped(bytes, context)).flatten();
            by_table.unwrap_or_else(|| fields.into_shape(context))
        }
        Err(error) => EnvelopeShape::Refused(RejectReason::NotJson { reason: error.to_string() }),
    }
}

/// A member's value, as finely distinguished as an envelope needs.
enum EnvelopeValue<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(Option<i64>),
    True,
    List,
    /// An object, its text where that is at hand, and its member `data`.
    Object {
        text: Option<&'a str>,
        data: Option<Cow<'a, str>>,
    },
    Other,
}

impl<'a> EnvelopeValue<'a> {
    fn from_tape(value: tape::Value<'_, 'a>) -> Self {
        if let Some(text) = value.into_string() {
            return Self::Text(Cow::Borrowed(text));
        }
        if value.is_null() {
            return Self::Nothing;
        }
        if let Some(object) = value.as_object() {
            let data = object.get("data").and_then(|it| it.into_string()).map(Cow::Borrowed);
            return Self::Object { text: None, data };
        }
        if value.is_array() {
            return Self::List;
        }
        match value.as_bool() {
            Some(true) => Self::True,
            Some(false) => Self::Other,
            None => match value.as_i64() {
                Some(number) => Self::Number(Some(number)),
                None => value.as_f64().map_or(Self::Number(None), Self::from_float),
            },
        }
    }

    fn from_raw(key: &str, raw: &'a str) -> Self {
        #[derive(serde::Deserialize)]
        struct WithData<'d> {
            #[serde(borrow)]
            data: Option<Cow<'d, str>>,
        }
        match raw.as_bytes().first() {
            Some(b'"') => serde_json::from_str::<Text<'a>>(raw)
                .map_or(Self::Other, |Text(text)| Self::Text(text)),
            Some(b'{') => {
                let is_wrapper = matches!(key, "awslogs" | "kinesis");
                let read = is_wrapper.then(|| serde_json::from_str::<WithData<'a>>(raw).ok());
                let data = read.flatten().and_then(|it| it.data);
                Self::Object { text: Some(raw), data }
            }
            Some(b'[') => Self::List,
            Some(b't') => Self::True,
            Some(b'n') => Self::Nothing,
            Some(b'f') | None => Self::Other,
            Some(_) => match raw.parse() {
                Ok(number) => Self::Number(Some(number)),
                Err(_) => raw.parse::<f64>().map_or(Self::Number(None), Self::from_float),
            },
        }
    }

    /// Keeps a fraction as text, since it counts in a time of seconds.
    fn from_float(number: f64) -> Self {
        match whole(number) {
            Some(whole) if number.fract() == 0.0 => Self::Number(Some(whole)),
            Some(_) => Self::Text(Cow::Owned(number.to_string())),
            None => Self::Number(None),
        }
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Returns the whole part of a float: tools write whole numbers as `1.793e12`.
fn whole(number: f64) -> Option<i64> {
    /// Beyond it, not every whole number is a double.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.abs() > WHOLE_MAX {
        return None;
    }
    format!("{:.0}", number.trunc()).parse().ok()
}

/// The members that decide what an object is.
#[derive(Default)]
struct Fields<'a> {
    log_group: Option<Cow<'a, str>>,
    log_stream: Option<Cow<'a, str>>,
    event_id: Option<Cow<'a, str>>,
    timestamp: Option<EnvelopeValue<'a>>,
    ingestion_time: Option<Timestamp>,
    message: Option<Cow<'a, str>>,
    is_time_approximate: bool,
    /// True if there is a member that only the table of shippers has.
    has_other_member: bool,
    /// True if the names are those of Logs Insights.
    is_insights: bool,
    /// True if the message is an object whose text is not at hand.
    lacks_message_text: bool,
    has_event: bool,
    has_list: bool,
    /// True for a line between records that holds none.
    is_action: bool,
    member_count: usize,
    is_control: bool,
    payload: Option<Cow<'a, str>>,
}

impl<'a> Fields<'a> {
    /// Returns `None` if the exact text of the message is needed, or the value is no object.
    fn from_tape(tape: &simd_json::Tape<'a>) -> Option<Self> {
        let object = tape.as_value().as_object()?;
        let mut fields = Self::default();
        for (key, value) in &object {
            if is_field(key) {
                fields.set(key, EnvelopeValue::from_tape(value));
            }
        }
        // The tape does not keep an object's text, so serde_json must read the message.
        (!fields.lacks_message_text).then_some(fields)
    }

    fn set(&mut self, key: &str, value: EnvelopeValue<'a>) {
        match (key, value) {
            ("logGroup" | "logGroupName", EnvelopeValue::Text(text)) => self.log_group = Some(text),
            ("logStream" | "logStreamName" | "@logStream", EnvelopeValue::Text(text)) => {
                self.log_stream = Some(text);
            }
            ("@log", EnvelopeValue::Text(text)) => self.log_group = Some(group_of(text)),
            ("eventId" | "id", EnvelopeValue::Text(text)) => self.event_id = Some(text),
            ("timestamp" | "@timestamp", value) => self.timestamp = Some(value),
            ("ingestionTime" | "@ingestionTime", value) => {
                // Optional, so a bad one does not make the record bad.
                self.ingestion_time = into_time(&value).ok().flatten().map(|it| it.at);
            }
            ("timeApproximate", EnvelopeValue::True) => self.is_time_approximate = true,
            ("message" | "@message", value) => {
                self.is_insights = key == "@message";
                self.set_message(value);
            }
            (
                "traceId" | "event" | "eventName",
                EnvelopeValue::Text(_) | EnvelopeValue::Object { .. },
            ) => {
                self.has_event = true;
            }
            (key, EnvelopeValue::Text(_) | EnvelopeValue::Number(_))
                if shippers::EVENT_KEYS.contains(&key) =>
            {
                self.has_event = true;
            }
            ("messageType", EnvelopeValue::Text(text)) => {
                self.is_control = text == "CONTROL_MESSAGE";
            }
            ("awslogs" | "kinesis", EnvelopeValue::Object { data: Some(data), .. }) => {
                self.payload = Some(data);
            }
            ("data", EnvelopeValue::Text(text)) => self.payload = Some(text),
            ("Data" | "rawData", EnvelopeValue::Text(text)) => self.payload = Some(text),
            (key, EnvelopeValue::List) if list_format(key.as_bytes()).is_some() => {
                self.has_list = true;
            }
            (key, EnvelopeValue::Object { .. }) if shippers::is_list_wrapper(key.as_bytes()) => {
                self.has_list = true;
            }
            // A live tail's header, and the action line before each document of a bulk request.
            ("sessionStart" | "index" | "create", EnvelopeValue::Object { .. }) => {
                self.is_action = true;
            }
            (key, _) => self.has_other_member |= shippers::is_member(key),
        }
        self.member_count += 1;
    }

    /// True if the table of shippers must decide: there is a member that only it has, or an event
    /// with its log time beside it.
    fn is_shipped(&self) -> bool {
        self.has_other_member
            || (self.has_event && self.message.is_none() && self.timestamp.is_some())
    }

    fn set_message(&mut self, value: EnvelopeValue<'a>) {
        match value {
            EnvelopeValue::Text(text) => self.message = Some(text),
            EnvelopeValue::Object { text: Some(text), .. } => {
                self.message = Some(Cow::Borrowed(text));
            }
            EnvelopeValue::Object { text: None, .. } => self.lacks_message_text = true,
            _ => {}
        }
    }

    fn into_shape(self, context: &'a DocumentContext) -> EnvelopeShape<'a> {
        // An event may have a member named `index` or `create` too, but not alone.
        if self.is_control || (self.is_action && self.member_count == 1) {
            return EnvelopeShape::Control;
        }
        let time = match self.timestamp.as_ref().map(into_time) {
            Some(Ok(time)) => time,
            // Without a message, the bad time may belong to an event, which does not need it.
            Some(Err(reason)) if self.message.is_some() => return EnvelopeShape::Rejected(reason),
            _ => None,
        };
        let format = if self.is_insights { Format::InsightsJson } else { Format::Ndjson };
        let format = match context.format.unwrap_or(format) {
            // The console's list has no envelope; only its rows show what it is.
            Format::Json if self.is_insights => Format::InsightsJson,
            // Our own answers repeat members of the event beside the message.
            Format::Ndjson | Format::Json if self.has_event => Format::Answer,
            format => format,
        };
        match (self.message, time) {
            (Some(message), Some(LoggedTime { at: timestamp, is_to_the_second })) => {
                EnvelopeShape::Record(
                    format,
                    Record {
                        log_group: self
                            .log_group
                            .or(context.log_group.as_deref().map(Cow::Borrowed)),
                        log_stream: self
                            .log_stream
                            .or(context.log_stream.as_deref().map(Cow::Borrowed)),
                        event_id: self.event_id,
                        timestamp,
                        is_time_approximate: self.is_time_approximate || is_to_the_second,
                        ingestion_time: self.ingestion_time,
                        message,
                    },
                    None,
                )
            }
            // Goes before an undated message: `message` is then a member of the event.
            _ if self.has_event => EnvelopeShape::Event,
            (Some(message), None) => {
                let decoded = Decoded::undated(self.log_group, self.log_stream, message);
                EnvelopeShape::Decoded(format, decoded)
            }
            _ if self.has_list => EnvelopeShape::Document,
            _ => match self.payload {
                Some(payload) => EnvelopeShape::Payload(payload.into_owned()),
                None => EnvelopeShape::Rejected(RejectReason::UnknownShape),
            },
        }
    }
}

/// True if [`Fields::set`] uses this name. All other members are skipped without conversion.
fn is_field(key: &str) -> bool {
    matches!(
        key,
        "logGroup"
            | "logGroupName"
            | "logStream"
            | "logStreamName"
            | "eventId"
            | "id"
            | "timestamp"
            | "ingestionTime"
            | "timeApproximate"
            | "message"
            | "traceId"
            | "event"
            | "eventName"
            | "organization_arn"
            | "event_timestamp"
            | "mailtraceDirectory"
            | "messageType"
            | "awslogs"
            | "kinesis"
            | "data"
            | "Data"
            | "rawData"
            | "sessionStart"
            | "index"
            | "create"
    ) || key.starts_with('@')
        || list_format(key.as_bytes()).is_some()
        || shippers::is_list_wrapper(key.as_bytes())
        || shippers::is_member(key)
}

/// Reads a time; `Ok(None)` for `null`.
fn into_time(value: &EnvelopeValue<'_>) -> Result<Option<LoggedTime>, RejectReason> {
    match value {
        EnvelopeValue::Nothing => Ok(None),
        EnvelopeValue::Number(Some(number)) => {
            let text = number.to_string();
            LoggedTime::parse(&text).map(Some).ok_or_else(|| bad_timestamp(&text))
        }
        EnvelopeValue::Text(text) => read_time(text).map(Some),
        _ => Err(bad_timestamp("of no known form")),
    }
}
