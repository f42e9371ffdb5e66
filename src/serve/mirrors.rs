//! Stores made on demand from a remote source, for the questions at hand.

use std::ops::Deref;
use std::sync::Arc;

use super::{ApiCommand, Parameters, QuestionError};
use crate::store::Store;
use crate::temporary::TemporaryDirectory;
use crate::time::Timestamp;

/// The data that a request needs.
#[derive(Clone, Debug)]
pub enum Needs {
    /// Whatever a command reads.
    Question(ApiCommand, Parameters),
    /// Everything that has one of these IDs.
    Ids(Vec<String>),
    /// The last day.
    LastDay,
    /// Only totals.
    Nothing,
}

/// Makes stores on demand from a remote source.
pub trait Mirrors: Send + Sync + 'static {
    /// Returns the version of the remote data. A new number means that answers may differ.
    ///
    /// # Errors
    ///
    /// [`QuestionError`] if the source does not respond.
    fn version(&self) -> Result<u64, QuestionError>;

    /// Returns a store that can answer a request.
    ///
    /// # Errors
    ///
    /// [`QuestionError`] if the source does not respond, or if the request needs too much of it.
    fn store(&self, needs: &Needs, now: Timestamp) -> Result<Arc<ServedStore>, QuestionError>;
}

/// A store that answers questions.
pub struct ServedStore {
    store: Store,
    /// The directory to remove with it.
    _dir: Option<TemporaryDirectory>,
}

impl ServedStore {
    /// Wraps a store that outlives this value.
    #[must_use]
    pub fn lasting(store: Store) -> Self {
        Self { store, _dir: None }
    }

    /// Wraps a store that is removed together with its directory.
    #[must_use]
    pub fn temporary(store: Store, dir: TemporaryDirectory) -> Self {
        Self { store, _dir: Some(dir) }
    }
}

impl Deref for ServedStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}
