//! Counting audit events in groups.

use std::collections::HashMap;

use super::conditions::Persons;
use super::hits::AccessHits;
use super::people::People;
use crate::limits;
use crate::stats::Facet;
use crate::store::{AuditColumn, AuditSegment, ColumnValues, IndexError, StoreError};
use crate::time::{Timestamp, Zone};

/// By what audit events are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKey {
    /// Who did it.
    User,
    /// Whose mailbox it is.
    Owner,
    /// From where.
    Ip,
    /// With what.
    Agent,
    /// What was done.
    Action,
    /// By which protocol.
    Protocol,
    /// The type of the event.
    Type,
    /// The hour.
    Hour,
    /// The day.
    Day,
}

impl AccessKey {
    /// Every key.
    pub const ALL: [Self; 9] = [
        Self::User,
        Self::Owner,
        Self::Ip,
        Self::Agent,
        Self::Action,
        Self::Protocol,
        Self::Type,
        Self::Hour,
        Self::Day,
    ];

    /// What is counted beside a list unless somebody says otherwise.
    pub const USUAL_FACETS: [Self; 5] =
        [Self::Type, Self::Action, Self::User, Self::Ip, Self::Protocol];

    /// The name on the command line and in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Owner => "owner",
            Self::Ip => "ip",
            Self::Agent => "agent",
            Self::Action => "action",
            Self::Protocol => "protocol",
            Self::Type => "type",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The key with that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

/// Events that have the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroup {
    /// A value for each key; none for events without one.
    pub values: Vec<Option<String>>,
    /// How many events.
    pub count: u64,
    /// When the first of them happened.
    pub first: Timestamp,
    /// When the last of them happened.
    pub last: Timestamp,
}

/// Groups, the largest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessGroups {
    /// By what was counted.
    pub keys: Vec<AccessKey>,
    /// The largest groups.
    pub rows: Vec<AccessGroup>,
    /// How many groups there are.
    pub group_count: usize,
    /// How many events there are in all of them.
    pub total: u64,
}

/// How many events a group has, and when the first and the last of them happened.
type Count = (u64, i64, i64);

impl AccessHits<'_> {
    /// Counts the events by keys, and gives the `limit` largest groups.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the index of audit events cannot be read.
    pub fn groups(
        &self,
        keys: &[AccessKey],
        zone: &Zone,
        limit: usize,
    ) -> Result<AccessGroups, StoreError> {
        let mut counts: HashMap<Vec<Option<String>>, Count> = HashMap::new();
        let nobody = People::default();
        let has_people = keys.iter().any(|it| matches!(it, AccessKey::User | AccessKey::Owner));
        let people = if has_people { self.people()? } else { &nobody };
        if let Some(index) = self.index {
            for (segment, set) in index.segments().iter().zip(&self.sets) {
                let values: Result<Vec<KeyValues>, IndexError> =
                    keys.iter().map(|it| KeyValues::of(*it, segment)).collect();
                let mut values = values.map_err(index.failed())?;
                for document in set.iter() {
                    let ms = segment.time_ms(document);
                    let group =
                        values.iter_mut().map(|it| it.get(document, ms, people, zone)).collect();
                    let (count, first, last) = counts.entry(group).or_insert((0, ms, ms));
                    *count += 1;
                    *first = ms.min(*first);
                    *last = ms.max(*last);
                }
            }
        }
        let group_count = counts.len();
        let mut rows: Vec<_> = counts.into_iter().collect();
        rows.sort_unstable_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(&b.0)));
        rows.truncate(limit);
        let at = |ms| Timestamp::from_ms(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        let rows = rows.into_iter().map(|(values, (count, first, last))| AccessGroup {
            values,
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
    ///
    /// # Errors
    ///
    /// As [`AccessHits::groups`].
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

/// The values of one key in one segment.
enum KeyValues {
    Person(Persons),
    Owner(ColumnValues),
    Column(ColumnValues),
    /// How many characters of a time tell, and the times of the slots that were met.
    Time(usize, HashMap<i64, String>),
}

/// Characters of a time up to its hour, and up to its day.
const HOUR_CHARS: usize = "2026-11-23T15".len();
const DAY_CHARS: usize = "2026-11-23".len();

impl KeyValues {
    fn of(key: AccessKey, segment: &AuditSegment) -> Result<Self, IndexError> {
        let column = |it| segment.values(it).map(Self::Column);
        match key {
            AccessKey::User => Persons::of(segment).map(Self::Person),
            AccessKey::Owner => segment.values(AuditColumn::OwnerId).map(Self::Owner),
            AccessKey::Ip => column(AuditColumn::SourceIp),
            AccessKey::Agent => column(AuditColumn::UserAgent),
            AccessKey::Action => column(AuditColumn::Action),
            AccessKey::Protocol => column(AuditColumn::Protocol),
            AccessKey::Type => column(AuditColumn::Type),
            AccessKey::Hour => Ok(Self::Time(HOUR_CHARS, HashMap::new())),
            AccessKey::Day => Ok(Self::Time(DAY_CHARS, HashMap::new())),
        }
    }

    fn get(&mut self, document: u32, ms: i64, people: &People, zone: &Zone) -> Option<String> {
        let at = |ms| Timestamp::from_ms(ms).unwrap_or(Timestamp::UNIX_EPOCH);
        match self {
            Self::Person(persons) => persons.of_document(document, ms, people),
            Self::Owner(owners) => {
                let id = owners.get(document)?;
                Some(people.who(id, at(ms)).unwrap_or(id).to_owned())
            }
            Self::Column(values) => values.get(document).map(str::to_owned),
            Self::Time(length, known) => {
                // Zones differ by quarters of an hour.
                let slot = ms.div_euclid(limits::HISTOGRAM_SLOT_MS);
                let text = known.entry(slot).or_insert_with(|| {
                    let text = at(slot.saturating_mul(limits::HISTOGRAM_SLOT_MS)).in_zone(zone);
                    let start = text.get(..*length).unwrap_or(&text).to_owned();
                    if *length == HOUR_CHARS { format!("{start}:00") } else { start }
                });
                Some(text.clone())
            }
        }
    }
}
