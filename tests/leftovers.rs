//! What a killed command leaves, and what the next one does with it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::program::{Filled, mailtrace, received};
use crate::pulling::wait_until;
use crate::support::run;

fn names_in(dir: &Path) -> Vec<String> {
    let name = |it: std::io::Result<fs::DirEntry>| it.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(dir).unwrap().map(name).collect();
    names.sort();
    names
}

/// Starts a command that reads standard input, which does not end.
fn started(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn what_a_killed_export_leaves_goes_with_the_next() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let temporary = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    for name in ["case-17", "case-17.zip"] {
        let out = place.path().join(name);
        let export = |input: &str| {
            let mut command = mailtrace(&["export", "--out", out.to_str().unwrap()]);
            command.env("TMPDIR", temporary.path()).args(["--input", input]);
            command
        };
        let (first, second) = (started(&mut export("-")), started(&mut export("-")));
        let staged = || {
            let is_staging = |it: &String| it.starts_with(&format!(".{name}."));
            names_in(place.path()).iter().filter(|it| is_staging(it)).count()
        };
        wait_until("both are at work", || staged() == 2 && names_in(temporary.path()).len() == 2);
        kill(first);
        assert_eq!((staged(), names_in(temporary.path()).len()), (2, 2));
        // The other one is still alive, and keeps what it has.
        run(&mut export(store.log().to_str().unwrap())).expect(0);
        assert_eq!((staged(), names_in(temporary.path()).len()), (1, 1));
        kill(second);
        let ran = run(export(store.log().to_str().unwrap()).arg("--quiet"));
        ran.expect_error(&["exists already"]);
        let other = place.path().join(format!("other-{name}"));
        let mut command = mailtrace(&["export", "--out", other.to_str().unwrap(), "--input"]);
        run(command.arg(store.log()).env("TMPDIR", temporary.path())).expect(0);
        assert_eq!(names_in(temporary.path()), [""; 0]);
        fs::remove_file(&out).or_else(|_| fs::remove_dir_all(&out)).unwrap();
        run(&mut export(store.log().to_str().unwrap())).expect(0);
        assert_eq!(staged(), 0);
    }
}

/// Whoever calls something of theirs nearly so must not lose it.
#[test]
fn what_only_looks_like_a_leftover_stays() {
    let store = Filled::with(&[received(0, "t", "x")]);
    let temporary = tempfile::tempdir().unwrap();
    let names = ["mailtrace-backup", "mailtrace-input-", "mailtrace-input-backup", "other.tmp"];
    for name in names {
        fs::create_dir(temporary.path().join(name)).unwrap();
    }
    fs::write(temporary.path().join("mailtrace-input-aaaaaa.tmp"), "a file").unwrap();
    let mut command = mailtrace(&["messages", "--input", store.log().to_str().unwrap()]);
    run(command.env("TMPDIR", temporary.path())).expect(0);
    let mut expected = names.to_vec();
    expected.push("mailtrace-input-aaaaaa.tmp");
    expected.sort_unstable();
    assert_eq!(names_in(temporary.path()), expected);
}

#[test]
fn synth_overwrites_nothing_that_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let synth = |out: &Path, more: &[&str]| {
        let mut command = mailtrace(&["synth", "--events", "20", "--out"]);
        run(command.arg(out).args(more))
    };
    fs::write(path("mine"), "mine").unwrap();
    synth(&path("mine"), &[]).expect_error(&["mine exists already", "--force"]);
    std::os::unix::fs::symlink(path("mine"), path("link")).unwrap();
    std::os::unix::fs::symlink(path("nothing"), path("dangling")).unwrap();
    for link in ["link", "dangling"] {
        synth(&path(link), &[]).expect_error(&[link, "is a link", "--force"]);
    }
    let mine = path("mine");
    let truth = ["--truth", mine.to_str().unwrap()];
    synth(&path("new"), &truth).expect_error(&["mine exists already"]);
    assert_eq!(fs::read_to_string(path("mine")).unwrap(), "mine");
    assert!(!path("new").exists() && !path("nothing").exists(), "nothing half done stays");
    synth(Path::new("/dev/null"), &[]).expect(0);
    synth(&path("mine"), &["--force"]).expect(0);
    assert_eq!(fs::read_to_string(path("mine")).unwrap().lines().count(), 20);
}

#[test]
fn a_directory_of_hidden_files_is_not_taken_for_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir_all(path("logs/.cache")).unwrap();
    fs::write(path("logs/.events.ndjson"), received(0, "t", "x")).unwrap();
    let import = |arguments: &[&str]| {
        let mut command = mailtrace(&["import", path("logs").to_str().unwrap(), "--store"]);
        run(command.arg(path("store")).args(arguments))
    };
    let ran = import(&[]).expect(0);
    assert!(ran.stderr.contains("logs") && ran.stderr.contains("begins with a dot"), "{ran:#?}");
    assert_eq!(ran.stderr.matches("begins with a dot").count(), 1, "{ran:#?}");
    assert_eq!(import(&["--quiet"]).expect(0).stderr, "");
    fs::write(path("logs/events.ndjson"), received(0, "t", "x")).unwrap();
    assert_eq!(import(&[]).expect(0).stderr, "");
    // What is named is read.
    fs::remove_file(path("logs/events.ndjson")).unwrap();
    let hidden = path("logs/.events.ndjson");
    run(mailtrace(&["messages", "--input"]).arg(&hidden)).expect(0);
}
