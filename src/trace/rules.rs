//! What the outcomes depend on besides the events.

use crate::directory::{Directory, LazyDirectory};
use crate::limits;
use crate::store::Store;
use crate::time::Timestamp;

/// What the outcomes depend on besides the events.
#[derive(Clone, Debug)]
pub struct JoinRules {
    /// How long, in milliseconds, a leg may stay without an outcome before it counts as lost.
    pub grace_ms: i64,
    /// The time of the newest record of the store: what "now" is to the events. `None` takes the
    /// newest of the events that are joined.
    pub newest: Option<Timestamp>,
    /// Who had which address, where that is known: it decides what is a group and what is lost.
    pub directory: Option<LazyDirectory>,
}

impl JoinRules {
    /// Those of a store, with a grace time in milliseconds. The newest record is the newest that
    /// CloudWatch can have taken by `now`: what claims to be later is no clock.
    #[must_use]
    pub fn of_store(store: &Store, grace_ms: i64, now: Timestamp) -> Self {
        let last = now.saturating_add_ms(limits::FUTURE_MS);
        let newest = store.time_span().map(|_| store.newest_until(last).unwrap_or(last));
        Self { grace_ms, newest, directory: store.lazy_directory() }
    }

    /// Who had which address, where that is known.
    pub(super) fn directory(&self) -> Option<&Directory> {
        self.directory.as_ref().and_then(LazyDirectory::get)
    }

    /// Whether it is too early to call a leg lost that started then, in milliseconds since 1970.
    pub(super) fn is_early(&self, started_ms: i64) -> bool {
        self.newest.is_some_and(|it| it.as_ms().saturating_sub(started_ms) < self.grace_ms)
    }
}

impl Default for JoinRules {
    /// The usual grace time, [`limits::GRACE_MS_DEFAULT`].
    fn default() -> Self {
        Self { grace_ms: limits::GRACE_MS_DEFAULT, newest: None, directory: None }
    }
}
