//! JSON: the contract that programs rely on.
//!
//! Characters that could act on a terminal are written as `\u` escapes, which is the same JSON.
//! Original messages are embedded unchanged except for those and for line breaks between their
//! tokens, so that one object stays on one line.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use serde_json::{Serializer, Value};

use super::provenance::EventSourceJson;
use super::sanitise::{is_hidden, push_json_escape};
use crate::store::{Provenance, StoredEvent};
use crate::time::{Timestamp, Zone};
use crate::trace::{Message, Recipient, bounce_in_words, status_class};

/// Writes a value on one line.
pub fn write_json(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    write_value(value, out)?;
    out.write_all(b"\n")
}

/// Writes an answer on several lines, for people to read as well.
pub fn write_json_pretty(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    // The formatter below writes a single line, so the finished text is searched instead.
    let pretty = serde_json::to_string_pretty(value)?;
    let mut visible = String::with_capacity(pretty.len() + 1);
    for character in pretty.chars() {
        match character {
            // Within a string it is escaped already.
            '\n' => visible.push('\n'),
            it if is_hidden(it) => push_json_escape(it, &mut visible),
            it => visible.push(it),
        }
    }
    visible.push('\n');
    out.write_all(visible.as_bytes())
}

/// Writes a message with its events, without an end of line.
pub(super) fn write_message(message: &Message, zone: &Zone, out: &mut dyn Write) -> io::Result<()> {
    write_value(&MessageJson::new(message, Some(None), zone), out)
}

pub(super) fn write_value(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, VisibleFormatter))?;
    Ok(())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageJson<'m> {
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

/// The source of each event of a message, if requested.
type MessageSources<'m> = Option<&'m [Option<Provenance>]>;

impl<'m> MessageJson<'m> {
    /// Makes the JSON of a message. `events` says whether it has its events, and whether each names
    /// its source.
    pub(super) fn new(
        message: &'m Message,
        events: Option<MessageSources<'m>>,
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
            events: events.map(|sources| match sources {
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

    /// Adds audit events that may belong to it, after everything that is known for certain.
    pub(super) fn with_access(self, access: Option<&'m Value>) -> Self {
        Self { access, ..self }
    }

    /// Adds to each row whether it matches the question.
    pub(super) fn with_matched(mut self, matched: &[bool]) -> Self {
        for (recipient, matched) in self.recipients.iter_mut().zip(matched) {
            recipient.matched = Some(*matched);
        }
        self
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
    /// True if it matches the question; null if the question said nothing about recipients.
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
pub(super) struct EventJson<'e> {
    timestamp: String,
    trace_id: Option<&'e str>,
    event_name: Option<&'e str>,
    log_group: Option<&'e str>,
    log_stream: Option<&'e str>,
    event_id: Option<&'e str>,
    /// The event's source if requested; null if it was not recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Option<EventSourceJson<'e>>>,
    message: Original<'e>,
}

impl<'e> EventJson<'e> {
    fn with(stored: &'e StoredEvent, source: Option<&'e Provenance>, zone: &Zone) -> Self {
        let source = source.map(|it| EventSourceJson::new(it, &stored.record, zone));
        Self { source: Some(source), ..Self::new(stored, zone) }
    }

    pub(super) fn new(stored: &'e StoredEvent, zone: &Zone) -> Self {
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

/// The original message: JSON if it is JSON, or else text.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Original<'e> {
    Json(&'e RawValue),
    Text(&'e str),
}

/// Wraps the original message for JSON.
pub(super) fn original(message: &str) -> Original<'_> {
    // As raw text: a parsed value would lose repeated members and the spelling of numbers.
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
    // Nearly every fragment: written without a copy.
    if !fragment.contains(is_hidden) {
        return out.write_all(fragment.as_bytes());
    }
    let mut visible = String::with_capacity(fragment.len() + 16);
    for character in fragment.chars() {
        match character {
            // In valid JSON these occur only between tokens.
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
