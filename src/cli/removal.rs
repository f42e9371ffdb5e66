//! `mailtrace prune` and `mailtrace erase`.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::cli::context::{CommandOutcome, Context};
use crate::event::{Address, each_address};
use crate::render::{Marked, RemovalAnswer, counted, sanitise};
use crate::store::{Removal, RemovalRequest, remove_records};
use crate::time::parse_time_argument;
use crate::trace::rebuild_table;

/// Remove all records older than a time, for good
///
/// Their bytes are then gone from archive, index and rejected/; a tombstone in the archive says
/// what was removed, when, how many, and why. Pulls do not bring such records back; an import does.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace prune --before 730d --reason 'retention: two years' --dry-run"
)]
pub(crate) struct PruneArgs {
    /// The time: RFC 3339, a date, or an age such as 730d
    #[arg(long, value_name = "TIME")]
    before: String,
    #[command(flatten)]
    pub(crate) common: RemovalArgs,
}

/// Remove all records that name a mail address, for good
///
/// Wherever it occurs in the message, in any case. The bytes are then gone from archive, index and
/// rejected/; a tombstone in the archive says that records were removed, when, how many, and why,
/// and keeps only a salted hash of the address. Pulls do not bring back what happened until then;
/// an import does. Copies elsewhere (backups, exports, imported files) are yours to erase.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace erase --address ana@acme.example --reason 'request of 2026-11-20' --dry-run"
)]
pub(crate) struct EraseArgs {
    /// The address
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    pub(crate) common: RemovalArgs,
}

/// What both take.
#[derive(Debug, Args)]
pub(crate) struct RemovalArgs {
    /// Why, for the record; it stays in the store for good
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Only count what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

pub(crate) fn prune(args: &PruneArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let before = parse_time_argument(&args.before, context.now, &context.zone)?;
    let what = format!("from before {}", before.in_zone(&context.zone));
    run(Removal::Before(before), &what, &args.common, context)
}

pub(crate) fn erase(args: &EraseArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let mut addresses = Vec::new();
    Address::each(args.address.as_str().into(), |it| addresses.push(it));
    let [address] = addresses.as_slice() else {
        anyhow::bail!("--address: \"{}\" is not a single mail address", args.address);
    };
    let is_whole = address.as_str().split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !address.as_str().contains(char::is_whitespace)
    });
    anyhow::ensure!(is_whole, "--address: \"{address}\" is not a mail address");
    anyhow::ensure!(!address.is_masked(), "--address: a masked address names nobody");
    // Twice: as plain text, and in the normal form of addresses, which finds other spellings.
    let mut is_in_reason = args.common.reason.to_lowercase().contains(address.as_str());
    each_address(&args.common.reason, &mut |it| is_in_reason |= it == address.as_str());
    anyhow::ensure!(
        !is_in_reason,
        "--reason contains the address, but the reason stays in the store for ever: leave the address out"
    );
    let what = format!("that name {}", Marked::address(address.logged()));
    run(Removal::Address(address.as_str().to_owned()), &what, &args.common, context)
}

fn run(
    removal: Removal,
    what: &str,
    args: &RemovalArgs,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let path = context.store_path()?;
    let request = RemovalRequest { removal, reason: args.reason.clone(), at: context.now };
    // A dry run first, so that the question can say how much would be removed.
    let mut report = remove_records(&path, &request, true)?;
    let is_dry_run = args.dry_run;
    let found = RemovalAnswer { report: &report, what, is_dry_run };
    if found.is_any() && !is_dry_run {
        if !args.yes {
            ask(&found, context)?;
        }
        report = remove_records(&path, &request, false)?;
        // The message table names recipients and must not keep those that are gone.
        rebuild_table(&path)?;
    }
    context.print(&RemovalAnswer { report: &report, what, is_dry_run })?;
    Ok(CommandOutcome::Done)
}

/// Asks for confirmation; an error if the answer is not yes.
fn ask(answer: &RemovalAnswer<'_>, context: &Context) -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    anyhow::ensure!(
        stdin.is_terminal(),
        "cannot ask whether to remove {}: this is not a terminal; confirm with --yes, or preview with --dry-run",
        counted(answer.report.records, "record")
    );
    let mut stderr = anstream::stderr().lock();
    let what = answer.in_words(&context.zone);
    let question = format!("Remove {what} for good? Type yes to continue: ");
    write!(stderr, "{}", sanitise(&question))?;
    stderr.flush()?;
    let mut said = String::new();
    stdin.lock().read_line(&mut said)?;
    anyhow::ensure!(said.trim() == "yes", "cancelled: nothing was removed");
    Ok(())
}
