//! Audit events and records of the directory beside mail, in one store.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use mailtrace::internals::{Entity, EntityKind, Said, Statement};
use mailtrace::{Store, Timestamp};
use serde_json::{Value, json};

use crate::support::{Random, archived, assert_sound, copy_dir, import, on};

/// The first time, in milliseconds since 1970.
const START_MS: i64 = 1_793_000_000_000;

fn ms_of(number: usize) -> i64 {
    START_MS + i64::try_from(number).unwrap() * 1_000
}

const ORGANIZATION: &str = "arn:aws:workmail:eu-west-1:123456789012:organization/m-1";

/// The n-th audit event: all types in turn, some with optional fields left out.
pub(crate) fn audit_event(number: usize) -> Value {
    let person = number % 5;
    let mut event = json!({
        "event_timestamp": ms_of(number),
        "request_id": format!("request-{number}"),
        "organization_arn": ORGANIZATION,
        "user_id": format!("00000000-0000-0000-0000-00000000000{person}"),
        "source_ip": format!("198.51.100.{}", number % 7),
        "protocol": "IMAP",
    });
    let more = match number % 6 {
        0 | 1 => json!({"action": "read", "object_type": "Message", "action_allowed": true,
            "owner_id": format!("00000000-0000-0000-0000-00000000000{}", number % 4),
            "item_id": format!("AAMk{number}="), "folder_path": "/Inbox", "user_agent": "Agent/1"}),
        2 => json!({"scope": "AccessControl", "access_granted": number % 4 == 2}),
        3 => json!({"user": format!("person{person}@acme.example"),
            "auth_successful": if number.is_multiple_of(9) { "false" } else { "true" }}),
        4 => json!({"user": format!("person{person}@acme.example"), "action": "create",
            "name": "telephone", "scopes": ["imap"]}),
        _ => json!({"type": "EWS", "availability_event_successful": null, "brand_new": {"a": [1]}}),
    };
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn mail_event(number: usize) -> Value {
    json!({"traceId": format!("trace-{}", number / 2), "event": {
        "eventName": if number.is_multiple_of(2) { "ORGANIZATION_EMAIL_RECEIVED" } else { "MAILBOX_EMAIL_DELIVERED" },
        "recipients": ["ana@acme.example"], "recipient": "ana@acme.example", "from": "bob@far.example"}})
}

fn record(ms: i64, group: &str, message: &Value) -> String {
    json!({"logGroup": group, "timestamp": ms, "message": message.to_string()}).to_string()
}

/// Lines of both kinds, and some of the directory, in no order.
fn mixed(random: &mut Random, audit: usize, mail: usize) -> Vec<String> {
    let audits = (0..audit).map(|it| record(ms_of(it), "/aws/vendedlogs/audit", &audit_event(it)));
    let mails =
        (0..mail).map(|it| record(ms_of(it), "/aws/workmail/emailevents/acme", &mail_event(it)));
    let directory = (0..3).map(|it| {
        record(
            ms_of(it),
            "directory",
            &json!({"mailtraceDirectory": 1, "takenAt": it, "users": []}),
        )
    });
    let mut lines: Vec<String> = audits.chain(mails).chain(directory).collect();
    for index in (1..lines.len()).rev() {
        lines.swap(index, random.below(index as u64 + 1) as usize);
    }
    lines
}

fn take(store: &Path, dir: &Path, lines: &[String]) -> Value {
    let path = dir.join("part.ndjson");
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    import(store, &path).expect(0).json()
}

fn messages(store: &Path) -> BTreeSet<String> {
    let lines = archived(store);
    let message = |it: &str| serde_json::from_str::<Value>(it).unwrap()["message"].to_string();
    let all: Vec<String> = lines.lines().map(message).collect();
    let set: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(set.len(), all.len(), "a record twice");
    set
}

/// How many records are mail, and how many are something else.
fn counts(store: &Path) -> (u64, u64, usize) {
    let store = Store::open(store).unwrap();
    let checkpoint = store.checkpoint();
    let directory = store.directory_records().unwrap().len();
    (checkpoint.mail_records(), checkpoint.other_records(), directory)
}

#[test]
fn in_any_order_and_any_commits_nothing_is_lost_and_nothing_is_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new();
    let lines = mixed(&mut random, 60, 20);
    let whole = dir.path().join("whole");
    take(&whole, dir.path(), &lines);
    let parts = dir.path().join("parts");
    let mut rest = lines.as_slice();
    while !rest.is_empty() {
        let count = (1 + random.below(30) as usize).min(rest.len());
        // Some of what was taken comes once more with what is new.
        let from = lines.len() - rest.len();
        let again = random.below(10).min(from as u64) as usize;
        take(&parts, dir.path(), &lines[from - again..from + count]);
        rest = &rest[count..];
    }
    for store in [&whole, &parts] {
        assert_eq!(counts(store), (20, 63, 3));
        assert_sound(store);
        let added = take(store, dir.path(), &mixed(&mut random, 60, 20));
        assert_eq!((&added["added"], &added["duplicates"]), (&json!(0), &json!(83)));
    }
    assert_eq!(messages(&whole), messages(&parts));
    on(&parts, &["reindex"]).expect(0);
    assert_eq!(counts(&parts), (20, 63, 3));
    assert_sound(&parts);
    // Mail's questions see mail alone.
    let found = on(&whole, &["search", "--limit", "100", "--format", "json"]).expect(0).json();
    assert_eq!(found["total"], json!(20));
}

#[test]
fn events_alone_have_their_own_time_whatever_carried_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let raw: Vec<String> = (0..10).map(|it| audit_event(it).to_string()).collect();
    assert_eq!(take(&store, dir.path(), &raw)["added"], json!(10));
    let line = archived(&store).lines().next().unwrap().to_owned();
    let kept: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(kept["timestamp"], json!(START_MS));
    assert_eq!(kept["timeApproximate"], Value::Null);
    // The same from a log group, a little later, from a shipper, and quoted once more.
    let logged: Vec<String> =
        (0..10).map(|it| record(ms_of(it) + 345, "/aws/vendedlogs/a", &audit_event(it))).collect();
    let shipped = (0..10).map(|it| json!({"@timestamp": "2026-11-01T00:00:00Z", "message": audit_event(it).to_string(), "log_group": "/aws/x"}).to_string());
    let quoted = (0..10).map(|it| json!(audit_event(it).to_string()).to_string());
    for lines in [logged, shipped.collect(), quoted.collect()] {
        let report = take(&store, dir.path(), &lines);
        assert_eq!((&report["added"], &report["duplicates"]), (&json!(0), &json!(10)), "{lines:?}");
    }
    assert_sound(&store);
}

#[test]
fn other_output_formats_are_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let path = dir.path().join("audit.log");
    let plain = format!("{START_MS} request-1 {ORGANIZATION} user-1 IMAP 198.51.100.7 true\n");
    fs::write(&path, format!("#Version: 1.0\n#Fields: event_timestamp request_id\n{plain}"))
        .unwrap();
    let report = import(&store, &path).expect(3).json();
    assert_eq!(report["added"], json!(0));
    let rejected: String = crate::support::files_below(&store.join("rejected"))
        .iter()
        .map(|it| crate::support::rejected_lines(it))
        .collect();
    assert!(rejected.contains("output format to json"), "{rejected}");
}

/// A store with a first commit, and as it was after it.
fn two_commits(dir: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let lines = mixed(&mut Random::new(), 40, 10);
    let (store, before) = (dir.join("store"), dir.join("before"));
    take(&store, dir, &lines[..25]);
    copy_dir(&store, &before);
    take(&store, dir, &lines[25..]);
    (store, before)
}

fn replace_audit(store: &Path, from: &Path) {
    fs::remove_dir_all(store.join("audit")).unwrap();
    copy_dir(&from.join("audit"), &store.join("audit"));
}

#[test]
fn an_index_that_is_ahead_behind_or_gone_is_made_right() {
    let dir = tempfile::tempdir().unwrap();
    let (store, before) = two_commits(dir.path());
    let (wanted, first) = (counts(&store), counts(&before));
    let rest = mixed(&mut Random::new(), 40, 10);
    // A writer was cut off after the audit index, before the store's commit.
    let ahead = dir.path().join("ahead");
    copy_dir(&before, &ahead);
    replace_audit(&ahead, &store);
    assert_eq!(counts(&ahead), first, "what is not committed is not seen");
    take(&ahead, dir.path(), &rest);
    // Another program wrote the commit, or the directory was lost.
    let behind = dir.path().join("behind");
    copy_dir(&store, &behind);
    replace_audit(&behind, &before);
    Store::open(&behind).unwrap().directory_records().unwrap_err();
    take(&behind, dir.path(), &rest);
    let gone = dir.path().join("gone");
    copy_dir(&store, &gone);
    fs::remove_dir_all(gone.join("audit")).unwrap();
    on(&gone, &["verify"]).expect(2);
    take(&gone, dir.path(), &rest);
    for it in [&ahead, &behind, &gone] {
        assert_eq!(counts(it), wanted, "{}", it.display());
        assert_eq!(messages(it), messages(&store));
        assert_sound(it);
    }
}

#[test]
fn an_exchange_of_indexes_that_was_cut_off_is_read_and_made_right() {
    let dir = tempfile::tempdir().unwrap();
    let (ahead, behind) = two_commits(dir.path());
    let cut_off = dir.path().join("cut-off");
    copy_dir(&ahead, &cut_off);
    // The main index is in its place, that of audit events still where it was built.
    fs::rename(cut_off.join("audit"), cut_off.join("audit.new")).unwrap();
    copy_dir(&behind.join("audit"), &cut_off.join("audit"));
    let total = |store: &Path| {
        on(store, &["access", "--limit", "0", "--format", "json"]).expect(0).json()["total"].clone()
    };
    assert_eq!(total(&cut_off), total(&ahead));
    on(&cut_off, &["status"]).expect(0);
    take(&cut_off, dir.path(), &[record(ms_of(500), "audit", &audit_event(500))]);
    assert!(!cut_off.join("audit.new").exists());
    assert_sound(&cut_off);
    assert_eq!(total(&cut_off).as_u64(), total(&ahead).as_u64().map(|it| it + 1));
}

#[test]
fn a_store_of_mail_alone_has_no_audit_index() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let lines: Vec<String> = (0..10).map(|it| record(START_MS, "g", &mail_event(it))).collect();
    take(&store, dir.path(), &lines);
    assert!(!store.join("audit").exists());
    assert_eq!(counts(&store), (10, 0, 0));
}

#[test]
fn erasing_an_address_takes_what_the_directory_says_is_theirs() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    // Somebody who read mail by the web client, and never signed in to anything that logs a name.
    let mut user = Entity::new(EntityKind::User, "S-1-5-21-9");
    user.address = Some("quiet@acme.example".to_owned());
    let at = Timestamp::from_ms(START_MS).unwrap();
    let statement = Statement::new("m-1", at, Said::Entity(Box::new(user)));
    let said: Value = serde_json::from_str(&statement.to_message().unwrap()).unwrap();
    let mut event = audit_event(0);
    event["user_id"] = json!("s-1-5-21-9");
    let lines = [
        record(START_MS, "directory", &said),
        record(ms_of(0), "audit", &event),
        record(ms_of(1), "audit", &audit_event(1)),
    ];
    take(&store, dir.path(), &lines);
    let erase = ["erase", "--address", "quiet@acme.example", "--reason", "asked", "--yes"];
    on(&store, &erase).expect(0);
    let left = archived(&store).to_lowercase();
    assert!(!left.contains("quiet@") && !left.contains("s-1-5-21-9"), "{left}");
    assert_eq!(counts(&store), (0, 1, 0));
    assert_sound(&store);
}

#[test]
fn what_is_pruned_and_erased_is_gone_from_every_index() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    take(&store, dir.path(), &mixed(&mut Random::new(), 60, 20));
    let before = jiff::Timestamp::from_millisecond(START_MS + 30_000).unwrap().to_string();
    let prune = ["prune", "--before", &before, "--reason", "old", "--yes"];
    on(&store, &prune).expect(0);
    assert_eq!(counts(&store), (0, 30, 0));
    assert_sound(&store);
    let name = "person3@acme.example";
    assert!(archived(&store).contains(name));
    on(&store, &["erase", "--address", name, "--reason", "asked", "--yes"]).expect(0);
    // Nor is anything of whom the logs tie to that name, by their ID alone.
    let id = "00000000-0000-0000-0000-000000000003";
    for gone in [name, id] {
        assert!(!archived(&store).contains(gone), "{gone}");
    }
    for path in crate::support::files_below(&store.join("audit")) {
        let bytes = fs::read(&path).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(name), "{}", path.display());
    }
    assert_sound(&store);
}
