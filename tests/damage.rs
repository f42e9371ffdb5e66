//! Changed, missing and foreign bytes in a store: found, named, and repaired where they can be.

use std::fs;
use std::path::{Path, PathBuf};

use mailtrace::internals::{VerifyOptions, verify};

use crate::support::{
    Content, Ran, archive_files, archived, assert_same, assert_sound, content, copy_dir,
    files_below, import, on, synth, traces,
};

/// Bytes at the beginning of a file that are all flipped.
const HEAD_BYTES: usize = 200;

/// Bytes at the end of `meta.json` that are: the words of the commit.
const TAIL_BYTES: usize = 450;

/// Bytes between them that are.
const SAMPLE_BYTES: usize = 60;

struct Lab {
    dir: tempfile::TempDir,
    store: PathBuf,
    log: PathBuf,
    ids: Vec<String>,
    /// SHA256SUMS as of the first commit.
    first_sums: Vec<u8>,
    content: Content,
}

impl Lab {
    /// A small store with two commits.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let (first, second) =
            (synth(dir.path(), 40, 71, "ndjson"), synth(dir.path(), 30, 72, "ndjson"));
        import(&store, &first.path).expect(0);
        let first_sums = fs::read(store.join("archive/SHA256SUMS")).unwrap();
        import(&store, &second.path).expect(0);
        let ids = [first.ids, second.ids].concat();
        let content = content(&store, &ids);
        Self { dir, store, log: second.path, ids, first_sums, content }
    }

    fn is_the_same(&self) {
        assert_same(&content(&self.store, &self.ids), &self.content, "the store");
    }

    /// Puts the store aside, so that each change begins from the same one.
    fn fresh(&self) -> PathBuf {
        let store = self.dir.path().join("fresh");
        if store.exists() {
            fs::remove_dir_all(&store).unwrap();
        }
        copy_dir(&self.store, &store);
        store
    }

    fn log_of(&self, events: usize, seed: u64) -> PathBuf {
        synth(self.dir.path(), events, seed, "ndjson").path
    }
}

/// A place in a file where a bit was flipped without `verify` finding it.
struct Missed {
    name: String,
    offset: usize,
}

/// Flips one bit at a time in each file of a directory of the store, and hands `check` what is then
/// found to be wrong. The program is asked about the first bit of each file: a process for each of
/// thousands would take minutes.
fn flip_bits(store: &Path, dir: &str, mut check: impl FnMut(&Path, usize, &str)) {
    for path in files_below(&store.join(dir)) {
        let sound = fs::read(&path).unwrap();
        let tail =
            sound.len().saturating_sub(if name_of(&path) == "meta.json" { TAIL_BYTES } else { 0 });
        let step = (sound.len() / SAMPLE_BYTES).max(1);
        let is_chosen = |it: &usize| *it < HEAD_BYTES || *it >= tail || it.is_multiple_of(step);
        let offsets = (0..sound.len()).filter(is_chosen);
        for offset in offsets {
            let mut damaged = sound.clone();
            damaged[offset] ^= 1 << (offset % 8);
            fs::write(&path, damaged).unwrap();
            let problems = problems(store);
            if offset == 0 {
                let ran = on(store, &["verify"]);
                assert_eq!(ran.status, Some(if problems.is_empty() { 0 } else { 2 }), "{ran:#?}");
                assert!(ran.stdout.starts_with(&problems), "{problems}: {ran:#?}");
            }
            check(&path, offset, &problems);
        }
        fs::write(&path, sound).unwrap();
    }
}

/// What `verify` finds to be wrong with a store, a line each.
fn problems(store: &Path) -> String {
    let options = VerifyOptions { is_deep: false, head: None };
    verify(store, &options, &|_| {}).unwrap().problems.join("\n")
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What `verify` says of a store that must not pass.
#[track_caller]
fn expect_damage(store: &Path, words: &[&str]) -> Ran {
    let ran = on(store, &["verify"]).expect(2);
    assert!(!ran.stderr.contains("panicked"), "{ran:#?}");
    for word in words {
        assert!(ran.stdout.contains(word), "lacks {word:?}: {ran:#?}");
    }
    ran
}

#[test]
fn every_flipped_bit_of_the_archive_is_found_and_its_file_named() {
    let lab = Lab::new();
    flip_bits(&lab.store, "archive", |path, offset, problems| {
        let name = name_of(path);
        assert!(problems.contains(&name), "{name}, byte {offset}: {problems}");
    });
    lab.is_the_same();
}

/// Of the index, what a flip may change unseen is what makes no difference: the version in a
/// file's footer, white space and counters in `meta.json`, tantivy's list of files to clean up.
#[test]
fn every_flipped_bit_of_the_index_is_found_or_makes_no_difference() {
    let lab = Lab::new();
    let mut missed = Vec::new();
    flip_bits(&lab.store, "index", |path, offset, problems| {
        let name = name_of(path);
        match problems {
            "" => missed.push(Missed { name, offset }),
            // A commit that speaks of another archive may be told as a change of either.
            it if name == "meta.json" && it.contains("archive") => {}
            it => assert!(it.contains("index"), "{name}, byte {offset}: {it}"),
        }
    });
    lab.is_the_same();
    // Of tantivy's list of files a few will do: its every byte is missed, and none is read here.
    let is_checked =
        |index: usize, it: &Missed| it.name != ".managed.json" || index.is_multiple_of(20);
    let checked = missed.iter().enumerate().filter(|(index, it)| is_checked(*index, it));
    for Missed { name, offset } in checked.map(|(_, it)| it) {
        let store = lab.fresh();
        let path = store.join("index").join(name);
        let mut bytes = fs::read(&path).unwrap();
        let is_harmless = match path.extension().and_then(|it| it.to_str()) {
            Some("json") => true,
            // Within the footer, which has about 70 bytes.
            _ => bytes.len() - offset <= 80,
        };
        assert!(is_harmless, "{name}, byte {offset} is not covered by a checksum");
        bytes[*offset] ^= 1 << (offset % 8);
        fs::write(&path, bytes).unwrap();
        let content = content(&store, &lab.ids);
        assert_same(&content, &lab.content, &format!("{name}, byte {offset}"));
        println!("missed: {name}, byte {offset}");
    }
    // The first of each kind are also written to.
    let mut names: Vec<&String> = missed.iter().map(|it| &it.name).collect();
    names.dedup();
    for name in names {
        let store = lab.fresh();
        let path = store.join("index").join(name);
        let offset = missed.iter().find(|it| it.name == *name).unwrap().offset;
        let mut bytes = fs::read(&path).unwrap();
        bytes[offset] ^= 1 << (offset % 8);
        fs::write(&path, bytes).unwrap();
        import(&store, &lab.log_of(20, 73)).expect(0);
        assert_sound(&store);
    }
}

#[test]
fn a_damaged_index_answers_or_says_so_and_a_reindex_repairs_it() {
    let lab = Lab::new();
    for file in files_below(&lab.store.join("index")) {
        let name = name_of(&file);
        let length = fs::metadata(&file).unwrap().len() as usize;
        let whole = fs::read(&file).unwrap();
        for offset in [0, length / 7, length / 3, length / 2, length * 4 / 5] {
            if length == 0 {
                continue;
            }
            let store = lab.fresh();
            let path = store.join("index").join(&name);
            let mut bytes = whole.clone();
            bytes[offset] ^= 0x11;
            fs::write(&path, bytes).unwrap();
            let ran = on(&store, &["trace", &lab.ids[0]]);
            let is_told = matches!(ran.status, Some(0 | 1)) || ran.stderr.starts_with("error: ");
            assert!(is_told && ran.status != Some(101), "{name}, byte {offset}: {ran:#?}");
            on(&store, &["reindex"]).expect(0);
            let content = content(&store, &lab.ids);
            assert_same(&content, &lab.content, &format!("{name}, byte {offset}"));
        }
        let store = lab.fresh();
        fs::write(store.join("index").join(&name), &whole[..length / 2]).unwrap();
        on(&store, &["reindex"]).expect(0);
        assert_same(&content(&store, &lab.ids), &lab.content, &format!("{name} cut in half"));
    }
}

#[test]
fn a_damaged_message_table_is_found_answered_around_and_rebuilt() {
    let lab = Lab::new();
    let lost = |store: &Path| on(store, &["messages", "--outcome", "lost", "--format", "json"]);
    let expect = lost(&lab.store).stdout;
    for file in files_below(&lab.store.join("messages")) {
        let name = name_of(&file);
        let length = fs::metadata(&file).unwrap().len() as usize;
        // Locks are empty, and of tantivy's list of files none is read here.
        if length == 0 || name == ".managed.json" {
            continue;
        }
        let store = lab.fresh();
        let path = store.join("messages").join(&name);
        let mut bytes = fs::read(&path).unwrap();
        // Within what the checksum covers; of `meta.json`, what makes it no JSON.
        bytes[if name == "meta.json" { 0 } else { length / 3 }] ^= 0x11;
        fs::write(&path, bytes).unwrap();
        expect_damage(&store, &["messages", "reindex"]);
        assert_ne!(lost(&store).status, Some(101), "{name}");
        on(&store, &["reindex"]).expect(0);
        assert_sound(&store);
        assert_eq!(lost(&store).stdout, expect, "{name}");
    }
    let store = lab.fresh();
    let note = "has no message table";
    assert!(!lost(&store).stderr.contains(note));
    fs::remove_dir_all(store.join("messages")).unwrap();
    let without = lost(&store);
    assert_eq!(without.stdout, expect, "without a table");
    assert!(without.stderr.contains(note), "{}", without.stderr);
    assert!(!on(&store, &["status"]).stderr.contains(note));
    import(&store, &lab.log_of(20, 73)).expect(0);
    assert!(store.join("messages/meta.json").exists());
    assert_sound(&store);
}

#[test]
fn a_missing_index_is_told_and_rebuilt_with_the_coverage_kept() {
    let lab = Lab::new();
    let deletions: [fn(&Path) -> std::io::Result<()>; 3] = [
        |index| fs::remove_dir_all(index),
        |index| fs::remove_dir_all(index).and_then(|()| fs::create_dir(index)),
        |index| fs::remove_file(index.join("meta.json")),
    ];
    for delete in deletions {
        let store = lab.fresh();
        delete(&store.join("index")).unwrap();
        expect_damage(&store, &["index", "mailtrace reindex"]);
        on(&store, &["trace", &lab.ids[0]]).expect_error(&["mailtrace reindex"]);
        import(&store, &lab.log).expect_error(&["mailtrace reindex"]);
        on(&store, &["reindex"]).expect(0);
        assert_same(&content(&store, &lab.ids), &lab.content, "rebuilt");
        import(&store, &lab.log).expect(0);
        assert_same(&content(&store, &lab.ids), &lab.content, "written to again");
    }
}

/// Does something to an archive file that holds these bytes.
type Change = fn(&Path, &[u8]);

#[test]
fn deleted_cut_swapped_and_foreign_archive_files_are_found() {
    let lab = Lab::new();
    let name = name_of(&archive_files(&lab.store)[0]);
    let changes: [(&str, Change); 5] = [
        ("deleted", |path, _| fs::remove_file(path).unwrap()),
        ("cut", |path, bytes| fs::write(path, &bytes[..bytes.len() - 9]).unwrap()),
        ("emptied", |path, _| fs::write(path, b"").unwrap()),
        ("longer", |path, bytes| fs::write(path, [bytes, bytes].concat()).unwrap()),
        ("another store's", |path, _| {
            let dir = tempfile::tempdir().unwrap();
            import(&dir.path().join("s"), &synth(dir.path(), 70, 74, "ndjson").path).expect(0);
            fs::copy(&archive_files(&dir.path().join("s"))[0], path).unwrap();
        }),
    ];
    for (what, change) in changes {
        let store = lab.fresh();
        let path = store.join("archive").join(&name);
        let bytes = fs::read(&path).unwrap();
        change(&path, &bytes);
        println!("{what}");
        if what == "longer" {
            // What lies beyond the last commit does not count, and the next writer cuts it off.
            let ran = on(&store, &["verify"]).expect(0);
            assert!(ran.stdout.contains("note: ") && ran.stdout.contains(&name), "{ran:#?}");
            import(&store, &lab.log).expect(0);
            assert_same(&content(&store, &lab.ids), &lab.content, what);
            continue;
        }
        expect_damage(&store, &[&name]);
        import(&store, &lab.log).expect_error(&[&name, "mailtrace verify"]);
        assert_eq!(fs::read(&path).is_ok(), what != "deleted");
    }
    let store = lab.fresh();
    fs::write(store.join("archive/letter.txt"), "x").unwrap();
    fs::write(store.join("archive/00000009.ndjson.zst"), "x").unwrap();
    let ran = on(&store, &["verify"]).expect(0);
    assert!(ran.stdout.contains("letter.txt") && ran.stdout.contains("00000009"), "{ran:#?}");
}

#[test]
fn a_damaged_archive_is_not_written_to_and_what_can_be_read_is_indexed() {
    let lab = Lab::new();
    let store = lab.fresh();
    let path = archive_files(&store)[0].clone();
    let mut bytes = fs::read(&path).unwrap();
    let length = bytes.len();
    // Within the second commit's block.
    bytes[length * 3 / 4] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let name = name_of(&path);
    import(&store, &lab.log_of(20, 75)).expect_error(&[&name, "mailtrace verify"]);
    let ran = on(&store, &["reindex", "--format", "json"]).expect(2);
    assert_eq!(ran.json()["records"], 40, "{ran:#?}");
    assert!(ran.stderr.contains(&name), "{ran:#?}");
    assert_eq!(
        on(&store, &["status", "--format", "json"]).json()["coverage"],
        lab.content.coverage
    );
    traces(&store, &lab.ids[..1]);
    // It stays known as damaged, and nothing is written behind the damage.
    expect_damage(&store, &[&name]);
    import(&store, &lab.log_of(20, 75)).expect_error(&[&name, "mailtrace verify"]);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

/// Neither a reindex nor the import after it may take a shortened archive for the whole one.
#[test]
fn a_shortened_archive_is_told_kept_and_not_written_to() {
    let lab = Lab::new();
    for (cut, has_index) in [(1, true), (1, false), (usize::MAX, true), (usize::MAX, false)] {
        let store = lab.fresh();
        let path = archive_files(&store)[0].clone();
        let mut bytes = fs::read(&path).unwrap();
        // One byte, or all but a part of the first block: then no commit's note is left.
        bytes.truncate(bytes.len().saturating_sub(cut).max(60));
        fs::write(&path, &bytes).unwrap();
        if !has_index {
            fs::remove_dir_all(store.join("index")).unwrap();
        }
        let name = name_of(&path);
        let ran = on(&store, &["reindex"]).expect(2);
        assert!(ran.stderr.contains(&name), "{ran:#?}");
        if cut == 1 {
            let records = on(&store, &["status", "--format", "json"]).json()["records"].clone();
            assert!(records.as_u64().unwrap() > 0, "{records}");
        }
        let ran = expect_damage(&store, &[&name]);
        assert!(!ran.stdout.contains(&u64::MAX.to_string()), "{ran:#?}");
        import(&store, &lab.log_of(20, 75)).expect_error(&[&name]);
        assert_eq!(fs::read(&path).unwrap(), bytes, "{cut} {has_index}");
    }
}

#[test]
fn a_lost_archive_file_stays_told_after_a_reindex() {
    let lab = Lab::new();
    let store = lab.fresh();
    let path = archive_files(&store)[0].clone();
    fs::remove_file(&path).unwrap();
    let name = name_of(&path);
    let ran = on(&store, &["reindex"]).expect(2);
    assert!(ran.stderr.contains(&name), "{ran:#?}");
    expect_damage(&store, &[&name]);
    import(&store, &lab.log).expect_error(&[&name]);
}

#[test]
fn a_copy_without_its_empty_directory_is_whole() {
    let lab = Lab::new();
    let store = lab.fresh();
    fs::remove_dir(store.join("rejected")).unwrap();
    on(&store, &["verify"]).expect(0);
    on(&store, &["status"]).expect(0);
    import(&store, &lab.log).expect(0);
    assert!(store.join("rejected").is_dir());
}

#[test]
fn a_sums_file_that_lags_or_is_gone_is_made_anew() {
    let lab = Lab::new();
    let sums = |store: &Path| store.join("archive/SHA256SUMS");
    let good = fs::read(sums(&lab.store)).unwrap();
    // As after the first of the two commits, which is where a crash right after one leaves it.
    let store = lab.fresh();
    fs::write(sums(&store), &lab.first_sums).unwrap();
    let ran = on(&store, &["verify"]).expect(0);
    assert!(ran.stdout.contains("note: ") && ran.stdout.contains("SHA256SUMS"), "{ran:#?}");
    import(&store, &lab.log).expect(0);
    assert_eq!(fs::read(sums(&store)).unwrap(), good);

    let store = lab.fresh();
    fs::remove_file(sums(&store)).unwrap();
    expect_damage(&store, &["SHA256SUMS"]);
    import(&store, &lab.log).expect(0);
    assert_eq!(fs::read(sums(&store)).unwrap(), good);
    assert!(archived(&store) == lab.content.archived);
}

#[test]
fn a_changed_file_of_rejected_input_is_found() {
    let lab = Lab::new();
    let store = lab.fresh();
    let bad = lab.dir.path().join("bad.ndjson");
    fs::write(&bad, "no event\n").unwrap();
    import(&store, &bad).expect(3);
    assert_sound(&store);
    let path = files_below(&store.join("rejected"))[0].clone();
    let text = zstd::decode_all(fs::File::open(&path).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let changed = text.replace("no event", "an event");
    assert!(changed != text);
    fs::write(&path, zstd::encode_all(changed.as_bytes(), 3).unwrap()).unwrap();
    expect_damage(&store, &[&name_of(&path)]);
}
