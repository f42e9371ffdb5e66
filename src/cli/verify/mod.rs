//! `mailtrace verify`.

mod bundle;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use crate::cli::context::{CommandOutcome, Context};
use crate::cli::progress::ShownProgress;
use crate::render::{Verification, counted};
use crate::signing::{HeadStatement, PublicKey, SigningError};
use crate::store::{Store, VerifyOptions, verify};
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
pub(crate) struct VerifyArgs {
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

pub(crate) fn run(args: &VerifyArgs, context: &Context) -> anyhow::Result<CommandOutcome> {
    let key = args.public_key.as_ref();
    if let Some(bundle) = &args.bundle {
        return bundle::run(bundle, key, context);
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
    let progress = ShownProgress::new(context);
    let mut report = verify(&path, &options, &|it| progress.verification(it))?;
    // Only for a sound store: in a damaged one the table may differ for that reason alone.
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
    context.print(&Verification {
        report: &report,
        signed: signed.as_ref(),
        is_deep: args.deep,
    })?;
    anyhow::ensure!(
        head.is_none() || report.found_head.is_some() || report.problems.len() != 1,
        "{} does not have what that head stands for: it is another store, an older copy, or its content was replaced",
        path.display()
    );
    anyhow::ensure!(
        report.problems.is_empty(),
        "{} is damaged: {}, listed above: {ADVICE}",
        path.display(),
        counted(report.problems.len() as u64, "problem"),
    );
    // Nothing contradicts the head, but nothing is left to confirm it either.
    let is_removed = report.found_head.is_some_and(|it| it.is_removed);
    Ok(if is_removed { CommandOutcome::SomeRejected } else { CommandOutcome::Done })
}

const ADVICE: &str = "rebuild an index with `mailtrace reindex`; bring an archive file back from a backup, or import its sources and archive/ into a new store";
