//! `mailtrace access --out`: audit events as evidence and for other programs.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::export::{contents, manifest_of};
use crate::program::{Ended, Filled, on, record, run, sample, samples};

fn text_of(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn on_samples(arguments: &[&str]) -> Ended {
    let input = sample("audit-events.ndjson");
    let input = ["--input", input.to_str().unwrap()];
    run(&[&["access"], arguments, &input].concat())
}

fn bundle(dir: &Path, name: &str, arguments: &[&str]) -> PathBuf {
    let path = dir.join(name);
    on_samples(&[&["--out", path.to_str().unwrap()], arguments].concat()).with(0);
    path
}

fn listed(input: &Path, arguments: &[&str]) -> Vec<Value> {
    let input = ["--input", input.to_str().unwrap(), "--format", "json"];
    let json = run(&[&["access", "--sort", "oldest"], arguments, &input].concat()).with(0).json();
    json["access"].as_array().unwrap().clone()
}

#[test]
fn a_bundle_holds_the_events_and_is_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let asked = ["--failed-then-ok", "--since", "2026-11-01", "--case", "take-over"];
    let store = dir.path().join("store");
    on(&store, &["import", sample("audit-events.ndjson").to_str().unwrap()]).with(0);
    let export = |name: &str| {
        let out = dir.path().join(name);
        let words = [&["access", "--out", out.to_str().unwrap()], &asked[..]].concat();
        on(&store, &words).with(0);
        out
    };
    let made = export("case");
    let names: Vec<String> = contents(&made).into_iter().map(|(name, _)| name).collect();
    let expect = [
        "SHA256SUMS",
        "access.csv",
        "manifest.json",
        "records.ndjson",
        "report.html",
        "timesketch.csv",
    ];
    assert_eq!(names, expect);
    assert_eq!(contents(&made), contents(&export("again")));
    let checked = run(&["verify", "--bundle", made.to_str().unwrap()]).with(0).stdout;
    assert!(checked.starts_with("OK: 6 files, 4 audit events"), "{checked}");

    let original = listed(&sample("audit-events.ndjson"), &["--failed-then-ok"]);
    let back = listed(&made.join("records.ndjson"), &[]);
    let messages = |events: &[Value]| -> Vec<Value> {
        events.iter().map(|it| it["message"].clone()).collect()
    };
    assert_eq!(messages(&back), messages(&original));

    let manifest = manifest_of(&made);
    let question = &manifest["question"];
    assert_eq!(question["filters"], json!(["--failed-then-ok"]));
    assert_eq!(question["since"]["given"], "2026-11-01");
    assert_eq!(manifest["counts"]["access"]["events"], 4);
    assert_eq!(manifest["counts"]["access"]["failed"], 3);
    assert_eq!(manifest["counts"]["access"]["byType"], json!({"authentication": 4}));
    let report = text_of(&made.join("report.html"));
    for text in ["Access evidence: take-over", "INVALID_CREDENTIALS", "203.0.113.66"] {
        assert!(report.contains(text), "{text}");
    }
    let csv = text_of(&made.join("access.csv"));
    assert_eq!(csv.lines().count(), 5, "{csv}");
    let sketch = text_of(&made.join("timesketch.csv"));
    assert!(sketch.starts_with("message,datetime,timestamp_desc,data_type,type,"), "{sketch}");
    assert!(sketch.contains("sign in by ana@acme.example from 203.0.113.66: failed"), "{sketch}");
}

#[test]
fn what_was_changed_in_a_bundle_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let made = bundle(dir.path(), "case", &[]);
    let table = made.join("access.csv");
    let changed = fs::read_to_string(&table).unwrap().replace("198.51.100.7", "198.51.100.8");
    fs::write(&table, changed).unwrap();
    let refused = run(&["verify", "--bundle", made.to_str().unwrap()]).with(2);
    assert!(refused.stdout.contains("access.csv: its SHA-256"), "{}", refused.stdout);
}

#[test]
fn nobody_can_be_told_from_a_redacted_extract() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("case.key");
    fs::write(&key, "0123456789abcdef0123").unwrap();
    let redact = ["--redact", "all", "--redact-key", key.to_str().unwrap()];
    let made = bundle(dir.path(), "case", &redact);
    let zip = bundle(dir.path(), "case.zip", &[&redact[..], &["--keep-domains"]].concat());
    for path in [&made, &zip] {
        run(&["verify", "--bundle", path.to_str().unwrap()]).with(0);
    }
    let hidden = ["ana@", "bob@", "acme.example", "1a2b3c4d", "198.51.100", "203.0.113", "192.0.2"];
    for (name, bytes) in contents(&made) {
        let text = String::from_utf8(bytes).unwrap().to_lowercase();
        for hidden in hidden {
            assert!(!text.contains(hidden), "{name} has {hidden}");
        }
    }
    // The same people, from the same places, as far as numbers go.
    let groups = |input: &Path, keys: &str| -> Vec<Value> {
        let arguments = ["access", "--group-by", keys, "--format", "json", "--input"];
        let json = run(&[&arguments[..], &[input.to_str().unwrap()]].concat()).with(0).json();
        let mut counts: Vec<Value> =
            json["groups"].as_array().unwrap().iter().map(|it| it["count"].clone()).collect();
        counts.sort_by_key(|it| it.as_u64());
        counts
    };
    let records = made.join("records.ndjson");
    for keys in ["user", "owner", "ip", "user,ip", "action"] {
        assert_eq!(groups(&records, keys), groups(&sample("audit-events.ndjson"), keys), "{keys}");
    }
    for filter in ["--failed-then-ok", "--new-ip", "--not-owner", "--failed"] {
        let original = listed(&sample("audit-events.ndjson"), &[filter]).len();
        assert_eq!(listed(&records, &[filter]).len(), original, "{filter}");
    }
    let ip = listed(&records, &[])[0]["ip"].as_str().unwrap().to_owned();
    assert!(ip.starts_with("2001:db8:") && ip.parse::<std::net::IpAddr>().is_ok(), "{ip}");
}

/// Where a stranger may put what is to go: a name that was typed, a program, fields nobody knows.
#[test]
fn what_an_event_names_is_hidden_wherever_it_stands() {
    let event = json!({
        "event_timestamp": 1_793_000_000_000_i64,
        "organization_arn": "arn:aws:workmail:eu-west-1:1:organization/m-1",
        "user_id": "S-1-5-21-77", "user": "carla.jung@acme.example", "source_ip": "2a02:1::7",
        "auth_successful": false, "auth_failed_reason": "no such user carla.jung from 2A02:1::7",
        "user_agent": "agent of carla.jung@acme.example", "brand_new": {"deep": ["s-1-5-21-77"]},
        "domain": "Secret.example", "action": "read", "protocol": "IMAP",
    });
    let store = Filled::with(&[record(0, "audit", "s", &event)]);
    let key = store.dir.path().join("case.key");
    fs::write(&key, "0123456789abcdef0123").unwrap();
    let made = store.dir.path().join("made");
    let redact = ["--redact", "addresses", "--redact-key", key.to_str().unwrap()];
    store.run(&[&["access", "--out", made.to_str().unwrap()], &redact[..]].concat()).with(0);
    for (name, bytes) in contents(&made) {
        let text = String::from_utf8(bytes).unwrap().to_lowercase();
        for hidden in ["carla", "jung", "acme.example", "s-1-5-21-77", "2a02:1", "secret.example"] {
            assert!(!text.contains(hidden), "{name} has {hidden}: {text}");
        }
    }
    let record: Value = serde_json::from_str(&text_of(&made.join("records.ndjson"))).unwrap();
    let message: Value = serde_json::from_str(record["message"].as_str().unwrap()).unwrap();
    assert_eq!((&message["action"], &message["protocol"]), (&json!("read"), &json!("IMAP")));
    assert_eq!(message["organization_arn"], event["organization_arn"]);
}

/// Fields of <https://www.elastic.co/docs/reference/ecs>.
#[test]
fn ecs_has_its_fields_and_the_original() {
    let lines = on_samples(&["--out", "-", "--as", "ecs"]).with(0).json_lines();
    assert_eq!(lines.len(), 15);
    let is_failed = |it: &&Value| {
        it["event"]["outcome"] == "failure" && it["workmail"]["type"] == "authentication"
    };
    let failed = lines.iter().find(is_failed).unwrap();
    assert_eq!(failed["event"]["category"], json!(["authentication"]));
    assert_eq!(failed["event"]["dataset"], "workmail.authentication");
    assert_eq!(failed["event"]["reason"], "INVALID_CREDENTIALS");
    assert_eq!(failed["source"]["ip"], "203.0.113.66");
    assert_eq!(failed["user"]["email"], "ana@acme.example");
    assert_eq!(failed["user_agent"]["original"], "python-imaplib");
    assert_eq!(failed["network"]["protocol"], "imap");
    assert_eq!(failed["cloud"]["region"], "eu-west-1");
    assert_eq!(failed["cloud"]["account"]["id"], "123456789012");
    let deleted = lines.iter().find(|it| it["event"]["action"] == "delete").unwrap();
    assert_eq!(deleted["event"]["type"], json!(["deletion"]));
    assert_eq!(deleted["user"]["target"]["email"], "ana@acme.example");
    assert_eq!(deleted["workmail"]["folder_path"], "/Sent Items");
    let times: Vec<&str> = lines.iter().map(|it| it["@timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    for (line, event) in lines.iter().zip(listed(&sample("audit-events.ndjson"), &[])) {
        let original: Value =
            serde_json::from_str(line["event"]["original"].as_str().unwrap()).unwrap();
        assert_eq!(original, event["message"]);
        assert_eq!(line["mailtrace"]["source"]["sha256"].as_str().map(str::len), Some(64));
    }
}

/// Attributes of <https://schema.ocsf.io/1.3.0>; those that the classes require are always there.
#[test]
fn ocsf_has_the_classes_and_the_original() {
    let lines = on_samples(&["--out", "-", "--as", "ocsf"]).with(0).json_lines();
    let mut classes: Vec<u64> = Vec::new();
    for line in &lines {
        for required in
            ["activity_id", "category_uid", "class_uid", "severity_id", "time", "type_uid"]
        {
            assert!(line[required].is_u64(), "{required}: {line}");
        }
        let class = line["class_uid"].as_u64().unwrap();
        assert_eq!(line["type_uid"].as_u64().unwrap() / 100, class);
        assert_eq!(line["category_uid"].as_u64().unwrap(), class / 1_000);
        let has = |names: &[&str]| names.iter().all(|it| line.get(*it).is_some());
        assert!(line["metadata"]["version"] == "1.3.0" && line["raw_data"].is_string());
        assert!(match class {
            3002 => has(&["user", "service"]),
            6005 => has(&["actor", "src_endpoint", "databucket"]),
            6003 => has(&["actor", "src_endpoint", "api"]),
            _ => false,
        });
        classes.push(class);
    }
    classes.sort_unstable();
    classes.dedup();
    assert_eq!(classes, [3002, 6003, 6005]);
}

#[test]
fn duckdb_reads_the_parquet_file() {
    let python = crate::python::installed("duckdb==2.0.1").unwrap_or_else(|it| panic!("{it}"));
    let dir = tempfile::tempdir().unwrap();
    let made = bundle(dir.path(), "access.parquet", &["--as", "parquet"]);
    let query = format!(
        "SELECT type, allowed, source_ip, user_address, count(*) FROM '{}' \
         WHERE NOT allowed GROUP BY ALL ORDER BY 5 DESC",
        made.display()
    );
    let script = format!("import duckdb; print(duckdb.sql(\"\"\"{query}\"\"\").fetchall()[0])");
    let ran = std::process::Command::new(python.join("bin/python")).args(["-c", &script]).output();
    let ran = ran.unwrap();
    let shown = String::from_utf8_lossy(&ran.stdout);
    let expect = "('authentication', False, '203.0.113.66', 'ana@acme.example', 3)";
    assert_eq!(shown.trim(), expect, "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn what_cannot_be_exported_is_refused_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let path = out.to_str().unwrap();
    for (arguments, expect) in [
        (&["--as", "ecs"][..], "--out"),
        (&["--out", path, "--group-by", "user"], "--group-by"),
        (&["--out", path, "--limit", "3"], "--limit"),
        (&["--out", path, "--redact", "all"], "--redact-key"),
        (&["--out", "-"], "a bundle goes to a directory"),
        (&["--out", path, "--as", "ocsf", "--sign-key", "k"], "only a bundle is signed"),
    ] {
        let refused = on_samples(arguments).with(2);
        assert!(refused.stderr.contains(expect), "{arguments:?}: {}", refused.stderr);
    }
    fs::write(&out, "mine").unwrap();
    let refused = on_samples(&["--out", path]).with(2);
    assert!(refused.stderr.contains("exists already"), "{}", refused.stderr);
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_bundle_says_which_day_it_is_of() {
    let dir = tempfile::tempdir().unwrap();
    let made = bundle(dir.path(), "case", &["--on", "2026-11-23"]);
    let question = manifest_of(&made)["question"].clone();
    let bound = |at: &str| json!({"given": "2026-11-23", "resolved": at});
    assert_eq!(question["since"], bound("2026-11-23T00:00:00.000Z"));
    assert_eq!(question["until"], bound("2026-11-24T00:00:00.000Z"));
    let mail = samples();
    let out = mail.dir.path().join("case");
    mail.run(&["export", "--on", "2026-11-23", "--out", out.to_str().unwrap()]).with(0);
    assert_eq!(manifest_of(&out)["question"]["since"], question["since"]);
}

#[test]
fn nothing_found_is_a_bundle_that_says_so() {
    let mail = samples();
    let out = mail.dir.path().join("none");
    mail.run(&["access", "--out", out.to_str().unwrap()]).with(1);
    assert_eq!(manifest_of(&out)["counts"]["access"]["events"], 0);
    assert!(text_of(&out.join("report.html")).contains("No event was found."));
    run(&["verify", "--bundle", out.to_str().unwrap()]).with(0);
}
