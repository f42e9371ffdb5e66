//! A store that holds a part of another one, for the length of a question that is about that part.
//!
//! What the other one is as a whole decides as well: how far its time goes, and where its events lie,
//! for places of events are what the cursors of lists are made of.

use std::sync::Arc;

use super::{Location, RecordPlace, Store, StoreError};
use crate::time::Timestamp;

/// What is known of a store of which another holds a part.
#[derive(Clone, Debug, Default)]
pub struct Whole {
    /// Where it is, in words.
    pub source: String,
    /// When what is known of it was published.
    pub published: Option<Timestamp>,
    /// The times of its earliest and of its newest email event.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The time of the newest one that is no later than the clock allows.
    pub newest: Option<Timestamp>,
    /// How many email events it holds.
    pub mail_records: u64,
    /// How many records it holds that are none.
    pub other_records: u64,
    /// Whether records were removed from it on purpose.
    pub has_removals: bool,
    /// Where the records lie in it of which the part consists, in order.
    pub places: Vec<Location>,
}

/// A store's part in another one.
#[derive(Debug)]
pub(super) struct StorePart {
    whole: Whole,
    /// Where the same records lie here.
    here: Vec<Location>,
    /// How many of them are email events.
    mail_records: u64,
}

impl Store {
    /// The same as a part of another store. `None` where the records here are not as many as there.
    pub fn as_part_of(mut self, whole: Whole) -> Result<Option<Self>, StoreError> {
        let first = Location::default();
        let all: Vec<RecordPlace> = self.records_from(first, first)?.flatten().collect();
        let mail_records = all.iter().filter(|it| it.is_mail).count() as u64;
        let here: Vec<Location> = all.into_iter().map(|it| it.location).collect();
        let is_sound = here.len() == whole.places.len();
        self.part = Some(Arc::new(StorePart { whole, here, mail_records }));
        Ok(is_sound.then_some(self))
    }

    /// The store of which this is a part, if it is one.
    fn whole(&self) -> Option<&Whole> {
        self.part.as_ref().map(|it| &it.whole)
    }

    /// Whether it holds fewer email events than the store for which it answers.
    pub fn is_partial(&self) -> bool {
        self.part.as_ref().is_some_and(|it| it.mail_records != it.whole.mail_records)
    }

    /// Whether it stands for another one, of which it knows nothing but records.
    pub fn is_mirror(&self) -> bool {
        self.part.is_some()
    }

    /// The times of the earliest and of the newest record.
    pub fn time_span(&self) -> Option<(Timestamp, Timestamp)> {
        if let Some(whole) = self.whole() {
            return whole.span;
        }
        let (first, last) = self.snapshot.time_span()?;
        Timestamp::from_ms(first).zip(Timestamp::from_ms(last))
    }

    /// The time of the newest record that is not after `last`.
    pub fn newest_until(&self, last: Timestamp) -> Option<Timestamp> {
        match self.whole() {
            Some(whole) => match whole.span {
                Some((_, newest)) if newest <= last => Some(newest),
                _ => whole.newest,
            },
            None => self.snapshot.newest_until(last.as_ms()).and_then(Timestamp::from_ms),
        }
    }

    /// Whether records were removed on purpose.
    pub fn has_removals(&self) -> bool {
        let here = || !self.checkpoint.tombstones.is_empty();
        self.whole().map_or_else(here, |it| it.has_removals)
    }

    /// Records that it holds, or that the store holds for which it stands.
    pub fn record_count(&self) -> u64 {
        self.whole().map_or(self.checkpoint.records, |it| it.mail_records + it.other_records)
    }

    /// Email events that it holds, or that the store holds for which it stands.
    pub fn mail_records(&self) -> u64 {
        self.whole().map_or_else(|| self.checkpoint.mail_records(), |it| it.mail_records)
    }

    /// Where the store is for which it stands, in words, and when that was published; nothing where it
    /// stands for itself.
    pub fn mirrored(&self) -> Option<(&str, Option<Timestamp>)> {
        self.whole().map(|it| (it.source.as_str(), it.published))
    }

    /// Records that are no email events, which it holds, or the store for which it stands.
    pub fn other_records(&self) -> u64 {
        self.whole().map_or_else(|| self.checkpoint.other_records(), |it| it.other_records)
    }

    /// Where a record lies in the store of which this is a part; where it lies here if it is none.
    pub(crate) fn place_in_whole(&self, here: Location) -> Location {
        let Some(part) = &self.part else { return here };
        let index = part.here.partition_point(|it| *it < here);
        part.whole.places.get(index).copied().unwrap_or(here)
    }

    /// Where a record lies here that lies at a place in the store of which this is a part. Of one
    /// that is not here, a place with the same events before it, or with `is_rising` behind it.
    pub(crate) fn place_here(&self, place: Location, is_rising: bool) -> Location {
        let Some(part) = &self.part else { return place };
        let places = &part.whole.places;
        let index = places.partition_point(|it| *it < place);
        let is_there = places.get(index) == Some(&place);
        let at = |index: usize| part.here.get(index).copied();
        match is_rising && !is_there {
            true => index.checked_sub(1).and_then(at).unwrap_or(Location::from_bits(0)),
            false => at(index).unwrap_or(Location::from_bits(u64::MAX)),
        }
    }
}
