//! `mailtrace sign`, and the options with which other commands sign.

use std::io::{self, BufRead as _, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::{Context, Format, Outcome, output};
use crate::fs::shown_name;
use crate::limits;
use crate::render::{sanitise, write_json};
use crate::signing::{HeadStatement, SecretKey, Signed, SignedPair, is_open_to_others};
use crate::source::open_text;
use crate::store::{VerifyOptions, verify};
use crate::time::Zone;

/// Sign what the store holds, for whoever has the public key
///
/// Verifies the store, writes a short statement of its head to a file, and a signature to the same
/// name with .minisig appended. `mailtrace verify --signed-head FILE --public-key KEY` later checks
/// that the store still holds everything it held then; `minisign -Vm FILE -p KEY` checks the
/// signature alone. Keys are made by `minisign -G`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  mailtrace sign --key team.key --out head-2026-11-30.txt")]
pub(super) struct SignArgs {
    /// The secret key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    password: PasswordArgs,
    /// Write the statement here; must not exist
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Where the password of a secret key comes from.
#[derive(Clone, Debug, Args)]
pub(super) struct PasswordArgs {
    /// Read the secret key's password from this file
    ///
    /// From its first line, instead of asking.
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PasswordArgs {
    /// That this is the file.
    #[cfg(feature = "aws")]
    pub(super) fn at(password_file: Option<PathBuf>) -> Self {
        Self { password_file }
    }

    pub(super) fn is_given(&self) -> bool {
        self.password_file.is_some()
    }

    /// Reads a secret key, and its password where it has one.
    pub(super) fn open(&self, key: &Path) -> anyhow::Result<SecretKey> {
        Ok(SecretKey::open(key, || match &self.password_file {
            Some(path) => first_line(path),
            None => rpassword::prompt_password(format!(
                "Password of {}: ",
                sanitise(&key.display().to_string())
            ))
            .map_err(|error| {
                io::Error::new(error.kind(), format!("{error}: name a --password-file"))
            }),
        })?)
    }
}

fn first_line(path: &Path) -> io::Result<String> {
    let name = |error: io::Error| {
        io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display()))
    };
    let file = open_text(path).map_err(io::Error::other)?.take(limits::SIGNED_TEXT_BYTES_MAX);
    let mut line = String::new();
    BufReader::new(file).read_line(&mut line).map_err(name)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

pub(super) fn run(args: &SignArgs, context: &Context) -> anyhow::Result<Outcome> {
    let store = context.store_path()?;
    let pair = SignedPair::at(&args.out)?;
    context.leftovers.add(pair.staging())?;
    let key = args.password.open(&args.key)?;
    let report = verify(&store, &VerifyOptions::default(), &|_| {})?;
    anyhow::ensure!(
        report.problems.is_empty(),
        "{} is damaged, and is not signed: see `mailtrace verify`",
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
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = json!({
                "head": statement.head,
                "records": records,
                "commits": commits,
                "statement": args.out.display().to_string(),
                "signature": signature_file.display().to_string(),
            });
            write_json(&json, &mut stdout)?;
        }
        Format::Table | Format::Csv => {
            let path = signature_file.display().to_string();
            writeln!(stdout, "{text}signature: {}", sanitise(&path))?;
        }
    }
    stdout.flush()?;
    warn_of_open_key(&args.key, context);
    Ok(Outcome::Done)
}

/// Warns of a secret key that others of the machine may read, once it has signed.
pub(super) fn warn_of_open_key(key: &Path, context: &Context) {
    if !context.global.quiet && is_open_to_others(key) {
        let key = key.display();
        output::warn(&format!(
            "others may read the secret key {key}, and sign as you do: `chmod 600` it, or make a new one if they may have"
        ));
    }
}

/// Says who signed, in a line.
pub(super) fn signed_in_words(signed: &Signed, is_checked: bool, zone: &Zone) -> String {
    let Signed { key_id, comment } = signed;
    if is_checked {
        let at = signed.at().map_or_else(String::new, |it| format!(" at {}", it.in_zone(zone)));
        format!("signed with the key {key_id}{at} ({})", comment.replace('\t', " "))
    } else {
        format!(
            "it says that the key {key_id} signed it, which was not checked: name the --public-key"
        )
    }
}

pub(super) fn signed_to_json(signed: &Signed, is_checked: bool) -> Value {
    json!({"keyId": signed.key_id, "comment": signed.comment, "checked": is_checked})
}
