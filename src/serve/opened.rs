//! The source of answers: a store, reopened when it has grown, or a remote source of stores.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::mirrors::{Mirrors, Needs, ServedStore};
use super::question::QuestionError;
use crate::store::{CommitStamp, Store};
use crate::time::Timestamp;
use crate::trace::ready_table;

/// The source of answers, as of its newest commit.
pub(super) enum Stores {
    Own(OpenedStore),
    Mirrored(Arc<dyn Mirrors>),
}

/// A store, held open as of its newest commit.
pub(super) struct OpenedStore {
    path: PathBuf,
    opened: Mutex<Option<Opened>>,
}

#[derive(Clone)]
struct Opened {
    store: Arc<ServedStore>,
    number: u64,
    stamp: CommitStamp,
}

/// The source of answers, as of one commit.
#[derive(Clone)]
pub(super) struct ServedSnapshot {
    source: Source,
    /// The number of the commit among those that this process has seen.
    pub(super) number: u64,
}

#[derive(Clone)]
enum Source {
    Own(Arc<ServedStore>),
    Mirrored(Arc<dyn Mirrors>),
}

impl ServedSnapshot {
    /// Returns the store that answers a request. For a cluster this may take as long as the answer.
    pub(super) fn store(
        &self,
        needs: &Needs,
        now: Timestamp,
    ) -> Result<Arc<ServedStore>, QuestionError> {
        match &self.source {
            Source::Own(store) => Ok(Arc::clone(store)),
            Source::Mirrored(mirrors) => mirrors.store(needs, now),
        }
    }
}

impl Stores {
    /// Returns the newest commit.
    pub(super) fn newest(&self) -> Result<ServedSnapshot, QuestionError> {
        match self {
            Self::Own(opened) => opened.newest(),
            Self::Mirrored(mirrors) => {
                let number = mirrors.version()?;
                Ok(ServedSnapshot { source: Source::Mirrored(Arc::clone(mirrors)), number })
            }
        }
    }
}

impl OpenedStore {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, opened: Mutex::new(None) }
    }

    /// Returns the newest commit. If nothing has changed, this only reads one file's metadata.
    fn newest(&self) -> Result<ServedSnapshot, QuestionError> {
        // Taken before opening: a commit made meanwhile then differs from the stamp and is opened
        // next time. The other way round it would go unnoticed.
        let stamp = Store::commit_stamp(&self.path);
        // Held while the store is opened, so that concurrent requests open it once.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(opened), Some(stamp)) = (opened.as_ref(), stamp)
            && opened.stamp == stamp
        {
            let (source, number) = (Source::Own(Arc::clone(&opened.store)), opened.number);
            return Ok(ServedSnapshot { source, number });
        }
        let store = Store::open(&self.path)?;
        // Made here, outside any request's time limit: a request that made it would time out first,
        // and so would the next.
        ready_table(&store)?;
        let store = Arc::new(ServedStore::lasting(store));
        // A commit without new records gets a new number too, although the answers stay the same.
        let number = opened.as_ref().map_or(0, |it| it.number + 1);
        if let Some(stamp) = stamp {
            *opened = Some(Opened { store: Arc::clone(&store), number, stamp });
        }
        Ok(ServedSnapshot { source: Source::Own(store), number })
    }
}
