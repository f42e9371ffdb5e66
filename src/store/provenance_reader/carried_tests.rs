//! Whatever is removed, the records that stay keep their provenance.

use std::path::Path;

use crate::event::Parser;
use crate::source::Record;
use crate::store::{
    Location, MessageContent, OriginCounts, OriginEnd, OriginId, OriginKind, OriginStart, Place,
    Removal, RemovalRequest, Store, StoreWriter, VerifyOptions, remove_records, verify,
};
use crate::time::Timestamp;

fn timestamp(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms).unwrap()
}

fn begin(writer: &mut StoreWriter, name: &str) -> OriginId {
    writer.begin_origin(OriginStart {
        kind: OriginKind::File,
        name: name.to_owned(),
        account: None,
        region: None,
        began: Timestamp::UNIX_EPOCH,
    })
}

/// Appends records with these times, which are also their lines, as one block.
fn append(writer: &mut StoreWriter, origin: OriginId, times: &[i64]) {
    let mut preparer = writer.preparers().preparer();
    for ms in times {
        let message = format!(r#"{{"traceId":"t{ms}","event":{{"eventName":"X"}}}}"#);
        let event = Parser::new().parse(&message).unwrap().into_owned();
        let record = Record {
            log_group: None,
            log_stream: None,
            event_id: None,
            timestamp: timestamp(*ms),
            is_time_approximate: false,
            ingestion_time: None,
            message: message.into(),
        };
        let place = Place { line: ms.unsigned_abs(), byte_offset: None };
        preparer.take(Some(place), &record, None, &MessageContent::Mail(&event));
    }
    let mut batch = preparer.finish().unwrap();
    batch.set_origin(origin);
    writer.append(vec![batch]).unwrap();
    let count = times.len() as u64;
    let counts = OriginCounts { read: count, added: count, ..OriginCounts::default() };
    writer.count_origin(origin, counts);
}

/// The times of the records in the store, with the source and the line that each is said to have.
fn told(path: &Path) -> Vec<(i64, Option<(String, u64)>)> {
    let store = Store::open(path).unwrap();
    let mut provenance = store.provenance();
    let mut reader = store.events();
    let mut told = Vec::new();
    for place in store.records_from(Location::default(), Location::default()).unwrap().flatten() {
        let event = reader.read(place.location).unwrap();
        let source = provenance.of(place.location).unwrap();
        let source = source.map(|it| (it.origin.name, it.line.unwrap()));
        told.push((event.record.timestamp.as_ms(), source));
    }
    told.sort();
    told
}

fn prune(path: &Path, before_ms: i64) {
    let removal = Removal::Before(timestamp(before_ms));
    let request = RemovalRequest { removal, reason: "x".to_owned(), at: timestamp(before_ms) };
    assert!(remove_records(path, &request, false).unwrap().records > 0);
    let options = VerifyOptions { is_deep: true, ..VerifyOptions::default() };
    let report = verify(path, &options, &|_| {});
    assert_eq!(report.unwrap().problems, Vec::<String>::new());
}

#[test]
fn a_removed_file_with_the_note_of_another_leaves_it_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::open_or_create(dir.path()).unwrap();
    writer.limit_archive_files(1);
    let first = begin(&mut writer, "first");
    // One commit over three files: its note is in the last of them. More commits come after it.
    for block in [&[60, 70][..], &[80], &[5]] {
        append(&mut writer, first, block);
    }
    writer.end_origin(first, OriginEnd::default());
    writer.commit().unwrap();
    let second = begin(&mut writer, "second");
    for block in [&[90], &[15]] {
        append(&mut writer, second, block);
    }
    writer.commit().unwrap();
    append(&mut writer, second, &[95]);
    writer.end_origin(second, OriginEnd::default());
    writer.close().unwrap();
    let of = |ms: i64, name: &str| (ms, Some((name.to_owned(), ms.unsigned_abs())));
    let all = [
        of(5, "first"),
        of(15, "second"),
        of(60, "first"),
        of(70, "first"),
        of(80, "first"),
        of(90, "second"),
        of(95, "second"),
    ];
    assert_eq!(told(dir.path()), all);
    // The third one replaces a file of whose records the first one carried the runs on.
    for (before_ms, left) in [(10, 1), (20, 2), (65, 3), (75, 4)] {
        prune(dir.path(), before_ms);
        assert_eq!(told(dir.path()), all[left..], "before {before_ms}");
    }
}

#[test]
fn a_source_that_rests_for_some_commits_is_still_known_with_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = StoreWriter::open_or_create(dir.path()).unwrap();
    let (slow, other) = (begin(&mut writer, "slow"), begin(&mut writer, "other"));
    append(&mut writer, slow, &[1]);
    writer.commit().unwrap();
    for ms in [2, 3] {
        append(&mut writer, other, &[ms]);
        writer.commit().unwrap();
    }
    append(&mut writer, slow, &[4]);
    let sha256 = Some("5".repeat(64));
    writer.end_origin(slow, OriginEnd { sha256: sha256.clone(), ..OriginEnd::default() });
    writer.close().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let first = Location { file: 1, offset: 0, line: 0 };
    let source = store.provenance().of(first).unwrap().unwrap();
    assert_eq!(source.origin.end.and_then(|it| it.sha256), sha256);
}
