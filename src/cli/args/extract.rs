//! Shared by `export` and `access` when they write an extract: its shape, redaction and
//! signature, and the messages about it.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::cli::args::backend::BackendArgs;
use crate::cli::args::password::{PasswordArgs, warn_of_open_key};
use crate::cli::context::Context;
use crate::cli::output;
use crate::export::{BundleReport, ExportError, FlatFormat, Redactor, Staging};
use crate::render::{
    Answer, BriefAnswer, JsonWriter, TableOptions, counted, csv_cell, sanitise, write_csv,
};
use crate::signing::{SIGNATURE_SUFFIX, SecretKey};
use crate::store::Store;
use crate::time::{Timestamp, Zone};

/// The error for a bundle that should go to standard output.
const NO_BUNDLE_OUT: &str = "--out: a bundle goes to a directory or a zip, not to standard output";

/// The key to sign with, and the time of the signature.
type Signing<'k> = Option<(&'k SecretKey, Timestamp)>;

/// How an extract is written.
#[derive(Debug, Args)]
pub(crate) struct ExtractArgs {
    /// What to write
    #[arg(long = "as", value_enum, default_value_t, value_name = "SHAPE", requires = "out")]
    shape: Shape,
    /// A name for the case, for report and manifest
    #[arg(long, value_name = "TEXT", requires = "out")]
    pub(crate) case: Option<String>,
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
    #[cfg(not(feature = "aws"))]
    #[command(flatten)]
    password: PasswordArgs,
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
pub(crate) enum Redact {
    /// Addresses, wherever they occur
    Addresses,
    /// Subjects
    Subjects,
    /// Both
    All,
}

impl Redact {
    /// A redactor with the key in a file.
    pub(crate) fn open(self, key: &Path, keeps_domains: bool) -> Result<Redactor, ExportError> {
        let (addresses, subjects) = (self != Self::Subjects, self != Self::Addresses);
        Redactor::open(key, addresses, subjects, keeps_domains)
    }
}

impl ExtractArgs {
    /// Reads the signing key, if one is named.
    pub(crate) fn signing_key(&self, backend: &BackendArgs) -> anyhow::Result<Option<SecretKey>> {
        // The option `--password-file` serves two: with a user it is the cluster's.
        #[cfg(feature = "aws")]
        let password = &PasswordArgs::at(backend.cluster.other_password_file());
        #[cfg(not(feature = "aws"))]
        let (password, _none) = (&self.password, backend);
        anyhow::ensure!(
            self.sign_key.is_none() || self.shape == Shape::Bundle,
            "--sign-key: only a bundle is signed; `minisign -S` signs any file"
        );
        anyhow::ensure!(
            self.sign_key.is_some() || !password.is_given(),
            "--password-file: name the secret key it belongs to with --sign-key"
        );
        self.sign_key.as_deref().map(|it| password.open(it)).transpose()
    }

    /// The place where the extract is made; `None` for standard output.
    pub(crate) fn staging(&self, out: &Path, context: &Context) -> anyhow::Result<Option<Staging>> {
        if out.as_os_str() != "-" {
            // Made beside its final path, so that the last step can be a rename.
            let staging = Staging::beside(out)?;
            context.leftovers.add(staging.path())?;
            return Ok(Some(staging));
        }
        anyhow::ensure!(self.shape != Shape::Bundle, NO_BUNDLE_OUT);
        anyhow::ensure!(
            self.shape != Shape::Parquet || !io::stdout().is_terminal(),
            "--out: Parquet is binary, so it is not written to a terminal: name a file, or pipe it"
        );
        Ok(None)
    }

    pub(crate) fn redactor(&self) -> anyhow::Result<Option<Redactor>> {
        let (Some(redact), Some(key)) = (self.redact, &self.redact_key) else { return Ok(None) };
        Ok(Some(redact.open(key, self.keep_domains)?))
    }

    /// Writes an extract in its shape, and reports it: a single file (`staging`) or standard
    /// output, or a bundle.
    pub(crate) fn write<'k>(
        &self,
        (out, staging): (&Path, Option<Staging>),
        key: Option<&'k SecretKey>,
        context: &Context,
        write_flat: impl FnOnce(FlatFormat, Option<Staging>) -> Result<ExtractCounts, ExportError>,
        write_bundle: impl FnOnce(Staging, Signing<'k>) -> Result<BundleReport, ExportError>,
    ) -> anyhow::Result<ExtractCounts> {
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
            report_flat(&made, out, self.redact.is_some(), context)?;
        }
        Ok(made)
    }
}

/// Says what an export from a cluster lacks.
pub(crate) fn say_of_mirror(store: &Store, context: &Context) {
    if store.is_mirror() && !context.global.quiet {
        output::note(
            "a cluster does not know which file or pull a record came from, nor what stands for the whole archive: the export leaves both out",
        );
    }
}

/// The size of an extract.
pub(crate) struct ExtractCounts {
    /// `None` for events alone.
    pub(crate) messages: Option<u64>,
    pub(crate) events: u64,
    pub(crate) truncated: u64,
}

impl ExtractCounts {
    fn in_words(&self) -> String {
        let events = counted(self.events, "event");
        match self.messages {
            Some(messages) => format!("{} with {events}", counted(messages, "message")),
            None => events,
        }
    }
}

/// Reports a single file.
fn report_flat(
    made: &ExtractCounts,
    path: &Path,
    is_redacted: bool,
    context: &Context,
) -> io::Result<()> {
    let path = path.display().to_string();
    context.print(&BriefAnswer {
        lines: vec![format!("{} in {path}", made.in_words())],
        json: json!({
            "path": path,
            "messages": made.messages,
            "records": made.events,
            "truncated": made.truncated,
            "redacted": is_redacted,
        }),
    })
}

/// A bundle that was written.
struct MadeBundle<'r> {
    report: &'r BundleReport,
    made: ExtractCounts,
}

impl Answer for MadeBundle<'_> {
    fn table(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let path = self.report.path.display().to_string();
        writeln!(out, "{} in {}", self.made.in_words(), sanitise(&path))?;
        writeln!(out, "SHA-256 of its SHA256SUMS: {}", self.report.sums_sha256)?;
        if self.report.is_signed {
            writeln!(out, "signature in SHA256SUMS{SIGNATURE_SUFFIX}")?;
        }
        Ok(())
    }

    fn json(&self, _zone: &Zone, out: &mut JsonWriter<'_>) -> io::Result<()> {
        let manifest = &self.report.manifest;
        out.value(&json!({
            "path": self.report.path.display().to_string(),
            "messages": self.made.messages,
            "records": self.made.events,
            "notFound": manifest.counts.not_found,
            "truncated": self.made.truncated,
            "redacted": manifest.redaction.is_some(),
            "sumsSha256": self.report.sums_sha256,
            "signed": self.report.is_signed,
            "files": manifest.files,
        }))
    }

    /// Prints a row for each file.
    fn csv(&self, _options: &TableOptions, out: &mut dyn Write) -> io::Result<()> {
        let files = self.report.manifest.files.iter();
        let rows = files.map(|it| [csv_cell(&it.name), it.bytes.to_string(), it.sha256.clone()]);
        write_csv(["name", "bytes", "sha256"], rows, out)
    }
}

/// Reports a bundle. Returns its size.
fn report_bundle(report: &BundleReport, context: &Context) -> io::Result<ExtractCounts> {
    let counts = &report.manifest.counts;
    let messages = counts.access.is_none().then_some(counts.messages);
    let made = ExtractCounts { messages, events: counts.records, truncated: counts.truncated };
    let bundle = MadeBundle { report, made };
    context.print(&bundle)?;
    Ok(bundle.made)
}
