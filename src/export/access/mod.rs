//! Extracts of audit events: an evidence bundle, and files for other programs.
//!
//! The events come as [`AccessHits`]; [`write_access_bundle`] and [`write_access_flat`] go through
//! them once, in order of time, and write as they go.

mod bundle;
mod counts;
mod ecs;
mod ocsf;
mod parquet;
mod passage;
mod report;

use std::io::{self, Write};

pub use bundle::{AccessBundleOptions, write_access_bundle};
pub use counts::AccessCounts;

use self::passage::{AccessSink, PassingAccess, pass};
use super::flat::in_file;
use super::{ExportError, FlatFormat, Redactor, Staging};
use crate::access::{AccessHits, People};
use crate::render::write_json;
use crate::store::Store;

/// Writes the events to `out`, in order of time.
pub fn write_access_flat<W: Write + Send>(
    store: &Store,
    hits: &AccessHits<'_>,
    redactor: Option<&Redactor>,
    format: FlatFormat,
    out: W,
) -> Result<AccessCounts, ExportError> {
    let document = match format {
        FlatFormat::Parquet => {
            let mut sink = parquet::AccessRows::new(out)?;
            let counts = pass(store, hits, redactor, &mut sink)?;
            sink.finish()?;
            return Ok(counts);
        }
        FlatFormat::Ecs => ecs::document,
        FlatFormat::Ocsf => ocsf::document,
    };
    let mut sink = AccessLines { out, document };
    let counts = pass(store, hits, redactor, &mut sink)?;
    sink.out.flush().map_err(|source| ExportError::Write { source })?;
    Ok(counts)
}

/// Does the same as [`write_access_flat`], to the target of `staging`.
///
/// # Errors
///
/// As [`write_access_flat`]; [`ExportError::TargetExists`] if something has appeared there
/// meanwhile.
pub fn write_access_flat_file(
    store: &Store,
    hits: &AccessHits<'_>,
    redactor: Option<&Redactor>,
    format: FlatFormat,
    staging: Staging,
) -> Result<AccessCounts, ExportError> {
    in_file(staging, |file| write_access_flat(store, hits, redactor, format, file))
}

/// Writes events as lines.
struct AccessLines<W> {
    out: W,
    document: fn(&PassingAccess, &People) -> serde_json::Value,
}

impl<W: Write> AccessSink for AccessLines<W> {
    fn take(&mut self, event: &PassingAccess, people: &People) -> Result<(), ExportError> {
        let written: io::Result<()> = write_json(&(self.document)(event, people), &mut self.out);
        written.map_err(|source| ExportError::Write { source })
    }
}
