//! Messages by the day of the week, or the hour of the day, on which they were first seen.

use super::tally::{Tally, Value};
use super::{CountKey, StatsRequest};
use crate::store::{Store, StoreError};
use crate::time::{HOURS_OF_DAY, WEEKDAYS, calendar_place};
use crate::trace::{MessageFilter, Overview, Selection};

/// Takes the messages that count, with their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
) -> Result<Tally, StoreError> {
    let rows = request.rows.clone();
    let filter = MessageFilter { first_seen: request.range, rows, ..MessageFilter::default() };
    let overview = Overview::new(store, &request.rules, false);
    let parts =
        Selection::new(&overview, &filter)?.visit(|part: &mut Vec<(u32, i64)>, _, found| {
            let ms = found.first_seen_ms();
            let place = calendar_place(ms, &request.zone).map(|(weekday, hour)| match key {
                CountKey::Weekday => weekday,
                _ => hour,
            });
            part.extend(place.map(|it| (it, ms)));
            Ok(())
        })?;
    let texts: &[&str] = match key {
        CountKey::Weekday => &WEEKDAYS,
        _ => &HOURS_OF_DAY,
    };
    let values = texts.iter().map(|it| Value::Text((*it).to_owned())).collect();
    Ok(Tally { things: parts.concat(), values })
}
