//! Legs: which events make one pass through WorkMail, and which way it goes.

use std::collections::HashMap;

use super::message::{Direction, Leg};
use crate::store::StoredEvent;

/// Splits the events of one message, which stand as they happened, into legs by their start.
pub(super) fn legs_of(events: &[StoredEvent]) -> Vec<Leg> {
    let mut positions: HashMap<&str, usize> = HashMap::new();
    let mut legs: Vec<Leg> = Vec::new();
    for (index, stored) in events.iter().enumerate() {
        let trace_id = stored.event.trace_id.as_ref();
        let new = legs.len();
        let position =
            if trace_id.is_empty() { new } else { *positions.entry(trace_id).or_insert(new) };
        match legs.get_mut(position) {
            Some(leg) => leg.event_indexes.push(index),
            None => legs.push(Leg {
                trace_id: (!trace_id.is_empty()).then(|| trace_id.to_owned()),
                direction: Direction::Incoming,
                started: stored.record.timestamp,
                event_indexes: vec![index],
            }),
        }
        if let Some(leg) = legs.get_mut(position)
            && stored.event.is_outgoing()
        {
            leg.direction = Direction::Outgoing;
        }
    }
    legs
}
