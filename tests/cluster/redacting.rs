//! What is redacted on the way to a cluster.

use std::collections::BTreeSet;
use std::fs;

use super::fake::Fake;
use super::publishing::{Organization, publish};
use crate::support::{Random, mailtrace, run};

const EVENTS: usize = 240;

/// All addresses and subjects of a log.
fn secrets(lines: &[String]) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    for line in lines {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let message: serde_json::Value =
            serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
        let mut waiting = vec![(String::new(), &message)];
        while let Some((name, value)) = waiting.pop() {
            match value {
                serde_json::Value::Object(members) => {
                    waiting.extend(members.iter().map(|(name, it)| (name.clone(), it)));
                }
                serde_json::Value::Array(items) => {
                    waiting.extend(items.iter().map(|it| (name.clone(), it)));
                }
                serde_json::Value::String(text) if name == "subject" && text.len() > 3 => {
                    secrets.insert(text.clone());
                }
                serde_json::Value::String(text)
                    if ["from", "sender", "recipient", "recipients"].contains(&name.as_str())
                        && text.contains('@') =>
                {
                    let address = text.rsplit('<').next().unwrap().trim_end_matches('>');
                    secrets.insert(address.to_lowercase());
                }
                _ => {}
            }
        }
    }
    secrets
}

#[test]
fn redacted_documents_name_nobody_in_any_order_and_any_cuts() {
    let random = &mut Random::new();
    let mut organization = Organization::new(EVENTS, 51);
    let whole = Organization::filled(EVENTS, 51);
    let key = organization.path("case.key");
    fs::write(&key, "a key of more than sixteen bytes\n").unwrap();
    let redact = ["--redact", "all", "--redact-key", key.to_str().unwrap()];
    let expected = Fake::start();
    let published = publish(&whole.store, &expected.url, &redact).expect(0).json();
    assert_eq!(published["events"], EVENTS);
    let documents: Vec<String> = [expected.content("events"), expected.content("rows")]
        .iter()
        .flat_map(|it| it.values().map(|it| it.to_string().to_lowercase()))
        .collect();
    assert_eq!(expected.content("events").len(), EVENTS);
    let secrets = secrets(&whole.lines);
    assert!(secrets.len() > 20, "{secrets:?}");
    for secret in secrets {
        let secret = secret.to_lowercase();
        let told = documents.iter().find(|it| it.contains(&secret));
        assert_eq!(told, None, "{secret}");
    }
    // The same from slices in any order: what comes late has what was sent before sent again.
    for index in (1..organization.lines.len()).rev() {
        organization.lines.swap(index, random.below(index as u64 + 1) as usize);
    }
    let fake = Fake::start();
    for lines in organization.lines.chunks(EVENTS / 3) {
        organization.take(lines);
        publish(&organization.store, &fake.url, &redact).expect(0);
    }
    assert_eq!(fake.content("rows"), expected.content("rows"));
    assert_eq!(fake.content("events"), expected.content("events"));
    let verify = [&redact[..], &["--verify"]].concat();
    let verified = publish(&organization.store, &fake.url, &verify).expect(0);
    assert_eq!(verified.json()["differing"].as_array().unwrap().len(), 0);
}

#[test]
fn what_is_redacted_does_not_change_without_a_word() {
    let (organization, fake) = (Organization::filled(60, 52), Fake::start());
    let path = |name: &str| organization.path(name).to_str().unwrap().to_owned();
    let (key, other) = (path("case.key"), path("other.key"));
    fs::write(&key, "a key of more than sixteen bytes").unwrap();
    fs::write(&other, "another one, of as many bytes or more").unwrap();
    let with = |what: &'static str, key: &str, more: &[&'static str]| {
        let options = [&["--redact", what, "--redact-key", key][..], more].concat();
        publish(&organization.store, &fake.url, &options)
    };
    publish(&organization.store, &fake.url, &[]).expect(0);
    let changed = &["the redaction has changed: it was nothing", "--again"];
    with("addresses", &key, &[]).expect_error(changed);
    // Nothing is left of what was published before.
    with("addresses", &key, &["--again"]).expect(0);
    for document in fake.content("events").values().chain(fake.content("rows").values()) {
        assert!(!document.to_string().contains("@acme.example"), "{document}");
    }
    assert_eq!(fake.content("events").len(), 60);
    let changed = &["it was addresses, key check ", "--again"];
    with("addresses", &other, &[]).expect_error(changed);
    with("all", &key, &["--verify"]).expect_error(changed);
    publish(&organization.store, &fake.url, &[]).expect_error(changed);
    let short = path("short.key");
    fs::write(&short, "short").unwrap();
    with("all", &short, &[]).expect_error(&["short.key"]);
    // A trace by a trace ID has pseudonyms.
    let id = organization.ids.iter().find(|it| !it.contains('@')).unwrap();
    let mut command = mailtrace();
    command.args(["trace", id, "--cluster", &fake.url, "--organization", "acme"]);
    let traced = run(command.args(["--format", "json"])).expect(0).stdout;
    assert!(traced.contains(".invalid") && !traced.contains("@acme.example"), "{traced}");
}
