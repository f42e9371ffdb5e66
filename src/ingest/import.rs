//! Imports files, directories and standard input.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::pipeline::store_inputs;
use super::reading::OpenedInput;
use super::{ImportReport, IngestError};
use crate::source::{Input, SourceReader, walk};
use crate::stop::Stop;
use crate::store::{OriginKind, Store, StoreWriter};
use crate::temporary::TemporaryDirectory;
use crate::time::Timestamp;

/// Options of an import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The log group of records whose source does not name one.
    pub log_group: Option<String>,
    /// Records that one commit may hold back, if fewer than
    /// [`COMMIT_RECORDS_MAX`](crate::limits::COMMIT_RECORDS_MAX).
    pub commit_records_max: Option<u64>,
    /// True if records like those removed from the store are left out. A user who names a file
    /// wants its content; objects that come by themselves must not bring back what was removed.
    pub withholds_removed: bool,
    /// True if the inputs do not prove that there was nothing else in their time.
    pub without_coverage: bool,
    /// Has the writer keep the store's message table up to date, if given.
    pub table: Option<fn(&mut StoreWriter)>,
    /// The time of its beginning for the store to remember; `None` takes the clock.
    pub began: Option<Timestamp>,
}

/// The progress of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read of the inputs, as stored on disk or in their bucket.
    pub bytes: u64,
    /// Bytes of all inputs, if known yet.
    pub total_bytes: Option<u64>,
    /// Records and rejected pieces so far.
    pub read: u64,
}

/// Imports `paths` (`-` is standard input) into the store at `store`, which is created if there is
/// none, and commits. Calls `on_progress` several times a second.
///
/// Bad input is kept, counted and skipped; an input that cannot be read is reported, and the others
/// go on.
///
/// # Errors
///
/// [`IngestError::Source`] if a named path does not exist, before anything is read;
/// [`IngestError::Store`] if the store cannot take more: what was committed by then stays.
pub fn import(
    paths: &[PathBuf],
    store: &Path,
    options: &ImportOptions,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, IngestError> {
    let started = Instant::now();
    let inputs = walk(paths)?;
    let mut writer = StoreWriter::open_or_create(store)?;
    options.table.inspect(|keep| keep(&mut writer));
    let total_bytes = total_bytes(&inputs);
    let inputs = inputs.iter().map(open);
    let never = Stop::new();
    let stored = store_inputs(&mut writer, inputs, options, &never, &|| total_bytes, on_progress)?;
    writer.close()?;
    Ok(ImportReport { files: stored.files, elapsed_ms: elapsed_ms(started) })
}

pub(super) fn elapsed_ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Creates a directory for [`import_temporarily`], which is removed on drop. Removes those that
/// killed processes left.
pub fn temporary_directory() -> Result<TemporaryDirectory, IngestError> {
    TemporaryDirectory::make(&std::env::temp_dir(), TEMPORARY_PREFIX)
        .map_err(IngestError::NoTemporaryDirectory)
}

/// The prefix of the names of temporary stores.
const TEMPORARY_PREFIX: &str = "mailtrace-input-";

/// Imports into a store within `dir`, which lasts as long as that directory.
pub fn import_temporarily(
    dir: &Path,
    paths: &[PathBuf],
    options: &ImportOptions,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<(Store, ImportReport), IngestError> {
    let path = dir.join("store");
    let report = import(paths, &path, options, on_progress)?;
    let store = Store::open(&path)?;
    Ok((store, report))
}

fn total_bytes(inputs: &[Input]) -> Option<u64> {
    let mut total = 0;
    for input in inputs {
        match input {
            Input::Stdin => return None,
            // A pipe has no length, and with one the total is unknown.
            Input::File(path) => total += fs::metadata(path).ok().filter(|it| it.is_file())?.len(),
            Input::Problem(_) => {}
        }
    }
    Some(total)
}

fn open(input: &Input) -> OpenedInput {
    let (name, modified) = match input {
        Input::Stdin => ("-".to_owned(), None),
        Input::File(path) => (path.display().to_string(), modified(path)),
        Input::Problem(_) => (String::new(), None),
    };
    let kind = if matches!(input, Input::Stdin) { OriginKind::Stdin } else { OriginKind::File };
    OpenedInput { name, kind, modified, reader: SourceReader::open(input), object: None }
}

fn modified(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Timestamp::from_ms(i64::try_from(since_epoch.as_millis()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Imports lines of a file into a store; how many were added, and how many were there.
    fn import_lines(store: &Path, lines: &[String]) -> (u64, u64) {
        let path = store.with_extension("ndjson");
        fs::write(&path, lines.join("\n")).unwrap();
        let report = import(&[path], store, &ImportOptions::default(), &mut |_| {}).unwrap();
        (report.added(), report.duplicates())
    }

    #[test]
    fn the_events_of_a_large_leg_are_known_again_by_time_and_by_message() {
        let dir = tempfile::tempdir().unwrap();
        let store = dir.path().join("store");
        let message = |number: usize| {
            format!(r#"{{"traceId":"t","event":{{"eventName":"RULE_APPLIED","n":{number}}}}}"#)
        };
        let record = |number: usize, ms: usize, group: usize| {
            let value = serde_json::json!({
                "logGroup": format!("g{group}"),
                "timestamp": 1_793_000_000_000_u64 + ms as u64,
                "message": message(number),
            });
            value.to_string()
        };
        let mut lines: Vec<String> = (0..500).map(|it| record(it, it, it)).collect();
        lines.extend((500..800).map(|it| record(it, 9_000, 0)));
        lines.extend((800..1_000).map(message));
        assert_eq!(import_lines(&store, &lines), (1_000, 0));
        assert_eq!(import_lines(&store, &lines), (0, 1_000));
        // The same at another time, another at the same, and one without a time that is there
        // with one.
        let others =
            [record(3, 4, 0), record(1_000, 9_000, 0), message(600), record(799, 9_000, 7)];
        assert_eq!(import_lines(&store, &others), (2, 2));
        assert_eq!(import_lines(&store, &others), (0, 4));
    }
}
