//! The commands of the README and of the documentation are run as they stand there.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::program::{NOW, sample, samples};

/// What is read first, in the order in which a newcomer reads it.
const PAGES: [&str; 6] = [
    "README.md",
    "docs/use.md",
    "docs/messages.md",
    "docs/insights.md",
    "docs/audit.md",
    "docs/export.md",
];

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
fn every_command_of_the_pages_runs() {
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
    let pages: Vec<_> = PAGES.iter().flat_map(|it| commands(it)).collect();
    assert!(pages.len() >= 25, "{pages:?}");
    run_all(pages, dir.path(), None);
}

#[test]
fn every_query_of_the_examples_finds_something() {
    let store = samples();
    let dir = store.dir.path();
    fs::create_dir(dir.join("bin")).unwrap();
    symlink(env!("CARGO_BIN_EXE_mailtrace"), dir.join("bin/mailtrace")).unwrap();
    fs::write(dir.join("watchlist.txt"), "ana@acme.example\n*@bank.example\n").unwrap();
    let commands = commands("docs/queries.md");
    assert!(commands.len() > 30, "{commands:?}");
    run_all(commands, dir, Some(&store.store()));
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    pages.extend(fs::read_dir(root.join("docs")).unwrap().map(|it| it.unwrap().path()));
    pages.retain(|it| it.extension().is_some_and(|it| it == "md"));
    assert!(pages.len() > 10, "{pages:?}");
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let links = text.split("](").skip(1).filter_map(|it| it.split(')').next());
        for link in links.filter(|it| !it.starts_with("http")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = page.parent().unwrap().join(file);
            let target = if file.is_empty() { page.clone() } else { target };
            assert!(target.exists(), "{}: {link}", page.display());
            if !anchor.is_empty() {
                let text = fs::read_to_string(&target).unwrap().to_lowercase();
                let mut headings = text.lines().filter_map(|it| it.strip_prefix('#'));
                let heading = anchor.replace('-', " ");
                assert!(
                    headings.any(|it| it.trim_start_matches('#').trim() == heading),
                    "{}: {link}",
                    page.display()
                );
            }
        }
    }
}
