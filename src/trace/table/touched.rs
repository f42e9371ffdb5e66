//! The messages that events have changed.

use std::collections::{HashMap, HashSet};

use super::entry::UNDECIDED_IS_LOST;
use super::upkeep::Connected;
use crate::store::{EventReader, Identity, Location, Store, StoreError};
use crate::trace::Message;
use crate::trace::join::join_whole;

/// Reads the messages of events, and all that are connected to them, each once. Whatever no event
/// has decided is lost: whether it is too early to say so depends on the question.
///
/// Events are read in slices, of which this is one: a message with an event in an earlier slice of
/// the same commit was returned there.
pub(crate) struct TouchedMessages<'s> {
    reader: EventReader<'s>,
    done: HashSet<Location>,
    /// The start of the first slice, and of this one.
    from: Location,
    slice: Location,
    /// Whether locations are returned too.
    tells_places: bool,
}

/// The messages that an event has touched.
pub(crate) enum Touched {
    /// Messages that were returned for another event.
    Known,
    /// Whole messages, and the locations of their events by identity, if those are wanted.
    Messages(Vec<Message>, HashMap<Identity, Location>),
    /// The number of connected events, too many to make their messages.
    TooMany(usize),
}

impl<'s> TouchedMessages<'s> {
    /// Starts at `slice`; the first slice started at `from`.
    pub(crate) fn new(store: &'s Store, from: Location, slice: Location) -> Self {
        let (reader, done) = (store.events(), HashSet::new());
        Self { reader, done, from, slice, tells_places: false }
    }

    /// Returns the locations of events too.
    pub(crate) fn telling_places(self) -> Self {
        Self { tells_places: true, ..self }
    }

    /// Returns the messages that are connected with the event at this location.
    pub(crate) fn by(&mut self, place: Location) -> Result<Touched, StoreError> {
        if self.done.contains(&place) {
            return Ok(Touched::Known);
        }
        let connected = Connected::to(place, &mut self.reader)?;
        self.done.extend(connected.places());
        // The slice with the message's first new event returns it; the others find that out by
        // location alone.
        let first = connected.places().iter().filter(|it| **it >= self.from).min();
        if first.is_some_and(|it| *it < self.slice) {
            return Ok(Touched::Known);
        }
        Ok(match connected.into_events() {
            Ok(events) => {
                let told = if self.tells_places { events.as_slice() } else { &[] };
                let places = told.iter().map(|(place, it)| (Identity::of(&it.record), *place));
                let places = places.collect();
                let events = events.into_iter().map(|(_, it)| it).collect();
                Touched::Messages(join_whole(events, &UNDECIDED_IS_LOST, &|_| true), places)
            }
            Err(places) => Touched::TooMany(places.len()),
        })
    }
}
