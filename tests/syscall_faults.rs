//! The n-th call of a kind fails, or is the last thing that the process does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::audit::audit_event;
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
        self.strike_within(store, None, call, fault, number)
    }

    /// As [`Lab::strike`], of the calls on one file or directory of the store alone.
    fn strike_within(
        &self,
        store: &Path,
        dir: Option<&str>,
        call: &str,
        fault: &str,
        number: u32,
    ) -> (Ran, bool) {
        let trace = self.dir.path().join("strace");
        let inject = format!("inject={call}:{fault}:when={number}");
        let call = format!("trace={call}");
        let to = trace.to_str().unwrap();
        let mut arguments = vec!["strace", "-f", "-qq", "-e", &call, "-e", &inject, "-o", to];
        // Only the calls that are meant stop the process then; but signals do not come.
        if fault.starts_with("error=") {
            arguments.insert(1, "--seccomp-bpf");
        }
        let dir = dir.map(|it| store.join(it).to_str().unwrap().to_owned());
        if let Some(dir) = &dir {
            arguments.insert(1, dir);
            arguments.insert(1, "-P");
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

    /// The same with audit events among the mail, in the store and in the log.
    fn with_audit() -> Option<Self> {
        let lab = Self::new()?;
        let line = |it: usize| {
            let message = audit_event(it).to_string();
            serde_json::json!({ "timestamp": 1_795_000_000_000_u64, "message": message })
                .to_string()
                + "\n"
        };
        let lines = |range: std::ops::Range<usize>| range.map(line).collect::<String>();
        let first = lab.dir.path().join("audit.ndjson");
        fs::write(&first, lines(0..40)).unwrap();
        import(&lab.before, &first).expect(0);
        let text = fs::read_to_string(&lab.log).unwrap() + lines(20..140).as_str();
        fs::write(&lab.log, text).unwrap();
        let whole = lab.dir.path().join("whole-with-audit");
        copy_dir(&lab.before, &whole);
        import(&whole, &lab.log).expect(3);
        let expected = content(&whole, &lab.ids);
        Some(Self { expected, ..lab })
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

/// Mail and audit events have an index each, which are committed one after the other, behind the
/// archive's note.
#[test]
fn killed_between_two_indexes_an_import_is_completed_by_the_next() {
    let Some(lab) = Lab::with_audit() else { return };
    let store = lab.dir.path().join("store");
    let metas = |store: &Path| {
        ["audit", "index"].map(|it| fs::read(store.join(it).join("meta.json")).unwrap())
    };
    let archive = |store: &Path| {
        crate::support::archive_files(store)
            .iter()
            .map(|it| fs::metadata(it).unwrap().len())
            .sum::<u64>()
    };
    let total = |store: &Path| {
        let json = on(store, &["access", "--limit", "0", "--format", "json"]).expect(0).json();
        json["total"].as_u64().unwrap()
    };
    let (before, begun) = (metas(&lab.before), archive(&lab.before));
    assert_eq!(total(&lab.before), 40);
    let (mut noted, mut ahead) = (0, 0);
    // What each index is committed by is written there, synced and renamed.
    for (file, call) in [
        ("audit/meta.json.tmp", "fsync"),
        ("index/meta.json.tmp", "fsync"),
        ("archive", "fsync"),
        ("archive", "fdatasync"),
    ] {
        for number in 1..=3 {
            let what = format!("{call} {number} of {file}");
            copy_dir(&lab.before, &store);
            if lab.strike_within(&store, Some(file), call, "signal=KILL", number).1 {
                let [audit, index] = metas(&store);
                noted += usize::from(
                    audit == before[0] && index == before[1] && archive(&store) > begun,
                );
                ahead += usize::from(audit != before[0] && index == before[1]);
                // What is asked meanwhile is answered as of the last commit.
                assert!((40..=140).contains(&total(&store)), "{what}");
                lab.assert_completes(&store, &what);
                assert_eq!(total(&store), 140, "{what}");
            }
            fs::remove_dir_all(&store).unwrap();
        }
    }
    println!("{noted} behind the note, {ahead} between the indexes");
    assert!(noted > 0 && ahead > 0, "{noted} behind the note, {ahead} between the indexes");
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
