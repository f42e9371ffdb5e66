//! What can be done to records before it is known where they will lie: on as many workers as
//! there are.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::StoreError;
use super::archive::{ArchiveFiles, ArchiveReader, Location, compress_block, cut, write_line};
use super::audit_index::{AuditIndex, OtherDocument, other_document};
use super::blocks::{Prepared, in_order};
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

/// Bytes of memory for lines that are kept from batch to batch.
const LINES_KEPT_BYTES: usize = 4 * limits::BATCH_BYTES;

/// Large legs that a worker keeps at hand.
const LARGE_LEGS_KEPT: usize = 64;

/// Records that are ready to be archived and indexed, in the order in which they came.
#[derive(Default)]
pub struct PreparedBatch {
    pub(super) lines: PreparedLines,
    /// Those that may be new.
    pub(super) records: Vec<PreparedRecord>,
    /// The places in the batch, in order, of records that the store has for certain.
    pub(super) known: Vec<usize>,
    /// What the index is to hold of each record, or the index of audit events.
    pub(super) documents: Vec<Prepared>,
    /// Which source the records come from.
    pub(super) origin: Option<OriginId>,
    /// Where each record stands in the source; none where the source has no places.
    pub(super) places: Vec<Place>,
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
    /// Its place in the batch.
    pub(super) position: usize,
    /// Where its archive line ends in the batch's lines.
    pub(super) line_end: usize,
    pub(super) identity: Identity,
    /// What its identity would be without its time; only where approximate times occur.
    pub(super) message_identity: Option<Identity>,
    /// Whether the store has it.
    pub(super) is_stored: bool,
    timestamp: Timestamp,
    is_time_approximate: bool,
}

impl PreparedBatch {
    /// How many records it holds.
    pub fn len(&self) -> usize {
        self.records.len() + self.known.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Says which source the records come from.
    pub fn set_origin(&mut self, origin: OriginId) {
        self.origin = Some(origin);
    }

    /// Whether the store has none of its records, as far as that is known.
    pub(super) fn is_all_new(&self) -> bool {
        self.known.is_empty() && self.records.iter().all(|it| !it.is_stored)
    }

    /// Whether its records are also known by their messages alone, see
    /// [`StoreWriter::learn_messages`](super::StoreWriter::learn_messages).
    pub fn knows_messages(&self) -> bool {
        self.with_message_identities
    }

    /// Whether the time of some record is approximate, see [`Identity::of`].
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
    /// Of the snapshot.
    pub(super) large_legs: LargeLegs,
    pub(super) with_message_identities: bool,
    pub(super) commit_count: u64,
    /// What was removed and is to be withheld.
    pub(super) removals: Option<Arc<Removals>>,
}

impl Preparers {
    /// The same, whose batches are also known by their messages alone.
    #[must_use]
    pub fn with_messages(self) -> Self {
        Self { with_message_identities: true, ..self }
    }

    /// A preparer for one worker.
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

/// What a record's message says.
pub enum MessageContent<'c> {
    /// One step of one mail.
    Mail(&'c Event<'c>),
    /// Something else that is kept.
    Other(&'c OtherRecord<'c>),
}

/// Prepares records against one commit of the store. One for each worker.
pub struct Preparer {
    documents: Documents,
    /// The documents of the batch's other records, and which of its records they are.
    others: Vec<(usize, OtherDocument)>,
    snapshot: IndexSnapshot,
    audit: Option<Arc<AuditIndex>>,
    /// Kept, for the next record is mostly near the one before.
    times: Vec<TimeReader>,
    /// What other workers know of large legs.
    shared_legs: LargeLegs,
    /// Those that this one has met.
    large_legs: HashMap<IdHash, Arc<LargeLeg>>,
    archive_path: PathBuf,
    archive: ArchiveReader,
    with_message_identities: bool,
    commit_count: u64,
    removals: Option<Arc<Removals>>,
    /// Of stored records that this batch was compared with; by their messages alone, or not.
    stored_identities: HashMap<(Location, bool), Identity>,
    /// The batch's archive lines; kept from batch to batch, for its memory.
    lines: Vec<u8>,
    batch: PreparedBatch,
    /// What kept a record from being compared with the store.
    problem: Option<StoreError>,
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

    /// Whether such records were removed from the store, and are to be withheld.
    pub fn withholds(&self, record: &Record<'_>) -> bool {
        self.removals.as_ref().is_some_and(|it| it.cover(record))
    }

    /// Takes one record of either kind, with its place in its source, which all records of a batch
    /// have or none has, and its message as JSON text where that is at hand, so that it need not be
    /// made into such again.
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
        write_line(record, escaped_message, &mut self.lines);
        let batch = &mut self.batch;
        let position = batch.len();
        batch.has_approximate_times |= record.is_time_approximate;
        let leg = IdHash::of_leg(&event.trace_id, &record.message);
        let stored = self.stored(leg, record.timestamp, record.is_time_approximate);
        let (_, line) = self.lines.split_at(start);
        let has_line = match &stored {
            Stored::Few(locations) => has_line(&mut self.archive, locations, line),
            Stored::Many(..) => Ok(false),
        };
        let identity = match has_line {
            Ok(true) => return self.leave_out(start),
            Ok(false) => Identity::of(record),
            Err(error) => {
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

    /// Whether the store has a record that is no email event.
    fn has_other(
        &mut self,
        document: &OtherDocument,
        identity: Identity,
    ) -> Result<bool, StoreError> {
        let Some(audit) = &self.audit else { return Ok(false) };
        for location in audit.find(document.key, document.own_ms) {
            let stored = self.archive.read(location)?;
            if Identity::of_message(&stored.message) == identity {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Gives the batch out, with a mark at what the store has already.
    pub fn finish(&mut self) -> Result<PreparedBatch, StoreError> {
        self.stored_identities.clear();
        // The next batch will be about as large.
        let records = Vec::with_capacity(self.batch.records.len());
        let places = Vec::with_capacity(self.batch.places.len());
        let next = PreparedBatch { records, places, ..PreparedBatch::default() };
        let mut batch = std::mem::replace(&mut self.batch, next);
        let others = std::mem::take(&mut self.others);
        batch.documents = in_order(self.documents.take(), others, batch.records.len());
        if let Some(problem) = self.problem.take() {
            self.lines.clear();
            return Err(problem);
        }
        batch.with_message_identities = self.with_message_identities;
        batch.commit_count = self.commit_count;
        batch.lines = if batch.is_all_new() && self.lines.len() >= limits::BLOCK_BYTES {
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
                let lines = self.lines.get(start..end).expect("`cut` gives ends in order");
                start = end;
                Ok(PreparedBlock { frame: compress_block(lines)?, count })
            })
            .collect()
    }

    /// Compares a batch with the store that another commit had been compared with.
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
            record.is_stored =
                record.is_stored || self.has_identity(&stored, record.identity, is_by_message)?;
        }
        self.stored_identities.clear();
        Ok(())
    }

    /// Leaves out the record that was taken last: the store has it for certain.
    fn leave_out(&mut self, line_start: usize) {
        self.lines.truncate(line_start);
        self.batch.known.push(self.batch.len());
    }

    /// The stored records that one of this leg and time may be.
    fn stored(&mut self, leg: IdHash, timestamp: Timestamp, is_time_approximate: bool) -> Stored {
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

    /// Whether one of the stored records has the identity: of its message alone, or not.
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

/// The stored records that a record may be.
enum Stored {
    Few(Vec<Location>),
    /// Those of a leg that have a time in milliseconds since 1970, or all of them.
    Many(Arc<LargeLeg>, Option<i64>),
}

impl Stored {
    fn of(leg: &Arc<LargeLeg>, ms: Option<i64>) -> Self {
        let locations = leg.locations(ms);
        if locations.len() > limits::LARGE_LEG_EVENTS_MIN {
            Self::Many(Arc::clone(leg), ms)
        } else {
            Self::Few(locations.collect())
        }
    }
}

/// Whether one of the stored records has this very line, line feed included: most duplicates come
/// from the same source once more, and need not be taken apart.
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
