//! Writing to the store.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::archive::{ArchiveFiles, ArchiveWriter, Location, decompress_block};
use super::audit_index::{AuditIndex, AuditWriter, OtherRecords};
use super::blocks::{Blocks, Located};
use super::index::{IndexSnapshot, IndexWriter};
use super::large_legs::LargeLegs;
use super::layout::{Layout, REJECTED};
use super::ledger::checkpoint::Checkpoint;
use super::ledger::coverage::CoveredRange;
use super::ledger::note::CommitNote;
use super::ledger::objects::{ObjectHash, TakenObjects};
use super::ledger::pulls::{GroupFacts, Look, Pulls};
use super::lock::WriterLock;
use super::message_table::{TableWriter, Upkeep, remove_table};
use super::open_index::open_index;
use super::prepare::{PreparedBatch, PreparedLines, Preparers};
use super::provenance::{OpenOrigins, OriginCounts, OriginEnd, OriginId, OriginStart, Repeats};
use super::rejected::{KnownRejects, RejectedWriter};
use super::removal::{Removals, finish_removal};
use super::uncommitted::{Appended, Uncommitted, sources_of_new};
use super::{Store, StoreError};
use crate::time::{Clock, Timestamp};

/// The one process that writes to a store.
///
/// After an error the writer is of no more use: dropping it leaves the last commit, and opening
/// the store again cuts off what lies beyond.
pub struct StoreWriter {
    layout: Layout,
    archive: ArchiveWriter,
    /// For reading what duplicates are compared with.
    files: Arc<ArchiveFiles>,
    index: IndexWriter,
    snapshot: IndexSnapshot,
    /// For records that are no email events, once there are any.
    audit: Option<AuditWriter>,
    audit_snapshot: Option<Arc<AuditIndex>>,
    large_legs: LargeLegs,
    checkpoint: Checkpoint,
    uncommitted: Uncommitted,
    origins: OpenOrigins,
    known_rejects: Arc<Mutex<KnownRejects>>,
    /// Shows what was told when a source began, and goes on from there: commits go by it too.
    clock: Clock,
    committed_at: Instant,
    commit_count: u64,
    /// Who makes the entries of the message table, and the table once it was written to.
    upkeep: Option<Box<dyn Upkeep>>,
    table: Option<TableWriter>,
    /// Declared last: the lock outlives everything that writes.
    _lock: WriterLock,
}

impl StoreWriter {
    /// Opens the store at `path` for writing and brings it back to its last commit; makes it when
    /// there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] when somebody else writes, [`StoreError::NotAStore`] and
    /// [`StoreError::NewerFormat`] for what must not be touched, [`StoreError::NoIndex`] and
    /// [`StoreError::ArchiveDamaged`] for a store that needs attention first.
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(path);
        layout.create_root()?;
        let lock = WriterLock::acquire(&layout)?;
        layout.sweep()?;
        if !layout.has_marker()? {
            layout.create()?;
        }
        layout.check()?;
        layout.root_dir()?.make_dir(REJECTED)?;
        let mut index = open_index(&layout)?;
        let (mut snapshot, mut checkpoint) = IndexSnapshot::open(&layout)?;
        finish_removal(&layout, &checkpoint)?;
        if !checkpoint.leftovers.is_empty() {
            // What comes to lie under these names from now on is to stay.
            let cleared = Checkpoint { leftovers: Vec::new(), ..checkpoint };
            index.commit(&cleared.to_payload(&layout)?)?;
            (snapshot, checkpoint) = IndexSnapshot::open(&layout)?;
        }
        let archive = ArchiveWriter::open(&layout, &checkpoint.archive)?;
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

    /// What workers prepare batches with. What was prepared before a commit is compared with it
    /// when it is appended, which takes longer.
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

    /// As [`StoreWriter::preparers`]; they withhold such records as were removed from the store.
    pub fn preparers_without_removed(&self) -> Preparers {
        let tombstones = &self.checkpoint.tombstones;
        let removals = (!tombstones.is_empty()).then(|| Arc::new(Removals::new(tombstones)));
        Preparers { removals, ..self.preparers() }
    }

    /// Where the rejects of one source go.
    pub fn rejected(&self, source: &str) -> RejectedWriter {
        RejectedWriter::new(&self.layout, source, &self.known_rejects)
    }

    /// Whether batches with approximate times can be appended: what is uncommitted is then also
    /// known by message alone.
    pub fn knows_messages(&self) -> bool {
        self.uncommitted.with_message_identities
    }

    /// Commits, and from now on knows what is uncommitted by message alone too. Batches must be
    /// prepared anew afterwards.
    pub fn learn_messages(&mut self) -> Result<(), StoreError> {
        self.commit()?;
        self.uncommitted.with_message_identities = true;
        Ok(())
    }

    /// Appends batches in their order: each record that is not there yet, once. Returns what
    /// became of each batch.
    pub fn append(&mut self, mut batches: Vec<PreparedBatch>) -> Result<Vec<Appended>, StoreError> {
        let preparers = self.preparers();
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
                    let lines = prepared
                        .iter()
                        .map(|it| decompress_block(&it.frame))
                        .collect::<io::Result<Vec<_>>>()
                        .map_err(StoreError::io("compress for", &archive))?;
                    blocks.fill(&lines.concat(), &batch.records, batch.documents);
                }
                PreparedLines::Plain(lines) => {
                    blocks.fill(&lines, &batch.records, batch.documents);
                }
            }
            counts.push(appended);
        }
        let mut sources = sources.into_iter();
        for frame in blocks.into_frames() {
            let (frame, documents) = frame.map_err(StoreError::io("compress for", &archive))?;
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

    /// Finds what is new in a batch, and marks the rest as stored.
    fn take_new(&mut self, batch: &mut PreparedBatch) -> Appended {
        let Uncommitted { identities, .. } = &mut self.uncommitted;
        let mut appended = Appended { added: 0, duplicate_indices: batch.known.clone() };
        for record in &mut batch.records {
            if !record.is_stored && identities.insert(record.identity) {
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

    /// Notes that a source is being read from now on. What becomes of it is to be told with
    /// [`StoreWriter::count_origin`] and [`StoreWriter::end_origin`].
    pub fn begin_origin(&mut self, start: OriginStart) -> OriginId {
        self.clock = Clock::set_to(start.began);
        self.origins.begin(self.archive.head(), start)
    }

    /// Adds to what became of a source.
    pub fn count_origin(&mut self, id: OriginId, counts: OriginCounts) {
        self.origins.count(id, counts);
    }

    /// Notes that a source has been read, or cannot be read on.
    pub fn end_origin(&mut self, id: OriginId, end: OriginEnd) {
        self.origins.end(id, end);
    }

    /// How many sources the next commit may have to tell of.
    pub fn uncommitted_origins(&self) -> usize {
        self.origins.len()
    }

    /// The time by the clock of the sources.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes that a range of a log group (`""` where it is not known) has been looked at.
    pub fn cover(&mut self, log_group: &str, range: CoveredRange) {
        self.uncommitted.ledger.coverage.add(log_group, range);
    }

    /// Notes a look at the group `arn`.
    pub fn looked(&mut self, arn: &str, facts: &GroupFacts, look: Look) {
        if let Some(range) = facts.seen(look) {
            self.cover(&facts.name, range);
        }
        self.uncommitted.ledger.pulls.add(arn, facts, look);
    }

    /// What was pulled, with what is not committed yet.
    pub fn pulls(&self) -> Pulls {
        let mut pulls = self.checkpoint.ledger.pulls.clone();
        pulls.merge(&self.uncommitted.ledger.pulls);
        pulls
    }

    /// Notes that all records of an object have been appended, and there is nothing more in it.
    pub fn take_object(&mut self, object: ObjectHash) {
        self.uncommitted.ledger.objects.add(object);
    }

    /// The objects that were taken as of the last commit.
    pub fn taken_objects(&self) -> &TakenObjects {
        &self.checkpoint.ledger.objects
    }

    /// Records that a crash would make us redo.
    pub fn uncommitted_records(&self) -> u64 {
        self.uncommitted.record_count
    }

    /// How long ago the last commit was, or the store was opened.
    pub fn since_commit(&self) -> Duration {
        self.committed_at.elapsed()
    }

    /// Makes everything so far visible and durable. When it returns, a power loss takes nothing
    /// of it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] and [`StoreError::Index`]: nothing of it is acknowledged.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let mut ledger = self.checkpoint.ledger.clone();
        ledger.merge(&self.uncommitted.ledger);
        let origins = self.origins.to_note();
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
        let note = note.encode().map_err(StoreError::io("compress for", &self.layout.archive()))?;
        let archive = self.archive.sync(&note)?;
        let tombstones = self.checkpoint.tombstones.clone();
        let mut others = self.checkpoint.others.clone();
        if self.uncommitted.other_count > 0
            && let Some(audit) = &mut self.audit
        {
            // Before the commit that counts its documents: until then nobody sees them.
            audit.commit(&archive, tombstones.len())?;
            let count = others.records + self.uncommitted.other_count;
            others = OtherRecords::at(count, &archive);
        }
        let checkpoint =
            Checkpoint { records, others, archive, ledger, tombstones, ..Checkpoint::empty() };
        self.index.prepare(&checkpoint.to_payload(&self.layout)?)?;
        (self.snapshot, self.checkpoint) = IndexSnapshot::of_prepared(&self.index, &self.layout)?;
        self.prepare_table()?;
        self.index.publish()?;
        // From here on the commit stands; SHA256SUMS is made anew from it if we stop here.
        self.archive.refresh_sums()?;
        self.publish_table()?;
        self.committed_at = Instant::now();
        self.commit_count += 1;
        if self.uncommitted.other_count > 0 {
            self.audit_snapshot = AuditIndex::open(&self.layout, &self.checkpoint)?.map(Arc::new);
        }
        self.large_legs = LargeLegs::default();
        self.uncommitted = Uncommitted {
            with_message_identities: self.uncommitted.with_message_identities,
            ..Uncommitted::default()
        };
        self.keep_repeats()
    }

    /// From now on a file of the archive takes no more blocks beyond so many bytes.
    #[cfg(test)]
    pub(crate) fn limit_archive_files(&mut self, bytes: u64) {
        self.archive.limit_files(bytes);
    }

    /// Has the message table kept from now on, with every commit.
    pub(crate) fn keep_table_by(&mut self, upkeep: Box<dyn Upkeep>) {
        self.upkeep = Some(upkeep);
    }

    /// Brings the message table up to the last commit, where somebody keeps it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when store or table cannot be read or written; the commit stands.
    pub(crate) fn keep_table(&mut self) -> Result<(), StoreError> {
        self.prepare_table()?;
        self.publish_table()
    }

    /// Makes of the message table, beside what it was, what the commit at hand says, where somebody
    /// keeps it.
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
            // A table that is damaged must not keep records out: it is made anew.
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

    /// Goes on with the sources after a commit, and keeps those that ended and added nothing.
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
