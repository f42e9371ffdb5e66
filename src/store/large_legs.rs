//! Legs with so many stored events that they are not gone through for each record anew.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::StoreError;
use super::archive::{ArchiveReader, Location};
use super::identity::Identity;
use super::index::{IdHash, IndexSnapshot};
use crate::limits;

/// The large legs of one commit that were met so far, shared by all that prepare records.
#[derive(Clone, Default)]
pub(super) struct LargeLegs(Arc<Mutex<HashMap<IdHash, Arc<LargeLeg>>>>);

/// The stored events of one leg.
pub(super) struct LargeLeg {
    /// Their times, in milliseconds since 1970, and places, in order.
    by_time: Vec<(i64, Location)>,
    /// The identities of many that share a time, or of all.
    identities: Mutex<HashMap<Sharing, HashSet<Identity>>>,
}

/// What records have in common that are compared with one another.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Sharing {
    /// The leg and a time in milliseconds since 1970.
    Time(i64),
    /// The leg alone. They are told apart by their messages.
    Leg,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // It is whole between any two statements that hold it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LargeLegs {
    /// The leg, as the snapshot has it.
    pub(super) fn get(&self, leg: IdHash, snapshot: &IndexSnapshot) -> Arc<LargeLeg> {
        let mut legs = held(&self.0);
        if let Some(known) = legs.get(&leg) {
            return Arc::clone(known);
        }
        let by_time = snapshot.leg_times(leg);
        let count: usize = legs.values().map(|it| it.by_time.len()).sum();
        if count + by_time.len() > limits::LARGE_LEG_EVENTS_KEPT {
            legs.clear();
        }
        let found = Arc::new(LargeLeg { by_time, identities: Mutex::default() });
        legs.insert(leg, Arc::clone(&found));
        found
    }
}

impl LargeLeg {
    /// Where the events of one time lie, or of any time.
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

    /// Whether one of the events of a time, or of any time, has the identity. Then it is that of
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
        // Each block is read once.
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
