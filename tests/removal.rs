//! Records that are removed are gone, and it stays on the record that they were there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::pulling::{DAY_MS, Puller, service, synthetic};
use crate::support::{
    Random, archive_files, archived, assert_sound, copy_dir, files_below, import, mailtrace, on,
    rejected_lines, run, synth,
};

const EVENTS: usize = 3_000;

fn status(store: &Path) -> Value {
    on(store, &["status", "--format", "json"]).expect(0).json()
}

fn head(store: &Path) -> String {
    status(store)["head"].as_str().unwrap().to_owned()
}

fn timestamp(line: &str) -> i64 {
    serde_json::from_str::<Value>(line).unwrap()["timestamp"].as_i64().unwrap()
}

fn lines(store: &Path) -> BTreeSet<String> {
    archived(store).lines().map(str::to_owned).collect()
}

/// The time in the middle of a store's records, in milliseconds and in words.
pub(crate) fn middle(store: &Path) -> (i64, String) {
    let mut times: Vec<i64> = archived(store).lines().map(timestamp).collect();
    times.sort_unstable();
    let ms = times[times.len() / 2];
    (ms, jiff::Timestamp::from_millisecond(ms).unwrap().to_string())
}

fn prune(store: &Path, before: &str, more: &[&str]) -> Value {
    let arguments =
        ["prune", "--format", "json", "--before", before, "--reason", "kept long enough"];
    on(store, &[&arguments, more].concat()).expect(0).json()
}

/// Every byte of the store, files of the archive decompressed.
fn all_bytes(store: &Path) -> String {
    let mut all = archived(store).to_lowercase();
    for path in files_below(&store.join("rejected")) {
        all.push_str(&rejected_lines(&path).to_lowercase());
    }
    for path in files_below(store) {
        all.push_str(&String::from_utf8_lossy(&fs::read(path).unwrap()).to_lowercase());
    }
    all
}

#[test]
fn what_is_pruned_is_gone_and_told_and_the_rest_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let (first, second) =
        (synth(dir.path(), EVENTS, 91, "ndjson"), synth(dir.path(), EVENTS, 92, "ndjson"));
    import(&store, &first.path).expect(0);
    let early_head = head(&store);
    import(&store, &second.path).expect(0);
    let (before, before_head) = (lines(&store), head(&store));
    let (cut_ms, cut) = middle(&store);
    let kept: BTreeSet<String> =
        before.iter().filter(|it| timestamp(it) >= cut_ms).cloned().collect();
    let removed = before.len() - kept.len();

    let untouched = dir.path().join("untouched");
    copy_dir(&store, &untouched);
    let dry = prune(&store, &cut, &["--dry-run"]);
    assert_eq!((&dry["records"], &dry["tombstone"]), (&removed.into(), &Value::Null), "{dry}");
    let arguments = ["prune", "--before", &cut, "--reason", "x"];
    on(&store, &arguments).expect_error(&["--yes", "--dry-run"]);
    for (a, b) in files_below(&store).iter().zip(files_below(&untouched)) {
        assert!(fs::read(a).unwrap() == fs::read(&b).unwrap(), "{}", a.display());
    }

    let report = prune(&store, &cut, &["--yes"]);
    assert_eq!(report["records"], removed, "{report}");
    let tombstone = &report["tombstone"];
    assert_eq!(
        (&tombstone["number"], &tombstone["reason"], &tombstone["version"]),
        (&1.into(), &"kept long enough".into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert_sound(&store);
    assert!(lines(&store) == kept);
    let now = status(&store);
    assert_eq!((&now["records"], &now["tombstones"][0]), (&kept.len().into(), tombstone));
    let covered = now["coverage"][0]["ranges"][0]["first"].as_str().unwrap();
    let covered: jiff::Timestamp = covered.parse().unwrap();
    assert_eq!(covered.as_millisecond(), cut_ms);
    for command in ["status", "sources", "verify"] {
        let told = on(&store, &[command]).expect(0).stdout;
        assert!(told.contains("tombstone 1: ") && told.contains("kept long enough"), "{told}");
    }

    let missed = on(&store, &["trace", "<nobody@nowhere>"]).expect(1).stderr;
    assert!(missed.contains("removed from it on purpose"), "{missed}");

    // An earlier head is still known, and that it can no longer be compared.
    for old in [&early_head, &before_head] {
        let report = on(&store, &["verify", "--format", "json", "--head", old]).expect(3).json();
        assert_eq!(
            (&report["foundHead"]["removed"], &report["foundHead"]["tombstones"][0]),
            (&true.into(), &1.into()),
            "{report:#}"
        );
        let told = on(&store, &["verify", "--head", old]).expect(3).stdout;
        assert!(told.contains("tombstone 1") && told.contains("2026-11-20T12:00:00"), "{told}");
    }
    on(&store, &["verify", "--head", &"1".repeat(64)]).expect(2);

    // The survivors' sources are what they were.
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["trace", "--provenance", "--format", "json", "--"]);
    let answer = run(command.args(&first.ids).args(&second.ids)).json();
    let messages = answer["messages"].as_array().unwrap();
    let events: Vec<&Value> =
        messages.iter().flat_map(|it| it["events"].as_array().unwrap()).collect();
    assert!(events.len() > 50);
    for event in events {
        let source = &event["source"];
        let text = fs::read_to_string(source["name"].as_str().unwrap()).unwrap();
        let line = text.lines().nth(source["line"].as_u64().unwrap() as usize - 1).unwrap();
        assert!(line.contains(event["eventId"].as_str().unwrap()), "{event}\n{line}");
        assert_eq!(source["sha256"].as_str().unwrap().len(), 64);
    }
    let sources = on(&store, &["sources", "--format", "json"]).expect(0).json();
    let added = sources["sources"].as_array().unwrap().iter().map(|it| &it["added"]);
    assert_eq!(added.collect::<Vec<_>>(), [EVENTS, EVENTS], "{sources:#}");

    // Again there is nothing to do; a new index is the same; and what comes later is chained to it.
    let again = prune(&store, &cut, &["--yes"]);
    assert_eq!((&again["records"], &again["tombstone"]), (&0.into(), &Value::Null), "{again}");
    let (head_after, coverage) = (head(&store), status(&store)["coverage"].clone());
    on(&store, &["reindex"]).expect(0);
    assert_sound(&store);
    assert_eq!(
        (head(&store), &status(&store)["coverage"], &status(&store)["tombstones"][0]),
        (head_after.clone(), &coverage, tombstone)
    );

    // Whoever imports it again wants it again.
    let report = import(&store, &first.path).expect(0).json();
    let expected = fs::read_to_string(&first.path).unwrap();
    let expected = expected.lines().filter(|it| timestamp(it) < cut_ms).count();
    assert_eq!(report["added"], expected, "{report}");
    assert_sound(&store);
    on(&store, &["verify", "--head", &head_after]).expect(0);
    let report = prune(&store, &cut, &["--yes"]);
    assert_eq!((&report["records"], &report["tombstone"]["number"]), (&expected.into(), &2.into()));
    assert_sound(&store);
    for old in [&early_head, &before_head, &head_after] {
        on(&store, &["verify", "--head", old]).expect(3);
    }
    let path = store.join("archive");
    let sums =
        run(Command::new("sha256sum").current_dir(path).args(["-c", "--quiet", "SHA256SUMS"]));
    sums.expect(0);
}

#[test]
fn an_erased_address_is_nowhere_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let log = synth(dir.path(), EVENTS, 93, "ndjson");
    let other = dir.path().join("other.ndjson");
    let event = |to: &str, id: u64| {
        let message = serde_json::json!({"traceId": format!("t{id}"), "event": {
            "eventName": "OUTGOING_EMAIL_BOUNCED", "bouncedRecipient": {
                "emailAddress": to, "status": "5.1.1", "reason": format!("550 <{to}> unknown")}}});
        serde_json::json!({"timestamp": 1_793_000_000_000_u64 + id, "message": message.to_string()})
    };
    let canary = "Canary.Bird@Acme.Example";
    let near = "not.a.canary.bird@acme.example";
    let text = [
        event(canary, 1).to_string(),
        event(near, 2).to_string(),
        event("x@acme.example", 3).to_string().replace("x@acme", "canary.bird\\\\u0040acme"),
        format!("no event, but it names {canary} too"),
        "no event".to_owned(),
    ];
    fs::write(&other, text.join("\n")).unwrap();
    import(&store, &log.path).expect(0);
    import(&store, &other).expect(3);
    assert!(all_bytes(&store).contains("<canary.bird@acme.example>"));

    let arguments = ["erase", "--address", "canary.bird@acme.example", "--reason", "asked to"];
    let report = on(&store, &[&arguments[..], &["--yes", "--format", "json"]].concat()).expect(0);
    let report = report.json();
    assert_eq!((&report["records"], &report["rejected"]), (&2.into(), &1.into()), "{report}");
    assert_sound(&store);
    // The message table holds of a text what it does not share with the one before.
    let bytes = all_bytes(&store).replace(near, "").replace("a.canary.bird@acme.example", "");
    assert!(!bytes.contains("canary.bird"), "it is still there");
    assert!(bytes.contains("no event"), "what else was rejected is gone");
    assert_eq!(status(&store)["records"], EVENTS + 1);
    assert_eq!(status(&store)["tombstones"][0]["byAddress"], true);
    on(&store, &["reindex"]).expect(0);
    assert_sound(&store);
    // Rejected again, it stays.
    import(&store, &other).expect(3);
    import(&store, &other).expect(3);
    assert!(all_bytes(&store).contains("it names canary.bird@acme.example"));
    on(&store, &["erase", "--address", "a@b.example", "--reason", "A@b.example asked"])
        .expect_error(&["--reason"]);
    on(&store, &["erase", "--address", "nobody", "--reason", "x"]).expect_error(&["--address"]);
}

/// Kills prunes at random instants, and completes each.
#[test]
fn a_prune_survives_being_killed() {
    const ROUNDS: usize = 10;
    let mut random = Random::new();
    let dir = tempfile::tempdir().unwrap();
    let before = dir.path().join("before");
    let log = synth(dir.path(), 20_000, 94, "ndjson");
    import(&before, &log.path).expect(0);
    let (cut_ms, cut) = middle(&before);
    let kept: BTreeSet<String> =
        lines(&before).into_iter().filter(|it| timestamp(it) >= cut_ms).collect();
    let command = |store: &Path| {
        let mut command = mailtrace();
        command
            .arg("--store")
            .arg(store)
            .args(["prune", "--yes", "--reason", "x", "--before", &cut]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let undisturbed = dir.path().join("undisturbed");
    copy_dir(&before, &undisturbed);
    let started = Instant::now();
    run(&mut command(&undisturbed)).expect(0);
    let whole_us = started.elapsed().as_micros() as u64;
    let mut unfinished = 0;
    for round in 0..ROUNDS {
        let store = dir.path().join(format!("{round}"));
        copy_dir(&before, &store);
        let mut child = command(&store).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(whole_us)));
        let _ended = child.kill();
        child.wait().unwrap();
        assert_sound(&store);
        unfinished += usize::from(status(&store)["tombstones"] == Value::Array(Vec::new()));
        run(&mut command(&store)).expect(0);
        // Whoever opens it for writing removes what was left.
        import(&store, &synth(dir.path(), 20, 95, "ndjson").path).expect(0);
        assert_sound(&store);
        assert_eq!(status(&store)["tombstones"].as_array().unwrap().len(), 1);
        let now: BTreeSet<String> =
            lines(&store).into_iter().filter(|it| it.contains("\"message\"")).collect();
        assert_eq!(now.intersection(&kept).count(), kept.len(), "round {round}");
        assert!(now.len() <= kept.len() + 20, "round {round}: {} records", now.len());
        fs::remove_dir_all(&store).unwrap();
    }
    assert!(unfinished > 0, "no kill came before the end");
}

#[test]
fn a_pull_does_not_bring_back_what_was_removed() {
    let service = service(synthetic(2_000, 5, 3 * DAY_MS, 2 * DAY_MS));
    let puller = Puller::of(&service);
    puller.report();
    let store = puller.store();
    let before = lines(&store).len();
    let (_, cut) = middle(&store);
    prune(&store, &cut, &["--yes"]);
    let kept = lines(&store);
    // Looks again at everything, as it would if nothing were known of earlier looks.
    let report = puller.pull(&["--recheck"]).expect(0).json();
    assert_eq!(report["added"], 0, "{report}");
    assert_eq!(report["withheld"], before - kept.len(), "{report}");
    assert!(lines(&store) == kept);
    assert_sound(&store);
    let sources = on(&store, &["sources", "--format", "json"]).expect(0).json();
    let first = sources["sources"].as_array().unwrap().iter().find(|it| it["added"] != 0);
    let first = first.unwrap();
    let told = [&first["kind"], &first["name"], &first["region"], &first["added"]];
    assert_eq!(
        told,
        [&"pull".into(), &crate::pulling::GROUP.into(), &"us-east-1".into(), &Value::from(before)]
    );
}

/// A file that is taken out with its line in SHA256SUMS, and an index that does not know of it.
#[test]
fn a_whole_file_that_is_taken_out_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, &synth(dir.path(), 40, 96, "ndjson").path).expect(0);
    let bad = dir.path().join("bad");
    fs::write(&bad, "of nobody@void.example\n").unwrap();
    import(&store, &bad).expect(3);
    // Begins another file: the one before is sealed.
    let arguments = ["erase", "--yes", "--reason", "x", "--address", "nobody@void.example"];
    on(&store, &arguments).expect(0);
    import(&store, &synth(dir.path(), 30, 97, "ndjson").path).expect(0);
    assert_sound(&store);
    let files = archive_files(&store);
    assert_eq!(files.len(), 2);
    let sealed = &files[0];
    let name = sealed.file_name().unwrap().to_str().unwrap().to_owned();
    fs::remove_file(sealed).unwrap();
    let sums = store.join("archive/SHA256SUMS");
    let text = fs::read_to_string(&sums).unwrap();
    let rest: String = text.split_inclusive('\n').filter(|it| !it.contains(&name)).collect();
    fs::write(&sums, rest).unwrap();
    fs::remove_dir_all(store.join("index")).unwrap();
    on(&store, &["reindex"]);
    let ran = on(&store, &["verify"]).expect(2);
    assert!(ran.stdout.contains(&name), "{ran:#?}");
}
