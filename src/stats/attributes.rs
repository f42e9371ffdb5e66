//! Events by what the index knows of each: no original is read but one of each value that is shown.

use std::collections::HashMap;

use super::tally::{Tally, Value};
use super::{CountKey, StatsRequest};
use crate::event::{EventName, RoleKind};
use crate::store::{AttributeSet, Location, Store, StoreError};

/// Values with an example each: of several spellings, the one that was logged first.
#[derive(Default)]
struct Values {
    numbers: HashMap<Option<String>, u32>,
    examples: Vec<Option<(i64, Location)>>,
}

/// Takes the events that count, with their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
) -> Result<Tally, StoreError> {
    let Some(attribute) = key.attribute() else { return Ok(Tally::default()) };
    let mut values = Values::default();
    let mut things = Vec::new();
    store.for_each_attribute_set(|set| {
        let value = set.value(attribute);
        if !is_counted(key, set, value.is_some()) {
            return;
        }
        let is_documented = key == CountKey::Event && value.as_deref().is_some_and(is_documented);
        let number = values.number_of(value);
        let inside = set.times().filter(|it| request.contains(*it));
        things.extend(inside.map(|ms| (number, ms)));
        if !is_documented {
            values.take_example(number, set);
        }
    })?;
    Ok(Tally { things, values: values.into_values(key) })
}

/// Whether such events count.
fn is_counted(key: CountKey, set: &AttributeSet<'_>, has_value: bool) -> bool {
    match key {
        CountKey::Rule => has_value,
        CountKey::Status => set.role.kind == RoleKind::Bounced,
        CountKey::Folder => set.role.kind == RoleKind::Delivered,
        CountKey::Spam | CountKey::Dkim | CountKey::Dmarc | CountKey::Spf => set.is_arrival(),
        _ => true,
    }
}

/// Whether a name of an event, in lower case, is one that is documented: nobody would write these
/// otherwise.
pub(super) fn is_documented(folded: &str) -> bool {
    EventName::DOCUMENTED.iter().any(|it| it.as_str().eq_ignore_ascii_case(folded))
}

impl Values {
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
            .zip(0..)
            .min()
            .and_then(|(ms, place)| set.locations().nth(place).map(|location| (ms, location)));
        *slot = (*slot).into_iter().chain(first).min();
    }

    fn into_values(self, key: CountKey) -> Vec<Value> {
        let mut values = vec![Value::Absent; self.examples.len()];
        for (folded, number) in self.numbers {
            let example = self.examples.get(number as usize).copied().flatten();
            let (Some(slot), Some(folded)) = (values.get_mut(number as usize), folded) else {
                continue;
            };
            if key == CountKey::Event && is_documented(&folded) {
                *slot = Value::Text(folded.to_uppercase());
            } else if let Some((_, example)) = example {
                *slot = Value::Folded(folded, example);
            }
        }
        values
    }
}
