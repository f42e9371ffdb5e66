//! The evidence bundle: records, tables, a report, a manifest and the sums over all of them.

use std::io::Write as _;
use std::path::PathBuf;

use super::check::packing_order;
use super::facts::{StoreFacts, coverage_of};
use super::manifest::{BundleCounts, BundleQuestion, FileEntry, Manifest, Rules};
use super::pack::pack;
use super::passage::{PassingEvent, Sink, pass};
use super::records::write_record;
use super::report::{ReportBody, write_report};
use super::staging::{HashedFile, is_zip};
use super::tables::{
    write_timeline_header, write_timeline_row, write_timesketch_header, write_timesketch_row,
};
use super::{ExportError, ExportSelection, Passed, Redactor, Staging};
use crate::render::{
    BYTE_ORDER_MARK, message_columns, message_rows, write_csv_rows, write_json_pretty,
};
use crate::signing::SecretKey;
use crate::source::{BUNDLE_MANIFEST, BUNDLE_RECORDS};
use crate::store::Store;
use crate::time::{Timestamp, Zone};
use crate::trace::{JoinRules, Message};

pub(super) const SUMS: &str = "SHA256SUMS";
/// The signature of the sums, which cannot be among them.
pub(super) const SIGNATURE: &str = "SHA256SUMS.minisig";
pub(super) const MESSAGES: &str = "messages.csv";
/// The table of audit events.
pub(super) const ACCESS: &str = "access.csv";
pub(super) const TIMELINE: &str = "timeline.csv";
pub(super) const TIMESKETCH: &str = "timesketch.csv";
pub(super) const REPORT: &str = "report.html";

/// The sections of the report until the whole can be written. It never leaves the staging
/// directory.
const REPORT_BODY: &str = ".report-body";

/// The options of a bundle.
#[derive(Clone)]
pub struct BundleOptions<'a> {
    pub question: BundleQuestion,
    /// The rules on which outcomes depend. `newest` should be the store's newest record.
    pub rules: JoinRules,
    /// The time zone of the tables and the report.
    pub zone: Zone,
    /// Replaces addresses and subjects.
    pub redactor: Option<&'a Redactor>,
    /// The key that signs the sums, and the time of signing. A signature differs each time.
    pub signing: Option<(&'a SecretKey, Timestamp)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleReport {
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// SHA-256 of its `SHA256SUMS`, in hexadecimal, which stands for every byte of the bundle.
    pub sums_sha256: String,
    /// True if it contains a signature of `SHA256SUMS`.
    pub is_signed: bool,
}

/// Writes a bundle of the selected messages to the target of `staging`: a directory, or a zip if
/// its name ends so.
///
/// # Errors
///
/// [`ExportError`] if the store cannot be read, a message cannot be redacted, or a file cannot be
/// written. The target is then unchanged.
pub fn write_bundle(
    store: &Store,
    selection: &ExportSelection,
    options: &BundleOptions<'_>,
    staging: Staging,
) -> Result<BundleReport, ExportError> {
    let mut files = BundleFiles::create(&staging, &options.zone)?;
    let passed = pass(store, selection, &options.rules, options.redactor, &mut files)?;
    let mut manifest = describe(store, selection, options, &passed)?;
    manifest.files = files.finish()?;
    // The report begins with counts and ends with hashes that are known only now, so its sections
    // wait in a file of their own rather than in memory.
    let mut report = staging.create(REPORT)?;
    let body = staging.path().join(REPORT_BODY);
    write_report(&manifest, &options.zone, &body, &mut report)?;
    std::fs::remove_file(&body).map_err(ExportError::io("remove", &body))?;
    manifest.files.push(FileEntry::new(REPORT, &report.finish()?));
    seal(manifest, options.signing, staging)
}

/// Writes the manifest, the sums and their signature next to the files that the manifest names, and
/// moves the bundle to its target.
pub(super) fn seal(
    mut manifest: Manifest,
    signing: Option<(&SecretKey, Timestamp)>,
    staging: Staging,
) -> Result<BundleReport, ExportError> {
    let is_signed = signing.is_some();
    // A fixed order, so that the same export is the same bytes. The manifest hashes the other
    // files, the sums hash the manifest too, and the signature covers the sums.
    manifest.files.sort_by(|a, b| a.name.cmp(&b.name));
    let mut file = staging.create(BUNDLE_MANIFEST)?;
    file.with(|out| write_json_pretty(&manifest, out))?;
    let mut listed = manifest.files.clone();
    listed.push(FileEntry::new(BUNDLE_MANIFEST, &file.finish()?));
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    let mut sums = staging.create(SUMS)?;
    sums.with(|out| listed.iter().try_for_each(|it| writeln!(out, "{}  {}", it.sha256, it.name)))?;
    let sums_sha256 = sums.finish()?.sha256;
    if let Some((key, at)) = signing {
        let path = staging.path().join(SUMS);
        let sums = std::fs::read(&path).map_err(ExportError::io("read", &path))?;
        let signature = key.sign(&sums, at, SUMS)?;
        let mut file = staging.create(SIGNATURE)?;
        file.with(|out| out.write_all(signature.as_bytes()))?;
        file.finish()?;
    }

    let path = staging.target().to_owned();
    if is_zip(&path) {
        const ZIP: &str = ".bundle.zip";
        let listed = listed.iter().map(|it| it.name.as_str());
        let names = packing_order(listed, is_signed);
        pack(staging.path(), &names, &staging.path().join(ZIP))?;
        staging.publish_file(ZIP)?;
    } else {
        staging.publish()?;
    }
    Ok(BundleReport { path, manifest, sums_sha256, is_signed })
}

fn describe(
    store: &Store,
    selection: &ExportSelection,
    options: &BundleOptions<'_>,
    passed: &Passed,
) -> Result<Manifest, ExportError> {
    let (not_found, not_found_count) = selection.not_found();
    let redactor = options.redactor;
    Ok(Manifest {
        question: redactor
            .map_or_else(|| options.question.clone(), |it| it.question(&options.question)),
        rules: Rules::new(&options.rules, &options.zone),
        counts: BundleCounts::new(passed, not_found_count),
        not_found: not_found
            .iter()
            .map(|it| redactor.map_or_else(|| it.clone(), |redactor| redactor.id(it)))
            .collect(),
        first_event: passed.span.map(|(first, _)| first.to_string()),
        last_event: passed.span.map(|(_, last)| last.to_string()),
        store: StoreFacts::of(store)?,
        coverage: coverage_of(store, redactor),
        redaction: redactor.map(Redactor::describe),
        ..Manifest::new()
    })
}

/// The files that are written as the messages pass.
struct BundleFiles {
    records: HashedFile,
    messages: HashedFile,
    timeline: HashedFile,
    timesketch: HashedFile,
    report: ReportBody,
    zone: Zone,
}

impl BundleFiles {
    fn create(staging: &Staging, zone: &Zone) -> Result<Self, ExportError> {
        let mut files = Self {
            records: staging.create(BUNDLE_RECORDS)?,
            messages: staging.create(MESSAGES)?,
            timeline: staging.create(TIMELINE)?,
            timesketch: staging.create(TIMESKETCH)?,
            report: ReportBody::new(staging.create(REPORT_BODY)?, zone),
            zone: zone.clone(),
        };
        // People open these two, and without the mark a spreadsheet guesses the encoding.
        for file in [&mut files.messages, &mut files.timeline] {
            file.with(|out| out.write_all(BYTE_ORDER_MARK))?;
        }
        files.messages.with(|out| write_csv_rows([message_columns()], out))?;
        files.timeline.with(|out| write_timeline_header(out))?;
        files.timesketch.with(|out| write_timesketch_header(out))?;
        Ok(files)
    }

    fn finish(self) -> Result<Vec<FileEntry>, ExportError> {
        self.report.finish()?;
        Ok(vec![
            FileEntry::new(BUNDLE_RECORDS, &self.records.finish()?),
            FileEntry::new(MESSAGES, &self.messages.finish()?),
            FileEntry::new(TIMELINE, &self.timeline.finish()?),
            FileEntry::new(TIMESKETCH, &self.timesketch.finish()?),
        ])
    }
}

impl Sink for BundleFiles {
    fn message(&mut self, number: u64, message: &Message) -> Result<(), ExportError> {
        let zone = &self.zone;
        self.messages.with(|out| write_csv_rows(message_rows(message, zone), out))?;
        self.report.add(number, message)
    }

    fn event(&mut self, event: &PassingEvent) -> Result<(), ExportError> {
        let zone = &self.zone;
        let (record, source) = (&event.stored.record, event.source.as_ref());
        self.records.with(|out| write_record(record, source, out))?;
        self.timeline.with(|out| write_timeline_row(event, zone, out))?;
        self.timesketch.with(|out| write_timesketch_row(event, out))
    }
}
