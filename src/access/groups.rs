//! Counts audit events in groups.

use hashbrown::HashMap;
use strum::VariantArray as _;

use super::conditions::Persons;
use super::hits::AccessHits;
use super::people::People;
use crate::limits;
use crate::stats::Facet;
use crate::store::words::folded;
use crate::store::{AuditColumn, AuditSegment, ColumnValues, IndexError, StoreError};
use crate::time::{Timestamp, Zone};

/// The key by which audit events are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum AccessKey {
    /// The user.
    User,
    /// The owner of the mailbox.
    Owner,
    /// The source.
    Ip,
    /// The program that was used.
    Agent,
    /// The action.
    Action,
    Protocol,
    /// The type of the event.
    Type,
    Hour,
    Day,
}

impl AccessKey {
    pub const ALL: [Self; 9] = *Self::VARIANTS.as_array().expect("each of them, once");

    /// The facets beside a list, unless others are requested.
    pub const USUAL_FACETS: [Self; 5] =
        [Self::Type, Self::Action, Self::User, Self::Ip, Self::Protocol];

    /// The name on the command line and in answers.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// Events with the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroup {
    /// A value for each key; `None` for events without one.
    pub values: Vec<Option<String>>,
    /// The number of events.
    pub count: u64,
    /// The time of the first event.
    pub first: Timestamp,
    /// The time of the last event.
    pub last: Timestamp,
}

/// Groups, the largest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroups {
    /// The keys of the groups.
    pub keys: Vec<AccessKey>,
    /// The largest groups.
    pub rows: Vec<AccessGroup>,
    pub group_count: usize,
    /// The number of events in all groups.
    pub total: u64,
}

/// The number of events in a group, and the times of the first and the last.
type Count = (u64, i64, i64);

/// The values of a group by number, one for each key.
type GroupNumbers = [u32; limits::GROUP_KEYS_MAX];

impl AccessHits<'_> {
    /// Counts the events by at most [`limits::GROUP_KEYS_MAX`] keys, and returns the `limit`
    /// largest groups.
    pub fn groups(
        &self,
        keys: &[AccessKey],
        zone: &Zone,
        limit: usize,
    ) -> Result<AccessGroups, StoreError> {
        let keys = keys.get(..limits::GROUP_KEYS_MAX).unwrap_or(keys);
        // Groups are keyed by fixed-size numbers: texts would have to be allocated for each event.
        let mut counts: HashMap<GroupNumbers, Count> = HashMap::new();
        let mut texts = NumberedValues::default();
        let nobody = People::default();
        // The names of people are read from every sign-in, so only if a key needs them.
        let has_people = keys.iter().any(|it| matches!(it, AccessKey::User | AccessKey::Owner));
        let people = if has_people { self.people()? } else { &nobody };
        if let Some(index) = self.index {
            for (segment, set) in index.segments().iter().zip(&self.sets) {
                let values: Result<Vec<KeyValues>, IndexError> =
                    keys.iter().map(|it| KeyValues::of(*it, segment)).collect();
                let mut values = values.map_err(index.failed())?;
                for document in set.iter() {
                    let ms = segment.time_ms(document);
                    let mut group = GroupNumbers::default();
                    for (number, values) in group.iter_mut().zip(&mut values) {
                        *number = values.number(document, ms, people, zone, &mut texts);
                    }
                    let (count, first, last) = counts.entry(group).or_insert((0, ms, ms));
                    *count += 1;
                    *first = ms.min(*first);
                    *last = ms.max(*last);
                }
            }
        }
        let group_count = counts.len();
        let mut rows: Vec<(GroupNumbers, Count)> = counts.into_iter().collect();
        let text = |it: &u32| texts.get(*it);
        // Ties are broken by text, because the map's order changes from run to run.
        rows.sort_unstable_by(|a, b| {
            b.1.0.cmp(&a.1.0).then_with(|| a.0.iter().map(text).cmp(b.0.iter().map(text)))
        });
        rows.truncate(limit);
        let at = |ms| Timestamp::from_ms(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let rows = rows.into_iter().map(|(values, (count, first, last))| AccessGroup {
            values: values.iter().take(keys.len()).map(|it| text(it).map(str::to_owned)).collect(),
            count,
            first: at(first),
            last: at(last),
        });
        Ok(AccessGroups {
            keys: keys.to_vec(),
            rows: rows.collect(),
            group_count,
            total: self.total(),
        })
    }

    /// The most frequent values of each key.
    pub fn facets(&self, keys: &[AccessKey], zone: &Zone) -> Result<Vec<Facet>, StoreError> {
        let facet = |key: &AccessKey| {
            let groups = self.groups(&[*key], zone, limits::FACET_ROWS)?;
            let values = groups.rows.into_iter();
            Ok(Facet {
                field: key.as_str().to_owned(),
                values: values
                    .map(|it| (it.values.into_iter().next().flatten(), it.count))
                    .collect(),
                value_count: groups.group_count,
                total: groups.total,
            })
        };
        keys.iter().map(facet).collect()
    }
}

/// Numbers for values, the same over all segments.
#[derive(Default)]
struct NumberedValues {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl NumberedValues {
    /// The number for events without a value.
    const NONE: u32 = 0;

    fn number_of(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        self.texts.push(text.to_owned());
        // Numbers begin at 1, because 0 means no value.
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(text.to_owned(), number);
        number
    }

    fn get(&self, number: u32) -> Option<&str> {
        let place = usize::try_from(number).ok()?.checked_sub(1)?;
        self.texts.get(place).map(String::as_str)
    }
}

/// The values of one key in one segment. Most events repeat a value, so its text is made only once.
enum KeyValues {
    /// By person: the ID, otherwise the name that was typed.
    Person {
        persons: Persons,
        by_id: Vec<Option<NamesOverTime>>,
        by_name: Vec<Option<u32>>,
    },
    Owner {
        ids: ColumnValues,
        by_id: Vec<Option<NamesOverTime>>,
    },
    /// With the numbers of those column values that have occurred.
    Column {
        values: ColumnValues,
        numbers: Vec<Option<u32>>,
    },
    /// The length of the prefix of a time that makes the key, and the numbers of the slots that
    /// have occurred.
    Time {
        chars: usize,
        numbers: HashMap<i64, u32>,
    },
}

/// An empty place for each value of a column.
fn unmet<T>(values: &ColumnValues) -> Vec<Option<T>> {
    values.texts.iter().map(|_| None).collect()
}

fn number_of_text(known: &mut [Option<u32>], number: usize, make: impl FnOnce() -> u32) -> u32 {
    match known.get_mut(number) {
        Some(known) => *known.get_or_insert_with(make),
        None => NumberedValues::NONE,
    }
}

/// The names of one ID, from one change to the next.
struct NamesOverTime {
    changes: Vec<i64>,
    numbers: Vec<Option<u32>>,
}

impl NamesOverTime {
    fn new(id: &str, people: &People) -> Self {
        let changes = people.changes(id);
        let numbers = vec![None; changes.len() + 1];
        Self { changes, numbers }
    }

    fn number(&mut self, ms: i64, make: impl FnOnce() -> u32) -> u32 {
        // `who` answers alike between two changes, so one text serves each interval.
        let place = self.changes.partition_point(|it| *it <= ms);
        match self.numbers.get_mut(place) {
            Some(known) => *known.get_or_insert_with(make),
            None => make(),
        }
    }
}

/// The number of an ID's name at a time.
fn number_of_id(
    (number, id): (usize, &str),
    ms: i64,
    people: &People,
    known: &mut [Option<NamesOverTime>],
    texts: &mut NumberedValues,
) -> u32 {
    let Some(names) = known.get_mut(number) else { return NumberedValues::NONE };
    let names = names.get_or_insert_with(|| NamesOverTime::new(id, people));
    names.number(ms, || {
        let at = Timestamp::from_ms(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        texts.number_of(people.who(id, at).unwrap_or(id))
    })
}

/// The length of a time up to its hour, and up to its day.
const HOUR_CHARS: usize = "2026-11-23T15".len();
const DAY_CHARS: usize = "2026-11-23".len();

impl KeyValues {
    fn of(key: AccessKey, segment: &AuditSegment) -> Result<Self, IndexError> {
        let column = |it| {
            let values: ColumnValues = segment.values(it)?;
            let numbers = unmet(&values);
            Ok(Self::Column { values, numbers })
        };
        let time = |chars| Ok(Self::Time { chars, numbers: HashMap::new() });
        match key {
            AccessKey::User => {
                let persons = Persons::of(segment)?;
                let by_id = unmet(&persons.ids);
                let by_name = unmet(&persons.names);
                Ok(Self::Person { persons, by_id, by_name })
            }
            AccessKey::Owner => {
                let ids = segment.values(AuditColumn::OwnerId)?;
                let by_id = unmet(&ids);
                Ok(Self::Owner { ids, by_id })
            }
            AccessKey::Ip => column(AuditColumn::SourceIp),
            AccessKey::Agent => column(AuditColumn::UserAgent),
            AccessKey::Action => column(AuditColumn::Action),
            AccessKey::Protocol => column(AuditColumn::Protocol),
            AccessKey::Type => column(AuditColumn::Type),
            AccessKey::Hour => time(HOUR_CHARS),
            AccessKey::Day => time(DAY_CHARS),
        }
    }

    /// The number of a document's value.
    fn number(
        &mut self,
        document: u32,
        ms: i64,
        people: &People,
        zone: &Zone,
        texts: &mut NumberedValues,
    ) -> u32 {
        match self {
            Self::Person { persons, by_id, by_name } => {
                if let Some(id) = persons.ids.numbered(document) {
                    return number_of_id(id, ms, people, by_id, texts);
                }
                let Some((number, name)) = persons.names.numbered(document) else {
                    return NumberedValues::NONE;
                };
                number_of_text(by_name, number, || texts.number_of(&folded(name)))
            }
            Self::Owner { ids, by_id } => match ids.numbered(document) {
                Some(id) => number_of_id(id, ms, people, by_id, texts),
                None => NumberedValues::NONE,
            },
            Self::Column { values, numbers } => {
                let Some((number, text)) = values.numbered(document) else {
                    return NumberedValues::NONE;
                };
                number_of_text(numbers, number, || texts.number_of(text))
            }
            Self::Time { chars, numbers } => {
                // Time zones are offset by multiples of a quarter of an hour, so all instants of a
                // slot share hour and day.
                let slot = ms.div_euclid(limits::HISTOGRAM_SLOT_MS);
                *numbers.entry(slot).or_insert_with(|| {
                    let ms = slot.saturating_mul(limits::HISTOGRAM_SLOT_MS);
                    let at = Timestamp::from_ms(ms).unwrap_or(Timestamp::UNIX_EPOCH);
                    let text = at.in_zone(zone);
                    let start = text.get(..*chars).unwrap_or(&text);
                    match *chars == HOUR_CHARS {
                        true => texts.number_of(&format!("{start}:00")),
                        false => texts.number_of(start),
                    }
                })
            }
        }
    }
}
