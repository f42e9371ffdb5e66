//! Answering again when the store has grown, and telling by the exit status what was found.

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
    /// Opens what is asked and answers, again and again with `--watch`. `reach` gives what the
    /// question can be about, `answer` whether something was found and which condition holds, in
    /// words.
    pub(crate) fn run(
        &self,
        backend: &BackendArgs,
        context: &Context,
        reach: impl Fn(Option<Timestamp>) -> anyhow::Result<Reach>,
        mut answer: impl FnMut(&AskedStore, &Context) -> anyhow::Result<(bool, Option<String>)>,
    ) -> anyhow::Result<CommandOutcome> {
        anyhow::ensure!(
            self.watch.is_none() || !backend.is_fixed(context)?,
            "--watch needs a store that grows: leave out --input, or --cluster"
        );
        let mut answered: Option<Checkpoint> = None;
        loop {
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
            drop(opened);
            std::thread::sleep(Duration::from_secs(self.watch.unwrap_or(0)));
        }
    }

    /// Makes room for an answer where people look.
    fn begin(&self, is_again: bool, context: &Context) -> anyhow::Result<()> {
        let mut stdout = anstream::stdout().lock();
        if context.is_for_people() {
            if std::io::stdout().is_terminal() {
                // Clears the screen and goes to its beginning.
                write!(stdout, "\x1b[2J\x1b[H")?;
            } else if is_again {
                writeln!(stdout)?;
            }
        }
        Ok(())
    }

    /// Which condition holds, in words. `known` are the names of all numbers.
    pub(crate) fn failed(
        &self,
        known: &[&str],
        number: impl Fn(&str) -> Option<u64>,
    ) -> anyhow::Result<Option<String>> {
        let held = Condition::first_that_holds(&self.fail_if, known, number)?;
        Ok(held.map(|(condition, number)| format!("{condition} ({number})")))
    }
}
