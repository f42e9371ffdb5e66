//! Stores that are made for questions, of what something else has.

use std::ops::Deref;
use std::sync::Arc;

use super::{ApiCommand, Parameters, QuestionError};
use crate::store::Store;
use crate::temporary::TemporaryDirectory;
use crate::time::Timestamp;

/// What a request is to be answered from.
#[derive(Clone, Debug)]
pub enum Needs {
    /// What a command looks at.
    Question(ApiCommand, Parameters),
    /// Whatever has one of these IDs.
    Ids(Vec<String>),
    /// The last day.
    LastDay,
    /// Nothing but how much there is.
    Nothing,
}

/// Makes stores for questions, of what something else has.
pub trait Mirrors: Send + Sync + 'static {
    /// Which state of it there is: another number means that answers may be others.
    ///
    /// # Errors
    ///
    /// [`QuestionError`] where it does not answer.
    fn version(&self) -> Result<u64, QuestionError>;

    /// A store from which a request can be answered.
    ///
    /// # Errors
    ///
    /// [`QuestionError`] where it does not answer, or where that would be too much.
    fn store(&self, needs: &Needs, now: Timestamp) -> Result<Arc<ServedStore>, QuestionError>;
}

/// A store that questions are answered from.
pub struct ServedStore {
    store: Store,
    /// What goes with it.
    _dir: Option<TemporaryDirectory>,
}

impl ServedStore {
    /// A store that stays.
    #[must_use]
    pub fn lasting(store: Store) -> Self {
        Self { store, _dir: None }
    }

    /// A store that goes with its directory.
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
