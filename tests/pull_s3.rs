//! `pull --s3` from a bucket on this machine, over its faults and ours.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::removal::middle;
use crate::support::{
    Log, Ran, assert_same, assert_sound, content, import, mailtrace, on, run, synth,
};

/// The bucket of the unit tests.
#[path = "../src/aws/object_server.rs"]
mod object_server;

use object_server::{Fault, ObjectServer};

const EVENTS: usize = 6_000;
const PARTS: usize = 6;

/// `pull --s3` of all that lies in the bucket.
fn pull(server: &ObjectServer, store: &Path) -> Command {
    let mut command = mailtrace();
    command.envs([("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b")]);
    command.arg("--store").arg(store).args(["pull", "--s3", "s3://bucket/exports/"]);
    command.args(["--region", "us-east-1", "--endpoint-url", &server.url(), "--format", "json"]);
    command
}

/// A bucket with a log in several objects, the log, and the objects' keys. `files` below `dir` has
/// the same as files.
fn bucket(dir: &Path) -> (ObjectServer, Log, Vec<String>) {
    let server = ObjectServer::new();
    let log = synth(dir, EVENTS, 61, "ndjson");
    let text = std::fs::read_to_string(&log.path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut keys = Vec::new();
    let files = dir.join("files");
    std::fs::create_dir(&files).unwrap();
    for (index, part) in lines.chunks(lines.len().div_ceil(PARTS)).enumerate() {
        let key = format!("exports/2026/11/20/{index}");
        let text = part.join("\n") + "\n";
        server.put(&key, text.as_bytes());
        std::fs::write(files.join(index.to_string()), text).unwrap();
        keys.push(key);
    }
    server.put("exports/aws-logs-write-test", b"Permission Check Successful");
    (server, log, keys)
}

fn expect_objects(ran: &Ran, taken: usize, skipped: usize) {
    let json = ran.json();
    assert_eq!(json["objectsTaken"], taken, "{ran:#?}");
    assert_eq!(json["objectsSkipped"], skipped, "{ran:#?}");
}

#[test]
fn a_bucket_gives_what_its_files_would_and_a_second_pull_fetches_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (server, log, keys) = bucket(dir.path());
    for key in &keys {
        server.fail(key, Fault::Cut(30_000));
    }
    let (from_files, from_bucket) = (dir.path().join("from-files"), dir.path().join("from-bucket"));
    import(&from_files, &dir.path().join("files")).expect(0);
    let ran = run(&mut pull(&server, &from_bucket)).expect(0);
    expect_objects(&ran, PARTS, 0);
    assert_eq!(ran.json()["added"], EVENTS);
    assert_same(&content(&from_bucket, &log.ids), &content(&from_files, &log.ids), "the bucket");
    assert_sound(&from_bucket);
    assert!(server.requests().len() > 2 * PARTS);

    let ran = run(&mut pull(&server, &from_bucket)).expect(0);
    expect_objects(&ran, 0, PARTS);
    assert!(server.requests().iter().all(|it| it == "list"));
}

/// Starts a pull that gets stuck in the middle of an object, and waits until it is.
fn stuck(server: &ObjectServer, store: &Path, key: &str) -> std::process::Child {
    let is_stuck = Arc::new(AtomicBool::new(false));
    server.fail(key, Fault::Hang(40_000, Arc::clone(&is_stuck)));
    let mut command = pull(server, store);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !is_stuck.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(10));
    }
    // What came before may still be on its way into the store.
    std::thread::sleep(Duration::from_millis(300));
    child
}

#[test]
fn a_pull_that_is_killed_is_completed_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let (server, log, keys) = bucket(dir.path());
    let store = dir.path().join("store");
    for key in &keys[..3] {
        let mut child = stuck(&server, &store, key);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let ran = run(&mut pull(&server, &store)).expect(0);
    let json = ran.json();
    let known = json["objectsTaken"].as_u64().unwrap() + json["objectsSkipped"].as_u64().unwrap();
    assert_eq!(known, PARTS as u64, "{ran:#?}");
    expect_objects(&run(&mut pull(&server, &store)).expect(0), 0, PARTS);
    assert_eq!(content(&store, &log.ids).records, EVENTS);
    assert_sound(&store);
}

#[test]
fn a_pull_that_is_interrupted_keeps_what_it_has_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (server, log, keys) = bucket(dir.path());
    let store = dir.path().join("store");
    let child = stuck(&server, &store, &keys[2]);
    let pid = i32::try_from(child.id()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let ran = Ran::from(child.wait_with_output().unwrap()).expect_error(&["interrupted"]);
    // The one before the last may still have been on its way.
    let taken = usize::try_from(ran.json()["objectsTaken"].as_u64().unwrap()).unwrap();
    assert!(taken <= 2, "{ran:#?}");
    let ran = run(&mut pull(&server, &store)).expect(0);
    expect_objects(&ran, PARTS - taken, taken);
    assert_eq!(content(&store, &log.ids).records, EVENTS);
}

#[test]
fn each_refusal_is_one_line_that_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (server, log, keys) = bucket(dir.path());
    let store = dir.path().join("store");
    let headers = "x-amz-bucket-region: eu-west-1\r\n";
    server.fail("", Fault::Refuse(301, "PermanentRedirect", "Elsewhere", headers));
    run(&mut pull(&server, &store)).expect_error(&["bucket", "give --region eu-west-1"]);
    server.fail("", Fault::Refuse(403, "AccessDenied", "Access Denied", ""));
    run(&mut pull(&server, &store)).expect_error(&["s3:ListBucket on bucket bucket", "IAM"]);
    assert!(!store.exists());
    let mut no_url = mailtrace();
    no_url.arg("--store").arg(&store).args(["pull", "--s3", "bucket/exports"]);
    run(&mut no_url).expect_error(&["s3://bucket/prefix"]);

    server.fail(&keys[1], Fault::Refuse(403, "InvalidObjectState", "Glacier", ""));
    let ran = run(&mut pull(&server, &store)).expect_error(&[&keys[1], "restore it in S3 first"]);
    expect_objects(&ran, PARTS - 1, 0);
    // An object that is written again is another one.
    server.put(&keys[0], b"not an event\n");
    let ran = run(&mut pull(&server, &store)).expect(3);
    expect_objects(&ran, 2, PARTS - 2);
    assert_eq!(
        (ran.json()["rejected"].clone(), content(&store, &log.ids).records),
        (1.into(), EVENTS.into())
    );
}

#[test]
fn a_bucket_does_not_bring_back_what_was_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (server, log, keys) = bucket(dir.path());
    let store = dir.path().join("store");
    run(&mut pull(&server, &store)).expect(0);
    let (_, middle) = middle(&store);
    on(&store, &["prune", "--before", &middle, "--reason", "x", "--yes"]).expect(0);
    let kept = content(&store, &log.ids);
    let removed = EVENTS as u64 - kept.records.as_u64().unwrap();
    assert!(removed > EVENTS as u64 / 3, "{removed}");
    // All of it once more, in objects that the store does not know.
    for index in 0..keys.len() {
        let bytes = std::fs::read(dir.path().join("files").join(index.to_string())).unwrap();
        server.put(&format!("exports/again/{index}"), &bytes);
    }
    let ran = run(&mut pull(&server, &store)).expect(0);
    let json = ran.json();
    expect_objects(&ran, PARTS, PARTS);
    assert_eq!((&json["added"], &json["withheld"]), (&0.into(), &removed.into()), "{json}");
    assert_same(&content(&store, &log.ids), &kept, "after the second pull");
    assert_sound(&store);
}
