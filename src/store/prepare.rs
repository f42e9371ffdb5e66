//! What can be done to records before it is known where they will lie: on as many workers as
//! there are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::StoreError;
use super::archive::{ArchiveFiles, ArchiveReader, Location, compress_block, cut, write_line};
use super::coverage::CoveredRange;
use super::identity::Identity;
use super::index::{Document, Documents, IdHash, IndexSnapshot};
use super::layout::Layout;
use crate::event::Event;
use crate::limits;
use crate::source::{EscapedText, Record};
use crate::time::Timestamp;

/// Bytes of memory for lines that are kept from batch to batch.
const LINES_KEPT_BYTES: usize = 4 * limits::BATCH_BYTES;

/// Records that are ready to be archived and indexed, in the order in which they came.
#[derive(Default)]
pub struct PreparedBatch {
    pub(super) lines: PreparedLines,
    pub(super) records: Vec<PreparedRecord>,
    /// What the index is to hold of each record.
    pub(super) documents: Vec<Document>,
    spans: Vec<(String, CoveredRange)>,
    has_approximate_times: bool,
    with_message_identities: bool,
    /// Which commit it was compared with.
    pub(super) commit_count: u64,
}

/// The archive lines of a batch's records.
pub(super) enum PreparedLines {
    /// As they are: too few for a block, or with some that the store has.
    Plain(Vec<u8>),
    /// Compressed, in the hope that all of them are new.
    Blocks(Vec<PreparedBlock>),
}

impl Default for PreparedLines {
    fn default() -> Self {
        Self::Plain(Vec::new())
    }
}

/// A block of archive lines.
pub(super) struct PreparedBlock {
    pub(super) frame: Vec<u8>,
    /// How many records it holds.
    pub(super) count: usize,
}

/// One record of a batch.
pub(super) struct PreparedRecord {
    /// Where its archive line ends in the batch's lines.
    pub(super) line_end: usize,
    pub(super) identity: Identity,
    /// What its identity would be without its time; only where approximate times occur.
    pub(super) message_identity: Option<Identity>,
    /// Whether the store had it at the last commit.
    pub(super) is_stored: bool,
    timestamp: Timestamp,
    is_time_approximate: bool,
}

impl PreparedBatch {
    /// How many records it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// For each log group (`""` where it is not known), from the first to the last record.
    #[must_use]
    pub fn spans(&self) -> &[(String, CoveredRange)] {
        &self.spans
    }

    /// Whether its records are also known by their messages alone, see
    /// [`StoreWriter::learn_messages`](super::StoreWriter::learn_messages).
    #[must_use]
    pub fn knows_messages(&self) -> bool {
        self.with_message_identities
    }

    /// Whether the time of some record is approximate, see [`Identity::of`].
    #[must_use]
    pub fn has_approximate_times(&self) -> bool {
        self.has_approximate_times
    }
}

/// Makes a [`Preparer`] for each worker.
#[derive(Clone)]
pub struct Preparers {
    pub(super) layout: Layout,
    pub(super) files: Arc<ArchiveFiles>,
    pub(super) snapshot: IndexSnapshot,
    pub(super) with_message_identities: bool,
    pub(super) commit_count: u64,
}

impl Preparers {
    /// A preparer for one worker.
    #[must_use]
    pub fn preparer(&self) -> Preparer {
        Preparer {
            documents: Documents::default(),
            snapshot: self.snapshot.clone(),
            archive_path: self.layout.archive(),
            archive: ArchiveReader::new(&self.files),
            with_message_identities: self.with_message_identities,
            commit_count: self.commit_count,
            lines: Vec::new(),
            batch: PreparedBatch::default(),
        }
    }
}

/// Prepares records against one commit of the store. One for each worker.
pub struct Preparer {
    documents: Documents,
    snapshot: IndexSnapshot,
    archive_path: PathBuf,
    archive: ArchiveReader,
    with_message_identities: bool,
    commit_count: u64,
    /// The batch's archive lines; kept from batch to batch, for its memory.
    lines: Vec<u8>,
    batch: PreparedBatch,
}

impl Preparer {
    /// Makes room for lines of so many bytes, for whoever knows what will come.
    pub fn reserve(&mut self, line_bytes: usize) {
        self.lines.reserve(line_bytes);
    }

    /// Takes one record and the event that was read from its message.
    pub fn add(&mut self, record: &Record<'_>, event: &Event<'_>) {
        self.add_escaped(record, None, event);
    }

    /// As [`Preparer::add`], where the record's message may be at hand as JSON text too, so that
    /// it need not be made into such again.
    pub fn add_escaped(
        &mut self,
        record: &Record<'_>,
        escaped_message: Option<EscapedText<'_>>,
        event: &Event<'_>,
    ) {
        let batch = &mut self.batch;
        write_line(record, escaped_message, &mut self.lines);
        let log_group = record.log_group.as_deref().unwrap_or_default();
        let here = CoveredRange::at(record.timestamp);
        match batch.spans.iter_mut().find(|(name, _)| name == log_group) {
            Some((_, span)) => {
                span.first_ms = span.first_ms.min(here.first_ms);
                span.last_ms = span.last_ms.max(here.last_ms);
            }
            None => batch.spans.push((log_group.to_owned(), here)),
        }
        batch.has_approximate_times |= record.is_time_approximate;
        self.documents.push(record, event);
        batch.records.push(PreparedRecord {
            line_end: self.lines.len(),
            identity: Identity::of(record),
            message_identity: self
                .with_message_identities
                .then(|| Identity::of_message(&record.message)),
            is_stored: false,
            timestamp: record.timestamp,
            is_time_approximate: record.is_time_approximate,
        });
    }

    /// Marks what the store has already, and gives the batch out.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when index or archive cannot be read.
    pub fn finish(&mut self) -> Result<PreparedBatch, StoreError> {
        // The next batch will be about as large.
        let records = Vec::with_capacity(self.batch.records.len());
        let next = PreparedBatch { records, ..PreparedBatch::default() };
        let mut batch = std::mem::replace(&mut self.batch, next);
        batch.documents.extend(self.documents.take());
        batch.with_message_identities = self.with_message_identities;
        self.find_stored(&mut batch)?;
        let is_all_new = batch.records.iter().all(|it| !it.is_stored);
        batch.lines = if is_all_new && self.lines.len() >= limits::BLOCK_BYTES {
            let blocks = self.compress(&batch.records);
            PreparedLines::Blocks(
                blocks.map_err(StoreError::io("compress for", &self.archive_path))?,
            )
        } else {
            PreparedLines::Plain(self.lines.clone())
        };
        self.lines.clear();
        self.lines.shrink_to(LINES_KEPT_BYTES);
        Ok(batch)
    }

    fn compress(&self, records: &[PreparedRecord]) -> io::Result<Vec<PreparedBlock>> {
        let mut start = 0;
        cut(records.iter().map(|it| it.line_end), self.lines.len())
            .into_iter()
            .map(|(end, count)| {
                let lines = self.lines.get(start..end).unwrap_or_default();
                start = end;
                Ok(PreparedBlock { frame: compress_block(lines)?, count })
            })
            .collect()
    }

    /// Looks the batch's records up in the store, leg by leg.
    pub(super) fn find_stored(&mut self, batch: &mut PreparedBatch) -> Result<(), StoreError> {
        batch.commit_count = self.commit_count;
        if self.snapshot.columns().is_empty() {
            return Ok(());
        }
        let mut legs: HashMap<IdHash, Vec<usize>> = HashMap::new();
        for (index, document) in batch.documents.iter().enumerate() {
            legs.entry(document.leg()).or_default().push(index);
        }
        for (leg, indices) in legs {
            self.mark_stored(leg, &indices, &mut batch.records)?;
        }
        Ok(())
    }

    fn mark_stored(
        &mut self,
        leg: IdHash,
        indices: &[usize],
        records: &mut [PreparedRecord],
    ) -> Result<(), StoreError> {
        let of_leg = |index: &usize| records.get(*index);
        let times = || indices.iter().filter_map(of_leg);
        let is_any_time = times().any(|it| it.is_time_approximate);
        let first = times().map(|it| it.timestamp.as_ms()).min().unwrap_or(i64::MIN);
        let last = times().map(|it| it.timestamp.as_ms()).max().unwrap_or(i64::MAX);
        let (first, last) = if is_any_time { (i64::MIN, i64::MAX) } else { (first, last) };
        let stored = self.snapshot.leg_in_range(leg, first, last);
        let mut identities: HashMap<(Location, bool), Identity> = HashMap::new();
        for index in indices {
            let Some(record) = records.get_mut(*index) else { continue };
            let is_by_message = record.is_time_approximate;
            for (ms, location) in &stored {
                if !is_by_message && *ms != record.timestamp.as_ms() {
                    continue;
                }
                let stored = match identities.entry((*location, is_by_message)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(vacant) => {
                        let stored = self.archive.read(*location)?;
                        *vacant.insert(if is_by_message {
                            Identity::of_message(&stored.message)
                        } else {
                            Identity::of(&stored)
                        })
                    }
                };
                if stored == record.identity {
                    record.is_stored = true;
                    break;
                }
            }
        }
        Ok(())
    }
}
