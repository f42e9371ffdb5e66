//! No room: for the store, and for the answer.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::small_disk::SmallDisk;
use crate::support::{
    assert_same, assert_sound, content, files_below, import, mailtrace, on, run, synth, traces,
};

#[test]
fn a_full_disk_stops_an_import_which_a_larger_one_completes() {
    let dir = tempfile::tempdir().unwrap();
    let first = synth(dir.path(), 2_000, 31, "ndjson");
    let second = synth(dir.path(), 20_000, 32, "ndjson");
    let undisturbed = dir.path().join("undisturbed");
    import(&undisturbed, &first.path).expect(0);
    import(&undisturbed, &second.path).expect(0);
    for size in ["1m", "1200k", "1500k", "2m"] {
        let Some(disk) = SmallDisk::mount(size) else { return };
        let store = disk.path().join("store");
        import(&store, &first.path).expect(0);
        // Whose outcome later events may settle is of no use here.
        let old_ids = &first.ids[..first.ids.len() / 2];
        let before = traces(&store, old_ids);

        let mut command = mailtrace();
        command.arg("--store").arg(&store).args(["import", "--commit-records", "1500"]);
        let place = store.to_str().unwrap();
        let words = ["No space left on device", place, "free some space there"];
        run(command.arg(&second.path)).expect_error(&words);
        assert_sound(&store);
        assert!(traces(&store, old_ids) == before, "{size}: old answers changed");
        // Without room it fails again, and as clearly.
        import(&store, &second.path).expect_error(&["No space left on device", place]);
        assert_sound(&store);

        disk.grow("200m");
        import(&store, &second.path).expect(0);
        let ids = [first.ids.as_slice(), &second.ids].concat();
        assert_same(&content(&store, &ids), &content(&undisturbed, &ids), size);
    }
}

#[test]
fn a_disk_too_small_for_a_store_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 2_000, 33, "ndjson");
    for size in ["4k", "16k", "40k", "64k", "100k"] {
        let Some(disk) = SmallDisk::mount(size) else { return };
        let store = disk.path().join("store");
        import(&store, &log.path).expect_error(&["No space left on device", "store"]);
        disk.grow("100m");
        import(&store, &log.path).expect(0);
        assert_sound(&store);
    }
}

#[test]
fn an_answer_that_finds_no_room_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 300, 34, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let id = log.ids[0].as_str();
    let commands: [&[&str]; 9] = [
        &["trace", id],
        &["trace", "--format", "json", id],
        &["status"],
        &["status", "--format", "json"],
        &["verify"],
        &["reindex"],
        &["synth", "--events", "1000"],
        &["completions", "bash"],
        &["man", "trace"],
    ];
    for arguments in commands {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut command = mailtrace();
        let output = command.arg("--store").arg(&store).args(arguments).stdout(full).output();
        let ran = crate::support::Ran::from(output.unwrap());
        ran.expect_error(&["No space left on device"]);
    }
    assert_sound(&store);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 300, 35, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let id = log.ids[0].as_str();
    let commands: [&[&str]; 7] = [
        &["trace", id],
        &["trace", "--format", "json", id],
        &["status", "--format", "json"],
        &["verify"],
        &["synth", "--events", "20000"],
        &["completions", "bash"],
        &["man", "trace"],
    ];
    for arguments in commands {
        let mut command = mailtrace();
        command.arg("--store").arg(&store).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = crate::support::Ran::from(child.wait_with_output().unwrap());
        assert_eq!((ran.status, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
    // What was imported stays imported, whoever hears of it.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let more = synth(dir.path(), 300, 36, "ndjson");
    let mut command = mailtrace();
    let status = command.arg("--store").arg(&store).arg("import").arg(&more.path).stdout(full);
    assert_eq!(status.stderr(Stdio::null()).status().unwrap().code(), Some(2));
    assert_eq!(on(&store, &["status", "--format", "json"]).json()["records"], 600);
}

/// What lies in the store's own directories, and what they take.
fn places(store: &Path) -> Vec<PathBuf> {
    let mut paths = files_below(store);
    paths.retain(|it| !it.starts_with(store.join("index")));
    paths
}

#[test]
fn what_finds_no_room_leaves_the_room_that_there_was() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 20_000, 38, "ndjson");
    let bad = dir.path().join("bad.ndjson");
    fs::write(&bad, "no event\nto ana@acme.example\n").unwrap();
    let Some(disk) = SmallDisk::mount("64m") else { return };
    let store = disk.path().join("store");
    import(&store, &log.path).expect(0);
    import(&store, &bad).expect(3);
    let (_, middle) = crate::removal::middle(&store);
    let commands: [&[&str]; 3] = [
        &["reindex"],
        &["erase", "--address", "ana@acme.example", "--reason", "x", "--yes"],
        &["prune", "--before", &middle, "--reason", "x", "--yes"],
    ];
    let filler = disk.path().join("filler");
    for command in commands {
        for left in [20_000, 300_000] {
            let before = places(&store);
            let room = disk.free_bytes().saturating_sub(left);
            fs::write(&filler, vec![0; room as usize]).unwrap();
            let free_before = disk.free_bytes();
            let words = [
                "No space left",
                "not enough disk space",
                "up to",
                "MB is free",
                "nothing was changed",
            ];
            on(&store, command).expect_error(&words);
            assert_eq!(places(&store), before, "{command:?} with {left} bytes");
            let lost = free_before.saturating_sub(disk.free_bytes());
            assert!(lost < 16_384, "{command:?} with {left} bytes: {lost} bytes are gone");
            fs::remove_file(&filler).unwrap();
            assert_sound(&store);
        }
        on(&store, command).expect(0);
        assert_sound(&store);
    }
}

#[test]
fn a_temporary_store_that_finds_no_room_names_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 20_000, 39, "ndjson");
    let Some(disk) = SmallDisk::mount("400k") else { return };
    let mut command = mailtrace();
    command.env("TMPDIR", disk.path()).args(["stats", "--input"]).arg(&log.path);
    run(&mut command).expect_error(&["No space left", "TMPDIR", "free some space"]);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0);
}

#[test]
fn an_export_that_finds_no_room_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 6_000, 36, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let Some(disk) = SmallDisk::mount("200k") else { return };
    let shapes = [("dir", "bundle"), ("case.zip", "bundle"), ("rows", "parquet"), ("lines", "ecs")];
    for (name, shape) in shapes {
        let out = disk.path().join(name);
        let arguments = ["export", "--as", shape, "--out", out.to_str().unwrap()];
        on(&store, &arguments).expect_error(&[disk.path().to_str().unwrap(), "No space left"]);
        assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0, "{shape}");
    }
    disk.grow("64m");
    for (name, shape) in shapes {
        let out = disk.path().join(name);
        on(&store, &["export", "--as", shape, "--out", out.to_str().unwrap()]).expect(0);
        if shape == "bundle" {
            run(mailtrace().args(["verify", "--bundle"]).arg(&out)).expect(0);
        }
    }
}

#[test]
fn a_signature_that_finds_no_room_is_not_in_the_way_later() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 30, 37, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let key = dir.path().join("key");
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    fs::write(&key, pair.sk.to_box(None).unwrap().into_string()).unwrap();
    let Some(disk) = SmallDisk::mount("64k") else { return };
    // Writes as much as there is room for.
    let _full = fs::write(disk.path().join("filler"), vec![0; 1 << 20]);
    let out = disk.path().join("head.txt");
    let arguments = ["sign", "--key", key.to_str().unwrap(), "--out", out.to_str().unwrap()];
    on(&store, &arguments).expect_error(&["head.txt", "No space left"]);
    assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 1);
    disk.grow("1m");
    on(&store, &arguments).expect(0);
}
