//! What is asked: a store, opened anew when it has grown, or what makes stores for questions.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::mirrors::{Mirrors, Needs, ServedStore};
use super::question::QuestionError;
use crate::store::{CommitStamp, Store};
use crate::time::Timestamp;
use crate::trace::ready_table;

/// What is asked, as of its newest commit.
pub(super) enum Stores {
    Own(OpenedStore),
    Mirrored(Arc<dyn Mirrors>),
}

/// A store as of its newest commit.
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

/// What is asked, as of one commit.
#[derive(Clone)]
pub(super) struct ServedSnapshot {
    source: Source,
    /// Which commit, of those that this process has seen.
    pub(super) number: u64,
}

#[derive(Clone)]
enum Source {
    Own(Arc<ServedStore>),
    Mirrored(Arc<dyn Mirrors>),
}

impl ServedSnapshot {
    /// The store from which a request is answered. It may take as long as its answer.
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
    /// The newest commit.
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

    /// The newest commit. Reads one file's date when nothing has changed.
    fn newest(&self) -> Result<ServedSnapshot, QuestionError> {
        // Taken before the store is opened: what is committed meanwhile is opened next time.
        let stamp = Store::commit_stamp(&self.path);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(opened), Some(stamp)) = (opened.as_ref(), stamp)
            && opened.stamp == stamp
        {
            let (source, number) = (Source::Own(Arc::clone(&opened.store)), opened.number);
            return Ok(ServedSnapshot { source, number });
        }
        let store = Store::open(&self.path)?;
        // A request that has to wait for that would end before it, and so would the next.
        ready_table(&store)?;
        let store = Arc::new(ServedStore::lasting(store));
        // A commit that only looked at something else is another one, with the same answers.
        let number = opened.as_ref().map_or(0, |it| it.number + 1);
        if let Some(stamp) = stamp {
            *opened = Some(Opened { store: Arc::clone(&store), number, stamp });
        }
        Ok(ServedSnapshot { source: Source::Own(store), number })
    }
}
