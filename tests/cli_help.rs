//! The whole help of all commands as one text, so that every change of it is seen.

use insta::assert_snapshot;

use crate::program::run;

const COMMANDS: [&str; 30] = [
    "import",
    "pull",
    "trace",
    "timeline",
    "messages",
    "related",
    "triage",
    "search",
    "access",
    "insights",
    "stats",
    "export",
    "directory",
    "status",
    "sources",
    "serve",
    "verify",
    "sign",
    "reindex",
    "prune",
    "erase",
    "schema",
    "publish",
    "setup",
    "doctor",
    "teardown",
    "policy",
    "synth",
    "completions",
    "man",
];

#[test]
fn the_help_is_as_it_was() {
    let mut all = run(&["--help"]).with(0).stdout;
    for command in COMMANDS {
        let ended = run(&[command, "--help"]).with(0);
        assert_eq!(ended.stderr, "");
        all.push_str(&format!("\n==== mailtrace {command} ====\n\n{}", ended.stdout));
    }
    assert!(all.lines().all(|it| it.chars().count() <= 100), "{all}");
    assert_snapshot!(all);
}

/// Every command has its help above.
#[test]
fn no_command_is_missing() {
    assert_eq!(commands(), COMMANDS);
}

/// The commands that the program's own help names.
pub(crate) fn commands() -> Vec<String> {
    let help = run(&["--help"]).with(0).stdout;
    let commands = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    commands
        .lines()
        .filter(|it| it.starts_with("  ") && !it.starts_with("   "))
        .filter_map(|it| it.split_whitespace().next())
        .filter(|it| *it != "help")
        .map(str::to_owned)
        .collect()
}

/// The options used most, a line each, on one screen.
#[test]
fn the_short_help_is_one_screen() {
    for command in COMMANDS {
        let help = run(&[command, "-h"]).with(0).stdout;
        assert!(help.lines().count() <= 42, "{command}:\n{help}");
        assert!(!help.contains("--read-only <"), "{command}:\n{help}");
    }
}

#[test]
fn a_slip_of_the_keys_leads_to_no_removal() {
    for typed in ["eras", "erese", "prun", "pruen"] {
        let said = run(&[typed]).with(2).stderr;
        assert!(!said.contains("erase") && !said.contains("prune"), "{said}");
    }
    assert!(run(&["mesages"]).with(2).stderr.contains("'messages'"));
}

#[test]
fn an_option_of_another_command_says_whose_it_is() {
    let said = run(&["trace", "--folder", "inbox", "x"]).with(2).stderr;
    assert!(said.contains("--folder is an option of `mailtrace messages`"), "{said}");
}

#[test]
fn manual_pages_are_there_for_every_command() {
    let dir = tempfile::tempdir().unwrap();
    run(&["man", "--out", dir.path().to_str().unwrap()]).with(0);
    for command in COMMANDS {
        let page = dir.path().join(format!("mailtrace-{command}.1"));
        let page = std::fs::read_to_string(&page).unwrap();
        assert!(page.contains(".SH NAME") && page.contains(".SH SYNOPSIS"), "{page}");
    }
    assert!(run(&["man", "nothing"]).with(2).stderr.contains("no command nothing"));
}

#[test]
fn other_names_do_the_same() {
    let (log, id) =
        (crate::program::sample("filter-log-events.ndjson"), "20261123.1001@acme.example");
    let log = log.to_str().unwrap();
    let with = |arguments: &[&str]| run(&[arguments, &["--input", log]].concat()).stdout;
    assert_eq!(with(&["show", id, "--json"]), with(&["trace", id, "--format", "json"]));
    let listed = with(&["list", "--sender", "ana", "--recipient", "bob", "-n", "1"]);
    assert!(!listed.is_empty());
    assert_eq!(listed, with(&["messages", "--from", "ana", "--to", "bob", "--limit", "1"]));
}
