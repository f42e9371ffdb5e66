//! Where things lie in the store's directory, and how they get there durably.
//!
//! Every file is made with mode 0600 and every directory with 0700: the content is personal data.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// The file that says that a directory is a store, and of which format.
pub(super) const MARKER: &str = "store.json";

/// The newest format that this version writes and reads.
pub(super) const FORMAT: u64 = 1;

/// What a half-written file's name ends with; swept whenever the store is opened for writing.
pub(super) const TEMPORARY_SUFFIX: &str = ".tmp";

/// The paths inside one store.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(super) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn marker(&self) -> PathBuf {
        self.root.join(MARKER)
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root.join("index")
    }

    /// Where `reindex` builds the index that will take the place of [`Layout::index`].
    pub(super) fn index_being_built(&self) -> PathBuf {
        self.root.join("index.new")
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.root.join("archive")
    }

    pub(super) fn archive_file(&self, number: u32) -> PathBuf {
        self.archive().join(archive_file_name(number))
    }

    pub(super) fn sums(&self) -> PathBuf {
        self.archive().join("SHA256SUMS")
    }

    /// Sources that added nothing.
    pub(super) fn repeats(&self) -> PathBuf {
        self.root.join("repeats.json")
    }

    pub(super) fn rejected(&self) -> PathBuf {
        self.root.join("rejected")
    }

    /// Reads the marker.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoStore`], [`StoreError::NotAStore`] and [`StoreError::NewerFormat`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let path = self.marker();
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(if self.is_vacant()? {
                    StoreError::NoStore { path: self.root.clone() }
                } else {
                    StoreError::NotAStore { path: self.root.clone() }
                });
            }
            Err(error) => return Err(StoreError::io("read", &path)(error)),
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
        Ok(())
    }

    /// Whether a store may be made here: nothing there, or what a creation that was cut off leaves.
    fn is_vacant(&self) -> Result<bool, StoreError> {
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

    /// Makes the directories and the marker, the marker last.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        for path in [self.archive(), self.index(), self.rejected()] {
            create_dir(&path)?;
        }
        write_atomically(&self.marker(), format!("{{\"format\":{FORMAT}}}\n").as_bytes())
    }

    /// Makes the store's own directory when it is missing and may be made.
    pub(super) fn create_root(&self) -> Result<(), StoreError> {
        if self.is_vacant()? || self.marker().exists() {
            return create_dir(&self.root);
        }
        // `create` makes the marker last: without it these three are all that can stand here.
        let is_cut_off = self.archive().is_dir() && is_empty_dir(&self.archive());
        if is_cut_off { Ok(()) } else { Err(StoreError::NotAStore { path: self.root.clone() }) }
    }

    /// Removes what writers that were cut off have left under temporary names.
    pub(super) fn sweep(&self) -> Result<(), StoreError> {
        for dir in [self.root.clone(), self.archive(), self.index(), self.rejected()] {
            let Ok(entries) = fs::read_dir(&dir) else { continue };
            for entry in entries {
                let entry = entry.map_err(StoreError::io("read the directory", &dir))?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                // Tantivy's own temporary files are named `.tmpXXXXXX`.
                let is_temporary = name.ends_with(TEMPORARY_SUFFIX) || name.starts_with(".tmp");
                if is_temporary && entry.file_type().is_ok_and(|it| it.is_file()) {
                    fs::remove_file(entry.path())
                        .map_err(StoreError::io("remove", &entry.path()))?;
                }
            }
        }
        let abandoned = self.index_being_built();
        match fs::remove_dir_all(&abandoned) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &abandoned)(error))
            }
            _ => Ok(()),
        }
    }
}

/// The name of the archive file with that number.
pub(super) fn archive_file_name(number: u32) -> String {
    format!("{number:08}.ndjson.zst")
}

/// The number of the archive file with that name.
pub(super) fn archive_file_number(name: &str) -> Option<u32> {
    name.strip_suffix(".ndjson.zst").filter(|it| it.len() == 8).and_then(|it| it.parse().ok())
}

fn is_empty_dir(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut it| it.next().is_none())
}

/// Makes a directory that only its owner may enter, and its parents, durably.
pub(super) fn create_dir(path: &Path) -> Result<(), StoreError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(StoreError::io("make the directory", path))?;
    path.parent().filter(|it| !it.as_os_str().is_empty()).map_or(Ok(()), sync_dir)
}

/// Makes a new file that only its owner may read.
pub(super) fn create_file(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .read(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(StoreError::io("make the file", path))
}

/// Makes names that were made, moved or removed in a directory survive a power loss.
pub(super) fn sync_dir(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|it| it.sync_all()).map_err(StoreError::io("sync", path))
}

/// Replaces a file's content at once and durably: after a crash it is the old or the new one.
pub(super) fn write_atomically(path: &Path, content: &[u8]) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(TEMPORARY_SUFFIX);
    let temporary = path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(StoreError::io("remove", &temporary)(error));
        }
        _ => {}
    }
    let mut file = create_file(&temporary)?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(StoreError::io("write", &temporary))?;
    fs::rename(&temporary, path).map_err(StoreError::io("rename to", path))?;
    path.parent().map_or(Ok(()), sync_dir)
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
        create_dir(&layout.archive()).unwrap();
        layout.create_root().unwrap();
        layout.create().unwrap();
        layout.check().unwrap();
    }

    #[test]
    fn archive_names_and_numbers_agree() {
        assert_eq!(archive_file_number(&archive_file_name(42)), Some(42));
        assert_eq!(archive_file_number("42.ndjson.zst"), None);
        assert_eq!(archive_file_number("SHA256SUMS"), None);
    }
}
