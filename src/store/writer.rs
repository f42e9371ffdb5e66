//! Writing to the store.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use super::StoreError;
use super::archive::{ArchiveFiles, ArchiveWriter, Location, decompress_block};
use super::blocks::Blocks;
use super::checkpoint::{Checkpoint, CommitNote};
use super::coverage::{Coverage, CoveredRange};
use super::identity::Identity;
use super::index::{IndexSnapshot, IndexWriter};
use super::layout::Layout;
use super::lock::WriterLock;
use super::objects::{ObjectHash, TakenObjects};
use super::prepare::{PreparedBatch, PreparedLines, Preparers};
use super::pulls::{GroupFacts, Look, Pulls};
use super::rejected::RejectedWriter;

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
    checkpoint: Checkpoint,
    uncommitted: Uncommitted,
    committed_at: Instant,
    commit_count: u64,
    /// Declared last: the lock outlives everything that writes.
    _lock: WriterLock,
}

/// What the next commit will add.
#[derive(Default)]
struct Uncommitted {
    record_count: u64,
    coverage: Coverage,
    pulls: Pulls,
    objects: TakenObjects,
    identities: HashSet<Identity, BuildHasherDefault<IdentityHasher>>,
    /// Whether `identities` also holds what the records' would be without their times.
    with_message_identities: bool,
}

/// What became of one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Appended {
    /// Records that are new.
    pub added: u64,
    /// The places in the batch, in order, of records that were there.
    pub duplicate_indices: Vec<usize>,
}

impl Appended {
    /// Records that were there.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicate_indices.len() as u64
    }
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
        if !layout.marker().exists() {
            layout.create()?;
        }
        layout.check()?;
        super::layout::create_dir(&layout.rejected())?;
        let index = open_index(&layout)?;
        let (snapshot, checkpoint) = IndexSnapshot::open(&layout.index())?;
        let archive = ArchiveWriter::open(&layout, &checkpoint.archive)?;
        Ok(Self {
            files: ArchiveFiles::new(&layout),
            layout,
            archive,
            index,
            snapshot,
            checkpoint,
            uncommitted: Uncommitted::default(),
            committed_at: Instant::now(),
            commit_count: 0,
            _lock: lock,
        })
    }

    /// What workers prepare batches with. What was prepared before a commit is compared with it
    /// when it is appended, which takes longer.
    #[must_use]
    pub fn preparers(&self) -> Preparers {
        Preparers {
            layout: self.layout.clone(),
            files: Arc::clone(&self.files),
            snapshot: self.snapshot.clone(),
            with_message_identities: self.uncommitted.with_message_identities,
            commit_count: self.commit_count,
        }
    }

    /// Where the rejects of one source go.
    #[must_use]
    pub fn rejected(&self, source: &str) -> RejectedWriter {
        RejectedWriter::new(&self.layout.rejected(), source)
    }

    /// Whether batches with approximate times can be appended: what is uncommitted is then also
    /// known by message alone.
    #[must_use]
    pub fn knows_messages(&self) -> bool {
        self.uncommitted.with_message_identities
    }

    /// Commits, and from now on knows what is uncommitted by message alone too. Batches must be
    /// prepared anew afterwards.
    ///
    /// # Errors
    ///
    /// As [`StoreWriter::commit`].
    pub fn learn_messages(&mut self) -> Result<(), StoreError> {
        self.commit()?;
        self.uncommitted.with_message_identities = true;
        Ok(())
    }

    /// Appends batches in their order: each record that is not there yet, once. Returns what
    /// became of each batch.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`] and [`StoreError::Index`].
    pub fn append(&mut self, mut batches: Vec<PreparedBatch>) -> Result<Vec<Appended>, StoreError> {
        let preparers = self.preparers();
        batches
            .par_iter_mut()
            .filter(|it| it.commit_count != preparers.commit_count)
            .try_for_each(|it| preparers.preparer().find_stored(it))?;
        let archive = self.layout.archive();
        let mut blocks = Blocks::default();
        let mut counts = Vec::with_capacity(batches.len());
        for mut batch in batches {
            let appended = self.take_new(&mut batch);
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
        for frame in blocks.into_frames() {
            let (frame, documents) = frame.map_err(StoreError::io("compress for", &archive))?;
            let (file, offset) = self.archive.append(&frame)?;
            let located = documents
                .into_iter()
                .zip(0..)
                .map(|(document, line)| document.at(Location { file, offset, line }));
            self.index.add(located)?;
        }
        Ok(counts)
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

    /// Notes that a range of a log group (`""` where it is not known) has been looked at.
    pub fn cover(&mut self, log_group: &str, range: CoveredRange) {
        self.uncommitted.coverage.add(log_group, range);
    }

    /// Notes a look at the group `arn`.
    pub fn looked(&mut self, arn: &str, facts: &GroupFacts, look: Look) {
        if let Some(range) = facts.seen(look) {
            self.cover(&facts.name, range);
        }
        self.uncommitted.pulls.add(arn, facts, look);
    }

    /// What was pulled, with what is not committed yet.
    #[must_use]
    pub fn pulls(&self) -> Pulls {
        let mut pulls = self.checkpoint.pulls.clone();
        pulls.merge(&self.uncommitted.pulls);
        pulls
    }

    /// Notes that all records of an object have been appended, and there is nothing more in it.
    pub fn take_object(&mut self, object: ObjectHash) {
        self.uncommitted.objects.add(object);
    }

    /// Whether an object has been taken.
    #[must_use]
    pub fn has_object(&self, object: ObjectHash) -> bool {
        self.uncommitted.objects.contains(object) || self.checkpoint.objects.contains(object)
    }

    /// The objects that were taken as of the last commit.
    #[must_use]
    pub fn taken_objects(&self) -> &TakenObjects {
        &self.checkpoint.objects
    }

    /// Records that a crash would make us redo.
    #[must_use]
    pub fn uncommitted_records(&self) -> u64 {
        self.uncommitted.record_count
    }

    /// How long ago the last commit was, or the store was opened.
    #[must_use]
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
        let mut coverage = self.checkpoint.coverage.clone();
        coverage.merge(&self.uncommitted.coverage);
        let pulls = self.pulls();
        let mut objects = self.checkpoint.objects.clone();
        objects.merge(&self.uncommitted.objects);
        if self.uncommitted.record_count == 0
            && coverage == self.checkpoint.coverage
            && pulls == self.checkpoint.pulls
            && objects == self.checkpoint.objects
        {
            self.uncommitted.identities.clear();
            self.committed_at = Instant::now();
            return Ok(());
        }
        let records = self.checkpoint.records + self.uncommitted.record_count;
        let note = CommitNote {
            records,
            coverage: self.uncommitted.coverage.clone(),
            pulls: self.uncommitted.pulls.clone(),
            objects: self.uncommitted.objects.clone(),
        };
        // Maps with text keys and numbers: nothing that JSON cannot hold.
        let note = serde_json::to_vec(&note).unwrap_or_default();
        let archive = self.archive.sync(&note)?;
        let checkpoint =
            Checkpoint { records, archive, coverage, pulls, objects, ..Checkpoint::empty() };
        self.index.commit(&checkpoint.to_payload())?;
        // From here on the commit stands; SHA256SUMS is made anew from it if we stop here.
        self.archive.refresh_sums()?;
        self.committed_at = Instant::now();
        self.commit_count += 1;
        (self.snapshot, self.checkpoint) = IndexSnapshot::open(&self.layout.index())?;
        self.uncommitted = Uncommitted {
            with_message_identities: self.uncommitted.with_message_identities,
            ..Uncommitted::default()
        };
        Ok(())
    }

    /// Commits, waits for the index's merges, and gives the store free.
    ///
    /// # Errors
    ///
    /// As [`StoreWriter::commit`].
    pub fn close(mut self) -> Result<(), StoreError> {
        self.commit()?;
        self.index.finish()
    }
}

/// Opens the index, or makes it where the store has never had one.
fn open_index(layout: &Layout) -> Result<IndexWriter, StoreError> {
    let path = layout.index();
    match IndexWriter::open(&path) {
        // An index is committed before the first byte is archived.
        Err(StoreError::NoIndex { .. }) if archive_is_empty(layout)? => {
            std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
            super::layout::create_dir(&path)?;
            let writer = IndexWriter::create(&path, &Checkpoint::empty().to_payload())?;
            super::layout::sync_dir(layout.root())?;
            Ok(writer)
        }
        Ok(writer) if IndexSnapshot::open(&path).is_err() && archive_is_empty(layout)? => {
            drop(writer);
            std::fs::remove_dir_all(&path).map_err(StoreError::io("remove", &path))?;
            super::layout::create_dir(&path)?;
            IndexWriter::create(&path, &Checkpoint::empty().to_payload())
        }
        other => other,
    }
}

fn archive_is_empty(layout: &Layout) -> Result<bool, StoreError> {
    let dir = layout.archive();
    let mut entries =
        std::fs::read_dir(&dir).map_err(StoreError::io("read the directory", &dir))?;
    Ok(entries.next().is_none())
}

/// An identity is a hash already.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn write_u128(&mut self, bits: u128) {
        self.write(&bits.to_le_bytes());
    }
}
