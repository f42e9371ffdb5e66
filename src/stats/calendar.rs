//! Messages by the day of the week, or the hour of the day, on which they were first seen.

use super::tally::{Tally, TallyOf, Value};
use super::{CountKey, StatsRequest};
use crate::store::{Store, StoreError};
use crate::time::{HOURS_OF_DAY, Intervals, WEEKDAYS, calendar_place};
use crate::trace::{MessageFilter, Overview, Selection};

/// Takes the messages that count, with their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StoreError> {
    let rows = request.rows.clone();
    let filter = MessageFilter { first_seen: request.range, rows, ..MessageFilter::default() };
    let overview = Overview::new(store, &request.rules, false);
    let parts = Selection::new(&overview, &filter)?.visit(|part: &mut Tally, _, found| {
        let ms = found.first_seen_ms();
        if let Some((weekday, hour)) = calendar_place(ms, &request.zone) {
            let place = if key == CountKey::Weekday { weekday } else { hour };
            part.add(place, ms, intervals);
        }
        Ok(())
    })?;
    let texts: &[&str] = match key {
        CountKey::Weekday => &WEEKDAYS,
        _ => &HOURS_OF_DAY,
    };
    let values = texts.iter().map(|it| Value::Text((*it).to_owned())).collect();
    let mut tally = Tally::default();
    parts.into_iter().for_each(|it| tally.join(it, |place| place));
    Ok(TallyOf { tally, values })
}
