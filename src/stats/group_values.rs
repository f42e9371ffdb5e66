//! The values of messages and recipients for a key.

use super::cause_of;
use super::group_part::GroupValue;
use super::listed_values::ListedValues;
use super::{CountKey, StatsError, Unit, calendar, intervals_of};
use crate::event::{Address, domain_of};
use crate::store::words::folded;
use crate::store::{EventReader, Store, StoreError, truncate_term};
use crate::time::{Interval, Intervals, Zone};
use crate::trace::{
    JoinRules, Message, Outcome, Overview, Recipient, SelectedMessage, Selection, message_at,
};

/// The source of the values of one key.
pub(super) struct GroupValues<'o> {
    key: CountKey,
    source: ValueSource<'o>,
}

enum ValueSource<'o> {
    /// The message or the recipient itself.
    Itself,
    /// The starts of intervals.
    Intervals(Option<Intervals>, Zone),
    /// Weekdays, or hours of the day.
    Calendar(Zone),
    /// The originals of the message, joined by these rules.
    Originals(JoinRules),
    /// The message table.
    Listing(ListedValues<'o>),
}

/// The separator between the two values of [`CountKey::SenderRecipient`].
pub const PAIR_SEPARATOR: &str = " → ";

/// The number of a missing address.
pub(super) const NOBODY: u32 = u32::MAX;

/// Returns a text in the form in which the index compares it.
fn comparable(text: &str) -> String {
    truncate_term(&folded(text)).to_owned()
}

fn text(text: &str) -> GroupValue {
    GroupValue::Text(text.into())
}

/// Returns the subject of a message, as it is shown.
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
        let source = match key {
            CountKey::Hour => {
                ValueSource::intervals(store, overview, Interval::Length(3_600_000), zone)?
            }
            CountKey::Day => ValueSource::intervals(store, overview, Interval::Day, zone)?,
            CountKey::Week => ValueSource::intervals(store, overview, Interval::Week, zone)?,
            key if key.is_in_order() => ValueSource::Calendar(zone.clone()),
            // The message table has no subjects.
            CountKey::Subject => ValueSource::Originals(rules.clone()),
            _ if selection.is_listed() => {
                let range = selection.first_seen();
                ValueSource::Listing(ListedValues::find(key, overview, range)?)
            }
            _ => ValueSource::Itself,
        };
        Ok(Self { key, source })
    }

    /// True if the values of a message come from its recipients.
    pub(super) fn is_of_recipients(&self) -> bool {
        self.key == CountKey::RecipientCount || self.key.grouped_unit() == Unit::Recipients
    }

    /// Adds the values of a message, or of the recipient at an index among the selected ones.
    pub(super) fn add(
        &self,
        found: &SelectedMessage<'_>,
        place: usize,
        reader: &mut EventReader<'_>,
        values: &mut Vec<GroupValue>,
    ) -> Result<(), StoreError> {
        match (found, &self.source) {
            (SelectedMessage::Listed { .. }, ValueSource::Originals(rules)) => {
                let message = message_at(reader, found.event(), rules)?;
                values.push(message.as_ref().map_or(GroupValue::Absent, subject));
            }
            (_, ValueSource::Intervals(..) | ValueSource::Calendar(_)) => {
                values.push(self.in_time(found.first_seen_ms()));
            }
            (SelectedMessage::Listed { message, recipients }, source) => match source {
                // The table has only causes; the entry locates the bounce, so one original is
                // enough.
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
            (SelectedMessage::Read { message, recipients, .. }, _) => {
                let recipient = recipients.get(place).copied();
                values.extend(self.of_message(message, recipient));
            }
        }
        Ok(())
    }

    fn of_message(&self, message: &Message, recipient: Option<&Recipient>) -> Vec<GroupValue> {
        let address = |it: &Address<'_>| text(truncate_term(it.as_str()));
        let sender = message.sender.as_ref().or(message.from.as_ref());
        // Cut as in the table: a message read and one listed must fall into the same group.
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
                // Once for each rule, as the message table has them.
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
            // Keys of events and legs, or of the time alone.
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

    /// Returns a value as it is shown; values that compare in lower case are shown in lower case.
    pub(super) fn label(&self, value: GroupValue) -> Option<String> {
        match (value, self.key, &self.source) {
            (GroupValue::Absent, ..) => None,
            (GroupValue::Text(text), ..) => Some(text.into()),
            (value, _, ValueSource::Listing(listed)) => listed.label(&value),
            (GroupValue::Number(it), CountKey::Outcome, _) => {
                Outcome::ALL.get(it as usize).map(ToString::to_string)
            }
            (GroupValue::Number(it), CountKey::RecipientCount, _) => Some(it.to_string()),
            (GroupValue::Number(it), _, ValueSource::Intervals(intervals, zone)) => {
                Some(intervals.as_ref()?.starts().nth(it as usize)?.in_zone(zone))
            }
            (GroupValue::Number(it), key, ValueSource::Calendar(_)) => {
                calendar::names(key).get(it as usize).map(ToString::to_string)
            }
            (GroupValue::Number(_) | GroupValue::Pair(..), ..) => None,
        }
    }

    /// Returns the spelling, in a message that has it, of a value that compares in lower case.
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
    fn intervals(
        store: &Store,
        overview: &Overview<'_>,
        interval: Interval,
        zone: &Zone,
    ) -> Result<Self, StatsError> {
        // Intervals span the whole store, not the request: a value's number is its place among
        // them.
        let Some((first, last)) = store.time_span() else {
            return Ok(Self::Intervals(None, zone.clone()));
        };
        let intervals = intervals_of(interval, first, last, overview.newest(), zone)?;
        Ok(Self::Intervals(Some(intervals), zone.clone()))
    }
}

/// Adds an absent value if no value was added from `first` on.
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
