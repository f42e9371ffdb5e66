//! Messages under way, and their events in the order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::plan::Plan;

/// An event that waits for its time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scheduled {
    pub(super) at_ms: i64,
    /// Keeps events of one millisecond in the order in which they were planned.
    order: u64,
    slot: usize,
    event: usize,
    pub(super) body: String,
}

#[derive(Debug)]
struct Slot {
    plan: Plan,
    waiting_count: usize,
}

/// Planned events that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    events: BinaryHeap<Reverse<Scheduled>>,
    slots: Vec<Option<Slot>>,
    free_slots: Vec<usize>,
    next_order: u64,
}

impl Queue {
    pub(super) fn event_count(&self) -> usize {
        self.events.len()
    }

    pub(super) fn push(&mut self, mut plan: Plan) {
        // Slots are used again, so that memory follows the number of messages under way.
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        for (event, planned) in plan.events.iter_mut().enumerate() {
            // The queue owns the body from here on; the plan keeps what the truth needs.
            let body = std::mem::take(&mut planned.body);
            let order = self.next_order;
            self.next_order += 1;
            self.events.push(Reverse(Scheduled { at_ms: planned.at_ms, order, slot, event, body }));
        }
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(Slot { waiting_count: plan.events.len(), plan });
        }
    }

    /// Takes the next event if it is due.
    pub(super) fn pop_if(&mut self, is_due: impl Fn(i64) -> bool) -> Option<Scheduled> {
        let Reverse(next) = self.events.peek()?;
        if !is_due(next.at_ms) {
            return None;
        }
        self.events.pop().map(|Reverse(event)| event)
    }

    /// Notes that an event was written. Returns its message if that was the last one.
    pub(super) fn settle(&mut self, written: &Scheduled) -> Option<Plan> {
        let place = self.slots.get_mut(written.slot)?;
        let slot = place.as_mut()?;
        if let Some(event) = slot.plan.events.get_mut(written.event) {
            event.is_written = true;
        }
        slot.waiting_count = slot.waiting_count.saturating_sub(1);
        if slot.waiting_count > 0 {
            return None;
        }
        self.free_slots.push(written.slot);
        place.take().map(|it| it.plan)
    }

    /// Takes all messages that still have events to come.
    pub(super) fn take_plans(&mut self) -> Vec<Plan> {
        self.events.clear();
        std::mem::take(&mut self.slots).into_iter().flatten().map(|it| it.plan).collect()
    }
}
