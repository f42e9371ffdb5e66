//! `export`: bundles that are whole, the same each time, and never in the way of anything.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{Ended, Filled, line, mailtrace, on, received, samples};
use crate::support::files_below;

const NEWS: &str = "<news.42@shop.example>";

pub(crate) fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Exports everything of a store to a place within its directory.
pub(crate) fn exported(store: &Filled, name: &str, arguments: &[&str]) -> PathBuf {
    let out = store.dir.path().join(name);
    store.run(&[&["export", "--out", out.to_str().unwrap()], arguments].concat()).with(0);
    out
}

pub(crate) fn manifest_of(bundle: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(bundle.join("manifest.json")).unwrap()).unwrap()
}

/// A directory's files by name, with their bytes.
pub(crate) fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let name = |it: &PathBuf| it.file_name().unwrap().to_str().unwrap().to_owned();
    files_below(dir).iter().map(|it| (name(it), fs::read(it).unwrap())).collect()
}

/// A zip's files by name, with their bytes, in order of their names.
fn unzipped(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    let mut files = Vec::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        std::io::copy(&mut file, &mut bytes).unwrap();
        files.push((file.name().unwrap().to_string(), bytes));
    }
    files.sort();
    files
}

fn verify(bundle: &Path) -> Ended {
    mailtrace(&["verify", "--format", "json", "--bundle"]).arg(bundle).output().unwrap().into()
}

#[test]
fn a_bundle_is_whole_and_other_programs_agree() {
    let store = samples();
    let out = exported(&store, "bundle", &["--case", "A & B"]);
    let names: Vec<String> = contents(&out).into_iter().map(|it| it.0).collect();
    assert_eq!(
        names,
        [
            "SHA256SUMS",
            "manifest.json",
            "messages.csv",
            "records.ndjson",
            "report.html",
            "timeline.csv",
            "timesketch.csv"
        ]
    );
    let sums = Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(&out).output();
    assert!(sums.unwrap().status.success());
    for path in files_below(&out) {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o700);
    let checked = verify(&out).with(0).json();
    assert_eq!((&checked["sound"], &checked["files"]), (&json!(true), &json!(7)));

    let manifest = manifest_of(&out);
    assert_eq!(manifest["question"]["case"], "A & B");
    let lines = |name: &str| fs::read_to_string(out.join(name)).unwrap().lines().count() as u64;
    let counts = &manifest["counts"];
    assert_eq!(counts["records"], 16);
    assert_eq!(lines("records.ndjson"), 16);
    assert_eq!(lines("timeline.csv"), 17);
    assert_eq!(lines("timesketch.csv"), 17);
    assert_eq!(counts["messageRows"], lines("messages.csv") - 1);
    let listed = store.run(&["messages", "--sort", "oldest", "--format", "csv"]).with(0);
    // People open these two; by the mark a spreadsheet knows that they are UTF-8.
    let messages = fs::read_to_string(out.join("messages.csv")).unwrap();
    assert_eq!(messages, format!("\u{feff}{}", listed.stdout));
    assert!(fs::read_to_string(out.join("timeline.csv")).unwrap().starts_with("\u{feff}number,"));
    let timesketch = fs::read_to_string(out.join("timesketch.csv")).unwrap();
    assert!(timesketch.starts_with("message,datetime,timestamp_desc,"), "{timesketch}");
    assert!(timesketch.contains(",2026-11-23T21:34:00.000+00:00,"), "{timesketch}");
}

/// Everything is there as it was logged, in order of time.
#[test]
fn records_are_the_originals() {
    let store = samples();
    let out = exported(&store, "bundle", &[]);
    let read = |path: &Path| -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        text.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    };
    let records = read(&out.join("records.ndjson"));
    let times: Vec<i64> = records.iter().map(|it| it["timestamp"].as_i64().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    let key = |it: &Value| (it["timestamp"].as_i64(), it["message"].as_str().unwrap().to_owned());
    let mut exported: Vec<_> = records.iter().map(key).collect();
    let mut logged: Vec<_> = read(&store.log()).iter().map(key).collect();
    exported.sort();
    logged.sort();
    assert_eq!(exported, logged);
    assert!(records.iter().all(|it| it["eventId"].is_string() && it["logStream"].is_string()));
}

#[test]
fn the_same_export_is_the_same_bytes_whatever_the_time() {
    let store = samples();
    let first = exported(&store, "first", &[]);
    let zip = exported(&store, "first.zip", &[]);
    let later = |name: &str| {
        let out = store.dir.path().join(name);
        let mut command = mailtrace(&["export", "--out"]);
        command.arg(&out).arg("--store").arg(store.store());
        let ended: Ended =
            command.env("MAILTRACE_NOW", "2027-01-01T00:00:00Z").output().unwrap().into();
        ended.with(0);
        out
    };
    assert!(contents(&later("second")) == contents(&first));
    assert!(fs::read(later("second.zip")).unwrap() == fs::read(&zip).unwrap());
    assert!(unzipped(&zip) == contents(&first), "a zip has the directory's files");
    assert_eq!(fs::metadata(&zip).unwrap().permissions().mode() & 0o777, 0o600);
    verify(&zip).with(0);
}

#[test]
fn a_bundle_goes_back_into_a_store_and_answers_the_same() {
    let store = samples();
    let dir = exported(&store, "there/bundle", &[]);
    let zip = exported(&store, "there/bundle.zip", &[]);
    let trace = |path: &Path| {
        let ids = [NEWS, "<20261123.1001@acme.example>"];
        on(path, &[&["trace", "--format", "json"], &ids[..]].concat()).with(0).stdout
    };
    let expect = trace(&store.store());
    let paths = [dir.join("records.ndjson"), dir.clone(), zip, dir.parent().unwrap().to_owned()];
    for (index, path) in paths.iter().enumerate() {
        let other = store.dir.path().join(format!("other-{index}"));
        let report = on(&other, &["import", "--format", "json", path.to_str().unwrap()]).with(0);
        let report = report.json();
        assert_eq!((&report["added"], &report["rejected"]), (&json!(16), &json!(0)), "{report}");
        let files = report["files"].as_array().unwrap().len();
        assert_eq!(report["duplicates"], 16 * (files - 1), "{report}");
        assert_eq!(trace(&other), expect, "{path:?}");
        on(&other, &["import", path.to_str().unwrap()]).with(0);
        let out = store.dir.path().join(format!("again-{index}"));
        on(&other, &["export", "--out", out.to_str().unwrap()]).with(0);
        let records = |it: &Path| -> Vec<Value> {
            let text = fs::read_to_string(it.join("records.ndjson")).unwrap();
            let mut records: Vec<Value> =
                text.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
            for record in &mut records {
                // What it was exported from is another store's business.
                assert!(record.as_object_mut().unwrap().remove("source").is_some());
            }
            records
        };
        assert_eq!(records(&out), records(&dir), "an export of an export has the same records");
    }
}

#[test]
fn an_export_never_overwrites() {
    let store = samples();
    let place = store.dir.path().join("place");
    fs::create_dir(&place).unwrap();
    let at = |name: &str| text_of(&place.join(name));
    fs::write(at("file"), "mine").unwrap();
    fs::write(at("file.zip"), "mine").unwrap();
    fs::create_dir_all(at("full/inner")).unwrap();
    fs::create_dir(at("empty")).unwrap();
    fs::create_dir(at("empty.zip")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("link")).unwrap();
    for name in ["file", "file.zip", "full", "link", "empty.zip", "file/below"] {
        for shape in ["bundle", "ecs"] {
            let ended = store.run(&["export", "--as", shape, "--out", &at(name)]).with(2);
            assert!(ended.stderr.contains("place/"), "{ended:#?}");
        }
    }
    let ended = store.run(&["export", "--out", &at("full")]).with(2);
    assert!(ended.stderr.contains("exists already: an export never overwrites"), "{ended:#?}");
    assert_eq!(fs::read_to_string(at("file")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(at("file.zip")).unwrap(), "mine");
    let mut names: Vec<String> = fs::read_dir(&place)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["empty", "empty.zip", "file", "file.zip", "full", "link"],
        "nothing is left"
    );
    store.run(&["export", "--out", &at("empty")]).with(0);
    verify(&place.join("empty")).with(0);
    store.run(&["export", "--out", &at("new/deep/one")]).with(0);
    store.run(&["export", "--out", "-"]).with(2);
}

fn ids_of(bundle: &Path) -> Vec<String> {
    let text = fs::read_to_string(bundle.join("records.ndjson")).unwrap();
    let mut ids: Vec<String> = text
        .lines()
        .map(|it| serde_json::from_str::<Value>(it).unwrap())
        .map(|it| serde_json::from_str::<Value>(it["message"].as_str().unwrap()).unwrap())
        .map(|it| it["traceId"].as_str().unwrap().to_owned())
        .collect();
    ids.dedup();
    ids
}

#[test]
fn what_is_asked_for_is_what_is_taken() {
    let mut log: Vec<String> =
        (0..5).map(|it| received(it * 1_000, &format!("t{it}"), "x")).collect();
    let delivered = json!({"recipient": "bob@acme.example", "folder": "INBOX"});
    log.push(line(9_000, "t1", "MAILBOX_EMAIL_DELIVERED", delivered));
    let store = Filled::with(&log);
    let out = exported(&store, "ids", &["t3", "Message-ID: <t1@far.example>", "t1"]);
    assert_eq!(ids_of(&out), ["t1", "t3", "t1"], "in order of time over all messages");
    let question = &manifest_of(&out)["question"];
    assert_eq!(question["ids"], json!(["t3", "Message-ID: <t1@far.example>", "t1"]));
    assert_eq!(manifest_of(&out)["counts"]["messages"], 2);

    let list = store.dir.path().join("list");
    fs::write(&list, "t0\n\nnobody@x\nt2\n").unwrap();
    let named = store.dir.path().join("from");
    let ended = store.run(&[
        "export",
        "--ids-from",
        list.to_str().unwrap(),
        "--out",
        named.to_str().unwrap(),
    ]);
    assert!(ended.with(0).stderr.contains("no event was found for 1 of the IDs; the store covers"));
    assert_eq!(ids_of(&named), ["t0", "t2"]);
    assert_eq!(manifest_of(&named)["notFound"], json!(["nobody@x"]));

    let out = exported(&store, "query", &["--query", "event:MAILBOX*"]);
    assert_eq!(ids_of(&out), ["t1"]);
    assert_eq!(manifest_of(&out)["counts"]["records"], 2, "the whole message of what was found");
    let second = ["--since", "2026-11-23T10:00:01Z", "--until", "2026-11-23T10:00:03Z"];
    let out = exported(&store, "range", &second);
    assert_eq!(ids_of(&out), ["t1", "t2", "t1"]);
    let out = exported(
        &store,
        "both",
        &[&["--query", "folder:INBOX"], &["--since", "25h59m52s"][..]].concat(),
    );
    let question = &manifest_of(&out)["question"];
    assert_eq!(
        question["since"],
        json!({"given": "25h59m52s", "resolved": "2026-11-23T10:00:08.000Z"})
    );
    assert_eq!(question["resolvedQuery"], "folder:\"inbox\"");

    let none = store.dir.path().join("none");
    store.run(&["export", "--query", "from:nobody@x", "--out", none.to_str().unwrap()]).with(1);
    verify(&none).with(0);
    assert!(
        fs::read_to_string(none.join("report.html")).unwrap().contains("No message was found.")
    );
    let bad = store.run(&["export", "--query", "form:x", "--out", "/nowhere/x"]).with(2);
    assert!(bad.stderr.contains("unknown field"), "{bad:#?}");
}

/// A page that needs nothing and asks for nothing.
#[test]
fn the_report_stands_on_its_own() {
    let store = samples();
    let out = exported(&store, "bundle", &["--case", "</title><script>alert(1)</script>"]);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    for word in [
        "<script", "http:", "https:", "href", "src=", "url(", "@import", "<img", "<link",
        "style=\"", "onload",
    ] {
        assert!(!page.to_lowercase().contains(word), "{word}");
    }
    assert!(
        page.contains("Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-")
    );
    for words in [
        "Question",
        "Answer",
        "Delivered to 2 of 3 recipients; bounced for bob@acme.example: 5.2.2 mailbox full",
        "Method",
        "Coverage and its gaps",
        "Versions and hashes",
        "All messages of the store.",
        "(log group unknown)",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let manifest = manifest_of(&out);
    for file in manifest["files"].as_array().unwrap() {
        let is_report = file["name"] == "report.html";
        assert_eq!(page.contains(file["sha256"].as_str().unwrap()), !is_report, "{file}");
    }
}

/// Many messages at once are in order of time, and each is whole.
#[test]
fn messages_that_overlap_are_in_order() {
    let log: Vec<String> = (0..300)
        .flat_map(|it: i64| {
            let (id, recipient) = (format!("t{it}"), json!({"recipient": "bob@acme.example"}));
            let late = it * 10 + (it * 7_919) % 5_000;
            [received(it * 10, &id, "x"), line(late, &id, "MAILBOX_EMAIL_DELIVERED", recipient)]
        })
        .collect();
    let store = Filled::with(&log);
    let out = exported(&store, "bundle", &[]);
    let manifest = manifest_of(&out);
    assert_eq!(manifest["counts"]["inOrder"], true);
    assert_eq!(
        (&manifest["counts"]["messages"], &manifest["counts"]["delivered"]),
        (&json!(300), &json!(300))
    );
    let mut rows = csv::Reader::from_path(out.join("timeline.csv")).unwrap();
    let times: Vec<String> = rows.records().map(|it| it.unwrap()[1].to_owned()).collect();
    assert!(times.is_sorted() && times.len() == 600);
}
