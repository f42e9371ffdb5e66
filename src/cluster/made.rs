//! What is made of a slice of a store: the documents of its events, and the messages that these have
//! touched. Publishing sends them, and verifying counts them.

use super::document::{Author, Document};
use super::error::ClusterError;
use super::names::Names;
use crate::event::Parser;
use crate::store::{Location, Store, StoreError};
use crate::trace::{Message, Touched, TouchedMessages};

/// Something that is made of a slice.
pub(super) enum Made<'m> {
    /// The document of an event, with the store's name and number on it.
    Event(Document),
    /// A message, whole.
    Message(&'m Message),
}

/// How many events of a slice there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MadeCounts {
    pub(super) events: u64,
    /// Those of so many connected ones that their messages were not made.
    pub(super) without_rows: u64,
}

/// Hands on what is made of the events at some places, which are in order, but for those before
/// `since_ms`. `from` is where the first of all slices of this commit begins: a message comes with
/// the first of them that has an event of it.
pub(super) fn for_each_made(
    store: &Store,
    (author, names): (&Author, &Names),
    (slice, from): (&[Location], Location),
    since_ms: Option<i64>,
    mut visit: impl FnMut(Made<'_>) -> Result<(), ClusterError>,
) -> Result<MadeCounts, ClusterError> {
    let mut counts = MadeCounts::default();
    let Some(begin) = slice.first() else { return Ok(counts) };
    let since_ms = since_ms.unwrap_or(i64::MIN);
    let mut places = Vec::with_capacity(slice.len());
    store.scan(
        Some(slice),
        || (Parser::new(), Vec::new()),
        |(parser, made), record, place| {
            if record.timestamp.as_ms() >= since_ms {
                let event = parser.parse(&record.message).map_err(|error| {
                    let path = store.path().to_owned();
                    StoreError::ArchiveDamaged { path, reason: error.to_string() }
                })?;
                made.push((place, author.event(names, record, &event, place)));
            }
            Ok::<_, ClusterError>(())
        },
        |(_, made): (Parser, Vec<(Location, Document)>)| {
            for (place, document) in made {
                places.push(place);
                visit(Made::Event(document))?;
            }
            Ok(())
        },
    )?;
    counts.events = places.len() as u64;
    let mut touched = TouchedMessages::new(store, from, *begin);
    for place in places {
        match touched.by(place)? {
            Touched::Known => {}
            Touched::TooMany(count) => counts.without_rows += count as u64,
            Touched::Messages(messages) => {
                for message in &messages {
                    visit(Made::Message(message))?;
                }
            }
        }
    }
    Ok(counts)
}
