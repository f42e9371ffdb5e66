//! Where records came from: told for each of them, whatever became of the store since.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{archive_files, content, import, mailtrace, on, run, synth};

const EVENTS: usize = 1_500;

fn sha256(path: &Path) -> String {
    Sha256::digest(fs::read(path).unwrap()).iter().map(|it| format!("{it:02x}")).collect()
}

/// The events that the store has of these IDs, with their sources.
fn events(store: &Path, ids: &[String]) -> Vec<Value> {
    let mut command = mailtrace();
    command.arg("--store").arg(store).args(["trace", "--provenance", "--format", "json", "--"]);
    let answer = run(command.args(ids)).expect(0).json();
    let messages = answer["messages"].as_array().unwrap();
    messages.iter().flat_map(|it| it["events"].as_array().unwrap().clone()).collect()
}

fn sources(store: &Path) -> Vec<Value> {
    let answer = on(store, &["sources", "--format", "json"]).expect(0).json();
    answer["sources"].as_array().unwrap().clone()
}

/// Text of a file, decompressed where it is gzip.
fn text(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return String::from_utf8(bytes).unwrap();
    }
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).unwrap();
    text
}

/// Checks that each event stands in the file, and on the line of it, that its source names.
#[track_caller]
fn assert_told(store: &Path, ids: &[String]) -> usize {
    let mut hashes: BTreeMap<PathBuf, (String, Vec<String>)> = BTreeMap::new();
    let events = events(store, ids);
    for event in &events {
        let source = &event["source"];
        let path = PathBuf::from(source["name"].as_str().unwrap_or_else(|| panic!("{event}")));
        let (hash, lines) = hashes
            .entry(path.clone())
            .or_insert_with(|| (sha256(&path), text(&path).lines().map(str::to_owned).collect()));
        assert_eq!(source["sha256"], hash.as_str(), "{event}");
        let line = &lines[source["line"].as_u64().unwrap() as usize - 1];
        let trace_id = event["traceId"].as_str().unwrap();
        let id = event["eventId"].as_str().unwrap();
        assert!(line.contains(trace_id) && line.contains(id), "{event}\n{line}");
        assert_eq!(
            (&source["version"], &source["began"]),
            (&env!("CARGO_PKG_VERSION").into(), &"2026-11-20T12:00:00.000Z".into())
        );
    }
    events.len()
}

#[test]
fn each_record_names_its_file_and_line_however_it_came_in_and_after_a_reindex() {
    let dir = tempfile::tempdir().unwrap();
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).unwrap();
    let (first, second) = (synth(&logs, EVENTS, 31, "ndjson"), synth(&logs, EVENTS, 32, "ndjson"));
    let packed = logs.join("packed.gz");
    let file = fs::File::create(&packed).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    encoder.write_all(&fs::read(&second.path).unwrap()).unwrap();
    encoder.finish().unwrap();
    for log in [&first.path, &second.path] {
        fs::remove_file(log.with_extension("truth")).unwrap();
    }
    fs::remove_file(&second.path).unwrap();
    let ids = [first.ids, second.ids].concat();
    for commit_records in ["100", "1000000"] {
        let store = dir.path().join(commit_records);
        let mut command = mailtrace();
        command.arg("--store").arg(&store).args(["import", "--commit-records", commit_records]);
        run(command.arg(&logs)).expect(0);
        let before = content(&store, &ids);
        let told = assert_told(&store, &ids);
        assert!(told > 50, "{told}");
        let listed = sources(&store);
        on(&store, &["reindex"]).expect(0);
        assert_eq!(assert_told(&store, &ids), told);
        assert_eq!(sources(&store), listed);
        assert_eq!(listed.len(), 2, "{listed:#?}");
        for (source, path) in listed.iter().zip([&first.path, &packed]) {
            assert_eq!(source["name"], path.to_str().unwrap());
            assert_eq!(source["sha256"], sha256(path).as_str());
            assert_eq!(source["bytes"], fs::metadata(path).unwrap().len());
            assert_eq!((&source["read"], &source["added"]), (&EVENTS.into(), &EVENTS.into()));
            assert_eq!((&source["complete"], &source["times"]), (&true.into(), &1.into()));
        }
        assert_eq!(listed[1]["compression"], "gzip");
        assert!(content(&store, &ids) == before);
    }
}

#[test]
fn a_record_that_several_files_have_is_told_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (synth(dir.path(), EVENTS, 33, "ndjson"), dir.path().join("store"));
    let all = fs::read_to_string(&log.path).unwrap();
    let lines: Vec<&str> = all.split_inclusive('\n').collect();
    // Every third line, then all of them: what is new stands in odd places.
    let (some, whole) = (dir.path().join("some.ndjson"), dir.path().join("whole.ndjson"));
    fs::write(&some, lines.iter().step_by(3).copied().collect::<String>()).unwrap();
    fs::write(&whole, &all).unwrap();
    import(&store, &some).expect(0);
    import(&store, &whole).expect(0);
    assert_told(&store, &log.ids);
    let counts: Vec<_> = sources(&store)
        .iter()
        .map(|it| (it["added"].as_u64().unwrap(), it["duplicates"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [(500, 0), (1_000, 500)]);
}

#[test]
fn a_document_on_one_line_tells_the_byte_too() {
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (synth(dir.path(), EVENTS, 34, "json"), dir.path().join("store"));
    let document: Value = serde_json::from_str(&fs::read_to_string(&log.path).unwrap()).unwrap();
    let path = dir.path().join("one-line.json");
    fs::write(&path, document.to_string()).unwrap();
    import(&store, &path).expect(0);
    let text = fs::read_to_string(&path).unwrap();
    let events = events(&store, &log.ids);
    assert!(events.len() > 50);
    for event in events {
        let source = &event["source"];
        assert_eq!((&source["line"], &source["format"]), (&1.into(), &"json".into()), "{event}");
        let rest = &text[source["byteOffset"].as_u64().unwrap() as usize..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let there = values.next().unwrap().unwrap();
        assert_eq!(there["eventId"], event["eventId"], "{event}");
    }
}

/// It corroborates, and may come every hour for years.
#[test]
fn a_repeated_import_is_listed_once_and_leaves_the_archive_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (synth(dir.path(), EVENTS, 35, "ndjson"), dir.path().join("store"));
    import(&store, &log.path).expect(0);
    let bytes = |store: &Path| fs::read(&archive_files(store)[0]).unwrap();
    let before = bytes(&store);
    for _ in 0..5 {
        import(&store, &log.path).expect(0);
    }
    assert!(bytes(&store) == before, "the archive has grown");
    on(&store, &["reindex"]).expect(0);
    let listed = sources(&store);
    assert_eq!(listed.len(), 2, "{listed:#?}");
    let repeat = listed.iter().find(|it| it["added"] == 0).unwrap();
    assert_eq!((&repeat["times"], &repeat["duplicates"]), (&5.into(), &EVENTS.into()));
    assert_eq!(repeat["sha256"], sha256(&log.path).as_str());
    let csv = on(&store, &["sources", "--format", "csv"]).expect(0).stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    let lines = on(&store, &["sources", "--format", "ndjson"]).expect(0).stdout;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let table = on(&store, &["sources"]).expect(0).stdout;
    assert!(table.contains("5 times since 2026-11-20T12:00:00.000Z"), "{table}");

    // A file that is not as it was left.
    let path = store.join("repeats.json");
    let text = fs::read_to_string(&path).unwrap().replace("\"times\":5", "\"times\":6");
    fs::write(&path, text).unwrap();
    let ran = on(&store, &["verify"]).expect(2);
    assert!(ran.stdout.contains("repeats.json"), "{ran:#?}");
}

#[test]
fn a_table_names_the_sources_below_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let (log, store) = (synth(dir.path(), EVENTS, 36, "ndjson"), dir.path().join("store"));
    import(&store, &log.path).expect(0);
    let table = on(&store, &["trace", "--provenance", "--", &log.ids[0]]).expect(0).stdout;
    let below = table.split("Sources").nth(1).unwrap_or_else(|| panic!("{table}"));
    assert!(below.contains(&sha256(&log.path)) && below.contains("  line "), "{table}");
    let arguments = ["trace", "--provenance", "--format", "csv", "--", &log.ids[0]];
    on(&store, &arguments).expect_error(&["--provenance"]);
}

#[test]
fn records_of_a_source_whose_checksum_failed_are_marked_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let log = synth(dir.path(), 60, 21, "ndjson");
    // Without compression, so that a flipped bit changes a text and leaves the rest readable.
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    gzip.write_all(&fs::read(&log.path).unwrap()).unwrap();
    let mut bytes = gzip.finish().unwrap();
    let trace_id = &log.ids[1];
    let at = bytes.windows(trace_id.len()).position(|it| it == trace_id.as_bytes()).unwrap();
    bytes[at] ^= 1;
    let altered = String::from_utf8(bytes[at..at + trace_id.len()].to_vec()).unwrap();
    let damaged = dir.path().join("damaged.ndjson.gz");
    fs::write(&damaged, bytes).unwrap();
    import(&store, &damaged).expect(3);
    let words = "corrupt gzip data";
    let damage_of = |it: &Value| it["damage"].as_str().unwrap_or_default().to_owned();
    for _ in 0..2 {
        let told = sources(&store);
        assert!(told.len() == 1 && damage_of(&told[0]).contains(words), "{told:#?}");
        let marked = events(&store, &[altered.clone(), log.ids[3].clone()]);
        assert!(marked.len() > 1, "{marked:#?}");
        for event in &marked {
            assert!(damage_of(&event["source"]).contains(words), "{event:#}");
        }
        let table = on(&store, &["trace", "--provenance", &altered]).expect(0).stdout;
        let table = table.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(table.contains("what was read from it may be altered"), "{table}");
        let csv = on(&store, &["sources", "--format", "csv"]).expect(0).stdout;
        assert!(csv.contains(words), "{csv}");
        on(&store, &["reindex"]).expect(0);
    }
    // What only the sound file has is not doubted.
    import(&store, &log.path).expect(0);
    let told = sources(&store);
    let damaged_count = told.iter().filter(|it| !damage_of(it).is_empty()).count();
    assert_eq!((told.len(), damaged_count), (2, 1), "{told:#?}");
    let sound = events(&store, std::slice::from_ref(trace_id));
    assert!(sound.iter().any(|it| it["source"]["damage"].is_null()), "{sound:#?}");
}
