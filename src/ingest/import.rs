//! Importing files, directories and standard input.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rayon::prelude::*;
use tempfile::TempDir;

use super::decode::{DecodedBatch, Worker};
use super::{FileReport, ImportReport, IngestError};
use crate::limits;
use crate::source::{Batch, Input, SourceError, SourceReader, walk};
use crate::store::{Appended, CoveredRange, RejectedWriter, Store, StoreError, StoreWriter};
use crate::time::Timestamp;

/// How to import.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// The log group of records whose source does not name theirs.
    pub log_group: Option<String>,
    /// Records that one commit may hold back, where that is to be less than
    /// [`limits::COMMIT_RECORDS_MAX`].
    pub commit_records_max: Option<u64>,
}

/// How far an import has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read of the inputs as they lie on disk.
    pub bytes: u64,
    /// Bytes of all inputs, where that can be known.
    pub total_bytes: Option<u64>,
    /// Records and rejected pieces so far.
    pub read: u64,
}

/// What the reading thread tells.
enum Step {
    Begin { name: String, modified: Option<Timestamp> },
    Batch(Batch),
    End { compression: String, problem: Option<SourceError> },
}

/// Imports what `paths` name (`-` is standard input) into the store at `store`, which is made when
/// there is none, and commits it. `on_progress` is called several times a second.
///
/// Bad input is kept, counted and passed over; an input that cannot be read is reported, and the
/// others go on.
///
/// # Errors
///
/// [`IngestError::Source`] when a named path does not exist, before anything is read;
/// [`IngestError::Store`] when the store cannot take more: what was committed by then stays.
pub fn import(
    paths: &[PathBuf],
    store: &Path,
    options: &ImportOptions,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<ImportReport, IngestError> {
    let started = Instant::now();
    let inputs = walk(paths)?;
    let mut writer = StoreWriter::open_or_create(store)?;
    let total_bytes = total_bytes(&inputs);
    let bytes = AtomicU64::new(0);
    let batch_count = limits::QUEUE_BATCHES_PER_WORKER * rayon::current_num_threads();
    let (sender, receiver) = bounded(batch_count);
    let mut import = Import {
        writer: &mut writer,
        options,
        files: Vec::new(),
        file: None,
        committed: Instant::now(),
    };
    std::thread::scope(|scope| {
        let bytes = &bytes;
        scope.spawn(move || read_inputs(inputs, &sender, bytes));
        // Moved in, so that the reading thread is let go when we stop early.
        let receiver: Receiver<Step> = receiver;
        while let Ok(first) = receiver.recv() {
            let mut round = vec![first];
            round.extend(receiver.try_iter().take(batch_count));
            import.take(round)?;
            on_progress(Progress {
                bytes: bytes.load(Ordering::Relaxed),
                total_bytes,
                read: import.files.iter().map(|it| it.read).sum::<u64>()
                    + import.file.as_ref().map_or(0, |it| it.report.read),
            });
        }
        Ok::<_, IngestError>(())
    })?;
    let files = import.files;
    writer.close()?;
    let elapsed_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(ImportReport { files, elapsed_ms })
}

/// Makes a directory for [`import_temporarily`], which goes when it is dropped.
///
/// # Errors
///
/// [`IngestError::NoTemporaryDirectory`].
pub fn temporary_directory() -> Result<TempDir, IngestError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mailtrace-").tempdir().map_err(IngestError::NoTemporaryDirectory)
}

/// Imports into a store within `dir`, to be asked as long as that directory lasts.
///
/// # Errors
///
/// As [`import`].
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
            Input::File(path) => total += fs::metadata(path).ok().filter(|it| it.is_file())?.len(),
            Input::Problem(_) => {}
        }
    }
    Some(total)
}

/// Reads and frames; ends when there is nothing more to read or nobody listens.
fn read_inputs(inputs: Vec<Input>, sender: &Sender<Step>, bytes: &AtomicU64) {
    for input in inputs {
        let name = match &input {
            Input::Stdin => "-".to_owned(),
            Input::File(path) => path.display().to_string(),
            Input::Problem(_) => String::new(),
        };
        let modified = match &input {
            Input::File(path) => modified(path),
            Input::Stdin | Input::Problem(_) => None,
        };
        if sender.send(Step::Begin { name, modified }).is_err() {
            return;
        }
        let (compression, problem) = match read_input(&input, sender, bytes) {
            Ok(Some(compression)) => (compression, None),
            Ok(None) => return,
            Err(error) => (String::new(), Some(error)),
        };
        if sender.send(Step::End { compression, problem }).is_err() {
            return;
        }
    }
}

/// Sends an input's batches; gives its compression, or `None` when nobody listens any more.
fn read_input(
    input: &Input,
    sender: &Sender<Step>,
    bytes: &AtomicU64,
) -> Result<Option<String>, SourceError> {
    let before = bytes.load(Ordering::Relaxed);
    let mut reader = SourceReader::open(input)?;
    while let Some(batch) = reader.next_batch()? {
        bytes.store(before + reader.bytes_read(), Ordering::Relaxed);
        if sender.send(Step::Batch(batch)).is_err() {
            return Ok(None);
        }
    }
    bytes.store(before + reader.bytes_read(), Ordering::Relaxed);
    let layers: Vec<_> = reader.compression().iter().map(|it| it.as_str()).collect();
    Ok(Some(layers.join("+")))
}

fn modified(path: &Path) -> Option<Timestamp> {
    let modified = fs::metadata(path).ok()?.modified().ok()?;
    let since_epoch = modified.duration_since(std::time::UNIX_EPOCH).ok()?;
    Timestamp::from_ms(i64::try_from(since_epoch.as_millis()).ok()?)
}

struct Import<'i> {
    writer: &'i mut StoreWriter,
    options: &'i ImportOptions,
    files: Vec<FileReport>,
    file: Option<OpenFile>,
    committed: Instant,
}

/// The input that is being read.
struct OpenFile {
    report: FileReport,
    rejected: RejectedWriter,
    /// When the file was last changed: what is left when nothing in it has a time.
    modified: Option<Timestamp>,
    last_time: Option<Timestamp>,
    spans: Vec<(String, CoveredRange)>,
}

impl Import<'_> {
    /// Takes what the reading thread sent: decodes it in parallel, then stores it in order.
    fn take(&mut self, round: Vec<Step>) -> Result<(), IngestError> {
        let mut steps = Vec::with_capacity(round.len());
        let mut batches = Vec::new();
        for step in round {
            match step {
                Step::Batch(batch) => {
                    batches.push(batch);
                    steps.push(None);
                }
                other => steps.push(Some(other)),
            }
        }
        let mut decoded = self.decode(&batches, &vec![None; batches.len()])?;
        if self.borrow_times(&steps, &mut decoded, &batches)? && !self.writer.knows_messages() {
            self.writer.learn_messages()?;
            decoded = self.decode(&batches, &vec![None; batches.len()])?;
            self.borrow_times(&steps, &mut decoded, &batches)?;
        }
        let prepared = decoded.iter_mut().map(|it| std::mem::take(&mut it.prepared));
        let prepared: Vec<_> = prepared.collect();
        let spans: Vec<_> = prepared.iter().map(|it| it.spans().to_vec()).collect();
        let appended = self.writer.append(prepared)?;
        let mut outcomes = decoded.into_iter().zip(appended).zip(spans);
        for step in steps {
            match step {
                None => {
                    if let Some(((decoded, appended), spans)) = outcomes.next() {
                        self.count(decoded, &appended, spans)?;
                    }
                }
                Some(Step::Begin { name, modified }) => {
                    self.file = Some(OpenFile {
                        rejected: self.writer.rejected(&name),
                        report: FileReport { path: name, ..FileReport::default() },
                        modified,
                        last_time: None,
                        spans: Vec::new(),
                    });
                }
                Some(Step::End { compression, problem }) => self.finish(compression, problem)?,
                Some(Step::Batch(_)) => {}
            }
        }
        let records_max = self.options.commit_records_max.unwrap_or(limits::COMMIT_RECORDS_MAX);
        let is_due = self.committed.elapsed() >= Duration::from_millis(limits::COMMIT_INTERVAL_MS)
            || self.writer.uncommitted_records() >= records_max;
        if is_due {
            self.writer.commit()?;
            self.committed = Instant::now();
        }
        Ok(())
    }

    fn decode(
        &self,
        batches: &[Batch],
        borrowed: &[Option<Timestamp>],
    ) -> Result<Vec<DecodedBatch>, StoreError> {
        let preparers = self.writer.preparers();
        let log_group = self.options.log_group.as_deref();
        batches
            .par_iter()
            .zip(borrowed)
            .map_init(
                || Worker::new(&preparers),
                |worker, (batch, borrowed)| worker.decode(batch, *borrowed, log_group),
            )
            .collect()
    }

    /// Decodes again, with the time of the event before it, what needed one. Tells whether there
    /// are approximate times at all.
    fn borrow_times(
        &self,
        steps: &[Option<Step>],
        decoded: &mut [DecodedBatch],
        batches: &[Batch],
    ) -> Result<bool, StoreError> {
        let mut last_time = self.file.as_ref().and_then(|it| it.last_time);
        let mut modified = self.file.as_ref().and_then(|it| it.modified);
        let mut outcomes = decoded.iter_mut().zip(batches);
        for step in steps {
            match step {
                None => {
                    let Some((outcome, batch)) = outcomes.next() else { break };
                    if outcome.lacks_time {
                        let borrowed = last_time.or(outcome.first_time).or(modified);
                        let borrowed = borrowed.unwrap_or_else(Timestamp::now);
                        let mut again =
                            self.decode(std::slice::from_ref(batch), &[Some(borrowed)])?;
                        if let Some(again) = again.pop() {
                            *outcome = again;
                        }
                    }
                    last_time = outcome.last_time.or(last_time);
                }
                Some(Step::Begin { modified: new, .. }) => (last_time, modified) = (None, *new),
                Some(_) => {}
            }
        }
        Ok(decoded.iter().any(|it| it.prepared.has_approximate_times()))
    }

    /// Adds what became of one batch to its file's report, and keeps its rejects.
    fn count(
        &mut self,
        decoded: DecodedBatch,
        appended: &Appended,
        spans: Vec<(String, CoveredRange)>,
    ) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        for reject in decoded.rejects {
            file.rejected.add(
                reject.line,
                reject.byte_offset,
                &reject.reason,
                reject.is_continuation,
                &reject.bytes,
            )?;
            if !reject.is_continuation {
                file.report.rejected += 1;
                file.report.read += 1;
                file.report.first_reject.get_or_insert((reject.line, reject.reason));
            }
        }
        file.report.format = file.report.format.or(decoded.format);
        file.report.added += appended.added;
        file.report.duplicates += appended.duplicates();
        file.report.read += appended.added + appended.duplicates();
        file.last_time = decoded.last_time.or(file.last_time);
        for (log_group, range) in spans {
            let known = file.spans.iter_mut().find(|(name, _)| *name == log_group);
            let whole = match known {
                Some((_, known)) => {
                    *known = known.joined(range);
                    *known
                }
                None => {
                    file.spans.push((log_group.clone(), range));
                    range
                }
            };
            self.writer.cover(&log_group, whole);
        }
        Ok(())
    }

    fn finish(
        &mut self,
        compression: String,
        problem: Option<SourceError>,
    ) -> Result<(), StoreError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        file.rejected.finish()?;
        self.files.push(FileReport { compression, problem, ..file.report });
        Ok(())
    }
}
