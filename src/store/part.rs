//! What a store that is a part of another one answers for that one.

use std::sync::Arc;

use super::archive::Location;
use super::error::StoreError;
use super::published::RecordPlace;
use super::reader::Store;
use super::whole::{StorePart, Whole};
use crate::time::Timestamp;

impl Store {
    /// Returns the store as a part of another one; `None` if it does not have as many records as
    /// the part should.
    pub fn as_part_of(mut self, whole: Whole) -> Result<Option<Self>, StoreError> {
        let first = Location::default();
        let all: Vec<RecordPlace> = self.records_from(first, first)?.flatten().collect();
        let mail_records = all.iter().filter(|it| it.is_mail).count() as u64;
        let here: Vec<Location> = all.into_iter().map(|it| it.location).collect();
        let is_sound = here.len() == whole.places.len();
        self.part = Some(Arc::new(StorePart { whole, here, mail_records }));
        Ok(is_sound.then_some(self))
    }

    /// The store of which this is a part, if it is a part.
    fn whole(&self) -> Option<&Whole> {
        self.part.as_ref().map(|it| &it.whole)
    }

    /// True if it holds fewer email events than the store for which it answers.
    pub fn is_partial(&self) -> bool {
        self.part.as_ref().is_some_and(|it| it.mail_records != it.whole.mail_records)
    }

    /// True if it stands for another one, of which it has nothing but records.
    pub fn is_mirror(&self) -> bool {
        self.part.is_some()
    }

    /// The times of the earliest and the newest record.
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

    /// True if records were removed on purpose.
    pub fn has_removals(&self) -> bool {
        let here = || !self.checkpoint.tombstones.is_empty();
        self.whole().map_or_else(here, |it| it.has_removals)
    }

    /// The number of records in it, or in the store for which it stands.
    pub fn record_count(&self) -> u64 {
        self.whole().map_or(self.checkpoint.records, |it| it.mail_records + it.other_records)
    }

    /// The number of email events in it, or in the store for which it stands.
    pub fn mail_records(&self) -> u64 {
        self.whole().map_or_else(|| self.checkpoint.mail_records(), |it| it.mail_records)
    }

    /// A description of the store for which it stands, and the time of that one's publication; none
    /// if it stands for itself.
    pub fn mirrored(&self) -> Option<(&str, Option<Timestamp>)> {
        self.whole().map(|it| (it.source.as_str(), it.published))
    }

    /// The number of records that are no email events, in it or in the store for which it stands.
    pub fn other_records(&self) -> u64 {
        self.whole().map_or_else(|| self.checkpoint.other_records(), |it| it.other_records)
    }

    /// The place of a record in the store of which this is a part; its place here if it is no part.
    pub(crate) fn place_in_whole(&self, here: Location) -> Location {
        let Some(part) = &self.part else { return here };
        // Both lists have the same records in the same order.
        let index = part.here.partition_point(|it| *it < here);
        part.whole.places.get(index).copied().unwrap_or(here)
    }

    /// The place here of the record at a place in the store of which this is a part. If it is not
    /// here, a place with the same events before it, or with `is_rising` after it.
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
