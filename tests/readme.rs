//! The README's commands are run as they stand there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::program::{NOW, sample};

/// The commands of the README's shell blocks that run this program.
fn commands() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(readme).unwrap();
    let blocks = text.split("```sh\n").skip(1).filter_map(|it| it.split("```").next());
    let lines = blocks.flat_map(str::lines).map(|it| {
        it.trim()
            .replace("cargo run --release -- ", "mailtrace ")
            .replace("cargo run --release --locked -- ", "mailtrace ")
    });
    lines.filter(|it| it.starts_with("mailtrace ")).collect()
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
    let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap_or_default());
    let commands = commands();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let output = Command::new("sh")
            .args(["-c", &command])
            .current_dir(dir.path())
            .env_clear()
            .env("PATH", &path)
            .env("HOME", dir.path())
            .env("MAILTRACE_NOW", NOW)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command}\n{stderr}");
        assert!(!output.stdout.is_empty(), "{command}");
    }
}
