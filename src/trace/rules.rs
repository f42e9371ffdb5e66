//! The inputs of outcomes besides the events.

use crate::directory::{Directory, LazyDirectory};
use crate::limits;
use crate::store::Store;
use crate::time::Timestamp;

/// The inputs of outcomes besides the events.
#[derive(Clone, Debug)]
pub struct JoinRules {
    /// The grace time in milliseconds: a leg may stay so long without an outcome before it counts
    /// as lost.
    pub grace_ms: i64,
    /// The time of the newest record of the store, which is "now" for the events. `None` takes the
    /// newest of the joined events.
    pub newest: Option<Timestamp>,
    /// The directory, if there is one: it decides what is a group and what is lost.
    pub directory: Option<LazyDirectory>,
}

impl JoinRules {
    /// Returns the rules of a store, with a grace time in milliseconds. The newest record is the
    /// newest that CloudWatch can have accepted by `now`: a later timestamp is no clock.
    #[must_use]
    pub fn of_store(store: &Store, grace_ms: i64, now: Timestamp) -> Self {
        let last = now.saturating_add_ms(limits::FUTURE_MS);
        // A store without events has no newest record; if all of them claim to be later, the clock
        // counts.
        let newest = store.time_span().map(|_| store.newest_until(last).unwrap_or(last));
        Self { grace_ms, newest, directory: store.lazy_directory() }
    }

    /// Returns the directory, read on first use.
    pub(super) fn directory(&self) -> Option<&Directory> {
        self.directory.as_ref().and_then(LazyDirectory::get)
    }

    /// True if it is too early to call a leg lost that started at this time, in milliseconds since
    /// 1970.
    pub(super) fn is_early(&self, started_ms: i64) -> bool {
        // Nothing is early with a grace time of `i64::MIN`, which the message table is made with.
        self.newest.is_some_and(|it| it.as_ms().saturating_sub(started_ms) < self.grace_ms)
    }
}

impl Default for JoinRules {
    /// The usual grace time, [`limits::GRACE_MS_DEFAULT`].
    fn default() -> Self {
        Self { grace_ms: limits::GRACE_MS_DEFAULT, newest: None, directory: None }
    }
}
