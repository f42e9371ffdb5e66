//! Replays what fuzzing has kept, on the toolchain of everybody else.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

use crate::properties::TARGETS;

/// Bytes that a kept input may have: it is to show one kind of harm.
const INPUT_BYTES_MAX: u64 = 4 << 10;

fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

fn names_in(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|it| panic!("{}: {it}", dir.display()));
    entries.map(|it| it.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn each_target_has_a_property_a_program_and_a_corpus() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(targets.len(), TARGETS.len(), "two targets of one name");
    assert_eq!(names_in(&fuzz_dir().join("corpus")), targets);
    let programs = names_in(&fuzz_dir().join("targets"));
    let programs: BTreeSet<_> = programs.iter().map(|it| it.trim_end_matches(".rs")).collect();
    assert_eq!(programs, targets.iter().map(String::as_str).collect());
    let manifest: toml::Table =
        fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap().parse().unwrap();
    let built = manifest["bin"].as_array().unwrap();
    let built: BTreeSet<_> =
        built.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(built, targets);
}

#[test]
fn kept_inputs_hold() {
    let mut broken = Vec::new();
    for (name, property) in TARGETS {
        let dir = fuzz_dir().join("corpus").join(name);
        let inputs = names_in(&dir);
        assert!(!inputs.is_empty(), "{name} has no corpus");
        for input in inputs {
            let path = dir.join(&input);
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() as u64 <= INPUT_BYTES_MAX, "{} is large", path.display());
            if panic::catch_unwind(|| property(&bytes)).is_err() {
                broken.push(format!("{name}/{input}"));
            }
        }
    }
    assert!(broken.is_empty(), "see above: {broken:?}");
}

/// Samples are the corpus of what reads whole files.
#[test]
fn samples_hold() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    for name in names_in(&samples) {
        let path = samples.join(name);
        if path.is_file() {
            crate::properties::bytes(&fs::read(path).unwrap());
        }
    }
}
