//! A store that must not be written: evidence, and media that cannot be.

use std::fs;

use crate::small_disk::SmallDisk;
use crate::support::{file_states, import, on, synth};

#[test]
fn a_store_on_media_that_cannot_be_written_answers_as_ever() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 3_000, 91, "ndjson");
    let Some(disk) = SmallDisk::mount("64m") else { return };
    let store = disk.path().join("store");
    let bad = dir.path().join("bad.ndjson");
    fs::write(&bad, "no event\n").unwrap();
    import(&store, &log.path).expect(0);
    import(&store, &bad).expect(3);
    let ids: Vec<&str> = log.ids.iter().map(String::as_str).collect();
    let trace = [&["trace", "--provenance", "--format", "json", "--"], ids.as_slice()].concat();
    let erase = ["erase", "--address", "nobody@acme.example", "--reason", "x", "--dry-run"];
    let questions: [&[&str]; 13] = [
        &trace,
        &["messages", "--format", "json", "--events"],
        &["messages", "--group-by", "sender"],
        &["triage", "--format", "json"],
        &["search", "event:*bounced*"],
        &["stats"],
        &["stats", "--by", "recipient"],
        &["status"],
        &["sources"],
        &["schema"],
        &["verify", "--deep"],
        &["prune", "--before", "2026-11-10", "--reason", "x", "--dry-run"],
        &erase,
    ];
    let ask = |arguments: &[&str]| on(&store, arguments).expect(0).stdout;
    let expected = questions.map(ask);
    let before = file_states(&store);
    disk.make_read_only();
    for (question, expected) in questions.into_iter().zip(expected) {
        let answer = ask(&[&["--read-only"], question].concat());
        assert!(answer == expected, "{question:?}: {answer}");
        assert!(ask(question) == expected, "{question:?} without --read-only");
    }
    for (name, shape) in [("bundle", "bundle"), ("a.zip", "bundle"), ("rows", "parquet")] {
        let out = dir.path().join(name);
        ask(&["--read-only", "export", "--as", shape, "--out", out.to_str().unwrap()]);
    }
    assert_eq!(file_states(&store), before);
    let path = log.path.to_str().unwrap();
    on(&store, &["import", path]).expect_error(&[store.to_str().unwrap(), "ead-only file system"]);
}

#[test]
fn what_would_write_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 300, 92, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let before = file_states(&store);
    let (path, absent) = (log.path.to_str().unwrap(), dir.path().join("absent"));
    let commands: [&[&str]; 6] = [
        &["import", path],
        &["pull", "--log-group", "g", "--endpoint-url", "http://127.0.0.1:1"],
        &["reindex"],
        &["prune", "--before", "2026-11-30", "--reason", "x", "--yes"],
        &["erase", "--address", "a@b", "--reason", "x", "--yes"],
        &["teardown", "--log-group", "g", "--delete-log-group", "--yes"],
    ];
    for arguments in commands {
        let arguments = [arguments, &["--read-only"]].concat();
        for store in [&store, &absent] {
            on(store, &arguments).expect_error(&["--read-only", "nothing was done"]);
        }
    }
    assert_eq!(file_states(&store), before);
    assert!(!absent.exists());
}
