//! Who may open a store, and what stands in its place.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{
    assert_same, assert_sound, clean, content, files_below, import, is_root, mailtrace, on, run,
    skip, synth, traces, wrapped,
};

#[test]
fn what_is_no_store_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 30, 81, "ndjson");
    let foreign = dir.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("letter.txt"), "x").unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "x").unwrap();
    for place in [&foreign, &file] {
        for arguments in [&["status"][..], &["verify"], &["reindex"], &["trace", "x"]] {
            on(place, arguments).expect_error(&[place.to_str().unwrap(), "not a mailtrace store"]);
        }
        import(place, &log.path).expect_error(&[place.to_str().unwrap(), "not a mailtrace store"]);
    }
    assert_eq!(files_below(&foreign), [foreign.join("letter.txt")]);
    let nowhere = dir.path().join("nowhere");
    for arguments in [&["status"][..], &["verify"], &["reindex"], &["trace", "x"]] {
        on(&nowhere, arguments).expect_error(&[nowhere.to_str().unwrap(), "there is no store"]);
    }
    assert!(!nowhere.exists(), "a reading command made a store");
}

#[test]
fn a_store_of_a_newer_version_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 30, 82, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    fs::write(store.join("store.json"), "{\"format\":2}\n").unwrap();
    let bytes = |paths: Vec<PathBuf>| -> Vec<_> {
        let is_kept = |it: &PathBuf| !it.ends_with("lock");
        paths.into_iter().filter(is_kept).map(|it| (fs::read(&it).unwrap(), it)).collect()
    };
    let before = bytes(files_below(&store));
    for arguments in [&["status"][..], &["verify"], &["reindex"], &["trace", "x"]] {
        on(&store, arguments).expect_error(&["format 2", "use a newer mailtrace"]);
    }
    import(&store, &log.path).expect_error(&["format 2", "use a newer mailtrace"]);
    assert!(bytes(files_below(&store)) == before);
}

#[test]
fn leftovers_of_a_writer_that_was_cut_off_are_swept() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 30, 83, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let leftovers = [
        "store.json.tmp",
        "archive/SHA256SUMS.tmp",
        "archive/00000002.ndjson.zst",
        "rejected/current.tmp",
        "index/.tmpAbCdEf",
        "index.new/meta.json",
    ];
    for name in leftovers {
        let path = store.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "half").unwrap();
    }
    assert_sound(&store);
    import(&store, &log.path).expect(0);
    for name in leftovers {
        assert!(!store.join(name).exists(), "{name} is still there");
    }
    assert_sound(&store);
}

#[test]
fn a_second_writer_is_told_who_holds_the_lock_and_readers_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 300, 84, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let before = content(&store, &log.ids);
    // An import that waits for input holds the lock.
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["import", "-"]);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let process = format!("process {}", holder.id());
    for _ in 0..500 {
        if fs::read_to_string(store.join("lock")).unwrap().contains(&process) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    import(&store, &log.path).expect_error(&[&process, store.to_str().unwrap()]);
    on(&store, &["reindex"]).expect_error(&[&process, store.to_str().unwrap()]);
    assert_same(&content(&store, &log.ids), &before, "read while it is locked");
    holder.kill().unwrap();
    holder.wait().unwrap();
    import(&store, &log.path).expect(0);
    assert_same(&content(&store, &log.ids), &before, "after the holder died");
}

#[test]
fn readers_answer_while_an_import_commits_and_merges() {
    let dir = tempfile::tempdir().unwrap();
    let first = synth(dir.path(), 300, 85, "ndjson");
    let second = synth(dir.path(), 30_000, 86, "ndjson");
    let store = dir.path().join("store");
    import(&store, &first.path).expect(0);
    // Whose outcome later events may settle is of no use here.
    let ids = &first.ids[..first.ids.len() / 2];
    let expected = traces(&store, ids);
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["import", "--commit-records", "500"]);
    let mut writer = command.arg(&second.path).stdout(Stdio::null()).spawn().unwrap();
    let mut last = 0;
    let mut reads = 0;
    while writer.try_wait().unwrap().is_none() {
        assert!(traces(&store, ids) == expected);
        let status = on(&store, &["status", "--format", "json"]).expect(0).json();
        let records = status["records"].as_u64().unwrap();
        assert!(records >= last, "{records} records after {last}");
        last = records;
        assert_sound(&store);
        reads += 1;
    }
    assert!(writer.wait().unwrap().success());
    assert!(reads >= 3, "only {reads} reads met the writer");
}

#[test]
fn a_lock_that_is_a_link_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 30, 93, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let elsewhere = dir.path().join("elsewhere");
    fs::write(&elsewhere, "somebody's").unwrap();
    fs::remove_file(store.join("lock")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, store.join("lock")).unwrap();
    import(&store, &log.path).expect_error(&["lock"]);
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "somebody's");
}

#[test]
fn every_file_is_its_owners_alone_whatever_the_umask() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 3_000, 87, "ndjson");
    let bad = dir.path().join("bad.ndjson");
    fs::write(&bad, "no event\n").unwrap();
    let store = dir.path().join("parent").join("store");
    let shell = r#"umask 000; program=$1; shift; exec "$program" "$@""#;
    for arguments in [&["import", "--commit-records", "300"][..], &["reindex"], &["import"]] {
        let mut command = wrapped(&["sh", "-c", shell, "sh"]);
        command.arg("--store").arg(&store).args(arguments);
        if arguments[0] == "import" {
            command.arg(&log.path).arg(&bad);
        }
        let ran = run(&mut command);
        assert!(matches!(ran.status, Some(0 | 3)), "{ran:#?}");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        for path in files_below(&store) {
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
        for path in ["", "archive", "index", "messages", "rejected"].map(|it| store.join(it)) {
            assert_eq!(mode(&path), 0o700, "{}", path.display());
        }
    }
}

/// The program as a user who may read `dir` and write nothing: ourselves, or nobody for root.
fn as_reader(dir: &Path) -> Option<Command> {
    if !is_root() {
        return Some(mailtrace());
    }
    // Nobody must get at the program, the store and what lies above them.
    let program = dir.join("mailtrace");
    fs::copy(env!("CARGO_BIN_EXE_mailtrace"), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = || {
        let mut command = clean(Command::new("setpriv"));
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        command
    };
    let mut probe = as_nobody();
    probe.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|it| it.success()).then(as_nobody)
}

#[test]
fn a_store_that_may_only_be_read_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 300, 88, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let ids: Vec<&str> = log.ids.iter().map(String::as_str).collect();
    let expected = on(&store, &[&["trace", "--format", "json", "--"], ids.as_slice()].concat());
    let expected = expected.expect(0).json();
    let set_modes = |directory: u32, file: u32| {
        for path in ["", "archive", "index", "messages", "rejected"].map(|it| store.join(it)) {
            fs::set_permissions(path, fs::Permissions::from_mode(directory)).unwrap();
        }
        for path in files_below(&store) {
            fs::set_permissions(path, fs::Permissions::from_mode(file)).unwrap();
        }
    };
    set_modes(0o555, 0o444);
    let temporary = dir.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o777)).unwrap();
    let reader = |arguments: &[&str]| {
        let mut command = as_reader(dir.path())?;
        command.env("TMPDIR", &temporary).arg("--store").arg(&store).args(arguments);
        Some(run(&mut command))
    };
    let Some(ran) = reader(&["status"]) else {
        skip("setpriv, to be somebody who may not write");
        return set_modes(0o700, 0o600);
    };
    ran.expect(0);
    reader(&["verify"]).unwrap().expect(0);
    let traced = reader(&[&["trace", "--format", "json", "--"], ids.as_slice()].concat());
    assert_eq!(traced.unwrap().expect(0).json(), expected);
    let log = log.path.to_str().unwrap();
    // Somebody else's, or our own.
    let cause = if is_root() { "belongs to user" } else { "ermission denied" };
    reader(&["import", log]).unwrap().expect_error(&[store.to_str().unwrap(), cause]);
    reader(&["reindex"]).unwrap().expect_error(&[store.to_str().unwrap(), cause]);
    // Whoever may not enter the message table is answered from a temporary one.
    fs::set_permissions(store.join("messages"), fs::Permissions::from_mode(0o700)).unwrap();
    reader(&["status"]).unwrap().expect(0);
    let listed = reader(&["messages", "--limit", "1"]).unwrap().expect(0);
    assert!(listed.stderr.contains("a temporary one is built"), "{listed:#?}");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    set_modes(0o700, 0o600);
    assert_sound(&store);
}

#[test]
fn what_cannot_be_entered_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 30, 89, "ndjson");
    let store = dir.path().join("store");
    import(&store, &log.path).expect(0);
    let Some(mut command) = as_reader(dir.path()) else {
        return skip("setpriv, to be somebody who may not read");
    };
    // Root's own store, which nobody else may enter; or one that we locked ourselves out of.
    fs::set_permissions(&store, fs::Permissions::from_mode(if is_root() { 0o700 } else { 0o000 }))
        .unwrap();
    let ran = run(command.arg("--store").arg(&store).arg("status"));
    fs::set_permissions(&store, fs::Permissions::from_mode(0o700)).unwrap();
    ran.expect_error(&[store.to_str().unwrap(), "ermission denied"]);
}

/// An import from a pipe commits what came before the pipe broke off.
#[test]
fn input_through_a_pipe_is_imported() {
    let dir = tempfile::tempdir().unwrap();
    let log = synth(dir.path(), 300, 90, "ndjson");
    let store = dir.path().join("store");
    let mut command = mailtrace();
    command.arg("--store").arg(&store).args(["import", "--format", "json", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(&log.path).unwrap()).unwrap();
    let mut report = String::new();
    child.stdout.take().unwrap().read_to_string(&mut report).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(report.contains("\"added\":300"), "{report}");
    assert_sound(&store);
}
