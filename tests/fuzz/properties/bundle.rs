//! Evidence bundles that come back from strangers.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use mailtrace::internals::{
    BUNDLE_FORMAT, BUNDLE_MANIFEST, BUNDLE_RECORDS, Input, ProblemKind, SourceReader, check_bundle,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use super::choice;
use super::reading::{read, read_all};

const SUMS: &str = "SHA256SUMS";

/// Checks and reads what the input makes of a bundle. The first character says how it is packed:
/// `0` a directory and `1` a zip with the input as its records, `2` and `3` the same with a
/// manifest and sums of its own before them, each up to a zero; `4` a zip as it is.
pub fn bundle(input: &[u8]) {
    let (variant, input) = choice(input);
    let dir = tempfile::tempdir().unwrap();
    let is_zip = variant & 1 == 1;
    match variant % 5 {
        0 | 1 => sound(dir.path(), input, is_zip),
        2 | 3 => foreign(dir.path(), input, is_zip),
        _ => {
            let path = dir.path().join("bundle.zip");
            fs::write(&path, input).unwrap();
            look_at(&path);
        }
    }
}

/// A bundle with the input as its records is found to be right, and read; after one byte has been
/// changed anywhere in it, it is found to be wrong.
fn sound(dir: &Path, input: &[u8], is_zip: bool) {
    let (changed, records) = choice(input);
    let manifest = manifest_of(records);
    let sums = format!(
        "{}  {BUNDLE_MANIFEST}\n{}  {BUNDLE_RECORDS}\n",
        sha256(&manifest),
        sha256(records)
    );
    let mut files = [
        (SUMS, sums.into_bytes()),
        (BUNDLE_MANIFEST, manifest),
        (BUNDLE_RECORDS, records.to_vec()),
    ];
    let path = packed(dir, "sound", &files, is_zip);
    let check = check_bundle(&path, None).unwrap();
    // Packed by another hand than ours, it is told from one that was changed.
    assert!(
        check.problems.is_empty() || is_zip && check.is_only(ProblemKind::Packing),
        "{check:?}"
    );
    if is_zip {
        let mut reader = SourceReader::open(&Input::File(path)).unwrap();
        let reading = read_all(&mut reader);
        assert_eq!(reading.pieces, read(records).pieces);
    }
    let file = changed % files.len();
    let bytes = &mut files[file].1;
    if bytes.is_empty() {
        return;
    }
    let index = changed.wrapping_mul(37) % bytes.len();
    bytes[index] ^= 1;
    let path = packed(dir, "changed", &files, is_zip);
    let check = check_bundle(&path, None).unwrap();
    let is_found = !check.problems.is_empty() && !check.is_only(ProblemKind::Packing);
    assert!(is_found, "byte {index} of {} is not missed", files[file].0);
}

fn foreign(dir: &Path, input: &[u8], is_zip: bool) {
    let mut parts = input.splitn(3, |it| *it == 0);
    let mut next = || parts.next().unwrap_or_default().to_vec();
    let files = [(BUNDLE_MANIFEST, next()), (SUMS, next()), (BUNDLE_RECORDS, next())];
    look_at(&packed(dir, "foreign", &files, is_zip));
}

fn look_at(path: &Path) {
    if let Ok(check) = check_bundle(path, None) {
        assert!(check.problems.iter().all(|it| !it.is_empty()));
        assert!(check.sums_sha256.is_some() || !check.problems.is_empty());
    }
    if path.is_file() {
        let mut reader = SourceReader::open(&Input::File(path.to_owned())).unwrap();
        read_all(&mut reader);
    }
}

fn manifest_of(records: &[u8]) -> Vec<u8> {
    let lines = records.iter().filter(|it| **it == b'\n').count();
    let file = json!({"name": BUNDLE_RECORDS, "bytes": records.len(), "sha256": sha256(records)});
    let manifest = json!({"format": BUNDLE_FORMAT, "version": 1, "counts": {"records": lines},
        "files": [file]});
    serde_json::to_vec_pretty(&manifest).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|it| format!("{it:02x}")).collect()
}

fn packed(dir: &Path, name: &str, files: &[(&str, Vec<u8>)], is_zip: bool) -> std::path::PathBuf {
    let path = dir.join(name);
    if !is_zip {
        fs::create_dir(&path).unwrap();
        for (name, bytes) in files {
            fs::write(path.join(name), bytes).unwrap();
        }
        return path;
    }
    let mut archive = zip::ZipWriter::new(File::create(&path).unwrap());
    for (name, bytes) in files {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
    path
}
