use serde_json::Value;

use super::*;
use crate::event::Parser;
use crate::store::{Identity, StoredEvent};
use crate::trace::{JoinRules, join};

const TRACE: &str = "0123";

fn author() -> Author {
    Author { organization: "acme".to_owned(), store: "s".to_owned(), commit: 7 }
}

fn stored(ms: i64, message: &str) -> StoredEvent {
    let record = Record {
        log_group: Some("/g".into()),
        log_stream: None,
        event_id: Some("1".into()),
        timestamp: Timestamp::from_ms(ms).unwrap(),
        is_time_approximate: false,
        ingestion_time: None,
        message: message.to_owned().into(),
    };
    StoredEvent { record, event: Parser::new().parse(message).unwrap().into_owned() }
}

fn received(trace_id: &str, recipients: &str) -> StoredEvent {
    stored(
        1_795_428_000_000,
        &format!(
            r#"{{"traceId":"{trace_id}","event":{{"eventName":"ORGANIZATION_EMAIL_RECEIVED","messageId":"<a@b>","from":"Ana <Ana@Shop.example>","recipients":[{recipients}],"subject":"=?UTF-8?Q?Gr=C3=BC=C3=9Fe?="}}}}"#
        ),
    )
}

fn event_document(author: &Author, names: &Names, stored: &StoredEvent) -> ClusterDocument {
    let identity = Identity::of(&stored.record).to_bytes();
    author.event(names, (&stored.record, &stored.event), Location::default(), identity)
}

fn rows(names: &Names, message: &Message) -> Vec<ClusterDocument> {
    let identity = |it: usize| Some(Identity::of(&message.events[it].record).to_bytes());
    author().rows(names, message, &leg_keys(message, identity))
}

fn json(document: &ClusterDocument) -> Value {
    serde_json::from_slice(&document.json).unwrap()
}

#[test]
fn an_event_keeps_its_original_byte_for_byte() {
    let names = Names::with_prefix("mailtrace").unwrap();
    let event = received(TRACE, r#""bob@acme.example""#);
    let made = event_document(&author(), &names, &event);
    assert_eq!(made.index, "mailtrace-events-2026.11");
    assert_eq!(made.id.len(), 32);
    let content = json(&made);
    assert_eq!(content["original"], *event.record.message);
    assert_eq!(content["at"], "2026-11-23T10:00:00.000Z");
    assert_eq!((&content["commit"], &content["organization"]), (&7.into(), &"acme".into()));
    assert_eq!(
        (&content["from"], &content["subject"]),
        (&"ana@shop.example".into(), &"Grüße".into())
    );
    assert_eq!(content["messageId"], "a@b");
    // The same record of another organization is another document, and its check is the same.
    let other = Author { organization: "zenith".to_owned(), ..author() };
    let other = event_document(&other, &names, &event);
    assert!(other.id != made.id && other.check == made.check);
}

#[test]
fn a_message_has_a_row_for_each_recipient_and_its_key_outlives_a_late_leg() {
    let names = Names::with_prefix("mailtrace").unwrap();
    let first = received(TRACE, r#""bob@acme.example","carl@acme.example""#);
    let delivered = stored(
        1_795_428_001_000,
        r#"{"traceId":"0123","event":{"eventName":"MAILBOX_EMAIL_DELIVERED","recipient":"bob@acme.example","folder":"INBOX"}}"#,
    );
    let rows_of = |events: Vec<StoredEvent>| {
        let messages = join(events, &JoinRules { grace_ms: i64::MIN, ..JoinRules::default() });
        assert_eq!(messages.len(), 1);
        rows(&names, &messages[0])
    };
    let rows = rows_of(vec![first.clone(), delivered.clone()]);
    let outcomes: Vec<_> = rows.iter().map(|it| json(it)["outcome"].clone()).collect();
    assert_eq!(outcomes, ["delivered", "undecided"]);
    assert!(rows[0].id != rows[1].id);
    let sent = stored(
        1_795_427_999_000,
        r#"{"traceId":"9999","event":{"eventName":"OUTGOING_EMAIL_SENT","recipient":"bob@acme.example","messageId":"<a@b>"}}"#,
    );
    let later = rows_of(vec![first, delivered, sent]);
    assert_eq!(later.len(), 3);
    let kept =
        |row: &ClusterDocument| later.iter().any(|it| it.id == row.id && it.check != row.check);
    assert!(rows.iter().all(kept));
    let deciding = later.iter().filter(|it| json(it)["decides"] == true).count();
    assert_eq!(deciding, 2);
}

#[test]
fn what_has_no_recipient_has_a_row_too() {
    let names = Names::with_prefix("mailtrace").unwrap();
    let messages = join(vec![received(TRACE, "")], &JoinRules::default());
    let rows = rows(&names, &messages[0]);
    assert_eq!(rows.len(), 1);
    assert_eq!(json(&rows[0])["recipient"], Value::Null);
}

#[test]
fn long_values_are_found_by_their_hash() {
    assert_eq!(keyword("short"), "short");
    let long = "x".repeat(limits::CLUSTER_KEYWORD_BYTES_MAX + 1);
    let hashed = keyword(&long);
    assert!(hashed.starts_with("sha256:") && hashed.len() == 71, "{hashed}");
    assert_ne!(keyword(&format!("{long}y")), hashed);
    assert_ne!(digest(&[b"ab", b"c"]), digest(&[b"a", b"bc"]));
}
