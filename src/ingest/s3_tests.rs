//! Imports from a bucket on this machine that misbehaves.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::s3::import_objects;
use super::{ImportOptions, IngestError, S3Report};
use crate::aws::object_server::{Fault, ObjectServer, etag};
use crate::aws::{AwsError, S3Url, Session};
use crate::limits;
use crate::stop::Stop;
use crate::store::{
    ObjectHash, Record, Store, StoreError, StoreWriter, VerifyOptions, reindex, verify,
};

const TASK: &str = "d4b58d93-4b4c-4f3a-9d6b-0b8a6a0d6a11";

/// The key of a part of an export.
fn key(index: usize) -> String {
    format!("logs/{TASK}/stream-{}/{index:06}.gz", index / 4)
}

/// An object of an export: `events` lines in gzip, each as no other.
fn object(index: usize, events: usize) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for event in 0..events {
        writeln!(
            gzip,
            "2026-11-20T12:{:02}:{:02}.{:03}Z {{\"traceId\":\"5d0c1f7e-6a41-4c0a-9f5e-{index:04}{event:08}\",\"event\":{{\"eventName\":\"MAILBOX_EMAIL_DELIVERED\",\"recipient\":\"ana@acme.example\",\"folder\":\"INBOX\"}}}}",
            index % 60,
            event / 1000 % 60,
            event % 1000,
        )
        .unwrap();
    }
    gzip.finish().unwrap()
}

/// A bucket with an object of so many events each, and what else an export leaves there.
fn bucket(events: &[usize]) -> ObjectServer {
    let server = ObjectServer::new();
    for (index, events) in events.iter().enumerate() {
        server.put(&key(index), &object(index, *events));
    }
    server.put("logs/", b"");
    server.put("logs/aws-logs-write-test", b"Permission Check Successful");
    server.put("elsewhere/000000.gz", &object(9_999, 3));
    server
}

fn pull(server: &ObjectServer, store: &Path, stop: &Stop) -> Result<S3Report, IngestError> {
    let session = Session::for_tests(&server.url());
    let url = S3Url::parse("s3://bucket/logs/").unwrap();
    // A commit after every round, so that it falls between any two objects.
    let options = ImportOptions { commit_records_max: Some(1), ..ImportOptions::default() };
    import_objects(async || Ok(session), &url, store, &options, stop, &mut |_| {})
}

fn never() -> Stop {
    Stop::new()
}

fn pull_all(server: &ObjectServer, store: &Path) -> S3Report {
    pull(server, store, &never()).unwrap()
}

/// Every record of a store: its stream, time and message.
fn records(store: &Path) -> Vec<String> {
    let store = Store::open(store).unwrap();
    let add = |lines: &mut Vec<String>, record: &Record<'_>| {
        let stream = record.log_stream.as_deref().unwrap_or("-");
        lines.push(format!("{stream} {} {}", record.timestamp.as_ms(), record.message));
    };
    let join = |first: Vec<String>, second: Vec<String>| [first, second].concat();
    let mut lines = store.fold_records(Vec::new, add, join).unwrap();
    lines.sort();
    lines
}

/// The objects that a store says it has all of, by their numbers.
fn taken(store: &Path, events: &[usize]) -> Vec<usize> {
    let store = Store::open(store).unwrap();
    let has = |index: &usize| {
        let etag = etag(&object(*index, events[*index]));
        store.checkpoint().ledger.objects.contains(ObjectHash::new("bucket", &key(*index), &etag))
    };
    (0..events.len()).filter(has).collect()
}

fn gets(server: &ObjectServer) -> Vec<String> {
    server.requests().into_iter().filter(|it| it.starts_with("get")).collect()
}

#[test]
fn a_second_pull_takes_nothing_also_after_a_reindex() {
    let events = [5, 3_000, 1, 40, 7, 1, 2];
    let server = bucket(&events);
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let report = pull_all(&server, &store);
    assert_eq!(report.import.added(), 3_056);
    assert_eq!((report.objects_taken, report.objects_skipped, report.is_stopped), (7, 0, false));
    assert_eq!(report.import.files[0].path, format!("s3://bucket/{}", key(0)));
    assert_eq!(gets(&server).len(), 7);
    let lines = records(&store);
    assert!(lines[0].starts_with("stream-0 "), "{}", lines[0]);
    assert!(lines[3_055].starts_with("stream-1 "), "{}", lines[3_055]);

    for _ in 0..2 {
        let report = pull_all(&server, &store);
        assert_eq!((report.objects_taken, report.objects_skipped), (0, 7));
        assert_eq!((report.import.read(), gets(&server)), (0, vec![]));
        let verified =
            verify(&store, &VerifyOptions { is_deep: true, head: None }, &|_| {}).unwrap();
        assert!(verified.problems.is_empty(), "{:?}", verified.problems);
        reindex(&store).unwrap();
    }
    assert_eq!(records(&store), lines);
}

#[test]
fn an_object_with_another_content_is_another_object() {
    let server = bucket(&[5, 5]);
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    pull_all(&server, &store);
    assert_eq!(gets(&server).len(), 2);
    server.put(&key(1), &object(1, 8));
    let report = pull_all(&server, &store);
    assert_eq!((report.objects_taken, report.objects_skipped), (1, 1));
    assert_eq!((report.import.added(), report.import.duplicates()), (3, 5));
}

#[test]
fn bodies_that_break_off_lose_nothing_and_add_nothing() {
    let events = [4_000, 10, 4_000];
    let server = bucket(&events);
    for index in [0, 0, 2] {
        server.fail(&key(index), Fault::Cut(20_000));
    }
    server.fail(&key(1), Fault::Refuse(500, "InternalError", "We failed", ""));
    server.fail("", Fault::Refuse(503, "SlowDown", "Please reduce your request rate.", ""));
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let report = pull_all(&server, &store);
    assert_eq!((report.import.added(), report.import.duplicates()), (8_010, 0));
    assert_eq!((report.import.rejected(), report.import.problems().count()), (0, 0));
    assert_eq!((report.objects_taken, report.throttled), (3, 1));
}

#[test]
fn an_object_that_is_not_given_out_is_a_problem_of_its_own() {
    let server = bucket(&[3, 3, 3]);
    server.fail(&key(1), Fault::Refuse(403, "InvalidObjectState", "In the Glacier", ""));
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let report = pull_all(&server, &store);
    assert_eq!((report.import.added(), report.objects_taken), (6, 2));
    let problem = report.import.problems().next().unwrap();
    assert_eq!(problem.to_string(), format!("cannot fetch s3://bucket/{} beyond byte 0", key(1)));
    let cause = std::error::Error::source(problem).unwrap().to_string();
    assert!(cause.contains("the object is archived: restore it in S3 first"), "{cause}");
    assert_eq!(taken(&store, &[3, 3, 3]), [0, 2]);
    let report = pull_all(&server, &store);
    assert_eq!((report.import.added(), report.objects_taken, report.objects_skipped), (3, 1, 2));
}

#[test]
fn any_number_of_objects_that_are_not_given_out_keep_no_other_from_being_taken() {
    let count = limits::S3_FAILED_OBJECTS_MAX as usize + 3;
    let server = bucket(&vec![1; count]);
    for index in 0..count - 1 {
        server.fail(&key(index), Fault::Refuse(403, "InvalidObjectState", "In the Glacier", ""));
    }
    let dir = tempfile::tempdir().unwrap();
    let report = pull_all(&server, &dir.path().join("store"));
    assert_eq!((report.import.added(), report.objects_taken), (1, 1));
    assert_eq!(report.import.problems().count(), count - 1);
}

#[test]
fn an_object_that_is_a_bomb_is_rejected_and_passed() {
    let server = bucket(&[3, 0, 3]);
    let line = r#"{"events":[,]}"#.repeat(4_000);
    let blanks = zstd::encode_all(&vec![b' '; 60 << 20][..], 3).unwrap();
    let payload = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, blanks);
    let records = vec![format!(r#"{{"kinesis":{{"data":"{payload}"}}}}"#); 8].join(",");
    server.put(&key(1), format!("{line}\n{{\"Records\":[{records}]}}\n").as_bytes());
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let report = pull_all(&server, &store);
    assert_eq!((report.import.added(), report.objects_taken), (6, 3));
    let (_, reason) = report.import.files[1].first_reject.clone().unwrap();
    assert!(reason.contains("neither a log record"), "{reason}");
    assert_eq!(report.import.files[1].rejected, 8);
    assert_eq!(pull_all(&server, &store).objects_skipped, 3);
}

#[test]
fn a_bucket_that_cannot_be_listed_leaves_no_store() {
    let server = bucket(&[3]);
    server.fail("", Fault::Refuse(403, "AccessDenied", "Access Denied", ""));
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let error = pull(&server, &store, &never()).unwrap_err();
    assert!(matches!(error, IngestError::Aws(AwsError::Denied { .. })), "{error}");
    assert!(!store.exists());
}

#[test]
fn what_would_be_wrong_with_every_object_ends_the_pull_and_the_next_goes_on() {
    // The tenth object, perhaps the eleventh before it, and as many more as are tried.
    let events = [3; 11 + limits::S3_FAILED_OBJECTS_MAX as usize];
    let server = bucket(&events);
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    server.fail(&key(9), Fault::Refuse(403, "InvalidAccessKeyId", "Not in our records", ""));
    let error = pull(&server, &store, &never()).unwrap_err();
    assert!(matches!(error, IngestError::Aws(AwsError::RejectedCredentials { .. })), "{error}");
    for index in 9..events.len() {
        server.fail(&key(index), Fault::Refuse(403, "AccessDenied", "Access Denied", ""));
    }
    let error = pull(&server, &store, &never()).unwrap_err();
    assert!(matches!(error, IngestError::Aws(AwsError::Denied { .. })), "{error}");
    while pull_all(&server, &store).import.problems().count() > 0 {}
    assert_eq!(records(&store).len(), 3 * events.len());
}

#[test]
fn a_store_that_somebody_else_writes_to_ends_the_pull() {
    let server = bucket(&[3; 8]);
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let writer = StoreWriter::open_or_create(&store).unwrap();
    let error = pull(&server, &store, &never()).unwrap_err();
    assert!(matches!(error, IngestError::Store(StoreError::Locked { .. })), "{error}");
    drop(writer);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_pull_that_is_stopped_anywhere_is_gone_on_with(
        events in proptest::collection::vec(1usize..1_000, 1..12),
        stops in proptest::collection::vec((0usize..12, 0usize..20_000), 0..3),
    ) {
        let server = bucket(&events);
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        for (index, bytes) in stops {
            let before = if store.exists() { taken(&store, &events).len() as u64 } else { 0 };
            let stop = Stop::new();
            let index = index % events.len();
            let (hangs, is_over) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
            server.fail(&key(index), Fault::Hang(bytes, Arc::clone(&hangs)));
            let report = std::thread::scope(|scope| {
                scope.spawn(|| {
                    while !hangs.load(Ordering::Relaxed) && !is_over.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    stop.request();
                });
                let report = pull(&server, &store, &stop).unwrap();
                is_over.store(true, Ordering::Relaxed);
                report
            });
            prop_assert_eq!(report.objects_skipped, before);
            let lines = records(&store);
            for index in taken(&store, &events) {
                let trace_id = format!("9f5e-{index:04}");
                let found = lines.iter().filter(|it| it.contains(&trace_id)).count();
                prop_assert_eq!(found, events[index], "object {}", index);
            }
        }
        let report = pull_all(&server, &store);
        prop_assert_eq!(report.import.problems().count(), 0);
        prop_assert_eq!(taken(&store, &events).len(), events.len());

        let undisturbed = dir.path().join("undisturbed");
        pull_all(&bucket(&events), &undisturbed);
        prop_assert!(records(&store) == records(&undisturbed));
        let verified = verify(&store, &VerifyOptions { is_deep: true, head: None }, &|_| {}).unwrap();
        prop_assert!(verified.problems.is_empty(), "{:?}", verified.problems);
    }
}
