//! What one person did, and what happened to their mail, side by side in time.
//!
//! Audit logs say who got in, from where, and what they did in which mailbox; email events say what
//! was sent, received and acted on by rules. The two share no field but time, so they are shown
//! side by side and never joined; [`candidates`] shows what may belong to one message. Runs of
//! similar events become one [`Step`] with a count.

mod access;
mod candidates;
mod fold;
mod mail;
mod reach;
mod step;
#[cfg(test)]
mod tests;
mod who;

pub use access::values_of;
pub use candidates::{Candidate, MomentNear, NearEvent, candidates, moments_near};
pub use mail::mail_query;
pub use reach::AuditReach;
pub use step::{Side, Step, StepKind};
pub use who::{Person, Who};

use fold::Folder;

use crate::limits;
use crate::store::{Store, StoreError};
use crate::time::TimeRange;

/// The timeline of one person.
#[derive(Debug)]
pub struct Timeline {
    pub who: Who,
    /// The newest steps, the oldest of them first.
    pub steps: Vec<Step>,
    pub step_count: usize,
    /// The number of events in all steps.
    pub event_count: u64,
    /// The number of events of each kind that occurs, the kinds in their order.
    pub counts: Vec<(StepKind, u64)>,
    /// Whether earlier events were left out.
    pub is_truncated: bool,
}

impl Timeline {
    /// The number of events of each kind, in words.
    pub fn counts_in_words(&self) -> String {
        let words = self.counts.iter().map(|(kind, count)| match count {
            1 => format!("1 {}", kind.in_words(1)),
            count => kind.in_words(*count),
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// The number of events of each kind in some steps, the kinds in their order.
fn counts_of(steps: &[Step]) -> Vec<(StepKind, u64)> {
    let count =
        |kind: StepKind| steps.iter().filter(|it| it.kind == kind).map(|it| it.count).sum::<u64>();
    StepKind::ALL.into_iter().map(|it| (it, count(it))).filter(|(_, it)| *it > 0).collect()
}

/// Builds the timeline of a person; `text` is an address or an ID. If there are more than `limit`
/// steps, it returns the newest.
pub fn timeline(
    store: &Store,
    text: &str,
    range: TimeRange,
    limit: usize,
) -> Result<Timeline, StoreError> {
    let who = Who::of_store(store, text, range)?;
    let most = limits::TIMELINE_EVENTS_MAX;
    let access = access::moments(store, &who, range, most)?;
    let mail = mail::moments(store, &who, range, most)?;
    let is_truncated = access.is_cut || mail.is_cut;
    let mut moments = access.moments;
    moments.extend(mail.moments);
    // Where one side was cut, showing only the other would suggest that nothing else happened.
    let since = access.since.max(mail.since);
    moments.retain(|it| since.is_none_or(|since| it.first >= since));
    moments.sort_by_key(|it| (it.first, it.kind));
    let event_count = moments.iter().map(|it| it.count).sum();
    let mut folder = Folder::default();
    moments.into_iter().for_each(|it| folder.add(it));
    // Counted before the cut to `limit`, so that the totals cover every event read.
    let mut steps = folder.finish();
    let step_count = steps.len();
    let counts = counts_of(&steps);
    steps.drain(..step_count.saturating_sub(limit));
    Ok(Timeline { who, steps, step_count, event_count, counts, is_truncated })
}
