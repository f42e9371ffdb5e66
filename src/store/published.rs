//! Data that a store keeps about its publication elsewhere: its progress, and what was refused.
//!
//! It is kept beside the archive under a lock of its own, so that a pull can go on meanwhile.

use std::fs::{File, TryLockError};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;

use super::archive::Location;
use super::dir::Dir;
use super::error::StoreError;
use super::layout::Layout;
use super::names::TEMPORARY_SUFFIX;
use super::reader::Store;
use super::rejected::{RejectedEntry, RejectedFile};
use crate::json;
use crate::limits;

/// The directory in the store.
const PUBLISHED: &str = "published";
/// Held while somebody publishes.
const LOCK: &str = "lock";

/// The data that a store keeps about its publication, for the one process that publishes.
pub struct Published {
    dir: Dir,
    layout: Layout,
    /// The lock belongs to the open file.
    lock: File,
}

impl Drop for Published {
    fn drop(&mut self) {
        // If this fails, closing the file still unlocks it.
        let _still_shared = self.lock.unlock();
    }
}

impl Published {
    /// The key under which the store's name elsewhere is kept.
    pub const NAME: &str = "name";

    /// Opens the data for writing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if somebody else is publishing this store, [`StoreError::OtherOwner`]
    /// and [`StoreError::Io`].
    pub fn open(store: &Path) -> Result<Self, StoreError> {
        let layout = Layout::new(store);
        layout.check()?;
        layout.check_owner()?;
        // Not under the store's lock, which a pull holds for as long as it follows.
        let dir = layout.root_dir()?.make_dir(PUBLISHED)?;
        let lock = dir.file_or_new(LOCK)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir, layout, lock }),
            Err(TryLockError::WouldBlock) => {
                let holder = "another `mailtrace publish`".to_owned();
                Err(StoreError::Locked { path: dir.path().to_owned(), holder })
            }
            Err(TryLockError::Error(error)) => {
                Err(StoreError::io("lock", &dir.path().join(LOCK))(error))
            }
        }
    }

    /// The store's name elsewhere: random, made when it is first asked for, and shared by copies of
    /// the store.
    pub fn store_name(&self) -> Result<String, StoreError> {
        if let Some(name) = self.read(Self::NAME)? {
            return Ok(name.trim().to_owned());
        }
        // Each `RandomState` has its own keys, so the halves differ.
        let half = || RandomState::new().build_hasher().finish();
        let name = format!("{:016x}{:016x}", half(), half());
        self.replace(Self::NAME, &format!("{name}\n"))?;
        Ok(name)
    }

    /// Reads what was kept under a name.
    pub fn read(&self, name: &str) -> Result<Option<String>, StoreError> {
        read(&self.dir, name)
    }

    /// Keeps `content` under a name, durably, replacing what was there.
    pub fn replace(&self, name: &str, content: &str) -> Result<(), StoreError> {
        self.dir.replace(name, content.as_bytes())
    }

    /// Keeps what was refused elsewhere with the rejected input: for each a reason and a text. The
    /// same again is kept once.
    pub fn reject(&self, source: &str, refused: &[(String, String)]) -> Result<(), StoreError> {
        if refused.is_empty() {
            return Ok(());
        }
        let path = self.dir.path().join(format!("refused{TEMPORARY_SUFFIX}"));
        // A crash may have left it: only the store's writer sweeps, and not in this directory.
        self.dir.remove(&format!("refused{TEMPORARY_SUFFIX}"))?;
        let mut file = RejectedFile::create(path)?;
        for (number, (reason, text)) in (1..).zip(refused) {
            let entry = RejectedEntry {
                source: source.to_owned(),
                line: number,
                byte_offset: 0,
                reason: reason.clone(),
                is_continuation: false,
                text: Some(text.clone()),
                base64: None,
            };
            let mut json = json::bytes(&entry);
            json.push(b'\n');
            file.write(&json)?;
        }
        file.finish(&self.layout.rejected()).map(drop)
    }
}

/// Reads what a store keeps about its publication under a name, without publishing.
pub fn read_published(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    match store.layout.dir_if_there(PUBLISHED)? {
        Some(dir) => read(&dir, name),
        None => Ok(None),
    }
}

fn read(dir: &Dir, name: &str) -> Result<Option<String>, StoreError> {
    match dir.read(name, limits::CLUSTER_FILE_BYTES_MAX) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

impl Store {
    /// The first place in the archive beyond this commit.
    pub fn end(&self) -> Location {
        let position = &self.checkpoint.archive;
        // If it is not known how much of the file counts, no writer appends to it.
        let bytes = position.bytes.and_then(|it| u32::try_from(it).ok()).unwrap_or(u32::MAX);
        Location { file: position.file, offset: bytes, line: 0 }
    }

    /// The places of records: email events from `mail` on, and others from `others` on. They come
    /// file by file, each file's in order.
    pub fn records_from(
        &self,
        mail: Location,
        others: Location,
    ) -> Result<impl Iterator<Item = Vec<RecordPlace>>, StoreError> {
        let mut places_of_others = Vec::new();
        if let Some(audit) = self.audit_index()? {
            places_of_others.extend(audit.places().map(|(it, _)| it).filter(|it| *it >= others));
            places_of_others.sort_unstable();
        }
        let files = self.checkpoint.archive.files().into_iter();
        let files = files.filter(move |it| *it >= mail.file.min(others.file));
        Ok(files.map(move |file| {
            let of_mail = if file < mail.file { Vec::new() } else { self.mail_places(file, mail) };
            let behind = |file| places_of_others.partition_point(|it| it.file < file);
            let others = places_of_others.get(behind(file)..behind(file + 1));
            let others = others.expect("places in the order of their files");
            let of_mail =
                of_mail.into_iter().map(|location| RecordPlace { location, is_mail: true });
            let others = others.iter().map(|it| RecordPlace { location: *it, is_mail: false });
            let mut places: Vec<RecordPlace> = of_mail.chain(others).collect();
            places.sort_unstable();
            places
        }))
    }

    /// The places of an archive file's email events from `from` on, in order.
    fn mail_places(&self, file: u32, from: Location) -> Vec<Location> {
        let mut places = self
            .index()
            .places_in_blocks(&|it| it.file == file && it.offset >= from.offset_in(file));
        // Whole blocks were asked for; the first may begin with earlier lines.
        places.retain(|it| *it >= from);
        places.sort_unstable();
        places
    }
}

/// The place and the kind of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordPlace {
    /// Its place in the archive.
    pub location: Location,
    /// True if it is an email event.
    pub is_mail: bool,
}

impl Location {
    /// The first block of a file that may have something at this place or after it.
    fn offset_in(self, file: u32) -> u32 {
        if file == self.file { self.offset } else { 0 }
    }
}
