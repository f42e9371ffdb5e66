//! Writes a statement and its signature: two files that appear as if they were one.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{SigningError, signature_path};
use crate::fs::{create_private, parent_of, shown_name, sync_dir};
use crate::temporary::TemporaryDirectory;

/// The names of both while they are made, and of a copy of the signature. The copy stays until both
/// are in place, so that after a kill the next process knows whose a lone signature is.
const STATEMENT: &str = "statement";
const SIGNATURE: &str = "signature";
const SIGNATURE_COPY: &str = "signature.copy";

/// The still empty places of a statement and its signature.
#[derive(Debug)]
pub struct SignedPair {
    statement: PathBuf,
    signature: PathBuf,
    staging: TemporaryDirectory,
}

impl SignedPair {
    /// Reserves the places of a statement at this path, after removing what killed processes left
    /// there half done.
    pub fn at(statement: &Path) -> Result<Self, SigningError> {
        let signature = signature_path(statement);
        let name = shown_name(statement);
        let prefix = format!(".{}.", name.chars().take(NAME_CHARS_MAX).collect::<String>());
        let parent = parent_of(statement);
        let staging = TemporaryDirectory::make_after(parent, &prefix, &mut |leftover| {
            if !is_there(statement) && is_copy(&leftover.join(SIGNATURE_COPY), &signature) {
                let _still_there = fs::remove_file(&signature);
            }
        });
        for path in [statement, &signature] {
            if is_there(path) {
                return Err(SigningError::Exists { path: path.to_owned() });
            }
        }
        let staging = staging.map_err(not_written(parent))?;
        Ok(Self { statement: statement.to_owned(), signature, staging })
    }

    /// Returns the directory in which both are made. Whatever ends the process must remove it.
    pub fn staging(&self) -> &Path {
        self.staging.path()
    }

    /// Writes both durably, and returns the path of the signature.
    ///
    /// # Errors
    ///
    /// [`SigningError::Exists`] if one has appeared meanwhile, and [`SigningError::NotWritten`].
    /// Neither file exists then.
    pub fn publish(self, text: &str, signature: &str) -> Result<PathBuf, SigningError> {
        let made = |name: &str| self.staging.path().join(name);
        for (name, text, path) in [
            (STATEMENT, text, &self.statement),
            (SIGNATURE_COPY, signature, &self.signature),
            (SIGNATURE, signature, &self.signature),
        ] {
            write(&made(name), text).map_err(not_written(path))?;
        }
        let parent = parent_of(&self.statement);
        // Before the renames, so that after a power loss the copy still tells whose a lone
        // signature is.
        sync_dir(self.staging.path()).map_err(not_written(parent))?;
        // The signature first: a statement without one must never be seen.
        rename_to_new(&made(SIGNATURE), &self.signature)?;
        if let Err(error) = rename_to_new(&made(STATEMENT), &self.statement) {
            // A lone signature would only obstruct the next attempt.
            let _still_there = fs::remove_file(&self.signature);
            return Err(error);
        }
        sync_dir(parent).map_err(not_written(parent))?;
        Ok(self.signature)
    }
}

/// Characters of the statement's name in the name of the directory in which it is made.
const NAME_CHARS_MAX: usize = 64;

fn not_written(path: &Path) -> impl FnOnce(io::Error) -> SigningError {
    move |source| SigningError::NotWritten { path: path.to_owned(), source }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// True if a file is a copy of another, byte for byte; both are short.
fn is_copy(copy: &Path, original: &Path) -> bool {
    let read = |path: &Path| super::read_short(path).ok();
    original.is_file() && read(copy).is_some_and(|it| read(original) == Some(it))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create_private(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Renames a file to a name that does not exist.
fn rename_to_new(from: &Path, to: &Path) -> Result<(), SigningError> {
    let renamed = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // The file system or the kernel cannot do this; a hard link does not replace a file either.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::NOTSUP) => {
            fs::hard_link(from, to)
        }
        result => result.map_err(io::Error::from),
    };
    renamed.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => SigningError::Exists { path: to.to_owned() },
        _ => not_written(to)(source),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a kill leaves at each step, and the same command again.
    #[test]
    fn whatever_a_kill_leaves_can_be_done_again() {
        for step in 0..=3 {
            let place = tempfile::tempdir().unwrap();
            let statement = place.path().join("head.txt");
            let signature = signature_path(&statement);
            let leftover = place.path().join(".head.txt.aB3dE6.tmp");
            fs::create_dir(&leftover).unwrap();
            if step > 0 {
                fs::write(leftover.join(STATEMENT), "half of").unwrap();
            }
            if step > 1 {
                fs::write(leftover.join(SIGNATURE_COPY), "signature 1").unwrap();
            }
            if step > 2 {
                fs::write(&signature, "signature 1").unwrap();
            }
            let pair = SignedPair::at(&statement).unwrap();
            assert_eq!(pair.publish("2", "signature 2").unwrap(), signature);
            assert_eq!(fs::read_to_string(&statement).unwrap(), "2");
            assert_eq!(fs::read_to_string(&signature).unwrap(), "signature 2");
            assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2, "step {step}");
        }
    }

    #[test]
    fn what_is_there_is_left() {
        let place = tempfile::tempdir().unwrap();
        let statement = place.path().join("head.txt");
        let signature = signature_path(&statement);
        let leftover = place.path().join(".head.txt.aB3dE6.tmp");
        let check = |written: &Path, text: &str| {
            fs::create_dir_all(&leftover).unwrap();
            fs::write(leftover.join(SIGNATURE_COPY), "signature").unwrap();
            fs::write(written, text).unwrap();
            let error = SignedPair::at(&statement).unwrap_err();
            assert!(matches!(error, SigningError::Exists { path } if path == written));
            assert_eq!(fs::read_to_string(written).unwrap(), text);
            fs::remove_file(written).unwrap();
        };
        check(&signature, "somebody else's");
        check(&statement, "signature");
        let pair = SignedPair::at(&statement).unwrap();
        fs::write(&statement, "come between").unwrap();
        assert!(pair.publish("text", "signature").is_err());
        assert_eq!(fs::read_to_string(&statement).unwrap(), "come between");
        assert!(!signature.exists());
    }
}
