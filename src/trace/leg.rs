//! Legs: the events that make one pass through WorkMail, and its direction.

use std::collections::HashMap;
use std::hash::Hash;

use super::message::{Direction, Leg};
use crate::event::EventName;
use crate::store::StoredEvent;

/// Numbers legs by first appearance. An event without a trace ID is a leg by itself.
#[derive(Default)]
pub(super) struct LegPlaces<K> {
    places: HashMap<K, usize>,
    count: usize,
}

impl<K: AsRef<str> + Eq + Hash> LegPlaces<K> {
    /// Returns the number of an event's leg; a new leg gets the next number.
    pub(super) fn of(&mut self, trace_id: K) -> usize {
        let next = self.count;
        let place = match trace_id.as_ref() {
            "" => next,
            _ => *self.places.entry(trace_id).or_insert(next),
        };
        self.count += usize::from(place == next);
        place
    }
}

/// Splits the events of one message, in the order in which they happened, into legs by their start.
pub(super) fn legs_of(events: &[StoredEvent]) -> Vec<Leg> {
    let mut places = LegPlaces::default();
    let mut legs: Vec<Leg> = Vec::new();
    for (index, stored) in events.iter().enumerate() {
        let trace_id = stored.event.trace_id.as_ref();
        let place = places.of(trace_id);
        if place == legs.len() {
            legs.push(Leg {
                trace_id: (!trace_id.is_empty()).then(|| trace_id.to_owned()),
                // Incoming until an event that only an outgoing leg has.
                direction: Direction::Incoming,
                started: stored.record.timestamp,
                event_indexes: Vec::new(),
            });
        }
        let Some(leg) = legs.get_mut(place) else { continue };
        leg.event_indexes.push(index);
        if stored.event.is_outgoing() {
            leg.direction = Direction::Outgoing;
        }
    }
    legs
}

/// Returns the rank of a step on a message's way, which orders steps of the same millisecond.
pub(super) fn rank(name: &EventName<'_>) -> u8 {
    match name {
        EventName::OutgoingEmailSubmitted => 0,
        EventName::OrganizationEmailReceived => 1,
        EventName::DmarcPolicyApplied => 2,
        EventName::RuleApplied => 3,
        EventName::JournalingInitiated => 4,
        EventName::OutgoingEmailSent => 5,
        EventName::OutgoingEmailBounced => 6,
        EventName::MailboxEmailDelivered => 7,
        EventName::IncomingEmailBounced => 8,
        EventName::Other(_) => 9,
    }
}
