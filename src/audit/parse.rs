//! Parses an audit event from a log message, and recognises other kinds of records.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{AuditEvent, AuditField, AuditType};
use crate::time::{LoggedTime, Timestamp};

/// The key that marks a record of the organization's directory.
pub const DIRECTORY_KEY: &str = "mailtraceDirectory";

/// The key of an audit event's time.
const TIME_KEY: &str = "event_timestamp";

/// A record that is kept although it is no email event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OtherRecord<'a> {
    /// An event of WorkMail's audit logs.
    Audit(Box<AuditEvent<'a>>),
    /// A statement of the directory about the organization; see [`DIRECTORY_KEY`].
    Directory,
}

type Members<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

impl<'a> OtherRecord<'a> {
    /// Parses a message that is no email event; `None` if it is of no other kind either.
    pub fn parse(message: &'a str) -> Option<Self> {
        if !may_be_other(message) {
            return None;
        }
        let members: Members<'a> = serde_json::from_str(message).ok()?;
        if members.contains_key(DIRECTORY_KEY) {
            return Some(Self::Directory);
        }
        let is_audit = is_of_workmail(&members) || is_marked(&members);
        is_audit.then(|| Self::Audit(Box::new(AuditEvent::of(&members))))
    }

    /// The time at which it happened, if the message says so.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Audit(event) => event.at,
            Self::Directory => None,
        }
    }
}

/// False if the message is certainly neither, judged without parsing it.
fn may_be_other(message: &str) -> bool {
    let bytes = message.trim_start().as_bytes();
    let has = |name: &str| memchr::memmem::find(bytes, name.as_bytes()).is_some();
    bytes.first() == Some(&b'{') && (has("_arn") || has(TIME_KEY) || has(DIRECTORY_KEY))
}

/// True if the ARN names a WorkMail organization, in any partition.
fn is_of_workmail(members: &Members<'_>) -> bool {
    let arn = members.get(AuditField::OrganizationArn.key()).and_then(|it| text(it.get()));
    arn.is_some_and(|it| it.starts_with("arn:") && it.contains(":workmail:"))
}

/// True for an event of a delivery that leaves the organization out.
fn is_marked(members: &Members<'_>) -> bool {
    members.contains_key(TIME_KEY) && type_of(members) != AuditType::Unknown
}

fn type_of(members: &Members<'_>) -> AuditType {
    // The order decides where types share fields: mailbox access has an action as tokens have, so
    // the fields that only one type has go first.
    let has = |field: AuditField| members.contains_key(field.key());
    if has(AuditField::ActionAllowed) || has(AuditField::ObjectType) {
        AuditType::MailboxAccess
    } else if has(AuditField::AccessGranted) || has(AuditField::Scope) {
        AuditType::AccessControl
    } else if has(AuditField::AuthSuccessful) || has(AuditField::Method) {
        AuditType::Authentication
    } else if has(AuditField::Scopes) || (has(AuditField::Name) && has(AuditField::Action)) {
        AuditType::PersonalAccessToken
    } else if has(AuditField::AvailabilityEventSuccessful) || has(AuditField::EwsEndpoint) {
        AuditType::AvailabilityProvider
    // An owner or an item alone still means a mailbox, but only if nothing more certain was found.
    } else if has(AuditField::OwnerId) || has(AuditField::ItemId) {
        AuditType::MailboxAccess
    } else {
        AuditType::Unknown
    }
}

impl<'a> AuditEvent<'a> {
    fn of(members: &Members<'a>) -> Self {
        let mut event = Self { kind: type_of(members), ..Self::default() };
        for (slot, field) in event.values.iter_mut().zip(AuditField::ALL) {
            *slot = members.get(field.key()).and_then(|it| text(it.get()));
        }
        let time = members.get(TIME_KEY).and_then(|it| text(it.get()));
        event.at = time.and_then(|it| LoggedTime::parse(&it)).map(|it| it.at);
        event
    }
}

/// A value as text: JSON strings without their quotes, everything else as it was written.
fn text(raw: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
    let text = match raw.as_bytes().first()? {
        // A string that is not valid Unicode, such as half a surrogate pair, is kept as it was
        // written.
        b'"' => serde_json::from_str(raw).map_or(Cow::Borrowed(raw), |Text(text)| text),
        _ if raw == "null" => return None,
        _ => Cow::Borrowed(raw),
    };
    (!text.trim().is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ARN: &str = "arn:aws:workmail:eu-west-1:123456789012:organization/m-1";

    fn audit(members: &str) -> AuditEvent<'static> {
        let message = format!(
            r#"{{"event_timestamp":1793000003347,"request_id":"r","organization_arn":"{ARN}",{members}}}"#
        );
        match OtherRecord::parse(&message) {
            Some(OtherRecord::Audit(event)) => event.into_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_fields_tell_the_type() {
        for (members, expect) in [
            (r#""action":"read","action_allowed":true"#, AuditType::MailboxAccess),
            (r#""object_type":"Folder""#, AuditType::MailboxAccess),
            (r#""scope":"AccessControl","access_granted":false"#, AuditType::AccessControl),
            (r#""user":"a@x","auth_successful":"true""#, AuditType::Authentication),
            (r#""action":"create","name":"n","scopes":["a"]"#, AuditType::PersonalAccessToken),
            (
                r#""type":"EWS","availability_event_successful":true"#,
                AuditType::AvailabilityProvider,
            ),
            (r#""brand_new":1"#, AuditType::Unknown),
        ] {
            assert_eq!(audit(members).kind, expect, "{members}");
        }
    }

    #[test]
    fn values_of_any_shape_are_kept_as_they_are() {
        let event = audit(
            r#""user_id":17,"user":null,"source_ip":"","action":"teleport","scopes":["a","b"],"action_allowed":"False""#,
        );
        let shown: Vec<_> = event.fields().collect();
        assert_eq!(shown[0], (AuditField::UserId, "17"));
        assert_eq!(event.get(AuditField::User), None);
        assert_eq!(event.get(AuditField::SourceIp), None);
        assert_eq!(event.get(AuditField::Action), Some("teleport"));
        assert_eq!(event.get(AuditField::Scopes), Some(r#"["a","b"]"#));
        assert!(event.is_denied() && !event.is_failed());
        assert_eq!(event.at.map(Timestamp::as_ms), Some(1_793_000_003_347));
    }

    #[test]
    fn a_delivery_may_leave_the_organization_out() {
        let message = r#"{"event_timestamp":"1793000003347","auth_successful":false}"#;
        assert!(OtherRecord::parse(message).is_some());
    }

    #[test]
    fn other_messages_are_none() {
        for message in [
            "{}",
            "",
            "[1]",
            r#"{"organization_arn":"arn:aws:s3:::bucket"}"#,
            r#"{"event_timestamp":1,"name":"n"}"#,
            r#"{"eventSource":"workmail.amazonaws.com","eventName":"ListUsers"}"#,
        ] {
            assert_eq!(OtherRecord::parse(message), None, "{message}");
        }
        let directory = r#"{"mailtraceDirectory":1,"users":[]}"#;
        assert_eq!(OtherRecord::parse(directory), Some(OtherRecord::Directory));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), value in any::<String>()) {
            let _unused = OtherRecord::parse(&text);
            let value = serde_json::to_string(&value).unwrap();
            let event = audit(&format!(r#""user":{value},"action_allowed":{value}"#));
            prop_assert_eq!(event.kind, AuditType::MailboxAccess);
        }
    }
}
