//! Counts of messages, their legs and their recipients, by the values that group them.

use std::collections::HashMap;

use super::group_part::GroupValue;
use super::group_values::GroupValues;
use super::tally::{CountedValue, Tally, TallyOf};
use super::{CountKey, StatsError, StatsRequest};
use crate::store::{Store, StoreError};
use crate::time::Intervals;
use crate::trace::{Direction, ListedMessage, Message, MessageFilter, Overview, Selection};

/// The counts of one worker.
#[derive(Default)]
struct MessagesPart {
    /// The counts by the numbers that all workers share.
    numbered: Tally,
    /// The counts of messages whose originals were read, by this worker's own numbers.
    read: Tally,
    texts: HashMap<Box<str>, u32>,
    /// The values of the current thing, a buffer that is reused.
    values: Vec<GroupValue>,
}

/// The number of a missing value. All others are shifted by one.
const ABSENT: u32 = 0;

impl MessagesPart {
    fn add(&mut self, value: GroupValue, ms: i64, intervals: Option<&Intervals>) {
        match value {
            GroupValue::Number(number) => {
                self.numbered.add(number.saturating_add(1), ms, intervals);
            }
            GroupValue::Text(text) => {
                let next = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
                let number = *self.texts.entry(text).or_insert(next);
                self.read.add(number, ms, intervals);
            }
            GroupValue::Absent | GroupValue::Pair(..) => self.numbered.add(ABSENT, ms, intervals),
        }
    }
}

/// Counts messages or recipients by their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StatsError> {
    let overview = Overview::new(store, &request.rules)?;
    let (first_seen, rows) = (request.range, request.rows.clone());
    let filter = MessageFilter { first_seen, rows, ..MessageFilter::default() };
    let selection = Selection::new(&overview, &filter)?;
    let values =
        GroupValues::find(key, store, &overview, &selection, &request.rules, &request.zone)?;
    let unit = key.counted_unit();
    let selection = match values.is_of_recipients() {
        true => selection,
        false => selection.without_recipients(),
    };
    let parts = selection.visit(|part: &mut MessagesPart, reader, found| {
        let ms = found.first_seen_ms();
        let mut of_thing = std::mem::take(&mut part.values);
        for place in 0..unit.count_of(&found) {
            values.add(&found, place, reader, &mut of_thing)?;
            of_thing.drain(..).for_each(|it| part.add(it, ms, intervals));
        }
        part.values = of_thing;
        Ok(())
    })?;
    Ok(joined(parts, |it| values.label(GroupValue::Number(it))))
}

/// Counts the legs that start in range by their direction.
pub(super) fn tally_legs(
    store: &Store,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StoreError> {
    let overview = Overview::new(store, &request.rules)?;
    let take = |part: &mut MessagesPart, is_outgoing, started_ms| {
        if request.contains(started_ms) {
            part.add(GroupValue::Number(u32::from(is_outgoing)), started_ms, intervals);
        }
    };
    let take_message = |part: &mut MessagesPart, message: &Message| {
        let legs = message.legs.iter();
        legs.for_each(|it| take(part, it.direction == Direction::Outgoing, it.started.as_ms()));
    };
    let take_entry = |part: &mut MessagesPart, message: &ListedMessage| {
        message.legs.iter().for_each(|it| take(part, it.is_outgoing, it.started_ms));
    };
    let parts = overview.visit(take_message, take_entry)?;
    let directions = [Direction::Incoming, Direction::Outgoing];
    let label = |it: u32| directions.get(it as usize).map(ToString::to_string);
    Ok(joined(parts, label))
}

/// Joins the parts, and gives each value one new number.
fn joined(parts: Vec<MessagesPart>, label: impl Fn(u32) -> Option<String>) -> TallyOf {
    let mut joined = TallyOf { tally: Tally::default(), values: vec![CountedValue::Absent] };
    let TallyOf { tally, values } = &mut joined;
    // A value can only come both by number and as text if originals were read: for most stores none
    // are.
    let are_texts = parts.iter().any(|it| !it.texts.is_empty());
    let mut texts: HashMap<String, u32> = HashMap::new();
    let mut number_of = |text: Option<String>| {
        let Some(text) = text else { return ABSENT };
        let next = u32::try_from(values.len()).unwrap_or(ABSENT);
        let number = if are_texts { *texts.entry(text.clone()).or_insert(next) } else { next };
        if number == next {
            values.push(CountedValue::Text(text));
        }
        number
    };
    // The new numbers, by the old ones.
    let mut numbers: Vec<Option<u32>> = vec![Some(ABSENT)];
    for part in parts {
        tally.join(part.numbered, |old| {
            let place = old as usize;
            if numbers.len() <= place {
                numbers.resize(place + 1, None);
            }
            let Some(slot) = numbers.get_mut(place) else { return ABSENT };
            // Labels are made once for each number, and only for numbers that occur.
            *slot.get_or_insert_with(|| number_of(label(old.saturating_sub(1))))
        });
        let mut read: Vec<(u32, Box<str>)> =
            part.texts.into_iter().map(|(text, number)| (number, text)).collect();
        // By number, so that values get their new numbers in the same order each time.
        read.sort_unstable();
        let read: Vec<u32> =
            read.into_iter().map(|(_, text)| number_of(Some(text.into()))).collect();
        tally.join(part.read, |it| read.get(it as usize).copied().unwrap_or(ABSENT));
    }
    joined
}
