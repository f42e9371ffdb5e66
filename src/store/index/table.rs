//! All events of a store as one table, for questions about every message at once.
//!
//! It takes some 50 bytes an event while it is made and 30 afterwards, plus the addresses: one pass
//! over columns and terms replaces many look-ups.

use std::collections::HashMap;
use std::ops::Range;

use rayon::prelude::*;
use tantivy::{DocId, SegmentReader};

use super::attributes::{is_arrival, role_in};
use super::columns::{Chains, Columns};
use super::document::IdHash;
use super::postings::{Numbering, for_each_document};
use super::schema::Fields;
use super::snapshot::IndexSnapshot;
use crate::event::Role;
use crate::store::archive::Location;
use crate::store::disjoint_sets::DisjointSets;
use crate::store::error::StoreError;

/// Every event of a store by number, grouped by message.
pub(crate) struct EventTable {
    segments: Vec<Segment>,
    /// The number of the first event of each segment.
    bases: Vec<usize>,
    /// The leg of each event.
    legs: Vec<u32>,
    /// The events of all messages, one message after the other, and the start of each message.
    by_message: Vec<u32>,
    message_starts: Vec<u32>,
    /// The address of each number.
    address_texts: Vec<Vec<u8>>,
}

/// The events of one segment.
struct Segment {
    columns: Columns,
    times: Vec<i64>,
    roles: Vec<u8>,
    /// Whether each document says that the organization received a message.
    arrivals: Vec<bool>,
    /// The addresses of all documents, one document after the other, and the start of each
    /// document.
    addresses: Vec<u32>,
    address_starts: Vec<u32>,
    /// The leg of each document, numbered from the segment's first.
    legs: Vec<u32>,
    leg_count: u32,
}

/// One event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventRow<'t> {
    /// The number of its leg.
    pub(crate) leg: u32,
    /// Its time in milliseconds since 1970.
    pub(crate) timestamp_ms: i64,
    /// The role that it plays.
    pub(crate) role: Role,
    /// Whether it says that the organization received a message.
    pub(crate) is_arrival: bool,
    /// The numbers of the addresses that are recipients in any sense.
    pub(crate) addresses: &'t [u32],
}

impl IndexSnapshot {
    /// The events at matching locations as one table.
    pub(crate) fn event_table(
        &self,
        has: &(dyn Fn(Location) -> bool + Sync),
    ) -> Result<EventTable, StoreError> {
        EventTable::read(self, has).map_err(StoreError::index(self.path()))
    }
}

impl EventTable {
    /// Reads the table of the events at matching locations.
    pub(super) fn read(
        snapshot: &IndexSnapshot,
        has: &(dyn Fn(Location) -> bool + Sync),
    ) -> tantivy::Result<Self> {
        let readers = snapshot.segments();
        let read: Vec<(Segment, Vec<Vec<u8>>)> = readers
            .par_iter()
            .zip(snapshot.columns())
            .map(|(reader, columns)| Segment::read(reader, columns))
            .collect::<tantivy::Result<_>>()?;
        let (mut segments, terms): (Vec<_>, Vec<_>) = read.into_iter().unzip();
        let mut bases = Vec::with_capacity(segments.len());
        let mut legs = Vec::new();
        let mut leg_count = 0;
        for segment in &mut segments {
            bases.push(legs.len());
            legs.extend(std::mem::take(&mut segment.legs).into_iter().map(|it| it + leg_count));
            leg_count += segment.leg_count;
        }
        let mut table = Self {
            segments,
            bases,
            legs,
            by_message: Vec::new(),
            message_starts: Vec::new(),
            address_texts: Vec::new(),
        };
        // Numbering needs only the terms, and joining only the columns, so both run at once.
        let ((numbers, texts), ()) =
            rayon::join(|| number_addresses(terms), || table.join(leg_count, has));
        table.address_texts = texts;
        table.segments.par_iter_mut().zip(numbers).for_each(|(segment, numbers)| {
            for number in &mut segment.addresses {
                // A damaged column must not turn somebody's event into one for the first address.
                *number = numbers.get(*number as usize).copied().unwrap_or(u32::MAX);
            }
        });
        Ok(table)
    }

    /// Joins legs into messages.
    fn join(&mut self, leg_count: u32, has: &(dyn Fn(Location) -> bool + Sync)) {
        let mut same_leg = DisjointSets::new(leg_count);
        self.unite_across_segments(&mut same_leg, |it| &it.legs);
        self.legs.iter_mut().for_each(|it| *it = same_leg.root(*it));

        // First within segments, where a chain links neighbours; then across them by the last
        // document of each ID, which stands for all of its chain.
        let mut same_message = same_leg;
        for (segment, base) in self.segments.iter().zip(&self.bases) {
            for (document, distance) in segment.columns.messages.distances().enumerate() {
                if distance > 0 {
                    let before = document.saturating_sub(distance as usize);
                    same_message.unite(self.leg(base + document), self.leg(base + before));
                }
            }
        }
        self.unite_across_segments(&mut same_message, |it| &it.messages);

        // Events are sorted by message; messages are numbered by their first event.
        let mut numbers = vec![u32::MAX; leg_count as usize];
        let mut counts: Vec<u32> = Vec::new();
        let mut messages = Vec::with_capacity(self.legs.len());
        let places = self.segments.iter().flat_map(|it| it.columns.places.locations());
        for (leg, place) in self.legs.iter().zip(places) {
            if !has(place) {
                messages.push(u32::MAX);
                continue;
            }
            let root = same_message.root(*leg) as usize;
            let next = u32::try_from(counts.len()).unwrap_or(u32::MAX);
            let Some(number) = numbers.get_mut(root) else { continue };
            if *number == u32::MAX {
                *number = next;
                counts.push(0);
            }
            messages.push(*number);
            if let Some(count) = counts.get_mut(*number as usize) {
                *count += 1;
            }
        }
        (self.message_starts, self.by_message) = sorted_by(&messages, counts);
    }

    fn leg(&self, event: usize) -> u32 {
        // No set has this number, so an event that damaged columns lack joins nothing.
        self.legs.get(event).copied().unwrap_or(u32::MAX)
    }

    /// Unites the legs of documents that have the same ID in different segments.
    fn unite_across_segments(&self, sets: &mut DisjointSets, chains: fn(&Columns) -> &Chains) {
        if self.segments.len() < 2 {
            return;
        }
        let mut ids: Vec<(IdHash, u32)> = Vec::new();
        for (segment, base) in self.segments.iter().zip(&self.bases) {
            let last = chains(&segment.columns).last_documents();
            ids.extend(last.map(|(id, document)| (id, self.leg(base + document as usize))));
        }
        ids.par_sort_unstable();
        for pair in ids.windows(2) {
            if let [(one, leg), (other, other_leg)] = pair
                && one == other
            {
                sets.unite(*leg, *other_leg);
            }
        }
    }

    /// The number of messages.
    pub(crate) fn message_count(&self) -> usize {
        self.message_starts.len().saturating_sub(1)
    }

    /// Splits the messages that `parts` names by number into the given groups of events, which take
    /// their place.
    pub(crate) fn split(&mut self, mut parts: HashMap<usize, Vec<Vec<u32>>>) {
        if parts.is_empty() {
            return;
        }
        let mut starts = Vec::with_capacity(self.message_starts.len());
        let mut by_message = Vec::with_capacity(self.by_message.len());
        for message in 0..self.message_count() {
            let whole = [self.events_of(message).to_vec()];
            let parts = parts.remove(&message).unwrap_or_else(|| whole.into());
            for events in parts {
                starts.push(u32::try_from(by_message.len()).unwrap_or(u32::MAX));
                by_message.extend(events);
            }
        }
        starts.push(u32::try_from(by_message.len()).unwrap_or(u32::MAX));
        (self.message_starts, self.by_message) = (starts, by_message);
    }

    /// The events of a message by number, in the order in which they were stored.
    pub(crate) fn events_of(&self, message: usize) -> &[u32] {
        range_of(&self.message_starts, message)
            .and_then(|it| self.by_message.get(it))
            .unwrap_or(&[])
    }

    fn place_of(&self, event: u32) -> Option<(&Segment, usize)> {
        let event = event as usize;
        let segment = self.bases.partition_point(|it| *it <= event).checked_sub(1)?;
        Some((self.segments.get(segment)?, event - self.bases.get(segment)?))
    }

    /// One event's row.
    pub(crate) fn row(&self, event: u32) -> Option<EventRow<'_>> {
        let (segment, document) = self.place_of(event)?;
        Some(EventRow {
            leg: self.leg(event as usize),
            timestamp_ms: *segment.times.get(document)?,
            role: Role::from_bits(*segment.roles.get(document)?),
            is_arrival: *segment.arrivals.get(document)?,
            addresses: segment.addresses.get(range_of(&segment.address_starts, document)?)?,
        })
    }

    /// The addresses by their numbers.
    pub(crate) fn address_texts(&self) -> &[Vec<u8>] {
        &self.address_texts
    }

    /// The location of an event in the archive.
    pub(crate) fn location(&self, event: u32) -> Option<Location> {
        let (segment, document) = self.place_of(event)?;
        segment.columns.places.get(DocId::try_from(document).ok()?)
    }
}

impl Segment {
    /// Reads a segment, and returns its terms too: addresses are still numbered by them.
    fn read(reader: &SegmentReader, columns: &Columns) -> tantivy::Result<(Self, Vec<Vec<u8>>)> {
        let count = reader.max_doc() as usize;
        let times: Vec<i64> = columns.all_times().collect();

        let mut roles = vec![0; count];
        let mut arrivals = vec![false; count];
        let inverted = reader.inverted_index(Fields::ATTRIBUTES)?;
        let mut terms = inverted.terms().stream()?;
        while terms.advance() {
            let Some(role) = role_in(terms.key()) else { continue };
            let is_arrival = is_arrival(terms.key(), role);
            for_each_document(&inverted, terms.value(), |document| {
                if let Some(slot) = roles.get_mut(document as usize) {
                    *slot = role.to_bits();
                }
                if let Some(slot) = arrivals.get_mut(document as usize) {
                    *slot = is_arrival;
                }
            })?;
        }

        let inverted = reader.inverted_index(Fields::TO)?;
        let mut terms = inverted.terms().stream()?;
        let mut texts = Vec::new();
        // Terms come in order of address, but the table wants them by document: both sides are
        // noted as they come, then sorted by counting. An event names one or two addresses, hence
        // the capacity.
        let mut documents: Vec<u32> = Vec::with_capacity(count + count / 2);
        let mut numbers: Vec<u32> = Vec::with_capacity(count + count / 2);
        let mut counts = vec![0_u32; count];
        while terms.advance() {
            let number = u32::try_from(texts.len()).unwrap_or(u32::MAX);
            texts.push(terms.key().to_vec());
            for_each_document(&inverted, terms.value(), |document| {
                if let Some(count) = counts.get_mut(document as usize) {
                    *count += 1;
                    documents.push(document);
                    numbers.push(number);
                }
            })?;
        }
        let (address_starts, order) = sorted_by(&documents, counts);
        let number_of = |it: u32| numbers.get(it as usize).copied().unwrap_or(u32::MAX);
        let addresses = order.into_iter().map(number_of).collect();

        let mut legs: Vec<u32> = Vec::with_capacity(count);
        let mut leg_count = 0;
        for (document, distance) in columns.legs.distances().enumerate() {
            // Chains point backwards, so the leg of the earlier document is already numbered.
            let known = document.checked_sub(distance as usize).filter(|_| distance > 0);
            let leg = known.and_then(|it| legs.get(it)).copied().unwrap_or_else(|| {
                leg_count += 1;
                leg_count - 1
            });
            legs.push(leg);
        }
        let columns = columns.clone();
        let segment =
            Self { columns, times, roles, arrivals, addresses, address_starts, legs, leg_count };
        Ok((segment, texts))
    }
}

/// Numbers the addresses of all segments, equal ones alike, and returns the addresses by number.
fn number_addresses(terms: Vec<Vec<Vec<u8>>>) -> (Vec<Vec<u32>>, Vec<Vec<u8>>) {
    let mut numbering = Numbering::default();
    let mut number = |term: Vec<u8>| numbering.number_of(term);
    let of_segments =
        terms.into_iter().map(|it| it.into_iter().map(&mut number).collect()).collect();
    (of_segments, numbering.into_terms())
}

/// Sorts things by their numbers, given the `counts` of each number: returns the start of each
/// number, and the things.
fn sorted_by(numbers: &[u32], mut counts: Vec<u32>) -> (Vec<u32>, Vec<u32>) {
    // A counting sort is linear, and it is stable: events of a message stay in stored order.
    let mut starts = Vec::with_capacity(counts.len() + 1);
    let mut start = 0;
    for count in &mut counts {
        starts.push(start);
        start += std::mem::replace(count, start);
    }
    starts.push(start);
    // `counts` now holds the position for the next thing of each number.
    let mut things = vec![0; numbers.len()];
    for (thing, number) in (0..).zip(numbers) {
        let Some(next) = counts.get_mut(*number as usize) else { continue };
        if let Some(slot) = things.get_mut(*next as usize) {
            *slot = thing;
        }
        *next += 1;
    }
    (starts, things)
}

fn range_of(starts: &[u32], number: usize) -> Option<Range<usize>> {
    Some(*starts.get(number)? as usize..*starts.get(number + 1)? as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_are_sorted_by_number_and_keep_their_order() {
        let (starts, things) = sorted_by(&[2, 0, 2, 2, 0], vec![2, 0, 3]);
        assert_eq!(starts, [0, 2, 2, 5]);
        assert_eq!(things, [1, 4, 0, 2, 3]);
        assert_eq!(range_of(&starts, 1), Some(2..2));
        assert_eq!(range_of(&starts, 3), None);
    }
}
