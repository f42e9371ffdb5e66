//! `verify --bundle`, on what somebody changed and on what somebody made to do harm.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use mailtrace::internals::{ProblemKind, check_bundle};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::export::{contents, exported};
use crate::program::{Filled, mailtrace, received, samples};
use crate::support::{copy_dir, files_below};

#[track_caller]
fn assert_found(bundle: &Path, words: &str) {
    let check = check_bundle(bundle, None).unwrap();
    assert!(check.problems.iter().any(|it| it.contains(words)), "{words}: {:#?}", check.problems);
}

#[test]
fn every_changed_byte_of_a_directory_is_found() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let bundle = exported(&store, "bundle", &[]);
    assert_eq!(check_bundle(&bundle, None).unwrap().problems, [""; 0]);
    for path in files_below(&bundle) {
        let bytes = fs::read(&path).unwrap();
        let step = (bytes.len() / 60).max(1);
        for place in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
            for changed in [bytes[place] ^ 1, bytes[place] ^ 0x20] {
                let mut copy = bytes.clone();
                copy[place] = changed;
                fs::write(&path, &copy).unwrap();
                assert_ne!(
                    check_bundle(&bundle, None).unwrap().problems,
                    [""; 0],
                    "{path:?} {place}"
                );
            }
        }
        for copy in [&bytes[..bytes.len() - 1], &[&bytes[..], b"\n"].concat()] {
            fs::write(&path, copy).unwrap();
            assert_ne!(check_bundle(&bundle, None).unwrap().problems, [""; 0], "{path:?}");
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(check_bundle(&bundle, None).unwrap().problems, [""; 0]);
}

/// Also of headers, of which the contents say nothing.
#[test]
fn every_changed_byte_of_a_zip_is_found() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let zip = exported(&store, "bundle.zip", &[]);
    let bytes = fs::read(&zip).unwrap();
    assert_eq!(check_bundle(&zip, None).unwrap().problems, [""; 0]);
    let copy = store.dir.path().join("changed.zip");
    let is_found = |changed: &[u8]| {
        fs::write(&copy, changed).unwrap();
        !check_bundle(&copy, None).is_ok_and(|it| it.problems.is_empty())
    };
    let headers = headers_of(&zip);
    assert!(headers.len() > 500, "{}", headers.len());
    for place in headers.into_iter().chain((0..bytes.len()).step_by(bytes.len() / 100 + 1)) {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        assert!(is_found(&changed), "byte {place}");
    }
    for changed in
        [&bytes[..bytes.len() / 2], &[b"x", &bytes[..]].concat(), &[&bytes[..], b"x"].concat()]
    {
        assert!(is_found(changed));
    }
}

/// Where the bytes of a zip are that are no file's.
fn headers_of(zip: &Path) -> Vec<usize> {
    let mut archive = zip::ZipArchive::new(File::open(zip).unwrap()).unwrap();
    let mut is_header = vec![true; usize::try_from(fs::metadata(zip).unwrap().len()).unwrap()];
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).unwrap();
        let start = usize::try_from(file.data_start().unwrap()).unwrap();
        is_header[start..][..usize::try_from(file.compressed_size()).unwrap()].fill(false);
    }
    is_header
        .iter()
        .enumerate()
        .filter_map(|(place, is_header)| is_header.then_some(place))
        .collect()
}

/// What a program that unpacks never shows: bytes behind the end of a file's compressed data.
#[test]
fn slack_in_a_zip_is_found() {
    const SLACK: &[u8] = b"hidden";
    let store = Filled::with(&[received(0, "t", "x")]);
    let zip = exported(&store, "bundle.zip", &[]);
    let bytes = fs::read(&zip).unwrap();
    let mut archive = zip::ZipArchive::new(File::open(&zip).unwrap()).unwrap();
    let last = archive.by_index_raw(archive.len() - 1).unwrap();
    let end = usize::try_from(last.data_start().unwrap() + last.compressed_size()).unwrap();
    let longer = (last.compressed_size() + SLACK.len() as u64).to_le_bytes();
    let mut changed = [&bytes[..end], SLACK, &bytes[end..]].concat();
    // The file's size in its own header and in the directory, and where that begins.
    for (magic, size_at, name_at) in [(b"PK\x03\x04", 18, 30), (b"PK\x01\x02", 20, 46)] {
        let is_its = |place: &usize| {
            changed[*place..].starts_with(magic)
                && changed[place + name_at..].starts_with(last.name_raw())
        };
        let header = (0..changed.len() - name_at).find(is_its).unwrap();
        changed[header + size_at..][..4].copy_from_slice(&longer[..4]);
    }
    let directory = changed.len() - END_BYTES + 16;
    let start = u32::from_le_bytes(changed[directory..][..4].try_into().unwrap());
    let later = start + SLACK.len() as u32;
    changed[directory..][..4].copy_from_slice(&later.to_le_bytes());
    let copy = store.dir.path().join("slack.zip");
    fs::write(&copy, &changed).unwrap();
    let check = check_bundle(&copy, None).unwrap();
    assert!(check.is_only(ProblemKind::Packing), "{:?}", check.problems);
}

/// Bytes of the record with which a zip ends.
const END_BYTES: usize = 22;

/// What other programs pack may hold anything around the files.
#[test]
fn a_zip_of_another_program_is_told_from_a_changed_bundle() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let files = contents(&exported(&store, "bundle", &[]));
    let files: Vec<(&str, &[u8])> = files.iter().map(|it| (it.0.as_str(), &it.1[..])).collect();
    let zip = store.dir.path().join("repacked.zip");
    zip_of(&zip, &files);
    let ended: crate::program::Ended =
        mailtrace(&["verify", "--bundle"]).arg(&zip).output().unwrap().into();
    let ended = ended.with(2);
    assert!(
        ended.stdout.contains("the zip differs from the one that its files make"),
        "{ended:#?}"
    );
    for words in ["which are intact", "unpack it", "verify that"] {
        assert!(ended.stderr.contains(words), "{ended:#?}");
    }
}

/// A pipe without a writer is waited for as long as one likes.
#[test]
fn no_bundle_is_waited_for() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let pipe = store.dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for path in [pipe.to_str().unwrap(), "/dev/zero"] {
        let ended: crate::program::Ended =
            mailtrace(&["verify", "--bundle", path]).output().unwrap().into();
        let ended = ended.with(2);
        assert!(ended.stderr.contains("neither a directory nor a zip"), "{ended:#?}");
    }
}

/// What is beside the signature is none, and no signature's problem.
#[test]
fn a_name_like_the_signatures_is_not_the_signature() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let bundle = exported(&store, "bundle", &[]);
    fs::write(bundle.join("SHA256SUMS.minisig-x"), "x").unwrap();
    let check = check_bundle(&bundle, None).unwrap();
    assert!(check.is_only(ProblemKind::Content), "{:?}", check.problems);
    fs::remove_file(bundle.join("SHA256SUMS.minisig-x")).unwrap();
    fs::write(bundle.join("SHA256SUMS.minisig"), "x").unwrap();
    let check = check_bundle(&bundle, None).unwrap();
    assert!(check.is_only(ProblemKind::Signature), "{:?}", check.problems);
}

#[test]
fn what_is_missing_or_more_is_named() {
    let store = samples();
    let bundle = exported(&store, "bundle", &[]);
    let copied = |name: &str| {
        let copy = store.dir.path().join(name);
        copy_dir(&bundle, &copy);
        copy
    };
    let copy = copied("missing");
    fs::remove_file(copy.join("timeline.csv")).unwrap();
    assert_found(&copy, "timeline.csv: is missing");
    for name in ["SHA256SUMS", "manifest.json"] {
        let copy = copied(&format!("without-{name}"));
        fs::remove_file(copy.join(name)).unwrap();
        assert_found(&copy, &format!("{name}: is missing"));
    }
    let copy = copied("more");
    fs::write(copy.join("extra.txt"), "x").unwrap();
    fs::create_dir(copy.join("inner")).unwrap();
    assert_found(&copy, "extra.txt: does not belong to the bundle");
    assert_found(&copy, "inner: does not belong to the bundle");
    let copy = copied("linked");
    fs::remove_file(copy.join("report.html")).unwrap();
    std::os::unix::fs::symlink(bundle.join("report.html"), copy.join("report.html")).unwrap();
    assert_found(&copy, "report.html: does not belong to the bundle");

    let ended: crate::program::Ended =
        mailtrace(&["verify", "--bundle"]).arg(&copy).output().unwrap().into();
    let ended = ended.with(2);
    assert!(ended.stdout.contains("report.html: is missing"), "{ended:#?}");
    assert!(ended.stderr.starts_with("error: ") && ended.stderr.contains("is not as it was made"));
    assert!(check_bundle(&store.log(), None).is_err(), "a log is no bundle");
}

/// Whoever changes a table and its sums must change the manifest, and then the counts tell.
#[test]
fn sums_that_were_made_anew_do_not_hide_a_lost_record() {
    let store = samples();
    let bundle = exported(&store, "bundle", &[]);
    let records = fs::read_to_string(bundle.join("records.ndjson")).unwrap();
    let fewer: String = records.lines().skip(1).flat_map(|it| [it, "\n"]).collect();
    let sum_of = |text: &str| {
        let path = store.dir.path().join("sum");
        fs::write(&path, text).unwrap();
        let output = std::process::Command::new("sha256sum").arg(&path).output().unwrap();
        String::from_utf8(output.stdout).unwrap()[..64].to_owned()
    };
    let replace = |name: &str, from: &str, to: &str| {
        let path = bundle.join(name);
        fs::write(&path, fs::read_to_string(&path).unwrap().replace(from, to)).unwrap();
    };
    fs::write(bundle.join("records.ndjson"), &fewer).unwrap();
    let (old, new) = (sum_of(&records), sum_of(&fewer));
    replace("SHA256SUMS", &old, &new);
    assert_found(&bundle, "manifest.json");
    let before = sum_of(&fs::read_to_string(bundle.join("manifest.json")).unwrap());
    replace("manifest.json", &old, &new);
    let (old, new) = (records.len(), fewer.len());
    replace("manifest.json", &format!("\"bytes\": {old}"), &format!("\"bytes\": {new}"));
    let after = sum_of(&fs::read_to_string(bundle.join("manifest.json")).unwrap());
    replace("SHA256SUMS", &before, &after);
    assert_eq!(
        check_bundle(&bundle, None).unwrap().problems,
        ["records.ndjson: 15 lines, but manifest.json says 16"]
    );
}

/// Packs files as they are given.
fn zip_of(path: &Path, files: &[(&str, &[u8])]) {
    let mut writer = ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn a_hostile_zip_does_no_harm() {
    let store = samples();
    let files = contents(&exported(&store, "bundle", &[]));
    let files: Vec<(&str, &[u8])> = files.iter().map(|it| (it.0.as_str(), &it.1[..])).collect();
    let zip = store.dir.path().join("hostile.zip");
    zip_of(&zip, &files);
    assert!(check_bundle(&zip, None).unwrap().is_only(ProblemKind::Packing));

    for name in ["../../escaped", "/tmp/escaped", "..\\escaped", "a/b", "x\u{1b}[31m\u{202e}"] {
        zip_of(&zip, &[&files[..], &[(name, b"x")]].concat());
        let check = check_bundle(&zip, None).unwrap();
        assert!(
            check.problems.iter().any(|it| it.contains("does not belong to the bundle")),
            "{name}"
        );
        let ended: crate::program::Ended =
            mailtrace(&["verify", "--bundle"]).arg(&zip).output().unwrap().into();
        let ended = ended.with(2);
        assert!(!ended.stdout.contains(['\u{1b}', '\u{202e}']), "{ended:#?}");
    }
    assert!(!store.dir.path().join("../../escaped").exists());

    let many: Vec<(String, &[u8])> = (0..1_000).map(|it| (format!("f{it}"), &b"x"[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|it| (it.0.as_str(), it.1)).collect();
    zip_of(&zip, &many);
    let error = check_bundle(&zip, None).unwrap_err().to_string();
    assert!(error.contains("neither a directory nor a zip"), "{error}");
}

/// What would fill the memory or take for ever is not read.
#[test]
fn a_bomb_is_not_unpacked() {
    let store = samples();
    let bundle = exported(&store, "bundle", &[]);
    let manifest = fs::read_to_string(bundle.join("manifest.json")).unwrap();
    let records = fs::metadata(bundle.join("records.ndjson")).unwrap().len();
    let zeros = vec![0; 200 << 20];
    let claimed =
        manifest.replace(&format!("\"bytes\": {records}"), &format!("\"bytes\": {}", zeros.len()));
    assert_ne!(claimed, manifest);
    let mut files = contents(&bundle);
    for (name, bytes) in &mut files {
        match name.as_str() {
            "records.ndjson" => bytes.clone_from(&zeros),
            "manifest.json" => *bytes = claimed.clone().into_bytes(),
            _ => {}
        }
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|it| (it.0.as_str(), &it.1[..])).collect();
    let zip = store.dir.path().join("bomb.zip");
    zip_of(&zip, &files);
    let compressed = fs::metadata(&zip).unwrap().len();
    assert!(compressed < 1 << 20, "{compressed}");
    assert_found(&zip, "records.ndjson: claims to expand to 209715200 bytes");
    // Nor does an import take it for a bundle.
    let ended = store.run(&["import", "--format", "json", zip.to_str().unwrap()]).with(3);
    assert_eq!(ended.json()["added"], 0);

    // A short one that is longer than it should be is read to that length.
    let small = vec![b'\n'; 1 << 20];
    let mut files = contents(&bundle);
    files.iter_mut().filter(|it| it.0 == "records.ndjson").for_each(|it| it.1.clone_from(&small));
    let files: Vec<(&str, &[u8])> = files.iter().map(|it| (it.0.as_str(), &it.1[..])).collect();
    zip_of(&zip, &files);
    assert_found(&zip, &format!("records.ndjson: {} bytes, but manifest.json says", records + 1));
}
