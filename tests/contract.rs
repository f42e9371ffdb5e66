//! What the commands promise to programs: exit statuses, keys, formats, bounds.

use std::fs;

use serde_json::{Value, json};

use crate::program::{
    Filled, START_MS, line, mailtrace, on, received, run, run_with_stdin, sample, samples,
};

const NEWS: &str = "<news.42@shop.example>";

#[test]
fn an_id_that_is_not_there_is_named_with_what_was_looked_at() {
    let store = samples();
    let ended = store.run(&["trace", "--format", "json", "<nobody@x>"]).with(1);
    assert!(
        ended.stderr.contains("<nobody@x>")
            && ended.stderr.contains("the store covers 2026-11-23T"),
        "{ended:#?}"
    );
    let answer = ended.json();
    assert_eq!((&answer["messages"], &answer["notFound"]), (&json!([]), &json!(["<nobody@x>"])));
    assert!(
        answer["coverageNote"].as_str().unwrap().starts_with("the store covers 2026-11-23T"),
        "{answer}"
    );

    let ended = store.run(&["trace", "--format", "json", "<nobody@x>", NEWS]).with(0);
    assert!(ended.stderr.contains("<nobody@x>"), "{ended:#?}");
    let answer = ended.json();
    assert_eq!(answer["messages"][0]["messageIds"], json!([NEWS]));
    assert_eq!(answer["notFound"], json!(["<nobody@x>"]));

    let found = store.run(&["trace", "--format", "json", NEWS]).with(0);
    assert_eq!((found.stderr.as_str(), &found.json()["coverageNote"]), ("", &Value::Null));
    store.run(&["search", "from:nobody@x"]).with(1);
    store.run(&["search", "--limit", "0"]).with(0);
}

#[test]
fn ids_are_taken_as_people_paste_them_and_from_standard_input() {
    let store = samples();
    let ids = format!("  Message-ID: {NEWS}\r\n\nnews.42@shop.example\n");
    let ended = run_with_stdin(
        &[
            "trace",
            "--batch",
            "-",
            "--format",
            "ndjson",
            "--store",
            store.store().to_str().unwrap(),
        ],
        &ids,
    );
    assert_eq!(ended.with(0).json_lines().len(), 1, "two IDs of one message give one message");
}

/// The keys of an object, in the order in which they stand.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

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
    assert_eq!(keys(&answer), ["messages", "notFound", "coverageNote"]);
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
    let document = store.run(&["search", "--format", "json"]).with(0).json();
    assert_eq!(document, json!({"total": 3, "events": events}));
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

#[test]
fn an_import_reports_what_became_of_every_line() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let (good, broken) = (sample("filter-log-events.ndjson"), sample("broken.ndjson"));
    let again = sample("records.ndjson.zst");
    let arguments = [
        "import",
        "--format",
        "json",
        good.to_str().unwrap(),
        broken.to_str().unwrap(),
        again.to_str().unwrap(),
    ];
    let ended = on(&store, &arguments).with(3);
    assert!(ended.stderr.contains("broken.ndjson: 3 rejected, first on line"), "{ended:#?}");
    let report = ended.json();
    assert_eq!(keys(&report), ["read", "added", "duplicates", "rejected", "elapsedMs", "files"]);
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), 3);
    for file in files {
        for key in ["path", "format", "read", "added", "duplicates", "rejected"] {
            assert!(file.get(key).is_some(), "{key} of {file}");
        }
    }
    for key in ["read", "added", "duplicates", "rejected"] {
        let sum: u64 = files.iter().map(|it| it[key].as_u64().unwrap()).sum();
        assert_eq!(report[key], sum, "{key}");
    }
    let number = |it: &Value, key: &str| it[key].as_u64().unwrap();
    for it in files.iter().chain([&report]) {
        assert_eq!(
            number(it, "read"),
            number(it, "added") + number(it, "duplicates") + number(it, "rejected")
        );
    }
    assert_eq!((number(&files[0], "added"), number(&files[2], "duplicates")), (16, 16));
    assert_eq!((number(&files[1], "read"), number(&files[1], "rejected")), (6, 3));

    let quiet = on(&dir.path().join("other"), &["import", "-q", broken.to_str().unwrap()]).with(3);
    assert_eq!(quiet.stderr, "", "-q leaves it to the exit status");
    on(&store, &["import", dir.path().join("missing").to_str().unwrap()]).with(2);
    let asked =
        run(&["trace", "--format", "json", "x", "--input", broken.to_str().unwrap()]).with(1);
    assert_eq!(asked.json()["notFound"], json!(["x"]));
    run(&["search", "--input", broken.to_str().unwrap()]).with(3);
    run(&["search", "--input", good.to_str().unwrap()]).with(0);
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
fn a_query_that_cannot_be_read_is_underlined() {
    let store = samples();
    let ended = store.run(&["search", "spam:FAIL", "form:ana@x"]).with(2);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(
        lines[..3],
        ["unknown field \"form\"", "  spam:FAIL form:ana@x", "            ^~~~"],
        "{ended:#?}"
    );
    assert!(lines[3].starts_with("help: did you mean from?"), "{ended:#?}");
    assert!(lines.last().unwrap().starts_with("error: "), "{ended:#?}");
    assert_eq!(ended.stdout, "");
}

#[test]
fn since_is_inside_and_until_is_not() {
    let lines: Vec<String> =
        (0..5).map(|it| received(it * 1_000, &format!("t{it}"), "x")).collect();
    let store = Filled::with(&lines);
    let found = |arguments: &[&str]| -> Vec<String> {
        let ended = store.run(&[&["search", "--format", "ndjson"], arguments].concat());
        ended.json_lines().iter().map(|it| it["traceId"].as_str().unwrap().to_owned()).collect()
    };
    let (second, fourth) = ("2026-11-23T10:00:01Z", "2026-11-23T10:00:03Z");
    assert_eq!(found(&["--since", second, "--until", fourth]), ["t2", "t1"]);
    assert_eq!(found(&["--since", "2026-11-23T11:00:03+01:00"]), ["t4", "t3"]);
    assert_eq!(found(&["--until", "2026-11-23 11:00:01", "--tz", "Europe/Madrid"]), ["t0"]);
    assert_eq!(
        found(&["--since", "26h"]),
        ["t4", "t3", "t2", "t1", "t0"],
        "the clock stands at noon of the next day"
    );
    assert_eq!(found(&["--since", "25h59m57s"]), ["t4", "t3"]);
    assert_eq!(found(&["--since", "1h"]), [""; 0]);
    assert_eq!(found(&["--limit", "2"]), ["t4", "t3"]);
    let limited = store.run(&["search", "--limit", "2", "--format", "json"]).json();
    assert_eq!((&limited["total"], limited["events"].as_array().unwrap().len()), (&json!(5), 2));
    let table = store.run(&["search", "--limit", "2"]).with(0);
    assert_eq!(table.stderr, "2 of 5 events shown (--limit shows more)\n");
    store.run(&["search", "--since", "soon"]).with(2);
    store.run(&["search", "--tz", "Middle/Earth"]).with(2);
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
    assert!(store.run(&["verify"]).with(0).stdout.starts_with("sound: 16 records"));
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
    fs::write(&log, fs::read_to_string(&log).unwrap() + &extra + "\n").unwrap();
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

#[test]
fn times_are_shown_in_the_zone_asked_for() {
    let store = Filled::with(&[received(0, "t1", "x")]);
    let there = ["--tz", "Europe/Madrid"];
    let message = store.run(&[&there[..], &["trace", "--format", "json", "t1"]].concat()).json();
    let message = &message["messages"][0];
    let time = json!("2026-11-23T11:00:00.000+01:00");
    assert_eq!((&message["firstSeen"], &message["events"][0]["timestamp"]), (&time, &time));
    for arguments in
        [&["trace", "t1"][..], &["search"], &["status"], &["stats"], &["search", "--format", "csv"]]
    {
        let shown = store.run(&[&there[..], arguments].concat()).with(0).stdout;
        assert!(shown.contains("2026-11-23T11:00:00.000+01:00"), "{shown}");
    }
    let plain = store.run(&["stats", "--format", "json"]).json();
    assert_eq!(plain["firstSeen"], "2026-11-23T10:00:00.000Z");
    assert_eq!(START_MS, 1_795_428_000_000);
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let store = samples();
    let path = store.store();
    let stdout = |arguments: &[&str], no_color: bool| {
        let mut command = mailtrace(arguments);
        command.arg("--store").arg(&path).arg("trace").arg(NEWS);
        if no_color {
            command.env("NO_COLOR", "1");
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let plain = stdout(&[], false);
    assert!(!plain.contains('\u{1b}'), "no colour into a pipe");
    assert_eq!(stdout(&["--color", "never"], false), plain);
    assert_eq!(stdout(&[], true), plain);
    let coloured = stdout(&["--color", "always"], false);
    assert!(coloured.contains("\u{1b}[32m"), "{coloured}");
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), plain);
}

#[test]
fn the_store_may_be_named_in_the_environment() {
    let store = samples();
    let named = |arguments: &[&str]| {
        let mut command = mailtrace(arguments);
        command.env("MAILTRACE_STORE", store.store()).output().unwrap()
    };
    assert_eq!(named(&["trace", NEWS]).status.code(), Some(0));
    let elsewhere = store.dir.path().join("elsewhere");
    let ended = named(&["trace", NEWS, "--store", elsewhere.to_str().unwrap()]);
    assert_eq!(ended.status.code(), Some(2), "the option counts before the environment");
    assert!(!elsewhere.exists(), "asking makes no store");

    let mut command = mailtrace(&["trace", NEWS]);
    let data = store.dir.path().join("data");
    let ended = command.env("XDG_DATA_HOME", &data).env("HOME", store.dir.path()).output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert!(stderr.contains(data.join("mailtrace").to_str().unwrap()), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn quiet_means_errors_only() {
    let store = samples();
    for arguments in [
        &["search", "*"][..],
        &["search", "from:nobody@x"],
        &["trace", "<nobody@x>"],
        &["trace", NEWS],
    ] {
        assert_eq!(store.run(&[arguments, &["-q"]].concat()).stderr, "", "{arguments:?}");
    }
    assert!(store.run(&["-q", "search", "form:x"]).with(2).stderr.contains("error: "));
}
