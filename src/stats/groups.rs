//! Groups of messages and of their recipients.

use std::collections::HashMap;

use rayon::prelude::*;

use super::group_part::{GroupPart, GroupTally, GroupValue, GroupedValues, add_to};
use super::group_values::GroupValues;
use super::{CountKey, StatsError, Unit};
use crate::limits;
use crate::store::{EventReader, Store, StoreError};
use crate::time::{Timestamp, Zone};
use crate::trace::{
    EventTracer, JoinRules, Message, MessageFilter, Overview, SelectedMessage, Selection,
};

/// A request for groups.
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// The filter on messages and their recipients.
    pub filter: MessageFilter,
    /// The inputs of outcomes.
    pub rules: JoinRules,
    /// One key or two.
    pub keys: Vec<CountKey>,
    /// The zone of hours and days.
    pub zone: Zone,
    /// The most groups to return.
    pub limit: usize,
}

/// Groups of messages, or of recipients if a key is about them.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The keys.
    pub keys: Vec<CountKey>,
    /// The unit that is counted.
    pub unit: Unit,
    /// The number of units. A message with several rules is in several groups.
    pub total: u64,
    /// The number of messages.
    pub message_count: u64,
    /// The number of groups.
    pub group_count: usize,
    /// The largest groups; those of one size in the order of their values.
    pub rows: Vec<GroupRow>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The value for each key; `None` without a value.
    pub values: Vec<Option<String>>,
    /// The number of units in it.
    pub count: u64,
    /// The time when the first of its messages was first seen.
    pub first_seen: Timestamp,
    /// The time when the last of its messages was first seen.
    pub last_seen: Timestamp,
    /// An ID of the first of its messages.
    pub example: Option<String>,
}

/// Groups messages. It takes some 200 bytes for each group, and fails beyond [`limits::GROUPS_MAX`]
/// groups of values that are not numbered.
pub fn group(store: &Store, request: &GroupRequest) -> Result<Groups, StatsError> {
    let overview = Overview::new(store, &request.rules)?;
    group_of(store, &overview, request)
}

/// Like [`group`], on an open overview.
fn group_of(
    store: &Store,
    overview: &Overview<'_>,
    request: &GroupRequest,
) -> Result<Groups, StatsError> {
    let selection = Selection::new(overview, &request.filter)?;
    let grouping = Grouping::find(store, overview, &selection, request)?;
    let selection = grouping.selection(selection);
    let parts = selection
        .visit(|part: &mut GroupPart, reader, found| grouping.take(part, reader, &found))?;
    Ok(grouping.joined(parts)?.groups(store, request)?)
}

/// Like [`group_of`], for several requests that differ only in their keys: each message is read
/// once.
pub(super) fn groups_of(
    store: &Store,
    overview: &Overview<'_>,
    requests: &[GroupRequest],
) -> Result<Vec<Groups>, StatsError> {
    let Some(first) = requests.first() else { return Ok(Vec::new()) };
    let selection = Selection::new(overview, &first.filter)?;
    let groupings = requests
        .iter()
        .map(|it| Grouping::find(store, overview, &selection, it))
        .collect::<Result<Vec<_>, _>>()?;
    // One reading serves all: if any needs recipients, all get them.
    let asking = groupings.iter().find(|it| it.asks_of_recipients()).or(groupings.first());
    let selection = asking.into_iter().fold(selection, |it, asking| asking.selection(it));
    let parts = selection.visit(|parts: &mut Vec<GroupPart>, reader, found| {
        parts.resize_with(groupings.len(), GroupPart::default);
        { groupings.iter().zip(parts) }.try_for_each(|(it, part)| it.take(part, reader, &found))
    })?;
    let mut of_groupings: Vec<Vec<GroupPart>> = Vec::new();
    of_groupings.resize_with(groupings.len(), Vec::new);
    for parts in parts {
        { of_groupings.iter_mut().zip(parts) }.for_each(|(of, part)| of.push(part));
    }
    let groups = groupings.iter().zip(requests).zip(of_groupings);
    let groups =
        groups.map(|((it, request), parts)| Ok(it.joined(parts)?.groups(store, request)?));
    groups.collect()
}

/// The value for each key, as it is shown.
pub(crate) type Labels = Vec<Option<String>>;

/// The keys that messages or recipients are grouped by.
pub(crate) struct Grouping<'o> {
    unit: Unit,
    values: Vec<GroupValues<'o>>,
}

impl<'o> Grouping<'o> {
    /// Prepares the sources of the keys' values.
    pub(crate) fn find(
        store: &Store,
        overview: &'o Overview<'_>,
        selection: &Selection<'_, '_>,
        request: &GroupRequest,
    ) -> Result<Self, StatsError> {
        let keys = request.keys.iter().take(limits::GROUP_KEYS_MAX);
        let values = |key: &CountKey| {
            GroupValues::find(*key, store, overview, selection, &request.rules, &request.zone)
        };
        let values = keys.map(values).collect::<Result<_, _>>()?;
        Ok(Self { unit: request.unit(), values })
    }

    fn asks_of_recipients(&self) -> bool {
        self.unit == Unit::Recipients || self.values.iter().any(GroupValues::is_of_recipients)
    }

    /// Leaves out recipients if no key needs them.
    fn selection<'f, 's>(&self, selection: Selection<'f, 's>) -> Selection<'f, 's> {
        match self.asks_of_recipients() {
            true => selection,
            false => selection.without_recipients(),
        }
    }

    /// Counts a message, or its selected recipients.
    pub(crate) fn take(
        &self,
        part: &mut GroupPart,
        reader: &mut EventReader<'_>,
        found: &SelectedMessage<'_>,
    ) -> Result<(), StoreError> {
        let ms = found.first_seen_ms();
        let tally = GroupTally { count: 1, first: (ms, found.event()), last_ms: ms };
        part.message_count += 1;
        for place in 0..self.unit.count_of(found) {
            // The lists are cleared, not made anew, for their memory.
            part.of_keys.resize_with(self.values.len(), Vec::new);
            for (of_key, values) in part.of_keys.iter_mut().zip(&self.values) {
                of_key.clear();
                values.add(found, place, reader, of_key)?;
            }
            part.add(tally);
        }
        Ok(())
    }

    /// Joins the groups of the workers.
    pub(crate) fn joined(
        &self,
        parts: impl IntoIterator<Item = GroupPart>,
    ) -> Result<Tallies<'_, 'o>, StatsError> {
        let mut parts = parts.into_iter();
        // An empty store has no parts, and so no groups.
        let mut whole = parts.next().unwrap_or_default();
        parts.for_each(|it| whole.join(it));
        let (total, message_count) = (whole.total, whole.message_count);
        let groups = whole.into_groups().ok_or(StatsError::TooManyGroups)?;
        Ok(Tallies { grouping: self, groups, total, message_count })
    }
}

pub(crate) struct Tallies<'g, 'o> {
    grouping: &'g Grouping<'o>,
    groups: Vec<(GroupedValues, GroupTally)>,
    total: u64,
    message_count: u64,
}

impl Tallies<'_, '_> {
    /// Returns the largest groups, with an example each.
    pub(crate) fn groups(
        self,
        store: &Store,
        request: &GroupRequest,
    ) -> Result<Groups, StoreError> {
        let (total, message_count) = (self.total, self.message_count);
        let (group_count, mut rows) = self.labelled(request.limit);
        rows.sort_unstable_by(|(a_values, a), (b_values, b)| {
            b.count.cmp(&a.count).then_with(|| a_values.cmp(b_values))
        });
        rows.truncate(request.limit);
        if let Some(key) = request.keys.first().filter(|it| it.is_in_order()) {
            // After the cut: the largest are chosen, then shown in the order of the calendar.
            rows.sort_by(|(a, _), (b, _)| {
                let [a, b] = [a, b].map(|it| it.first().and_then(Option::as_deref).unwrap_or(""));
                key.place_in_order(a).cmp(&key.place_in_order(b))
            });
        }
        // Only the rows that are shown get an example: each takes a trace.
        let tracer = || EventTracer::new(store, &request.rules);
        let rows = rows
            .into_par_iter()
            .map_init(tracer, |tracer, (labels, tally)| row(tracer, labels, tally, request));
        Ok(Groups {
            keys: request.keys.clone(),
            unit: request.unit(),
            total,
            message_count,
            group_count,
            rows: rows.collect::<Result<_, StoreError>>()?,
        })
    }

    /// Returns the sizes of all groups, by their values.
    pub(crate) fn counts(self) -> Vec<(Labels, u64)> {
        let (_, groups) = self.labelled(usize::MAX);
        groups.into_iter().map(|(labels, tally)| (labels, tally.count)).collect()
    }

    /// Returns the number of groups, and those that may be among the `limit` largest, with their
    /// values as they are shown.
    fn labelled(mut self, limit: usize) -> (usize, Vec<(Labels, GroupTally)>) {
        let values = &self.grouping.values;
        let label = |of_group: GroupedValues| -> Labels {
            values.iter().zip(of_group).map(|(of, it)| of.label(it)).collect()
        };
        let is_text = |it: &GroupValue| matches!(it, GroupValue::Text(_));
        if self.groups.iter().any(|(values, _)| values.iter().any(is_text)) {
            // The same value may come by number from the table and as text from originals.
            let mut groups: HashMap<Labels, GroupTally> = HashMap::new();
            for (values, tally) in self.groups {
                add_to(&mut groups, label(values), tally);
            }
            return (groups.len(), groups.into_iter().collect());
        }
        let group_count = self.groups.len();
        if let Some(last) = limit.checked_sub(1).filter(|it| *it < group_count) {
            let by_size = |a: &(GroupedValues, GroupTally), b: &(GroupedValues, GroupTally)| {
                b.1.count.cmp(&a.1.count)
            };
            // All groups of the least size stay: which of them are shown is decided by labels that
            // are not made yet.
            let least = self.groups.select_nth_unstable_by(last, by_size).1.1.count;
            self.groups.retain(|(_, it)| it.count >= least);
        }
        let groups = self.groups.into_iter().map(|(values, tally)| (label(values), tally));
        (group_count, groups.collect())
    }
}

impl GroupRequest {
    /// Returns the unit that is counted.
    fn unit(&self) -> Unit {
        match self.keys.iter().any(|it| it.grouped_unit() == Unit::Recipients) {
            true => Unit::Recipients,
            false => Unit::Messages,
        }
    }
}

/// Completes a group with an example, which also gives the spelling of values that compare in lower
/// case.
fn row(
    tracer: &mut EventTracer<'_>,
    mut values: Labels,
    tally: GroupTally,
    request: &GroupRequest,
) -> Result<GroupRow, StoreError> {
    let (first_ms, example) = tally.first;
    let example = tracer.message_of(example)?;
    if let Some(example) = &example {
        for (key, value) in request.keys.iter().zip(&mut values) {
            if let Some(written) =
                value.as_deref().and_then(|it| GroupValues::written(*key, it, example))
            {
                *value = Some(written);
            }
        }
    }
    Ok(GroupRow {
        values,
        count: tally.count,
        first_seen: Timestamp::from_ms(first_ms).unwrap_or(Timestamp::MIN),
        last_seen: Timestamp::from_ms(tally.last_ms).unwrap_or(Timestamp::MIN),
        example: example.as_ref().and_then(Message::any_id),
    })
}
