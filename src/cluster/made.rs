//! The documents of a slice of a store: those of its events, and of the messages these touch.
//! Publishing sends them, and verifying counts them.

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

/// Documents made from a slice.
pub(super) enum Made {
    /// The document of an event or of another record.
    Record(DocumentKind, ClusterDocument),
    /// The documents of a whole message, and the keys of its legs.
    Rows(Vec<ClusterDocument>, Vec<String>),
}

/// The numbers of a slice's records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MadeCounts {
    pub(super) events: u64,
    pub(super) access: u64,
    pub(super) directory: u64,
    /// Events whose messages were not made, because too many events are connected.
    pub(super) without_rows: u64,
}

/// Makes documents from a store.
pub(super) struct Maker<'m> {
    pub(super) store: &'m Store,
    pub(super) author: &'m Author,
    pub(super) names: &'m Names,
    /// Replaces addresses or subjects by pseudonyms.
    pub(super) redactor: Option<&'m Redactor>,
    /// The owners of the IDs in audit events, where these are redacted.
    pub(super) people: Option<&'m People>,
    /// Leaves out events that are older.
    pub(super) since: Option<Timestamp>,
}

type Visit<'v> = &'v mut dyn FnMut(Made) -> Result<(), ClusterError>;

impl Maker<'_> {
    /// Visits the documents of the records at some places, which are in order. `from` is where
    /// this publication's first slice begins: a message comes with the first slice that has an
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

    /// Visits the documents of a slice's events, and returns the places of those that count. A
    /// redacted event waits for its message: only the whole message has all names that an event
    /// may spell.
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
                    // An archived record was parsed when it was added, so a failure now means
                    // damage.
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

    /// Visits the documents of a slice's records that are no email events.
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

    /// The document of a record that is no email event, unless it is left out.
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
            // The directory names everybody.
            Some(OtherRecord::Directory) if self.people.is_some() => Ok(None),
            Some(OtherRecord::Directory) => {
                let document = self.author.directory(self.names, record, place, identity);
                Ok(Some((DocumentKind::Directory, document)))
            }
            None => {
                let path = self.store.path().to_owned();
                let reason = "the index has a record of an unknown kind".to_owned();
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
