//! `messages`, and the overview of all messages beside the join of all originals.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use mailtrace::internals::{keep_table, select};
use mailtrace::{
    Event, ImportOptions, JoinRules, Message, MessageFilter, Outcome, Parser, Store, StoredEvent,
    import, join,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{mailtrace, synth};

/// A synthetic log as text.
pub(crate) fn log(events: usize) -> String {
    let dir = tempfile::tempdir().unwrap();
    fs::read_to_string(synth(dir.path(), events, 1, "ndjson").path).unwrap()
}

/// What is compared of a message.
type Judged = (String, Vec<u16>, i64, i64);

fn judged(message: &Message) -> Judged {
    // A recipient has each outcome of its rows once, those that do not decide too.
    let count = |outcome: Outcome| {
        let of = message.recipients.iter().filter(|it| it.outcome == outcome);
        of.map(|it| it.address.as_str()).collect::<HashSet<_>>().len()
    };
    (
        message.outcome.to_string(),
        Outcome::ALL.iter().map(|it| u16::try_from(count(*it)).unwrap()).collect(),
        message.first_seen.as_ms(),
        message.last_seen.as_ms(),
    )
}

/// Every message, from every original of the store, joined at once.
pub(crate) fn all_messages(store: &Store, rules: &JoinRules) -> Vec<Message> {
    let events = store
        .fold_records(
            Vec::new,
            |events: &mut Vec<StoredEvent>, record| {
                let event = Parser::new().parse(&record.message).map(Event::into_owned).unwrap();
                events.push(StoredEvent { record: record.clone().into_owned(), event });
            },
            |mut all, part| {
                all.extend(part);
                all
            },
        )
        .unwrap();
    join(events, rules)
}

fn joined(store: &Store, rules: &JoinRules) -> Vec<Judged> {
    let mut judged: Vec<Judged> = all_messages(store, rules).iter().map(judged).collect();
    judged.sort();
    judged
}

fn summarised(store: &Store, rules: &JoinRules) -> Vec<Judged> {
    let mut summarised: Vec<Judged> = select(store, rules, &MessageFilter::default())
        .unwrap()
        .iter()
        .map(|it| {
            (
                it.outcome.to_string(),
                Outcome::ALL.iter().map(|outcome| it.recipients.get(*outcome)).collect(),
                it.first_seen.as_ms(),
                it.last_seen.as_ms(),
            )
        })
        .collect();
    summarised.sort();
    summarised
}

pub(crate) fn rules_of(store: &Store, grace_ms: i64) -> JoinRules {
    JoinRules::of_store(store, grace_ms, mailtrace::Timestamp::MAX)
}

pub(crate) fn import_into(dir: &TempDir, files: &[(&str, &str)], commit_records: u64) -> Store {
    let store = dir.path().join("store");
    let options = ImportOptions {
        commit_records_max: Some(commit_records),
        table: Some(keep_table),
        ..ImportOptions::default()
    };
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        import(&[path], &store, &options, &mut |_| {}).unwrap();
    }
    Store::open(&store).unwrap()
}

#[test]
fn the_overview_of_a_whole_log_is_what_its_originals_say() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(30_000);
    // In one segment, and in many that have not been merged.
    for commit_records in [1_000_000, 1_000] {
        let dir = TempDir::new_in(dir.path()).unwrap();
        let store = import_into(&dir, &[("log.ndjson", &log)], commit_records);
        for grace_ms in [0, 4 * 3_600_000] {
            let rules = rules_of(&store, grace_ms);
            let expected = joined(&store, &rules);
            assert!(expected.len() > 5_000, "{}", expected.len());
            assert_eq!(summarised(&store, &rules), expected, "grace {grace_ms}");
        }
    }
}

/// An event of a few legs, messages and addresses, documented or not quite.
pub(crate) fn event() -> impl Strategy<Value = (i64, Value)> {
    let name = prop_oneof![
        3 => Just("OUTGOING_EMAIL_SUBMITTED"),
        3 => Just("ORGANIZATION_EMAIL_RECEIVED"),
        4 => Just("MAILBOX_EMAIL_DELIVERED"),
        3 => Just("OUTGOING_EMAIL_SENT"),
        2 => Just("INCOMING_EMAIL_BOUNCED"),
        1 => Just("OUTGOING_EMAIL_BOUNCED"),
        2 => Just("RULE_APPLIED"),
        1 => Just("DMARC_POLICY_APPLIED"),
        1 => Just("JOURNALING_INITIATED"),
        1 => Just("outgoing_email_sent"),
        1 => Just("OUTGOING_EMAIL_OTHER"),
    ];
    let address = prop::sample::select(vec!["a@x", "B@x", "b@x", "c@y", "team@x"]);
    let addresses = prop::collection::vec(address, 0..4);
    let trace_id = prop::sample::select(vec!["t1", "t2", "t3", "t4", ""]);
    let message_id = prop::option::weighted(0.4, prop::sample::select(vec!["<m1>", "<m2>", "m1"]));
    let action = prop::sample::select(vec!["DROP", "MOVE_TO_JUNK", "bounce back"]);
    let policy = prop::sample::select(vec!["REJECT", "quarantine ", "NONE"]);
    let rule_type = prop::sample::select(vec!["INBOUND_RULE", "OUTBOUND_RULE"]);
    let time = prop_oneof![3 => 0_i64..6, 2 => 0_i64..30_000_000, 1 => 0_i64..1_000_000_000];
    let lists = (addresses.clone(), addresses.clone(), addresses);
    let words = (action, policy, rule_type, 0_u8..10);
    (name, trace_id, message_id, lists, words, time).prop_map(
        |(
            name,
            trace_id,
            message_id,
            (first, second, third),
            (action, policy, rule, odd),
            time,
        )| {
            let mut event = json!({"eventName": name});
            match name {
                "MAILBOX_EMAIL_DELIVERED" | "OUTGOING_EMAIL_SENT" | "outgoing_email_sent" => {
                    event["recipient"] = json!(first.first());
                }
                "INCOMING_EMAIL_BOUNCED" | "OUTGOING_EMAIL_BOUNCED" => {
                    event["bouncedRecipient"] = json!({"emailAddress": first.first()});
                }
                "RULE_APPLIED" => {
                    let whom = if odd < 5 { Vec::new() } else { first.clone() };
                    event["ruleActions"] = json!([{"action": action, "recipients": whom}]);
                    event["ruleType"] = json!(rule);
                }
                _ => event["recipients"] = json!(first),
            }
            if name == "DMARC_POLICY_APPLIED" {
                event["policy"] = json!(policy);
            }
            if odd == 0 {
                event["recipients"] = json!(second);
                event["recipient"] = json!(third.first());
            }
            if let Some(id) = message_id {
                event["messageId"] = json!(id);
            }
            let message = if trace_id.is_empty() {
                json!({"event": event})
            } else {
                json!({"traceId": trace_id, "event": event})
            };
            (1_795_469_640_000 + time, message)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_overview_of_any_log_is_what_its_originals_say(
        events in prop::collection::vec(event(), 1..40),
        raw_count in 0_usize..6,
        commit_records in prop::sample::select(vec![1_u64, 5, 1_000]),
        grace_ms in prop::sample::select(vec![0_i64, 3_000, 14_400_000]),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let line = |(ms, message): &(i64, Value)| {
            format!("{}\n", json!({"timestamp": ms, "message": message.to_string()}))
        };
        let (one, other) = events.split_at(events.len() / 2);
        // What was copied without its time, here and there of an event that is also there with it.
        let raw: String =
            events.iter().take(raw_count).map(|(_, message)| format!("{message}\n")).collect();
        let files = [
            ("1.ndjson", one.iter().map(line).collect::<String>()),
            ("2.ndjson", other.iter().map(line).collect()),
            ("3.ndjson", raw),
        ];
        let files: Vec<(&str, &str)> =
            files.iter().filter(|(_, it)| !it.is_empty()).map(|(name, it)| (*name, it.as_str())).collect();
        let store = import_into(&dir, &files, commit_records);
        let rules = rules_of(&store, grace_ms);
        prop_assert_eq!(summarised(&store, &rules), joined(&store, &rules));
    }
}

fn run(store: &Path, args: &[&str], status: i32) -> (String, String) {
    let output = mailtrace().arg("messages").args(args).arg("--store").arg(store).output().unwrap();
    let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{stdout}\n{stderr}");
    (stdout, stderr)
}

#[test]
fn messages_are_listed_by_outcome() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(5_000);
    import_into(&dir, &[("log.ndjson", &log)], 1_000_000);
    let store = dir.path().join("store");

    let (lost, _) = run(&store, &["--outcome", "lost", "--format", "json", "--limit", "5"], 0);
    let lost: Value = serde_json::from_str(&lost).unwrap();
    let total = lost["total"].as_u64().unwrap();
    let messages = lost["messages"].as_array().unwrap();
    assert!(total > 5, "{total}");
    assert_eq!(messages.len(), 5);
    for message in messages {
        let rows = message["recipients"].as_array().unwrap();
        assert!(rows.iter().any(|it| it["outcome"] == "lost"), "{message}");
        assert!(message.get("events").is_none());
        // As `trace` says.
        let id = message["traceIds"][0].as_str().unwrap();
        let traced = mailtrace()
            .args(["trace", id, "--format", "json", "--store"])
            .arg(&store)
            .output()
            .unwrap();
        let traced: Value = serde_json::from_slice(&traced.stdout).unwrap();
        // But for which rows were asked for.
        let mut recipients = message["recipients"].clone();
        for row in recipients.as_array_mut().unwrap() {
            assert_eq!(row["matched"], row["outcome"] == "lost");
            row["matched"] = Value::Null;
        }
        assert_eq!(traced["messages"][0]["recipients"], recipients);
    }
    let seen: Vec<&str> = messages.iter().map(|it| it["firstSeen"].as_str().unwrap()).collect();
    assert!(seen.is_sorted_by(|a, b| a >= b), "{seen:?}");

    let all = |args: &[&str]| {
        let (lines, _) =
            run(&store, &[args, &["--format", "ndjson", "--limit", "100000"]].concat(), 0);
        lines.lines().count() as u64
    };
    assert_eq!(all(&["--outcome", "lost"]), total);
    let by_outcome: u64 = ["delivered", "partial", "failed", "pending", "unknown"]
        .iter()
        .map(|word| {
            let (lines, _) = run(&store, &["--format", "ndjson", "--limit", "100000"], 0);
            let is = |it: &&str| serde_json::from_str::<Value>(it).unwrap()["outcome"] == **word;
            lines.lines().filter(is).count() as u64
        })
        .sum();
    assert_eq!(all(&[]), by_outcome);
    let middle = messages[2]["firstSeen"].as_str().unwrap();
    let (since, until) = (all(&["--since", middle]), all(&["--until", middle]));
    assert_eq!(since + until, all(&[]));
    let (oldest, _) = run(&store, &["--sort", "oldest", "--limit", "1", "--format", "csv"], 0);
    assert!(oldest.lines().count() >= 2 && oldest.contains("2026-11-01T00:"), "{oldest}");
}

#[test]
fn a_list_for_people_says_what_went_wrong_and_how_many_there_are() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(2_000);
    import_into(&dir, &[("log.ndjson", &log)], 1_000_000);
    let store = dir.path().join("store");
    let (table, note) = run(&store, &["--outcome", "bounced", "--limit", "2"], 0);
    insta::assert_snapshot!(format!("{table}\n{note}"));
    let (table, note) = run(&store, &["--until", "2020-01-01"], 1);
    assert_eq!(table, "");
    assert!(note.starts_with("no message found; the store covers 2026-11-01"), "{note}");
    let output = mailtrace().args(["messages", "--outcome", "vanished"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}
