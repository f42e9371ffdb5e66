//! Files that are made to do harm when they are read.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

/// The parts of a zip under the names that they are to have.
fn zip_of(files: &[(&str, &[u8])], links: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, bytes) in files {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    for (name, target) in links {
        writer.add_symlink(*name, *target, options).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = memchr::memmem::find_iter(&bytes.clone(), from).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|it| bytes[*it..it + to.len()].copy_from_slice(to));
    bytes
}

/// Says of every file of a zip that it is encrypted, in both of its headers.
fn encrypted(zip: &[u8]) -> Vec<u8> {
    let mut bytes = zip.to_vec();
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let places: Vec<usize> = memchr::memmem::find_iter(zip, signature).collect();
        places.iter().for_each(|it| bytes[it + flags] |= 1);
    }
    bytes
}

/// Bundles that are zips made to do harm; a sound one has these files.
fn zips(files: &[(String, Vec<u8>)]) -> Vec<(&'static str, Vec<u8>)> {
    let sound: Vec<(&str, &[u8])> = files.iter().map(|it| (it.0.as_str(), &it.1[..])).collect();
    let with = |name| zip_of(&[&sound[..], &[(name, b"x")]].concat(), &[]);
    let without = |name| sound.iter().copied().filter(|it| it.0 != name).collect::<Vec<_>>();
    let zeros = vec![0; 70 << 20];
    let bomb: Vec<(&str, &[u8])> = sound
        .iter()
        .map(|it| if it.0 == "records.ndjson" { (it.0, &zeros[..]) } else { *it })
        .collect();
    let twice = zip_of(&[&sound[..], &[("recordz.ndjson", b"x\n")]].concat(), &[]);
    vec![
        ("traversal", with("../../../../escaped")),
        ("absolute", with("/tmp/mailtrace-escaped")),
        ("backslash", with("..\\..\\escaped")),
        ("drive", with("C:\\escaped")),
        ("terminal", with("x\u{1b}[35m\u{202e}\u{9b}")),
        ("forged", with("x\n2099-01-01T00:00:00.000Z  delivered")),
        ("long", with(&"n".repeat(60_000))),
        ("link", zip_of(&without("records.ndjson"), &[("records.ndjson", "/etc/passwd")])),
        ("link-out", zip_of(&sound, &[("more", "../../../../escaped")])),
        ("manifest-link", zip_of(&without("manifest.json"), &[("manifest.json", "/etc/passwd")])),
        ("twice", replaced(&twice, b"recordz.ndjson", b"records.ndjson")),
        ("encrypted", encrypted(&zip_of(&sound, &[]))),
        ("bomb", zip_of(&bomb, &[])),
        ("cut", zip_of(&sound, &[])[..2_000].to_vec()),
        ("nested", zip_of(&[("records.ndjson", &zip_of(&sound, &[])), sound[1]], &[])),
        ("no-file", zip_of(&[], &[])),
    ]
}

#[test]
fn a_hostile_zip_is_not_believed() {
    let lab = Lab::new();
    let out = lab.path("bundle");
    lab.run(&["export", "--out", out.to_str().unwrap(), "mail-0"]).with(0);
    let name = |it: &PathBuf| it.file_name().unwrap().to_str().unwrap().to_owned();
    let files: Vec<(String, Vec<u8>)> =
        files_below(&out).iter().map(|it| (name(it), fs::read(it).unwrap())).collect();
    let sound: Vec<(&str, &[u8])> = files.iter().map(|it| (it.0.as_str(), &it.1[..])).collect();
    let sound = lab.file("sound.zip", zip_of(&sound, &[]));
    let other = lab.run(&["verify", "--bundle", &sound]).with(2);
    assert!(other.stderr.contains("which are intact"), "{other:#?}");
    let (store, status) = (lab.path("other"), ["status", "--format", "json"]);
    in_store(&store, &["import", &sound]).with(0);
    let held = in_store(&store, &status).with(0).json()["records"].clone();
    for (name, bytes) in zips(&files) {
        let path = lab.file(&format!("{name}.zip"), bytes);
        let before = lab.tree();
        let ended = lab.run(&["verify", "--bundle", &path]).with(2);
        check_ended(name, &ended);
        // Its records may be sound; whatever else it says is none.
        let ended = in_store(&store, &["import", &path]);
        assert!(matches!(ended.status, Some(0 | 2 | 3)), "{name}: {ended:#?}");
        check_ended(name, &ended);
        let messages = in_store(&store, &["messages", "--input", &path]);
        check_ended(name, &messages);
        let is_elsewhere = |it: &PathBuf| !it.starts_with(&store);
        let outside =
            |tree: Vec<PathBuf>| tree.into_iter().filter(is_elsewhere).collect::<Vec<_>>();
        assert_eq!(outside(lab.tree()), outside(before), "{name}");
        assert!(!Path::new("/tmp/mailtrace-escaped").exists(), "{name}");
    }
    let records = in_store(&store, &status).with(0).json()["records"].clone();
    assert_eq!(records, held, "a record came from elsewhere");
}

/// What expands without an end is left, and kept as it came.
#[test]
fn a_bomb_is_refused_in_every_wrapping() {
    let lab = Lab::new();
    let zeros = vec![b' '; 200 << 20];
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let once = gzip(&zeros);
    for (name, bytes) in [
        ("twice.gz", gzip(&once)),
        ("thrice.gz", gzip(&gzip(&once))),
        ("zstd.zst", zstd::encode_all(&zeros[..], 3).unwrap()),
        ("once.gz", once),
    ] {
        let path = lab.file(name, bytes);
        let store = lab.path(&format!("store-{name}"));
        let ended = in_store(&store, &["import", &path, "--format", "json"]);
        assert!(matches!(ended.status, Some(2 | 3)), "{name}: {ended:#?}");
        check_ended(name, &ended);
        let held: u64 = files_below(&store).iter().map(|it| it.metadata().unwrap().len()).sum();
        assert!(held < 16 << 20, "{name}: {held} bytes are kept");
    }
}

/// Text that is almost JSON means the same to every command.
#[test]
fn odd_json_is_kept_as_it_is() {
    let lab = Lab::new();
    let ids = ["numbers", "again", "twice"];
    let found: Vec<Ended> =
        ids.iter().map(|it| lab.run(&["trace", it, "--format", "json"])).collect();
    found.iter().zip(ids).for_each(|(ended, id)| check_json(id, &ended.stdout));
    // Of two keys of one name exactly one counts.
    let statuses: Vec<_> = found[1..].iter().map(|it| it.status).collect();
    assert!(statuses == [Some(0), Some(1)] || statuses == [Some(1), Some(0)], "{statuses:?}");
    let numbers = &found[0];
    assert_eq!(numbers.status, Some(0), "{numbers:#?}");
    for kept in ["1e999", "9223372036854775808", &"9".repeat(400), "-0"] {
        assert!(numbers.stdout.contains(kept), "{kept}");
    }
}
