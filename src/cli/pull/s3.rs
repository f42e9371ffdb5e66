//! `mailtrace pull --s3`.

use anyhow::Context as _;

use crate::aws::{S3Url, SessionOptions};
use crate::cli::context::{CommandOutcome, Context};
use crate::cli::import::ImportAnswer;
use crate::cli::intake::finish;
use crate::cli::progress::ShownProgress;
use crate::ingest::{ImportOptions, import_s3};
use crate::trace::keep_table;

/// Imports the objects that an export task or Firehose put below `url`. `log_group` is for
/// records whose object does not name theirs.
pub(crate) fn run(
    url: &str,
    log_group: Option<String>,
    session: &SessionOptions,
    context: &Context,
) -> anyhow::Result<CommandOutcome> {
    let url = S3Url::parse(url).with_context(|| format!("--s3 {url}"))?;
    let stop = crate::cli::signals::stop_on_interrupt()?;
    let store = context.store_path()?;
    let options = ImportOptions {
        log_group,
        began: Some(context.now),
        table: Some(keep_table),
        ..ImportOptions::default()
    };
    let progress = ShownProgress::new(context);
    let report = import_s3(session, &url, &store, &options, &stop, &mut |it| progress.import(it))?;
    drop(progress);
    context.print(&ImportAnswer::of_objects(&report))?;
    if report.is_stopped {
        anyhow::bail!("{}", crate::cli::signals::INTERRUPTED);
    }
    if report.import.files.is_empty() && report.objects_skipped == 0 {
        anyhow::bail!("there is no object under {url}: check the bucket and the prefix");
    }
    finish(&report.import, context)
}
