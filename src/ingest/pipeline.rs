//! Takes opened inputs into the store: one thread reads, rayon's workers decode, and new records
//! are stored in the order of the inputs while the next are decoded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

use super::decode::DecodedBatch;
use super::reading::{Beginning, Ending, OpenedInput, ReadBatch, ReadingStep, read_inputs};
use super::rounds::{Round, RoundBounds, RoundDecoder};
use super::spans::Spans;
use super::workers::Workers;
use super::{FileReport, ImportOptions, IngestError, Intake, NoCoverage, Progress};
use crate::limits;
use crate::source::Completeness;
use crate::stop::Stop;
use crate::store::{
    Appended, ObjectHash, OriginCounts, OriginEnd, OriginId, OriginStart, PreparedBatch, Preparers,
    StoreError, StoreWriter,
};
use crate::time::Timestamp;

/// The result for all inputs.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) files: Vec<FileReport>,
    /// Objects that the store now has all of.
    pub(super) objects_taken: u64,
}

/// Stores the inputs in order until there are no more or `stop` is requested. Commits now and then,
/// but not at the end.
///
/// Another thread advances the iterator, once the input before has been read. `total_bytes` returns
/// the length of all inputs, if it is known by now.
pub(super) fn store_inputs(
    writer: &mut StoreWriter,
    inputs: impl Iterator<Item = OpenedInput> + Send,
    options: &ImportOptions,
    stop: &Stop,
    total_bytes: &dyn Fn() -> Option<u64>,
    on_progress: &mut dyn FnMut(Progress),
) -> Result<Stored, IngestError> {
    let bytes = AtomicU64::new(0);
    let workers = Workers::new(preparers(writer, options), options.log_group.as_deref());
    let batch_count = limits::QUEUE_BATCHES_PER_WORKER * rayon::current_num_threads();
    let (step_sender, step_receiver) = bounded(batch_count);
    let (round_sender, round_receiver) = bounded(limits::QUEUE_ROUNDS);
    let mut import = Import {
        writer,
        options,
        workers: &workers,
        stored: Stored::default(),
        read: 0,
        file: None,
        committed: Instant::now(),
    };
    std::thread::scope(|scope| {
        let (bytes, workers) = (&bytes, &workers);
        scope.spawn(move || read_inputs(inputs, &step_sender, bytes, stop));
        let decoder = RoundDecoder::new(workers, round_sender, RoundBounds::new(batch_count), stop);
        scope.spawn(move || decoder.run(&step_receiver));
        // Moved in, so that an early return drops the receiver and so ends the other threads, for
        // which the scope waits.
        let rounds: Receiver<Round> = round_receiver;
        for round in rounds {
            import.take(round)?;
            on_progress(Progress {
                bytes: bytes.load(Ordering::Relaxed),
                total_bytes: total_bytes(),
                read: import.read(),
            });
        }
        Ok::<_, IngestError>(())
    })?;
    Ok(import.end())
}

fn preparers(writer: &StoreWriter, options: &ImportOptions) -> Preparers {
    if options.withholds_removed { writer.preparers_without_removed() } else { writer.preparers() }
}

struct Import<'i> {
    writer: &'i mut StoreWriter,
    options: &'i ImportOptions,
    workers: &'i Workers<'i>,
    stored: Stored,
    /// Records and rejected pieces of the inputs that have ended.
    read: u64,
    file: Option<OpenFile>,
    committed: Instant,
}

/// The input that is being read.
struct OpenFile {
    intake: Intake,
    report: FileReport,
    /// When the file was last changed: the last resort if nothing in it has a time.
    modified: Option<Timestamp>,
    object: Option<ObjectHash>,
    /// The damage in its compressed data.
    damage: Option<String>,
    last_time: Option<Timestamp>,
    /// The coverage of its records, if it turns out to be whole.
    spans: Spans,
    completeness: Completeness,
    /// True if it was exported from a store, as a selection.
    is_excerpt: bool,
}

impl OpenFile {
    fn into_report(self) -> FileReport {
        let OriginCounts { read, added, duplicates, rejected } = self.intake.counts();
        let first_reject = self.intake.first_reject();
        let rejected_left_out = self.intake.left_out();
        FileReport {
            read,
            added,
            duplicates,
            rejected,
            rejected_left_out,
            first_reject,
            ..self.report
        }
    }
}

impl Import<'_> {
    /// Stores a round, in order.
    fn take(&mut self, round: Round) -> Result<(), IngestError> {
        let Round { steps, batches, decoded } = round;
        let mut decoded = decoded?;
        // A record with an approximate time is recognised by its message alone. The writer keeps
        // track of messages only from the first such record on.
        if self.borrow_times(&steps, &mut decoded, &batches)? && !self.writer.knows_messages() {
            self.writer.learn_messages()?;
            self.workers.renew(preparers(self.writer, self.options));
        }
        // Batches prepared before that cannot be appended and are decoded again.
        let is_known = |it: &DecodedBatch| it.prepared.knows_messages();
        if self.writer.knows_messages() && !decoded.iter().all(is_known) {
            decoded = self.workers.decode(&batches, None)?;
            self.borrow_times(&steps, &mut decoded, &batches)?;
        }
        let prepared = decoded.iter_mut().map(|it| std::mem::take(&mut it.prepared));
        let mut prepared: Vec<_> = prepared.collect();
        // Before the append, which notes the origin of each record.
        let mut begun = self.begin_origins(&steps, &mut prepared).into_iter();
        let appended = self.writer.append(prepared)?;
        let mut outcomes = decoded.into_iter().zip(appended);
        for step in steps {
            match step {
                None => {
                    if let Some((decoded, appended)) = outcomes.next() {
                        self.count(decoded, &appended)?;
                    }
                }
                Some(ReadingStep::Begin(Beginning {
                    name, modified, object, is_excerpt, ..
                })) => {
                    let Some(origin) = begun.next() else { break };
                    self.file = Some(OpenFile {
                        intake: Intake::new(self.writer, origin, &name),
                        report: FileReport { path: name, ..FileReport::default() },
                        modified,
                        object,
                        damage: None,
                        last_time: None,
                        spans: Spans::default(),
                        completeness: Completeness::default(),
                        is_excerpt,
                    });
                }
                Some(ReadingStep::End(ending)) => self.finish(ending)?,
                Some(ReadingStep::Batch(_)) => {}
            }
        }
        let records_max = self.options.commit_records_max.unwrap_or(limits::COMMIT_RECORDS_MAX);
        let is_due = self.committed.elapsed() >= Duration::from_millis(limits::COMMIT_INTERVAL_MS)
            || self.writer.uncommitted_records() >= records_max
            || self.writer.uncommitted_origins() >= limits::COMMIT_ORIGINS_MAX;
        if is_due {
            // Before the commit, so that rejects are as durable as the records beside them.
            if let Some(file) = &mut self.file {
                file.intake.keep()?;
            }
            self.writer.commit()?;
            // Batches prepared against an older commit take longer to append.
            self.workers.renew(preparers(self.writer, self.options));
            self.committed = Instant::now();
        }
        Ok(())
    }

    /// Begins the inputs that begin among the steps, and gives each batch its origin.
    fn begin_origins(
        &mut self,
        steps: &[Option<ReadingStep>],
        prepared: &mut [PreparedBatch],
    ) -> Vec<OriginId> {
        let mut begun = Vec::new();
        let mut current = self.file.as_ref().map(|it| it.intake.origin());
        let mut batches = prepared.iter_mut();
        for step in steps {
            match step {
                None => {
                    if let (Some(batch), Some(origin)) = (batches.next(), current) {
                        batch.set_origin(origin);
                    }
                }
                Some(ReadingStep::Begin(Beginning { name, kind, .. })) => {
                    let now = self.options.began.unwrap_or_else(Timestamp::now);
                    let origin = self.writer.begin_origin(OriginStart {
                        kind: *kind,
                        name: name.clone(),
                        account: None,
                        region: None,
                        began: now,
                    });
                    begun.push(origin);
                    current = Some(origin);
                }
                Some(_) => {}
            }
        }
        begun
    }

    /// Decodes again the batches that lack a time, with the time of the event before. True if there
    /// are approximate times at all.
    fn borrow_times(
        &self,
        steps: &[Option<ReadingStep>],
        decoded: &mut [DecodedBatch],
        batches: &[ReadBatch],
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
                            self.workers.decode(std::slice::from_ref(batch), Some(borrowed))?;
                        if let Some(again) = again.pop() {
                            *outcome = again;
                        }
                    }
                    last_time = outcome.last_time.or(last_time);
                }
                Some(ReadingStep::Begin(it)) => (last_time, modified) = (None, it.modified),
                Some(_) => {}
            }
        }
        Ok(decoded.iter().any(|it| it.prepared.has_approximate_times()))
    }

    /// Adds a batch's counts to its file's report, and keeps its rejects.
    fn count(&mut self, decoded: DecodedBatch, appended: &Appended) -> Result<(), StoreError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.intake.take(self.writer, appended, decoded.rejects, decoded.raw_bytes)?;
        file.damage = file.damage.take().or(decoded.damage);
        file.report.format = file.report.format.or(decoded.format);
        file.report.withheld += decoded.withheld;
        file.last_time = decoded.last_time.or(file.last_time);
        file.spans.join(decoded.spans);
        decoded.claims.into_iter().for_each(|it| file.completeness.take(it));
        Ok(())
    }

    fn finish(&mut self, ending: Ending) -> Result<(), StoreError> {
        let Ending { compression, bytes, sha256, problem } = ending;
        let Some(mut file) = self.file.take() else { return Ok(()) };
        // Only at the end: claims of incompleteness may follow the records.
        let no_coverage = self.no_coverage(&file);
        if no_coverage.is_none() {
            file.spans.iter().for_each(|(log_group, range)| self.writer.cover(log_group, range));
        }
        let incomplete = file.completeness.missing().map(ToString::to_string);
        file.intake.keep_all()?;
        // All its batches were appended before, so they are in this commit or an earlier one.
        if let Some(object) = file.object.filter(|_| problem.is_none()) {
            self.writer.take_object(object);
            self.stored.objects_taken += 1;
        }
        let end = OriginEnd {
            ended_ms: self.writer.now().as_ms(),
            format: file.report.format.map(|it| it.as_str().to_owned()),
            compression: Some(compression.clone()).filter(|it| !it.is_empty()),
            bytes: (problem.is_none() || bytes > 0).then_some(bytes),
            sha256: sha256.clone(),
            problem: problem.as_ref().map(ToString::to_string),
            damage: file.damage.take(),
        };
        file.intake.end(self.writer, end);
        let report = file.into_report();
        self.read += report.read;
        self.stored.files.push(FileReport {
            compression,
            bytes,
            sha256,
            problem,
            incomplete,
            no_coverage,
            ..report
        });
        Ok(())
    }

    /// Returns why an input does not prove that there was nothing else in its time.
    fn no_coverage(&self, file: &OpenFile) -> Option<NoCoverage> {
        if self.options.without_coverage {
            return Some(NoCoverage::Unwanted);
        }
        if file.is_excerpt {
            return Some(NoCoverage::Excerpt);
        }
        if file.completeness.missing().is_some() {
            return Some(NoCoverage::Incomplete);
        }
        if !file.completeness.is_whole() {
            return Some(NoCoverage::OneStream);
        }
        let OriginCounts { added, duplicates, .. } = file.intake.counts();
        let is_any = added + duplicates > 0;
        (is_any && file.spans.is_empty()).then_some(NoCoverage::Shape)
    }

    /// Returns the records and rejected pieces so far.
    fn read(&self) -> u64 {
        self.read + self.file.as_ref().map_or(0, |it| it.intake.counts().read)
    }

    /// Ends the import as it is. Rejects of an unfinished input that are not durable yet are
    /// dropped: they come again when it is read again.
    fn end(mut self) -> Stored {
        self.stored.files.extend(self.file.map(OpenFile::into_report));
        self.stored
    }
}
