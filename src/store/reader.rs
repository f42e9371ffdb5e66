//! Reading the store.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use super::archive::{ArchiveFiles, ArchiveReader, Location, Sums};
use super::audit_index::AuditIndex;
use super::dir::Dir;
use super::error::StoreError;
use super::event::StoredEvent;
use super::index::{EventTable, IdHash, IndexSnapshot, META, TimeReader, read_checkpoint};
use super::layout::Layout;
use super::ledger::checkpoint::Checkpoint;
use super::message_table::{HeldTable, OpenTables};
use super::names::{ARCHIVE, INDEX};
use super::rejected::RejectedLines;
use super::slice::{Slice, slices};
use super::whole::StorePart;
use crate::directory::Directory;
use crate::event::{MessageId, Parser};
use crate::limits;
use crate::source::Record;

/// A store as of one commit, for reading. Writers may go on; the next [`Store::open`] sees what
/// they commit.
pub struct Store {
    pub(super) layout: Layout,
    pub(super) snapshot: IndexSnapshot,
    pub(super) checkpoint: Checkpoint,
    pub(super) files: Arc<ArchiveFiles>,
    pub(super) tables: Arc<OpenTables>,
    pub(super) audit: Arc<OnceLock<Option<AuditIndex>>>,
    pub(super) directory: Arc<OnceLock<Option<Arc<Directory>>>>,
    /// The store of which it is a part, if it is one.
    pub(super) part: Option<Arc<StorePart>>,
}

/// The sizes of a store's parts on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// The archive.
    pub archive_bytes: u64,
    /// The index, the message table and the index of audit events.
    pub index_bytes: u64,
    /// Rejected input.
    pub rejected_bytes: u64,
    /// The number of rejected pieces.
    pub rejected_count: u64,
}

/// Distinguishes two commits of one store without reading them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitStamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Store {
    /// The stamp of the newest commit; `None` if none can be seen.
    pub fn commit_stamp(path: &Path) -> Option<CommitStamp> {
        // Each commit replaces the file by a new one. As inode numbers are reused, length and time
        // count too.
        let metadata = std::fs::metadata(Layout::new(path).index().join(META)).ok()?;
        Some(CommitStamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }

    /// Opens the latest commit, without writing anything, not even a lock.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`], [`StoreError::NotAStore`], [`StoreError::NewerFormat`] and
    /// [`StoreError::NoIndex`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(path);
        layout.check()?;
        let mut attempts = limits::OPEN_ATTEMPTS_MAX;
        loop {
            let (snapshot, checkpoint) = IndexSnapshot::open(&layout)?;
            let (files, is_any_missing) = ArchiveFiles::hold(&layout, &checkpoint.archive)?;
            let table = HeldTable::find(&layout, &checkpoint);
            attempts -= 1;
            // A removal in between takes files away, and a commit replaces the table. Each leaves
            // another commit, which is opened instead. If a file is missing without that, it is
            // lost, but the others can still be read.
            let is_whole = !is_any_missing && table.is_some();
            let is_new = || read_checkpoint(&layout).is_ok_and(|it| it != checkpoint);
            if is_whole || attempts == 0 || !is_new() {
                let tables = Arc::new(OpenTables::holding(table));
                return Ok(Self { tables, ..Self::of(&layout, snapshot, checkpoint, &files) });
            }
        }
    }

    /// Makes a store of an opened commit.
    pub(super) fn of(
        layout: &Layout,
        snapshot: IndexSnapshot,
        checkpoint: Checkpoint,
        files: &Arc<ArchiveFiles>,
    ) -> Self {
        let (layout, files) = (layout.clone(), Arc::clone(files));
        Self {
            layout,
            snapshot,
            checkpoint,
            files,
            tables: Arc::default(),
            audit: Arc::default(),
            directory: Arc::default(),
            part: None,
        }
    }

    /// The same commit, but once `stop` is set, whatever reads its archive fails with
    /// [`StoreError::Stopped`].
    #[must_use]
    pub fn stoppable(&self, stop: &Arc<AtomicBool>) -> Self {
        Self { files: self.files.stoppable(stop), ..self.same() }
    }

    /// Another handle to the same commit.
    pub(super) fn same(&self) -> Self {
        Self {
            layout: self.layout.clone(),
            snapshot: self.snapshot.clone(),
            checkpoint: self.checkpoint.clone(),
            files: Arc::clone(&self.files),
            tables: Arc::clone(&self.tables),
            audit: Arc::clone(&self.audit),
            directory: Arc::clone(&self.directory),
            part: self.part.clone(),
        }
    }

    /// The store's directory.
    pub fn path(&self) -> &Path {
        self.layout.root()
    }

    /// The checkpoint of the commit.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The head, which stands for the whole archive as of this commit: SHA-256, in hexadecimal,
    /// over the lines of `archive/SHA256SUMS` as of the commit. `None` before the first commit.
    pub fn head(&self) -> Result<Option<String>, StoreError> {
        let position = &self.checkpoint.archive;
        Ok(match (position.file, position.head.as_str()) {
            (0, _) => None,
            // Commits of earlier builds do not record it.
            (file, "") => Some(Sums::read(&self.layout)?.head(file, &position.sha256)),
            (_, head) => Some(head.to_owned()),
        })
    }

    /// The index as of this commit: the places of the events that a query finds, and what it holds
    /// of them.
    pub(crate) fn index(&self) -> &IndexSnapshot {
        &self.snapshot
    }

    /// Makes a reader of single events, which keeps the blocks that it used last.
    pub fn events(&self) -> EventReader<'_> {
        EventReader { store: self, archive: ArchiveReader::new(&self.files), parser: Parser::new() }
    }

    /// Makes a finder of the places of events, which keeps the blocks that it used last.
    pub fn locator(&self) -> Locator<'_> {
        Locator {
            store: self,
            times: self.snapshot.times(),
            archive: ArchiveReader::new(&self.files),
        }
    }

    /// Makes one table of the events at the places that `has` accepts, and a store with only the
    /// segments that hold them. The table's numbers of events are valid in that store alone.
    pub(crate) fn event_table_of(
        &self,
        has: &(dyn Fn(Location) -> bool + Sync),
    ) -> Result<(Self, EventTable), StoreError> {
        let snapshot = self.snapshot.with_segments_of(has);
        let table = snapshot.event_table(has)?;
        let store = Self::of(&self.layout, snapshot, self.checkpoint.clone(), &self.files);
        Ok((Self { part: self.part.clone(), ..store }, table))
    }

    /// The whole archive in slices of at most `events_max` events, or of one file.
    pub(crate) fn slices(&self, events_max: u64) -> Vec<Slice> {
        slices(self.snapshot.counts_by_file(), events_max)
    }

    /// The directory of the message table, if there is one.
    pub fn message_table_path(&self) -> PathBuf {
        self.layout.messages()
    }

    /// Measures the store's parts.
    pub fn sizes(&self) -> Result<Sizes, StoreError> {
        let mut sizes = Sizes {
            archive_bytes: bytes_in(self.layout.dir_if_there(ARCHIVE))?,
            index_bytes: bytes_in(self.layout.dir_if_there(INDEX))?
                + bytes_in(self.layout.messages_dir())?
                + bytes_in(self.layout.audit_dir())?,
            ..Sizes::default()
        };
        if let Some(dir) = self.layout.rejected_dir()? {
            for (name, bytes) in files_in(&dir)? {
                sizes.rejected_bytes += bytes;
                sizes.rejected_count += count_rejected(&dir, &name)?;
            }
        }
        Ok(sizes)
    }
}

/// Finds the places of events' records.
pub struct Locator<'s> {
    store: &'s Store,
    times: Vec<TimeReader>,
    archive: ArchiveReader,
}

impl Locator<'_> {
    /// Returns the place of an event's record; `None` if the store does not hold it.
    pub fn locate(&mut self, event: &StoredEvent) -> Result<Option<Location>, StoreError> {
        let StoredEvent { record, event } = event;
        let leg = IdHash::of_leg(&event.trace_id, &record.message);
        let ms = record.timestamp.as_ms();
        for location in self.store.snapshot.leg_in_range(leg, ms, ms, &mut self.times) {
            // Legs may share a hash, and events of one leg a time: only the original decides.
            if self.archive.read(location)? == *record {
                return Ok(Some(location));
            }
        }
        Ok(None)
    }
}

/// Bytes of a directory's files.
fn bytes_in(dir: Result<Option<Dir>, StoreError>) -> Result<u64, StoreError> {
    dir?.map_or(Ok(0), |it| it.bytes())
}

/// The files of a directory, with their lengths.
fn files_in(dir: &Dir) -> Result<Vec<(String, u64)>, StoreError> {
    let mut files = Vec::new();
    for name in dir.names()? {
        // A removal may take a file away meanwhile.
        if let Some(name) = name.to_str()
            && let Some(bytes) = dir.file_bytes(name)?
        {
            files.push((name.to_owned(), bytes));
        }
    }
    Ok(files)
}

fn count_rejected(dir: &Dir, name: &str) -> Result<u64, StoreError> {
    let lines = match RejectedLines::open(dir, name) {
        // A removal may have taken the file away since.
        Err(error) if error.is_not_found() => return Ok(0),
        other => other?,
    };
    let mut count = 0;
    for line in lines {
        count += u64::from(!line?.is_continuation);
    }
    Ok(count)
}

/// Reads events from the archive.
pub struct EventReader<'s> {
    store: &'s Store,
    archive: ArchiveReader,
    parser: Parser,
}

impl EventReader<'_> {
    /// The places of a leg's events, at most `limit`; some may belong to another trace ID with the
    /// same hash.
    pub fn leg_locations(&self, trace_id: &str, limit: usize) -> Vec<Location> {
        self.store.snapshot.leg_locations(IdHash::of_trace(trace_id), limit)
    }

    /// The places of the events with a message ID, at most `limit`; some may have another ID with
    /// the same hash.
    pub fn message_locations(&self, message_id: &MessageId<'_>, limit: usize) -> Vec<Location> {
        self.store.snapshot.message_locations(IdHash::of(message_id.as_str()), limit)
    }

    /// Reads one record, of any kind.
    ///
    /// # Errors
    ///
    /// [`StoreError::ArchiveDamaged`] if there is none at that location.
    pub fn record(&mut self, location: Location) -> Result<Record<'static>, StoreError> {
        self.archive.read(location)
    }

    /// Reads one event.
    ///
    /// # Errors
    ///
    /// [`StoreError::ArchiveDamaged`] if there is none at that location.
    pub fn read(&mut self, location: Location) -> Result<StoredEvent, StoreError> {
        let record = self.archive.read(location)?;
        let event =
            self.parser.parse(&record.message).map_err(|error| StoreError::ArchiveDamaged {
                path: self.store.layout.archive_file(location.file),
                reason: format!("at byte {}: {error}", location.offset),
            })?;
        let event = event.into_owned();
        Ok(StoredEvent { record, event })
    }
}
