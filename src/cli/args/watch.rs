//! Repeating an answer when the store grows, and conditions on it.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::condition::Condition;
use crate::cli::args::input::AskedStore;
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::output;
use crate::limits;
use crate::store::Checkpoint;
use crate::time::Timestamp;
use crate::trace::Reach;

/// Watching, and conditions.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Repeat when new events arrive; Ctrl-C ends
    ///
    /// Checks every SECONDS.
    #[arg(long, hide_short_help = true, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "5", value_parser = clap::value_parser!(u64).range(1..=limits::WATCH_SECONDS_MAX))]
    watch: Option<u64>,
    /// Exit with status 4 if this holds, e.g. 'lost > 0'
    ///
    /// May be given several times.
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Condition>,
}

impl WatchArgs {
    /// Opens the source and answers, repeatedly with `--watch`. `reach` gives the events that the
    /// question can be about; `answer` returns true if something was found, and the condition
    /// that holds, in words.
    pub(crate) fn run(
        &self,
        backend: &BackendArgs,
        context: &Context,
        reach: impl Fn(Option<Timestamp>) -> anyhow::Result<Reach>,
        mut answer: impl FnMut(&AskedStore, &Context) -> anyhow::Result<(bool, Option<String>)>,
    ) -> anyhow::Result<CommandOutcome> {
        anyhow::ensure!(
            self.watch.is_none() || !backend.is_fixed(context)?,
            "--watch works only on a store: leave out --input or --cluster"
        );
        let mut answered: Option<Checkpoint> = None;
        loop {
            // Opened anew each time: an open store does not see later commits.
            let opened = backend.open(context, &reach)?;
            if answered.as_ref() != Some(opened.store.checkpoint()) {
                if self.watch.is_some() {
                    self.begin(answered.is_some(), context)?;
                }
                let (has_found, failed) = answer(&opened, &context.now())?;
                if let Some(failed) = failed {
                    if !context.global.quiet {
                        output::note(&format!("--fail-if: {failed}"));
                    }
                    return Ok(CommandOutcome::ConditionHolds);
                }
                let Some(_) = self.watch else { return Ok(opened.outcome(has_found)) };
                answered = Some(opened.store.checkpoint().clone());
            }
            // Closed while waiting, so that nothing of an old commit is held.
            drop(opened);
            std::thread::sleep(Duration::from_secs(self.watch.unwrap_or(0)));
        }
    }

    /// Clears the screen, or separates two answers with an empty line.
    fn begin(&self, is_again: bool, context: &Context) -> anyhow::Result<()> {
        let mut stdout = anstream::stdout().lock();
        if context.is_for_people() {
            if std::io::stdout().is_terminal() {
                // Clears the screen and moves the cursor home.
                write!(stdout, "\x1b[2J\x1b[H")?;
            } else if is_again {
                writeln!(stdout)?;
            }
        }
        Ok(())
    }

    /// The condition that holds, in words. `known` are the names of all numbers.
    pub(crate) fn failed(
        &self,
        known: &[&str],
        number: impl Fn(&str) -> Option<u64>,
    ) -> anyhow::Result<Option<String>> {
        let held = Condition::first_that_holds(&self.fail_if, known, number)?;
        Ok(held.map(|(condition, number)| format!("{condition} ({number})")))
    }
}
