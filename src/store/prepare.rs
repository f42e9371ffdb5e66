//! Prepares records on all workers, before their places in the archive are known.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::archive::{ArchiveFiles, ArchiveReader, Location, compress_block, cut, write_line};
use super::audit_index::{AuditIndex, OtherDocument, other_document};
use super::blocks::{Prepared, PreparedBlock, PreparedRecord, in_order};
use super::error::StoreError;
use super::identity::Identity;
use super::index::{Documents, IdHash, IndexSnapshot, TimeReader};
use super::large_legs::{LargeLeg, LargeLegs};
use super::layout::Layout;
use super::provenance::{OriginId, Place};
use super::removal::Removals;
use crate::audit::OtherRecord;
use crate::event::Event;
use crate::limits;
use crate::source::{EscapedText, Record};
use crate::time::Timestamp;

/// Bytes of line memory that a preparer keeps between batches.
const LINES_KEPT_BYTES: usize = 4 * limits::BATCH_BYTES;

/// Large legs that a worker remembers.
const LARGE_LEGS_KEPT: usize = 64;

/// Records ready to be archived and indexed, in the order in which they came.
#[derive(Default)]
pub struct PreparedBatch {
    pub(super) lines: PreparedLines,
    /// The records that may be new.
    pub(super) records: Vec<PreparedRecord>,
    /// The positions in the batch, in order, of records that the store certainly has.
    pub(super) known: Vec<usize>,
    /// The document of each of `records`, for the index or the index of audit events.
    pub(super) documents: Vec<Prepared>,
    /// The source of the records.
    pub(super) origin: Option<OriginId>,
    /// The place of each record in the source; empty where the source has no places.
    pub(super) places: Vec<Place>,
    has_approximate_times: bool,
    with_message_identities: bool,
    /// The commit that the batch was compared with, as the writer counts them.
    pub(super) commit_count: u64,
}

/// The archive lines of a batch's records.
pub(super) enum PreparedLines {
    /// Uncompressed: too few for a block, or some of the records are stored already.
    Plain(Vec<u8>),
    /// Compressed, in the hope that all records are new.
    Blocks(Vec<PreparedBlock>),
}

impl Default for PreparedLines {
    fn default() -> Self {
        Self::Plain(Vec::new())
    }
}

impl PreparedBatch {
    /// The number of records.
    pub fn len(&self) -> usize {
        self.records.len() + self.known.len()
    }

    /// True if the batch has no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the source of the records.
    pub fn set_origin(&mut self, origin: OriginId) {
        self.origin = Some(origin);
    }

    /// True if no record is known to be stored.
    pub(super) fn is_all_new(&self) -> bool {
        self.known.is_empty() && self.records.iter().all(|it| !it.is_stored)
    }

    /// True if its records can also be identified by their messages alone, see
    /// [`StoreWriter::learn_messages`](super::StoreWriter::learn_messages).
    pub fn knows_messages(&self) -> bool {
        self.with_message_identities
    }

    /// True if the time of some record is approximate, see [`Identity::of`].
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
    pub(super) audit: Option<Arc<AuditIndex>>,
    /// The large legs of the snapshot.
    pub(super) large_legs: LargeLegs,
    pub(super) with_message_identities: bool,
    pub(super) commit_count: u64,
    /// Removals whose records must not come back.
    pub(super) removals: Option<Arc<Removals>>,
}

impl Preparers {
    /// The same preparers, with batches that are also identified by message alone.
    #[must_use]
    pub fn with_messages(self) -> Self {
        Self { with_message_identities: true, ..self }
    }

    /// Makes a preparer for one worker.
    pub fn preparer(&self) -> Preparer {
        Preparer {
            documents: Documents::default(),
            others: Vec::new(),
            snapshot: self.snapshot.clone(),
            audit: self.audit.clone(),
            times: self.snapshot.times(),
            shared_legs: self.large_legs.clone(),
            large_legs: HashMap::new(),
            archive_path: self.layout.archive(),
            archive: ArchiveReader::new(&self.files),
            with_message_identities: self.with_message_identities,
            commit_count: self.commit_count,
            removals: self.removals.clone(),
            stored_identities: HashMap::new(),
            lines: Vec::new(),
            batch: PreparedBatch::default(),
            problem: None,
        }
    }
}

/// The parsed message of a record.
pub enum MessageContent<'c> {
    /// One step of one mail.
    Mail(&'c Event<'c>),
    /// Another kind of record that the store keeps.
    Other(&'c OtherRecord<'c>),
}

/// Prepares records against one commit of the store. Each worker has its own.
pub struct Preparer {
    documents: Documents,
    /// The documents of records that are no email events, each with its index in the batch's
    /// records.
    others: Vec<(usize, OtherDocument)>,
    snapshot: IndexSnapshot,
    audit: Option<Arc<AuditIndex>>,
    /// Kept from record to record: each holds the chunk of times that it decoded last, and most
    /// duplicates lie beside the one before.
    times: Vec<TimeReader>,
    /// Large legs, shared by all workers behind a lock.
    shared_legs: LargeLegs,
    /// Those that this worker has met, found without the lock.
    large_legs: HashMap<IdHash, Arc<LargeLeg>>,
    archive_path: PathBuf,
    archive: ArchiveReader,
    with_message_identities: bool,
    commit_count: u64,
    removals: Option<Arc<Removals>>,
    /// Identities of the stored records that this batch was compared with; the flag is true for
    /// those by message alone.
    stored_identities: HashMap<(Location, bool), Identity>,
    /// The batch's archive lines; the next batch reuses the memory.
    lines: Vec<u8>,
    batch: PreparedBatch,
    /// The first error in comparing a record with the store. [`Preparer::finish`] returns it, so
    /// that adding a record never fails.
    problem: Option<StoreError>,
}

impl Preparer {
    /// Reserves memory for `line_bytes` of archive lines.
    pub fn reserve(&mut self, line_bytes: usize) {
        self.lines.reserve(line_bytes);
    }

    /// Adds a record and the event that was parsed from its message.
    pub fn add(&mut self, record: &Record<'_>, event: &Event<'_>) {
        self.add_escaped(record, None, event);
    }

    /// True if a removal covers the record, so that it must not come back.
    pub fn withholds(&self, record: &Record<'_>) -> bool {
        self.removals.as_ref().is_some_and(|it| it.cover(record))
    }

    /// Adds a record of either kind. `place` is its place in its source, which all records of a
    /// batch have or none has; `escaped_message` is its message as JSON text, where the caller has
    /// that already.
    pub fn take(
        &mut self,
        place: Option<Place>,
        record: &Record<'_>,
        escaped_message: Option<EscapedText<'_>>,
        content: &MessageContent<'_>,
    ) {
        self.batch.places.extend(place);
        match content {
            MessageContent::Mail(event) => self.add_escaped(record, escaped_message, event),
            MessageContent::Other(other) => self.add_other(record, escaped_message, other),
        }
    }

    fn add_escaped(
        &mut self,
        record: &Record<'_>,
        escaped_message: Option<EscapedText<'_>>,
        event: &Event<'_>,
    ) {
        let start = self.lines.len();
        // The line first: a stored record with the same line is a duplicate, and its JSON need not
        // be hashed to know that.
        write_line(record, escaped_message, &mut self.lines);
        let batch = &mut self.batch;
        let position = batch.len();
        batch.has_approximate_times |= record.is_time_approximate;
        let leg = IdHash::of_leg(&event.trace_id, &record.message);
        let stored = self.stored(leg, record.timestamp, record.is_time_approximate);
        let (_, line) = self.lines.split_at(start);
        let has_line = match &stored {
            Stored::Few(locations) => has_line(&mut self.archive, locations, line),
            // One look into the leg's identities costs less than comparing so many lines.
            Stored::Many(..) => Ok(false),
        };
        let identity = match has_line {
            Ok(true) => return self.leave_out(start),
            Ok(false) => Identity::of(record),
            Err(error) => {
                // Taken as new for now: `finish` fails the whole batch.
                self.problem.get_or_insert(error);
                Identity::of(record)
            }
        };
        let is_stored = self.has_identity(&stored, identity, record.is_time_approximate);
        if matches!((&stored, &is_stored), (Stored::Many(..), Ok(true))) {
            return self.leave_out(start);
        }
        self.documents.push(record, event, leg);
        self.batch.records.push(PreparedRecord {
            position,
            line_end: self.lines.len(),
            identity,
            message_identity: self
                .with_message_identities
                .then(|| Identity::of_message(&record.message)),
            is_stored: is_stored.unwrap_or_else(|error| {
                self.problem.get_or_insert(error);
                false
            }),
            timestamp: record.timestamp,
            is_time_approximate: record.is_time_approximate,
        });
    }

    fn add_other(
        &mut self,
        record: &Record<'_>,
        escaped_message: Option<EscapedText<'_>>,
        other: &OtherRecord<'_>,
    ) {
        let start = self.lines.len();
        write_line(record, escaped_message, &mut self.lines);
        let position = self.batch.len();
        // Audit events carry their own time, so the message alone identifies them.
        let identity = Identity::of_message(&record.message);
        let document = other_document(record, other, identity);
        match self.has_other(&document, identity) {
            Ok(true) => return self.leave_out(start),
            Ok(false) => {}
            Err(error) => _ = self.problem.get_or_insert(error),
        }
        self.others.push((self.batch.records.len(), document));
        self.batch.records.push(PreparedRecord {
            position,
            line_end: self.lines.len(),
            identity,
            message_identity: None,
            is_stored: false,
            timestamp: record.timestamp,
            is_time_approximate: false,
        });
    }

    /// True if the store has this record that is no email event.
    fn has_other(
        &mut self,
        document: &OtherDocument,
        identity: Identity,
    ) -> Result<bool, StoreError> {
        let Some(audit) = &self.audit else { return Ok(false) };
        for location in audit.find(document.key, document.own_ms) {
            // The key is half of the identity: only the original decides.
            let stored = self.archive.read(location)?;
            if Identity::of_message(&stored.message) == identity {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns the batch, in which each record that the store has already is marked.
    pub fn finish(&mut self) -> Result<PreparedBatch, StoreError> {
        self.stored_identities.clear();
        // The next batch will be about as large.
        let records = Vec::with_capacity(self.batch.records.len());
        let places = Vec::with_capacity(self.batch.places.len());
        let next = PreparedBatch { records, places, ..PreparedBatch::default() };
        let mut batch = std::mem::replace(&mut self.batch, next);
        let others = std::mem::take(&mut self.others);
        // Taken even if the batch fails, so that nothing of it gets into the next one.
        batch.documents = in_order(self.documents.take(), others, batch.records.len());
        if let Some(problem) = self.problem.take() {
            self.lines.clear();
            return Err(problem);
        }
        batch.with_message_identities = self.with_message_identities;
        batch.commit_count = self.commit_count;
        // Compressed here, on all workers, and archived as it is if all records turn out to be new.
        // With a stored one among them the writer has to cut the blocks anew.
        batch.lines = if batch.is_all_new() && self.lines.len() >= limits::BLOCK_BYTES {
            let blocks = self.compress(&batch.records);
            PreparedLines::Blocks(
                blocks.map_err(StoreError::io("compress data for", &self.archive_path))?,
            )
        } else {
            // A copy, so that the next batch reuses the memory instead of faulting in fresh pages.
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
                let lines = self.lines.get(start..end).expect("`cut` gives ends in order");
                start = end;
                Ok(PreparedBlock { frame: compress_block(lines)?, count })
            })
            .collect()
    }

    /// Compares a batch that was prepared against an earlier commit with this one.
    pub(super) fn find_stored(&mut self, batch: &mut PreparedBatch) -> Result<(), StoreError> {
        batch.commit_count = self.commit_count;
        for (record, document) in batch.records.iter_mut().zip(&batch.documents) {
            let document = match document {
                Prepared::Mail(document) => document,
                Prepared::Other(document) => {
                    record.is_stored |= self.has_other(document, record.identity)?;
                    continue;
                }
            };
            let is_by_message = record.is_time_approximate;
            let stored = self.stored(document.leg(), record.timestamp, is_by_message);
            // Nothing is removed while a writer has the lock: what the earlier commit had, this one
            // has.
            record.is_stored =
                record.is_stored || self.has_identity(&stored, record.identity, is_by_message)?;
        }
        self.stored_identities.clear();
        Ok(())
    }

    /// Leaves out the record that was added last: the store certainly has it.
    fn leave_out(&mut self, line_start: usize) {
        self.lines.truncate(line_start);
        self.batch.known.push(self.batch.len());
    }

    /// Finds the stored records that a record of this leg and time may equal.
    fn stored(&mut self, leg: IdHash, timestamp: Timestamp, is_time_approximate: bool) -> Stored {
        // The same message may be stored under another time than an approximate one.
        let ms = (!is_time_approximate).then(|| timestamp.as_ms());
        if let Some(large) = self.large_legs.get(&leg) {
            return Stored::of(large, ms);
        }
        let (first, last) = ms.map_or((i64::MIN, i64::MAX), |it| (it, it));
        let times = &mut self.times;
        let (found, count) = self.snapshot.leg_in_range_counted(leg, first, last, times);
        if count <= limits::LARGE_LEG_EVENTS_MIN {
            return Stored::Few(found);
        }
        let large = self.shared_legs.get(leg, &self.snapshot);
        if self.large_legs.len() >= LARGE_LEGS_KEPT {
            self.large_legs.clear();
        }
        let stored = Stored::of(&large, ms);
        self.large_legs.insert(leg, large);
        stored
    }

    /// True if one of the stored records has the identity, which with `is_by_message` is that of
    /// its message alone.
    fn has_identity(
        &mut self,
        stored: &Stored,
        identity: Identity,
        is_by_message: bool,
    ) -> Result<bool, StoreError> {
        let locations = match stored {
            Stored::Few(locations) => locations,
            Stored::Many(leg, ms) => return leg.has_identity(*ms, identity, &mut self.archive),
        };
        for location in locations {
            let found = match self.stored_identities.entry((*location, is_by_message)) {
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
            if found == identity {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The stored records that a record may equal.
enum Stored {
    Few(Vec<Location>),
    /// The events of a large leg at a time in milliseconds since 1970, or all of them.
    Many(Arc<LargeLeg>, Option<i64>),
}

impl Stored {
    fn of(leg: &Arc<LargeLeg>, ms: Option<i64>) -> Self {
        let locations = leg.locations(ms);
        // A large leg may still have few events of one time.
        if locations.len() > limits::LARGE_LEG_EVENTS_MIN {
            Self::Many(Arc::clone(leg), ms)
        } else {
            Self::Few(locations.collect())
        }
    }
}

/// True if one of the stored records has exactly this line, which ends with its line feed. Most
/// duplicates come from the same source again, and comparing bytes spares parsing them.
fn has_line(
    archive: &mut ArchiveReader,
    stored: &[Location],
    line: &[u8],
) -> Result<bool, StoreError> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    for location in stored {
        if archive.has_line(*location, line)? {
            return Ok(true);
        }
    }
    Ok(false)
}
