//! What is made of a slice of a store: the documents of its events, and the messages that these have
//! touched. Publishing sends them, and verifying counts them.

use std::collections::HashMap;

use super::document::{Author, ClusterDocument, leg_keys};
use super::error::ClusterError;
use super::names::{DocumentKind, Names};
use crate::access::{AccessEvent, People};
use crate::audit::{AuditEvent, OtherRecord};
use crate::event::Parser;
use crate::export::Redactor;
use crate::store::{Identity, Location, Record, RecordPlace, Store, StoreError};
use crate::time::Timestamp;
use crate::trace::{JoinRules, Message, Touched, TouchedMessages};

/// Something that is made of a slice.
pub(super) enum Made {
    /// The document of an event or of another record.
    Record(DocumentKind, ClusterDocument),
    /// The documents of a message, whole, and the keys of its legs.
    Rows(Vec<ClusterDocument>, Vec<String>),
}

/// How many records of a slice there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MadeCounts {
    pub(super) events: u64,
    pub(super) access: u64,
    pub(super) directory: u64,
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
    /// Whose IDs audit events have, where those are not to be told.
    pub(super) people: Option<&'m People>,
    /// What is older is left out.
    pub(super) since: Option<Timestamp>,
}

type Visit<'v> = &'v mut dyn FnMut(Made) -> Result<(), ClusterError>;

impl Maker<'_> {
    /// Hands on what is made of the records at some places, which are in order. `from` is where the
    /// first of all slices of this commit begins: a message comes with the first of them that has an
    /// event of it.
    pub(super) fn for_each_made(
        &self,
        slice: &[RecordPlace],
        from: Location,
        visit: Visit<'_>,
    ) -> Result<MadeCounts, ClusterError> {
        let of_kind = |is_mail: bool| -> Vec<Location> {
            slice.iter().filter(|it| it.is_mail == is_mail).map(|it| it.location).collect()
        };
        let mut counts = self.make_others(&of_kind(false), visit)?;
        let slice = of_kind(true);
        let Some(begin) = slice.first() else { return Ok(counts) };
        let places = self.make_events(&slice, visit)?;
        counts.events = places.len() as u64;
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
            |(_, made): (Parser, Vec<(Location, Option<ClusterDocument>)>)| {
                for (place, document) in made {
                    places.push(place);
                    document.map_or(Ok(()), |it| visit(Made::Record(DocumentKind::Events, it)))?;
                }
                Ok(())
            },
        )?;
        Ok(places)
    }

    /// Hands on the documents of the records of a slice that are no email events.
    fn make_others(
        &self,
        slice: &[Location],
        visit: Visit<'_>,
    ) -> Result<MadeCounts, ClusterError> {
        let mut counts = MadeCounts::default();
        self.store.scan(
            Some(slice),
            Vec::new,
            |made, record, place| {
                made.extend(self.other(record, place)?);
                Ok::<_, ClusterError>(())
            },
            |made: Vec<(DocumentKind, ClusterDocument)>| {
                for (kind, document) in made {
                    match kind {
                        DocumentKind::Directory => counts.directory += 1,
                        _ => counts.access += 1,
                    }
                    visit(Made::Record(kind, document))?;
                }
                Ok(())
            },
        )?;
        Ok(counts)
    }

    /// The document of a record that is no email event, where it is to be told.
    fn other(
        &self,
        record: &Record<'_>,
        place: Location,
    ) -> Result<Option<(DocumentKind, ClusterDocument)>, ClusterError> {
        let identity = Identity::of_message(&record.message).to_bytes();
        let of_access = |record: &Record<'_>, event: &AuditEvent<'_>, identity| {
            let document = self.author.access(self.names, (record, event), place, identity);
            Ok(Some((DocumentKind::Access, document)))
        };
        match OtherRecord::parse(&record.message) {
            Some(OtherRecord::Audit(event)) => {
                if !self.is_wanted(event.at.unwrap_or(record.timestamp)) {
                    return Ok(None);
                }
                let (Some(redactor), Some(people)) = (self.redactor, self.people) else {
                    return of_access(record, &event, identity);
                };
                let access =
                    AccessEvent { record: record.clone().into_owned(), event: event.into_owned() };
                let access = redactor.access(access, people, &mut People::default())?;
                of_access(&access.record, &access.event, redactor.identity(identity))
            }
            // It names everybody.
            Some(OtherRecord::Directory) if self.people.is_some() => Ok(None),
            Some(OtherRecord::Directory) => {
                let document = self.author.directory(self.names, record, place, identity);
                Ok(Some((DocumentKind::Directory, document)))
            }
            None => {
                let path = self.store.path().to_owned();
                let reason = "the index has a record that is nothing known".to_owned();
                Err(StoreError::ArchiveDamaged { path, reason }.into())
            }
        }
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
            let document = self.author.event(self.names, event, place, identity);
            visit(Made::Record(DocumentKind::Events, document))?;
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
