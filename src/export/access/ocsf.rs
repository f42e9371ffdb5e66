//! Audit events in the Open Cybersecurity Schema Framework: Authentication
//! (<https://schema.ocsf.io/1.3.0/classes/authentication>) for who got in, Datastore Activity
//! (<https://schema.ocsf.io/1.3.0/classes/datastore_activity>) for what they did in a mailbox, API
//! Activity for the rest.

use serde_json::{Value, json};

use super::PassingAccess;
use super::ecs::{action_of, organization_of};
use crate::access::{AccessEvent, People};
use crate::audit::{AuditEvent, AuditField, AuditType, Flag};
use crate::export::flat::ecs::present;
use crate::export::flat::ocsf::metadata;
use crate::render::{access_owner, access_sentence, access_user};

/// A class with its category.
struct Class {
    category_uid: u32,
    category: &'static str,
    uid: u32,
    name: &'static str,
}

const AUTHENTICATION: Class = Class {
    category_uid: 3,
    category: "Identity & Access Management",
    uid: 3002,
    name: "Authentication",
};
const DATASTORE: Class = Class {
    category_uid: 6,
    category: "Application Activity",
    uid: 6005,
    name: "Datastore Activity",
};
const API: Class =
    Class { category_uid: 6, category: "Application Activity", uid: 6003, name: "API Activity" };

/// Returns one event as an object of its class. Facts without an attribute in the class are under
/// `unmapped`; the original is `raw_data`.
pub(super) fn document(passing: &PassingAccess, people: &People) -> Value {
    let access = &passing.access;
    let (record, event) = (&access.record, &access.event);
    let get = |field| event.get(field);
    let class = class_of(event);
    let (activity_id, activity_name) = activity_of(event);
    let (status_id, status) = match event.allowed() {
        Some(Flag::Yes) => (1, "Success"),
        Some(Flag::No) => (2, "Failure"),
        _ => (0, "Unknown"),
    };
    let is_failure = status_id == 2;
    let organization = organization_of(event);
    let mut object = present(json!({
        "activity_id": activity_id,
        "activity_name": activity_name,
        "category_uid": class.category_uid,
        "category_name": class.category,
        "class_uid": class.uid,
        "class_name": class.name,
        "type_uid": class.uid * 100 + activity_id,
        "severity_id": if is_failure { 2 } else { 1 },
        "severity": if is_failure { "Low" } else { "Informational" },
        "time": access.at().as_ms(),
        "message": access_sentence(access, people),
        "status_id": status_id,
        "status": status,
        "status_detail": get(AuditField::AuthFailedReason).or(get(AuditField::ErrorMessage)),
        "http_request": {"user_agent": get(AuditField::UserAgent)},
        "cloud": {
            "provider": "AWS",
            "region": organization.as_ref().map(|it| it.region),
            "account": {"uid": organization.as_ref().map(|it| it.account)},
            "org": {"uid": organization.as_ref().map(|it| it.id)},
        },
        "metadata": metadata(record, get(AuditField::RequestId)),
        "raw_data": record.message,
        "unmapped": unmapped(passing),
    }));
    // Added after `present`, which would drop required attributes that are empty.
    let own = own_attributes(access, people, &class);
    if let (Some(object), Value::Object(own)) = (object.as_object_mut(), own) {
        object.extend(own);
    }
    object
}

/// Returns the attributes that only this class has, and those that it requires even if an event
/// does not know them.
fn own_attributes(access: &AccessEvent, people: &People, class: &Class) -> Value {
    let event = &access.event;
    let get = |field| event.get(field);
    let person = |id: Option<&str>, name: Option<&str>| {
        present(json!({
            "uid": id, "name": name, "email_addr": name.filter(|it| it.contains('@')),
        }))
    };
    let user = person(get(AuditField::UserId), access_user(access, people));
    let endpoint = present(json!({"ip": get(AuditField::SourceIp)}));
    let is_api = class.uid == API.uid;
    match class.uid {
        3002 => json!({
            "user": user,
            "src_endpoint": endpoint,
            "service": {"name": "WorkMail"},
            "auth_protocol": get(AuditField::Method).or(get(AuditField::Protocol)),
        }),
        _ if is_api => json!({
            "actor": {"user": user},
            "src_endpoint": endpoint,
            "api": {"operation": action_of(event), "service": {"name": "WorkMail"}},
        }),
        _ => json!({
            "actor": {"user": user},
            "src_endpoint": endpoint,
            "databucket": present(json!({
                "type_id": 99,
                "type": "Mailbox",
                "uid": get(AuditField::OwnerId),
                "name": access_owner(access, people),
                "file": {
                    "name": get(AuditField::ItemId),
                    "type_id": 99,
                    "type": get(AuditField::ObjectType),
                    "path": get(AuditField::FolderPath),
                },
            })),
        }),
    }
}

fn unmapped(passing: &PassingAccess) -> Value {
    let event = &passing.access.event;
    let mapped = [
        AuditField::UserId,
        AuditField::SourceIp,
        AuditField::UserAgent,
        AuditField::RequestId,
        AuditField::OrganizationArn,
    ];
    let mut members: serde_json::Map<String, Value> = event
        .fields()
        .filter(|(field, _)| !mapped.contains(field))
        .map(|(field, value)| (field.key().to_owned(), json!(value)))
        .collect();
    members.insert("audit_type".to_owned(), json!(event.kind.as_str()));
    members.insert("log_stream".to_owned(), json!(passing.access.record.log_stream));
    members.insert("source".to_owned(), json!(passing.source_json()));
    Value::Object(members)
}

fn class_of(event: &AuditEvent<'_>) -> Class {
    match event.kind {
        AuditType::Authentication | AuditType::AccessControl | AuditType::PersonalAccessToken => {
            AUTHENTICATION
        }
        AuditType::MailboxAccess => DATASTORE,
        AuditType::AvailabilityProvider | AuditType::Unknown => API,
    }
}

fn activity_of<'e>(event: &'e AuditEvent<'_>) -> (u32, &'e str) {
    const OTHER: u32 = 99;
    match event.kind {
        AuditType::Authentication => (1, "Logon"),
        AuditType::AccessControl => (OTHER, "Access control"),
        AuditType::PersonalAccessToken => (OTHER, "Personal access token"),
        AuditType::MailboxAccess => match action_of(event).to_ascii_lowercase().as_str() {
            "read" => (1, "Read"),
            "update" => (2, "Update"),
            "create" => (6, "Create"),
            "delete" => (7, "Delete"),
            _ => (OTHER, action_of(event)),
        },
        AuditType::AvailabilityProvider => (OTHER, "Availability"),
        AuditType::Unknown => (0, "Unknown"),
    }
}
