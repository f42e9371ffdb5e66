//! The source of a query command's events: the store, or files for a single question.

use std::cell::Cell;
use std::path::PathBuf;

use clap::Args;

use crate::cli::context::{CommandOutcome, Context};
use crate::cli::intake::{finish, warn_of_hidden};
use crate::cli::output;
use crate::cli::progress::ShownProgress;
use crate::ingest::{ImportOptions, import_temporarily, temporary_directory};
use crate::limits;
use crate::render::counted;
use crate::shell::quoted;
use crate::store::{Store, StoreError};
use crate::temporary::TemporaryDirectory;

/// Where the events come from.
#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Ask these files (- for standard input), not a store
    ///
    /// Files or directories. They are indexed temporarily; nothing is kept.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    input: Vec<PathBuf>,
}

/// An opened store, and how well its input was understood.
pub(crate) struct AskedStore {
    pub(crate) store: Store,
    /// The outcome of reading the input.
    input_outcome: CommandOutcome,
    /// True if an answer left something out.
    is_cut: Cell<bool>,
    /// The temporary store's directory, removed when this is dropped.
    _dir: Option<TemporaryDirectory>,
}

impl AskedStore {
    /// A store that is removed with its directory.
    #[cfg(feature = "aws")]
    pub(crate) fn temporary(store: Store, dir: TemporaryDirectory) -> Self {
        let input_outcome = CommandOutcome::Done;
        Self { store, input_outcome, is_cut: Cell::new(false), _dir: Some(dir) }
    }

    /// The exit status of a command, by whether it found something.
    pub(crate) fn outcome(&self, has_found: bool) -> CommandOutcome {
        match has_found {
            false => CommandOutcome::NothingFound,
            true if self.is_cut.get() => CommandOutcome::SomeRejected,
            true => self.input_outcome,
        }
    }

    /// Says on stderr how many messages of the answer are incomplete, if any, and remembers it
    /// for the exit status.
    pub(crate) fn say_truncated(&self, count: usize, context: &Context) {
        self.keep_truncated(count);
        say_truncated(count, context);
    }

    /// Remembers for the exit status that messages are incomplete.
    pub(crate) fn keep_truncated(&self, count: usize) {
        if count > 0 {
            self.is_cut.set(true);
        }
    }
}

/// Says on stderr how many messages of the answer are incomplete, if any.
pub(crate) fn say_truncated(count: usize, context: &Context) {
    if count > 0 && !context.global.quiet {
        let most = limits::TRACE_EVENTS_MAX;
        let whom = counted(count as u64, "message");
        output::note(&format!(
            "{whom} with more than {most} connected events: only that many were examined, so what the others say about recipients is unknown"
        ));
    }
}

/// Says on stderr why an answer takes longer.
pub(crate) fn say_that_a_table_is_made() {
    output::note(
        "the last commit has no message table, so a temporary one is built, which takes a while: the next import or pull that adds something builds one that stays, and so does `mailtrace reindex`",
    );
}

impl InputArgs {
    /// True if files are asked instead of a store.
    pub(crate) fn is_given(&self) -> bool {
        !self.input.is_empty()
    }

    /// The options by which another command asks the same events and shows times in the same
    /// zone, quoted for a shell: each with a blank before it.
    pub(crate) fn as_typed(&self, context: &Context) -> String {
        let mut typed = String::new();
        if let Some(store) = context.global.store.as_ref().filter(|_| !self.is_given()) {
            typed.push_str(&format!(" --store {}", quoted(&store.to_string_lossy())));
        }
        if context.global.tz != "UTC" {
            typed.push_str(&format!(" --tz {}", quoted(&context.global.tz)));
        }
        // Last, because it takes all words up to the next option.
        if self.is_given() {
            typed.push_str(" --input");
        }
        for path in &self.input {
            typed.push_str(&format!(" {}", quoted(&path.to_string_lossy())));
        }
        typed
    }

    pub(crate) fn open(&self, context: &Context) -> anyhow::Result<AskedStore> {
        if self.input.is_empty() {
            let path = context.store_path()?;
            let store = Store::open(&path).map_err(|error| match error {
                StoreError::NoStore { path } => anyhow::anyhow!(
                    "there is no store at {}: import into it first, name another with --store, or ask files with --input",
                    path.display()
                ),
                other => other.into(),
            })?;
            if !context.global.quiet {
                store.before_temporary_table(say_that_a_table_is_made);
            }
            return Ok(AskedStore {
                store,
                input_outcome: CommandOutcome::Done,
                is_cut: Cell::new(false),
                _dir: None,
            });
        }
        let dir = temporary_directory()?;
        // Before anything is written: a stop during the import must remove the directory as well.
        context.leftovers.add(dir.path())?;
        let progress = ShownProgress::new(context);
        let (store, report) =
            import_temporarily(dir.path(), &self.input, &ImportOptions::default(), &mut |it| {
                progress.import(it);
            })?;
        drop(progress);
        warn_of_hidden(&self.input, context);
        let input_outcome = finish(&report, context)?;
        Ok(AskedStore { store, input_outcome, is_cut: Cell::new(false), _dir: Some(dir) })
    }
}
