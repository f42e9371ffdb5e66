//! What the answers look like in each format, and that nothing is missing from them.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Filled, keys, line, mailtrace, received, run, sample, samples};

const NEWS: &str = "<news.42@shop.example>";

const EVENT_KEYS: [&str; 7] =
    ["timestamp", "traceId", "eventName", "logGroup", "logStream", "eventId", "message"];

fn check_message(message: &Value) {
    assert_eq!(
        keys(message),
        [
            "messageIds",
            "traceIds",
            "from",
            "sender",
            "subject",
            "outcome",
            "firstSeen",
            "lastSeen",
            "verdicts",
            "recipients",
            "events",
            "truncated"
        ]
    );
    assert_eq!(keys(&message["verdicts"]), ["spam", "dkim", "dmarc", "spf", "dmarcPolicy"]);
    for recipient in message["recipients"].as_array().unwrap() {
        let all = keys(recipient);
        for key in [
            "address",
            "direction",
            "traceId",
            "outcome",
            "folder",
            "junk",
            "status",
            "reason",
            "rule",
            "mailboxes",
            "at",
            "latencyMs",
            "matched",
        ] {
            assert!(all.contains(&key), "{key} of {recipient}");
        }
    }
    for event in message["events"].as_array().unwrap() {
        assert_eq!(keys(event), EVENT_KEYS);
        assert!(event["message"].is_object());
    }
}

#[test]
fn every_key_is_there_even_where_nothing_is_known() {
    let store = Filled::with(&[
        line(0, "t1", "SOMETHING_NEW", json!({})),
        line(1, "", "MAILBOX_EMAIL_DELIVERED", json!({"recipient": "bob@acme.example"})),
        received(2, "t2", "x"),
    ]);
    let ended = store.run(&["trace", "--format", "json", "t1", "t2"]).with(0);
    let answer = ended.json();
    assert_eq!(keys(&answer), ["messages", "notFound", "candidates", "coverageNote"]);
    answer["messages"].as_array().unwrap().iter().for_each(check_message);
    let unknown = &answer["messages"][0];
    assert_eq!(
        (&unknown["outcome"], &unknown["from"], &unknown["verdicts"]["spam"]),
        (&json!("unknown"), &Value::Null, &Value::Null)
    );
    assert_eq!((&unknown["recipients"], &unknown["truncated"]), (&json!([]), &json!(false)));
    let lines = store.run(&["trace", "--format", "ndjson", "t1", "t2"]).with(0).json_lines();
    assert_eq!(&lines, answer["messages"].as_array().unwrap());

    let events = store.run(&["search", "--format", "ndjson"]).with(0).json_lines();
    assert_eq!(events.len(), 3);
    for event in &events {
        assert_eq!(keys(event), EVENT_KEYS);
    }
    assert_eq!(events[1]["traceId"], Value::Null);
    let message = json!({"traceId": "t1", "event": {"eventName": "SOMETHING_NEW"}});
    let whole = json!({"timestamp": "2026-11-23T10:00:00.000Z", "traceId": "t1", "eventName": "SOMETHING_NEW",
        "logGroup": "/aws/workmail/emailevents/acme", "logStream": "s1", "eventId": format!("{:056}", 0), "message": message});
    assert_eq!(events[2], whole);
    let document = store.run(&["search", "--format", "json"]).with(0).json();
    assert_eq!(document, json!({"total": 3, "events": events, "next": null}));
}

#[test]
fn every_format_tells_of_the_samples() {
    let store = samples();
    let id = "<20261123.1001@acme.example>";
    let table = store.run(&["trace", id]).with(0).stdout;
    for word in
        ["bob@acme.example", "bounced", "5.2.2 mailbox full", "INBOX", "Outgoing", "Incoming"]
    {
        assert!(table.contains(word), "{word}: {table}");
    }
    let answer = store.run(&["trace", "--format", "json", id]).with(0).json();
    let message = &answer["messages"][0];
    check_message(message);
    assert_eq!(message["outcome"], "partial");
    let csv = store.run(&["trace", "--format", "csv", id]).with(0).stdout;
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|it| it == name).unwrap();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let recipients = message["recipients"].as_array().unwrap();
    assert_eq!(rows.len(), recipients.len());
    for (row, recipient) in rows.iter().zip(recipients) {
        for name in ["address", "direction", "outcome", "traceId"] {
            assert_eq!(row[place(name)], *recipient[name].as_str().unwrap(), "{name}");
        }
        assert_eq!(&row[place("messageOutcome")], "partial");
    }
    let csv = store.run(&["search", "--format", "csv", "from:ana@acme.example"]).with(0).stdout;
    assert!(csv.starts_with("timestamp,eventName,traceId,messageId,from,"), "{csv}");
    assert_eq!(csv::Reader::from_reader(csv.as_bytes()).records().count(), 5);
    let nothing = store.run(&["search", "--format", "csv", "from:nobody@x"]).with(1).stdout;
    assert_eq!(nothing.lines().count(), 1, "the header alone");
}

/// The same answers without a store.
#[test]
fn files_answer_as_a_store_does() {
    let store = samples();
    let input = sample("records.ndjson.zst");
    for arguments in [
        &["trace", NEWS][..],
        &["trace", "--format", "json", NEWS, "<invoice-7@supplier.example>"],
        &["search", "--format", "ndjson", "*"],
        &["stats", "--format", "json"],
        &["schema", "--format", "json"],
    ] {
        let mut command = mailtrace(arguments);
        let asked = command.arg("--input").arg(&input).output().unwrap();
        let kept = store.run(arguments).with(0);
        assert_eq!(String::from_utf8(asked.stdout).unwrap(), kept.stdout, "{arguments:?}");
    }
}

#[test]
fn a_word_inside_a_subject_is_found_in_any_script() {
    let subjects = [
        ("请求书 2026 年第三季度", "第三"),
        ("請求書 42 のご送付", "ご送付"),
        ("청구서 42 안내", "구서"),
        ("ใบแจ้งหนี้ 42", "แจ้งหนี้"),
        ("فاتورة رقم 42", "رقم"),
        ("Größenänderung der Straßenbahn", "GRÖSSENÄNDERUNG"),
        ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe_?= =?UTF-8?Q?aus_M=C3=BCnchen?=", "münchen"),
        ("Счёт № 7 на оплату", "счёт"),
    ];
    let lines: Vec<String> = (0..)
        .zip(subjects)
        .map(|(ms, (subject, _))| received(ms, &format!("t{ms}"), subject))
        .collect();
    let store = Filled::with(&lines);
    for (number, (subject, word)) in subjects.iter().enumerate() {
        for query in [format!("subject:{word}"), word.to_string(), format!("subject:\"{word}\"")] {
            let found = store.run(&["search", "--format", "ndjson", &query]);
            let ids: Vec<Value> =
                found.json_lines().iter().map(|it| it["traceId"].clone()).collect();
            let expected = if *word == "GRÖSSENÄNDERUNG" {
                vec![]
            } else {
                vec![json!(format!("t{number}"))]
            };
            assert_eq!(ids, expected, "{query} in {subject}");
        }
    }
    let german =
        store.run(&["search", "--format", "ndjson", "subject:GRÖßENÄNDERUNG"]).json_lines();
    assert_eq!(german[0]["traceId"], "t5");
    let words = store.run(&["trace", "--format", "json", "t6"]).json();
    assert_eq!(words["messages"][0]["subject"], "Grüße aus München");
}

#[test]
fn the_store_tells_what_it_holds() {
    let store = samples();
    let status = store.run(&["status", "--format", "json"]).with(0).json();
    for key in [
        "store",
        "records",
        "firstSeen",
        "lastSeen",
        "archiveBytes",
        "indexBytes",
        "rejected",
        "rejectedBytes",
        "coverage",
    ] {
        assert!(status.get(key).is_some(), "{key} of {status}");
    }
    assert_eq!((&status["records"], &status["rejected"]), (&json!(16), &json!(0)));
    assert_eq!(keys(&status["coverage"][0]), ["logGroup", "ranges", "gaps"]);
    let stats = ["stats", "--format", "json"];
    let first = store.run(&stats).with(0);
    assert_eq!(first.stdout, store.run(&stats).stdout);
    let counts = first.json();
    assert_eq!(counts["total"], 16);
    let sum: u64 =
        counts["events"].as_object().unwrap().values().map(|it| it.as_u64().unwrap()).sum();
    assert_eq!(sum, 16);
    let verified = store.run(&["verify", "--format", "json"]).with(0).json();
    assert_eq!(
        (&verified["sound"], &verified["records"], &verified["documents"]),
        (&json!(true), &json!(16), &json!(16))
    );
    assert_eq!(verified["problems"], json!([]));
    assert!(store.run(&["verify"]).with(0).stdout.starts_with("OK: 16 records"));
    assert_eq!(
        store.run(&["reindex", "--format", "json"]).with(0).json(),
        json!({"records": 16, "damage": []})
    );
}

/// Whatever is a value in the log must not be in the schema.
#[test]
fn the_schema_leaks_no_value() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log.ndjson");
    run(&["synth", "--events", "3000", "--seed", "7", "--out", log.to_str().unwrap()]).with(0);
    let extra = line(
        0,
        "t-secret-1",
        "see bob@acme.example",
        json!({"zoe@far.example": {"深": "secret 2"}, "n": 4711}),
    );
    fs::write(&log, fs::read_to_string(&log).unwrap() + extra.as_str() + "\n").unwrap();
    let mut values: Vec<String> =
        ["secret", "bob@", "zoe@", "深", "4711"].map(str::to_owned).into();
    let mut names: Vec<String> = Vec::new();
    for record in fs::read_to_string(&log).unwrap().lines() {
        let record: Value = serde_json::from_str(record).unwrap();
        let message: Value = serde_json::from_str(record["message"].as_str().unwrap()).unwrap();
        names.extend(message["event"]["eventName"].as_str().map(str::to_owned));
        collect(&message, &mut values);
        let subject = message["event"]["subject"].as_str().unwrap_or_default();
        values.extend(subject.split_whitespace().filter(|it| it.len() > 6).map(str::to_owned));
    }
    values.retain(|it| it.chars().count() > 2 && !names.iter().any(|name| name.contains(it)));
    values.sort();
    values.dedup();
    assert!(values.len() > 1_000, "{}", values.len());
    for format in ["table", "json", "ndjson", "csv"] {
        let shown =
            run(&["schema", "--format", format, "--input", log.to_str().unwrap()]).with(0).stdout;
        assert!(shown.contains("event.bouncedRecipient"), "{shown}");
        for value in &values {
            assert!(!shown.contains(value.as_str()), "{value:?} leaks in {format}");
        }
    }
}

/// The texts of a message.
fn collect(value: &Value, values: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            values.push(text.clone());
        }
        Value::Array(list) => list.iter().for_each(|it| collect(it, values)),
        Value::Object(members) => members.values().for_each(|it| collect(it, values)),
        _ => {}
    }
}

#[test]
fn a_seed_is_a_log() {
    let log = |seed: &str| run(&["synth", "--events", "2000", "--seed", seed]).with(0).stdout;
    assert_eq!(log("3"), log("3"));
    assert_ne!(log("3"), log("4"));
    assert_eq!(log("3").lines().count(), 2_000);
}

#[test]
fn shells_get_their_completions() {
    for (shell, word) in [
        ("bash", "complete -F _mailtrace"),
        ("zsh", "#compdef mailtrace"),
        ("fish", "complete -c mailtrace"),
    ] {
        let script = run(&["completions", shell]).with(0).stdout;
        assert!(
            script.contains(word) && script.contains("trace") && script.contains("--batch")
                || shell == "fish",
            "{script}"
        );
    }
}
