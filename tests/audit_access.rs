//! `mailtrace access`: every option against what the sample and a synthetic log say.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::program::{Ended, run, sample};

fn access(arguments: &[&str]) -> Ended {
    let path = sample("audit-events.ndjson");
    let input = ["--input", path.to_str().unwrap()];
    run(&[&["access"], arguments, &input].concat())
}

fn found(arguments: &[&str]) -> Value {
    access(&[arguments, &["--format", "json"]].concat()).with(0).json()
}

fn total(arguments: &[&str]) -> u64 {
    found(arguments)["total"].as_u64().unwrap()
}

#[test]
fn each_option_finds_what_it_says() {
    for (arguments, expect) in [
        (&[][..], 15),
        (&["--user", "ana@acme.example"], 11),
        (&["--user", "1A2B3C4D-0000-4000-8000-00000000000a"], 8),
        (&["--user", "bob@*"], 3),
        (&["--owner", "ana@acme.example"], 5),
        (&["--ip", "203.0.113.66"], 8),
        (&["--ip", "203.0.113.0/24"], 8),
        (&["--ip", "198.51.100.*", "--ip", "203.0.113.66"], 14),
        (&["--agent", "python-*"], 7),
        (&["--action", "delete,read"], 4),
        (&["--protocol", "smtp"], 1),
        (&["--type", "authentication"], 6),
        (&["--type", "AVAILABILITY_PROVIDER"], 1),
        (&["--failed"], 3),
        (&["--denied"], 2),
        (&["--not-owner"], 1),
        (&["--new-ip"], 8),
        (&["--new-ip", "--action", "read"], 1),
        (&["--failed-then-ok"], 4),
        (&["--since", "2026-11-23T15:02:00Z"], 5),
        (&["--until", "2026-11-23T14:01:00Z"], 3),
        (&["allowed:false"], 6),
        (&["type:mailbox-access AND NOT user:ana@acme.example"], 1),
        (&["item:AAMkAGI1AAA= OR folder:\"/sent items\""], 3),
        (&["item:aamkagi1aaa="], 0),
        (&["reason:/invalid.*/ -ip:10.0.0.0/8"], 3),
        (&["203.0.113.66"], 8),
        (&["time:>=2026-11-23T15:02:00Z scope:*"], 1),
        (&["token:backup"], 1),
        (&["user:*"], 14),
    ] {
        if expect == 0 {
            access(arguments).with(1);
        } else {
            assert_eq!(total(arguments), expect, "{arguments:?}");
        }
    }
}

#[test]
fn pages_have_each_event_once_and_in_order() {
    for sort in ["newest", "oldest"] {
        let mut times = Vec::new();
        let mut requests = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let mut arguments = vec!["--limit", "4", "--sort", sort];
            if !cursor.is_empty() {
                arguments.extend(["--cursor", &cursor]);
            }
            let page = found(&arguments);
            assert_eq!(page["total"], json!(15));
            for event in page["access"].as_array().unwrap() {
                times.push(event["timestamp"].as_str().unwrap().to_owned());
                requests.insert(event["message"].to_string());
            }
            match page["next"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!((times.len(), requests.len()), (15, 15));
        let mut ordered = times.clone();
        ordered.sort();
        if sort == "newest" {
            ordered.reverse();
        }
        assert_eq!(times, ordered);
    }
    assert!(access(&["--cursor", "event.1.2"]).with(2).stderr.contains("--cursor"));
}

#[test]
fn people_are_shown_by_address_where_the_logs_tell_it() {
    let event = &found(&["--action", "delete"])["access"][0];
    assert_eq!(event["user"], "ana@acme.example");
    assert_eq!(event["owner"], "ana@acme.example");
    assert_eq!(event["userId"], "1a2b3c4d-0000-4000-8000-00000000000a");
    assert_eq!((&event["allowed"], &event["scope"]), (&json!(true), &Value::Null));
    assert_eq!(event["message"]["action"], "delete");
    let groups = found(&["--group-by", "user"]);
    let shown = |it: &Value| (it["user"].clone(), it["count"].as_u64().unwrap());
    let rows: Vec<_> = groups["groups"].as_array().unwrap().iter().map(shown).collect();
    assert_eq!(
        rows,
        [(json!("ana@acme.example"), 11), (json!("bob@acme.example"), 3), (Value::Null, 1)]
    );
    let hours = found(&["--group-by", "hour,type", "--limit", "1"]);
    assert_eq!((&hours["total"], hours["groups"].as_array().unwrap().len()), (&json!(15), 1));
    let shape = found(&["--facets", "ip,day", "--histogram", "--limit", "0"]);
    assert_eq!(shape["facets"]["ip"]["values"][0], json!({"value": "203.0.113.66", "count": 8}));
    assert_eq!(shape["facets"]["day"]["valueCount"], json!(1));
    assert!(shape["histogram"]["intervals"].as_array().unwrap().len() > 1);
}

#[test]
fn every_format_is_written() {
    let table = access(&["--failed-then-ok"]).with(0).stdout;
    assert_eq!(table.matches(" failed").count(), 3, "{table}");
    assert!(table.contains("INVALID_CREDENTIALS · IMAP · python-imaplib"), "{table}");
    assert_eq!(access(&["--format", "ndjson"]).with(0).json_lines().len(), 15);
    let csv = access(&["--format", "csv"]).with(0).stdout;
    let rows: Vec<csv::StringRecord> =
        csv::Reader::from_reader(csv.as_bytes()).records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), rows[0].len()), (15, 36));
    let groups = access(&["--group-by", "ip", "--format", "csv"]).with(0).stdout;
    assert!(groups.starts_with("ip,count,share,firstSeen,lastSeen\n203.0.113.66,8,"), "{groups}");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let refused = access(&["subject:invoice"]).with(2);
    assert!(refused.stderr.contains("unknown field \"subject\""), "{}", refused.stderr);
    assert!(refused.stderr.contains("fields: user, owner"), "{}", refused.stderr);
    let mail = sample("filter-log-events.ndjson");
    let none = run(&["access", "--input", mail.to_str().unwrap()]).with(1);
    assert!(none.stderr.contains("no audit events"), "{}", none.stderr);
}

#[test]
fn who_asks_mail_is_told_where_audit_events_are() {
    let input = sample("audit-events.ndjson");
    let input = ["--input", input.to_str().unwrap()];
    for (question, status, expect) in [
        (&["search", "ip:203.0.113.66"][..], 2, "`mailtrace access` searches audit events by ip"),
        (
            &["search", "source_ip:203.0.113.66"],
            2,
            "`mailtrace access` searches audit events by ip",
        ),
        (&["search", "ana"], 1, "15 records that are not mail: see `mailtrace access`"),
        (&["messages", "--from", "ana"], 1, ": see `mailtrace access`"),
        (&["stats"], 1, ": see `mailtrace access`"),
        (&["triage"], 1, ": see `mailtrace access`"),
        (&["stats", "--by", "ip"], 2, "`mailtrace access --group-by ip` counts audit events"),
    ] {
        let told = run(&[question, &input].concat()).with(status);
        assert!(told.stderr.contains(expect), "{question:?}: {}", told.stderr);
    }
}

#[test]
fn hostile_values_stay_values() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hostile.ndjson");
    let event = json!({
        "event_timestamp": "tomorrow", "organization_arn": "arn:aws:workmail:r:1:organization/m",
        "user_id": {"a": ["\u{1b}[31m"]}, "user": "=cmd()", "source_ip": "not an address\u{202e}",
        "user_agent": "x".repeat(100_000), "action": "\u{1b}]0;title\u{7}", "action_allowed": "perhaps",
        "item_id": ["a"], "folder_path": "\n\n", "object_type": 7,
    });
    let record = json!({"timestamp": 1_793_000_000_000_i64, "message": event.to_string()});
    fs::write(&path, record.to_string()).unwrap();
    let input = path.to_str().unwrap();
    for format in ["table", "csv", "json", "ndjson"] {
        let shown = run(&["access", "--format", format, "--input", input]).with(0).stdout;
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{format}: {shown:?}");
        assert!(!shown.contains(",=cmd()"), "{format}");
    }
    let json = run(&["access", "allowed:perhaps", "--format", "json", "--input", input]);
    let json = json.with(0).json();
    assert_eq!(json["access"][0]["allowed"], "perhaps");
    assert_eq!(json["access"][0]["timestamp"], "2026-10-26T07:33:20.000Z");
}

#[test]
fn a_synthetic_take_over_is_found_as_its_truth_tells_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (log, truth) = (at("log.ndjson"), at("truth.ndjson"));
    let synth = ["synth", "--events", "300", "--audit", "600", "--seed", "5", "--users", "20"];
    run(&[&synth[..], &["--out", &log, "--truth", &truth]].concat()).with(0);
    let truth = fs::read_to_string(truth).unwrap();
    let truth: Value = serde_json::from_str(truth.lines().last().unwrap()).unwrap();
    let truth = &truth["takeOver"];
    let ask = |arguments: &[&str]| {
        let all = [&["access"], arguments, &["--format", "json", "--input", &log]].concat();
        run(&all).with(0).json()
    };
    let ip = truth["ip"].as_str().unwrap();
    let tries = ask(&["--failed-then-ok", "--ip", ip, "--sort", "oldest"]);
    assert_eq!(tries["total"].as_u64(), Some(truth["failed"].as_u64().unwrap() + 1));
    assert_eq!(tries["access"][0]["timestamp"], truth["firstFailed"]);
    assert_eq!(tries["access"][5]["timestamp"], truth["signedIn"]);
    assert_eq!(tries["access"][5]["user"], truth["user"]);
    let sent = ask(&["--new-ip", "--ip", ip, "--action", "submit_email_for_sending"]);
    assert_eq!(
        (&sent["total"], &sent["access"][0]["timestamp"]),
        (&truth["sent"], &truth["lastSent"])
    );
    let from = format!("from:{}", truth["user"].as_str().unwrap());
    let subject = "subject:\"new bank details\"";
    let mail = run(&["search", &from, subject, "--format", "json", "--input", &log]);
    assert_eq!(mail.with(0).json()["total"], truth["sent"]);
}
