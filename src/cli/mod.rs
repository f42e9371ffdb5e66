//! The command line: arguments in, one call, a rendering out.
//!
//! Each command has a file of its own. Exit statuses and the one line on stderr about an error
//! are made here and nowhere else.

#[cfg(not(all(feature = "aws", feature = "serve")))]
mod absent;
mod access;
mod args;
mod arguments;
mod around;
mod completions;
mod context;
mod dashed;
mod directory;
mod explain;
mod export;
mod failure;
mod global;
mod help;
mod hint;
mod import;
mod insights;
mod intake;
mod leftovers;
mod listing;
mod man;
mod messages;
mod output;
mod progress;
#[cfg(feature = "aws")]
mod provisioning;
#[cfg(feature = "aws")]
mod publish;
#[cfg(feature = "aws")]
mod pull;
mod reindex;
mod related;
mod removal;
mod room;
mod saved;
mod schema;
mod search;
#[cfg(feature = "serve")]
mod serve;
mod sign;
mod signals;
mod sources;
mod stats;
mod status;
mod synth;
mod timeline;
mod trace;
mod triage;
mod verify;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};
use context::{CommandOutcome, Context, EXIT_ERROR};
use failure::{is_broken_pipe, report_error};

use crate::render::AnswerFormat;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    // Everything written contains mail addresses and subjects, so nobody else may read it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    // Before the parser: saved queries contain options, and terms with a minus would be taken for
    // some.
    let given = match saved::expanded(std::env::args_os().collect()) {
        Ok(given) => dashed::marked(given),
        Err(error) => {
            report_error(&mut anstream::stderr().lock(), &error);
            return ExitCode::from(EXIT_ERROR);
        }
    };
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => return help::print(error, &given),
    };
    arguments.global.color.apply();
    match run_guarded(arguments) {
        Ok(outcome) => outcome.into(),
        // A pipe that was closed early, as by `head`, is no failure.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report_error(&mut anstream::stderr().lock(), &error);
            ExitCode::from(EXIT_ERROR)
        }
    }
}

/// Runs a command, and turns a panic into an error: tantivy panics on some damaged indexes.
fn run_guarded(arguments: Arguments) -> anyhow::Result<CommandOutcome> {
    let fault = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&fault);
    // Replaces the default hook, which would print to stderr beside our one line.
    std::panic::set_hook(Box::new(move |info| {
        if let Ok(mut seen) = seen.lock() {
            *seen = info.to_string();
        }
    }));
    catch_unwind(AssertUnwindSafe(|| run(arguments))).unwrap_or_else(|_| {
        let fault = fault.lock().unwrap_or_else(PoisonError::into_inner).replace('\n', " ");
        Err(anyhow::anyhow!(
            "an internal fault ({fault}): run `mailtrace verify`; if it names the index, `mailtrace reindex` repairs it"
        ))
    })
}

fn run(arguments: Arguments) -> anyhow::Result<CommandOutcome> {
    let mut global = arguments.global;
    if global.json {
        global.format = AnswerFormat::Json;
    }
    let context = Context::new(global)?;
    // Here for all commands, before anything is opened.
    anyhow::ensure!(
        !(context.global.read_only && arguments.command.writes_to_store()),
        "--read-only: this command would write to the store, so nothing was done"
    );
    #[cfg(feature = "aws")]
    anyhow::ensure!(
        context.global.cluster.is_none() || arguments.command.asks_cluster(),
        "--cluster: this command works only on a store; trace, messages, search, access, timeline, directory, stats, triage, export and serve can also ask a cluster"
    );
    match arguments.command {
        Command::Import(args) => import::run(&args, &context),
        #[cfg(feature = "aws")]
        Command::Pull(args) => pull::run(&args, &context),
        Command::Trace(args) => trace::run(&args, &context),
        Command::Timeline(args) => timeline::run(&args, &context),
        Command::Messages(args) => messages::run(&args, &context),
        Command::Search(args) => search::run(&args, &context),
        Command::Access(args) => access::run(&args, &context),
        Command::Insights(args) => insights::run(&args, &context),
        Command::Related(args) => related::run(&args, &context),
        Command::Triage(args) => triage::run(&args, &context),
        Command::Stats(args) => stats::run(&args, &context),
        Command::Export(args) => export::run(&args, &context),
        Command::Directory(args) => directory::run(&args, &context),
        Command::Status(args) => status::run(&args, &context),
        Command::Sources(args) => sources::run(&args, &context),
        Command::Verify(args) => verify::run(&args, &context),
        Command::Sign(args) => sign::run(&args, &context),
        Command::Reindex(args) => reindex::run(&args, &context),
        Command::Prune(args) => removal::prune(&args, &context),
        Command::Erase(args) => removal::erase(&args, &context),
        Command::Schema(args) => schema::run(&args, &context),
        #[cfg(feature = "aws")]
        Command::Publish(args) => publish::run(&args, &context),
        #[cfg(feature = "aws")]
        Command::Setup(args) => provisioning::setup::run(&args, &context),
        #[cfg(feature = "aws")]
        Command::Doctor(args) => provisioning::doctor::run(&args, &context),
        #[cfg(feature = "aws")]
        Command::Teardown(args) => provisioning::teardown::run(&args, &context),
        #[cfg(feature = "aws")]
        Command::Policy(args) => provisioning::policy::run(&args, &context),
        Command::Synth(args) => synth::run(&args, &context),
        Command::Completions(args) => completions::run(&args, Arguments::command()),
        Command::Man(args) => man::run(&args, &help::command()),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args, &context),
        #[cfg(not(all(feature = "aws", feature = "serve")))]
        Command::Absent(command) => Err(command.refusal()),
    }
}
