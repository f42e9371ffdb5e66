//! Groups while they are counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::Hash;

use crate::limits;
use crate::store::Location;

/// A value of a key: by number if the columns hold it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum GroupValue {
    Absent,
    Number(u32),
    Pair(u32, u32),
    Text(Box<str>),
}

/// The values of all keys; those beyond the last key are absent.
pub(super) type GroupedValues = [GroupValue; limits::GROUP_KEYS_MAX];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GroupTally {
    pub(super) count: u64,
    /// The first message, by the time of its first event.
    pub(super) first: (i64, Location),
    pub(super) last_ms: i64,
}

impl GroupTally {
    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// The groups of one worker.
pub(crate) struct GroupPart {
    /// The groups by the numbers of values, if there is one key.
    numbered: Numbered,
    groups: HashMap<GroupedValues, GroupTally>,
    /// The most of `groups` that are kept, and whether there were more.
    groups_max: usize,
    is_full: bool,
    pub(super) total: u64,
    pub(super) message_count: u64,
    /// The values of the current message for each key, a buffer that is reused.
    pub(super) of_keys: Vec<Vec<GroupValue>>,
}

/// Groups by number: 4 bytes for each number up to the greatest, and 40 for each group.
#[derive(Default)]
struct Numbered {
    /// For each number, one more than the index of its group; 0 without a group.
    places: Vec<u32>,
    groups: Vec<(u32, GroupTally)>,
}

/// Numbers from here on are hashed, so that a great one does not take memory for all below it.
const NUMBERED_MAX: u32 = 1 << 22;

impl Numbered {
    fn add(&mut self, number: u32, tally: GroupTally) {
        let slot = number as usize;
        if self.places.len() <= slot {
            self.places.resize(slot + 1, 0);
        }
        let Some(place) = self.places.get_mut(slot) else { return };
        match (*place as usize).checked_sub(1).and_then(|it| self.groups.get_mut(it)) {
            Some((_, known)) => known.join(tally),
            None => {
                self.groups.push((number, tally));
                *place = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
            }
        }
    }
}

impl Default for GroupPart {
    fn default() -> Self {
        Self {
            numbered: Numbered::default(),
            groups: HashMap::new(),
            groups_max: limits::GROUPS_MAX,
            is_full: false,
            total: 0,
            message_count: 0,
            of_keys: Vec::new(),
        }
    }
}

impl GroupPart {
    /// Counts a message or a recipient in the groups of its values.
    pub(super) fn add(&mut self, tally: GroupTally) {
        self.total += 1;
        // Taken out for the borrow, and put back for its memory.
        let of_keys = std::mem::take(&mut self.of_keys);
        if let [of_key] = of_keys.as_slice() {
            for value in of_key {
                match value {
                    GroupValue::Number(number) if *number < NUMBERED_MAX => {
                        self.numbered.add(*number, tally);
                    }
                    _ => self.add_looked_up(only(value.clone()), tally),
                }
            }
        } else {
            combinations(&of_keys).into_iter().for_each(|it| self.add_looked_up(it, tally));
        }
        self.of_keys = of_keys;
    }

    fn add_looked_up(&mut self, values: GroupedValues, tally: GroupTally) {
        // Known groups still count when full, but the answer is given up in `into_groups`.
        if self.groups.len() < self.groups_max || self.groups.contains_key(&values) {
            add_to(&mut self.groups, values, tally);
        } else {
            self.is_full = true;
        }
    }

    /// Adds the groups of another worker.
    pub(super) fn join(&mut self, other: Self) {
        self.total += other.total;
        self.message_count += other.message_count;
        self.is_full |= other.is_full;
        other.numbered.groups.into_iter().for_each(|(number, it)| self.numbered.add(number, it));
        other.groups.into_iter().for_each(|(values, it)| self.add_looked_up(values, it));
    }

    /// Returns the groups, numbered ones first; `None` if there were more than are kept.
    pub(super) fn into_groups(self) -> Option<Vec<(GroupedValues, GroupTally)>> {
        let mut numbered = self.numbered.groups;
        // Groups come by first appearance, which depends on how the work was shared.
        numbered.sort_unstable_by_key(|(number, _)| *number);
        let numbered = numbered.into_iter();
        let numbered = numbered.map(|(number, it)| (only(GroupValue::Number(number)), it));
        (!self.is_full).then(|| numbered.chain(self.groups).collect())
    }
}

pub(super) fn add_to<K: Eq + Hash>(groups: &mut HashMap<K, GroupTally>, key: K, tally: GroupTally) {
    match groups.entry(key) {
        Entry::Occupied(mut known) => known.get_mut().join(tally),
        Entry::Vacant(slot) => _ = slot.insert(tally),
    }
}

/// Returns the values of a single key.
fn only(value: GroupValue) -> GroupedValues {
    let mut values = [const { GroupValue::Absent }; limits::GROUP_KEYS_MAX];
    if let Some(first) = values.first_mut() {
        *first = value;
    }
    values
}

/// Returns every choice of one value for each key.
fn combinations(of_keys: &[Vec<GroupValue>]) -> Vec<GroupedValues> {
    let mut all = vec![[const { GroupValue::Absent }; limits::GROUP_KEYS_MAX]];
    for (place, values) in of_keys.iter().enumerate() {
        all = all
            .into_iter()
            .flat_map(|chosen| {
                values.iter().map(move |value| {
                    let mut chosen = chosen.clone();
                    if let Some(slot) = chosen.get_mut(place) {
                        *slot = value.clone();
                    }
                    chosen
                })
            })
            .collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(numbers: impl IntoIterator<Item = u32>) -> GroupPart {
        let mut part = GroupPart::default();
        for number in numbers {
            part.of_keys = vec![vec![GroupValue::Number(number)]];
            let ms = i64::from(number);
            part.add(GroupTally { count: 1, first: (ms, Location::default()), last_ms: ms });
        }
        part
    }

    fn counts(part: GroupPart) -> Option<Vec<u64>> {
        Some(part.into_groups()?.into_iter().map(|(_, it)| it.count).collect())
    }

    #[test]
    fn workers_count_together_whatever_they_met_first() {
        let mut whole = part([7, 3, 3]);
        whole.join(part([NUMBERED_MAX, 3, 0]));
        assert_eq!(whole.total, 6);
        assert_eq!(counts(whole), Some(vec![1, 3, 1, 1]));
    }

    #[test]
    fn more_groups_than_are_kept_are_no_groups() {
        let mut most = part([]);
        most.groups_max = 2;
        most.join(part([NUMBERED_MAX, 1, NUMBERED_MAX + 1, NUMBERED_MAX]));
        assert!(!most.is_full);
        most.join(part([NUMBERED_MAX + 2]));
        assert_eq!(counts(most), None);
    }
}
