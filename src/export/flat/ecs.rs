//! Events in the Elastic Common Schema (<https://www.elastic.co/docs/reference/ecs/ecs-email>).

use serde_json::{Map, Value, json};

use crate::event::{Event, EventName};
use crate::export::passage::PassingEvent;
use crate::render::sentence;
use crate::time::Timestamp;
use crate::trace::Direction;

/// The version of the schema from which fields are used.
pub(in crate::export) const VERSION: &str = "8.17.0";

/// Returns one event as a document. Facts without a field in the schema are under `workmail`, the
/// record's source in the store under `mailtrace`, the original under `event.original`.
pub(super) fn document(passing: &PassingEvent) -> Value {
    let (record, event) = (&passing.stored.record, &passing.stored.event);
    let shown = |it: Timestamp| it.to_string();
    let is_delivery = event.name == EventName::MailboxEmailDelivered;
    let verdicts = &event.verdicts;
    let actions: Vec<&str> = event.rule_actions.iter().map(|it| it.action.as_ref()).collect();
    let forwards: Vec<&str> = event.target_recipient.iter().map(|it| it.as_str()).collect();
    present(json!({
        "@timestamp": shown(record.timestamp),
        "ecs": {"version": VERSION},
        "message": sentence(event),
        "event": {
            "kind": "event",
            "category": ["email"],
            "type": ["info"],
            "module": "workmail",
            "dataset": "workmail.email_events",
            "action": event.name.as_str(),
            "outcome": outcome(event),
            "code": event.status,
            "reason": event.reason,
            "id": record.event_id,
            "created": record.ingestion_time.map(shown),
            "original": record.message,
        },
        "email": {
            "direction": match passing.direction {
                Some(Direction::Outgoing) => "outbound",
                Some(Direction::Incoming) => "inbound",
                None => "unknown",
            },
            "from": {"address": passing.from().map(|it| [it])},
            "sender": {"address": passing.sender()},
            "to": {"address": passing.recipients()},
            "subject": passing.subject(),
            "message_id": passing.message_id(),
            "local_id": event.trace_id,
            "origination_timestamp": event.message_timestamp.map(shown),
            "delivery_timestamp": is_delivery.then(|| shown(record.timestamp)),
        },
        "rule": {"name": event.rule_name, "category": event.rule_type},
        "cloud": {"provider": "aws", "service": {"name": "workmail"}},
        "aws": {"cloudwatch": {"log_group": record.log_group, "log_stream": record.log_stream}},
        "workmail": {
            "trace_id": event.trace_id,
            "folder": event.folder,
            "target_folder": event.target_folder,
            "target_recipients": forwards,
            "rule_actions": actions,
            "policy": event.policy,
            "verdict": {
                "spam": verdicts.spam,
                "dkim": verdicts.dkim,
                "dmarc": verdicts.dmarc,
                "dmarc_policy": verdicts.dmarc_policy,
                "spf": verdicts.spf,
            },
            "time_approximate": record.is_time_approximate.then_some(true),
            "message": {
                "number": passing.message.number,
                "outcome": passing.message.outcome.as_str(),
            },
        },
        "mailtrace": {"source": passing.source_json()},
    }))
}

/// Returns the result that the event reports, as far as it reports one.
fn outcome(event: &Event<'_>) -> &'static str {
    match event.name {
        EventName::MailboxEmailDelivered | EventName::OutgoingEmailSent => "success",
        EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => "failure",
        _ => "unknown",
    }
}

/// Removes empty members, for which a SIEM has no use.
pub(in crate::export) fn present(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let kept: Map<String, Value> = members
        .into_iter()
        .map(|(key, value)| (key, present(value)))
        .filter(|(_, value)| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(members) => !members.is_empty(),
            _ => true,
        })
        .collect();
    Value::Object(kept)
}
