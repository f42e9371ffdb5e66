//! Pulling a log group out of CloudWatch Logs without losing an event.
//!
//! [`plan`] says which ranges to look at, for the first time or again; several listings fetch them
//! under one rate limiter; their pages are decoded on rayon's workers and stored with what is
//! seen by then, in the store's one commit point. The network waits for the store only when the
//! queue between them is full.

mod drain;
mod error;
mod groups;
mod listing;
mod page;
mod plan;
mod puller;
mod report;
mod stop;
mod storing;

use std::time::Instant;

pub use drain::{DrainEvent, DrainOptions, Drained};
pub use error::PullError;
pub use plan::{Piece, plan, window};
pub use puller::{PullOptions, Puller};
pub use report::{PullPlan, PullProgress, PullReport};
pub use stop::Stop;

use crate::time::Timestamp;

/// A clock that can be set, and goes on from there.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    set_to: Timestamp,
    set_at: Instant,
}

impl Clock {
    /// A clock that shows `now` at this moment.
    #[must_use]
    pub fn set_to(now: Timestamp) -> Self {
        Self { set_to: now, set_at: Instant::now() }
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let elapsed = i64::try_from(self.set_at.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.set_to.saturating_add_ms(elapsed)
    }
}
