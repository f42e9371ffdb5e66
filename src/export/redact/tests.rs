use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::trace::samples::at;

fn redactor(keeps_domains: bool) -> Redactor {
    Redactor {
        pseudonyms: Pseudonyms::new(b"a key of sixteen bytes", keeps_domains).unwrap(),
        hides_addresses: true,
        hides_subjects: true,
        keeps_domains,
    }
}

/// A message of these events, redacted: its records' JSON.
fn redacted(events: Vec<StoredEvent>, keeps_domains: bool) -> Vec<String> {
    let rules = JoinRules::default();
    let message = join(events, &rules).swap_remove(0);
    let sources = vec![(); message.events.len()];
    let (message, _) = redactor(keeps_domains).message(message, sources, &rules).unwrap();
    message.events.iter().map(|it| it.record.message.to_string()).collect()
}

/// The sender chooses the ID, and may choose somebody's address.
#[test]
fn a_message_id_that_spells_an_address_leaves_nothing_of_it() {
    for (id, from) in [
        ("<victor.secret@hush.example>", "ana@far.example"),
        ("<Victor.Secret7@Hush.example>", "victor.secret7@hush.example"),
        ("<x.victor7.y@else.example>", "victor7@hush.example"),
        ("<victor7@hush.example>", "ana@far.example"),
    ] {
        for keeps_domains in [false, true] {
            let bare = id.trim_matches(['<', '>']);
            let fields = json!({"messageId": id, "from": from, "recipients": ["bob@acme.example"], "subject": "x",
                "folder": bare, "reason": format!("550 {bare}"), "ruleName": bare, "unknown": [bare, id]});
            let records =
                redacted(vec![at(0, "t", "ORGANIZATION_EMAIL_RECEIVED", fields)], keeps_domains);
            assert!(!records[0].to_lowercase().contains("victor"), "{}", records[0]);
        }
    }
}

fn field(fields: Value, name: &str) -> String {
    let records = redacted(vec![at(0, "t", "RULE_APPLIED", fields)], false);
    let json: Value = serde_json::from_str(&records[0]).unwrap();
    json["event"][name].as_str().unwrap().to_owned()
}

#[test]
fn a_text_keeps_what_is_nobodys() {
    let pseudonyms = Pseudonyms::new(b"a key of sixteen bytes", false).unwrap();
    let bob = pseudonyms.address("bob@acme.example");
    let text = |reason: &str| {
        field(
            json!({"recipient": "Bob@acme.example", "subject": "Re: AW: Payroll", "reason": reason}),
            "reason",
        )
    };
    assert_eq!(text("550 5.1.1 mailbox full"), "550 5.1.1 mailbox full");
    assert_eq!(text("to <BOB@acme.example>."), format!("to <{bob}>."));
    assert_eq!(text("bobbin and Bob"), format!("bobbin and {}", pseudonyms.name("bob")));
    assert_eq!(
        text("bob@other.example at mx.acme.example"),
        format!(
            "{} at {}",
            pseudonyms.address("bob@other.example"),
            pseudonyms.domain("mx.acme.example")
        )
    );
    assert_eq!(text("about payroll!"), format!("about {}!", pseudonyms.subject("Re: AW: Payroll")));
    assert_eq!(text("payrolls"), "payrolls", "a part of another word");
    assert_eq!(text("xacme.example"), "xacme.example");
}

#[test]
fn words_of_workmail_stay_whatever_a_subject_says() {
    let fields = json!({"subject": "PASS", "spamVerdict": "PASS", "status": "5.1.1", "policy": "REJECT", "ruleType": "bob@x"});
    assert_eq!(field(fields.clone(), "spamVerdict"), "PASS");
    assert_eq!(field(fields.clone(), "policy"), "REJECT");
    assert!(field(fields.clone(), "ruleType").ends_with(".invalid"));
    assert!(field(fields, "subject").starts_with("subject-"));
}

#[test]
fn a_subject_does_not_rename_members() {
    for subject in ["recipients", "event", "eventName", "RULE_APPLIED"] {
        let fields = json!({"subject": subject, "recipients": ["bob@acme.example"], "reason": format!("a {subject} b")});
        let reason = field(fields, "reason");
        assert!(reason.starts_with("a subject-") && reason.ends_with(" b"), "{reason}");
    }
}

/// However long it is, it is recognised by its beginning and replaced to its end.
#[test]
fn long_subjects_are_replaced_whole() {
    let subject = "Grüße! ".repeat(100_000);
    let text =
        field(json!({"subject": subject, "reason": format!("<{subject}>"), "x": 1}), "reason");
    let expect = Pseudonyms::new(b"a key of sixteen bytes", false).unwrap().subject(&subject);
    assert_eq!(text.trim_end_matches([' ', '>']), format!("<{expect}"), "{}", text.len());
}

#[test]
fn a_text_of_half_a_character_is_replaced() {
    let mut event = at(0, "t", "RULE_APPLIED", json!({}));
    event.record.message = r#"{"traceId":"t","x":1e999,"event":{"eventName":"RULE_APPLIED","y":"bob\ud800@x.example"}}"#.into();
    let records = redacted(vec![event], false);
    assert!(!records[0].contains("bob") && records[0].contains("1e999"), "{records:?}");
}

#[test]
fn two_message_ids_stay_two() {
    let pseudonyms = Pseudonyms::new(b"a key of sixteen bytes", false).unwrap();
    let ids = ["a@b", "A@b", "a@B", "b@b", "a@c", "a@b@b", "ab", "a b@b"];
    let distinct: std::collections::BTreeSet<String> =
        ids.iter().map(|it| pseudonyms.message_id(it)).collect();
    assert_eq!(distinct.len(), ids.len());
}

/// Whatever a key says, a case can be worked on with a list of what it made.
#[test]
fn a_pseudonym_is_a_code_anybody_with_the_key_can_make() {
    // printf 'address\0bob@acme.example' | openssl dgst -sha256 -hmac 'a key of sixteen bytes'
    let pseudonyms = Pseudonyms::new(b"a key of sixteen bytes", true).unwrap();
    assert_eq!(pseudonyms.address("bob@acme.example"), "x53835af96772c9fa@acme.example");
}

proptest! {
    #[test]
    fn no_place_keeps_an_address_or_a_subject(
        local in "[a-z]{3,8}(\\.[a-z]{2,5})?", domain in "[a-z]{3,6}\\.example", subject in "[A-Za-z]{4,9} [a-z]{4,9}",
        before in "[ <(\"';:,]{1,3}", after in "[ >)\"';:,]{1,3}", name in "[a-z]{1,9}", keeps_domains: bool,
    ) {
        let address = format!("{local}@{domain}");
        let text = format!("x{before}{}{after}{subject}{after}{address}", address.to_uppercase());
        let nested = serde_json::to_string(&json!({"a": text})).unwrap();
        let events = vec![
            at(0, "t", "ORGANIZATION_EMAIL_RECEIVED", json!({"from": address, "subject": subject, "messageId": format!("<{address}>"),
                "recipients": [{"address": text}], (text.clone()): 1, (name.clone()): {"deep": [text, nested]}})),
            at(1, "t", "INCOMING_EMAIL_BOUNCED", json!({"destination": address, "reason": text, "status": text, "folder": text, "sender": text})),
        ];
        for record in redacted(events, keeps_domains) {
            let record = record.to_lowercase();
            prop_assert!(!record.contains(&address), "{record}");
            prop_assert!(!record.contains(&subject.to_lowercase()), "{record}");
            prop_assert!(keeps_domains || !record.contains(&domain), "{record}");
        }
    }

    #[test]
    fn any_text_is_redacted_without_harm(text in "(@|[a-z.]{1,4}|[\\PC]|=\\?|\\?=|%40|\"|<|>|\\\\){0,40}") {
        let fields = json!({"from": text, "subject": text, "messageId": text, "reason": text, "recipients": [text], "x": {(text.clone()): text}});
        redacted(vec![at(0, "t", "INCOMING_EMAIL_BOUNCED", fields)], false);
    }
}
