//! Outcomes of messages over time.

use std::collections::HashMap;

use super::StatsError;
use super::facets::picture_intervals;
use crate::limits;
use crate::store::Store;
use crate::time::{Intervals, Timestamp, Zone};
use crate::trace::{JoinRules, MessageFilter, MessageOutcome, Outcome, Overview, Selection};

/// The outcomes of the messages that were first seen in each interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeSeries {
    /// The length of the intervals, as a word.
    pub interval: &'static str,
    /// The intervals.
    pub intervals: Intervals,
    /// The outcomes of each interval.
    pub slots: Vec<OutcomeSlot>,
}

/// The outcomes of the messages of one interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeSlot {
    messages: [u64; MessageOutcome::ALL.len()],
    recipients: [u64; Outcome::ALL.len()],
}

impl OutcomeSlot {
    /// Returns the number of messages with an outcome.
    pub fn messages_with(&self, outcome: MessageOutcome) -> u64 {
        *self.messages.get(outcome.place()).expect("a place for each outcome")
    }

    /// Returns the number of messages.
    pub fn messages(&self) -> u64 {
        self.messages.iter().sum()
    }

    /// Returns the number of selected recipients with an outcome.
    pub fn recipients_with(&self, outcome: Outcome) -> u64 {
        *self.recipients.get(outcome.place()).expect("a place for each outcome")
    }

    fn join(&mut self, other: &Self) {
        let messages = self.messages.iter_mut().zip(other.messages);
        let both = messages.chain(self.recipients.iter_mut().zip(other.recipients));
        both.for_each(|(count, more)| *count += more);
    }
}

/// Counts messages and their selected recipients by the time they were first seen and by outcome;
/// `None` without messages. The intervals cover the requested time, as far as the store has events.
pub fn outcome_series(
    store: &Store,
    rules: &JoinRules,
    filter: &MessageFilter,
    zone: &Zone,
) -> Result<Option<OutcomeSeries>, StatsError> {
    let overview = Overview::new(store, rules)?;
    let parts = Selection::new(&overview, filter)?.visit(
        |slots: &mut HashMap<i64, OutcomeSlot>, _, found| {
            let slot = found.first_seen_ms().div_euclid(limits::HISTOGRAM_SLOT_MS);
            let slot = slots.entry(slot).or_default();
            if let Some(count) = slot.messages.get_mut(found.message_outcome().place()) {
                *count += 1;
            }
            for (outcome, _) in found.outcomes() {
                if let Some(count) = slot.recipients.get_mut(outcome.place()) {
                    *count += 1;
                }
            }
            Ok(())
        },
    )?;
    let mut slots: HashMap<i64, OutcomeSlot> = HashMap::new();
    for (slot, counts) in parts.into_iter().flatten() {
        slots.entry(slot).or_default().join(&counts);
    }
    let (Some(first), Some(last)) = (slots.keys().min(), slots.keys().max()) else {
        return Ok(None);
    };
    // The chart covers the time asked about: intervals without messages at its ends show as empty.
    let (first, last) = (first_asked(store, filter, *first), last_asked(store, filter, *last));
    let Some((interval, intervals)) = picture_intervals(first, last, zone) else {
        return Ok(None);
    };
    let mut counted = vec![OutcomeSlot::default(); intervals.count()];
    for (slot, counts) in slots {
        let ms = slot.saturating_mul(limits::HISTOGRAM_SLOT_MS);
        if let Some(counted) = counted.get_mut(intervals.place_of(ms)) {
            counted.join(&counts);
        }
    }
    Ok(Some(OutcomeSeries { interval, intervals, slots: counted }))
}

/// Returns the slot of the first requested instant for which the store has events.
fn first_asked(store: &Store, filter: &MessageFilter, first_found: i64) -> i64 {
    let start = store.time_span().map(|(first, _)| first);
    let asked = filter.first_seen.since.map(|it| start.map_or(it, |start| it.max(start)));
    // Never after the first message found, which must have a place.
    asked.map_or(first_found, slot_of).min(first_found)
}

/// Returns the slot of the last such instant.
fn last_asked(store: &Store, filter: &MessageFilter, last_found: i64) -> i64 {
    let end = store.time_span().map(|(_, last)| last);
    let asked = filter.first_seen.until.map(|it| it.saturating_add_ms(-1));
    let asked = asked.map(|it| end.map_or(it, |end| it.min(end)));
    asked.map_or(last_found, slot_of).max(last_found)
}

fn slot_of(instant: Timestamp) -> i64 {
    instant.as_ms().div_euclid(limits::HISTOGRAM_SLOT_MS)
}
