//! `mailtrace sign`, and the options by which other commands sign.

use std::path::PathBuf;

use clap::Args;

use crate::cli::args::password::{PasswordArgs, warn_of_open_key};
use crate::cli::context::{CommandOutcome, Context};
use crate::fs::shown_name;
use crate::render::SignedHead;
use crate::signing::{HeadStatement, SignedPair};
use crate::store::{VerifyOptions, verify};

/// Sign what the store holds, for whoever has the public key
///
/// Verifies the store, writes a short statement of its head to a file, and a signature to the same
/// name with .minisig appended. `mailtrace verify --signed-head FILE --public-key KEY` later checks
/// that the store still holds everything it held then; `minisign -Vm FILE -p KEY` checks the
/// signature alone. Keys are made by `minisign -G`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  mailtrace sign --key team.key --out head-2026-11-30.txt")]
pub(crate) struct SignArgs {
    /// The secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
    /// Write the statement here; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: &SignArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let store = context.store_path()?;
    let pair = SignedPair::at(&args.out)?;
    // A stop during the verification must remove this directory.
    context.leftovers.add(pair.staging())?;
    // The password is asked for before the verification, which may take long.
    let key = args.password.open(&args.key)?;
    let report = verify(&store, &VerifyOptions::default(), &|_| {})?;
    anyhow::ensure!(
        report.problems.is_empty(),
        "{} is damaged, so it is not signed: see `mailtrace verify`",
        store.display()
    );
    let Some(head) = report.head else {
        anyhow::bail!("{} has no commit yet: there is nothing to sign", store.display());
    };
    let (records, commits) = (report.records, report.commits);
    let statement = HeadStatement { head, records, commits, at: context.now };
    let text = statement.to_string();
    let name = shown_name(&args.out);
    let signature = key.sign(text.as_bytes(), context.now, &name)?;
    let signature_file = pair.publish(&text, &signature)?;
    context.print(&SignedHead {
        statement: &statement,
        statement_file: &args.out.display().to_string(),
        signature_file: &signature_file.display().to_string(),
    })?;
    warn_of_open_key(&args.key, context);
    Ok(CommandOutcome::Done)
}
