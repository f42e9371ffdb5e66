//! The chain of commits, its head, and what is told of damage.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{archive_files, archived, copy_dir, import, on, synth};

fn status(store: &Path) -> Value {
    on(store, &["status", "--format", "json"]).expect(0).json()
}

fn head(store: &Path) -> String {
    status(store)["head"].as_str().unwrap().to_owned()
}

fn verify(store: &Path, status: i32, more: &[&str]) -> Value {
    let arguments = [&["verify", "--format", "json"], more].concat();
    on(store, &arguments).expect(status).json()
}

#[test]
fn a_head_of_any_commit_is_found_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let mut heads = Vec::new();
    for (events, seed) in [(40, 81), (30, 82), (20, 83)] {
        import(&store, &synth(dir.path(), events, seed, "ndjson").path).expect(0);
        heads.push(head(&store));
    }
    let sound = verify(&store, 0, &[]);
    assert_eq!((&sound["commits"], &sound["records"]), (&3.into(), &90.into()));
    assert_eq!(sound["head"], heads[2]);
    let expected = [(40, 50, 2), (70, 20, 1), (90, 0, 0)];
    for (head, (records, since, commits)) in heads.iter().zip(expected) {
        for store_is_rebuilt in [false, true] {
            if store_is_rebuilt {
                on(&store, &["reindex"]).expect(0);
            }
            let found = &verify(&store, 0, &["--head", &head.to_uppercase()])["foundHead"];
            assert_eq!(found["head"], head.as_str());
            let counts = [&found["records"], &found["recordsSince"], &found["commitsSince"]];
            assert_eq!(counts, [records, since, commits], "{found}");
            assert!(found["at"].as_str().unwrap().starts_with("2026-11-20T12:0"), "{found}");
        }
    }
    let other = "0".repeat(64);
    let ran = on(&store, &["verify", "--head", &other]).expect(2);
    assert!(ran.stdout.contains(&other), "{ran:#?}");
    on(&store, &["verify", "--head", "12ab"]).expect(2);
    let text = on(&store, &["verify", "--head", &heads[0]]).expect(0).stdout;
    assert!(text.contains("40 records then, 50 added since in 2 commits"), "{text}");
}

/// What a head is for: everything in the store fits together, and yet it is another one.
#[test]
fn a_forged_store_and_an_older_copy_are_sound_but_do_not_have_the_head() {
    let dir = tempfile::tempdir().unwrap();
    let (store, older) = (dir.path().join("store"), dir.path().join("older"));
    let (first, second) =
        (synth(dir.path(), 40, 84, "ndjson").path, synth(dir.path(), 30, 85, "ndjson").path);
    import(&store, &first).expect(0);
    copy_dir(&store, &older);
    let early = head(&older);
    import(&store, &second).expect(0);
    let head = head(&store);
    verify(&older, 0, &["--head", &early]);
    verify(&older, 2, &["--head", &head]);

    let forged = dir.path().join("forged");
    let text = fs::read_to_string(&first).unwrap();
    let changed = dir.path().join("changed.ndjson");
    fs::write(&changed, text.replacen("MAILBOX_EMAIL_DELIVERED", "MAILBOX_EMAIL_DESTROYED", 1))
        .unwrap();
    import(&forged, &changed).expect(0);
    import(&forged, &second).expect(0);
    assert_ne!(archived(&forged), archived(&store));
    verify(&forged, 0, &["--deep"]);
    verify(&forged, 2, &["--head", &head]);
}

#[test]
fn damage_is_told_with_the_records_and_the_period_that_it_affects() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    import(&store, &synth(dir.path(), 400, 86, "ndjson").path).expect(0);
    let whole = status(&store);
    import(&store, &synth(dir.path(), 3_000, 87, "ndjson").path).expect(0);
    let path = archive_files(&store)[0].clone();
    let sound = fs::read(&path).unwrap();
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();

    // In the first commit's blocks.
    let mut bytes = sound.clone();
    bytes[60] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = verify(&store, 2, &[]);
    let damage = &report["damage"][0];
    assert_eq!((&damage["archiveFile"], &damage["firstBlock"]), (&name.into(), &0.into()));
    let records = damage["records"].as_u64().unwrap();
    assert!(records > 50 && records <= 400, "{report:#}");
    assert_eq!(damage["firstSeen"], whole["firstSeen"], "{report:#}");
    let text = on(&store, &["verify"]).expect(2).stdout;
    assert!(text.contains(&format!("{records} records from ")), "{text}");

    // The whole file.
    fs::remove_file(&path).unwrap();
    let report = verify(&store, 2, &[]);
    assert_eq!(report["damage"][0]["records"], 3_400, "{report:#}");

    fs::write(&path, &sound).unwrap();
    verify(&store, 0, &["--deep"]);
}
