//! Small synthetic logs for tests, built from the documented fields.

use std::borrow::Cow;

use serde_json::{Value, json};

use super::{JoinRules, Message, join};
use crate::event::{Event, Parser};
use crate::store::{Record, StoredEvent};
use crate::time::Timestamp;

/// 2026-11-23T21:34:00.000Z, the start of every sample.
pub(crate) const START_MS: i64 = 1_795_469_640_000;

/// An event of the leg `trace_id`, `ms` after the start. Give no trace ID as an empty text.
pub(crate) fn at(ms: i64, trace_id: &str, name: &str, fields: Value) -> StoredEvent {
    let mut event = json!({"eventName": name});
    if let (Value::Object(event), Value::Object(fields)) = (&mut event, fields) {
        event.extend(fields);
    }
    let message = match trace_id {
        "" => json!({"event": event}),
        _ => json!({"traceId": trace_id, "event": event}),
    };
    stored(ms, &message.to_string())
}

/// A stored event from a message, `ms` after the start.
pub(crate) fn stored(ms: i64, message: &str) -> StoredEvent {
    StoredEvent {
        record: Record {
            log_group: Some("/aws/workmail/emailevents/acme".into()),
            log_stream: Some("s1".into()),
            event_id: None,
            timestamp: Timestamp::from_ms(START_MS + ms).unwrap(),
            is_time_approximate: false,
            ingestion_time: None,
            message: Cow::Owned(message.to_owned()),
        },
        event: Parser::new().parse(message).map(Event::into_owned).unwrap(),
    }
}

pub(crate) fn submitted(ms: i64, trace_id: &str, to: &[&str]) -> StoredEvent {
    let fields =
        json!({"from": "ana@acme.example", "subject": "Quarterly report", "recipients": to});
    at(ms, trace_id, "OUTGOING_EMAIL_SUBMITTED", fields)
}

pub(crate) fn sent(ms: i64, trace_id: &str, message_id: &str, to: &str) -> StoredEvent {
    let fields = json!({"from": "ana@acme.example", "messageId": message_id, "recipient": to});
    at(ms, trace_id, "OUTGOING_EMAIL_SENT", fields)
}

pub(crate) fn received(ms: i64, trace_id: &str, message_id: &str, to: &[&str]) -> StoredEvent {
    at(
        ms,
        trace_id,
        "ORGANIZATION_EMAIL_RECEIVED",
        json!({"from": "ana@acme.example", "subject": "Quarterly report", "messageId": message_id, "recipients": to,
            "spamVerdict": "PASS", "dkimVerdict": "PASS", "dmarcVerdict": "PASS", "spfVerdict": "PASS"}),
    )
}

pub(crate) fn delivered(ms: i64, trace_id: &str, to: &str, folder: &str) -> StoredEvent {
    at(ms, trace_id, "MAILBOX_EMAIL_DELIVERED", json!({"recipient": to, "folder": folder}))
}

pub(crate) fn bounced(ms: i64, trace_id: &str, direction: &str, to: &str) -> StoredEvent {
    let fields = json!({"bouncedRecipient": {"emailAddress": to, "action": "failed", "status": "5.2.2",
        "reason": "552 5.2.2 The mailbox is over quota"}});
    at(ms, trace_id, &format!("{direction}_EMAIL_BOUNCED"), fields)
}

pub(crate) fn rule(ms: i64, trace_id: &str, kind: &str, action: &str, to: &[&str]) -> StoredEvent {
    let fields = json!({"ruleName": "Quarantine", "ruleType": kind, "ruleActions": [{"action": action, "recipients": to}]});
    at(ms, trace_id, "RULE_APPLIED", fields)
}

pub(crate) fn dmarc(ms: i64, trace_id: &str, policy: &str, to: &[&str]) -> StoredEvent {
    let fields = json!({"from": "ana@acme.example", "recipients": to, "policy": policy});
    at(ms, trace_id, "DMARC_POLICY_APPLIED", fields)
}

/// Joins with the newest record a day after the start, so that nothing is pending.
pub(crate) fn joined(events: &[StoredEvent]) -> Vec<Message> {
    joined_before(events, 24 * 60 * 60 * 1_000)
}

/// Joins with the newest record `newest_ms` after the start.
pub(crate) fn joined_before(events: &[StoredEvent], newest_ms: i64) -> Vec<Message> {
    let newest = Timestamp::from_ms(START_MS + newest_ms);
    join(events.to_vec(), &JoinRules { newest, ..JoinRules::default() })
}

/// A message to four people, two of them behind a group: one has no room, one is outside.
pub(crate) fn report_to_four() -> Vec<StoredEvent> {
    let everybody = ["bob@acme.example", "team@acme.example", "zoe@far.example"];
    vec![
        submitted(0, "out-1", &everybody),
        sent(800, "out-1", "<m1@acme.example>", "bob@acme.example"),
        sent(810, "out-1", "<m1@acme.example>", "team@acme.example"),
        sent(2_300, "out-1", "<m1@acme.example>", "zoe@far.example"),
        received(1_200, "in-1", "m1@acme.example", &["bob@acme.example", "team@acme.example"]),
        rule(1_500, "in-1", "INBOUND_RULE", "MOVE_TO_JUNK", &["carl@acme.example"]),
        delivered(2_000, "in-1", "carl@acme.example", "Junk E-mail"),
        delivered(2_100, "in-1", "dora@acme.example", "INBOX"),
        bounced(2_600, "in-1", "INCOMING", "bob@acme.example"),
    ]
}
