//! The store that is asked, opened anew when it has grown.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{CommitStamp, Store, StoreError};

/// A store as of its newest commit.
pub(super) struct OpenedStore {
    path: PathBuf,
    opened: Mutex<Option<Opened>>,
}

#[derive(Clone)]
struct Opened {
    snapshot: Snapshot,
    stamp: CommitStamp,
}

/// A store as of one commit.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub(super) store: Arc<Store>,
    /// Which of those that this process has opened.
    pub(super) number: u64,
}

impl OpenedStore {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, opened: Mutex::new(None) }
    }

    /// The newest commit. Reads one file's date when nothing has changed.
    pub(super) fn newest(&self) -> Result<Snapshot, StoreError> {
        // Taken before the store is opened: what is committed meanwhile is opened next time.
        let stamp = Store::commit_stamp(&self.path);
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(opened), Some(stamp)) = (opened.as_ref(), stamp)
            && opened.stamp == stamp
        {
            return Ok(opened.snapshot.clone());
        }
        let store = Arc::new(Store::open(&self.path)?);
        let before = opened.as_ref().map(|it| &it.snapshot);
        // A commit that only looked at something else is another one, with the same answers.
        let number = before.map_or(0, |it| it.number + 1);
        let snapshot = Snapshot { store, number };
        if let Some(stamp) = stamp {
            *opened = Some(Opened { snapshot: snapshot.clone(), stamp });
        }
        Ok(snapshot)
    }
}
