//! Messages and their recipients in groups.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::group_values::GroupValues;
use super::{CountKey, StatsError, Unit};
use crate::limits;
use crate::store::{Location, Store, StoreError};
use crate::time::{Timestamp, Zone};
use crate::trace::{EventTracer, JoinRules, Message, MessageFilter, Overview, Selection};

/// What is to be grouped, and by what.
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// Which messages, and which of their recipients.
    pub filter: MessageFilter,
    /// What outcomes depend on.
    pub rules: JoinRules,
    /// One key or two.
    pub keys: Vec<CountKey>,
    /// The zone of hours and days.
    pub zone: Zone,
    /// How many groups to give at most.
    pub limit: usize,
}

/// Groups of messages, or of recipients where a key is about these.
#[derive(Clone, Debug)]
pub struct Groups {
    /// The keys.
    pub keys: Vec<CountKey>,
    /// What is counted.
    pub unit: Unit,
    /// How many there are of these. A message with several rules is in several groups.
    pub total: u64,
    /// How many messages there are.
    pub message_count: u64,
    /// How many groups there are.
    pub group_count: usize,
    /// The largest groups; of the same size in order of their values.
    pub rows: Vec<GroupRow>,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The value for each key; none for those that have none.
    pub values: Vec<Option<String>>,
    /// How many there are.
    pub count: u64,
    /// When the first of their messages was first seen.
    pub first_seen: Timestamp,
    /// When the last of their messages was first seen.
    pub last_seen: Timestamp,
    /// An ID of the first of their messages.
    pub example: Option<String>,
}

/// A value of a key: by number where the columns tell it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum GroupValue {
    Absent,
    Number(u32),
    Pair(u32, u32),
    Text(Box<str>),
}

/// The values of all keys; those beyond the last key are absent.
type Values = [GroupValue; limits::GROUP_KEYS_MAX];

/// What is known of a group.
#[derive(Clone, Copy)]
struct Tally {
    count: u64,
    /// The first message, by the time of its first event.
    first: (i64, Location),
    last_ms: i64,
}

/// What one worker found.
#[derive(Default)]
struct Part {
    /// By the numbers of values, where there is one key.
    numbered: Vec<Option<Tally>>,
    groups: HashMap<Values, Tally>,
    total: u64,
    message_count: u64,
    /// The values of the message at hand for each key, kept for its memory.
    of_keys: Vec<Vec<GroupValue>>,
}

/// Numbers of values from here on are looked up, lest one of them takes memory for all before it.
const NUMBERED_MAX: u32 = 1 << 22;

impl Part {
    /// Counts a message or a recipient in the groups of its values.
    fn add(&mut self, tally: Tally) {
        self.total += 1;
        if let [of_key] = self.of_keys.as_slice() {
            for value in of_key {
                match value {
                    GroupValue::Number(number) if *number < NUMBERED_MAX => {
                        add_numbered(&mut self.numbered, *number, tally);
                    }
                    _ => add(&mut self.groups, only(value.clone()), tally),
                }
            }
            return;
        }
        for values in combinations(&self.of_keys) {
            add(&mut self.groups, values, tally);
        }
    }
}

impl Tally {
    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.first = self.first.min(other.first);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

fn add_numbered(groups: &mut Vec<Option<Tally>>, number: u32, tally: Tally) {
    let place = number as usize;
    if groups.len() <= place {
        groups.resize(place + 1, None);
    }
    match groups.get_mut(place) {
        Some(Some(known)) => known.join(tally),
        Some(slot) => *slot = Some(tally),
        None => {}
    }
}

fn add<K: Eq + std::hash::Hash>(groups: &mut HashMap<K, Tally>, key: K, tally: Tally) {
    match groups.entry(key) {
        Entry::Occupied(mut known) => known.get_mut().join(tally),
        Entry::Vacant(slot) => _ = slot.insert(tally),
    }
}

/// Groups messages. It takes some 200 bytes for each group, besides what the columns take.
///
/// # Errors
///
/// [`StatsError`].
pub fn group(store: &Store, request: &GroupRequest) -> Result<Groups, StatsError> {
    let is_by_sender = request.keys.iter().any(|it| it.is_of_senders());
    let overview = Overview::new(store, &request.rules, is_by_sender);
    group_of(store, &overview, request)
}

/// As [`group`], of an overview that has senders where a key needs them.
pub(crate) fn group_of(
    store: &Store,
    overview: &Overview<'_>,
    request: &GroupRequest,
) -> Result<Groups, StatsError> {
    let groups = tally(store, overview, request)?;
    let (total, message_count) = (groups.total, groups.message_count);
    let (group_count, mut rows) = groups.labelled(request.limit, overview);
    rows.sort_unstable_by(|(a_values, a), (b_values, b)| {
        b.count.cmp(&a.count).then_with(|| a_values.cmp(b_values))
    });
    rows.truncate(request.limit);
    if let Some(key) = request.keys.first().filter(|it| it.is_in_order()) {
        let label = |it: &(Labels, Tally)| it.0.first().cloned().flatten().unwrap_or_default();
        rows.sort_by(|a, b| key.place_in_order(&label(a)).cmp(&key.place_in_order(&label(b))));
    }
    let mut tracer = EventTracer::new(store, &request.rules);
    let rows = rows.into_iter().map(|(labels, tally)| row(&mut tracer, labels, tally, request));
    Ok(Groups {
        keys: request.keys.clone(),
        unit: request.unit(),
        total,
        message_count,
        group_count,
        rows: rows.collect::<Result<_, StoreError>>()?,
    })
}

/// The sizes of all groups, by their values.
pub(crate) fn counts_of(
    store: &Store,
    overview: &Overview<'_>,
    request: &GroupRequest,
) -> Result<Vec<(Labels, u64)>, StatsError> {
    let (_, groups) = tally(store, overview, request)?.labelled(usize::MAX, overview);
    Ok(groups.into_iter().map(|(labels, tally)| (labels, tally.count)).collect())
}

/// The value for each key, as it reads.
pub(crate) type Labels = Vec<Option<String>>;

/// All groups.
struct Tallies<'o> {
    values: Vec<GroupValues<'o>>,
    groups: Vec<(Values, Tally)>,
    total: u64,
    message_count: u64,
}

impl Tallies<'_> {
    /// How many groups there are, and those of them that may be among the `limit` largest, with the
    /// values as they read.
    fn labelled(mut self, limit: usize, overview: &Overview<'_>) -> (usize, Vec<(Labels, Tally)>) {
        let label = |values: Values| -> Labels {
            self.values.iter().zip(values).map(|(of, it)| of.label(it, overview)).collect()
        };
        let is_text = |it: &GroupValue| matches!(it, GroupValue::Text(_));
        if self.groups.iter().any(|(values, _)| values.iter().any(is_text)) {
            // A value may have come by number and as text.
            let mut groups: HashMap<Labels, Tally> = HashMap::new();
            for (values, tally) in self.groups {
                add(&mut groups, label(values), tally);
            }
            return (groups.len(), groups.into_iter().collect());
        }
        let group_count = self.groups.len();
        if let Some(last) = limit.checked_sub(1).filter(|it| *it < group_count) {
            let by_size = |a: &(Values, Tally), b: &(Values, Tally)| b.1.count.cmp(&a.1.count);
            let least = self.groups.select_nth_unstable_by(last, by_size).1.1.count;
            self.groups.retain(|(_, it)| it.count >= least);
        }
        let groups = self.groups.into_iter().map(|(values, tally)| (label(values), tally));
        (group_count, groups.collect())
    }
}

fn tally<'o>(
    store: &Store,
    overview: &Overview<'o>,
    request: &GroupRequest,
) -> Result<Tallies<'o>, StatsError> {
    let unit = request.unit();
    let keys = request.keys.iter().take(limits::GROUP_KEYS_MAX);
    let selection = Selection::new(overview, &request.filter)?;
    let values = keys
        .map(|it| {
            GroupValues::find(*it, store, overview, &selection, &request.rules, &request.zone)
        })
        .collect::<Result<Vec<_>, _>>()?;
    let selection =
        if unit == Unit::Recipients { selection.with_deciding_events() } else { selection };
    let parts = selection.visit(|part: &mut Part, reader, found| {
        let ms = found.first_seen_ms();
        let tally = Tally { count: 1, first: (ms, found.event()), last_ms: ms };
        part.message_count += 1;
        let count = unit.count_of(&found);
        for place in 0..count {
            part.of_keys.resize_with(values.len(), Vec::new);
            for (of_key, values) in part.of_keys.iter_mut().zip(&values) {
                of_key.clear();
                values.add(&found, place, overview, reader, of_key)?;
            }
            part.add(tally);
        }
        Ok(())
    })?;
    let (mut total, mut message_count) = (0, 0);
    let mut numbered: Vec<Option<Tally>> = Vec::new();
    let mut groups: HashMap<Values, Tally> = HashMap::new();
    for part in parts {
        total += part.total;
        message_count += part.message_count;
        for (number, tally) in (0..).zip(part.numbered) {
            tally.into_iter().for_each(|it| add_numbered(&mut numbered, number, it));
        }
        part.groups.into_iter().for_each(|(key, tally)| add(&mut groups, key, tally));
    }
    let numbered = (0..).zip(numbered);
    let numbered =
        numbered.filter_map(|(number, tally)| Some((only(GroupValue::Number(number)), tally?)));
    let groups = numbered.chain(groups).collect();
    Ok(Tallies { values, groups, total, message_count })
}

impl GroupRequest {
    /// What is counted.
    fn unit(&self) -> Unit {
        match self.keys.iter().any(|it| it.grouped_unit() == Unit::Recipients) {
            true => Unit::Recipients,
            false => Unit::Messages,
        }
    }
}

/// The values of a single key.
fn only(value: GroupValue) -> Values {
    let mut values = [const { GroupValue::Absent }; limits::GROUP_KEYS_MAX];
    if let Some(first) = values.first_mut() {
        *first = value;
    }
    values
}

/// Every choice of one value for each key.
fn combinations(of_keys: &[Vec<GroupValue>]) -> Vec<Values> {
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

/// A group with an example, which also shows how values are written that compare in lower case.
fn row(
    tracer: &mut EventTracer<'_>,
    mut values: Labels,
    tally: Tally,
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
