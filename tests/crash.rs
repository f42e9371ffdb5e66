//! A writer that is killed loses nothing and doubles nothing once its command is run again.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{
    Content, Random, assert_same, assert_sound, content, copy_dir, mailtrace, on, run, synth,
};

const EVENTS: usize = 4_000;

/// Commits within one import: without them a killed run would leave everything or nothing.
const COMMIT_RECORDS: &str = "300";

const ROUNDS: usize = 13;

/// Rounds until a third of [`ROUNDS`] was killed in the middle of the work, however busy the machine.
const ROUNDS_MAX: usize = 60;

/// The import of a test's log, ready to be started, with many commits.
fn import(store: &Path, log: &Path) -> std::process::Command {
    let mut command = mailtrace();
    command.arg("--store").arg(store).args(["import", "--commit-records", COMMIT_RECORDS]);
    command.arg(log).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn kill(mut child: Child) {
    // It may have ended by itself.
    let _ended = child.kill();
    child.wait().unwrap();
}

/// How many records a store holds; `None` where there is none yet.
fn records_in(store: &Path) -> Option<u64> {
    let status = on(store, &["status", "--format", "json"]);
    (status.status == Some(0)).then(|| status.json()["records"].as_u64().unwrap())
}

/// Kills imports at random instants of the time that one takes, and completes each.
///
/// Every third round is killed twice: recovery itself may be cut off too.
fn kill_and_complete(before: &Path, log: &Path, expected: &Content, ids: &[String]) {
    let mut random = Random::new();
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    copy_dir(before, &whole);
    let started = Instant::now();
    run(&mut import(&whole, log)).expect(0);
    let mut whole_us = u64::try_from(started.elapsed().as_micros()).unwrap();
    let untouched = records_in(before);
    let mut left_part = 0;
    for round in 0..ROUNDS_MAX {
        if round >= ROUNDS && left_part >= ROUNDS / 3 {
            break;
        }
        let store = dir.path().join(format!("{round}"));
        copy_dir(before, &store);
        for _ in 0..if round % 3 == 0 { 2 } else { 1 } {
            let delay = Duration::from_micros(random.below(whole_us));
            let child = import(&store, log).spawn().unwrap();
            std::thread::sleep(delay);
            kill(child);
        }
        let left = records_in(&store);
        // The machine may have become faster or slower since the first import.
        if left == expected.records.as_u64() {
            whole_us -= whole_us / 4;
        } else if left == untouched {
            whole_us += whole_us / 4;
        } else {
            left_part += 1;
        }
        if left.is_some() {
            assert_sound(&store);
        }
        run(&mut import(&store, log)).expect(0);
        assert_same(&content(&store, ids), expected, &format!("round {round}"));
        let sources = on(&store, &["sources", "--format", "json"]).expect(0).json();
        let sources = sources["sources"].as_array().unwrap();
        let added: u64 = sources.iter().map(|it| it["added"].as_u64().unwrap()).sum();
        assert_eq!(expected.records, added, "round {round}: {sources:#?}");
        std::fs::remove_dir_all(&store).unwrap();
    }
    assert!(left_part >= ROUNDS / 3, "only {left_part} kills left a part of the work");
}

#[test]
fn an_import_into_nothing_survives_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), EVENTS, 11, "ndjson");
    let (nothing, undisturbed) = (dir.path().join("nothing"), dir.path().join("undisturbed"));
    std::fs::create_dir(&nothing).unwrap();
    run(mailtrace().arg("--store").arg(&undisturbed).arg("import").arg(&log.path)).expect(0);
    let expected = content(&undisturbed, &log.ids);
    kill_and_complete(&nothing, &log.path, &expected, &log.ids);
}

#[test]
fn an_import_on_top_of_a_store_survives_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let first = synth(dir.path(), EVENTS / 2, 12, "ndjson");
    let second = synth(dir.path(), EVENTS, 13, "ndjson");
    let (before, undisturbed) = (dir.path().join("before"), dir.path().join("undisturbed"));
    run(mailtrace().arg("--store").arg(&before).arg("import").arg(&first.path)).expect(0);
    copy_dir(&before, &undisturbed);
    run(mailtrace().arg("--store").arg(&undisturbed).arg("import").arg(&second.path)).expect(0);
    let ids = [first.ids, second.ids].concat();
    let expected = content(&undisturbed, &ids);
    kill_and_complete(&before, &second.path, &expected, &ids);
}
