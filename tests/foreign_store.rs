//! A store that somebody else made: handed over, restored, in a shared place.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{
    archive_files, archived, assert_sound, clean, copy_dir, files_below, import, is_root, on, run,
    skip, synth,
};

/// A store, what is to be imported into it, and files that are none of the store's business.
struct Lab {
    dir: tempfile::TempDir,
    store: PathBuf,
    victims: PathBuf,
    log: PathBuf,
}

impl Lab {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let first = synth(dir.path(), 200, 401, "ndjson");
        let store = dir.path().join("store");
        import(&store, &first.path).expect(0);
        let log = synth(dir.path(), 300, 402, "ndjson").path;
        let victims = dir.path().join("victims");
        fs::create_dir(&victims).unwrap();
        for name in ["thesis.txt", "draft.tmp", ".tmpnotes", "0123456789abcdef.ndjson"] {
            fs::write(victims.join(name), "precious").unwrap();
        }
        Self { dir, store, victims, log }
    }

    /// Changes what the last commit says.
    fn forge(&self, change: impl Fn(&mut Value)) {
        let path = self.store.join("index/meta.json");
        let mut meta: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let mut payload: Value = serde_json::from_str(meta["payload"].as_str().unwrap()).unwrap();
        change(&mut payload);
        meta["payload"] = payload.to_string().into();
        fs::write(&path, meta.to_string()).unwrap();
    }

    /// Runs everything that reads or writes; whatever it says, nothing outside is touched, and what
    /// only reads touches nothing at all.
    #[track_caller]
    fn assert_harmless(&self, what: &str) {
        let victims = state(&self.victims);
        let store = state(&self.store);
        for arguments in [&["status"][..], &["verify"], &["stats"], &["trace", "x"], &["sources"]] {
            let ran = on(&self.store, arguments);
            assert!(ran.status.is_some_and(|it| it <= 3), "{what}: {arguments:?}: {ran:#?}");
            assert!(!ran.stderr.contains("internal fault"), "{what}: {arguments:?}: {ran:#?}");
        }
        assert!(state(&self.store) == store, "{what}: reading has changed something");
        let log = self.log.to_str().unwrap();
        let prune = ["prune", "--before", "2026-11-15", "--reason", "x", "--yes"];
        for arguments in [&["import", log][..], &prune, &["reindex"], &["import", log]] {
            let ran = on(&self.store, arguments);
            assert!(matches!(ran.status, Some(0 | 2)), "{what}: {arguments:?}: {ran:#?}");
            assert!(state(&self.victims) == victims, "{what}: {arguments:?}: {ran:#?}");
        }
    }
}

/// Each entry's kind, length, time of change and content.
fn state(dir: &Path) -> BTreeMap<PathBuf, (u64, i64, Vec<u8>)> {
    let of = |path: PathBuf| {
        let metadata = path.symlink_metadata().unwrap();
        let content = fs::read(&path).unwrap_or_default();
        (path, (metadata.len(), metadata.ctime_nsec(), content))
    };
    files_below(dir).into_iter().map(of).collect()
}

fn empty_sha256() -> String {
    Sha256::digest(b"").iter().map(|it| format!("{it:02x}")).collect()
}

#[test]
fn names_in_a_commit_lead_nowhere() {
    let forgeries: [fn(&Lab) -> String; 6] = [
        |_| "../../victims/thesis.txt".to_owned(),
        |_| "../../victims/0123456789abcdef.ndjson".to_owned(),
        |lab| lab.victims.join("thesis.txt").to_str().unwrap().to_owned(),
        |lab| {
            let link = lab.victims.join("link");
            symlink(lab.victims.join("thesis.txt"), &link).unwrap();
            link.to_str().unwrap().to_owned()
        },
        |_| "..".to_owned(),
        |_| String::new(),
    ];
    for forge in forgeries {
        let lab = Lab::new();
        let name = forge(&lab);
        lab.forge(|it| it["leftovers"] = json!([name]));
        on(&lab.store, &["verify"]).expect(2);
        lab.assert_harmless(&name);
        assert_sound(&lab.store);
    }
}

#[test]
fn names_in_the_list_of_the_indexs_files_lead_nowhere() {
    for name in ["../../victims/thesis.txt", "../archive/00000001.ndjson.zst"] {
        let lab = Lab::new();
        let path = lab.store.join("index/.managed.json");
        let mut managed: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        managed.as_array_mut().unwrap().push(name.into());
        fs::write(&path, managed.to_string()).unwrap();
        on(&lab.store, &["verify"]).expect(2);
        import(&lab.store, &lab.log).expect_error(&["mailtrace reindex"]);
        lab.assert_harmless(name);
        assert_sound(&lab.store);
    }
}

#[test]
fn directories_that_are_links_are_refused() {
    for name in ["archive", "index", "rejected"] {
        let lab = Lab::new();
        let path = lab.store.join(name);
        let real = lab.victims.join(name);
        fs::rename(&path, &real).unwrap();
        symlink(&real, &path).unwrap();
        fs::write(real.join("draft.tmp"), "precious").unwrap();
        let words = [path.to_str().unwrap(), "symbolic link"];
        for arguments in [&["status"][..], &["verify"], &["reindex"], &["trace", "x"]] {
            on(&lab.store, arguments).expect_error(&words);
        }
        import(&lab.store, &lab.log).expect_error(&words);
        lab.assert_harmless(name);
    }
}

#[test]
fn files_that_are_links_are_not_followed() {
    for name in ["archive/00000001.ndjson.zst", "archive/SHA256SUMS", "repeats.json", "store.json"]
    {
        let lab = Lab::new();
        // A commit of no bytes, which any file has.
        lab.forge(|it| {
            it["archive"]["bytes"] = 0.into();
            it["archive"]["sha256"] = empty_sha256().into();
        });
        let path = lab.store.join(name);
        let _not_there = fs::remove_file(&path);
        symlink(lab.victims.join("thesis.txt"), &path).unwrap();
        lab.assert_harmless(name);
    }
    let lab = Lab::new();
    for file in files_below(&lab.store.join("index")) {
        fs::remove_file(&file).unwrap();
        symlink(lab.victims.join("thesis.txt"), &file).unwrap();
    }
    lab.assert_harmless("files of the index");
    assert_sound(&lab.store);
}

#[test]
fn pipes_in_the_place_of_files_keep_nobody_waiting() {
    for name in ["archive/00000001.ndjson.zst", "archive/SHA256SUMS", "index/meta.json", "lock"] {
        let lab = Lab::new();
        let path = lab.store.join(name);
        fs::remove_file(&path).unwrap();
        let made = Command::new("mkfifo").arg(&path).status();
        if !made.is_ok_and(|it| it.success()) {
            return skip("mkfifo");
        }
        let log = lab.log.to_str().unwrap();
        for arguments in [&["status"][..], &["verify"], &["import", log], &["reindex"]] {
            let ran = on(&lab.store, arguments);
            assert!(ran.status.is_some(), "{name}: {arguments:?}: {ran:#?}");
        }
    }
}

/// Changes what a commit says of its store.
type Forgery = fn(&mut Value);

#[test]
fn numbers_in_a_commit_are_not_believed() {
    let forgeries: [(&str, Forgery); 6] = [
        ("the number of files", |it| it["archive"]["file"] = u32::MAX.into()),
        ("as many files as there can be", |it| it["archive"]["file"] = ((1 << 20) - 1).into()),
        ("a length", |it| it["archive"]["bytes"] = u64::MAX.into()),
        ("removed files", |it| it["archive"]["removed"] = json!([[2, u32::MAX]])),
        ("the removed file is the last", |it| it["archive"]["removed"] = json!([[1, 1]])),
        ("records", |it| it["records"] = u64::MAX.into()),
    ];
    for (what, forge) in forgeries {
        let lab = Lab::new();
        lab.forge(forge);
        on(&lab.store, &["verify"]).expect(2);
        lab.assert_harmless(what);
        assert_sound(&lab.store);
    }
}

#[test]
fn a_writer_on_a_copy_made_of_hard_links_leaves_the_original_alone() {
    let lab = Lab::new();
    let more = synth(lab.dir.path(), 250, 403, "ndjson").path;
    let bad = lab.dir.path().join("bad.ndjson");
    fs::write(&bad, "no event\n").unwrap();
    import(&lab.store, &bad).expect(3);
    let copy = lab.dir.path().join("copy");
    let made = Command::new("cp").arg("-al").arg(&lab.store).arg(&copy).status();
    if !made.is_ok_and(|it| it.success()) {
        return skip("cp -al");
    }
    // The original goes on, in the files that both have.
    import(&lab.store, &lab.log).expect(0);
    assert_sound(&copy);
    let before = archived(&lab.store);
    import(&copy, &more).expect(0);
    assert_sound(&copy);
    assert_sound(&lab.store);
    assert!(archived(&lab.store) == before);
    for command in
        [&["reindex"][..], &["prune", "--before", "2026-11-15", "--reason", "x", "--yes"]]
    {
        on(&copy, command).expect(0);
        assert_sound(&copy);
        assert_sound(&lab.store);
    }
    assert!(archived(&lab.store) == before);
    import(&lab.store, &more).expect(0);
    assert_sound(&lab.store);
    for file in archive_files(&lab.store) {
        let last = fs::metadata(&file).unwrap();
        assert_eq!(last.nlink(), 1, "{}", file.display());
    }
}

#[test]
fn a_copy_made_of_hard_links_has_a_lock_of_its_own() {
    let lab = Lab::new();
    let copy = lab.dir.path().join("copy");
    let made = Command::new("cp").arg("-al").arg(&lab.store).arg(&copy).status();
    if !made.is_ok_and(|it| it.success()) {
        return skip("cp -al");
    }
    import(&copy, &lab.log).expect(0);
    let inode = |store: &Path| fs::metadata(store.join("lock")).unwrap().ino();
    assert_ne!(inode(&lab.store), inode(&copy));
    import(&lab.store, &lab.log).expect(0);
}

#[test]
fn a_store_of_somebody_else_is_read_and_not_written_to() {
    if !is_root() {
        return skip("root, to give a store away");
    }
    let lab = Lab::new();
    let own = lab.dir.path().join("own");
    copy_dir(&lab.store, &own);
    for place in ["", "archive", "index", "rejected"] {
        let store = lab.dir.path().join(format!("of-nobody-{place}"));
        copy_dir(&own, &store);
        let given = if place.is_empty() { store.clone() } else { store.join(place) };
        std::os::unix::fs::chown(&given, Some(65_534), None).unwrap();
        let before = state(&store);
        on(&store, &["status"]).expect(0);
        on(&store, &["verify", "--deep"]).expect(0);
        let words = [given.to_str().unwrap(), "user 65534", "chown", "copy"];
        import(&store, &lab.log).expect_error(&words);
        on(&store, &["reindex"]).expect_error(&words);
        let prune = ["prune", "--before", "2026-11-15", "--reason", "x", "--yes"];
        on(&store, &prune).expect_error(&words);
        assert!(state(&store) == before, "{place}");
        // As the words say.
        std::os::unix::fs::chown(&given, Some(0), None).unwrap();
        import(&store, &lab.log).expect(0);
        assert_sound(&store);
    }
}

/// A directory that another user owns, with a store of theirs in the place of ours.
#[test]
fn whoever_owns_the_directory_above_gets_nothing_removed() {
    if !is_root() {
        return skip("root, to be another user");
    }
    let lab = Lab::new();
    lab.forge(|it| it["leftovers"] = json!(["../../victims/thesis.txt"]));
    let mut given = Command::new("chown");
    given.args(["-R", "65534"]).arg(&lab.store);
    assert!(run(&mut clean(given)).status == Some(0));
    fs::set_permissions(&lab.victims, fs::Permissions::from_mode(0o700)).unwrap();
    let victims = state(&lab.victims);
    import(&lab.store, &lab.log).expect_error(&["belongs to user 65534"]);
    assert!(state(&lab.victims) == victims);
}
