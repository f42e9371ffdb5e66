//! `mailtrace man`.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use clap_mangen::Man;

use crate::cli::context::CommandOutcome;

/// Print manual pages
///
/// Of mailtrace, or of a command; with --out, all of them as files for a package.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace man | man -l -\n  mailtrace man trace | man -l -\n  mailtrace man --out /usr/local/share/man/man1"
)]
pub(crate) struct ManArgs {
    /// The command; without one, mailtrace itself
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
    /// Write all pages into this directory, creating it
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    out: Option<PathBuf>,
}

/// Prints the manual pages of `program`.
pub(crate) fn run(args: &ManArgs, program: &clap::Command) -> anyhow::Result<CommandOutcome> {
    // clap's own `help` command has nothing to say in a manual.
    let commands = || program.get_subcommands().filter(|it| it.get_name() != "help");
    let Some(dir) = &args.out else {
        let page = match &args.command {
            None => page(program, "mailtrace")?,
            Some(name) => {
                let named = commands().find(|it| it.get_name() == name);
                let named = named.with_context(|| {
                    let names: Vec<_> = commands().map(clap::Command::get_name).collect();
                    format!("there is no command {name}: the commands are {}", names.join(", "))
                })?;
                page(named, &format!("mailtrace-{name}"))?
            }
        };
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&page)?;
        stdout.flush()?;
        return Ok(CommandOutcome::Done);
    };
    fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut pages = vec![("mailtrace".to_owned(), program)];
    pages.extend(commands().map(|it| (format!("mailtrace-{}", it.get_name()), it)));
    for (name, command) in pages {
        let path = dir.join(format!("{name}.1"));
        fs::write(&path, page(command, &name)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(CommandOutcome::Done)
}

/// A manual page for section 1, in roff.
fn page(command: &clap::Command, name: &str) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    let manual = format!("mailtrace {}", env!("CARGO_PKG_VERSION"));
    // Without a date, so that the same program always makes the same page.
    Man::new(command.clone())
        .title(name.to_uppercase())
        .source(manual)
        .date("")
        .render(&mut page)?;
    Ok(page)
}
