//! `mailtrace completions`.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;

use crate::cli::context::CommandOutcome;

/// Print shell completions
///
/// For bash: source <(mailtrace completions bash). Other shells read them from a file.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the completions of `program`.
pub(crate) fn run(
    args: &CompletionsArgs,
    mut program: clap::Command,
) -> anyhow::Result<CommandOutcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "mailtrace", &mut script);
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(&script)?;
    stdout.flush()?;
    Ok(CommandOutcome::Done)
}
