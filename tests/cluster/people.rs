//! Audit events and the directory: once in the cluster, and the same answers from there.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::asking::{assert_each_asked_alike, assert_paged_alike, assert_traced_alike};
use super::fake::Fake;
use super::publishing::{Organization, publish};
use crate::support::{Random, mailtrace, on, run};
use crate::timeline::ANA;

const KINDS: [&str; 4] = ["events", "rows", "access", "directory"];

/// An organization with a directory, audit events, an account that is taken over, and people who are
/// called otherwise from some day on.
pub(crate) fn with_people(events: usize, audit: usize, seed: u64) -> Organization {
    let mut organization = Organization::new(events, seed);
    let log = organization.path("audit.ndjson");
    let (events, audit, seed) = (events.to_string(), audit.to_string(), seed.to_string());
    let mut command = mailtrace();
    command.args(["synth", "--events", &events, "--audit", &audit, "--seed", &seed]);
    run(command.args(["--as", "ndjson", "--quiet", "--out"]).arg(&log)).expect(0);
    let synthetic = fs::read_to_string(log).unwrap();
    let mut lines: Vec<String> = synthetic.lines().map(str::to_owned).collect();
    let mut renamed = crate::people::renamed();
    // The items of the mail of that day, made and read, and a mail that was handed in.
    let item = |action: &str| {
        json!({ "user_id": ANA, "owner_id": ANA, "action": action, "object_type": "Message",
            "item_id": "Item=", "action_allowed": true })
    };
    renamed.audit(11, "198.51.100.7", item("create"));
    renamed.audit(60, "203.0.113.9", item("read"));
    // What strangers may write, and what nobody has documented.
    let long = "x".repeat(40_000);
    renamed.audit(70, "not an address", json!({ "user": long, "auth_successful": "0" }));
    renamed.audit(
        80,
        "::ffff:203.0.113.9",
        json!({ "user_id": "<script>\u{1b}[31m", "keys": [1],
        "organization": "zenith", "scope": "\u{202e}a\n", "access_granted": "perhaps" }),
    );
    renamed.audit(90, "", json!({ "brand_new": { "a": [null] }, "action": "teleport*" }));
    for lines_of in [renamed.lines, crate::timeline::take_over().lines] {
        lines.extend(lines_of);
    }
    organization.ids.extend(["t1", "<m1@far.example>", "in1", "out1", "last"].map(str::to_owned));
    organization.with_lines(lines)
}

/// What is asked of an organization [`with_people`]; words stand as in the other list.
const QUESTIONS: [&str; 48] = [
    "access",
    "access --since A --until B",
    "access --since A --limit 3 --facets --histogram",
    "access --since A --format csv",
    "access --until B --format table --limit 20",
    "access --failed",
    "access --failed --since 2026-11-19T03:00:10Z --until 2026-11-19T03:00:30Z",
    "access --denied --since A",
    "access --not-owner --until B",
    "access --new-ip",
    "access --new-ip --since 2026-11-19 --until 2026-11-20",
    "access --new-ip --since A --until B --user ana@acme.example",
    "access --failed-then-ok",
    "access --failed-then-ok --since 2026-11-19T03:00:10Z --until 2026-11-19T03:00:30Z",
    "access --failed-then-ok --user ana@acme.example --ip 203.0.113.9",
    "access --user ana@acme.example",
    "access --user ana* --since A",
    "access --owner 0000000A-1234-4123-8123-123456789012 --sort oldest",
    "access --ip 203.0.113.9 --format ndjson",
    "access --ip 203.0.113.0/24",
    "access --type auth --since A --until B",
    "access --action read,delete --protocol IMAP",
    "access user:bob@new.example OR ip:203.0.113.9 --since 2026-11-19",
    "access -action:read time:[A TO B]",
    "access --group-by user,ip",
    "access --group-by owner --since A",
    "access --group-by day --format csv",
    "access --agent nobody",
    "timeline ana@acme.example",
    "timeline a.ruiz@acme.example --since 2026-11-19T03:00:00Z",
    "timeline 0000000a-1234-4123-8123-123456789012 --until 2026-11-19T03:05:00Z",
    "timeline ana@acme.example --since 2026-11-19T03:01:00Z --until 2026-11-19T03:06:00Z --format csv",
    "timeline ana@acme.example --limit 4 --format table",
    "timeline nobody@nowhere.example",
    "directory",
    "directory board@acme.example",
    "directory 0000000a-1234-4123-8123-123456789012 --at 2026-11-18",
    "directory --kind group --format table",
    "directory nobody@nowhere.example",
    "trace m1@far",
    "trace --no-access <m1@far.example>",
    "messages --since 2026-11-19 --until 2026-11-20",
    "messages --since A --until B --internal",
    "messages --outcome expanded,unclear --since 2026-11-18",
    "stats --by outcome --since 2026-11-18 --until B",
    "stats --by direction --internal --since A",
    "triage --since 2026-11-19 --until 2026-11-20",
    "search --since 2026-11-19 --until 2026-11-20",
];

/// Asks what can be asked of people, or every so many of these questions.
#[track_caller]
pub(crate) fn assert_people_are_known_alike(organization: &Organization, url: &str, step: usize) {
    let some: Vec<&str> = QUESTIONS.iter().copied().step_by(step).collect();
    assert_each_asked_alike(organization, url, &some);
    let paged = ["access", "access --sort oldest", "access --user ana@acme.example --sort oldest"];
    assert_paged_alike(organization, url, &paged);
    assert_traced_alike(organization, url);
}

#[test]
fn people_are_known_from_the_cluster_as_from_the_store() {
    let (organization, fake) = (with_people(150, 300, 81), Fake::start());
    let (late, first) = organization.lines.split_at(organization.lines.len() / 3);
    for lines in [first, late] {
        organization.take(lines);
        publish(&organization.store, &fake.url, &[]).expect(0);
    }
    assert!(fake.content("access").len() > 300 && fake.content("directory").len() > 4);
    // Another organization's people are nobody's business.
    let other = with_people(40, 60, 82);
    other.take(&other.lines);
    let mut command = mailtrace();
    command.arg("--store").arg(&other.store).args(["publish", "--cluster", &fake.url]);
    run(command.args(["--organization", "zenith"])).expect(0);
    // A real node is asked them all.
    assert_people_are_known_alike(&organization, &fake.url, 3);
    assert!(fake.lock().views.is_empty());
    // A person's events are few of many.
    let before = fake.lock().hit_count;
    let mut command = mailtrace();
    command.args(["access", "--ip", "203.0.113.9", "--cluster", &fake.url]);
    run(command.args(["--organization", "acme"])).expect(0);
    let came = fake.lock().hit_count - before;
    assert!(came < 150, "{came}");
    export_is_alike(&organization, &fake);
    what_goes_wrong_is_waited_for_or_named(&organization, &fake);
}

fn what_goes_wrong_is_waited_for_or_named(organization: &Organization, fake: &Fake) {
    let ask = |place: [&str; 4]| {
        let mut command = mailtrace();
        command.args(["timeline", "ana@acme.example", "--since", "2026-11-19T03:00:30Z"]);
        run(command.args(place))
    };
    let store = organization.store.to_str().unwrap();
    let expected = ask(["--store", store, "--tz", "UTC"]).expect(0).stdout;
    let there = || ask(["--cluster", &fake.url, "--organization", "acme"]);
    let busy = (429, r#"{"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#);
    let gone = (
        404,
        r#"{"error":{"root_cause":[{"type":"search_context_missing_exception"}],"type":"search_phase_execution_exception","reason":"all shards failed"},"status":404}"#,
    );
    for faults in [[busy, gone], [gone, busy]] {
        fake.lock().search_faults = faults.into();
        assert_eq!(there().stdout, expected);
    }
    let html = (200, "<html>Please sign in</html>");
    fake.lock().search_faults = [html].into();
    there().expect_error(&["not OpenSearch", "Please sign in"]);
    // An index that somebody has deleted is not one without an answer.
    fake.lock().indices.retain(|it, _| !it.contains("-access-"));
    there().expect_error(&["no index mailtrace-access", "--again"]);
    publish(&organization.store, &fake.url, &["--again"]).expect(0);
    assert_eq!(there().stdout, expected);
    assert!(fake.lock().views.is_empty());
}

fn export_is_alike(organization: &Organization, fake: &Fake) {
    let out = |place: &[&str], name: &str| {
        let dir = organization.path(name);
        let mut command = mailtrace();
        command.args(["access", "--failed-then-ok", "--out"]).arg(&dir).args(place);
        let ran = run(&mut command).expect(0);
        (fs::read_to_string(dir.join("access.csv")).unwrap(), ran.stderr)
    };
    let (here, _) = out(&["--store", organization.store.to_str().unwrap()], "here");
    let (there, noted) = out(&["--cluster", &fake.url, "--organization", "acme"], "there");
    assert_eq!(here, there);
    assert!(noted.contains("which file or pull"), "{noted}");
}

#[test]
fn any_order_and_any_cuts_leave_the_same_records() {
    let random = &mut Random::new();
    let whole = with_people(90, 120, 83);
    whole.take(&whole.lines);
    let (expected, fake) = (Fake::start(), Fake::start());
    let planned = publish(&whole.store, &expected.url, &["--dry-run"]).expect(0).json();
    let published = publish(&whole.store, &expected.url, &[]).expect(0).json();
    for kind in ["events", "access", "directory"] {
        assert_eq!(planned[kind], published[kind], "{kind}");
        assert_eq!(published[kind], expected.content(kind).len(), "{kind}");
    }
    let mut organization = with_people(90, 120, 83);
    for index in (1..organization.lines.len()).rev() {
        organization.lines.swap(index, random.below(index as u64 + 1) as usize);
    }
    for lines in organization.lines.chunks(organization.lines.len() / 3) {
        organization.take(lines);
        publish(&organization.store, &fake.url, &[]).expect(0);
    }
    for kind in KINDS {
        assert_eq!(fake.content(kind), expected.content(kind), "{kind}");
    }
    let verified = publish(&organization.store, &fake.url, &["--verify"]).expect(0).json();
    assert_eq!(verified["access"], published["access"]);
    // The same again sends nothing.
    let bulks = fake.lock().bulk_count;
    publish(&organization.store, &fake.url, &[]).expect(0);
    assert_eq!(fake.lock().bulk_count, bulks);
    // What is erased goes.
    let erase = ["erase", "--address", "ana@acme.example", "--reason", "asked", "--yes"];
    on(&organization.store, &erase).expect(0);
    publish(&organization.store, &fake.url, &[]).expect(0);
    let of_ana = |it: &Value| it.to_string().to_lowercase().contains(ANA);
    assert!(!fake.content("access").values().any(of_ana));
    publish(&organization.store, &fake.url, &["--verify"]).expect(0);
}

/// A build before this one published neither audit events nor the directory, and its index of who
/// publishes what lacks fields.
#[test]
fn what_an_earlier_build_left_out_is_added() {
    let (organization, fake) = (with_people(40, 60, 84), Fake::start());
    organization.take(&organization.lines);
    let first = publish(&organization.store, &fake.url, &[]).expect(0).json();
    let (access, rows) = (fake.content("access"), fake.content("rows"));
    let forget = || {
        for entry in fs::read_dir(organization.store.join("published")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "json") {
                let text = fs::read_to_string(&path).unwrap();
                let mut cursor: Value = serde_json::from_str(&text).unwrap();
                cursor.as_object_mut().unwrap().remove("othersNext").unwrap();
                fs::write(&path, cursor.to_string()).unwrap();
            }
        }
        let mut state = fake.lock();
        state.documents.retain(|(index, _), _| !index.contains("-access-"));
        state.indices.retain(|it, _| !it.contains("-access-") && !it.contains("-directory-"));
        let meta = state.indices.get_mut("mailtrace-meta").unwrap();
        let fields = meta["mappings"]["properties"].as_object_mut().unwrap();
        fields.remove("others").unwrap();
        fields.remove("lacks_directory").unwrap();
        let mut metas = state.documents.iter_mut().filter(|(key, _)| key.0 == "mailtrace-meta");
        metas.next().unwrap().1.source.as_object_mut().unwrap().remove("others").unwrap();
    };
    forget();
    let ask = || {
        let mut command = mailtrace();
        command.args(["access", "--cluster", &fake.url, "--organization", "acme"]);
        run(&mut command)
    };
    ask().expect_error(&["not published", "mailtrace publish"]);
    fake.lock().refuses_mappings = true;
    let refused = publish(&organization.store, &fake.url, &[]);
    refused.expect_error(&["not your index", "PUT mailtrace-meta/_mapping", "\"others\""]);
    fake.lock().refuses_mappings = false;
    let ran = publish(&organization.store, &fake.url, &[]).expect(0).json();
    assert_eq!((&ran["events"], &ran["access"]), (&0.into(), &first["access"]));
    assert_eq!((fake.content("access"), fake.content("rows")), (access, rows));
    ask().expect(0);
    publish(&organization.store, &fake.url, &["--verify"]).expect(0);
}

#[test]
fn redacted_audit_events_name_nobody() {
    let (organization, fake) = (with_people(60, 120, 85), Fake::start());
    let key = organization.path("case.key");
    fs::write(&key, "a key of more than sixteen bytes\n").unwrap();
    let redact = ["--redact", "all", "--redact-key", key.to_str().unwrap()];
    // At first nobody's name is known by a login.
    let is_login = |it: &&String| it.contains("auth_successful");
    let (logins, rest): (Vec<&String>, Vec<&String>) =
        organization.lines.iter().partition(is_login);
    let owned = |lines: &[&String]| lines.iter().map(|it| (*it).clone()).collect::<Vec<_>>();
    organization.take(&owned(&rest));
    publish(&organization.store, &fake.url, &redact).expect(0);
    organization.take(&owned(&logins));
    let again = publish(&organization.store, &fake.url, &redact).expect(0).json();
    assert_eq!(again["access"], fake.content("access").len(), "what names depend on has grown");
    assert_eq!(fake.content("directory").len(), 0);
    let mut secrets = BTreeSet::new();
    for line in &organization.lines {
        let line: Value = serde_json::from_str(line).unwrap();
        let message: Value = serde_json::from_str(line["message"].as_str().unwrap()).unwrap();
        for name in ["user_id", "owner_id", "user", "source_ip"] {
            let value = message[name].as_str().unwrap_or_default().to_lowercase();
            secrets.extend((value.len() > 5).then_some(value));
        }
    }
    assert!(secrets.len() > 20);
    let documents: Vec<String> =
        fake.content("access").values().map(|it| it.to_string().to_lowercase()).collect();
    for secret in secrets {
        assert!(!documents.iter().any(|it| it.contains(&secret)), "{secret}");
    }
    let verify = [&redact[..], &["--verify"]].concat();
    publish(&organization.store, &fake.url, &verify).expect(0);
    let mut command = mailtrace();
    command.args(["directory", "--cluster", &fake.url, "--organization", "acme"]);
    let ran = run(&mut command).expect(1);
    assert!(ran.stderr.contains("redacted"), "{ran:?}");
}
