//! Events in the Open Cybersecurity Schema Framework, class Email Activity
//! (<https://schema.ocsf.io/1.3.0/classes/email_activity>).

use serde_json::{Value, json};

use super::ecs::present;
use crate::event::{Event, EventName};
use crate::export::passage::PassingEvent;
use crate::render::sentence;
use crate::store::Record;
use crate::trace::Direction;

/// The version of the schema from which attributes are used; later versions have them too.
const VERSION: &str = "1.3.0";

const CATEGORY_UID: u32 = 4;
const CLASS_UID: u32 = 4009;

/// Returns one event as an object of the class. Facts without an attribute in the class are under
/// `unmapped`; the original is `raw_data`.
pub(super) fn document(passing: &PassingEvent) -> Value {
    let (record, event) = (&passing.stored.record, &passing.stored.event);
    let (activity_id, activity_name) = activity(event);
    let (direction_id, direction) = match passing.direction {
        Some(Direction::Incoming) => (1, "Inbound"),
        Some(Direction::Outgoing) => (2, "Outbound"),
        None => (0, "Unknown"),
    };
    let (status_id, status) = status(event);
    let is_failure = status_id == STATUS_FAILURE;
    let verdicts = &event.verdicts;
    let delivered_to = event.name == EventName::MailboxEmailDelivered;
    let delivered_to = event.recipient.first().filter(|_| delivered_to).map(|it| it.as_str());
    let actions: Vec<&str> = event.rule_actions.iter().map(|it| it.action.as_ref()).collect();
    let forwards: Vec<&str> = event.target_recipient.iter().map(|it| it.as_str()).collect();
    let mut object = present(json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": CATEGORY_UID,
        "category_name": "Network Activity",
        "class_uid": CLASS_UID,
        "class_name": "Email Activity",
        "type_uid": CLASS_UID * 100 + activity_id,
        "severity_id": if is_failure { 2 } else { 1 },
        "severity": if is_failure { "Low" } else { "Informational" },
        "time": record.timestamp.as_ms(),
        "message": sentence(event),
        "direction_id": direction_id,
        "direction": direction,
        "status_id": status_id,
        "status": status,
        "status_code": event.status,
        "status_detail": event.reason,
        "email": {
            "subject": passing.subject(),
            "message_uid": passing.message_id(),
            "uid": event.trace_id,
            "delivered_to": delivered_to,
            "smtp_from": passing.sender(),
        },
        "email_auth": {
            "dkim": verdicts.dkim,
            "dmarc": verdicts.dmarc,
            "dmarc_policy": verdicts.dmarc_policy,
            "spf": verdicts.spf,
        },
        "metadata": metadata(record, None),
        "raw_data": record.message,
        "unmapped": {
            "event_name": event.name.as_str(),
            "log_stream": record.log_stream,
            "folder": event.folder,
            "rule_name": event.rule_name,
            "rule_type": event.rule_type,
            "rule_actions": actions,
            "target_folder": event.target_folder,
            "target_recipients": forwards,
            "policy": event.policy,
            "spam_verdict": verdicts.spam,
            "time_approximate": record.is_time_approximate.then_some(true),
            "message_number": passing.message.number,
            "message_outcome": passing.message.outcome.as_str(),
            "source": passing.source_json(),
        },
    }));
    // Required by the class even if an event does not know them, hence added after `present`.
    if let Some(email) = object.get_mut("email").and_then(Value::as_object_mut) {
        email.insert("from".to_owned(), json!(passing.from().unwrap_or("")));
        email.insert("to".to_owned(), json!(passing.recipients()));
    }
    object
}

/// Returns where an event was logged, and its identifiers there.
pub(in crate::export) fn metadata(record: &Record<'_>, correlation_uid: Option<&str>) -> Value {
    json!({
        "version": VERSION,
        "product": {"name": "WorkMail", "vendor_name": "AWS"},
        "log_provider": "CloudWatch Logs",
        "log_name": record.log_group,
        "uid": record.event_id,
        "correlation_uid": correlation_uid,
        "logged_time": record.ingestion_time.map(|it| it.as_ms()),
    })
}

fn activity(event: &Event<'_>) -> (u32, &'static str) {
    match event.name {
        EventName::OutgoingEmailSubmitted
        | EventName::OutgoingEmailSent
        | EventName::OutgoingEmailBounced => (1, "Send"),
        EventName::OrganizationEmailReceived
        | EventName::MailboxEmailDelivered
        | EventName::IncomingEmailBounced => (2, "Receive"),
        EventName::DmarcPolicyApplied => (3, "Scan"),
        EventName::RuleApplied => (99, "Rule applied"),
        EventName::JournalingInitiated => (99, "Journaling initiated"),
        EventName::Other(_) => (0, "Unknown"),
    }
}

const STATUS_FAILURE: u32 = 2;

fn status(event: &Event<'_>) -> (u32, &'static str) {
    match event.name {
        EventName::MailboxEmailDelivered | EventName::OutgoingEmailSent => (1, "Success"),
        EventName::IncomingEmailBounced | EventName::OutgoingEmailBounced => {
            (STATUS_FAILURE, "Failure")
        }
        _ => (0, "Unknown"),
    }
}
