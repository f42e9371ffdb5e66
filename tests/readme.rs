//! The README's commands are run as they stand there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::program::{NOW, sample, samples};

/// The commands of a page's shell blocks that run this program.
fn commands(page: &str) -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = fs::read_to_string(page).unwrap();
    let blocks = text.split("```sh\n").skip(1).filter_map(|it| it.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|it| {
        it.trim()
            .replace("cargo run --release -- ", "mailtrace ")
            .replace("cargo run --release --locked -- ", "mailtrace ")
    });
    lines.filter(|it| it.starts_with("mailtrace ")).collect()
}

/// Runs commands as a user does who stands in a directory with `bin/mailtrace`: each says something.
fn run_all(commands: Vec<String>, dir: &Path, store: Option<&Path>) {
    let path = std::env::var("PATH").unwrap_or_default();
    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-c", &command]).current_dir(dir).env_clear();
        shell.env("PATH", format!("{}:{path}", dir.join("bin").display()));
        shell.env("HOME", dir).env("MAILTRACE_NOW", NOW);
        shell.envs(store.map(|it| ("MAILTRACE_STORE", it)));
        let output = shell.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}\n{stderr}");
        assert!(!output.stdout.is_empty(), "{command}");
    }
}

#[test]
fn every_command_of_the_readme_runs() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    // What the commands name lies where they look for it.
    fs::create_dir(at("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_mailtrace"), at("bin").join("mailtrace")).unwrap();
    symlink(sample(""), at("samples")).unwrap();
    fs::create_dir(at("export-2026-11")).unwrap();
    fs::copy(sample("filter-log-events.ndjson"), at("export-2026-11/1.ndjson")).unwrap();
    fs::copy(sample("firehose.gz"), at("events.ndjson.gz")).unwrap();
    fs::write(at("ids.txt"), "<news.42@shop.example>\n").unwrap();
    fs::write(at("case-17.key"), "not to be guessed").unwrap();
    let commands = commands("README.md");
    assert!(commands.len() >= 5, "{commands:?}");
    run_all(commands, dir.path(), None);
}

#[test]
fn every_query_of_the_examples_finds_something() {
    let store = samples();
    let dir = store.dir.path();
    fs::create_dir(dir.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_mailtrace"), dir.join("bin/mailtrace")).unwrap();
    fs::write(dir.join("watchlist.txt"), "ana@acme.example\n*@bank.example\n").unwrap();
    let commands = commands("docs/QUERIES.md");
    assert!(commands.len() > 30, "{commands:?}");
    run_all(commands, dir, Some(&store.store()));
}
