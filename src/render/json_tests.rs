//! The contract of the JSON, key by key.

use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::render::{Answer, FoundMessages, JsonWriter, Part, TraceAnswer};
use crate::trace::MessageFilter;
use crate::trace::samples::*;

fn text(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn line(event: &StoredEvent, zone: &Zone) -> String {
    text(|out| write_json(&EventJson::new(event, zone), out))
}

#[test]
#[expect(clippy::too_many_lines, reason = "the contract in one piece")]
fn a_trace_has_every_key_of_the_contract() {
    let log = [
        received(0, "t", "m1@x", &["bob@acme.example"]),
        bounced(700, "t", "INCOMING", "bob@acme.example"),
    ];
    let messages = joined(&log);
    let not_found = ["gone@x".to_owned()];
    let answer =
        TraceAnswer { messages: &messages, not_found: &not_found, ..TraceAnswer::default() };
    let written = text(|out| answer.json(&Zone::UTC, &mut JsonWriter::document(out)));
    assert_eq!(written.lines().count(), 1);
    let value: Value = serde_json::from_str(&written).unwrap();
    assert_snapshot!(serde_json::to_string_pretty(&value).unwrap(), @r#"
    {
      "messages": [
        {
          "messageIds": [
            "<m1@x>"
          ],
          "traceIds": [
            "t"
          ],
          "from": "ana@acme.example",
          "sender": null,
          "subject": "Quarterly report",
          "outcome": "failed",
          "firstSeen": "2026-11-23T21:34:00.000Z",
          "lastSeen": "2026-11-23T21:34:00.700Z",
          "verdicts": {
            "spam": "PASS",
            "dkim": "PASS",
            "dmarc": "PASS",
            "spf": "PASS",
            "dmarcPolicy": null
          },
          "recipients": [
            {
              "address": "bob@acme.example",
              "direction": "incoming",
              "traceId": "t",
              "outcome": "bounced",
              "folder": null,
              "junk": false,
              "status": "5.2.2",
              "statusClass": "permanent",
              "statusText": "mailbox full",
              "reason": "552 5.2.2 The mailbox is over quota",
              "rule": null,
              "mailboxes": [],
              "at": "2026-11-23T21:34:00.700Z",
              "latencyMs": 700,
              "matched": null
            }
          ],
          "events": [
            {
              "timestamp": "2026-11-23T21:34:00.000Z",
              "traceId": "t",
              "eventName": "ORGANIZATION_EMAIL_RECEIVED",
              "logGroup": "/aws/workmail/emailevents/acme",
              "logStream": "s1",
              "eventId": null,
              "message": {
                "traceId": "t",
                "event": {
                  "eventName": "ORGANIZATION_EMAIL_RECEIVED",
                  "from": "ana@acme.example",
                  "subject": "Quarterly report",
                  "messageId": "m1@x",
                  "recipients": [
                    "bob@acme.example"
                  ],
                  "spamVerdict": "PASS",
                  "dkimVerdict": "PASS",
                  "dmarcVerdict": "PASS",
                  "spfVerdict": "PASS"
                }
              }
            },
            {
              "timestamp": "2026-11-23T21:34:00.700Z",
              "traceId": "t",
              "eventName": "INCOMING_EMAIL_BOUNCED",
              "logGroup": "/aws/workmail/emailevents/acme",
              "logStream": "s1",
              "eventId": null,
              "message": {
                "traceId": "t",
                "event": {
                  "eventName": "INCOMING_EMAIL_BOUNCED",
                  "bouncedRecipient": {
                    "emailAddress": "bob@acme.example",
                    "action": "failed",
                    "status": "5.2.2",
                    "reason": "552 5.2.2 The mailbox is over quota"
                  }
                }
              }
            }
          ],
          "truncated": false
        }
      ],
      "notFound": [
        "gone@x"
      ],
      "candidates": [],
      "coverageNote": null
    }
    "#);
}

#[test]
fn lists_of_messages_leave_events_out_unless_asked_for() {
    let messages = joined(&[delivered(0, "t", "bob@acme.example", "INBOX")]);
    let keys = |has_events| {
        let filter = MessageFilter::default();
        let found = FoundMessages { messages: &messages, filter: &filter, has_events };
        let line = text(|out| found.json(&Zone::UTC, &mut JsonWriter::lines(out)));
        serde_json::from_str::<Value>(&line).unwrap().get("events").is_some()
    };
    assert_eq!((keys(false), keys(true)), (false, true));
}

#[test]
fn originals_are_embedded_byte_for_byte_and_on_one_line() {
    let original = "{\"traceId\": \"t\",\n\t\"event\":{\"x\":1e999,  \"y\":1.50,\"subject\":\"a\\u001bb\u{202e}\u{9b}\"}}";
    let line = line(&stored(0, original), &Zone::UTC);
    assert_eq!(line.lines().count(), 1);
    let embedded = "{\"traceId\": \"t\",  \"event\":{\"x\":1e999,  \"y\":1.50,\"subject\":\"a\\u001bb\\u202e\\u009b\"}}";
    assert!(line.contains(embedded), "{line}");
    assert!(line.contains("\"eventName\":null,\"logGroup\":\"/aws/"));
    assert!(line.contains("\"eventId\":null"));
}

#[test]
fn an_original_that_is_no_json_is_a_string() {
    let mut event = stored(0, "{\"traceId\":\"t\"}");
    event.record.message = "not \u{1b} JSON".into();
    let line = line(&event, &Zone::UTC);
    assert!(line.contains("\"message\":\"not \\u001b JSON\"}"), "{line}");
}

#[test]
fn times_are_in_the_zone_asked_for() {
    let zone = Zone::named("Europe/Madrid").unwrap();
    let line = line(&stored(0, "{\"traceId\":\"t\"}"), &zone);
    assert!(line.starts_with("{\"timestamp\":\"2026-11-23T22:34:00.000+01:00\""), "{line}");
}

proptest! {
    #[test]
    fn json_reads_back_and_shows_every_character(subject in "(\\p{Cc}|\\p{Cf}|\\PC){0,30}", id in "(\\p{Cf}|\\PC){1,9}") {
        let fields = json!({"subject": subject, "recipients": [id]});
        let event = at(0, "t", "OUTGOING_EMAIL_SUBMITTED", fields.clone());
        let messages = joined(&[event]);
        let written = text(|out| write_message(&messages[0], &Zone::UTC, out));
        prop_assert!(!written.trim_end_matches('\n').contains(is_hidden));
        let read: Value = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(&read["events"][0]["message"]["event"]["subject"], &fields["subject"]);
    }
}
