//! Counts of events by the attributes in the index: only one original is read for each value shown.

use std::collections::HashMap;

use super::tally::{CountedValue, Tally, TallyOf};
use super::{CountKey, StatsRequest};
use crate::event::{EventName, RoleKind};
use crate::store::{Attribute, AttributeSet, AttributeTerm, Location, Store, StoreError};
use crate::time::Intervals;

/// Values with an example each: of several spellings, the earliest.
#[derive(Default)]
struct ExampleValues {
    numbers: HashMap<Option<String>, u32>,
    examples: Vec<Option<(i64, Location)>>,
}

/// Counts events by their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StoreError> {
    let Some(attribute) = key.attribute() else { return Ok(TallyOf::default()) };
    let is_wanted = |said: &AttributeTerm<'_>| is_counted(key, said, attribute);
    let take = |(tally, values): &mut (Tally, ExampleValues), set: &AttributeSet<'_>| {
        let value = set.said.value(attribute);
        let is_documented = key == CountKey::Event && value.as_deref().is_some_and(is_documented);
        let number = values.number_of(value);
        let inside = set.times().filter(|it| request.contains(*it));
        inside.for_each(|ms| tally.add(number, ms, intervals));
        // Documented names need no example, which takes another pass over the times of their
        // events.
        if !is_documented {
            values.take_example(number, set);
        }
    };
    let parts = store.fold_attribute_sets(is_wanted, take)?;
    let (mut tally, mut values) = (Tally::default(), ExampleValues::default());
    for (part, part_values) in parts {
        let numbers = values.join(part_values);
        tally.join(part, |it| numbers.get(it as usize).copied().unwrap_or(u32::MAX));
    }
    Ok(TallyOf { tally, values: values.into_values(key) })
}

/// True if events with these attributes count.
fn is_counted(key: CountKey, said: &AttributeTerm<'_>, attribute: Attribute) -> bool {
    match key {
        CountKey::Rule => said.values(attribute).next().is_some(),
        CountKey::Status => said.role.kind == RoleKind::Bounced,
        CountKey::Folder => said.role.kind == RoleKind::Delivered,
        CountKey::Spam | CountKey::Dkim | CountKey::Dmarc | CountKey::Spf => said.is_arrival(),
        _ => true,
    }
}

/// True if a lower-case event name is documented: nobody would spell these differently.
pub(super) fn is_documented(folded: &str) -> bool {
    EventName::DOCUMENTED.iter().any(|it| it.as_str().eq_ignore_ascii_case(folded))
}

impl ExampleValues {
    fn number_of(&mut self, value: Option<String>) -> u32 {
        let next = u32::try_from(self.examples.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(value).or_insert(next);
        if number == next {
            self.examples.push(None);
        }
        number
    }

    fn take_example(&mut self, number: u32, set: &AttributeSet<'_>) {
        let Some(slot) = self.examples.get_mut(number as usize) else { return };
        let first = set
            .times()
            // The location is looked up for the earliest event alone.
            .zip(0..)
            .min()
            .and_then(|(ms, place)| set.locations().nth(place).map(|location| (ms, location)));
        *slot = (*slot).into_iter().chain(first).min();
    }

    /// Adds the values of another part, and returns their numbers here, by their numbers there.
    fn join(&mut self, other: Self) -> Vec<u32> {
        let mut numbers = vec![u32::MAX; other.examples.len()];
        for (value, place) in other.numbers {
            let number = self.number_of(value);
            let example = other.examples.get(place as usize).copied().flatten();
            if let Some(slot) = self.examples.get_mut(number as usize) {
                *slot = (*slot).into_iter().chain(example).min();
            }
            if let Some(slot) = numbers.get_mut(place as usize) {
                *slot = number;
            }
        }
        numbers
    }

    fn into_values(self, key: CountKey) -> Vec<CountedValue> {
        let mut values = vec![CountedValue::Absent; self.examples.len()];
        for (folded, number) in self.numbers {
            let example = self.examples.get(number as usize).copied().flatten();
            let (Some(slot), Some(folded)) = (values.get_mut(number as usize), folded) else {
                continue;
            };
            if key == CountKey::Event && is_documented(&folded) {
                // The index has names in lower case; documented ones are upper case throughout.
                *slot = CountedValue::Text(folded.to_uppercase());
            } else if let Some((_, example)) = example {
                *slot = CountedValue::Folded(folded, example);
            }
        }
        values
    }
}
