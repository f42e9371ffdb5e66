//! The whole help of all commands as one text, so that every change of it is seen.

use insta::assert_snapshot;

use crate::program::run;

const COMMANDS: [&str; 26] = [
    "import",
    "pull",
    "trace",
    "messages",
    "related",
    "triage",
    "search",
    "access",
    "insights",
    "stats",
    "export",
    "status",
    "sources",
    "serve",
    "verify",
    "sign",
    "reindex",
    "prune",
    "erase",
    "schema",
    "setup",
    "doctor",
    "teardown",
    "policy",
    "synth",
    "completions",
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
