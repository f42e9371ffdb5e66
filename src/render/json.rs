//! JSON: the contract that programs rely on.
//!
//! Characters that could act on a terminal are written as `\u` escapes, which is the same JSON.
//! The original messages are embedded as they are, but for those and for line breaks between
//! their tokens, so that one object stays one line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use serde_json::{Serializer, Value};

use super::provenance::{EventSourceJson, EventSources};
use super::sanitise::{is_hidden, push_json_escape};
use crate::store::{Provenance, StoredEvent};
use crate::time::{Timestamp, Zone};
use crate::trace::{Message, Recipient, bounce_in_words, status_class};

/// What `trace` found out.
#[derive(Clone, Copy, Debug, Default)]
pub struct TraceAnswer<'a> {
    /// The messages.
    pub messages: &'a [Message],
    /// The IDs that nothing was found for, as they were asked for.
    pub not_found: &'a [String],
    /// What was looked at, to tell "no such mail" from "not looked at".
    pub coverage_note: Option<&'a str>,
    /// IDs of which those that were not found are a part.
    pub candidates: &'a [String],
    /// What audit logs may say of the messages; nothing where the store has none.
    pub access: Option<&'a Value>,
}

/// Writes `{"messages":[M...],"notFound":["..."],"candidates":["..."],"coverageNote":null}`; with
/// `sources`, each event says where it came from, as `source`.
pub fn write_trace_json_with_sources(
    answer: &TraceAnswer<'_>,
    sources: Option<&EventSources>,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"{\"messages\":[")?;
    for (index, message) in answer.messages.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        let sources = sources.and_then(|it| it.get(index)).map(Vec::as_slice);
        write_value(&MessageJson::new(message, true, sources, zone), out)?;
    }
    write_trace_json_end(
        answer.not_found,
        answer.candidates,
        answer.coverage_note,
        answer.access,
        out,
    )
}

/// Writes what stands behind the messages in [`write_trace_json_with_sources`], for an answer whose messages
/// were written one by one behind `{"messages":[`.
pub fn write_trace_json_end(
    not_found: &[String],
    candidates: &[String],
    coverage_note: Option<&str>,
    access: Option<&Value>,
    out: &mut dyn Write,
) -> io::Result<()> {
    out.write_all(b"],\"notFound\":")?;
    write_value(&not_found, out)?;
    out.write_all(b",\"candidates\":")?;
    write_value(&candidates, out)?;
    out.write_all(b",\"coverageNote\":")?;
    write_value(&coverage_note, out)?;
    // Without audit events the answer is as it was before there were any.
    if let Some(access) = access {
        out.write_all(b",\"access\":")?;
        write_value(access, out)?;
    }
    out.write_all(b"}\n")
}

/// Writes one message a line, without `events` unless asked for.
pub fn write_messages_ndjson(
    messages: &[Message],
    has_events: bool,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    for message in messages {
        write_json(&MessageJson::new(message, has_events, None, zone), out)?;
    }
    Ok(())
}

/// Writes one message on one line, and of each of its rows whether it is what was asked for.
pub fn write_found_message(
    message: &Message,
    matched: &[bool],
    has_events: bool,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut json = MessageJson::new(message, has_events, None, zone);
    for (recipient, matched) in json.recipients.iter_mut().zip(matched) {
        recipient.matched = Some(*matched);
    }
    write_json(&json, out)
}

/// Writes one message a line; with `sources`, each event with where it came from, as `source`.
/// `access` has for the first messages what audit logs may say of each, which stands behind all that
/// is known of it.
pub fn write_trace_ndjson(
    messages: &[Message],
    sources: Option<&EventSources>,
    access: &[Value],
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (index, message) in messages.iter().enumerate() {
        let sources = sources.and_then(|it| it.get(index)).map(Vec::as_slice);
        let json = MessageJson::new(message, true, sources, zone);
        write_json(&MessageJson { access: access.get(index), ..json }, out)?;
    }
    Ok(())
}

/// Writes any other answer on one line.
pub fn write_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write_value(value, out)?;
    out.write_all(b"\n")
}

/// Writes an answer on several lines, for people to read as well.
pub fn write_json_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let pretty = serde_json::to_string_pretty(value)?;
    let mut visible = String::with_capacity(pretty.len() + 1);
    for character in pretty.chars() {
        match character {
            // Within a text it is escaped already.
            '\n' => visible.push('\n'),
            it if is_hidden(it) => push_json_escape(it, &mut visible),
            it => visible.push(it),
        }
    }
    visible.push('\n');
    out.write_all(visible.as_bytes())
}

/// Writes one event a line.
pub fn write_events_ndjson<'e>(
    events: impl IntoIterator<Item = &'e StoredEvent>,
    zone: &Zone,
    out: &mut dyn Write,
) -> io::Result<()> {
    for event in events {
        write_json(&EventJson::new(event, zone), out)?;
    }
    Ok(())
}

pub(super) fn write_value(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, VisibleFormatter))?;
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageJson<'m> {
    message_ids: Vec<String>,
    trace_ids: &'m [String],
    from: Option<&'m str>,
    sender: Option<&'m str>,
    subject: Option<&'m str>,
    outcome: &'static str,
    first_seen: String,
    last_seen: String,
    verdicts: VerdictsJson<'m>,
    recipients: Vec<RecipientJson<'m>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<EventJson<'m>>>,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    access: Option<&'m Value>,
}

impl<'m> MessageJson<'m> {
    fn new(
        message: &'m Message,
        has_events: bool,
        sources: Option<&'m [Option<Provenance>]>,
        zone: &Zone,
    ) -> Self {
        let verdicts = &message.verdicts;
        Self {
            message_ids: message.message_ids.iter().map(ToString::to_string).collect(),
            trace_ids: &message.trace_ids,
            from: message.from.as_ref().map(|it| it.logged()),
            sender: message.sender.as_ref().map(|it| it.logged()),
            subject: message.subject.as_deref(),
            outcome: message.outcome.as_str(),
            first_seen: message.first_seen.in_zone(zone),
            last_seen: message.last_seen.in_zone(zone),
            verdicts: VerdictsJson {
                spam: verdicts.spam.as_deref(),
                dkim: verdicts.dkim.as_deref(),
                dmarc: verdicts.dmarc.as_deref(),
                spf: verdicts.spf.as_deref(),
                dmarc_policy: verdicts.dmarc_policy.as_deref(),
            },
            recipients: message.recipients.iter().map(|it| RecipientJson::new(it, zone)).collect(),
            events: has_events.then(|| match sources {
                None => message.events.iter().map(|it| EventJson::new(it, zone)).collect(),
                Some(sources) => {
                    let events = message.events.iter().zip(sources);
                    events.map(|(it, source)| EventJson::with(it, source.as_ref(), zone)).collect()
                }
            }),
            truncated: message.is_truncated,
            access: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct VerdictsJson<'m> {
    spam: Option<&'m str>,
    dkim: Option<&'m str>,
    dmarc: Option<&'m str>,
    spf: Option<&'m str>,
    dmarc_policy: Option<&'m str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecipientJson<'m> {
    address: &'m str,
    direction: &'static str,
    trace_id: Option<&'m str>,
    outcome: &'static str,
    folder: Option<&'m str>,
    junk: bool,
    status: Option<&'m str>,
    status_class: Option<&'static str>,
    status_text: Option<&'static str>,
    reason: Option<&'m str>,
    rule: Option<&'m str>,
    mailboxes: Vec<&'m str>,
    at: Option<String>,
    latency_ms: Option<i64>,
    /// Whether it is what was asked for; none where nothing was asked of recipients.
    matched: Option<bool>,
}

impl<'m> RecipientJson<'m> {
    fn new(recipient: &'m Recipient, zone: &Zone) -> Self {
        let status = recipient.status.as_deref();
        Self {
            address: recipient.address.logged(),
            direction: recipient.direction.as_str(),
            trace_id: recipient.trace_id.as_deref(),
            outcome: recipient.outcome.as_str(),
            folder: recipient.folder.as_deref(),
            junk: recipient.is_junk,
            status,
            status_class: status.and_then(status_class).map(|it| it.as_str()),
            status_text: bounce_in_words(status, recipient.reason.as_deref()),
            reason: recipient.reason.as_deref(),
            rule: recipient.rule.as_deref(),
            mailboxes: recipient.mailboxes.iter().map(|it| it.logged()).collect(),
            at: recipient.at.map(|it: Timestamp| it.in_zone(zone)),
            latency_ms: recipient.latency_ms,
            matched: None,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EventJson<'e> {
    timestamp: String,
    trace_id: Option<&'e str>,
    event_name: Option<&'e str>,
    log_group: Option<&'e str>,
    log_stream: Option<&'e str>,
    event_id: Option<&'e str>,
    /// Where it came from, where that was asked for; null where it was not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Option<EventSourceJson<'e>>>,
    message: Original<'e>,
}

impl<'e> EventJson<'e> {
    fn with(stored: &'e StoredEvent, source: Option<&'e Provenance>, zone: &Zone) -> Self {
        let source = source.map(|it| EventSourceJson::new(it, &stored.record, zone));
        Self { source: Some(source), ..Self::new(stored, zone) }
    }

    fn new(stored: &'e StoredEvent, zone: &Zone) -> Self {
        let record = &stored.record;
        let known = |text: &'e str| (!text.is_empty()).then_some(text);
        Self {
            timestamp: record.timestamp.in_zone(zone),
            trace_id: known(&stored.event.trace_id),
            event_name: known(stored.event.name.as_str()),
            log_group: record.log_group.as_deref(),
            log_stream: record.log_stream.as_deref(),
            event_id: record.event_id.as_deref(),
            source: None,
            message: original(&record.message),
        }
    }
}

/// The original message: JSON where it is JSON, else the text.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Original<'e> {
    Json(&'e RawValue),
    Text(&'e str),
}

/// The original message as JSON has it.
pub(super) fn original(message: &str) -> Original<'_> {
    match serde_json::from_str(message) {
        Ok(raw) => Original::Json(raw),
        Err(_) => Original::Text(message),
    }
}

/// Compact JSON in which every character is visible and every value is on one line.
struct VisibleFormatter;

impl Formatter for VisibleFormatter {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_visible(fragment, out)
    }

    fn write_raw_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_visible(fragment, out)
    }
}

fn write_visible<W: ?Sized + Write>(fragment: &str, out: &mut W) -> io::Result<()> {
    if !fragment.contains(is_hidden) {
        return out.write_all(fragment.as_bytes());
    }
    let mut visible = String::with_capacity(fragment.len() + 16);
    for character in fragment.chars() {
        match character {
            // In valid JSON these stand between tokens only.
            '\n' | '\r' | '\t' => visible.push(' '),
            it if is_hidden(it) => push_json_escape(it, &mut visible),
            it => visible.push(it),
        }
    }
    out.write_all(visible.as_bytes())
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
