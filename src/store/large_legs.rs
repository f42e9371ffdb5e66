//! Legs with so many stored events that these are not gone through again for each new record.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::archive::{ArchiveReader, Location};
use super::error::StoreError;
use super::identity::Identity;
use super::index::{IdHash, IndexSnapshot};
use crate::limits;

/// The large legs of one commit met so far, shared by everything that prepares records.
#[derive(Clone, Default)]
pub(super) struct LargeLegs(Arc<Mutex<HashMap<IdHash, Arc<LargeLeg>>>>);

/// The stored events of one leg.
pub(super) struct LargeLeg {
    /// Their times, in milliseconds since 1970, and locations, sorted.
    by_time: Vec<(i64, Location)>,
    /// The identities of the events of one time, or of all, read on first use.
    identities: Mutex<HashMap<Sharing, HashSet<Identity>>>,
}

/// The property shared by records that are compared with one another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sharing {
    /// The leg and a time in milliseconds since 1970.
    Time(i64),
    /// The leg alone; such records are identified by their messages.
    Leg,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one insertion or removal, so a panic leaves the map consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LargeLegs {
    /// Returns the leg as of the snapshot, and reads it on first use.
    pub(super) fn get(&self, leg: IdHash, snapshot: &IndexSnapshot) -> Arc<LargeLeg> {
        // Held while the leg is read, so that other workers wait for it rather than read it too.
        let mut legs = held(&self.0);
        if let Some(known) = legs.get(&leg) {
            return Arc::clone(known);
        }
        let by_time = snapshot.leg_times(leg);
        let count: usize = legs.values().map(|it| it.by_time.len()).sum();
        if count + by_time.len() > limits::LARGE_LEG_EVENTS_KEPT {
            // Legs in use live on in the workers that hold them.
            legs.clear();
        }
        let found = Arc::new(LargeLeg { by_time, identities: Mutex::default() });
        legs.insert(leg, Arc::clone(&found));
        found
    }
}

impl LargeLeg {
    /// The locations of the events of one time, or of all events.
    pub(super) fn locations(&self, ms: Option<i64>) -> impl ExactSizeIterator<Item = Location> {
        let range = match ms {
            Some(ms) => {
                let start = self.by_time.partition_point(|it| it.0 < ms);
                let end = self.by_time.partition_point(|it| it.0 <= ms);
                self.by_time.get(start..end).expect("places in order of time")
            }
            None => &self.by_time,
        };
        range.iter().map(|it| it.1)
    }

    /// True if one of the events of a time has the identity; without a time, if any event has it by
    /// its message alone.
    pub(super) fn has_identity(
        &self,
        ms: Option<i64>,
        identity: Identity,
        archive: &mut ArchiveReader,
    ) -> Result<bool, StoreError> {
        let sharing = ms.map_or(Sharing::Leg, Sharing::Time);
        let mut known = held(&self.identities);
        if let Some(identities) = known.get(&sharing) {
            return Ok(identities.contains(&identity));
        }
        let mut locations: Vec<_> = self.locations(ms).collect();
        // Sorted, so that each block is decompressed once.
        locations.sort_unstable();
        let mut identities = HashSet::with_capacity(locations.len());
        for location in locations {
            let stored = archive.read(location)?;
            identities.insert(match sharing {
                Sharing::Leg => Identity::of_message(&stored.message),
                Sharing::Time(_) => Identity::of(&stored),
            });
        }
        let is_there = identities.contains(&identity);
        known.insert(sharing, identities);
        Ok(is_there)
    }
}
