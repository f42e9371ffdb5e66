//! The evidence bundle of audit events: records, a table, a report, a manifest and the sums over
//! all of them.

use std::io::Write as _;

use super::passage::{AccessSink, PassingAccess, pass};
use super::report::{AccessReportBody, write_access_report};
use crate::access::{AccessHits, People};
use crate::export::bundle::{ACCESS, REPORT, TIMESKETCH, seal};
use crate::export::facts::{StoreFacts, coverage_of};
use crate::export::manifest::{BundleCounts, BundleQuestion, FileEntry, Manifest, Rules};
use crate::export::records::write_record;
use crate::export::staging::HashedFile;
use crate::export::tables::{TIMESKETCH_COLUMNS, timesketch_time};
use crate::export::{BundleReport, ExportError, Redactor, Staging};
use crate::render::{
    BYTE_ORDER_MARK, access_cells, access_columns, access_sentence, csv_cell, write_csv_rows,
};
use crate::signing::SecretKey;
use crate::source::BUNDLE_RECORDS;
use crate::store::Store;
use crate::time::{Timestamp, Zone};

/// The options of a bundle of audit events.
#[derive(Clone)]
pub struct AccessBundleOptions<'a> {
    pub question: BundleQuestion,
    /// The time zone of the table and the report.
    pub zone: Zone,
    /// Replaces addresses and IDs.
    pub redactor: Option<&'a Redactor>,
    /// The key that signs the sums, and the time of signing. A signature differs each time.
    pub signing: Option<(&'a SecretKey, Timestamp)>,
}

/// Writes a bundle of the events to the target of `staging`: a directory, or a zip if its name ends
/// so.
///
/// # Errors
///
/// [`ExportError`] if the store cannot be read, an event cannot be redacted, or a file cannot be
/// written. The target is then unchanged.
pub fn write_access_bundle(
    store: &Store,
    hits: &AccessHits<'_>,
    options: &AccessBundleOptions<'_>,
    staging: Staging,
) -> Result<BundleReport, ExportError> {
    let redactor = options.redactor;
    let mut files = AccessFiles::create(&staging, &options.zone)?;
    let counts = pass(store, hits, redactor, &mut files)?;
    let asked = &options.question;
    let mut manifest = Manifest {
        question: redactor.map_or_else(|| asked.clone(), |it| it.question(asked)),
        rules: Rules { time_zone: options.zone.name(), ..Rules::default() },
        first_event: counts.span.map(|(first, _)| first.to_string()),
        last_event: counts.span.map(|(_, last)| last.to_string()),
        counts: BundleCounts {
            records: counts.events,
            timeline_rows: counts.events,
            in_order: true,
            access: Some(counts),
            ..BundleCounts::default()
        },
        store: StoreFacts::of(store)?,
        coverage: coverage_of(store, redactor),
        redaction: redactor.map(Redactor::describe),
        ..Manifest::new()
    };
    let body;
    (manifest.files, body) = files.finish()?;
    // The report shows the other files' hashes, so it is written after them.
    let mut report = staging.create(REPORT)?;
    write_access_report(&manifest, &options.zone, &body, &mut report)?;
    manifest.files.push(FileEntry::new(REPORT, &report.finish()?));
    seal(manifest, options.signing, staging)
}

/// The files that are written as the events pass.
struct AccessFiles {
    records: HashedFile,
    access: HashedFile,
    timesketch: HashedFile,
    report: AccessReportBody,
    zone: Zone,
}

impl AccessFiles {
    fn create(staging: &Staging, zone: &Zone) -> Result<Self, ExportError> {
        let mut files = Self {
            records: staging.create(BUNDLE_RECORDS)?,
            access: staging.create(ACCESS)?,
            timesketch: staging.create(TIMESKETCH)?,
            report: AccessReportBody::default(),
            zone: zone.clone(),
        };
        // People open this file, and without the mark a spreadsheet guesses the encoding.
        files.access.with(|out| {
            out.write_all(BYTE_ORDER_MARK)?;
            write_csv_rows([access_columns()], out)
        })?;
        files.timesketch.with(|out| {
            write_csv_rows([TIMESKETCH_COLUMNS.into_iter().chain(access_columns().skip(1))], out)
        })?;
        Ok(files)
    }

    fn finish(self) -> Result<(Vec<FileEntry>, AccessReportBody), ExportError> {
        let files = vec![
            FileEntry::new(BUNDLE_RECORDS, &self.records.finish()?),
            FileEntry::new(ACCESS, &self.access.finish()?),
            FileEntry::new(TIMESKETCH, &self.timesketch.finish()?),
        ];
        Ok((files, self.report))
    }
}

impl AccessSink for AccessFiles {
    fn take(&mut self, passing: &PassingAccess, people: &People) -> Result<(), ExportError> {
        let (access, zone) = (&passing.access, &self.zone);
        let source = passing.source.as_ref();
        self.records.with(|out| write_record(&access.record, source, out))?;
        self.access.with(|out| write_csv_rows([access_cells(access, people, zone)], out))?;
        let asked_for = [
            csv_cell(&access_sentence(access, people)),
            timesketch_time(access.at()),
            "Event logged".to_owned(),
            format!("aws:workmail:{}", access.event.kind.as_str().replace('-', "_")),
        ];
        let cells = access_cells(access, people, &Zone::UTC).into_iter().skip(1);
        self.timesketch.with(|out| write_csv_rows([asked_for.into_iter().chain(cells)], out))?;
        self.report.add(access, people, zone);
        Ok(())
    }
}
