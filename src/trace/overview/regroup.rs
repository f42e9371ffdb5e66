//! Splits what the index's hashes of IDs connect into messages, by the rules of
//! [`crate::trace::group`].
//!
//! The columns hold neither subjects nor IDs. Where legs are connected in the usual way (one that
//! went out and the one that came in, to the same people and soon after) the columns tell enough;
//! the originals are read of what remains.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use rayon::prelude::*;

use crate::event::RoleKind;
use crate::limits;
use crate::store::{EventReader, EventTable, Store, StoreError};
use crate::trace::group::{Arrival, LegTraits, messages_of};
use crate::trace::join::{named_for_comparison, rank, subject_for_comparison};

/// What the columns tell of a leg.
#[derive(Default)]
struct LegSketch {
    started_ms: i64,
    is_outgoing: bool,
    addresses: HashSet<u32>,
}

/// Splits every message of the table that is several.
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
    table.split(parts.into_iter().filter(|(_, parts)| parts.len() > 1).collect());
    Ok(())
}

/// Suspects that one worker reads at once.
const SUSPECTS_AT_ONCE: usize = 64;

/// Whether all legs are one message whatever their subjects: one leg, or one that went out and
/// one that came in.
fn is_plainly_one(table: &EventTable, events: &[u32]) -> bool {
    let rows = || events.iter().filter_map(|it| table.row(*it));
    let Some(first) = rows().next() else { return true };
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
        // Else two IDs may have one hash.
        && !one.addresses.is_disjoint(&other.addresses)
}

/// The messages that a suspect really is, each by its events.
fn parts_of(
    table: &EventTable,
    events: &[u32],
    reader: &mut EventReader<'_>,
) -> Result<Vec<Vec<u32>>, StoreError> {
    // As they lie in the archive, so that each block is read once.
    let mut located: Vec<_> =
        events.iter().filter_map(|it| Some((table.location(*it)?, *it))).collect();
    located.sort_unstable();
    let mut positions: HashMap<String, usize> = HashMap::new();
    let mut legs: Vec<LegRead> = Vec::new();
    for (location, number) in located {
        let stored = reader.read(location)?;
        let event = &stored.event;
        let trace_id = event.trace_id.as_ref();
        let new = legs.len();
        let position = if trace_id.is_empty() {
            new
        } else {
            *positions.entry(trace_id.into()).or_insert(new)
        };
        if position == new {
            legs.push(LegRead { trace_id: trace_id.to_owned(), ..LegRead::default() });
        }
        let Some(leg) = legs.get_mut(position) else { continue };
        let ms = stored.record.timestamp.as_ms();
        let message = hash_of(&stored.record.message);
        let is_approximate = stored.record.is_time_approximate;
        leg.events.push(EventRead { number, ms, is_approximate, message });
        leg.is_outgoing |= event.is_outgoing();
        leg.ids.extend(event.message_id.as_ref().map(|it| it.as_str().to_owned()));
        leg.named.extend(named_for_comparison(event).map(hash_of));
        let at = (ms, rank(&event.name));
        if let Some(subject) = subject_for_comparison(event)
            && leg.subject.as_ref().is_none_or(|(known, _)| at < *known)
        {
            leg.subject = Some((at, subject));
        }
    }
    let exact = exact_of_approximate(&legs);
    let traits: Vec<LegTraits<'_, &str, u64>> = legs.iter().map(|it| it.traits(&exact)).collect();
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
    parts.iter_mut().for_each(|it| it.sort_unstable());
    parts.sort_unstable();
    Ok(parts)
}

/// What the originals tell of a leg. There may be hundreds of thousands.
#[derive(Default)]
struct LegRead {
    trace_id: String,
    is_outgoing: bool,
    ids: HashSet<String>,
    named: Vec<u64>,
    /// The earliest subject, with its place.
    subject: Option<((i64, u8), String)>,
    events: Vec<EventRead>,
}

struct EventRead {
    number: u32,
    ms: i64,
    is_approximate: bool,
    message: u64,
}

/// The messages that have come with their exact time, where some have come without.
fn exact_of_approximate(legs: &[LegRead]) -> HashSet<u64> {
    let events = || legs.iter().flat_map(|it| &it.events);
    if events().all(|it| !it.is_approximate) {
        return HashSet::new();
    }
    events().filter(|it| !it.is_approximate).map(|it| it.message).collect()
}

impl LegRead {
    fn traits(&self, exact: &HashSet<u64>) -> LegTraits<'_, &str, u64> {
        let times = self.events.iter().filter(|it| {
            // A copy with a borrowed time says nothing beside the one with its own.
            !it.is_approximate || !exact.contains(&it.message)
        });
        LegTraits {
            started_ms: times.map(|it| it.ms).min().unwrap_or(i64::MAX),
            trace_id: &self.trace_id,
            ids: self.ids.iter().map(String::as_str).collect(),
            arrival: (!self.is_outgoing).then(|| Arrival {
                subject: self.subject.as_ref().map(|(_, it)| it.clone()),
                named: self.named.clone(),
            }),
        }
    }
}

fn hash_of(address: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    address.hash(&mut hasher);
    hasher.finish()
}
