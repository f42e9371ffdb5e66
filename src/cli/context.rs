//! The surroundings of a command, the printing of its answer, and its end.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use etcetera::{BaseStrategy, choose_base_strategy};

use crate::cli::global::GlobalArgs;
use crate::cli::leftovers::Leftovers;
use crate::render::{Answer, AnswerFormat, Printer, TableOptions};
use crate::time::{TimeError, Timestamp, Zone};

/// The surroundings of a command: options, clock and zone.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) global: GlobalArgs,
    pub(crate) now: Timestamp,
    pub(crate) zone: Zone,
    pub(crate) leftovers: Leftovers,
    /// True if queries may name files with lists.
    pub(crate) reads_files: bool,
}

impl Context {
    pub(crate) fn new(global: GlobalArgs) -> Result<Self, TimeError> {
        let zone = Zone::named(&global.tz)?;
        let leftovers = Leftovers::default();
        Ok(Self { global, now: clock(), zone, leftovers, reads_files: true })
    }

    /// A copy with the present time.
    pub(crate) fn now(&self) -> Self {
        Self { now: clock(), ..self.clone() }
    }

    /// The named store, or the one in the platform's data directory.
    pub(crate) fn store_path(&self) -> anyhow::Result<PathBuf> {
        // An empty variable counts as unset.
        let named = || std::env::var_os("MAILTRACE_STORE").filter(|it| !it.is_empty());
        if let Some(path) = self.global.store.clone().or_else(|| named().map(PathBuf::from)) {
            return Ok(path);
        }
        let strategy = choose_base_strategy().map_err(|_| {
            anyhow::anyhow!("there is no home directory: name a store with --store")
        })?;
        Ok(strategy.data_dir().join("mailtrace"))
    }

    /// A printer for the format asked for and this terminal.
    pub(crate) fn printer(&self) -> Printer {
        let columns = std::env::var("COLUMNS").ok().and_then(|it| it.parse().ok());
        let terminal = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = columns.or_else(terminal).unwrap_or(TableOptions::WIDTH_DEFAULT);
        let options = TableOptions { width, zone: self.zone.clone(), lists_all: false };
        Printer { format: self.global.format, options }
    }

    /// Prints an answer to standard output.
    pub(crate) fn print(&self, answer: &dyn Answer) -> io::Result<()> {
        self.printer().print(answer, &mut self.stdout())
    }

    /// Standard output. Only tables have colours; filtering the other formats for escape
    /// sequences would cost much time for nothing.
    pub(crate) fn stdout(&self) -> BufWriter<Box<dyn Write>> {
        BufWriter::new(match self.global.format {
            AnswerFormat::Table => Box::new(anstream::stdout().lock()),
            AnswerFormat::Json | AnswerFormat::Ndjson | AnswerFormat::Csv => {
                Box::new(io::stdout().lock())
            }
        })
    }

    /// True if people read the answer.
    pub(crate) fn is_for_people(&self) -> bool {
        self.global.format == AnswerFormat::Table
    }

    /// Fails if CSV is asked for and the answer has no such form, before anything is done.
    pub(crate) fn refuse_csv(&self, reason: &str) -> anyhow::Result<()> {
        anyhow::ensure!(self.global.format != AnswerFormat::Csv, "{reason}");
        Ok(())
    }
}

/// The present time. `MAILTRACE_NOW` may fix it, so that answers about "now" can be repeated, or
/// name a file with `@` that has the time, so that it can be set while the program runs.
pub(crate) fn clock() -> Timestamp {
    fixed_clock().unwrap_or_else(Timestamp::now)
}

fn fixed_clock() -> Option<Timestamp> {
    let fixed = std::env::var("MAILTRACE_NOW").ok()?;
    match fixed.strip_prefix('@') {
        Some(path) => Timestamp::parse_log_form(std::fs::read_to_string(path).ok()?.trim()),
        None => Timestamp::parse_log_form(&fixed),
    }
}

/// The clock of a command that runs for long. A fixed clock runs on from its time.
#[cfg(feature = "aws")]
pub(crate) fn running_clock(context: &Context) -> crate::time::Clock {
    let is_fixed = std::env::var("MAILTRACE_NOW").is_ok_and(|it| !it.starts_with('@'));
    match is_fixed && fixed_clock().is_some() {
        true => crate::time::Clock::set_to(context.now),
        false => crate::time::Clock::asked(clock),
    }
}

/// The end of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// Done.
    Done,
    /// A query found nothing.
    NothingFound,
    /// Done, but some input was rejected, or something is not as it should be.
    SomeRejected,
    /// Done, and a condition of `--fail-if` holds.
    ConditionHolds,
}

impl From<CommandOutcome> for ExitCode {
    fn from(outcome: CommandOutcome) -> Self {
        match outcome {
            CommandOutcome::Done => Self::SUCCESS,
            CommandOutcome::NothingFound => Self::from(1),
            CommandOutcome::SomeRejected => Self::from(3),
            CommandOutcome::ConditionHolds => Self::from(4),
        }
    }
}

pub(crate) const EXIT_ERROR: u8 = 2;
