//! The entries of the message table, from the columns of the index where these tell all.

use rayon::prelude::*;

use super::judge::{Judge, JudgedRow};
use super::{EventColumns, MESSAGES_AT_ONCE, Overview};
use crate::event::RoleKind;
use crate::store::{
    Attribute, EventAttributes, LegEntry, Location, MessageEntry, RecipientEntry, RowBits,
    StoreError,
};
use crate::trace::message::{Direction, Outcome};
use crate::trace::outcome::is_junk;
use crate::trace::table::entry::{Values, entries_of, number_of};

/// Messages whose entries are made before they are handed on.
const ENTRIES_AT_ONCE: usize = 16 * MESSAGES_AT_ONCE;

/// What events say that is one of few values.
struct Attributes {
    of_event: EventAttributes,
    folders: Vec<Option<String>>,
    statuses: Vec<Option<String>>,
    rules: Vec<Option<String>>,
    verdicts: [Vec<Option<String>>; 4],
}

impl Attributes {
    fn of(of_event: EventAttributes) -> Self {
        let values = |attribute| of_event.values(attribute).collect::<Vec<_>>();
        let verdicts = [Attribute::Spam, Attribute::Dkim, Attribute::Dmarc, Attribute::Spf];
        Self {
            folders: values(Attribute::Folder),
            statuses: values(Attribute::Status),
            rules: values(Attribute::Rule),
            verdicts: verdicts.map(values),
            of_event,
        }
    }

    fn value<'a>(&self, values: &'a [Option<String>], event: u32) -> Option<&'a str> {
        values.get(self.of_event.set_of(event)? as usize)?.as_deref()
    }
}

impl Overview<'_> {
    /// Makes the entries of all messages but those of which an event lies at such a place, and hands
    /// them on, some at a time. The overview must have senders, and rules by which nothing is too
    /// early to be lost.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when index or archive cannot be read, and what `add` fails with.
    pub(in crate::trace) fn for_each_entry(
        &self,
        is_left_out: &(dyn Fn(Location) -> bool + Sync),
        mut add: impl FnMut(Vec<MessageEntry>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let attributes = Attributes::of(self.store.event_attributes()?);
        let columns = self.columns()?;
        let table = &columns.table;
        let count = table.message_count();
        for first in (0..count).step_by(ENTRIES_AT_ONCE) {
            let numbers: Vec<usize> = (first..count.min(first + ENTRIES_AT_ONCE)).collect();
            let made: Vec<Vec<MessageEntry>> = numbers
                .par_chunks(MESSAGES_AT_ONCE)
                .map_init(
                    || (Judge::new(table, &self.rules), self.store.events()),
                    |(judge, reader), numbers| {
                        let mut entries = Vec::with_capacity(numbers.len());
                        for events in numbers.iter().map(|it| table.events_of(*it)) {
                            let places = || events.iter().filter_map(|it| table.location(*it));
                            if places().any(is_left_out) {
                                continue;
                            }
                            match columns.entry(judge, events, &attributes) {
                                Some(entry) => entries.push(entry),
                                None => {
                                    let read = judge.originals(events, reader)?;
                                    let is_whole = read.len() == events.len();
                                    entries.extend(entries_of(read, is_whole));
                                }
                            }
                        }
                        Ok(entries)
                    },
                )
                .collect::<Result<_, StoreError>>()?;
            made.into_iter().try_for_each(&mut add)?;
        }
        Ok(())
    }
}

impl EventColumns {
    /// The entry by the columns; `None` where these do not tell all.
    fn entry(
        &self,
        judge: &mut Judge<'_>,
        events: &[u32],
        attributes: &Attributes,
    ) -> Option<MessageEntry> {
        let (first_ms, last_ms) = judge.take(events)?;
        let rows = judge.judged_rows()?;
        if rows.iter().any(JudgedRow::is_tied) {
            return None;
        }
        let mut values = Values::new();
        let mut legs: Vec<LegEntry> = judge
            .legs
            .iter()
            .map(|it| LegEntry {
                started_ms: it.started_ms,
                is_outgoing: it.direction() == Direction::Outgoing,
            })
            .collect();
        legs.sort_unstable();
        let mut recipients = Vec::with_capacity(rows.len());
        let delivered = self.delivered(events);
        for row in &rows {
            recipients.push(self.recipient(row, &legs, &delivered, attributes));
        }
        // Rows are in the order of the addresses' numbers; those of one address stay as they are.
        recipients.sort_by(|a, b| a.address.cmp(&b.address));
        let facts = self.facts_of_message(judge, events, attributes, &mut values);
        let (place, from, sender, verdicts) = facts?;
        let rule = |event: &u32| attributes.value(&attributes.rules, *event);
        let mut rules: Vec<String> = events.iter().filter_map(rule).map(str::to_owned).collect();
        rules.sort_unstable();
        rules.dedup();
        Some(MessageEntry {
            place,
            first_ms,
            last_ms,
            lacks_beginning: judge.legs.iter().any(|it| !it.has_beginning),
            from,
            sender,
            verdicts,
            rules,
            legs,
            recipients,
            needs_originals: !values.are_whole,
        })
    }

    /// The addresses to whose mailboxes the message was delivered.
    fn delivered(&self, events: &[u32]) -> Vec<u32> {
        let rows = events.iter().filter_map(|it| self.table.row(*it));
        let delivered = rows.filter(|it| it.role.kind == RoleKind::Delivered);
        delivered.flat_map(|it| it.addresses.iter().copied()).collect()
    }

    fn recipient(
        &self,
        row: &JudgedRow,
        legs: &[LegEntry],
        delivered: &[u32],
        attributes: &Attributes,
    ) -> RecipientEntry {
        let text = |texts: &[Vec<u8>], number: u32| {
            texts.get(number as usize).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        let decided = |outcome| row.deciding_event().filter(|_| row.outcome == outcome);
        let value = |values, event: Option<u32>| {
            event.and_then(|it| attributes.value(values, it)).map(str::to_owned)
        };
        let bounce = decided(Outcome::Bounced);
        let folder = value(&attributes.folders, decided(Outcome::Delivered));
        let leg = legs
            .iter()
            .position(|it| it.started_ms == row.started_ms && it.is_outgoing == row.is_outgoing());
        RecipientEntry {
            address: text(self.table.address_texts(), row.address).unwrap_or_default(),
            bits: RowBits {
                outcome: number_of(row.outcome),
                is_junk: folder.as_deref().is_some_and(is_junk),
                was_delivered: delivered.contains(&row.address),
                leg: leg.and_then(|it| u32::try_from(it).ok()).unwrap_or(u32::MAX),
            },
            latency_ms: row.latency_ms().and_then(|it| u64::try_from(it).ok()),
            folder,
            status: value(&attributes.statuses, bounce),
            bounce: bounce.and_then(|it| self.table.location(it)),
        }
    }

    /// Where the message's first event lies, who sent it, and what the checks on its arrival said;
    /// `None` where only the originals tell which event comes first.
    #[expect(clippy::type_complexity, reason = "the four of them are taken apart at once")]
    fn facts_of_message(
        &self,
        judge: &Judge<'_>,
        events: &[u32],
        attributes: &Attributes,
        values: &mut Values,
    ) -> Option<(Location, Option<String>, Option<String>, [Option<String>; 4])> {
        let place = events.iter().filter_map(|it| self.table.location(*it)).min()?;
        let senders = self.senders.as_ref()?;
        let text = |number: u32| {
            senders.texts().get(number as usize).map(|it| String::from_utf8_lossy(it).into_owned())
        };
        let from = judge.earliest(events, |it| senders.from(it))?.and_then(text);
        let sender = judge.earliest(events, |it| senders.sender(it))?.and_then(text);
        let arrival = judge.earliest(events, |event| {
            let is_arrival = self.table.row(event).is_some_and(|it| it.is_arrival);
            if is_arrival { attributes.of_event.set_of(event) } else { None }
        })?;
        let verdicts = attributes.verdicts.each_ref().map(|of_set| {
            let value = of_set.get(arrival? as usize)?.as_deref()?;
            values.verdict(value)
        });
        Some((place, from, sender, verdicts))
    }
}
