//! The n-th call of a kind fails, or is the last thing that the process does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{
    Content, Ran, assert_same, assert_sound, content, copy_dir, import, on, run, skip, synth,
    wrapped,
};

/// Which calls an import is hit at: the first ones, then ever fewer of the many.
const NUMBERS: [u32; 14] = [1, 2, 3, 4, 5, 6, 8, 10, 13, 21, 34, 60, 100, 200];

/// Events of the import that is hit.
const EVENTS: usize = 300;

/// Four commits within it.
const COMMIT_RECORDS: &str = "75";

/// Calls that change something, as this machine's C library and ours name them.
const CHANGING: [&str; 9] = [
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "renameat",
    "unlink",
    "unlinkat",
    "ftruncate",
    "openat",
];

struct Lab {
    dir: tempfile::TempDir,
    before: PathBuf,
    log: PathBuf,
    ids: Vec<String>,
    expected: Content,
}

impl Lab {
    /// A store, a log that is new to it, and what the store is to be in the end.
    fn new() -> Option<Self> {
        let mut probe = Command::new("strace");
        probe.args(["-f", "-o", "/dev/null", "-e", "inject=mkdir:error=EIO:when=9", "true"]);
        if !probe.stderr(Stdio::null()).status().is_ok_and(|it| it.success()) {
            skip("strace");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let first = synth(dir.path(), EVENTS / 3, 61, "ndjson");
        let second = synth(dir.path(), EVENTS, 62, "ndjson");
        let text = fs::read_to_string(&second.path).unwrap() + "not JSON\n";
        fs::write(&second.path, text).unwrap();
        let (before, whole) = (dir.path().join("before"), dir.path().join("whole"));
        import(&before, &first.path).expect(0);
        copy_dir(&before, &whole);
        import(&whole, &second.path).expect(3);
        let ids = [first.ids, second.ids].concat();
        let expected = content(&whole, &ids);
        Some(Self { dir, before, log: second.path, ids, expected })
    }

    /// Runs an import of which the `number`-th `call` ends as `fault` says; tells whether it came
    /// to that. Each call is counted for each thread by itself.
    fn strike(&self, store: &Path, call: &str, fault: &str, number: u32) -> (Ran, bool) {
        let trace = self.dir.path().join("strace");
        let inject = format!("inject={call}:{fault}:when={number}");
        let call = format!("trace={call}");
        let to = trace.to_str().unwrap();
        let mut arguments = vec!["strace", "-f", "-qq", "-e", &call, "-e", &inject, "-o", to];
        // Only the calls that are meant stop the process then; but signals do not come.
        if fault.starts_with("error=") {
            arguments.insert(1, "--seccomp-bpf");
        }
        let mut command = wrapped(&arguments);
        command.arg("--store").arg(store).args(["import", "--commit-records", COMMIT_RECORDS]);
        let ran = run(command.arg(&self.log));
        let trace = fs::read_to_string(trace).unwrap();
        let is_killed = ran.status.is_none() && trace.contains("+++ killed by SIGKILL");
        (ran, is_killed || is_struck(&trace))
    }

    /// What must hold after any fault: the store opens and is sound, and the same command again
    /// completes it.
    fn assert_completes(&self, store: &Path, what: &str) {
        if store.join("store.json").exists() {
            assert_sound(store);
        }
        import(store, &self.log).expect(3);
        assert_same(&content(store, &self.ids), &self.expected, what);
        let rejected = fs::read_dir(store.join("rejected")).unwrap().count();
        assert_eq!(rejected, 1, "{what}: files in rejected/");
    }

    /// Hits one call after the other; gives how many of the faults came about.
    fn strike_all(&self, calls: &[&str], fault: &str, check: fn(&Ran, &str)) -> usize {
        let store = self.dir.path().join("store");
        let mut hits = 0;
        for call in calls {
            for number in NUMBERS {
                let what = format!("{call}:{fault}:when={number}");
                copy_dir(&self.before, &store);
                let (ran, is_hit) = self.strike(&store, call, fault, number);
                if is_hit {
                    hits += 1;
                    check(&ran, &what);
                    self.assert_completes(&store, &what);
                }
                fs::remove_dir_all(&store).unwrap();
            }
        }
        println!("{fault}: {hits} faults on {calls:?}");
        hits
    }
}

/// Whether a fault came about, and none in writing to stderr: who cannot be told is not told.
fn is_struck(trace: &str) -> bool {
    let lines: Vec<&str> = trace.lines().collect();
    let mut struck = (0..lines.len()).filter(|it| lines[*it].contains("(INJECTED)")).peekable();
    struck.peek().is_some() && struck.all(|index| !call_at(&lines, index).contains("write(2,"))
}

/// The line with the arguments of the call that ends on a line: another thread's may lie between.
fn call_at<'t>(lines: &[&'t str], index: usize) -> &'t str {
    let thread = |line: &&str| line.split(' ').next().map(str::to_owned);
    let mut calls = lines[..=index].iter().rev().filter(|it| thread(it) == thread(&lines[index]));
    let is_split = lines[index].contains("resumed>");
    if is_split { calls.nth(1).unwrap() } else { lines[index] }
}

/// An error that is told as one: a status, one line, what and where, and no panic.
fn check_is_told(ran: &Ran, what: &str) {
    assert_eq!(ran.status, Some(2), "{what}: {ran:#?}");
    let errors: Vec<&str> = ran.stderr.lines().filter(|it| it.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{what}: {ran:#?}");
    assert!(!ran.stderr.contains("panicked at"), "{what}: {ran:#?}");
    assert!(ran.stderr.contains('/'), "{what} names no file: {ran:#?}");
    let is_caused = ["No space left on device", "Input/output error", "Too many open files"];
    assert!(is_caused.iter().any(|it| ran.stderr.contains(it)), "{what} names no cause: {ran:#?}");
}

#[test]
fn killed_at_any_call_an_import_is_completed_by_the_next() {
    let Some(lab) = Lab::new() else { return };
    let hits = lab.strike_all(&CHANGING, "signal=KILL", |ran, what| {
        assert_eq!(ran.status, None, "{what}: {ran:#?}");
    });
    assert!(hits >= 30, "only {hits} came about");
}

#[test]
fn a_first_import_that_is_killed_leaves_nothing_damaged() {
    let Some(lab) = Lab::new() else { return };
    let undisturbed = lab.dir.path().join("undisturbed");
    import(&undisturbed, &lab.log).expect(3);
    let expected = content(&undisturbed, &lab.ids);
    let (store, mut answering) = (lab.dir.path().join("store"), 0);
    for number in 1..100 {
        fs::create_dir(&store).unwrap();
        let what = format!("fsync {number}");
        if !lab.strike(&store, "fsync", "signal=KILL", number).1 {
            break;
        }
        if on(&store, &["status"]).status == Some(0) {
            answering += 1;
            assert_sound(&store);
        }
        import(&store, &lab.log).expect(3);
        assert_same(&content(&store, &lab.ids), &expected, &what);
        fs::remove_dir_all(&store).unwrap();
    }
    assert!(answering >= 5, "only {answering} left something that answers");
}

#[test]
fn a_disk_that_fills_at_any_call_is_told_and_survived() {
    let Some(lab) = Lab::new() else { return };
    let hits = lab.strike_all(&["write"], "error=ENOSPC", check_is_told);
    assert!(hits >= 4, "only {hits} came about");
}

#[test]
fn a_disk_that_fails_at_any_call_is_told_and_survived() {
    let Some(lab) = Lab::new() else { return };
    let calls = ["fsync", "fdatasync", "rename", "renameat", "unlinkat", "ftruncate", "write"];
    let hits = lab.strike_all(&calls, "error=EIO", check_is_told);
    assert!(hits >= 15, "only {hits} came about");
}

#[test]
fn running_out_of_file_handles_is_told_and_survived() {
    let Some(lab) = Lab::new() else { return };
    let hits = lab.strike_all(&["openat"], "error=EMFILE", |ran, what| {
        // Reading the machine's own files may fail without harm, or before we are running.
        if ran.status != Some(3) && !ran.stderr.contains("loading shared libraries") {
            check_is_told(ran, what);
        }
    });
    assert!(hits >= 6, "only {hits} came about");
}
