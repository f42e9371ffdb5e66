//! What is in the cluster is what the store has, once, whatever went wrong and in whatever order it
//! came.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use super::fake::{Fake, Fault};
use crate::support::{Ran, Random, copy_dir, import, mailtrace, on, run, synth};

/// Enough for all kinds of messages, and little enough to be published some dozen times.
const EVENTS: usize = 240;

/// An organization's log, and a store that has taken in some of it.
pub(crate) struct Organization {
    dir: TempDir,
    pub(crate) store: PathBuf,
    pub(crate) lines: Vec<String>,
    /// Message and trace IDs, some of each.
    pub(crate) ids: Vec<String>,
}

impl Organization {
    pub(crate) fn new(events: usize, seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let log = synth(dir.path(), events, seed, "ndjson");
        let lines = fs::read_to_string(log.path).unwrap().lines().map(str::to_owned).collect();
        Self { store: dir.path().join("store"), dir, lines, ids: log.ids }
    }

    /// The same with all of its log in the store.
    pub(crate) fn filled(events: usize, seed: u64) -> Self {
        let organization = Self::new(events, seed);
        organization.take(&organization.lines);
        organization
    }

    pub(crate) fn take(&self, lines: &[String]) {
        let path = self.dir.path().join("part.ndjson");
        fs::write(&path, lines.join("\n") + "\n").unwrap();
        import(&self.store, &path).expect(0);
    }

    /// The same with other lines.
    pub(crate) fn with_lines(self, lines: Vec<String>) -> Self {
        Self { lines, ..self }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

/// Publishes a store as an organization.
pub(crate) fn publish(store: &Path, url: &str, options: &[&str]) -> Ran {
    let mut command = mailtrace();
    command.arg("--store").arg(store).args(["publish", "--format", "json", "--cluster", url]);
    run(command.args(["--organization", "acme", "--timeout", "20s"]).args(options))
}

/// What a cluster holds of both kinds.
fn content(fake: &Fake) -> impl PartialEq + std::fmt::Debug + use<> {
    (fake.content("events"), fake.content("rows"))
}

#[test]
fn what_is_published_is_there_once_and_the_same_again_sends_nothing() {
    let (organization, fake) = (Organization::filled(EVENTS, 11), Fake::start());
    let planned = publish(&organization.store, &fake.url, &["--dry-run"]).expect(0).json();
    assert_eq!((&planned["events"], fake.lock().documents.len()), (&EVENTS.into(), 0));
    let first = publish(&organization.store, &fake.url, &[]).expect(0).json();
    assert_eq!(first["events"], EVENTS);
    let (events, rows) = (fake.content("events"), fake.content("rows"));
    assert_eq!((events.len(), Some(rows.len() as u64)), (EVENTS, first["rows"].as_u64()));
    // Each original is there as it came in.
    let originals: BTreeSet<&str> =
        events.values().map(|it| it["original"].as_str().unwrap()).collect();
    let messages = organization.lines.iter().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["message"].as_str().unwrap().to_owned()
    });
    assert!(messages.clone().count() > 0);
    for message in messages {
        assert!(originals.contains(message.as_str()), "{message}");
    }
    let bulks = fake.lock().bulk_count;
    let again = publish(&organization.store, &fake.url, &[]).expect(0).json();
    assert_eq!((&again["events"], &again["rows"]), (&0.into(), &0.into()));
    assert_eq!(fake.lock().bulk_count, bulks);
    let verified = publish(&organization.store, &fake.url, &["--verify"]).expect(0).json();
    assert_eq!(
        (&verified["events"], &verified["differing"]),
        (&EVENTS.into(), &Value::Array(vec![]))
    );
}

/// Late events join messages, part them, and move them into another month: whatever was published
/// in between, what is there in the end is what is published of the whole.
#[test]
fn any_order_and_any_cuts_leave_the_same_documents() {
    let random = &mut Random::new();
    let mut organization = Organization::new(EVENTS, 12);
    let whole = Organization::filled(EVENTS, 12);
    let expected = Fake::start();
    publish(&whole.store, &expected.url, &[]).expect(0);
    for index in (1..organization.lines.len()).rev() {
        organization.lines.swap(index, random.below(index as u64 + 1) as usize);
    }
    let fake = Fake::start();
    let mut rest = organization.lines.as_slice();
    while !rest.is_empty() {
        let count = rest.len().min(1 + random.below(EVENTS as u64 / 3) as usize);
        let (part, left) = rest.split_at(count);
        organization.take(part);
        publish(&organization.store, &fake.url, &[]).expect(0);
        rest = left;
    }
    assert_eq!(content(&fake), content(&expected));
    publish(&organization.store, &fake.url, &["--verify"]).expect(0);
}

#[test]
fn what_passes_costs_time_and_nothing_else() {
    let organization = Organization::filled(EVENTS, 13);
    let expected = Fake::start();
    publish(&organization.store, &expected.url, &[]).expect(0);
    let html = "<html><body>Bad Gateway</body></html>";
    let fake = Fake::start();
    fake.fails(&[
        Fault::Says(503, r#"{"error":{"type":"unavailable","reason":"wait"}}"#),
        Fault::Says(429, r#"{"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#),
        Fault::Says(502, html),
        Fault::Half(429),
        Fault::Half(503),
        Fault::AnswerLost,
    ]);
    let ran = publish(&organization.store, &fake.url, &[]).expect(0).json();
    assert!(ran["retried"].as_u64().unwrap() >= 6, "{ran}");
    assert!(ran["alreadyThere"].as_u64().unwrap() > 0, "{ran}");
    assert_eq!(content(&fake), content(&expected));
    // What is too long is cut in halves.
    let small = Fake::start();
    small.fails(&[Fault::TooLong(100)]);
    publish(&organization.store, &small.url, &[]).expect(0);
    assert_eq!(content(&small), content(&expected));
}

#[test]
fn killed_between_an_answer_and_the_cursor_it_goes_on() {
    let organization = Organization::filled(EVENTS, 14);
    let (expected, fake) = (Fake::start(), Fake::start());
    publish(&organization.store, &expected.url, &[]).expect(0);
    fake.fails(&[Fault::Hangs]);
    let mut command = mailtrace();
    command.arg("--store").arg(&organization.store).args(["publish", "--cluster", &fake.url]);
    let mut child = command.args(["--organization", "acme"]).spawn().unwrap();
    let begun = Instant::now();
    while fake.url.is_empty() || !has_bulk(&fake) {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // The number that was reserved is not used again, so nothing of the first run is in the way.
    let ran = publish(&organization.store, &fake.url, &[]).expect(0).json();
    assert_eq!((&ran["events"], &ran["alreadyThere"]), (&EVENTS.into(), &0.into()));
    assert_eq!(content(&fake), content(&expected));
}

#[test]
fn what_comes_meanwhile_is_published_until_it_is_to_end() {
    let organization = Organization::new(EVENTS, 19);
    let (first, rest) = organization.lines.split_at(EVENTS / 2);
    let fake = Fake::start();
    organization.take(first);
    let mut command = mailtrace();
    command.arg("--store").arg(&organization.store).args(["publish", "--cluster", &fake.url]);
    let mut child = command.args(["--organization", "acme", "--follow"]).spawn().unwrap();
    let wait_for = |count: usize| {
        let begun = Instant::now();
        while fake.content("events").len() < count {
            assert!(begun.elapsed() < Duration::from_secs(60), "{count}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for(first.len());
    organization.take(rest);
    wait_for(EVENTS);
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let expected = Fake::start();
    publish(&organization.store, &fake.url, &[]).expect(0);
    publish(&organization.store, &expected.url, &[]).expect(0);
    assert_eq!(content(&fake), content(&expected));
}

fn has_bulk(fake: &Fake) -> bool {
    fake.lock().bulk_count > 0
}

#[test]
fn what_is_erased_goes_from_the_cluster_too() {
    let (organization, fake) = (Organization::filled(EVENTS, 15), Fake::start());
    publish(&organization.store, &fake.url, &[]).expect(0);
    let rows = fake.content("rows");
    let whom = rows.values().find_map(|it| it["recipient"].as_str()).unwrap().to_owned();
    let mentions = |fake: &Fake| {
        let events = fake.content("events");
        events.values().filter(|it| it["recipients"].to_string().contains(&whom)).count()
    };
    assert!(mentions(&fake) > 0);
    on(&organization.store, &["erase", "--address", &whom, "--reason", "asked", "--yes"]).expect(0);
    let ran = publish(&organization.store, &fake.url, &[]).expect(0).json();
    assert!(ran["againBecause"].as_str().unwrap().contains("removed"), "{ran}");
    assert_eq!(mentions(&fake), 0);
    let fresh = Fake::start();
    publish(&organization.store, &fresh.url, &[]).expect(0);
    assert_eq!(content(&fake), content(&fresh));
    publish(&organization.store, &fake.url, &["--verify"]).expect(0);
}

#[test]
fn one_organization_is_published_by_one_store() {
    let (one, other) = (Organization::filled(EVENTS, 16), Organization::filled(EVENTS / 2, 17));
    let fake = Fake::start();
    publish(&one.store, &fake.url, &[]).expect(0);
    let before = content(&fake);
    publish(&other.store, &fake.url, &[]).expect_error(&["another store", "--take-over"]);
    assert_eq!(content(&fake), before);
    publish(&other.store, &fake.url, &["--take-over"]).expect(0);
    let expected = Fake::start();
    publish(&other.store, &expected.url, &[]).expect(0);
    assert_eq!(content(&fake), content(&expected));
    publish(&one.store, &fake.url, &[]).expect_error(&["another store"]);
}

#[test]
fn a_store_that_was_put_back_is_told_from_one_that_has_grown() {
    let organization = Organization::new(EVENTS, 18);
    let (first, rest) = organization.lines.split_at(EVENTS / 2);
    let fake = Fake::start();
    organization.take(first);
    publish(&organization.store, &fake.url, &[]).expect(0);
    let backup = organization.path("backup");
    copy_dir(&organization.store, &backup);
    organization.take(rest);
    publish(&organization.store, &fake.url, &[]).expect(0);
    publish(&backup, &fake.url, &[]).expect_error(&["restored from an older copy", "--again"]);
    publish(&backup, &fake.url, &["--again"]).expect(0);
    publish(&backup, &fake.url, &["--verify"]).expect(0);
    // A cluster that has lost all of it.
    fake.forget();
    publish(&backup, &fake.url, &[]).expect_error(&["does not know", "--again"]);
}
