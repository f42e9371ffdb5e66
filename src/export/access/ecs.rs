//! Audit events in the Elastic Common Schema (<https://www.elastic.co/docs/reference/ecs>).

use std::net::IpAddr;

use serde_json::{Value, json};

use super::PassingAccess;
use crate::access::People;
use crate::audit::{AuditEvent, AuditField, AuditType, Flag};
use crate::export::flat::ecs::{VERSION, present};
use crate::render::{access_owner, access_sentence, access_user};
use crate::time::Timestamp;

/// Returns one event as a document. `user` is who acted, `user.target` the mailbox's owner. Facts
/// without a field in the schema are under `workmail`, the original is under `event.original`.
pub(super) fn document(passing: &PassingAccess, people: &People) -> Value {
    let access = &passing.access;
    let (record, event) = (&access.record, &access.event);
    let get = |field| event.get(field);
    let shown = |it: Timestamp| it.to_string();
    let (category, kind) = category_and_type(event);
    let address = get(AuditField::SourceIp);
    let organization = organization_of(event);
    let user = access_user(access, people);
    let owner = access_owner(access, people);
    present(json!({
        "@timestamp": shown(access.at()),
        "ecs": {"version": VERSION},
        "message": access_sentence(access, people),
        "event": {
            "kind": "event",
            "category": category,
            "type": kind,
            "module": "workmail",
            "dataset": format!("workmail.{}", event.kind.as_str().replace('-', "_")),
            "action": action_of(event),
            "outcome": outcome(event),
            "reason": get(AuditField::AuthFailedReason).or(get(AuditField::ErrorMessage)),
            "id": get(AuditField::RequestId).or(record.event_id.as_deref()),
            "created": record.ingestion_time.map(shown),
            "original": record.message,
        },
        "user": {
            "id": get(AuditField::UserId),
            "name": user,
            "email": user.filter(|it| it.contains('@')),
            "target": {
                "id": get(AuditField::OwnerId),
                "name": owner,
                "email": owner.filter(|it| it.contains('@')),
            },
        },
        "source": {
            "address": address,
            // An index maps `ip` to a type that refuses anything else; `address` takes any text.
            "ip": address.filter(|it| it.parse::<IpAddr>().is_ok()),
        },
        "user_agent": {"original": get(AuditField::UserAgent)},
        "network": {"protocol": get(AuditField::Protocol).map(str::to_lowercase)},
        "rule": {"id": get(AuditField::RuleId)},
        "cloud": {
            "provider": "aws",
            "service": {"name": "workmail"},
            "account": {"id": organization.as_ref().map(|it| it.account)},
            "region": organization.as_ref().map(|it| it.region),
        },
        "organization": {"id": organization.as_ref().map(|it| it.id)},
        "aws": {"cloudwatch": {"log_group": record.log_group, "log_stream": record.log_stream}},
        "workmail": {
            "type": event.kind.as_str(),
            "user": get(AuditField::User),
            "impersonator_id": get(AuditField::ImpersonatorId),
            "object_type": get(AuditField::ObjectType),
            "item_id": get(AuditField::ItemId),
            "folder_path": get(AuditField::FolderPath),
            "folder_id": get(AuditField::FolderId),
            "attachment_path": get(AuditField::AttachmentPath),
            "scope": get(AuditField::Scope),
            "method": get(AuditField::Method),
            "token": {
                "id": get(AuditField::PersonalAccessTokenId),
                "name": get(AuditField::Name),
                "scopes": get(AuditField::Scopes),
                "expires": get(AuditField::ExpiresTime),
            },
            "availability": {
                "type": get(AuditField::ProviderType),
                "domain": get(AuditField::Domain),
                "function_arn": get(AuditField::FunctionArn),
                "ews_endpoint": get(AuditField::EwsEndpoint),
            },
        },
        "mailtrace": {"source": passing.source_json()},
    }))
}

/// Returns the schema's category and type of an event; no category if none fits.
fn category_and_type(event: &AuditEvent<'_>) -> (Option<[&'static str; 1]>, [&'static str; 1]) {
    let change = || match event.get(AuditField::Action).map(str::to_ascii_lowercase).as_deref() {
        Some("read") => "access",
        Some("create") => "creation",
        Some("delete") => "deletion",
        Some(_) => "change",
        None => "info",
    };
    match event.kind {
        AuditType::Authentication => (Some(["authentication"]), ["start"]),
        AuditType::AccessControl => {
            let kind = match event.allowed() {
                Some(Flag::Yes) => "allowed",
                Some(Flag::No) => "denied",
                _ => "info",
            };
            (Some(["authentication"]), [kind])
        }
        AuditType::MailboxAccess => (Some(["email"]), [change()]),
        AuditType::PersonalAccessToken => (Some(["iam"]), [change()]),
        AuditType::AvailabilityProvider => (Some(["web"]), ["access"]),
        AuditType::Unknown => (None, ["info"]),
    }
}

/// Returns the event's own name for what was done, or else its type.
pub(super) fn action_of<'e>(event: &'e AuditEvent<'_>) -> &'e str {
    event.get(AuditField::Action).unwrap_or(event.kind.as_str())
}

fn outcome(event: &AuditEvent<'_>) -> &'static str {
    match event.allowed() {
        Some(Flag::Yes) => "success",
        Some(Flag::No) => "failure",
        _ => "unknown",
    }
}

/// The parts of an organization's ARN.
pub(super) struct ArnOrganization<'e> {
    pub(super) region: &'e str,
    pub(super) account: &'e str,
    pub(super) id: &'e str,
}

/// Parses `arn:aws:workmail:REGION:ACCOUNT:organization/ID`.
pub(super) fn organization_of<'e>(event: &'e AuditEvent<'_>) -> Option<ArnOrganization<'e>> {
    let mut parts = event.get(AuditField::OrganizationArn)?.splitn(6, ':').skip(3);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    Some(ArnOrganization { region, account, id: resource.strip_prefix("organization/")? })
}
