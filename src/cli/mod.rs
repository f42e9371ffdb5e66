//! The command line: arguments in, one call, a rendering out.
//!
//! Each command has a file of its own. Exit statuses and the one line on stderr that tells of an
//! error are made here and nowhere else.

#[cfg(not(all(feature = "aws", feature = "serve")))]
mod absent;
mod access;
mod access_export;
mod around;
mod backend;
mod batch;
#[cfg(feature = "aws")]
mod cluster;
mod completions;
mod condition;
mod dashed;
mod directory;
mod explain;
mod export;
mod export_check;
mod extract;
mod filter;
mod global;
mod grace;
mod help;
mod hint;
mod ids;
mod import;
mod input;
mod insights;
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
#[cfg(feature = "aws")]
mod pull_directory;
#[cfg(feature = "aws")]
mod pull_print;
#[cfg(feature = "aws")]
mod pull_report;
#[cfg(feature = "aws")]
mod pull_s3;
#[cfg(feature = "aws")]
mod pull_sources;
mod question;
mod reindex;
mod related;
mod removal;
mod room;
mod saved;
mod schema;
mod search;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "aws")]
mod session;
mod shape;
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
mod watch;
mod watched;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Parser, Subcommand};
use etcetera::{BaseStrategy, choose_base_strategy};

use global::{Format, GlobalArgs};

use crate::render::TableOptions;
use crate::time::{TimeError, Timestamp, Zone};

/// Archives Amazon WorkMail's email event logs and answers what happened to a message.
#[derive(Debug, Parser)]
#[command(name = "mailtrace", version, max_term_width = 100, arg_required_else_help = true, after_help = help::EXIT_STATUSES)]
struct Arguments {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Import(import::ImportArgs),
    #[cfg(feature = "aws")]
    Pull(pull::PullArgs),
    #[command(alias = "show")]
    Trace(trace::TraceArgs),
    Timeline(timeline::TimelineArgs),
    #[command(alias = "list")]
    Messages(Box<messages::MessagesArgs>),
    Related(related::RelatedArgs),
    Triage(triage::TriageArgs),
    #[command(alias = "find")]
    Search(search::SearchArgs),
    Access(Box<access::AccessArgs>),
    Insights(insights::InsightsArgs),
    Stats(stats::StatsArgs),
    Export(Box<export::ExportArgs>),
    Directory(directory::DirectoryArgs),
    Status(status::StatusArgs),
    Sources(sources::SourcesArgs),
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    Verify(verify::VerifyArgs),
    Sign(sign::SignArgs),
    Reindex(reindex::ReindexArgs),
    Prune(removal::PruneArgs),
    Erase(removal::EraseArgs),
    Schema(schema::SchemaArgs),
    #[cfg(feature = "aws")]
    Publish(Box<publish::PublishArgs>),
    #[cfg(feature = "aws")]
    Setup(provisioning::setup::SetupArgs),
    #[cfg(feature = "aws")]
    Doctor(provisioning::doctor::DoctorArgs),
    #[cfg(feature = "aws")]
    Teardown(provisioning::teardown::TeardownArgs),
    #[cfg(feature = "aws")]
    Policy(provisioning::policy::PolicyArgs),
    Synth(synth::SynthArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    #[cfg(not(all(feature = "aws", feature = "serve")))]
    #[command(flatten)]
    Absent(absent::Command),
}

impl Command {
    /// Whether it goes to a cluster where one is named.
    #[cfg(feature = "aws")]
    fn asks_cluster(&self) -> bool {
        matches!(
            self,
            Self::Trace(_)
                | Self::Messages(_)
                | Self::Search(_)
                | Self::Access(_)
                | Self::Timeline(_)
                | Self::Directory(_)
                | Self::Stats(_)
                | Self::Triage(_)
                | Self::Export(_)
                | Self::Publish(_)
        ) || self.is_serve()
    }

    #[cfg(feature = "aws")]
    fn is_serve(&self) -> bool {
        #[cfg(feature = "serve")]
        return matches!(self, Self::Serve(_));
        #[cfg(not(feature = "serve"))]
        false
    }

    /// Whether it changes the store, or would if there were something to do.
    fn writes_to_store(&self) -> bool {
        match self {
            Self::Import(_) | Self::Reindex(_) => true,
            #[cfg(feature = "aws")]
            Self::Pull(args) => !args.dry_run,
            #[cfg(feature = "aws")]
            Self::Publish(args) => args.writes_to_store(),
            Self::Prune(args) => !args.common.dry_run,
            Self::Erase(args) => !args.common.dry_run,
            #[cfg(feature = "aws")]
            Self::Teardown(args) => !args.dry_run,
            #[cfg(feature = "aws")]
            Self::Setup(_) | Self::Doctor(_) | Self::Policy(_) => false,
            #[cfg(not(all(feature = "aws", feature = "serve")))]
            Self::Absent(_) => false,
            #[cfg(feature = "serve")]
            Self::Serve(_) => false,
            Self::Trace(_)
            | Self::Timeline(_)
            | Self::Messages(_)
            | Self::Related(_)
            | Self::Triage(_)
            | Self::Search(_)
            | Self::Access(_)
            | Self::Insights(_)
            | Self::Stats(_)
            | Self::Export(_)
            | Self::Directory(_)
            | Self::Status(_)
            | Self::Sources(_)
            | Self::Verify(_)
            | Self::Sign(_)
            | Self::Schema(_)
            | Self::Synth(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
}

/// What every command gets from outside: the options, the clock and the zone.
struct Context {
    global: GlobalArgs,
    now: Timestamp,
    zone: Zone,
    leftovers: leftovers::Leftovers,
    /// Whether queries may name files with lists.
    reads_files: bool,
}

impl Context {
    fn new(global: GlobalArgs) -> Result<Self, TimeError> {
        let zone = Zone::named(&global.tz)?;
        let leftovers = leftovers::Leftovers::default();
        Ok(Self { global, now: clock(), zone, leftovers, reads_files: true })
    }

    /// The same at a later instant.
    fn now(&self) -> Self {
        Self {
            global: self.global.clone(),
            now: clock(),
            zone: self.zone.clone(),
            leftovers: self.leftovers.clone(),
            reads_files: self.reads_files,
        }
    }

    /// The store that was named, or the one in the platform's data directory.
    fn store_path(&self) -> anyhow::Result<PathBuf> {
        let named = || std::env::var_os("MAILTRACE_STORE").filter(|it| !it.is_empty());
        if let Some(path) = self.global.store.clone().or_else(|| named().map(PathBuf::from)) {
            return Ok(path);
        }
        let strategy = choose_base_strategy().map_err(|_| {
            anyhow::anyhow!("there is no home directory: name a store with --store")
        })?;
        Ok(strategy.data_dir().join("mailtrace"))
    }

    /// How tables are laid out on this terminal.
    fn table_options(&self, lists_all: bool) -> TableOptions {
        let columns = std::env::var("COLUMNS").ok().and_then(|it| it.parse().ok());
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        TableOptions {
            width: columns.or_else(terminal).unwrap_or(TABLE_WIDTH_DEFAULT),
            zone: self.zone.clone(),
            lists_all,
        }
    }
}

/// Columns of a table that does not go to a terminal.
const TABLE_WIDTH_DEFAULT: usize = 100;

/// What the clock shows. `MAILTRACE_NOW` may fix it, so that answers about "now" can be repeated, or
/// name a file with `@` that holds the time, so that it can be set while the program runs.
fn clock() -> Timestamp {
    fixed_clock().unwrap_or_else(Timestamp::now)
}

fn fixed_clock() -> Option<Timestamp> {
    let fixed = std::env::var("MAILTRACE_NOW").ok()?;
    match fixed.strip_prefix('@') {
        Some(path) => Timestamp::parse_log_form(std::fs::read_to_string(path).ok()?.trim()),
        None => Timestamp::parse_log_form(&fixed),
    }
}

/// The clock of what runs for long. One that is fixed goes on from there.
#[cfg(feature = "aws")]
fn running_clock(context: &Context) -> crate::time::Clock {
    let is_fixed = std::env::var("MAILTRACE_NOW").is_ok_and(|it| !it.starts_with('@'));
    match is_fixed && fixed_clock().is_some() {
        true => crate::time::Clock::set_to(context.now),
        false => crate::time::Clock::asked(clock),
    }
}

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done.
    Done,
    /// A query found nothing.
    NothingFound,
    /// Done, but some input was rejected, or something is not as it should be.
    SomeRejected,
    /// Done, and a condition of `--fail-if` holds.
    ConditionHolds,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::NothingFound => Self::from(1),
            Outcome::SomeRejected => Self::from(3),
            Outcome::ConditionHolds => Self::from(4),
        }
    }
}

const EXIT_ERROR: u8 = 2;

/// The exit status of a process that SIGINT has ended, as shells count.
const EXIT_INTERRUPTED: i32 = 130;

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    // Whatever is written holds mail addresses and subjects: nobody else's business.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let given = match saved::expanded(std::env::args_os().collect()) {
        Ok(given) => dashed::marked(given),
        Err(error) => {
            output::report_error(&mut anstream::stderr().lock(), &error);
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
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::report_error(&mut anstream::stderr().lock(), &error);
            ExitCode::from(EXIT_ERROR)
        }
    }
}

/// Runs, and makes an error of a panic: tantivy panics on some damaged indexes while it answers.
fn run_guarded(arguments: Arguments) -> anyhow::Result<Outcome> {
    let fault = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&fault);
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

fn run(arguments: Arguments) -> anyhow::Result<Outcome> {
    let mut global = arguments.global;
    if global.json {
        global.format = Format::Json;
    }
    let context = Context::new(global)?;
    anyhow::ensure!(
        !(context.global.read_only && arguments.command.writes_to_store()),
        "--read-only: this command writes to the store, and nothing was done"
    );
    #[cfg(feature = "aws")]
    anyhow::ensure!(
        context.global.cluster.is_none() || arguments.command.asks_cluster(),
        "--cluster: this command asks a store; trace, messages, search, access, timeline, directory, stats, triage, export and serve ask a cluster as well"
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
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        #[cfg(feature = "serve")]
        Command::Serve(args) => serve::run(&args, &context),
        #[cfg(not(all(feature = "aws", feature = "serve")))]
        Command::Absent(command) => Err(command.refusal()),
    }
}

/// Whoever read our output has had enough, which is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|it| {
        let inner = it.downcast_ref::<io::Error>();
        // The CSV writer's error may have become an I/O error of another kind, itself inside.
        let csv = it
            .downcast_ref::<csv::Error>()
            .or_else(|| inner.and_then(|it| it.get_ref()?.downcast_ref::<csv::Error>()));
        let io = match csv.map(csv::Error::kind) {
            Some(csv::ErrorKind::Io(io)) => Some(io),
            _ => inner,
        };
        io.is_some_and(|it| it.kind() == io::ErrorKind::BrokenPipe)
    })
}
