//! The documents of records that are no email events.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::document::{Author, ClusterDocument, Time, digest, keyword};
use super::names::{DocumentKind, Names};
use crate::audit::{AuditEvent, AuditField, AuditType, Flag};
use crate::store::words::folded;
use crate::store::{Location, Record, audit_term, ip_term};

/// The names of documents' fields, by the log's.
const FIELDS: [(AuditField, &str); 24] = [
    (AuditField::UserId, "userId"),
    (AuditField::User, "userName"),
    (AuditField::OwnerId, "ownerId"),
    (AuditField::ImpersonatorId, "impersonatorId"),
    (AuditField::SourceIp, "sourceIp"),
    (AuditField::Protocol, "protocol"),
    (AuditField::UserAgent, "agent"),
    (AuditField::Action, "action"),
    (AuditField::ObjectType, "objectType"),
    (AuditField::ItemId, "itemId"),
    (AuditField::FolderPath, "folderPath"),
    (AuditField::FolderId, "folderId"),
    (AuditField::AttachmentPath, "attachmentPath"),
    (AuditField::Scope, "scope"),
    (AuditField::RuleId, "ruleId"),
    (AuditField::Method, "method"),
    (AuditField::AuthFailedReason, "reason"),
    (AuditField::PersonalAccessTokenId, "tokenId"),
    (AuditField::Name, "token"),
    (AuditField::Scopes, "scopes"),
    (AuditField::Domain, "domain"),
    (AuditField::ErrorMessage, "error"),
    (AuditField::RequestId, "requestId"),
    (AuditField::OrganizationArn, "organizationArn"),
];

/// Fields with opaque values, in which the case of letters counts.
const OPAQUE: [AuditField; 5] = [
    AuditField::ItemId,
    AuditField::FolderId,
    AuditField::RequestId,
    AuditField::PersonalAccessTokenId,
    AuditField::OrganizationArn,
];

/// The fields by which questions look events up.
const KEYED: [AuditField; 9] = [
    AuditField::UserId,
    AuditField::OwnerId,
    AuditField::ImpersonatorId,
    AuditField::User,
    AuditField::SourceIp,
    AuditField::ItemId,
    AuditField::Action,
    AuditField::Protocol,
    AuditField::RequestId,
];

/// The names of documents' fields in which case counts, or of those in which it does not.
pub(super) fn field_names(is_opaque: bool) -> impl Iterator<Item = &'static str> {
    let fields = FIELDS.iter().filter(move |(it, _)| OPAQUE.contains(it) == is_opaque);
    fields.map(|(_, name)| *name)
}

/// The field that holds the values of [`key_of`].
pub(super) const KEYS: &str = "keys";

/// The field with one value for each pair of ID and name that got in, by which people get their
/// names.
pub(super) const NAMED: &str = "named";

/// The field with one value for each person and address of a machine, by which new addresses are
/// found.
pub(super) const CAME: &str = "came";

/// The key of a value in a field, in the form in which the store compares; none for fields that
/// are not looked up.
pub(super) fn key_of(field: AuditField, value: &str) -> Option<String> {
    let key = || format!("{} {}", field.key(), audit_term(field, value));
    KEYED.contains(&field).then(|| keyword(&key()).into_owned())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordContent<'r> {
    identity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<i64>,
    at: Time,
    /// The time of the record; its event may have another.
    logged_at: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_time_approximate: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ingested_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_group: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_stream: Option<Cow<'r, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Cow<'r, str>>,
    original: &'r str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessContent<'e> {
    #[serde(flatten)]
    record: RecordContent<'e>,
    #[serde(rename = "type")]
    kind: &'static str,
    denied: bool,
    failed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<Cow<'e, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    keys: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    named: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<String>,
    #[serde(flatten)]
    fields: BTreeMap<&'static str, Cow<'e, str>>,
}

impl Author {
    /// The document of an audit event. Its ID does not depend on the publisher.
    pub(super) fn access(
        &self,
        names: &Names,
        (record, event): (&Record<'_>, &AuditEvent<'_>),
        place: Location,
        identity: [u8; 16],
    ) -> ClusterDocument {
        let at = event.at.unwrap_or(record.timestamp);
        let get = |field| event.get(field);
        let ip = get(AuditField::SourceIp).map(ip_term);
        let fields = FIELDS.iter().filter_map(|(it, name)| Some((*name, keyword(get(*it)?))));
        let content = AccessContent {
            record: RecordContent { at: Time(at), ..content_of(record, place, identity) },
            kind: event.kind.as_str(),
            denied: event.is_denied(),
            failed: event.is_failed(),
            allowed: event.allowed().map(|it| keyword(it.as_str())),
            ip: ip.as_ref().and_then(|it| it.parse().ok()),
            keys: KEYED.into_iter().filter_map(|it| key_of(it, get(it)?)).collect(),
            named: named(event),
            came: ip.and_then(|ip| came(event, &ip)),
            fields: fields.collect(),
        };
        let id = self.id(&[&identity]);
        self.document(names.index(DocumentKind::Access, at), id, at, &content)
    }

    /// The document of a record of the directory.
    pub(super) fn directory(
        &self,
        names: &Names,
        record: &Record<'_>,
        place: Location,
        identity: [u8; 16],
    ) -> ClusterDocument {
        let at = record.timestamp;
        let id = self.id(&[&identity]);
        let index = names.index(DocumentKind::Directory, at);
        self.document(index, id, at, &content_of(record, place, identity))
    }
}

fn content_of<'r>(
    record: &'r Record<'_>,
    place: Location,
    identity: [u8; 16],
) -> RecordContent<'r> {
    RecordContent {
        identity: hex::encode(identity),
        place: i64::try_from(place.to_bits()).ok(),
        at: Time(record.timestamp),
        logged_at: Time(record.timestamp),
        is_time_approximate: record.is_time_approximate.then_some(true),
        ingested_at: record.ingestion_time.map(Time),
        log_group: record.log_group.as_deref().map(keyword),
        log_stream: record.log_stream.as_deref().map(keyword),
        event_id: record.event_id.as_deref().map(keyword),
        original: &record.message,
    }
}

/// A digest of an ID and its name. None after a failed sign-in, where anybody may have typed any
/// name.
fn named(event: &AuditEvent<'_>) -> Option<String> {
    let (id, name) = event.get(AuditField::UserId).zip(event.get(AuditField::User))?;
    if event.flag(AuditField::AuthSuccessful) == Some(Flag::No) {
        return None;
    }
    // Only these types name people. Their first event must not hide behind an earlier one of
    // another type that has the same ID and name.
    let is_told_by_type =
        matches!(event.kind, AuditType::Authentication | AuditType::PersonalAccessToken);
    let kind: &[u8] = if is_told_by_type { b"signed in" } else { b"" };
    Some(digest(&[folded(id).as_bytes(), folded(name).as_bytes(), kind]))
}

/// A digest of a person and the address they came from.
fn came(event: &AuditEvent<'_>, ip: &str) -> Option<String> {
    let (id, name) = (event.get(AuditField::UserId), event.get(AuditField::User));
    let person = match id {
        Some(id) => digest(&[b"id", folded(id).as_bytes()]),
        None => digest(&[b"name", folded(name?).as_bytes()]),
    };
    Some(digest(&[person.as_bytes(), ip.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::OtherRecord;
    use crate::time::Timestamp;

    fn document(message: &str) -> (ClusterDocument, Value) {
        let record = Record {
            log_group: Some("/audit".into()),
            log_stream: None,
            event_id: None,
            timestamp: Timestamp::from_ms(1_798_761_600_000).unwrap(),
            is_time_approximate: false,
            ingestion_time: None,
            message: message.to_owned().into(),
        };
        let Some(OtherRecord::Audit(event)) = OtherRecord::parse(message) else { panic!() };
        let author = Author { organization: "acme".to_owned(), store: "s".to_owned(), commit: 7 };
        let names = Names::with_prefix("mailtrace").unwrap();
        let document = author.access(&names, (&record, &*event), Location::default(), [1; 16]);
        let content = serde_json::from_slice(&document.json).unwrap();
        (document, content)
    }

    #[test]
    fn an_event_is_found_by_its_own_time_and_by_what_it_says() {
        let message = r#"{"event_timestamp":1795428000000,"user_id":"U-1","user":"Ana@acme.example","source_ip":"::ffff:198.51.100.7","auth_successful":"True","method":"x"}"#;
        let (document, content) = document(message);
        assert_eq!(document.index, "mailtrace-access-2026.11");
        assert_eq!(content["at"], "2026-11-23T10:00:00.000Z");
        assert_eq!(content["loggedAt"], "2027-01-01T00:00:00.000Z");
        assert_eq!(content["type"], "authentication");
        assert_eq!(
            (&content["sourceIp"], &content["ip"]),
            (&json!("::ffff:198.51.100.7"), &json!("198.51.100.7"))
        );
        assert_eq!(
            content["keys"],
            json!(["user_id u-1", "user ana@acme.example", "source_ip 198.51.100.7"])
        );
        assert_eq!(content["original"], message);
        assert!(content["named"].is_string() && content["came"].is_string());
    }

    #[test]
    fn whoever_could_not_get_in_names_nobody_and_hostile_values_stay_values() {
        let long = "x".repeat(40_000);
        let message = format!(
            r#"{{"event_timestamp":1795428000000,"user_id":"u","user":"{long}","source_ip":"not an address","auth_successful":0,"original":{{"a":1}},"organization":"zenith"}}"#
        );
        let (_, content) = document(&message);
        assert_eq!((&content["named"], &content["ip"]), (&Value::Null, &Value::Null));
        assert_eq!((&content["failed"], &content["organization"]), (&json!(true), &json!("acme")));
        assert!(content["userName"].as_str().unwrap().starts_with("sha256:"));
        // What is looked up is cut as in the store.
        assert!(content["keys"][1].as_str().unwrap().len() < 8_100);
    }
}
