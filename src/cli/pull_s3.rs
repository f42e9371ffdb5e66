//! `mailtrace pull --s3`.

use std::io::Write;

use anyhow::Context as _;
use serde_json::json;

use super::import::{self, finish};
use super::progress::ImportProgress;
use super::{Context, Format, Outcome};
use crate::aws::{S3Url, SessionOptions};
use crate::ingest::{ImportOptions, S3Report, import_s3};
use crate::render::write_json;
use crate::trace::keep_table;

/// Takes what an export task or Firehose left below `url`. `log_group` names the group of records
/// whose object does not.
pub(super) fn run(
    url: &str,
    log_group: Option<String>,
    session: &SessionOptions,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let url = S3Url::parse(url).with_context(|| format!("--s3 {url}"))?;
    let stop = super::pull::stop_on_interrupt()?;
    let store = context.store_path()?;
    let options = ImportOptions {
        log_group,
        began: Some(context.now),
        table: Some(keep_table),
        ..ImportOptions::default()
    };
    let progress = ImportProgress::new(context);
    let report = import_s3(session, &url, &store, &options, &stop, &mut |it| progress.show(it))?;
    drop(progress);
    let mut stdout = anstream::stdout().lock();
    match context.global.format {
        Format::Table => {
            import::write_text(&report.import, &mut stdout)?;
            write_objects(&report, &mut stdout)?;
        }
        Format::Json | Format::Ndjson => {
            let mut json = import::to_json(&report.import);
            if let Some(object) = json.as_object_mut() {
                object.insert("objectsTaken".to_owned(), json!(report.objects_taken));
                object.insert("objectsSkipped".to_owned(), json!(report.objects_skipped));
                object.insert("throttled".to_owned(), json!(report.throttled));
                object.insert("withheld".to_owned(), json!(report.import.withheld()));
            }
            write_json(&json, &mut stdout)?;
        }
        Format::Csv => import::write_csv(&report.import, &mut stdout)?,
    }
    stdout.flush()?;
    if report.is_stopped {
        anyhow::bail!("{}", super::pull::INTERRUPTED);
    }
    if report.import.files.is_empty() && report.objects_skipped == 0 {
        anyhow::bail!("no object lies below {url}: check the bucket and the prefix");
    }
    finish(&report.import, context)
}

fn write_objects(report: &S3Report, out: &mut dyn Write) -> std::io::Result<()> {
    match report.objects_skipped {
        0 => Ok(()),
        1 => writeln!(out, "1 object had been taken before and was not fetched again"),
        count => writeln!(out, "{count} objects had been taken before and were not fetched again"),
    }
}
