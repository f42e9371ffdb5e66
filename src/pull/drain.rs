//! Pulls a group to its end, and shows that nothing more comes.
//!
//! CloudWatch ingests events with a delay, so one listing proves nothing about events on their way.
//! Two listings of the whole group do, if the second finds nothing new and enough time lies between
//! them.

use std::time::Duration;

use super::puller::{PullOptions, Puller};
use super::{PullError, PullProgress, PullReport};
use crate::aws::LogGroup;
use crate::limits;
use crate::store::{Standing, StoreWriter};
use crate::time::{Timestamp, human_duration};

/// Options for draining a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainOptions {
    /// Milliseconds without new events after which the group counts as drained.
    pub settle_ms: i64,
    /// True if logging was on until a moment ago, so that earlier pulls prove nothing.
    pub was_on: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drained {
    /// The store has everything that the group holds, and nothing new has come for long enough.
    Whole {
        /// Events that the last listing found, including rejected ones.
        held: u64,
        /// Those whose messages are not email events: their originals are kept apart.
        rejected: u64,
    },
    /// It is not certain that everything is in the store.
    NotWhole {
        /// The reason in words.
        reason: String,
    },
}

/// Something that happens while a group is drained.
#[derive(Debug)]
pub enum DrainEvent<'d> {
    Progress(PullProgress),
    /// The whole group was listed.
    Listed(&'d PullReport),
    /// A pause in milliseconds before the next listing.
    Waits(i64),
}

impl Puller {
    /// Lists a whole group again and again until nothing new has come for `settle_ms`, at most
    /// [`limits::DRAIN_ROUNDS_MAX`] times.
    pub fn drain(
        &self,
        writer: &mut StoreWriter,
        group: &LogGroup,
        options: DrainOptions,
        on_event: &mut dyn FnMut(DrainEvent<'_>),
    ) -> Result<Drained, PullError> {
        let pulls = writer.pulls();
        let looked = pulls.group(&group.arn).and_then(|it| Standing::of(it, self.now()).last_look);
        // The time since which nothing new has come, if known.
        let mut quiet_since = looked.filter(|_| !options.was_on);
        let mut rejected_before = None;
        for round in 1..=limits::DRAIN_ROUNDS_MAX {
            let begun = self.now();
            let whole = PullOptions { is_recheck: true, ..PullOptions::default() };
            let mut on_progress = |it| on_event(DrainEvent::Progress(it));
            let report = self.pull(writer, group, whole, &mut on_progress, None)?;
            on_event(DrainEvent::Listed(&report));
            if let Some(reason) = incomplete(&report, begun) {
                return Ok(Drained::NotWhole { reason });
            }
            // Rejected events are not in the archive, so they never count as duplicates. That none
            // is new shows only in their number staying the same.
            let is_as_before = match rejected_before {
                Some(before) => before == report.rejected,
                None => report.rejected == 0,
            };
            rejected_before = Some(report.rejected);
            let is_quiet = report.added == 0 && is_as_before;
            quiet_since = quiet_since.filter(|_| is_quiet);
            let quiet_ms = quiet_since.map_or(0, |it| begun.ms_since(it));
            if quiet_since.is_some() && quiet_ms >= options.settle_ms {
                return Ok(Drained::Whole { held: report.read, rejected: report.rejected });
            }
            if round < limits::DRAIN_ROUNDS_MAX {
                // From the end of the listing: an event that arrived during it may have been
                // missed.
                quiet_since = quiet_since.or_else(|| Some(self.now()));
                let wait_ms = options.settle_ms.saturating_sub(quiet_ms).max(1);
                on_event(DrainEvent::Waits(wait_ms));
                self.wait(Duration::from_millis(u64::try_from(wait_ms).unwrap_or(1)));
            }
        }
        let settle = human_duration(options.settle_ms);
        let reason =
            format!("events kept arriving over {} waits of {settle}", limits::DRAIN_ROUNDS_MAX - 1);
        Ok(Drained::NotWhole { reason })
    }
}

/// Returns why a listing that began at `begun` is not complete.
fn incomplete(report: &PullReport, begun: Timestamp) -> Option<String> {
    if let Some(problem) = &report.problem {
        return Some(problem.to_string());
    }
    if report.is_interrupted {
        return Some("interrupted".to_owned());
    }
    let standing = Standing::of(&report.pulled, begun);
    (standing.not_taken < begun)
        .then(|| format!("events from {} on were not checked", standing.not_taken))
}
