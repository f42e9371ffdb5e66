//! Counts of bounces by their reason or its cause, which only the originals have.

use std::collections::HashMap;

use rayon::prelude::*;

use super::cause_of;
use super::tally::{CountedValue, TallyOf};
use super::{CountKey, StatsRequest};
use crate::event::RoleKind;
use crate::store::{AttributeSet, AttributeTerm, IdHash, Location, Store, StoreError};
use crate::time::Intervals;

/// Bounces that one worker reads at once; they are near each other in the archive.
const BOUNCES_AT_ONCE: usize = 1_024;

/// Reads all bounces in range. Strangers write the reasons, so there may be many: each is kept as a
/// hash, 50 bytes in all.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StoreError> {
    let are_bounces = |said: &AttributeTerm<'_>| said.role.kind == RoleKind::Bounced;
    let take = |bounces: &mut Vec<(Location, i64)>, set: &AttributeSet<'_>| {
        let all = set.locations().zip(set.times());
        bounces.extend(all.filter(|(_, ms)| request.contains(*ms)));
    };
    let bounces = store.fold_attribute_sets(are_bounces, take)?;
    let mut bounces = bounces.concat();
    // In archive order: workers read neighbouring blocks, and the example of a reason is its first
    // bounce in the archive.
    bounces.sort_unstable();
    let reasons: Vec<Vec<Option<IdHash>>> = bounces
        .par_chunks(BOUNCES_AT_ONCE)
        .map_init(
            || store.events(),
            |reader, bounces| {
                let read = bounces.iter().map(|(location, _)| reader.read(*location));
                let reason_of = |it: &_| match (key.value_in(it), key) {
                    (Some(reason), CountKey::Cause) => Some(IdHash::of(&cause_of(reason))),
                    (reason, _) => reason.map(IdHash::of),
                };
                read.map(|it| Ok(reason_of(&it?.event))).collect::<Result<_, StoreError>>()
            },
        )
        .collect::<Result<_, StoreError>>()?;
    let mut tally = TallyOf::default();
    let mut numbers: HashMap<Option<IdHash>, u32> = HashMap::new();
    for ((location, ms), reason) in bounces.iter().zip(reasons.into_iter().flatten()) {
        let next = u32::try_from(tally.values.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(reason).or_insert(next);
        if number == next {
            let value =
                reason.map_or(CountedValue::Absent, |it| CountedValue::Hashed(it, *location));
            tally.values.push(value);
        }
        tally.tally.add(number, *ms, intervals);
    }
    Ok(tally)
}
