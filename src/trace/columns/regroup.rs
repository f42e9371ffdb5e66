//! Splits what the index connects by hashes of IDs into messages, by the rules of
//! [`crate::trace::group`].
//!
//! The columns hold neither subjects nor IDs. For legs connected in the usual way (one outgoing and
//! one incoming, to the same people and soon after each other) the columns are enough; for the
//! others the originals are read.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;

use crate::event::RoleKind;
use crate::limits;
use crate::store::{EventReader, EventTable, Store, StoreError};
use crate::trace::group::{LegTraits, messages_of};
use crate::trace::leg::LegPlaces;

/// The traits of a leg that the columns hold.
#[derive(Default)]
struct LegSketch {
    started_ms: i64,
    is_outgoing: bool,
    addresses: HashSet<u32>,
}

/// Splits every message of the table that is really several.
pub(super) fn regroup(store: &Store, table: &mut EventTable) -> Result<(), StoreError> {
    let suspects: Vec<usize> = (0..table.message_count())
        .into_par_iter()
        .filter(|it| !is_plainly_one(table, table.events_of(*it)))
        .collect();
    let parts: Vec<(usize, Vec<Vec<u32>>)> = suspects
        .par_chunks(SUSPECTS_AT_ONCE)
        .map_init(
            || store.events(),
            |reader, suspects| {
                let split = |it: &usize| Ok((*it, parts_of(table, table.events_of(*it), reader)?));
                suspects.iter().map(split).collect::<Result<Vec<_>, StoreError>>()
            },
        )
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    // After all suspects are read: splitting renumbers the messages.
    table.split(parts.into_iter().filter(|(_, parts)| parts.len() > 1).collect());
    Ok(())
}

/// Suspects that one worker reads at once.
const SUSPECTS_AT_ONCE: usize = 64;

/// True if all legs are one message whatever their subjects: one leg, or one outgoing and one
/// incoming.
fn is_plainly_one(table: &EventTable, events: &[u32]) -> bool {
    let rows = || events.iter().filter_map(|it| table.row(*it));
    let Some(first) = rows().next() else { return true };
    // A message of one leg needs no map.
    if rows().all(|it| it.leg == first.leg) {
        return true;
    }
    let mut legs: HashMap<u32, LegSketch> = HashMap::new();
    for row in rows() {
        let new = LegSketch { started_ms: row.timestamp_ms, ..LegSketch::default() };
        let leg = legs.entry(row.leg).or_insert(new);
        leg.started_ms = leg.started_ms.min(row.timestamp_ms);
        leg.is_outgoing |= row.role.is_outgoing;
        if row.role.kind != RoleKind::Other {
            leg.addresses.extend(row.addresses);
        }
    }
    let legs: Vec<LegSketch> = legs.into_values().collect();
    let [one, other] = legs.as_slice() else { return false };
    one.is_outgoing != other.is_outgoing
        && one.started_ms.saturating_sub(other.started_ms).saturating_abs()
            <= limits::SAME_MESSAGE_MS_MAX
        // Without a common address, two IDs may just share a hash.
        && !one.addresses.is_disjoint(&other.addresses)
}

/// Returns the messages that a suspect really is, as lists of events.
fn parts_of(
    table: &EventTable,
    events: &[u32],
    reader: &mut EventReader<'_>,
) -> Result<Vec<Vec<u32>>, StoreError> {
    // In archive order, so that each block is read once.
    let mut located: Vec<_> =
        events.iter().filter_map(|it| Some((table.location(*it)?, *it))).collect();
    located.sort_unstable();
    let mut leg_places = LegPlaces::default();
    let mut legs: Vec<LegRead> = Vec::new();
    let mut traits: Vec<LegTraits<'_, String, u64>> = Vec::new();
    for (location, number) in located {
        let stored = reader.read(location)?;
        let trace_id = stored.event.trace_id.as_ref();
        let place = leg_places.of(trace_id.to_owned());
        if place == legs.len() {
            legs.push(LegRead::default());
            traits.push(LegTraits::new(Cow::Owned(trace_id.to_owned())));
        }
        let (Some(leg), Some(traits)) = (legs.get_mut(place), traits.get_mut(place)) else {
            continue;
        };
        let ms = stored.record.timestamp.as_ms();
        let message = hash_of(&stored.record.message);
        let is_approximate = stored.record.is_time_approximate;
        leg.events.push(EventRead { number, ms, is_approximate, message });
        traits.take(&stored, |id| id.as_str().to_owned(), hash_of);
    }
    let exact = exact_of_approximate(&legs);
    for (traits, leg) in traits.iter_mut().zip(&legs) {
        // Corrected once all events are read: the join drops approximate copies before it groups.
        traits.started_ms = leg.started_ms(&exact);
    }
    let mut sets = messages_of(&traits);
    let mut places: HashMap<u32, usize> = HashMap::new();
    let mut parts: Vec<Vec<u32>> = Vec::new();
    for (number, leg) in (0..).zip(&legs) {
        let new = parts.len();
        let place = *places.entry(sets.root(number)).or_insert(new);
        if place == new {
            parts.push(Vec::new());
        }
        if let Some(part) = parts.get_mut(place) {
            part.extend(leg.events.iter().map(|it| it.number));
        }
    }
    // Back to the order of numbers, which `events_of` promises.
    parts.iter_mut().for_each(|it| it.sort_unstable());
    parts.sort_unstable();
    Ok(parts)
}

/// The events of a leg. There may be hundreds of thousands of legs, so no originals are kept.
#[derive(Default)]
struct LegRead {
    events: Vec<EventRead>,
}

struct EventRead {
    number: u32,
    ms: i64,
    is_approximate: bool,
    message: u64,
}

/// Returns the originals stored with an exact time, if some are stored without.
fn exact_of_approximate(legs: &[LegRead]) -> HashSet<u64> {
    let events = || legs.iter().flat_map(|it| &it.events);
    if events().all(|it| !it.is_approximate) {
        return HashSet::new();
    }
    events().filter(|it| !it.is_approximate).map(|it| it.message).collect()
}

impl LegRead {
    /// Returns its start. A copy with an approximate time does not count beside the exact one.
    fn started_ms(&self, exact: &HashSet<u64>) -> i64 {
        let times =
            self.events.iter().filter(|it| !it.is_approximate || !exact.contains(&it.message));
        times.map(|it| it.ms).min().unwrap_or(i64::MAX)
    }
}

fn hash_of(address: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}
