//! The output instead of an answer: the help, and errors in the arguments.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};

use crate::cli::arguments::Arguments;
use crate::cli::context::EXIT_ERROR;
use crate::cli::dashed;
use crate::render::sanitise;

/// The end of a command's help, which points to the options of every command.
const GLOBAL_OPTIONS: &str = "Global options: --store, --read-only, --format, --color, --tz, -v, -q (see `mailtrace --help`).";

/// Commands that remove data for good: they are never suggested for a typing error.
const REMOVALS: [&str; 2] = ["erase", "prune"];

/// The definition of the command line. Each command shows only its own options; the global ones
/// are shown once, by the program.
pub(crate) fn command() -> clap::Command {
    let mut command = Arguments::command();
    // Only this copies the global options to the commands.
    command.build();
    command.mut_subcommands(|it| {
        let after_long_help = match it.get_after_long_help() {
            Some(examples) => format!("{examples}\n\n{GLOBAL_OPTIONS}"),
            None => GLOBAL_OPTIONS.to_owned(),
        };
        let it = it.after_help(GLOBAL_OPTIONS).after_long_help(after_long_help);
        it.mut_args(|it| if it.is_global_set() { it.hide(true) } else { it })
    })
}

/// The help that was asked for, with a command's own options alone.
fn own_options_only(error: clap::Error, given: &[OsString]) -> clap::Error {
    command().try_get_matches_from(given).err().unwrap_or(error)
}

/// The error without the commands of [`REMOVALS`] among its suggestions.
fn without_removals(mut error: clap::Error) -> clap::Error {
    let is_harmless = |it: &String| !REMOVALS.contains(&it.as_str());
    let harmless = match error.remove(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::Strings(names)) => names.into_iter().filter(is_harmless).collect(),
        Some(ContextValue::String(name)) => Some(name).into_iter().filter(is_harmless).collect(),
        _ => Vec::new(),
    };
    if !harmless.is_empty() {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(harmless));
    }
    error
}

/// The commands that have the option which the given one lacks.
fn elsewhere(error: &clap::Error) -> Option<String> {
    let ContextValue::String(option) = error.get(ContextKind::InvalidArg)? else { return None };
    let name = option.strip_prefix("--")?.split('=').next()?;
    let command = Arguments::command();
    let has_it = |it: &&clap::Command| {
        it.get_opts().any(|it| {
            it.get_long() == Some(name)
                || it.get_all_aliases().is_some_and(|aliases| aliases.contains(&name))
        })
    };
    let names = command.get_subcommands().filter(has_it);
    let names: Vec<String> =
        names.take(3).map(|it| format!("`mailtrace {}`", it.get_name())).collect();
    (!names.is_empty()).then(|| format!("--{name} is an option of {}", names.join(", ")))
}

/// The error with sanitised arguments: a newline in one would begin a line that looks like ours.
fn legible(error: clap::Error, given: &[OsString]) -> clap::Error {
    let given: Vec<_> = given.iter().map(|it| it.to_string_lossy()).collect();
    let shown: Vec<_> = given.iter().map(|it| sanitise(it)).collect();
    if shown == given {
        return error;
    }
    Arguments::try_parse_from(shown.iter().map(|it| OsString::from(it.as_ref())))
        .err()
        .unwrap_or(error)
}

/// Prints the help that was asked for, or the error in the arguments.
pub(crate) fn print(error: clap::Error, given: &[OsString]) -> ExitCode {
    let error = match error.kind() {
        ErrorKind::DisplayHelp => own_options_only(error, given),
        _ => legible(without_removals(error), given),
    };
    let hint = dashed::hint(given).or_else(|| elsewhere(&error));
    let text = error.render().to_string();
    // Arguments may have been pasted from a mail.
    if text.lines().all(|line| sanitise(line) == line) {
        let _unwritable = error.print();
    } else {
        let mut stderr = anstream::stderr().lock();
        for line in text.lines() {
            let _unwritable = writeln!(stderr, "{}", sanitise(line));
        }
    }
    // `-newsletter` is parsed as `-n` with a wrong number.
    let is_about_options =
        matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::ValueValidation);
    if let Some(hint) = hint.filter(|_| is_about_options) {
        let _unwritable = writeln!(anstream::stderr().lock(), "hint: {}", sanitise(&hint));
    }
    if error.use_stderr() { ExitCode::from(EXIT_ERROR) } else { ExitCode::SUCCESS }
}
