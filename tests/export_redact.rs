//! `export --redact`: nothing that was to go is left in any file, and what joined still joins.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailtrace::internals::{Entity, EntityKind, Member, Said, Statement};
use mailtrace::{Parser, Timestamp, decoded_subject};
use serde_json::{Value, json};

use crate::export::{contents, exported, manifest_of, text_of};
use crate::program::{Filled, START_MS, line, on, record, run};
use crate::support::synth;

const ADDRESSES: [&str; 9] = [
    "ana@far.example",
    "bob@acme.example",
    "Bob.Ross+lists@ACME.example",
    "ärger@bücher.example",
    "\"two words\"@acme.example",
    "team@mail.acme.example",
    "unseen@elsewhere.example",
    "hidden@acme.example",
    "keyed@acme.example",
];

const SUBJECTS: [&str; 4] =
    ["Quarterly report", "Kündigung <script>", "=cmd|' /C calc'!A0", "Lunch?"];

/// Two legs of a message, and addresses and subjects wherever a stranger or a server may put them.
fn log() -> Vec<String> {
    let received = |ms: i64, trace: &str, id: &str, subject: &str, from: &str, to: &[&str]| {
        let fields = json!({"from": from, "recipients": to, "subject": subject, "messageId": id});
        line(ms, trace, "ORGANIZATION_EMAIL_RECEIVED", fields)
    };
    vec![
        line(
            0,
            "out-1",
            "OUTGOING_EMAIL_SUBMITTED",
            json!({"from": "Bob Ross <bob.ross+lists@acme.example>", "sender": {"address": ADDRESSES[1], "name": "Bob the Great"},
                "recipients": [ADDRESSES[0], "TEAM@mail.acme.example"], "subject": SUBJECTS[0]}),
        ),
        line(
            100,
            "out-1",
            "OUTGOING_EMAIL_SENT",
            json!({"from": ADDRESSES[2], "recipient": ADDRESSES[5], "messageId": "<m1.Abc@acme.example>"}),
        ),
        received(
            200,
            "in-1",
            "m1.Abc@acme.example",
            SUBJECTS[0],
            ADDRESSES[2],
            &[ADDRESSES[5], "BOB@acme.example"],
        ),
        line(
            300,
            "in-1",
            "INCOMING_EMAIL_BOUNCED",
            json!({"bouncedRecipient": {"emailAddress": "Bob <bob@acme.example>", "action": "failed", "status": "5.1.1",
                "reason": "550 <bob@acme.example>: BOB is unknown at mx1.acme.example; unseen%40elsewhere.example \"two words\"@acme.example; subject was: RE: quarterly REPORT"}}),
        ),
        line(
            400,
            "in-1",
            "MAILBOX_EMAIL_DELIVERED",
            json!({"recipient": "carl@acme.example", "folder": "From ana@far.example/Quarterly report"}),
        ),
        line(
            500,
            "in-1",
            "RULE_APPLIED",
            json!({"ruleName": "=?utf-8?B?aGlkZGVuQGFjbWUuZXhhbXBsZQ==?= and Quarterly report", "ruleType": "MAILBOX_RULE",
                "ruleActions": [{"action": "FORWARD", "recipients": [ADDRESSES[3]]}], "targetRecipient": {"emailAddress": ADDRESSES[4]},
                "x": {"keyed@acme.example": {"deep": ["x unseen@elsewhere.example y", 1e300]}}, "y": "{\"to\":\"hidden\\u0040acme.example\"}"}),
        ),
        received(
            1_000,
            "in-2",
            "<bob@acme.example>",
            SUBJECTS[1],
            ADDRESSES[3],
            &["bob@acme.example"],
        ),
        received(2_000, "in-3", "<x@y>", SUBJECTS[2], "postmaster", &["team@mail.acme.example"]),
        received(3_000, "in-4", "<z@y>", SUBJECTS[3], ADDRESSES[0], &[]),
        line(
            3_100,
            "in-4",
            "INCOMING_EMAIL_BOUNCED",
            json!({"destination": "bob@acme.example", "status": "5.7.1", "reason": "refused: Lunch? is spam"}),
        ),
    ]
}

fn key(store: &Filled, name: &str, text: &str) -> String {
    let path = store.dir.path().join(name);
    fs::write(&path, text).unwrap();
    text_of(&path)
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Redacts a whole store into a bundle.
fn redacted(store: &Filled, name: &str, what: &str, rest: &[&str]) -> std::path::PathBuf {
    let key = key(store, "key", KEY);
    exported(store, name, &[&["--redact", what, "--redact-key", &key], rest].concat())
}

/// All of a bundle as lower-case text, as it stands and with JSON's and HTML's escapes taken off.
fn all_text(bundle: &Path) -> String {
    let mut text = String::new();
    for (_, bytes) in contents(bundle) {
        let plain = String::from_utf8(bytes).unwrap().to_lowercase();
        text.push_str(&plain.replace("\\\\", "\\").replace("\\\"", "\"").replace("\\\\u0040", "@"));
        text.push_str(
            &plain
                .replace("&#39;", "'")
                .replace("&lt;", "<")
                .replace("&gt;", ">")
                .replace("&quot;", "\""),
        );
        text.push_str(&plain);
    }
    text
}

#[test]
fn nothing_that_was_to_go_is_left() {
    let store = Filled::with(&log());
    let subjects: Vec<String> = SUBJECTS.iter().map(|it| it.to_lowercase()).collect();
    let addresses: Vec<String> = ADDRESSES.iter().map(|it| it.to_lowercase()).collect();
    let plain = all_text(&exported(&store, "plain", &[]));
    for word in subjects
        .iter()
        .chain(&addresses)
        .filter(|it| !it.starts_with("hidden") && !it.starts_with("unseen"))
    {
        assert!(plain.contains(word.as_str()), "the test sees {word}");
    }
    for (what, rest, hides_addresses, hides_subjects) in [
        ("all", &[][..], true, true),
        ("all", &["--keep-domains"], true, true),
        ("addresses", &[], true, false),
        ("subjects", &[], false, true),
    ] {
        let name = format!("{what}{}", rest.len());
        let bundle = redacted(&store, &name, what, rest);
        let text = all_text(&bundle);
        let mut gone: Vec<&str> = Vec::new();
        if hides_addresses {
            gone.extend(addresses.iter().map(String::as_str));
            gone.extend([
                "carl@",
                "bob ross",
                "bob the great",
                "bob is unknown",
                "unseen%40",
                "postmaster",
                KEY,
            ]);
            // The same in base64, in lower case.
            gone.push("aglkzgvuqgfjbwuuzxhhbxbszq");
            if rest.is_empty() {
                gone.extend(["acme.example", "bücher.example", "elsewhere.example"]);
            }
        }
        if hides_subjects {
            gone.extend(subjects.iter().map(String::as_str));
        }
        for word in gone {
            let at = text.find(word);
            let around = at.map(|at| {
                text.chars()
                    .skip(text[..at].chars().count().saturating_sub(60))
                    .take(140)
                    .collect::<String>()
            });
            assert_eq!(around, None, "{what} {rest:?}: {word}");
        }
        let kept = if hides_subjects { ADDRESSES[0] } else { "quarterly report" };
        assert_eq!(text.contains(kept), what != "all", "{what}");
        assert_eq!(
            text.contains("mx1.acme.example"),
            !(hides_addresses && rest.is_empty()),
            "{what}"
        );
        let redaction = &manifest_of(&bundle)["redaction"];
        assert_eq!(
            (&redaction["addresses"], &redaction["subjects"], &redaction["domainsKept"]),
            (&json!(hides_addresses), &json!(hides_subjects), &json!(!rest.is_empty()))
        );
    }
}

/// Whoever has the store finds the original; whoever has a guess at it cannot make sure.
#[test]
fn a_source_says_where_the_store_has_a_record_and_nothing_that_betrays_it() {
    let store = Filled::with(&log());
    let records = |bundle: &Path| -> Vec<Value> {
        let text = fs::read_to_string(bundle.join("records.ndjson")).unwrap();
        text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    };
    let plain = records(&exported(&store, "plain", &[]));
    let redacted = records(&redacted(&store, "redacted", "all", &[]));
    assert_eq!(plain.len(), redacted.len());
    for redacted in &redacted {
        let source = &redacted["source"];
        let is_same = |it: &&Value| it["timestamp"] == redacted["timestamp"];
        let original = &plain.iter().find(is_same).unwrap()["source"];
        for name in ["kind", "line", "format", "began", "archiveFile", "blockOffset", "blockLine"] {
            assert_eq!(source[name], original[name], "{name}");
        }
        for name in ["sha256", "bytes", "byteOffset"] {
            assert!(source[name].is_null(), "{name}");
        }
        assert!(original["sha256"].is_string() && original["name"] != source["name"]);
    }
    assert!(redacted.iter().any(|it| it["source"]["line"] != redacted[0]["source"]["line"]));
}

/// Of a log of thousands of messages, no address and no subject is left.
#[test]
fn nothing_is_left_of_a_whole_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 4_000, 7, "ndjson").path;
    let mut parser = Parser::new();
    let mut gone = BTreeSet::new();
    for line in fs::read_to_string(&log).unwrap().lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let event = parser.parse(record["message"].as_str().unwrap()).unwrap();
        let addresses = event.from.iter().chain(&event.sender).chain(event.all_recipients());
        gone.extend(addresses.map(|it| it.as_str().to_owned()));
        gone.extend(event.subject.iter().map(|it| decoded_subject(it).to_lowercase()));
    }
    let texts: Vec<&String> = gone.iter().filter(|it| it.chars().count() > 3).collect();
    assert!(texts.len() > 500, "{}", texts.len());
    let finder = aho_corasick::AhoCorasick::new(&texts).unwrap();
    let key = dir.path().join("key");
    fs::write(&key, KEY).unwrap();
    for (name, rest) in [("bundle", &[][..]), ("kept", &["--keep-domains"])] {
        let out = dir.path().join(name);
        let arguments = ["export", "--redact", "all", "--redact-key", key.to_str().unwrap()];
        let ended = run(&[
            &arguments[..],
            &["--out", out.to_str().unwrap()],
            rest,
            &["--input", log.to_str().unwrap()],
        ]
        .concat());
        ended.with(0);
        for (name, bytes) in contents(&out) {
            let text = String::from_utf8(bytes).unwrap().to_lowercase();
            let found = finder.find(&text).map(|it| &texts[it.pattern().as_usize()]);
            assert_eq!(found, None, "{name}");
        }
    }
}

/// What a trace says but for names and subjects.
fn shape(store: &Path) -> Vec<Value> {
    let listed =
        on(store, &["messages", "--sort", "oldest", "--format", "json", "--events"]).with(0);
    let mut shapes = Vec::new();
    for message in listed.json()["messages"].as_array().unwrap() {
        let recipients: Vec<Value> = message["recipients"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| {
                json!([
                    it["outcome"],
                    it["status"],
                    it["traceId"],
                    it["at"],
                    it["latencyMs"],
                    it["direction"]
                ])
            })
            .collect();
        shapes.push(json!([
            message["outcome"],
            message["traceIds"],
            message["messageIds"].as_array().unwrap().len(),
            message["events"].as_array().unwrap().len(),
            recipients,
        ]));
    }
    shapes
}

#[test]
fn what_joined_still_joins() {
    let store = Filled::with(&log());
    let expect = shape(&store.store());
    assert_eq!(expect[0][1], json!(["out-1", "in-1"]));
    for (index, rest) in [&[][..], &["--keep-domains"]].into_iter().enumerate() {
        let bundle = redacted(&store, &format!("bundle-{index}"), "all", rest);
        let other = store.dir.path().join(format!("other-{index}"));
        on(&other, &["import", bundle.to_str().unwrap()]).with(0);
        assert_eq!(shape(&other), expect);
    }
}

/// The same text has the same pseudonym under one key, and another under another.
#[test]
fn a_key_makes_the_pseudonyms() {
    let store = Filled::with(&log());
    let (once, again) =
        (redacted(&store, "once", "all", &[]), redacted(&store, "again", "all", &[]));
    assert!(contents(&once) == contents(&again));
    let other = key(&store, "other", "another key of more than 16 bytes\n");
    let other = exported(&store, "other-key", &["--redact", "all", "--redact-key", &other]);
    let pseudonyms = |bundle: &Path| -> BTreeSet<String> {
        let mut rows = csv::Reader::from_path(bundle.join("messages.csv")).unwrap();
        rows.records().map(|it| it.unwrap()[7].to_owned()).filter(|it| !it.is_empty()).collect()
    };
    let (first, second) = (pseudonyms(&once), pseudonyms(&other));
    assert!(first.is_disjoint(&second), "{first:?} {second:?}");
    assert_eq!(first.len(), second.len());
    assert!(
        first.iter().all(|it| it.ends_with(".invalid") && it.len() == 17 + 1 + 17 + 8),
        "{first:?}"
    );
    let check =
        |bundle: &Path| manifest_of(bundle)["redaction"]["keyCheck"].as_str().unwrap().to_owned();
    assert_eq!(check(&once), check(&again));
    assert_ne!(check(&once), check(&other));
    let kept = redacted(&store, "kept", "addresses", &["--keep-domains"]);
    assert!(pseudonyms(&kept).iter().any(|it| it.ends_with("@mail.acme.example")));

    // A part of the store says of its addresses what the whole does.
    let part = redacted(&store, "part", "all", &["--query", "trace-id:in-2"]);
    assert!(pseudonyms(&part).is_subset(&first));
    let question = &manifest_of(&part)["question"];
    assert_eq!(question["withheld"], true);
    assert!(question["query"].as_str().unwrap().starts_with("hmac-sha256:"), "{question}");
    let asked = ["<bob@acme.example>", "in-4", "<who.7@acme.example>", "<who@acme.example>"];
    let ids = redacted(&store, "ids", "all", &asked);
    let manifest = manifest_of(&ids);
    assert_eq!(manifest["question"]["ids"][1], "in-4");
    let not_found: Vec<&str> =
        manifest["notFound"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    assert!(not_found[0].starts_with("<who.7@x") && not_found[0].ends_with(".invalid>"));
    // It may be somebody's name.
    assert!(not_found[1].starts_with("<x") && !not_found[1].contains("who"), "{not_found:?}");
}

#[test]
fn a_key_that_is_none_is_refused() {
    let store = Filled::with(&log());
    let out = text_of(&store.dir.path().join("out"));
    for text in ["", "short", "123456789012345\n\n\n"] {
        let key = key(&store, "bad", text);
        let ended =
            store.run(&["export", "--out", &out, "--redact", "all", "--redact-key", &key]).with(2);
        assert!(ended.stderr.contains("a key for pseudonyms must have 16 to"), "{ended:#?}");
    }
    let picture = key(&store, "picture", "GIF89a, and 16 bytes more");
    let ended = store.run(&["export", "--out", &out, "--redact", "all", "--redact-key", &picture]);
    let stderr = ended.with(2).stderr;
    assert!(stderr.contains("a picture is not supported"), "{stderr}");
    store.run(&["export", "--out", &out, "--redact", "all"]).with(2);
    store.run(&["export", "--out", &out, "--keep-domains"]).with(2);
    let missing = text_of(&store.dir.path().join("missing"));
    store.run(&["export", "--out", &out, "--redact", "all", "--redact-key", &missing]).with(2);
    assert!(!Path::new(&out).exists());
}

/// A group of whose members each is named too, and a mailbox that got nothing: only the directory
/// tells the one from the other, and it knows no pseudonyms.
#[test]
fn what_the_directory_decided_stays_decided() {
    let at = Timestamp::from_ms(START_MS - 1_000).unwrap();
    let entity = |kind, id: &str, address: &str| {
        let mut entity = Entity::new(kind, id);
        entity.address = Some(address.to_owned());
        entity.state = "ENABLED".to_owned();
        entity
    };
    let mut staff = entity(EntityKind::Group, "g-1", "staff@acme.example");
    staff.members = vec![Member { id: "u-1".to_owned(), r#type: None, name: None }];
    let said = [
        entity(EntityKind::User, "u-1", "ana@acme.example"),
        entity(EntityKind::User, "u-2", "dora@acme.example"),
        staff,
    ];
    let mut lines: Vec<String> = said
        .into_iter()
        .map(|it| {
            let statement = Statement::new("m-1", at, Said::Entity(Box::new(it)));
            let message: Value = serde_json::from_str(&statement.to_message().unwrap()).unwrap();
            record(-1_000, "directory", "d", &message)
        })
        .collect();
    let to = ["staff@acme.example", "ana@acme.example", "dora@acme.example"];
    let arrival = json!({"from": "eve@far.example", "recipients": to, "subject": "Lunch?"});
    lines.push(line(0, "t1", "ORGANIZATION_EMAIL_RECEIVED", arrival));
    let delivery = json!({"recipient": "ana@acme.example", "folder": "INBOX"});
    lines.push(line(500, "t1", "MAILBOX_EMAIL_DELIVERED", delivery));
    lines.push(line(86_400_000, "t2", "MAILBOX_EMAIL_DELIVERED", json!({"recipient": "x@y"})));
    let store = Filled::with(&lines);
    let key = store.dir.path().join("case.key");
    fs::write(&key, "0123456789abcdef0123").unwrap();
    let outcomes = |name: &str, arguments: &[&str]| {
        let bundle = exported(&store, name, arguments);
        let mut csv = csv::Reader::from_path(bundle.join("messages.csv")).unwrap();
        let headers = csv.headers().unwrap().clone();
        let column = |name: &str| headers.iter().position(|it| it.ends_with(name)).unwrap();
        let (outcome, message) = (column("outcome"), column("messageOutcome"));
        let rows = csv.records().map(|it| it.unwrap());
        let mut found: Vec<(String, String)> =
            rows.map(|it| (it[outcome].to_owned(), it[message].to_owned())).collect();
        found.sort();
        assert!(manifest_of(&bundle)["rules"]["directoryTaken"].is_null());
        found
    };
    let open = outcomes("open", &[]);
    assert!(open.iter().any(|it| it.0 == "expanded") && open.iter().any(|it| it.0 == "lost"));
    let redact = ["--redact", "all", "--redact-key", key.to_str().unwrap()];
    assert_eq!(outcomes("hidden", &redact), open);
}
