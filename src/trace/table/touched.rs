//! Messages by the events that have changed them.

use std::collections::{HashMap, HashSet};

use super::entry::UNDECIDED_IS_LOST;
use super::upkeep::Connected;
use crate::store::{EventReader, Identity, Location, Store, StoreError};
use crate::trace::Message;
use crate::trace::join::join_whole;

/// Reads the messages to which events belong, with all that are connected to these, each once. What
/// nothing has decided is lost: whether it is too early to say so depends on who asks.
///
/// Events are gone through in slices, of which this is one: a message of
/// which an earlier slice of the same commit has had an event has been handed out there.
pub(crate) struct TouchedMessages<'s> {
    reader: EventReader<'s>,
    done: HashSet<Location>,
    /// Where the first slice begins, and this one.
    from: Location,
    slice: Location,
    /// Whether it is told where events lie.
    tells_places: bool,
}

/// What an event has touched.
pub(crate) enum Touched {
    /// Messages that were handed out for another event.
    Known,
    /// These, all of them whole, and where their events lie, by identity, where that was asked for.
    Messages(Vec<Message>, HashMap<Identity, Location>),
    /// So many connected events that their messages are not made.
    TooMany(usize),
}

impl<'s> TouchedMessages<'s> {
    /// Begins with a slice, the first of which began at `from`.
    pub(crate) fn new(store: &'s Store, from: Location, slice: Location) -> Self {
        let (reader, done) = (store.events(), HashSet::new());
        Self { reader, done, from, slice, tells_places: false }
    }

    /// Tells where the events of messages lie, too.
    pub(crate) fn telling_places(self) -> Self {
        Self { tells_places: true, ..self }
    }

    /// The messages that are connected with the event there.
    pub(crate) fn by(&mut self, place: Location) -> Result<Touched, StoreError> {
        if self.done.contains(&place) {
            return Ok(Touched::Known);
        }
        let connected = Connected::to(place, &mut self.reader)?;
        self.done.extend(connected.places());
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
