//! `mailtrace prune` and `mailtrace erase`.

use std::io::{BufRead, IsTerminal, Write};

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::{Value, json};

use super::output::counted;
use super::{Context, Format, Outcome};
use crate::event::{Address, each_address};
use crate::render::{Marked, sanitise, write_json};
use crate::store::{
    Removal, RemovalReport, RemovalRequest, RemovalRule, Tombstone, remove_records,
};
use crate::time::{Zone, parse_time_argument};
use crate::trace::rebuild_table;

/// Remove all records older than a time, for good
///
/// Their bytes are then gone from archive, index and rejected/; a tombstone in the archive says
/// what was removed, when, how many, and why. Pulls do not bring such records back; an import does.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace prune --before 730d --reason 'retention: two years' --dry-run"
)]
pub(super) struct PruneArgs {
    /// The time: RFC 3339, a date, or an age such as 730d
    #[arg(long, value_name = "TIME")]
    before: String,
    #[command(flatten)]
    pub(super) common: RemovalArgs,
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
pub(super) struct EraseArgs {
    /// The address
    #[arg(long, value_name = "ADDRESS")]
    address: String,
    #[command(flatten)]
    pub(super) common: RemovalArgs,
}

/// What both take.
#[derive(Debug, Args)]
pub(super) struct RemovalArgs {
    /// Why, for the record; it stays in the store for good
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: String,
    /// Only count what would be removed
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

pub(super) fn prune(args: &PruneArgs, context: &Context) -> anyhow::Result<Outcome> {
    let before = parse_time_argument(&args.before, context.now, &context.zone)?;
    let what = format!("from before {}", before.in_zone(&context.zone));
    run(Removal::Before(before), &what, &args.common, context)
}

pub(super) fn erase(args: &EraseArgs, context: &Context) -> anyhow::Result<Outcome> {
    let mut addresses = Vec::new();
    Address::each(args.address.as_str().into(), |it| addresses.push(it));
    let [address] = addresses.as_slice() else {
        anyhow::bail!("--address: \"{}\" is not one mail address", args.address);
    };
    let is_whole = address.as_str().split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !address.as_str().contains(char::is_whitespace)
    });
    anyhow::ensure!(is_whole, "--address: \"{address}\" is no mail address");
    anyhow::ensure!(!address.is_masked(), "--address: a masked address names nobody");
    let mut is_in_reason = args.common.reason.to_lowercase().contains(address.as_str());
    each_address(&args.common.reason, &mut |it| is_in_reason |= it == address.as_str());
    anyhow::ensure!(
        !is_in_reason,
        "--reason names the address: the reason stays in the store for ever"
    );
    let what = format!("that name {}", Marked::address(address.logged()));
    run(Removal::Address(address.as_str().to_owned()), &what, &args.common, context)
}

fn run(
    removal: Removal,
    what: &str,
    args: &RemovalArgs,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let path = context.store_path()?;
    let request = RemovalRequest { removal, reason: args.reason.clone(), at: context.now };
    let mut report = remove_records(&path, &request, true)?;
    let is_any = report.records > 0 || report.rejected > 0;
    if is_any && !args.dry_run {
        if !args.yes {
            ask(&report, what, context)?;
        }
        report = remove_records(&path, &request, false)?;
        rebuild_table(&path)?;
    }
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            write_json(&to_json(&report, args.dry_run, &context.zone), &mut stdout)?;
        }
        Format::Table | Format::Csv => {
            let told = told(&report, what, context);
            match (&report.tombstone, is_any) {
                (_, false) => writeln!(stdout, "{}", sanitise(&format!("no records {what}")))?,
                (None, true) => writeln!(stdout, "{}", sanitise(&format!("would remove {told}")))?,
                (Some(tombstone), true) => {
                    let line = format!("removed {told}: tombstone {}", tombstone.number);
                    writeln!(stdout, "{}", sanitise(&line))?;
                }
            }
        }
    }
    stdout.flush()?;
    Ok(Outcome::Done)
}

fn told(report: &RemovalReport, what: &str, context: &Context) -> String {
    let mut told = format!("{} {what}", counted(report.records, "record"));
    if let Some((first, last)) = report.span {
        let (first, last) = (first.in_zone(&context.zone), last.in_zone(&context.zone));
        told.push_str(&format!(
            " ({first} to {last}, in {})",
            counted(report.files, "archive file")
        ));
    }
    if report.rejected > 0 {
        told.push_str(&format!(" and {}", counted(report.rejected, "rejected piece")));
    }
    told
}

/// Asks whether it is to be done; an error when it is not.
fn ask(report: &RemovalReport, what: &str, context: &Context) -> anyhow::Result<()> {
    let stdin = std::io::stdin();
    anyhow::ensure!(
        stdin.is_terminal(),
        "cannot ask whether to remove {}, for this is no terminal: confirm with --yes, or look with --dry-run",
        counted(report.records, "record")
    );
    let mut stderr = anstream::stderr().lock();
    let told = told(report, what, context);
    let question = format!("Remove {told}, for good? Type yes to go on: ");
    write!(stderr, "{}", sanitise(&question))?;
    stderr.flush()?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer)?;
    anyhow::ensure!(answer.trim() == "yes", "cancelled: nothing was removed");
    Ok(())
}

fn to_json(report: &RemovalReport, is_dry_run: bool, zone: &Zone) -> Value {
    json!({
        "dryRun": is_dry_run,
        "records": report.records,
        "firstSeen": report.span.map(|(first, _)| first.in_zone(zone)),
        "lastSeen": report.span.map(|(_, last)| last.in_zone(zone)),
        "rejected": report.rejected,
        "archiveFiles": report.files,
        "tombstone": report.tombstone.as_ref().map(|it| tombstone_to_json(it, zone)),
    })
}

/// A tombstone for programs.
pub(super) fn tombstone_to_json(tombstone: &Tombstone, zone: &Zone) -> Value {
    json!({
        "number": tombstone.number,
        "at": tombstone.at().in_zone(zone),
        "before": before(tombstone).map(|it| it.in_zone(zone)),
        "byAddress": matches!(tombstone.rule, RemovalRule::Address { .. }),
        "reason": tombstone.reason,
        "records": tombstone.records,
        "rejected": tombstone.rejected,
        "archiveFiles": tombstone.files,
        "version": tombstone.version,
    })
}

/// A tombstone in a line.
pub(super) fn tombstone_in_words(tombstone: &Tombstone, zone: &Zone) -> String {
    let what = match before(tombstone) {
        Some(before) => format!("from before {}", before.in_zone(zone)),
        None => "that named an address".to_owned(),
    };
    let mut words =
        format!("tombstone {}: {} {what}", tombstone.number, counted(tombstone.records, "record"));
    if tombstone.rejected > 0 {
        words.push_str(&format!(" and {} rejected pieces", tombstone.rejected));
    }
    words.push_str(&format!(
        " were removed at {} by mailtrace {}: {}",
        tombstone.at().in_zone(zone),
        tombstone.version,
        tombstone.reason
    ));
    words
}

fn before(tombstone: &Tombstone) -> Option<crate::time::Timestamp> {
    match tombstone.rule {
        RemovalRule::Before { before_ms } => crate::time::Timestamp::from_ms(before_ms),
        RemovalRule::Address { .. } => None,
    }
}
