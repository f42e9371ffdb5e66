//! Messages, their legs and their recipients, by what groups of them are made of.

use std::collections::HashMap;

use super::group_values::GroupValues;
use super::groups::GroupValue;
use super::tally::{Tally, Value};
use super::{CountKey, StatsError, StatsRequest};
use crate::store::{Store, StoreError};
use crate::trace::{Direction, ListedMessage, MessageFacts, MessageFilter, Overview, Selection};

/// What one worker found: numbers of values, or the values, each with its time.
#[derive(Default)]
struct Part {
    numbered: Vec<(u32, i64)>,
    /// Values of messages whose originals were read.
    texts: Vec<(Box<str>, i64)>,
    /// The values of the thing at hand, kept for its memory.
    values: Vec<GroupValue>,
}

/// The number of no value.
const ABSENT: u32 = u32::MAX;

/// Takes the messages or recipients that count, with their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
) -> Result<Tally, StatsError> {
    let overview = Overview::new(store, &request.rules, key.is_of_senders());
    let (first_seen, rows) = (request.range, request.rows.clone());
    let filter = MessageFilter { first_seen, rows, ..MessageFilter::default() };
    let selection = Selection::new(&overview, &filter)?;
    let values = GroupValues::find(key, store, &overview, &selection, &request.zone)?;
    let unit = key.counted_unit();
    let parts = selection.visit(|part: &mut Part, reader, found| {
        let ms = found.first_seen_ms();
        for place in 0..unit.count_of(&found) {
            values.add(&found, place, &overview, reader, &mut part.values)?;
            for value in part.values.drain(..) {
                match value {
                    GroupValue::Number(number) => part.numbered.push((number, ms)),
                    GroupValue::Text(text) => part.texts.push((text, ms)),
                    GroupValue::Absent | GroupValue::Pair(..) => part.numbered.push((ABSENT, ms)),
                }
            }
        }
        Ok(())
    })?;
    Ok(joined(parts, |it| values.label(GroupValue::Number(it), &overview)))
}

/// Takes the legs that start in range, by which way they go.
pub(super) fn tally_legs(store: &Store, request: &StatsRequest) -> Result<Tally, StoreError> {
    let overview = Overview::new(store, &request.rules, false);
    let take = |part: &mut Part, is_outgoing, started_ms| {
        if request.contains(started_ms) {
            part.numbered.push((u32::from(is_outgoing), started_ms));
        }
    };
    let take_facts = |part: &mut Part, facts: MessageFacts| {
        let legs = facts.legs.iter();
        legs.for_each(|it| take(part, it.direction == Direction::Outgoing, it.started_ms));
    };
    let take_entry = |part: &mut Part, message: &ListedMessage| {
        message.legs.iter().for_each(|it| take(part, it.is_outgoing, it.started_ms));
    };
    let parts = overview.visit_entries(take_facts, take_entry)?;
    let directions = [Direction::Incoming, Direction::Outgoing];
    let label = |it: u32| directions.get(it as usize).map(ToString::to_string);
    Ok(joined(parts, label))
}

/// Puts the parts together: numbers anew what has a value, once each.
fn joined(parts: Vec<Part>, label: impl Fn(u32) -> Option<String>) -> Tally {
    let mut tally = Tally { things: Vec::new(), values: vec![Value::Absent] };
    // The new numbers by the old ones.
    let mut numbers: Vec<u32> = Vec::new();
    // Of most stores no original was read, and nothing comes by number and as text.
    let are_texts = parts.iter().any(|it| !it.texts.is_empty());
    let mut texts: HashMap<String, u32> = HashMap::new();
    let mut number_of = |text: Option<String>, values: &mut Vec<Value>| {
        let Some(text) = text else { return 0 };
        let next = u32::try_from(values.len()).unwrap_or(0);
        let number = if are_texts { *texts.entry(text.clone()).or_insert(next) } else { next };
        if number == next {
            values.push(Value::Text(text));
        }
        number
    };
    for part in parts {
        for (number, ms) in part.numbered {
            let place = number as usize;
            if number != ABSENT && numbers.len() <= place {
                numbers.resize(place + 1, ABSENT);
            }
            let number = match numbers.get_mut(place) {
                Some(known) if *known == ABSENT => {
                    *known = number_of(label(number), &mut tally.values);
                    *known
                }
                Some(known) => *known,
                None => 0,
            };
            tally.things.push((number, ms));
        }
        for (text, ms) in part.texts {
            tally.things.push((number_of(Some(text.into()), &mut tally.values), ms));
        }
    }
    tally
}
