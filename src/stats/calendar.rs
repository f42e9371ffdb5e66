//! Counts of messages by the weekday or the hour of the day on which they were first seen.

use super::tally::{CountedValue, Tally, TallyOf};
use super::{CountKey, StatsRequest};
use crate::store::{Store, StoreError};
use crate::time::{HOURS_OF_DAY, Intervals, WEEKDAYS, Zone, calendar_place};
use crate::trace::{MessageFilter, Overview, Selection};

/// Returns the names of the weekdays or of the hours of a day, in order.
pub(super) fn names(key: CountKey) -> &'static [&'static str] {
    match key {
        CountKey::Weekday => &WEEKDAYS,
        _ => &HOURS_OF_DAY,
    }
}

/// Returns the index of the one that an instant is in.
pub(super) fn place(key: CountKey, ms: i64, zone: &Zone) -> Option<u32> {
    calendar_place(ms, zone).map(|(weekday, hour)| match key {
        CountKey::Weekday => weekday,
        _ => hour,
    })
}

/// Counts messages by their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StoreError> {
    let rows = request.rows.clone();
    let filter = MessageFilter { first_seen: request.range, rows, ..MessageFilter::default() };
    let overview = Overview::new(store, &request.rules)?;
    let parts = Selection::new(&overview, &filter)?.visit(|part: &mut Tally, _, found| {
        let ms = found.first_seen_ms();
        if let Some(place) = place(key, ms, &request.zone) {
            part.add(place, ms, intervals);
        }
        Ok(())
    })?;
    let values = names(key).iter().map(|it| CountedValue::Text((*it).to_owned())).collect();
    let mut tally = Tally::default();
    // All workers use the same numbers, those of the calendar.
    parts.into_iter().for_each(|it| tally.join(it, |place| place));
    Ok(TallyOf { tally, values })
}
