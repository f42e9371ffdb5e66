//! What the other files share: running the program, making input, comparing stores.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

/// Where the clock stands in every test.
const NOW: &str = "2026-11-20T12:00:00Z";

/// IDs that are traced when two stores are compared.
const TRACED_IDS: usize = 40;

/// The program with nothing of the caller's environment that it would listen to.
pub(crate) fn mailtrace() -> Command {
    clean(Command::new(env!("CARGO_BIN_EXE_mailtrace")))
}

/// Another program that in turn runs ours: its arguments end with ours.
pub(crate) fn wrapped(wrapper: &[&str]) -> Command {
    let (program, arguments) = wrapper.split_first().unwrap();
    let mut command = clean(Command::new(program));
    command.args(arguments).arg(env!("CARGO_BIN_EXE_mailtrace"));
    command
}

/// Takes away what the program would listen to, and stops its clock.
pub(crate) fn clean(mut command: Command) -> Command {
    command.env_clear().env("MAILTRACE_NOW", NOW);
    for name in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    /// The exit status; none when a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// Checks the exit status.
    #[track_caller]
    pub(crate) fn expect(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }

    /// Checks that it failed as it should: exit status 2, one line, which has these words.
    #[track_caller]
    pub(crate) fn expect_error(self, words: &[&str]) -> Self {
        let ran = self.expect(2);
        assert_eq!(ran.stderr.lines().count(), 1, "not one line: {ran:#?}");
        assert!(ran.stderr.starts_with("error: "), "{ran:#?}");
        for word in words {
            assert!(ran.stderr.contains(word), "lacks {word:?}: {ran:#?}");
        }
        ran
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

pub(crate) fn run(command: &mut Command) -> Ran {
    command.output().unwrap().into()
}

/// Runs a command on a store.
pub(crate) fn on(store: &Path, arguments: &[&str]) -> Ran {
    run(mailtrace().arg("--store").arg(store).args(arguments))
}

pub(crate) fn import(store: &Path, input: &Path) -> Ran {
    run(mailtrace().arg("--store").arg(store).args(["import", "--format", "json"]).arg(input))
}

/// A synthetic log and the IDs in it.
pub(crate) struct Log {
    pub(crate) path: PathBuf,
    /// Message and trace IDs, some of each.
    pub(crate) ids: Vec<String>,
}

/// Writes a synthetic log of a shape into `dir`.
pub(crate) fn synth(dir: &Path, events: usize, seed: u64, shape: &str) -> Log {
    let path = dir.join(format!("{shape}-{events}-{seed}.log"));
    let truth = dir.join(format!("{shape}-{events}-{seed}.truth"));
    let (events, seed) = (events.to_string(), seed.to_string());
    let mut command = mailtrace();
    command
        .args(["synth", "--force", "--quiet", "--events", &events, "--seed", &seed, "--as", shape]);
    run(command.arg("--out").arg(&path).arg("--truth").arg(&truth)).expect(0);
    let truth = fs::read_to_string(truth).unwrap();
    let messages: Vec<Value> = truth.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let step = (messages.len() / TRACED_IDS).max(1);
    let ids = messages.iter().step_by(step).enumerate().filter_map(|(index, message)| {
        let kind = if index % 2 == 0 { "messageIds" } else { "traceIds" };
        message[kind][0].as_str().map(str::to_owned)
    });
    Log { path: single_file(path), ids: ids.collect() }
}

/// An S3 export is a directory with one file deep inside.
fn single_file(mut path: PathBuf) -> PathBuf {
    while path.is_dir() {
        path = fs::read_dir(&path).unwrap().next().unwrap().unwrap().path();
    }
    path
}

/// The length of each file below a directory, and when it was changed.
pub(crate) fn file_states(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let of = |path: PathBuf| {
        let metadata = fs::metadata(&path).unwrap();
        (path, (metadata.len(), metadata.modified().unwrap()))
    };
    files_below(dir).into_iter().map(of).collect()
}

/// The files in a directory and below it, in order of their paths.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(dir) = pending.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { pending.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// The store's archive files, in order.
pub(crate) fn archive_files(store: &Path) -> Vec<PathBuf> {
    let is_data = |it: &PathBuf| it.extension().is_some_and(|it| it == "zst");
    files_below(&store.join("archive")).into_iter().filter(is_data).collect()
}

/// Everything that is archived, decompressed by another reader than ours.
pub(crate) fn archived(store: &Path) -> String {
    let mut lines = Vec::new();
    for path in archive_files(store) {
        zstd::stream::copy_decode(fs::File::open(path).unwrap(), &mut lines).unwrap();
    }
    String::from_utf8(lines).unwrap()
}

/// The lines of a file in `rejected/`.
pub(crate) fn rejected_lines(path: &Path) -> String {
    String::from_utf8(zstd::decode_all(fs::File::open(path).unwrap()).unwrap()).unwrap()
}

/// What two stores must have in common to be the same.
#[derive(PartialEq)]
pub(crate) struct Content {
    pub(crate) archived: String,
    pub(crate) records: Value,
    pub(crate) coverage: Value,
    pub(crate) traces: String,
}

/// Reads a store that must be sound.
#[track_caller]
pub(crate) fn content(store: &Path, ids: &[String]) -> Content {
    assert_sound(store);
    let status = on(store, &["status", "--format", "json"]).expect(0).json();
    Content {
        archived: archived(store),
        records: status["records"].clone(),
        coverage: status["coverage"].clone(),
        traces: traces(store, ids),
    }
}

/// What the store answers about these IDs.
#[track_caller]
pub(crate) fn traces(store: &Path, ids: &[String]) -> String {
    let mut command = mailtrace();
    command
        .arg("--store")
        .arg(store)
        .args(["trace", "--format", "json", "--grace", "1s", "--"])
        .args(ids);
    run(&mut command).expect(0).stdout
}

#[track_caller]
pub(crate) fn assert_sound(store: &Path) {
    on(store, &["verify", "--deep"]).expect(0);
}

/// Says where two stores part, rather than print both.
#[track_caller]
pub(crate) fn assert_same(actual: &Content, expected: &Content, what: &str) {
    assert_eq!(actual.records, expected.records, "{what}: records");
    let mut lines = actual.archived.lines().zip(expected.archived.lines());
    let parting = lines.position(|(actual, expected)| actual != expected);
    assert_eq!(parting, None, "{what}: first archived line that differs");
    assert!(actual.archived == expected.archived, "{what}: one archive goes on");
    assert_eq!(actual.coverage, expected.coverage, "{what}: coverage");
    assert!(actual.traces == expected.traces, "{what}: traces differ");
}

/// Copies a directory with everything in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_dir(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// Says why a test does nothing here, past the harness, which hides what passing tests print.
pub(crate) fn skip(needs: &str) {
    let line = format!("skipped: needs {needs}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Numbers that are random enough, from a seed that a failure prints.
pub(crate) struct Random(u64);

impl Random {
    /// From `MAILTRACE_TEST_SEED`, else from the clock.
    pub(crate) fn new() -> Self {
        let named = std::env::var("MAILTRACE_TEST_SEED").ok().and_then(|it| it.parse().ok());
        let seed = named.unwrap_or_else(|| {
            u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos())
        });
        println!("again with MAILTRACE_TEST_SEED={seed}");
        Self(seed)
    }

    /// SplitMix64.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}
