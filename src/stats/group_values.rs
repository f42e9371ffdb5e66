//! The value that a message or a recipient has for a key.

use std::collections::HashMap;

use super::cause_of;
use super::group_part::GroupValue;
use super::listed_values::ListedValues;
use super::{CountKey, StatsError, Unit, calendar, intervals_of};
use crate::event::{Address, domain_of};
use crate::store::words::folded;
use crate::store::{Attribute, EventAttributes, EventReader, Store, StoreError, truncate_term};
use crate::time::{Interval, Intervals, Zone};
use crate::trace::{
    ColumnRow, Found, JoinRules, Message, Outcome, Overview, Recipient, Selection, deciding,
    message_at,
};

/// What the values of one key are found by.
pub(super) struct GroupValues<'o> {
    key: CountKey,
    source: ValueSource<'o>,
}

enum ValueSource<'o> {
    /// The message or the recipient itself.
    Itself,
    /// The domain of each address, and the domains.
    Domains { of_address: Vec<u32>, texts: Vec<String> },
    /// The value of each set of attributes that has one, and the values.
    Attributes { of_event: EventAttributes, of_set: Vec<Option<u32>>, texts: Vec<String> },
    /// When intervals begin.
    Intervals(Option<Intervals>, Zone),
    /// Days of the week, or hours of the day.
    Calendar(Zone),
    /// The originals of the message, joined by these rules.
    Originals(JoinRules),
    /// The message table.
    Listing(ListedValues<'o>),
}

/// What stands between the two values of [`CountKey::SenderRecipient`].
pub const PAIR_SEPARATOR: &str = " → ";

/// The number of no address.
pub(super) const NOBODY: u32 = u32::MAX;

/// Numbers for texts.
#[derive(Default)]
struct TextNumbers {
    numbers: HashMap<String, u32>,
    texts: Vec<String>,
}

impl TextNumbers {
    fn number_of(&mut self, text: String) -> u32 {
        let next = u32::try_from(self.texts.len()).unwrap_or(NOBODY);
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.texts.push(text);
        }
        number
    }
}

/// A text as it compares with what the index has.
fn comparable(text: &str) -> String {
    truncate_term(&folded(text)).to_owned()
}

fn text(text: &str) -> GroupValue {
    GroupValue::Text(text.into())
}

/// The subject of a message, as it reads.
fn subject(message: &Message) -> GroupValue {
    text_or_absent(message.subject.as_deref().map(truncate_term))
}

fn text_or_absent(value: Option<&str>) -> GroupValue {
    value.map(str::trim).filter(|it| !it.is_empty()).map_or(GroupValue::Absent, text)
}

impl<'o> GroupValues<'o> {
    pub(super) fn find(
        key: CountKey,
        store: &Store,
        overview: &'o Overview<'_>,
        selection: &Selection<'_, '_>,
        rules: &JoinRules,
        zone: &Zone,
    ) -> Result<Self, StatsError> {
        let listing = overview.listing().filter(|_| selection.is_listed());
        let source = match key {
            CountKey::Hour => {
                ValueSource::intervals(store, overview, Interval::Length(3_600_000), zone)?
            }
            CountKey::Day => ValueSource::intervals(store, overview, Interval::Day, zone)?,
            CountKey::Week => ValueSource::intervals(store, overview, Interval::Week, zone)?,
            key if key.is_in_order() => ValueSource::Calendar(zone.clone()),
            CountKey::Subject => ValueSource::Originals(rules.clone()),
            _ => match listing {
                Some(listing) => {
                    let range = selection.first_seen();
                    ValueSource::Listing(ListedValues::find(key, overview, listing, range)?)
                }
                None => ValueSource::of_columns(key, store, overview)?,
            },
        };
        Ok(Self { key, source })
    }

    /// Whether the values of a message are told by its recipients.
    pub(super) fn is_of_recipients(&self) -> bool {
        self.key == CountKey::RecipientCount || self.key.grouped_unit() == Unit::Recipients
    }

    /// Adds the values of a message, or of the recipient at a place among those who are asked for.
    pub(super) fn add(
        &self,
        found: &Found<'_>,
        place: usize,
        overview: &Overview<'_>,
        reader: &mut EventReader<'_>,
        values: &mut Vec<GroupValue>,
    ) -> Result<(), StoreError> {
        match (found, &self.source) {
            (Found::Listed { .. } | Found::Columns { .. }, ValueSource::Originals(rules)) => {
                let message = message_at(reader, found.event(), rules)?;
                values.push(message.as_ref().map_or(GroupValue::Absent, subject));
            }
            (_, ValueSource::Intervals(..) | ValueSource::Calendar(_)) => {
                values.push(self.in_time(found.first_seen_ms()));
            }
            (Found::Listed { message, recipients }, source) => match source {
                ValueSource::Listing(_) if self.key == CountKey::Reason => {
                    let Some(row) = recipients.get(place) else { return Ok(()) };
                    values.push(match row.entry.bounce {
                        Some(bounce) => self.reason(reader.read(bounce)?.event.reason.as_deref()),
                        None => GroupValue::Absent,
                    });
                }
                ValueSource::Listing(listed) => listed.add(message, recipients.get(place), values),
                _ => {}
            },
            (Found::Columns { events, rows, recipients, sender, .. }, _) => match self.key {
                CountKey::Rule => self.add_rules(events, values),
                CountKey::RecipientCount => {
                    values.push(GroupValue::Number(number(deciding(rows).count())));
                }
                CountKey::Sender => {
                    values.push(sender.map_or(GroupValue::Absent, GroupValue::Number));
                }
                CountKey::SenderDomain => {
                    values.push(sender.map_or(GroupValue::Absent, |it| self.domain(it)));
                }
                CountKey::SenderRecipient => {
                    let pair =
                        |row: &ColumnRow| GroupValue::Pair(sender.unwrap_or(NOBODY), row.address);
                    values.extend(recipients.get(place).map(pair));
                }
                _ => {
                    if let Some(row) = recipients.get(place) {
                        values.push(self.of_row(row, overview, reader)?);
                    }
                }
            },
            (Found::Read { message, recipients, .. }, _) => {
                let recipient = recipients.get(place).copied();
                values.extend(self.of_message(message, recipient));
            }
        }
        Ok(())
    }

    fn of_row(
        &self,
        row: &ColumnRow,
        overview: &Overview<'_>,
        reader: &mut EventReader<'_>,
    ) -> Result<GroupValue, StoreError> {
        let as_decided = |outcome: Outcome| row.deciding_event().filter(|_| row.outcome == outcome);
        Ok(match self.key {
            CountKey::Recipient => GroupValue::Number(row.address),
            CountKey::RecipientDomain => self.domain(row.address),
            CountKey::Outcome => GroupValue::Number(outcome_number(row.outcome)),
            CountKey::Folder => self.attribute(as_decided(Outcome::Delivered)),
            CountKey::Status => self.attribute(as_decided(Outcome::Bounced)),
            CountKey::Reason | CountKey::Cause => {
                let bounce = as_decided(Outcome::Bounced).and_then(|it| overview.location(it));
                let Some(bounce) = bounce else { return Ok(GroupValue::Absent) };
                self.reason(reader.read(bounce)?.event.reason.as_deref())
            }
            _ => GroupValue::Absent,
        })
    }

    fn of_message(&self, message: &Message, recipient: Option<&Recipient>) -> Vec<GroupValue> {
        let address = |it: &Address<'_>| text(truncate_term(it.as_str()));
        let sender = message.sender.as_ref().or(message.from.as_ref());
        let sender_text = sender.map(|it| truncate_term(it.as_str()));
        let domain = |it: Option<&str>| text_or_absent(it.and_then(domain_of));
        let of_recipient = |value: &dyn Fn(&Recipient) -> GroupValue| {
            recipient.map(value).into_iter().collect::<Vec<_>>()
        };
        let compared = |value: Option<&str>| text_or_absent(value.map(comparable).as_deref());
        match self.key {
            CountKey::Subject => vec![subject(message)],
            CountKey::RecipientCount => {
                vec![GroupValue::Number(number(message.deciding_recipients().len()))]
            }
            CountKey::Sender => vec![sender.map_or(GroupValue::Absent, address)],
            CountKey::SenderDomain => vec![domain(sender_text)],
            CountKey::Rule => {
                let rules = message.events.iter().filter_map(|it| it.event.rule_name.as_deref());
                let mut rules: Vec<String> =
                    rules.map(comparable).filter(|it| !it.is_empty()).collect();
                rules.sort_unstable();
                rules.dedup();
                let mut rules = rules.iter().map(|it| text(it)).collect();
                or_absent(&mut rules, 0);
                rules
            }
            CountKey::Recipient => of_recipient(&|it| address(&it.address)),
            CountKey::RecipientDomain => {
                of_recipient(&|it| domain(Some(truncate_term(it.address.as_str()))))
            }
            CountKey::SenderRecipient => {
                of_recipient(&|it| text(&pair(sender_text, truncate_term(it.address.as_str()))))
            }
            CountKey::Outcome => of_recipient(&|it| GroupValue::Number(outcome_number(it.outcome))),
            CountKey::Folder => of_recipient(&|it| compared(it.folder.as_deref())),
            CountKey::Status => of_recipient(&|it| compared(it.status.as_deref())),
            CountKey::Reason | CountKey::Cause => {
                of_recipient(&|it| self.reason(it.reason.as_deref()))
            }
            // Of events and legs, or told by the time alone.
            CountKey::Event
            | CountKey::Direction
            | CountKey::Spam
            | CountKey::Dkim
            | CountKey::Dmarc
            | CountKey::Spf
            | CountKey::Hour
            | CountKey::Day
            | CountKey::Week
            | CountKey::Weekday
            | CountKey::HourOfDay => Vec::new(),
        }
    }

    fn reason(&self, reason: Option<&str>) -> GroupValue {
        let reason = reason.map(str::trim).filter(|it| !it.is_empty());
        match (reason, self.key) {
            (None, _) => GroupValue::Absent,
            (Some(it), CountKey::Cause) => text(truncate_term(&cause_of(it))),
            (Some(it), _) => text(truncate_term(it)),
        }
    }

    fn domain(&self, address: u32) -> GroupValue {
        let ValueSource::Domains { of_address, .. } = &self.source else {
            return GroupValue::Absent;
        };
        match of_address.get(address as usize) {
            Some(domain) if *domain != NOBODY => GroupValue::Number(*domain),
            _ => GroupValue::Absent,
        }
    }

    fn attribute(&self, event: Option<u32>) -> GroupValue {
        let ValueSource::Attributes { of_event, of_set, .. } = &self.source else {
            return GroupValue::Absent;
        };
        let set = event.and_then(|it| of_event.set_of(it));
        let value = set.and_then(|it| of_set.get(it as usize).copied().flatten());
        value.map_or(GroupValue::Absent, GroupValue::Number)
    }

    fn add_rules(&self, events: &[u32], values: &mut Vec<GroupValue>) {
        let first = values.len();
        for event in events {
            let rule = self.attribute(Some(*event));
            let is_known = values.iter().skip(first).any(|it| *it == rule);
            if rule != GroupValue::Absent && !is_known {
                values.push(rule);
            }
        }
        or_absent(values, first);
    }

    fn in_time(&self, ms: i64) -> GroupValue {
        match &self.source {
            ValueSource::Calendar(zone) => {
                calendar::place(self.key, ms, zone).map_or(GroupValue::Absent, GroupValue::Number)
            }
            ValueSource::Intervals(Some(intervals), _) => {
                GroupValue::Number(number(intervals.place_of(ms)))
            }
            _ => GroupValue::Absent,
        }
    }

    /// How a value reads; values that compare in lower case read so.
    pub(super) fn label(&self, value: GroupValue, overview: &Overview<'_>) -> Option<String> {
        let of = |texts: &[Vec<u8>], number: u32| {
            texts.get(number as usize).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        match (value, self.key, &self.source) {
            (GroupValue::Absent, ..) => None,
            (GroupValue::Text(text), ..) => Some(text.into()),
            (value, _, ValueSource::Listing(listed)) => listed.label(&value),
            (GroupValue::Pair(sender, recipient), ..) => {
                let recipient = of(overview.recipients(), recipient)?;
                Some(pair(of(overview.senders(), sender).as_deref(), &recipient))
            }
            (GroupValue::Number(it), CountKey::Sender, _) => of(overview.senders(), it),
            (GroupValue::Number(it), CountKey::Recipient, _) => of(overview.recipients(), it),
            (GroupValue::Number(it), CountKey::Outcome, _) => {
                Outcome::ALL.get(it as usize).map(ToString::to_string)
            }
            (GroupValue::Number(it), CountKey::RecipientCount, _) => Some(it.to_string()),
            (GroupValue::Number(it), _, ValueSource::Domains { texts, .. })
            | (GroupValue::Number(it), _, ValueSource::Attributes { texts, .. }) => {
                texts.get(it as usize).cloned()
            }
            (GroupValue::Number(it), _, ValueSource::Intervals(intervals, zone)) => {
                Some(intervals.as_ref()?.starts().nth(it as usize)?.in_zone(zone))
            }
            (GroupValue::Number(it), key, ValueSource::Calendar(_)) => {
                calendar::names(key).get(it as usize).map(ToString::to_string)
            }
            (GroupValue::Number(_), ..) => None,
        }
    }

    /// How a value that compares in lower case is written in a message that has it.
    pub(super) fn written(key: CountKey, label: &str, message: &Message) -> Option<String> {
        let is_it = |it: &&str| comparable(it) == label;
        let recipients = message.recipients.iter();
        match key {
            CountKey::Folder => { recipients }.filter_map(|it| it.folder.as_deref()).find(is_it),
            CountKey::Status => { recipients }.filter_map(|it| it.status.as_deref()).find(is_it),
            CountKey::Rule => {
                let events = message.events.iter();
                { events }.filter_map(|it| it.event.rule_name.as_deref()).find(is_it)
            }
            _ => None,
        }
        .map(|it| it.trim().to_owned())
    }
}

impl ValueSource<'_> {
    fn of_columns(
        key: CountKey,
        store: &Store,
        overview: &Overview<'_>,
    ) -> Result<Self, StoreError> {
        Ok(match key {
            CountKey::SenderDomain => Self::domains(overview.senders()),
            CountKey::RecipientDomain => Self::domains(overview.recipients()),
            CountKey::Folder => Self::attributes(store, Attribute::Folder)?,
            CountKey::Status => Self::attributes(store, Attribute::Status)?,
            CountKey::Rule => Self::attributes(store, Attribute::Rule)?,
            _ => Self::Itself,
        })
    }

    fn domains(addresses: &[Vec<u8>]) -> Self {
        let mut texts = TextNumbers::default();
        let domain = |address: &Vec<u8>| {
            let address = String::from_utf8_lossy(address);
            let domain = domain_of(&address).filter(|it| !it.is_empty());
            domain.map_or(NOBODY, |it| texts.number_of(it.to_owned()))
        };
        let of_address = addresses.iter().map(domain).collect();
        Self::Domains { of_address, texts: texts.texts }
    }

    fn attributes(store: &Store, attribute: Attribute) -> Result<Self, StoreError> {
        let of_event = store.index().event_attributes()?;
        let mut texts = TextNumbers::default();
        let of_set =
            of_event.values(attribute).map(|it| it.map(|it| texts.number_of(it))).collect();
        Ok(Self::Attributes { of_event, of_set, texts: texts.texts })
    }

    fn intervals(
        store: &Store,
        overview: &Overview<'_>,
        interval: Interval,
        zone: &Zone,
    ) -> Result<Self, StatsError> {
        let Some((first, last)) = store.time_span() else {
            return Ok(Self::Intervals(None, zone.clone()));
        };
        let intervals = intervals_of(interval, first, last, overview.newest(), zone)?;
        Ok(Self::Intervals(Some(intervals), zone.clone()))
    }
}

/// Adds that there is none where there is none from `first` on.
pub(super) fn or_absent(values: &mut Vec<GroupValue>, first: usize) {
    if values.len() == first {
        values.push(GroupValue::Absent);
    }
}

pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

pub(super) fn outcome_number(outcome: Outcome) -> u32 {
    number(outcome.place())
}

pub(super) fn pair(sender: Option<&str>, recipient: &str) -> String {
    format!("{}{PAIR_SEPARATOR}{recipient}", sender.unwrap_or("(nobody)"))
}
