//! `mailtrace verify`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::output::counted;
use super::progress::VerifyingProgress;
use super::removal::{tombstone_in_words, tombstone_to_json};
use super::sign::{signed_in_words, signed_to_json};
use super::{Context, Format, Outcome, export_check};
use crate::render::{sanitise, write_json};
use crate::signing::{HeadStatement, PublicKey, Signed, SigningError};
use crate::store::{Damage, FoundHead, Store, VerifyOptions, VerifyReport, verify};
use crate::time::Zone;
use crate::trace::is_table_true;

/// Check every byte of the archive and of the index
///
/// Finds any changed byte, any file that is missing or was replaced, and any commit that does not
/// continue the one before. Names the records affected and their times. Exits with 2 and lists what
/// is wrong if anything is.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  mailtrace verify\n  mailtrace verify --head HASH\n  mailtrace verify --bundle ./case-17"
)]
pub(super) struct VerifyArgs {
    /// Also compare every document of the index with its record
    #[arg(long, conflicts_with = "bundle")]
    deep: bool,
    /// The store must still hold what it held at this head
    ///
    /// A head as `status` or `verify` printed it.
    #[arg(long, value_name = "HASH", value_parser = parse_head, conflicts_with = "bundle")]
    head: Option<String>,
    /// Same as --head, from a statement that `sign` wrote
    ///
    /// Its signature must lie beside it.
    #[arg(long, value_name = "FILE", requires = "public_key", conflicts_with_all = ["bundle", "head"])]
    signed_head: Option<PathBuf>,
    /// The public key of the signer: a file, or the key itself
    #[arg(long, value_name = "KEY", value_parser = parse_public_key)]
    public_key: Option<PublicKey>,
    /// Check an export (a directory or zip) instead of a store
    #[arg(long, value_name = "DIR|FILE.zip")]
    bundle: Option<PathBuf>,
}

/// Digits of a SHA-256.
const HEAD_DIGITS: usize = 64;

fn parse_head(text: &str) -> Result<String, String> {
    let is_hash = text.len() == HEAD_DIGITS && text.bytes().all(|it| it.is_ascii_hexdigit());
    if is_hash {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!("a head has {HEAD_DIGITS} hexadecimal digits"))
    }
}

fn parse_public_key(text: &str) -> Result<PublicKey, SigningError> {
    PublicKey::named(text)
}

pub(super) fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<Outcome> {
    let key = args.public_key.as_ref();
    if let Some(bundle) = &args.bundle {
        return export_check::run(bundle, key, context);
    }
    let (head, signed) = match (&args.signed_head, key) {
        (Some(path), Some(key)) => {
            let (head, signed) = HeadStatement::checked_head(path, key)
                .with_context(|| format!("{} proves nothing", path.display()))?;
            (Some(head), Some(signed))
        }
        (None, Some(_)) => {
            anyhow::bail!("--public-key: name what was signed: --signed-head FILE or --bundle DIR")
        }
        _ => (args.head.clone(), None),
    };
    let path = context.store_path()?;
    let options = VerifyOptions { is_deep: args.deep, head: head.as_deref() };
    let progress = VerifyingProgress::new(context);
    let mut report = verify(&path, &options, &|it| progress.show(it))?;
    if args.deep && report.problems.is_empty() {
        let store = Store::open(&path)?;
        let is_true = is_table_true(&store)?;
        report.problems.extend((is_true == Some(false)).then(|| {
            format!(
                "{} disagrees with the archive: `mailtrace reindex` rebuilds it",
                store.message_table_path().display()
            )
        }));
    }
    drop(progress);
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = to_json(&report, signed.as_ref(), args.deep, &context.zone);
            write_json(&json, &mut stdout)?;
        }
        Format::Table | Format::Csv => {
            if let Some(signed) = &signed {
                writeln!(stdout, "{}", sanitise(&signed_in_words(signed, true, &context.zone)))?;
            }
            write_text(&report, args.deep, context, &mut stdout)?;
        }
    }
    anyhow::ensure!(
        head.is_none() || report.found_head.is_some() || report.problems.len() != 1,
        "{} does not have what that head stands for: it is another store, an older copy, or what it had was replaced",
        path.display()
    );
    anyhow::ensure!(
        report.problems.is_empty(),
        "{} is damaged: {}, listed above: {ADVICE}",
        path.display(),
        counted(report.problems.len() as u64, "problem"),
    );
    // Nothing contradicts the head, and nothing is left to confirm it either.
    let is_removed = report.found_head.is_some_and(|it| it.is_removed);
    Ok(if is_removed { Outcome::SomeRejected } else { Outcome::Done })
}

const ADVICE: &str = "rebuild an index with `mailtrace reindex`; bring an archive file back from a backup, or import its sources and archive/ into a new store";

fn write_text(
    report: &VerifyReport,
    is_deep: bool,
    context: &Context,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    for problem in &report.problems {
        writeln!(out, "{}", sanitise(problem))?;
    }
    for note in &report.notes {
        writeln!(out, "note: {}", sanitise(note))?;
    }
    for tombstone in &report.tombstones {
        let words = tombstone_in_words(tombstone, &context.zone);
        writeln!(out, "note: {}", sanitise(&words))?;
    }
    if let Some(found) = &report.found_head {
        writeln!(out, "{}", sanitise(&found_in_words(found, &context.zone)))?;
    }
    if !report.problems.is_empty() {
        return Ok(());
    }
    let compared = if is_deep { ", each indexed once as it is" } else { "" };
    writeln!(
        out,
        "sound: {} in {}, {}{compared}",
        counted(report.records, "record"),
        counted(report.archive_files, "archive file"),
        counted(report.commits, "commit"),
    )?;
    if let Some(head) = &report.head {
        writeln!(out, "head: {head}")?;
    }
    Ok(())
}

fn found_in_words(found: &FoundHead, zone: &Zone) -> String {
    let numbers: Vec<String> = found.tombstones.iter().map(|it| it.number.to_string()).collect();
    let numbers = numbers.join(", ");
    let commits = counted(found.commits_since, "commit");
    let (Some(records), Some(since)) = (found.records, found.records_since) else {
        let at = found.tombstones.first().map_or_else(String::new, |it| it.at().in_zone(zone));
        return format!(
            "the head {} is that of a commit in {}, which was removed at {at} (tombstone {numbers}): what the commit held cannot be compared any more; {commits} since",
            found.head, found.archive_file
        );
    };
    let at = found.at.map_or_else(String::new, |it| format!(", made at {}", it.in_zone(zone)));
    let removed = match found.tombstones.len() {
        0 => String::new(),
        _ => format!("; of what was there, some was removed since (tombstone {numbers})"),
    };
    format!(
        "the head {} is that of a commit in {}{at}: {} then, {since} added since in {commits}{removed}",
        found.head,
        found.archive_file,
        counted(records, "record"),
    )
}

fn to_json(report: &VerifyReport, signed: Option<&Signed>, is_deep: bool, zone: &Zone) -> Value {
    json!({
        "sound": report.problems.is_empty(),
        "deep": is_deep,
        "archiveFiles": report.archive_files,
        "records": report.records,
        "documents": report.documents,
        "commits": report.commits,
        "head": report.head,
        "signature": signed.map(|it| signed_to_json(it, true)),
        "foundHead": report.found_head.as_ref().map(|it| found_to_json(it, zone)),
        "tombstones": report.tombstones.iter().map(|it| tombstone_to_json(it, zone)).collect::<Vec<_>>(),
        "problems": report.problems,
        "damage": report.damage.iter().map(|it| damage_to_json(it, zone)).collect::<Vec<_>>(),
        "notes": report.notes,
    })
}

fn found_to_json(found: &FoundHead, zone: &Zone) -> Value {
    json!({
        "head": found.head,
        "archiveFile": found.archive_file,
        "at": found.at.map(|it| it.in_zone(zone)),
        "records": found.records,
        "recordsSince": found.records_since,
        "commitsSince": found.commits_since,
        "removed": found.is_removed,
        "tombstones": found.tombstones.iter().map(|it| it.number).collect::<Vec<_>>(),
    })
}

fn damage_to_json(damage: &Damage, zone: &Zone) -> Value {
    json!({
        "archiveFile": damage.archive_file,
        "firstBlock": damage.first_block,
        "firstLine": damage.first_line,
        "lastBlock": damage.last_block,
        "lastLine": damage.last_line,
        "records": damage.records,
        "firstSeen": damage.first.in_zone(zone),
        "lastSeen": damage.last.in_zone(zone),
    })
}
