//! What `export` and `access` share when they write an extract: its shape, its redaction, its
//! signature, and what is said of it.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::output::counted;
use super::sign::{PasswordArgs, warn_of_open_key};
use super::{Context, Format};
use crate::export::{BundleReport, ExportError, FlatFormat, Redactor, Staging};
use crate::render::{csv_cell, sanitise, write_json};
use crate::signing::{SIGNATURE_SUFFIX, SecretKey};
use crate::time::Timestamp;

/// Why a bundle does not go to standard output.
const NO_BUNDLE_OUT: &str = "--out: a bundle goes to a directory or a zip, not to standard output";

/// The key to sign with, and when that is.
type Signing<'k> = Option<(&'k SecretKey, Timestamp)>;

/// How an extract is written.
#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    /// What to write
    #[arg(long = "as", value_enum, default_value_t, value_name = "SHAPE", requires = "out")]
    shape: Shape,
    /// A name for the case, for report and manifest
    #[arg(long, value_name = "TEXT", requires = "out")]
    pub(super) case: Option<String>,
    /// Replace addresses, subjects or both with pseudonyms
    ///
    /// In audit events, IDs of users and IP addresses go with addresses.
    #[arg(long, value_enum, value_name = "WHAT", requires = "redact_key")]
    redact: Option<Redact>,
    /// Key of the pseudonyms: a file of at least 16 bytes
    ///
    /// The same text has the same pseudonym under one key. Make one with: head -c 32 /dev/urandom >
    /// case.key
    #[arg(long, value_name = "FILE", requires_all = ["redact", "out"])]
    redact_key: Option<PathBuf>,
    /// Keep the domains of redacted addresses
    #[arg(long, hide_short_help = true, requires = "redact")]
    keep_domains: bool,
    /// Sign the bundle's sums with a minisign secret key
    #[arg(long, value_name = "FILE", requires = "out")]
    sign_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Shape {
    /// Evidence: records, tables, report, manifest and sums
    #[default]
    Bundle,
    /// Apache Parquet, a row for each event
    Parquet,
    /// NDJSON in the Elastic Common Schema, a line for each event
    Ecs,
    /// NDJSON in OCSF, a line for each event
    Ocsf,
}

impl Shape {
    fn flat(self) -> Option<FlatFormat> {
        match self {
            Self::Bundle => None,
            Self::Parquet => Some(FlatFormat::Parquet),
            Self::Ecs => Some(FlatFormat::Ecs),
            Self::Ocsf => Some(FlatFormat::Ocsf),
        }
    }
}

/// What is to be redacted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Redact {
    /// Addresses, wherever they occur
    Addresses,
    /// Subjects
    Subjects,
    /// Both
    All,
}

impl Redact {
    /// What redacts it with the key in a file.
    pub(super) fn open(self, key: &Path, keeps_domains: bool) -> Result<Redactor, ExportError> {
        let (addresses, subjects) = (self != Self::Subjects, self != Self::Addresses);
        Redactor::open(key, addresses, subjects, keeps_domains)
    }
}

impl ExtractArgs {
    /// Reads the key that signs, where one is named.
    pub(super) fn signing_key(&self, password: &PasswordArgs) -> anyhow::Result<Option<SecretKey>> {
        anyhow::ensure!(
            self.sign_key.is_none() || self.shape == Shape::Bundle,
            "--sign-key: only a bundle is signed; `minisign -S` signs any file"
        );
        anyhow::ensure!(
            self.sign_key.is_some() || !password.is_given(),
            "--password-file: name the secret key that it is for with --sign-key"
        );
        self.sign_key.as_deref().map(|it| password.open(it)).transpose()
    }

    /// Where it is made; nowhere when it goes to standard output.
    pub(super) fn staging(&self, out: &Path, context: &Context) -> anyhow::Result<Option<Staging>> {
        if out.as_os_str() != "-" {
            let staging = Staging::beside(out)?;
            context.leftovers.add(staging.path())?;
            return Ok(Some(staging));
        }
        anyhow::ensure!(self.shape != Shape::Bundle, NO_BUNDLE_OUT);
        anyhow::ensure!(
            self.shape != Shape::Parquet || !io::stdout().is_terminal(),
            "--out: Parquet is nothing for a terminal: name a file, or send it on"
        );
        Ok(None)
    }

    pub(super) fn redactor(&self) -> anyhow::Result<Option<Redactor>> {
        let (Some(redact), Some(key)) = (self.redact, &self.redact_key) else { return Ok(None) };
        Ok(Some(redact.open(key, self.keep_domains)?))
    }

    /// Makes an extract in its shape, and says what it has: one file where `staging` is for or to
    /// standard output, or a bundle.
    pub(super) fn write<'k>(
        &self,
        (out, staging): (&Path, Option<Staging>),
        key: Option<&'k SecretKey>,
        context: &Context,
        write_flat: impl FnOnce(FlatFormat, Option<Staging>) -> Result<Made, ExportError>,
        write_bundle: impl FnOnce(Staging, Signing<'k>) -> Result<BundleReport, ExportError>,
    ) -> anyhow::Result<Made> {
        let Some(format) = self.shape.flat() else {
            let staging = staging.context(NO_BUNDLE_OUT)?;
            let report = write_bundle(staging, key.map(|it| (it, context.now)))?;
            let made = report_bundle(&report, context)?;
            if let Some(key) = &self.sign_key {
                warn_of_open_key(key, context);
            }
            return Ok(made);
        };
        let is_file = staging.is_some();
        let made = write_flat(format, staging)?;
        if is_file {
            let mut stdout = anstream::stdout().lock();
            report_flat(&made, out, self.redact.is_some(), context, &mut stdout)?;
        }
        Ok(made)
    }
}

/// How much was made.
pub(super) struct Made {
    /// None where it is of events alone.
    pub(super) messages: Option<u64>,
    pub(super) events: u64,
    pub(super) truncated: u64,
}

impl Made {
    fn in_words(&self) -> String {
        let events = counted(self.events, "event");
        match self.messages {
            Some(messages) => format!("{} with {events}", counted(messages, "message")),
            None => events,
        }
    }
}

/// Says what one file has.
fn report_flat(
    made: &Made,
    path: &Path,
    is_redacted: bool,
    context: &Context,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let path = path.display().to_string();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = json!({
                "path": path,
                "messages": made.messages,
                "records": made.events,
                "truncated": made.truncated,
                "redacted": is_redacted,
            });
            write_json(&json, out)?;
        }
        Format::Table | Format::Csv => {
            writeln!(out, "{} in {}", made.in_words(), sanitise(&path))?;
        }
    }
    Ok(())
}

/// Says what a bundle has. Gives how much.
fn report_bundle(report: &BundleReport, context: &Context) -> anyhow::Result<Made> {
    let mut stdout = anstream::stdout().lock();
    let (manifest, counts) = (&report.manifest, &report.manifest.counts);
    let messages = counts.access.is_none().then_some(counts.messages);
    let made = Made { messages, events: counts.records, truncated: counts.truncated };
    let path = report.path.display().to_string();
    match context.global.format {
        Format::Json | Format::Ndjson => {
            let json = json!({
                "path": path,
                "messages": messages,
                "records": counts.records,
                "notFound": counts.not_found,
                "truncated": counts.truncated,
                "redacted": manifest.redaction.is_some(),
                "sumsSha256": report.sums_sha256,
                "signed": report.is_signed,
                "files": manifest.files,
            });
            write_json(&json, &mut stdout)?;
        }
        Format::Table => {
            writeln!(stdout, "{} in {}", made.in_words(), sanitise(&path))?;
            writeln!(stdout, "SHA-256 of its SHA256SUMS: {}", report.sums_sha256)?;
            if report.is_signed {
                writeln!(stdout, "signed, in its SHA256SUMS{SIGNATURE_SUFFIX}")?;
            }
        }
        Format::Csv => {
            let mut csv = csv::Writer::from_writer(&mut stdout);
            csv.write_record(["name", "bytes", "sha256"])?;
            for file in &manifest.files {
                csv.write_record([&csv_cell(&file.name), &file.bytes.to_string(), &file.sha256])?;
            }
            csv.flush()?;
        }
    }
    stdout.flush()?;
    Ok(made)
}
