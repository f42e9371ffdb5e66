//! Writing to the store.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::archive::{ArchiveFiles, ArchiveWriter, Location, decompress_block};
use super::audit_index::{AuditIndex, AuditWriter};
use super::blocks::{Blocks, Located};
use super::error::StoreError;
use super::index::{IndexSnapshot, IndexWriter};
use super::large_legs::LargeLegs;
use super::layout::Layout;
use super::ledger::checkpoint::Checkpoint;
use super::ledger::coverage::CoveredRange;
use super::ledger::note::CommitNote;
use super::ledger::objects::{ObjectHash, TakenObjects};
use super::ledger::other_records::OtherRecords;
use super::ledger::pulls::{GroupFacts, Look, Pulls};
use super::leftovers::finish_removal;
use super::lock::WriterLock;
use super::message_table::{TableWriter, remove_table};
use super::names::REJECTED;
use super::open_index::open_index;
use super::opened_table::Upkeep;
use super::prepare::{PreparedBatch, PreparedLines, Preparers};
use super::provenance::{OpenOrigins, OriginCounts, OriginEnd, OriginId, OriginStart, Repeats};
use super::reader::Store;
use super::rejected::{KnownRejects, RejectedWriter};
use super::removal::Removals;
use super::uncommitted::{Appended, Uncommitted, sources_of_new};
use crate::time::{Clock, Timestamp};

/// The only writer of a store.
///
/// After an error, drop the writer: the last commit stays, and opening the store again cuts off
/// everything after it.
pub struct StoreWriter {
    layout: Layout,
    archive: ArchiveWriter,
    /// For reading the stored records that new ones are compared with.
    files: Arc<ArchiveFiles>,
    index: IndexWriter,
    snapshot: IndexSnapshot,
    /// The index of records that are no email events, once there are any.
    audit: Option<AuditWriter>,
    audit_snapshot: Option<Arc<AuditIndex>>,
    large_legs: LargeLegs,
    checkpoint: Checkpoint,
    uncommitted: Uncommitted,
    origins: OpenOrigins,
    known_rejects: Arc<Mutex<KnownRejects>>,
    /// Set to the time that the last source began with, and running on from there; commits take
    /// their time from it too.
    clock: Clock,
    committed_at: Instant,
    commit_count: u64,
    /// Makes the entries of the message table.
    upkeep: Option<Box<dyn Upkeep>>,
    /// The message table, once it was written to.
    table: Option<TableWriter>,
    /// Declared last: the lock outlives everything that writes.
    _lock: WriterLock,
}

impl StoreWriter {
    /// Opens the store at `path` for writing and brings it back to its last commit; creates it if
    /// there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if somebody else is writing, [`StoreError::NotAStore`] and
    /// [`StoreError::NewerFormat`] for what must not be touched, [`StoreError::NoIndex`] and
    /// [`StoreError::ArchiveDamaged`] for a store that needs repair first.
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(path);
        layout.create_root()?;
        let lock = WriterLock::acquire(&layout)?;
        layout.sweep()?;
        if !layout.has_marker()? {
            layout.create()?;
        }
        layout.check()?;
        // Copies of a store may lack it when it was empty.
        layout.root_dir()?.make_dir(REJECTED)?;
        let mut index = open_index(&layout)?;
        let (mut snapshot, mut checkpoint) = IndexSnapshot::open(&layout)?;
        finish_removal(&layout, &checkpoint)?;
        if !checkpoint.leftovers.is_empty() {
            // Rejected files are named by their content, so the same input may get one of these
            // names again, and must not be removed as a leftover then.
            let cleared = Checkpoint { leftovers: Vec::new(), ..checkpoint };
            index.commit(&cleared.to_payload(&layout)?)?;
            (snapshot, checkpoint) = IndexSnapshot::open(&layout)?;
        }
        let archive = ArchiveWriter::open(&layout, &checkpoint.archive)?;
        // Before its snapshot below: this removes what a crash left in that index.
        let audit = AuditWriter::open(&layout, &checkpoint)?;
        Ok(Self {
            audit_snapshot: AuditIndex::open(&layout, &checkpoint)?.map(Arc::new),
            audit,
            files: ArchiveFiles::new(&layout),
            known_rejects: Arc::new(Mutex::new(KnownRejects::read(&layout))),
            layout,
            archive,
            index,
            snapshot,
            large_legs: LargeLegs::default(),
            checkpoint,
            uncommitted: Uncommitted::default(),
            origins: OpenOrigins::default(),
            clock: Clock::asked(Timestamp::now),
            committed_at: Instant::now(),
            commit_count: 0,
            upkeep: None,
            table: None,
            _lock: lock,
        })
    }

    /// Returns what workers prepare batches with. A batch prepared before a commit is compared with
    /// that commit when it is appended, which takes longer.
    pub fn preparers(&self) -> Preparers {
        Preparers {
            layout: self.layout.clone(),
            files: Arc::clone(&self.files),
            snapshot: self.snapshot.clone(),
            audit: self.audit_snapshot.clone(),
            large_legs: self.large_legs.clone(),
            with_message_identities: self.uncommitted.with_message_identities,
            commit_count: self.commit_count,
            removals: None,
        }
    }

    /// Like [`StoreWriter::preparers`], but withholding records that were removed from the store,
    /// for pulls from a source that still has them.
    pub fn preparers_without_removed(&self) -> Preparers {
        let tombstones = &self.checkpoint.tombstones;
        let removals = (!tombstones.is_empty()).then(|| Arc::new(Removals::new(tombstones)));
        Preparers { removals, ..self.preparers() }
    }

    /// Makes a writer for the rejects of one source.
    pub fn rejected(&self, source: &str) -> RejectedWriter {
        RejectedWriter::new(&self.layout, source, &self.known_rejects)
    }

    /// True if batches with approximate times can be appended: uncommitted records are then also
    /// identified by message alone.
    pub fn knows_messages(&self) -> bool {
        self.uncommitted.with_message_identities
    }

    /// Commits, and from now on identifies uncommitted records by message alone too. Prepare all
    /// batches again afterwards.
    pub fn learn_messages(&mut self) -> Result<(), StoreError> {
        // Uncommitted records are known by time and message together. Once committed, they are
        // compared by their messages in the archive.
        self.commit()?;
        self.uncommitted.with_message_identities = true;
        Ok(())
    }

    /// Appends the new records of the batches, in order, each once. Returns for each batch what was
    /// added and what was a duplicate.
    pub fn append(&mut self, mut batches: Vec<PreparedBatch>) -> Result<Vec<Appended>, StoreError> {
        let preparers = self.preparers();
        // A commit since they were prepared may have stored some of their records.
        batches
            .par_iter_mut()
            .filter(|it| it.commit_count != preparers.commit_count)
            .try_for_each(|it| preparers.preparer().find_stored(it))?;
        let archive = self.layout.archive();
        let mut blocks = Blocks::default();
        let mut counts = Vec::with_capacity(batches.len());
        let mut sources = Vec::new();
        for mut batch in batches {
            let appended = self.take_new(&mut batch);
            sources.extend(sources_of_new(&batch));
            self.uncommitted.record_count += appended.added;
            match batch.lines {
                PreparedLines::Blocks(prepared) if appended.duplicate_indices.is_empty() => {
                    blocks.extend(prepared, batch.documents);
                }
                PreparedLines::Blocks(prepared) => {
                    // Some of the records turned out to be duplicates: the others get new blocks.
                    let lines = prepared
                        .iter()
                        .map(|it| decompress_block(&it.frame))
                        .collect::<io::Result<Vec<_>>>()
                        .map_err(StoreError::io("decompress data for", &archive))?;
                    blocks.fill(&lines.concat(), &batch.records, batch.documents);
                }
                PreparedLines::Plain(lines) => {
                    blocks.fill(&lines, &batch.records, batch.documents);
                }
            }
            counts.push(appended);
        }
        let mut sources = sources.into_iter();
        // One source for each new record, in the order in which the blocks hold them.
        for frame in blocks.into_frames() {
            let (frame, documents) =
                frame.map_err(StoreError::io("compress data for", &archive))?;
            let (file, offset) = self.archive.append(&frame)?;
            for (line, (origin, place)) in (0..).zip(sources.by_ref().take(documents.len())) {
                if let Some(origin) = origin {
                    self.uncommitted.runs.push(Location { file, offset, line }, origin, place);
                }
            }
            let mut located = Located::default();
            for (document, line) in documents.into_iter().zip(0..) {
                located.push(document, Location { file, offset, line });
            }
            self.index_located(located)?;
        }
        Ok(counts)
    }

    /// Hands each document to its index.
    fn index_located(&mut self, located: Located) -> Result<(), StoreError> {
        if !located.others.is_empty() {
            self.uncommitted.other_count += located.others.len() as u64;
            let audit = match &mut self.audit {
                Some(audit) => audit,
                none => none.insert(AuditWriter::create(&self.layout)?),
            };
            audit.add(located.others)?;
        }
        if located.mail.is_empty() { Ok(()) } else { self.index.add(located.mail) }
    }

    /// Counts the new records of a batch, and marks the others as stored.
    fn take_new(&mut self, batch: &mut PreparedBatch) -> Appended {
        let Uncommitted { identities, .. } = &mut self.uncommitted;
        let mut appended = Appended { added: 0, duplicate_indices: batch.known.clone() };
        for record in &mut batch.records {
            if !record.is_stored && identities.insert(record.identity) {
                // A later record with an approximate time is looked up by its message.
                identities.extend(record.message_identity);
                appended.added += 1;
            } else {
                record.is_stored = true;
                appended.duplicate_indices.push(record.position);
            }
        }
        appended.duplicate_indices.sort_unstable();
        appended
    }

    /// Notes that a source is being read from now on. Report its records with
    /// [`StoreWriter::count_origin`], and its end with [`StoreWriter::end_origin`].
    pub fn begin_origin(&mut self, start: OriginStart) -> OriginId {
        self.clock = Clock::set_to(start.began);
        self.origins.begin(self.archive.head(), start)
    }

    /// Adds to the counts of a source.
    pub fn count_origin(&mut self, id: OriginId, counts: OriginCounts) {
        self.origins.count(id, counts);
    }

    /// Notes that a source has been read to its end, or cannot be read further.
    pub fn end_origin(&mut self, id: OriginId, end: OriginEnd) {
        self.origins.end(id, end);
    }

    /// The number of sources that the next commit may have to note.
    pub fn uncommitted_origins(&self) -> usize {
        self.origins.len()
    }

    /// The time by the clock that sources set.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that a range of a log group (`""` if unknown) has been covered.
    pub fn cover(&mut self, log_group: &str, range: CoveredRange) {
        self.uncommitted.ledger.coverage.add(log_group, range);
    }

    /// Notes a look at the group `arn`.
    pub fn looked(&mut self, arn: &str, facts: &GroupFacts, look: Look) {
        // Coverage leaves out what the group no longer had then; for planning the whole look
        // counts.
        if let Some(range) = facts.seen(look) {
            self.cover(&facts.name, range);
        }
        self.uncommitted.ledger.pulls.add(arn, facts, look);
    }

    /// Everything that was pulled, including what is not committed yet.
    pub fn pulls(&self) -> Pulls {
        let mut pulls = self.checkpoint.ledger.pulls.clone();
        pulls.merge(&self.uncommitted.ledger.pulls);
        pulls
    }

    /// Notes that an object was read to its end and all of its records have been appended: they are
    /// in the same commit as this note, or in an earlier one.
    pub fn take_object(&mut self, object: ObjectHash) {
        self.uncommitted.ledger.objects.add(object);
    }

    /// The objects taken as of the last commit.
    pub fn taken_objects(&self) -> &TakenObjects {
        &self.checkpoint.ledger.objects
    }

    /// The number of records that a crash would make us redo.
    pub fn uncommitted_records(&self) -> u64 {
        self.uncommitted.record_count
    }

    /// Time since the last commit, or since the store was opened.
    pub fn since_commit(&self) -> Duration {
        self.committed_at.elapsed()
    }

    /// Makes everything so far visible and durable. Once it returns, a power loss takes nothing of
    /// it away.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] and [`StoreError::Index`]; nothing is acknowledged then.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let mut ledger = self.checkpoint.ledger.clone();
        ledger.merge(&self.uncommitted.ledger);
        let origins = self.origins.to_note();
        // Nothing to say: a commit would lengthen the archive and the chain of heads for nothing.
        if self.uncommitted.record_count == 0
            && origins.is_empty()
            && ledger == self.checkpoint.ledger
        {
            self.uncommitted.identities.clear();
            self.committed_at = Instant::now();
            return self.keep_repeats();
        }
        let records = self.checkpoint.records + self.uncommitted.record_count;
        let note = CommitNote {
            records,
            ledger: std::mem::take(&mut self.uncommitted.ledger),
            at_ms: Some(self.now().as_ms()),
            previous: Some(self.archive.head()).filter(|it| !it.is_empty()).map(str::to_owned),
            origins,
            tombstones: Vec::new(),
            runs: std::mem::take(&mut self.uncommitted.runs),
        };
        let note =
            note.encode().map_err(StoreError::io("compress data for", &self.layout.archive()))?;
        // On disk before the index names it: a crash in between leaves bytes that no commit counts,
        // and the next writer cuts them off.
        let archive = self.archive.sync(&note)?;
        let tombstones = self.checkpoint.tombstones.clone();
        let mut others = self.checkpoint.others.clone();
        if self.uncommitted.other_count > 0
            && let Some(audit) = &mut self.audit
        {
            // Before the commit that counts its documents: readers look no further than the store's
            // commit, so until then nobody sees them.
            audit.commit(&archive, tombstones.len())?;
            let count = others.records + self.uncommitted.other_count;
            others = OtherRecords::at(count, &archive);
        }
        let checkpoint =
            Checkpoint { records, others, archive, ledger, tombstones, ..Checkpoint::empty() };
        self.index.prepare(&checkpoint.to_payload(&self.layout)?)?;
        (self.snapshot, self.checkpoint) = IndexSnapshot::of_prepared(&self.index, &self.layout)?;
        // The table is made from a commit that only this writer sees so far, beside the old table.
        // A crash before `publish` leaves the old commit and the old table in force.
        self.prepare_table()?;
        self.index.publish()?;
        // The commit stands from here on. After a crash the next writer restores SHA256SUMS from
        // it, and puts the prepared table in place.
        self.archive.refresh_sums()?;
        self.publish_table()?;
        self.committed_at = Instant::now();
        self.commit_count += 1;
        if self.uncommitted.other_count > 0 {
            self.audit_snapshot = AuditIndex::open(&self.layout, &self.checkpoint)?.map(Arc::new);
        }
        // They were of the snapshot before, and lack what this commit added.
        self.large_legs = LargeLegs::default();
        self.uncommitted = Uncommitted {
            with_message_identities: self.uncommitted.with_message_identities,
            ..Uncommitted::default()
        };
        self.keep_repeats()
    }

    /// From now on, begins a new archive file after `bytes` bytes.
    #[cfg(test)]
    pub(crate) fn limit_archive_files(&mut self, bytes: u64) {
        self.archive.limit_files(bytes);
    }

    /// Keeps the message table up to date from now on, with every commit.
    pub(crate) fn keep_table_by(&mut self, upkeep: Box<dyn Upkeep>) {
        self.upkeep = Some(upkeep);
    }

    /// Brings the message table up to the last commit, if it is kept up to date here.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if store or table cannot be read or written; the commit stands.
    pub(crate) fn keep_table(&mut self) -> Result<(), StoreError> {
        self.prepare_table()?;
        self.publish_table()
    }

    /// Prepares the message table of the commit at hand, beside the last one, if it is kept up to
    /// date here.
    fn prepare_table(&mut self) -> Result<(), StoreError> {
        let Some(upkeep) = &self.upkeep else { return Ok(()) };
        let store =
            Store::of(&self.layout, self.snapshot.clone(), self.checkpoint.clone(), &self.files);
        let keep = |table: &mut TableWriter| {
            if table.is_as_of(&self.checkpoint) {
                return Ok(());
            }
            upkeep.keep(&store, table)?;
            table.prepare(&self.checkpoint)
        };
        let table = match &mut self.table {
            Some(table) => table,
            none => none.insert(TableWriter::open(&self.layout, &self.checkpoint)?),
        };
        match keep(table) {
            // The table is derived: a damaged one must not keep records out, and is rebuilt.
            Err(StoreError::Index { .. }) => {
                self.table = None;
                remove_table(&self.layout)?;
                keep(self.table.insert(TableWriter::open(&self.layout, &self.checkpoint)?))
            }
            other => other,
        }
    }

    fn publish_table(&mut self) -> Result<(), StoreError> {
        self.table.as_mut().map_or(Ok(()), TableWriter::publish)
    }

    /// Carries the open sources over a commit, and keeps those that ended and added nothing.
    fn keep_repeats(&mut self) -> Result<(), StoreError> {
        let ended = self.origins.noted();
        if ended.is_empty() {
            return Ok(());
        }
        let mut repeats = Repeats::read(&self.layout)?;
        repeats.add(ended);
        repeats.write(&self.layout)
    }

    /// Commits, waits for the index's merges, and releases the lock.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.commit()?;
        if let Some(table) = self.table.take() {
            table.finish()?;
        }
        if let Some(audit) = self.audit.take() {
            audit.finish()?;
        }
        self.index.finish()
    }
}
