//! The layout of the store's directory, and its durable creation.
//!
//! Every file has mode 0600 and every directory 0700: the content is personal data.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::dir::Dir;
use super::error::StoreError;
use super::names::{
    ARCHIVE, AUDIT, AUDIT_BEING_BUILT, FORMAT, INDEX, INDEX_ASIDE, INDEX_BEING_BUILT, MARKER,
    MESSAGES, REJECTED, REPEATS, SUMS, TEMPORARY_SUFFIX,
};
use crate::fs::parent_of;
use crate::limits;

/// The directories of every store.
const PARTS: [&str; 4] = [ARCHIVE, INDEX, REJECTED, MESSAGES];

/// The paths inside one store.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
    /// The root, once opened: from then on it is this directory, whatever takes its path.
    handle: Arc<OnceLock<Dir>>,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), handle: Arc::default() }
    }

    /// The store's own directory.
    pub(super) fn root_dir(&self) -> Result<Dir, StoreError> {
        if let Some(dir) = self.handle.get() {
            return Ok(dir.clone());
        }
        let dir = Dir::open(&self.root)?;
        Ok(self.handle.get_or_init(|| dir).clone())
    }

    pub(super) fn archive_dir(&self) -> Result<Dir, StoreError> {
        self.root_dir()?.dir(ARCHIVE)
    }

    pub(super) fn index_dir(&self) -> Result<Dir, StoreError> {
        self.root_dir()?.dir(INDEX)
    }

    /// A directory of the store; none if it is missing, since a copy of a store may lack empty
    /// ones.
    pub(super) fn dir_if_there(&self, name: &str) -> Result<Option<Dir>, StoreError> {
        match self.root_dir()?.dir(name) {
            Err(error) if error.is_not_found() => Ok(None),
            other => other.map(Some),
        }
    }

    /// The directory of rejected input.
    pub(super) fn rejected_dir(&self) -> Result<Option<Dir>, StoreError> {
        self.dir_if_there(REJECTED)
    }

    /// The directory of the message table; none for a user who may only read the rest.
    pub(super) fn messages_dir(&self) -> Result<Option<Dir>, StoreError> {
        match self.dir_if_there(MESSAGES) {
            Err(error) if error.is_not_permitted() => Ok(None),
            other => other,
        }
    }

    /// The directory of the index of audit events; none for a user who may only read the rest.
    pub(super) fn audit_dir(&self) -> Result<Option<Dir>, StoreError> {
        match self.dir_if_there(AUDIT) {
            Err(error) if error.is_not_permitted() => Ok(None),
            other => other,
        }
    }

    /// Opens an archive file for reading.
    pub(super) fn open_archive_file(&self, number: u32) -> Result<File, StoreError> {
        self.archive_dir()?.file(&archive_file_name(number))
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root.join(INDEX)
    }

    pub(super) fn messages(&self) -> PathBuf {
        self.root.join(MESSAGES)
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.root.join(ARCHIVE)
    }

    pub(super) fn archive_file(&self, number: u32) -> PathBuf {
        self.archive().join(archive_file_name(number))
    }

    pub(super) fn sums(&self) -> PathBuf {
        self.archive().join(SUMS)
    }

    pub(super) fn repeats(&self) -> PathBuf {
        self.root.join(REPEATS)
    }

    /// The list of rejects that are kept already.
    #[cfg(test)]
    pub(super) fn known_rejects(&self) -> PathBuf {
        self.root.join(super::names::KNOWN_REJECTS)
    }

    pub(super) fn rejected(&self) -> PathBuf {
        self.root.join(REJECTED)
    }

    /// Reads the marker, and checks that the store's directories are directories.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`], [`StoreError::NotAStore`], [`StoreError::NewerFormat`] and
    /// [`StoreError::Misplaced`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let text = match self.root_dir().and_then(|it| it.read(MARKER, MARKER_BYTES_MAX)) {
            Ok(text) => text,
            Err(StoreError::Io { source, .. })
                if matches!(
                    source.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                // An empty directory gets the advice to import; anything else may be somebody's,
                // and is left alone.
                return Err(if self.is_vacant()? {
                    StoreError::NoStore { path: self.root.clone() }
                } else {
                    StoreError::NotAStore { path: self.root.clone() }
                });
            }
            Err(error) => return Err(error),
        };
        let format = serde_json::from_slice::<serde_json::Value>(&text)
            .ok()
            .and_then(|it| it.get("format").and_then(serde_json::Value::as_u64))
            .ok_or_else(|| StoreError::NotAStore { path: self.root.clone() })?;
        if format > FORMAT {
            return Err(StoreError::NewerFormat {
                path: self.root.clone(),
                found: format,
                known: FORMAT,
            });
        }
        self.parts().map(drop)
    }

    /// The existing directories of the store.
    fn parts(&self) -> Result<Vec<Dir>, StoreError> {
        let part = |name| match name {
            MESSAGES => self.messages_dir(),
            AUDIT => self.audit_dir(),
            _ => self.dir_if_there(name),
        };
        PARTS.into_iter().chain([AUDIT]).filter_map(|it| part(it).transpose()).collect()
    }

    /// Checks that everything about to be written to belongs to this user: the owner of a directory
    /// can put anything in it, and so make this process write where they may not.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherOwner`] and [`StoreError::Misplaced`].
    pub(super) fn check_owner(&self) -> Result<(), StoreError> {
        let user = rustix::process::geteuid().as_raw();
        for dir in std::iter::once(self.root_dir()?).chain(self.parts()?) {
            let owner = dir.owner()?;
            if owner != user {
                return Err(StoreError::OtherOwner { path: dir.path().to_owned(), owner, user });
            }
        }
        Ok(())
    }

    /// True if a store may be created here: nothing is here, or only the remains of an interrupted
    /// creation.
    fn is_vacant(&self) -> Result<bool, StoreError> {
        // By path and not through `root_dir`, since there may be no directory to hold open.
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(false),
            Err(error) => return Err(StoreError::io("read the directory", &self.root)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io("read the directory", &self.root))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name != "lock" && !name.ends_with(TEMPORARY_SUFFIX) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// True if the marker exists, so creation was completed.
    pub(super) fn has_marker(&self) -> Result<bool, StoreError> {
        self.root_dir()?.has(MARKER)
    }

    /// Creates the directories, then the marker, which completes the creation.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        let root = self.root_dir()?;
        for name in PARTS {
            root.make_dir(name)?;
        }
        root.replace(MARKER, format!("{{\"format\":{FORMAT}}}\n").as_bytes())
    }

    /// Creates the store's root directory if it is missing and may be created.
    pub(super) fn create_root(&self) -> Result<(), StoreError> {
        if self.is_vacant()? {
            return create_dir(&self.root);
        }
        match self.has_marker() {
            Ok(true) => return Ok(()),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotADirectory => {
                return Err(StoreError::NotAStore { path: self.root.clone() });
            }
            other => other?,
        };
        // `create` makes the marker last, and records are stored only after it. So an empty archive
        // without a marker is an interrupted creation, and one with files is not ours to touch.
        let is_cut_off = match self.archive_dir() {
            Ok(dir) => dir.names()?.is_empty(),
            Err(_) => false,
        };
        if is_cut_off { Ok(()) } else { Err(StoreError::NotAStore { path: self.root.clone() }) }
    }

    /// Removes the temporary files and directories of interrupted writers.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        let root = self.root_dir()?;
        root.remove_dir(INDEX_BEING_BUILT)?;
        root.remove_dir(INDEX_ASIDE)?;
        root.remove_dir(AUDIT_BEING_BUILT)?;
        for dir in std::iter::once(root).chain(self.parts()?) {
            for name in dir.names()? {
                let Some(name) = name.to_str() else { continue };
                // Earlier builds let tantivy write its own temporary files, named `.tmpXXXXXX`.
                let is_temporary = name.ends_with(TEMPORARY_SUFFIX) || name.starts_with(".tmp");
                if is_temporary && dir.file_bytes(name)?.is_some() {
                    dir.remove(name)?;
                }
            }
        }
        Ok(())
    }
}

/// Bytes of the marker at most; it holds one number.
const MARKER_BYTES_MAX: u64 = 4 << 10;

/// The name of the archive file with that number.
pub(super) fn archive_file_name(number: u32) -> String {
    format!("{number:08}.ndjson.zst")
}

/// The number of the archive file with that name.
pub(super) fn archive_file_number(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".ndjson.zst").filter(|it| it.len() == 8)?;
    let is_number = digits.bytes().all(|it| it.is_ascii_digit());
    digits.parse().ok().filter(|it| is_number && (1..=limits::ARCHIVE_FILES_MAX).contains(it))
}

/// True if a file of rejected input may have that name: it begins with the hash of its content.
pub(super) fn is_rejected_name(name: &str) -> bool {
    let Some((hash, extension)) = name.split_once('.') else { return false };
    let is_digit = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    hash.len() == REJECTED_HASH_DIGITS
        && hash.bytes().all(is_digit)
        && matches!(extension, "ndjson" | "ndjson.zst")
}

const REJECTED_HASH_DIGITS: usize = 16;

/// Creates a directory that only its owner may enter, and its missing parents, durably.
pub(super) fn create_dir(path: &Path) -> Result<(), StoreError> {
    create_dir_with(path, DirBuilder::new().mode(0o700))
}

fn create_dir_with(path: &Path, builder: &DirBuilder) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent_of(path);
    // The parents are not the store's: they get the user's usual mode.
    create_dir_with(above, &DirBuilder::new())?;
    match builder.create(path) {
        // Another process may have created it meanwhile.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other.map_err(StoreError::io("create the directory", path))?,
    }
    // Each level syncs its own entry in its parent, so the whole chain of new names is durable.
    sync_dir(above)
}

/// Makes created, renamed and removed entries of a directory survive a power loss.
pub(super) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    crate::fs::sync_dir(path).map_err(StoreError::io("sync", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_directory_is_no_store() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Layout::new(dir.path()).check(), Err(StoreError::NoStore { .. })));
        fs::write(dir.path().join("letter.txt"), "x").unwrap();
        let layout = Layout::new(dir.path());
        assert!(matches!(layout.check(), Err(StoreError::NotAStore { .. })));
        assert!(matches!(layout.create_root(), Err(StoreError::NotAStore { .. })));
        let file = dir.path().join("letter.txt");
        assert!(matches!(Layout::new(&file).check(), Err(StoreError::NotAStore { .. })));
    }

    #[test]
    fn a_newer_store_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MARKER), "{\"format\":999}").unwrap();
        let checked = Layout::new(dir.path()).check();
        assert!(matches!(checked, Err(StoreError::NewerFormat { found: 999, .. })));
    }

    #[test]
    fn a_creation_that_was_cut_off_can_be_completed() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        create_dir(&dir.path().join(ARCHIVE)).unwrap();
        layout.create_root().unwrap();
        layout.create().unwrap();
        layout.check().unwrap();
    }

    #[test]
    fn archive_names_and_numbers_agree() {
        assert_eq!(archive_file_number(&archive_file_name(42)), Some(42));
        assert_eq!(archive_file_number("42.ndjson.zst"), None);
        for name in ["SHA256SUMS", "+0000042.ndjson.zst", "00000000.ndjson.zst"] {
            assert_eq!(archive_file_number(name), None, "{name}");
        }
        assert_eq!(archive_file_number("99999999.ndjson.zst"), None, "more than an index can hold");
    }

    #[test]
    fn names_of_rejected_input_are_hashes() {
        assert!(is_rejected_name("0123456789abcdef.ndjson"));
        for name in ["../0123456789abcdef.ndjson", "0123456789abcdef.txt", "notes.ndjson", ""] {
            assert!(!is_rejected_name(name), "{name}");
        }
    }

    #[test]
    fn missing_directories_above_are_made_with_the_users_mode() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/store");
        create_dir(&path).unwrap();
        create_dir(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        let plain = dir.path().join("plain");
        fs::create_dir(&plain).unwrap();
        assert_eq!(mode(&dir.path().join("a")), mode(&plain));
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn directories_that_are_links_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        layout.create().unwrap();
        let victim = tempfile::tempdir().unwrap();
        fs::write(victim.path().join("draft.tmp"), "x").unwrap();
        fs::create_dir(dir.path().join(AUDIT)).unwrap();
        for name in PARTS.into_iter().chain([AUDIT]) {
            let path = dir.path().join(name);
            fs::remove_dir(&path).unwrap();
            std::os::unix::fs::symlink(victim.path(), &path).unwrap();
            assert!(matches!(layout.check(), Err(StoreError::Misplaced { .. })), "{name}");
            assert!(matches!(layout.sweep(), Err(StoreError::Misplaced { .. })), "{name}");
            fs::remove_file(&path).unwrap();
            fs::create_dir(&path).unwrap();
        }
        assert!(victim.path().join("draft.tmp").exists());
        layout.sweep().unwrap();
    }
}
