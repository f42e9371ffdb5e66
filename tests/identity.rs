//! The same events from another file, in another shape or in other pieces are the same events.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{
    Content, Random, archive_files, archived, assert_same, assert_sound, content, import,
    mailtrace, run, synth, traces,
};

const EVENTS: usize = 1_500;

/// The shapes that carry the records' own times to the millisecond.
const EXACT: [&str; 7] =
    ["ndjson", "json", "s3-export", "firehose", "tail", "insights-json", "insights-csv"];

fn messages(store: &Path) -> BTreeSet<String> {
    let line = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    archived(store).lines().map(|it| line(it)["message"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
fn assert_adds_nothing(store: &Path, log: &Path, what: &str) {
    let report = import(store, log).expect(0).json();
    assert_eq!(
        (&report["read"], &report["added"]),
        (&EVENTS.into(), &0.into()),
        "{what}: {report}"
    );
}

#[test]
fn a_log_in_another_shape_adds_nothing_whichever_came_first() {
    let dir = tempfile::tempdir().unwrap();
    let logs = EXACT.map(|shape| synth(dir.path(), EVENTS, 21, shape));
    let mut expected = None;
    for (first, shape) in EXACT.iter().enumerate() {
        let store = dir.path().join(format!("store-{shape}"));
        let report = import(&store, &logs[first].path).expect(0).json();
        assert_eq!(report["added"], EVENTS, "{shape}: {report}");
        for (log, other) in logs.iter().zip(EXACT) {
            assert_adds_nothing(&store, &log.path, &format!("{other} after {shape}"));
        }
        assert_sound(&store);
        let answers = traces(&store, &logs[0].ids);
        let here = (messages(&store), comparable(&answers));
        assert!(*expected.get_or_insert_with(|| here.clone()) == here, "{shape} answers otherwise");
    }
}

/// Answers without what some shapes cannot tell: streams, groups, event IDs.
fn comparable(answers: &str) -> Vec<String> {
    let answers: serde_json::Value = serde_json::from_str(answers).unwrap();
    let messages = answers["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|it| format!("{} {} {}", it["outcome"], it["subject"], it["recipients"]))
        .collect()
}

#[test]
fn messages_without_their_times_add_nothing_to_those_that_have_them() {
    let dir = tempfile::tempdir().unwrap();
    let (exact, raw) =
        (synth(dir.path(), EVENTS, 22, "ndjson"), synth(dir.path(), EVENTS, 22, "raw"));
    let store = dir.path().join("store");
    import(&store, &exact.path).expect(0);
    let before = content(&store, &exact.ids);
    assert_adds_nothing(&store, &raw.path, "raw after ndjson");
    assert!(archived(&store) == before.archived);
}

#[test]
fn messages_without_their_times_add_nothing_to_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), EVENTS, 23, "raw");
    let store = dir.path().join("store");
    assert_eq!(import(&store, &log.path).expect(0).json()["added"], EVENTS);
    // Another file with another time of its own, which is what the first messages borrow.
    let copy = dir.path().join("copy");
    fs::write(&copy, fs::read(&log.path).unwrap()).unwrap();
    assert_adds_nothing(&store, &copy, "raw after raw");
    assert_sound(&store);
}

#[test]
fn a_log_in_pieces_gives_the_store_of_the_whole() {
    let mut random = Random::new();
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), EVENTS, 24, "ndjson");
    let whole = dir.path().join("whole");
    import(&whole, &log.path).expect(0);
    let expected = content(&whole, &log.ids);
    let text = fs::read_to_string(&log.path).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for round in 0..6 {
        let pieces = dir.path().join(format!("pieces-{round}"));
        let store = dir.path().join(format!("store-{round}"));
        fs::create_dir(&pieces).unwrap();
        let mut rest = lines.as_slice();
        let mut number = 0;
        while !rest.is_empty() {
            let length = 1 + random.below(rest.len() as u64 / 2 + 1) as usize;
            let (piece, after) = rest.split_at(length.min(rest.len()));
            // The same lines again in the next piece: pieces may overlap.
            let overlap = random.below(3) as usize * piece.len() / 4;
            let start = lines.len() - rest.len();
            let piece = lines[start.saturating_sub(overlap)..start + piece.len()].concat();
            fs::write(pieces.join(format!("{number:04}.ndjson")), piece).unwrap();
            rest = after;
            number += 1;
        }
        if round % 2 == 0 {
            import(&store, &pieces).expect(0);
        } else {
            for number in 0..number {
                import(&store, &pieces.join(format!("{number:04}.ndjson"))).expect(0);
            }
        }
        // Between two pieces nothing was looked at, which the coverage has to say.
        let pieces = Content { coverage: expected.coverage.clone(), ..content(&store, &log.ids) };
        assert_same(&pieces, &expected, &format!("round {round}"));
    }
}

#[test]
fn what_is_known_by_line_or_only_by_content_is_told_from_what_is_new() {
    let mut random = Random::new();
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), EVENTS, 26, "ndjson");
    let (whole, store) = (dir.path().join("whole"), dir.path().join("store"));
    import(&whole, &log.path).expect(0);
    let text = fs::read_to_string(&log.path).unwrap();
    let is_known = |index: usize| !index.is_multiple_of(3);
    let known = text.lines().enumerate().filter(|(index, _)| is_known(*index));
    let known: Vec<&str> = known.map(|(_, line)| line).collect();
    let mixed = text.lines().enumerate().map(|(index, line)| {
        if !is_known(index) || random.below(2) == 0 {
            return format!("{line}\n");
        }
        // The same record by another way: from another stream, under another ID.
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["logStreamName"] = "elsewhere".into();
        record["eventId"] = "1".into();
        format!("{record}\n")
    });
    let (known_path, mixed_path) =
        (dir.path().join("known.ndjson"), dir.path().join("mixed.ndjson"));
    fs::write(&mixed_path, mixed.collect::<String>()).unwrap();
    fs::write(&known_path, known.join("\n")).unwrap();
    import(&store, &known_path).expect(0);
    let report = import(&store, &mixed_path).expect(0).json();
    let counts = [&report["added"], &report["duplicates"]];
    assert_eq!(counts, [EVENTS - known.len(), known.len()], "{report}");
    assert_eq!(messages(&store), messages(&whole));
    let answers = [&store, &whole].map(|it| comparable(&traces(it, &log.ids)));
    assert_eq!(answers[0], answers[1]);
    assert_sound(&store);
}

#[test]
fn commits_within_an_import_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for shape in ["ndjson", "raw", "tail"] {
        let log = synth(dir.path(), EVENTS, 25, shape);
        // Twice over, so that what is committed and what is not both meet their duplicates.
        let text = fs::read(&log.path).unwrap();
        fs::write(&log.path, [text.as_slice(), &text].concat()).unwrap();
        let (one, many) = (dir.path().join(format!("{shape}1")), dir.path().join(shape));
        import(&one, &log.path).expect(0);
        let mut command = mailtrace();
        command.arg("--store").arg(&many).args(["import", "--commit-records", "100"]);
        run(command.arg(&log.path)).expect(0);
        assert_same(&content(&many, &log.ids), &content(&one, &log.ids), shape);
    }
}

#[test]
fn the_archive_of_another_store_can_be_imported() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), EVENTS, 26, "ndjson");
    let (first, second) = (dir.path().join("first"), dir.path().join("second"));
    import(&first, &log.path).expect(0);
    for path in archive_files(&first) {
        import(&second, &path).expect(0);
    }
    let (first, second) = (content(&first, &log.ids), content(&second, &log.ids));
    assert_same(&second, &first, "a store made of an archive");
}
