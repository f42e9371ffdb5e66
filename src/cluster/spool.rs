//! Fetched records. They arrive in any order, and wait on disk until all are there.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::error::ClusterError;
use super::hit::Source;
use crate::json;
use crate::limits;
use crate::store::Location;

/// A record in the spool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spooled {
    /// The place in the store that published it.
    pub(super) place: Location,
    pub(super) offset: u64,
    pub(super) bytes: u32,
    pub(super) is_mail: bool,
}

/// Records that wait in a file.
pub(super) struct Spool<'p> {
    path: PathBuf,
    file: BufWriter<File>,
    offset: u64,
    spooled: Vec<Spooled>,
    /// The places of records that are no email events.
    others: HashSet<Location>,
    /// Hears the number of records.
    progress: &'p mut dyn FnMut(u64),
}

impl<'p> Spool<'p> {
    pub(super) fn create(
        path: PathBuf,
        progress: &'p mut dyn FnMut(u64),
    ) -> Result<Self, ClusterError> {
        let file = File::create_new(&path).map_err(|error| unusable(&path, &error))?;
        let (spooled, others) = (Vec::new(), HashSet::new());
        Ok(Self { path, file: BufWriter::new(file), offset: 0, spooled, others, progress })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn take_mail(&mut self, source: &Source) -> Result<(), ClusterError> {
        self.take(source, true)
    }

    /// Adds a record that is no email event, unless it is there.
    pub(super) fn take_other(&mut self, source: &Source) -> Result<(), ClusterError> {
        if self.others.insert(source.place()) { self.take(source, false) } else { Ok(()) }
    }

    fn take(&mut self, source: &Source, is_mail: bool) -> Result<(), ClusterError> {
        // Texts, numbers and booleans, which JSON can always hold.
        let line = json::bytes(source);
        self.file.write_all(&line).map_err(|error| unusable(&self.path, &error))?;
        let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let (place, offset) = (source.place(), self.offset);
        self.spooled.push(Spooled { place, offset, bytes, is_mail });
        self.offset += u64::from(bytes);
        Ok(())
    }

    /// Reports the number of records, and fails if there are too many.
    pub(super) fn tell(&mut self) -> Result<(), ClusterError> {
        let count = self.spooled.len() as u64;
        check(count)?;
        (self.progress)(count);
        Ok(())
    }

    /// The records so far, in the order of the archive: the temporary store must have the same
    /// order for its answers to be the same.
    pub(super) fn sorted(&mut self) -> Result<&[Spooled], ClusterError> {
        self.file.flush().map_err(|error| unusable(&self.path, &error))?;
        self.spooled.sort_unstable_by_key(|it| it.place);
        Ok(&self.spooled)
    }
}

/// Fails if there are too many records.
pub(super) fn check(count: u64) -> Result<(), ClusterError> {
    match count > limits::CLUSTER_EVENTS_MAX {
        true => Err(ClusterError::TooManyEvents { count }),
        false => Ok(()),
    }
}

pub(super) fn unusable(path: &Path, error: &std::io::Error) -> ClusterError {
    ClusterError::File { path: path.to_owned(), detail: error.to_string() }
}
