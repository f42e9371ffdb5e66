//! Whoever reads sees one commit, whatever happens meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::index::{CommittedIndex, IndexSnapshot, IndexWriter, read_checkpoint};
use super::layout::Layout;
use super::{
    Checkpoint, Removal, RemovalRequest, Store, StoreError, StoreWriter, VerifyOptions, reindex,
    remove_records, verify,
};
use crate::event::Parser;
use crate::source::Record;
use crate::time::Timestamp;

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms).unwrap()
}

/// Commits a record with this time.
fn add(writer: &mut StoreWriter, ms: i64) {
    let message = format!(r#"{{"traceId":"t{ms}","event":{{"eventName":"X"}}}}"#);
    let event = Parser::new().parse(&message).unwrap().into_owned();
    let record = Record {
        log_group: None,
        log_stream: None,
        event_id: None,
        timestamp: timestamp(ms),
        is_time_approximate: false,
        ingestion_time: None,
        message: message.into(),
    };
    let mut preparer = writer.preparers().preparer();
    preparer.add(&record, &event);
    writer.append(vec![preparer.finish().unwrap()]).unwrap();
    writer.commit().unwrap();
}

fn store_with(path: &Path, times: std::ops::Range<i64>) {
    let mut writer = StoreWriter::open_or_create(path).unwrap();
    times.for_each(|it| add(&mut writer, it));
    writer.close().unwrap();
}

fn prune(path: &Path, before_ms: i64) {
    let removal = Removal::Before(timestamp(before_ms));
    let request = RemovalRequest { removal, reason: "x".to_owned(), at: timestamp(before_ms) };
    assert!(remove_records(path, &request, false).unwrap().records > 0);
}

#[test]
fn a_commit_between_two_looks_is_not_half_seen() {
    let dir = tempfile::tempdir().unwrap();
    store_with(dir.path(), 0..3);
    let layout = Layout::new(dir.path());
    let changes: [fn(&Path); 3] =
        [|it| store_with(it, 10..40), |it| drop(reindex(it).unwrap()), |it| prune(it, 2)];
    for change in changes {
        let committed = CommittedIndex::open(&layout).unwrap();
        let before = read_checkpoint(&layout).unwrap();
        change(dir.path());
        let (snapshot, checkpoint) = IndexSnapshot::of(&committed).unwrap();
        assert_eq!(checkpoint, before);
        assert_eq!(snapshot.searcher().num_docs(), before.records);
        let (snapshot, checkpoint) = IndexSnapshot::open(&layout).unwrap();
        assert_eq!(snapshot.searcher().num_docs(), checkpoint.records);
    }
    let options = VerifyOptions { is_deep: true, head: None };
    assert_eq!(verify(dir.path(), &options, &|_| {}).unwrap().problems, [""; 0]);
}

#[test]
fn what_was_removed_meanwhile_is_still_read() {
    let dir = tempfile::tempdir().unwrap();
    store_with(dir.path(), 0..3);
    let store = Store::open(dir.path()).unwrap();
    prune(dir.path(), 3);
    let mut events = store.events();
    for ms in 0..3 {
        let locations = events.leg_locations(&format!("t{ms}"), 10);
        assert_eq!(locations.len(), 1);
        let event = events.read(locations[0]).unwrap();
        assert_eq!(event.record.timestamp, timestamp(ms));
        store.provenance().of_event(&event).unwrap();
    }
    store.origins().unwrap();
    let count = store.fold_records(|| 0, |count, _| *count += 1, |a, b| a + b).unwrap();
    assert_eq!(count, 3);
    assert_eq!(Store::open(dir.path()).unwrap().checkpoint().records, 0);
}

#[test]
fn a_reindex_completes_a_removal_that_was_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    store_with(dir.path(), 0..1);
    let layout = Layout::new(dir.path());
    let name = "0123456789abcdef.ndjson";
    let rejected = dir.path().join("rejected").join(name);
    std::fs::write(&rejected, "{}\n").unwrap();
    let cut_off =
        Checkpoint { leftovers: vec![name.to_owned()], ..read_checkpoint(&layout).unwrap() };
    let mut index = IndexWriter::open(&layout).unwrap();
    index.commit(&cut_off.to_payload(&layout).unwrap()).unwrap();
    index.finish().unwrap();
    reindex(dir.path()).unwrap();
    assert!(!rejected.exists());
}

#[test]
fn nothing_is_committed_that_could_not_be_read_again() {
    let dir = tempfile::tempdir().unwrap();
    store_with(dir.path(), 0..1);
    let layout = Layout::new(dir.path());
    let mut checkpoint = read_checkpoint(&layout).unwrap();
    checkpoint.leftovers.push("../../thesis".to_owned());
    assert!(checkpoint.to_payload(&layout).is_err());
}

#[test]
fn nothing_more_is_read_once_nobody_waits() {
    let dir = tempfile::tempdir().unwrap();
    store_with(dir.path(), 0..3);
    let store = Store::open(dir.path()).unwrap();
    let stop = Arc::default();
    let stoppable = store.stoppable(&stop);
    let places = store.index().newest(&tantivy::query::AllQuery, 3, None).unwrap().1;
    let locations = store.index().places(&tantivy::query::AllQuery).unwrap();
    assert_eq!((places.len(), locations.len()), (3, 3));
    let read = |store: &Store| store.events().read(locations[0]).map(|_| ());
    let scan = |store: &Store| store.fold_records(|| 0, |count, _| *count += 1, |a: i32, b| a + b);
    read(&stoppable).unwrap();
    assert_eq!(scan(&stoppable).unwrap(), 3);
    stop.store(true, Ordering::Relaxed);
    assert!(matches!(read(&stoppable), Err(StoreError::Stopped)));
    assert!(matches!(scan(&stoppable), Err(StoreError::Stopped)));
    // Others go on.
    read(&store).unwrap();
    assert_eq!(scan(&store).unwrap(), 3);
}
