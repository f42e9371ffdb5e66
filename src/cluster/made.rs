//! What is made of a slice of a store: the documents of its events, and the messages that these have
//! touched. Publishing sends them, and verifying counts them.

use std::collections::HashMap;

use super::document::{Author, Document, leg_keys};
use super::error::ClusterError;
use super::names::Names;
use crate::event::Parser;
use crate::export::Redactor;
use crate::store::{Identity, Location, Store, StoreError};
use crate::time::Timestamp;
use crate::trace::{JoinRules, Message, Touched, TouchedMessages};

/// Something that is made of a slice.
pub(super) enum Made {
    /// The document of an event, with the store's name and number on it.
    Event(Document),
    /// The documents of a message, whole, and the keys of its legs.
    Rows(Vec<Document>, Vec<String>),
}

/// How many events of a slice there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MadeCounts {
    pub(super) events: u64,
    /// Those of so many connected ones that their messages were not made.
    pub(super) without_rows: u64,
}

/// Makes documents of what a store has.
pub(super) struct Maker<'m> {
    pub(super) store: &'m Store,
    pub(super) author: &'m Author,
    pub(super) names: &'m Names,
    /// Makes pseudonyms, where addresses or subjects are not to be told.
    pub(super) redactor: Option<&'m Redactor>,
    /// What is older is left out.
    pub(super) since: Option<Timestamp>,
}

type Visit<'v> = &'v mut dyn FnMut(Made) -> Result<(), ClusterError>;

impl Maker<'_> {
    /// Hands on what is made of the events at some places, which are in order. `from` is where the
    /// first of all slices of this commit begins: a message comes with the first of them that has an
    /// event of it.
    pub(super) fn for_each_made(
        &self,
        slice: &[Location],
        from: Location,
        visit: Visit<'_>,
    ) -> Result<MadeCounts, ClusterError> {
        let Some(begin) = slice.first() else { return Ok(MadeCounts::default()) };
        let places = self.make_events(slice, visit)?;
        let mut counts = MadeCounts { events: places.len() as u64, without_rows: 0 };
        let touched = TouchedMessages::new(self.store, from, *begin);
        let mut touched = if self.redactor.is_some() { touched.telling_places() } else { touched };
        for place in places {
            match touched.by(place)? {
                Touched::Known => {}
                Touched::TooMany(count) => counts.without_rows += count as u64,
                Touched::Messages(messages, places) => {
                    for message in messages {
                        self.make_rows(message, &places, visit)?;
                    }
                }
            }
        }
        Ok(counts)
    }

    /// Hands on the documents of the events of a slice, and gives where these are that count. What is
    /// to be redacted waits for its message: only that knows all names which an event may spell.
    fn make_events(
        &self,
        slice: &[Location],
        visit: Visit<'_>,
    ) -> Result<Vec<Location>, ClusterError> {
        let mut places = Vec::with_capacity(slice.len());
        self.store.scan(
            Some(slice),
            || (Parser::new(), Vec::new()),
            |(parser, made), record, place| {
                if !self.is_wanted(record.timestamp) {
                    return Ok(());
                }
                let event = parser.parse(&record.message).map_err(|error| {
                    let path = self.store.path().to_owned();
                    StoreError::ArchiveDamaged { path, reason: error.to_string() }
                })?;
                let document = self.redactor.is_none().then(|| {
                    let identity = Identity::of(record).to_bytes();
                    self.author.event(self.names, (record, &event), place, identity)
                });
                made.push((place, document));
                Ok::<_, ClusterError>(())
            },
            |(_, made): (Parser, Vec<(Location, Option<Document>)>)| {
                for (place, document) in made {
                    places.push(place);
                    document.map_or(Ok(()), |it| visit(Made::Event(it)))?;
                }
                Ok(())
            },
        )?;
        Ok(places)
    }

    fn make_rows(
        &self,
        message: Message,
        places: &HashMap<Identity, Location>,
        visit: Visit<'_>,
    ) -> Result<(), ClusterError> {
        let Some(redactor) = self.redactor else {
            let identity = |index: usize| {
                let stored = message.events.get(index)?;
                Some(Identity::of(&stored.record).to_bytes())
            };
            let legs = leg_keys(&message, identity);
            return visit(Made::Rows(self.author.rows(self.names, &message, &legs), legs));
        };
        let labels = message.events.iter().map(|it| Identity::of(&it.record));
        let labels = labels.map(|it| (it, places.get(&it).copied())).collect();
        let (message, labels) = redactor.message(message, labels, &JoinRules::default())?;
        for (stored, (identity, place)) in message.events.iter().zip(&labels) {
            let Some(place) = place.filter(|_| self.is_wanted(stored.record.timestamp)) else {
                continue;
            };
            let identity = redactor.identity(identity.to_bytes());
            let event = (&stored.record, &stored.event);
            visit(Made::Event(self.author.event(self.names, event, place, identity)))?;
        }
        let identity = |index: usize| {
            labels.get(index).map(|(identity, _)| redactor.identity(identity.to_bytes()))
        };
        let legs = leg_keys(&message, identity);
        visit(Made::Rows(self.author.rows(self.names, &message, &legs), legs))
    }

    fn is_wanted(&self, at: Timestamp) -> bool {
        self.since.is_none_or(|it| at >= it)
    }
}
