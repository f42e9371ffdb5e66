//! The entries of the message table, from the columns of the index where these are enough.

use std::borrow::Cow;

use rayon::prelude::*;

use super::EventColumns;
use super::judge::{ColumnJudge, ColumnRow};
use crate::event::RoleKind;
use crate::store::{
    Attribute, EventAttributes, LegEntry, Location, MessageEntry, RecipientEntry, RowBits, Senders,
    StoreError,
};
use crate::trace::judge::OutcomeRow;
use crate::trace::message::{Direction, Outcome};
use crate::trace::outcome::is_junk;
use crate::trace::table::entry::{
    EntryValues, for_each_entry_of, is_told, latency_of, leg_number, number_of,
};

/// Messages whose entries one worker makes at once.
const ENTRIES_OF_WORKER: usize = 512;

/// Messages whose entries are made before they are passed on: few, so that their memory is reused.
const ENTRIES_AT_ONCE: usize = 16 * ENTRIES_OF_WORKER;

struct EventTexts<'t> {
    recipients: Vec<Cow<'t, str>>,
    senders: Vec<Cow<'t, str>>,
    of_event: EventAttributes,
    folders: Vec<Option<String>>,
    statuses: Vec<Option<String>>,
    causes: Vec<Option<String>>,
    rules: Vec<Option<String>>,
    verdicts: Vec<Verdicts>,
}

/// The verdicts on arrival, and whether the table can hold them whole.
struct Verdicts {
    joined: Option<String>,
    are_whole: bool,
}

impl<'t> EventTexts<'t> {
    fn new(recipients: &'t [Vec<u8>], senders: &'t [Vec<u8>], of_event: EventAttributes) -> Self {
        let addresses = |texts: &'t [Vec<u8>]| {
            texts.iter().map(|it| String::from_utf8_lossy(it)).collect::<Vec<_>>()
        };
        let values = |attribute| of_event.values(attribute).collect::<Vec<_>>();
        let said = [Attribute::Spam, Attribute::Dkim, Attribute::Dmarc, Attribute::Spf].map(values);
        let count = said.iter().map(Vec::len).max().unwrap_or(0);
        // Joined once for each set of attributes: there are far fewer sets than events.
        let verdicts = (0..count).map(|set| {
            let mut values = EntryValues::new();
            let joined = values.verdicts(said.each_ref().map(|it| it.get(set)?.as_deref()));
            Verdicts { joined, are_whole: values.are_whole }
        });
        Self {
            recipients: addresses(recipients),
            senders: addresses(senders),
            folders: values(Attribute::Folder),
            statuses: values(Attribute::Status),
            causes: values(Attribute::Cause),
            rules: values(Attribute::Rule),
            verdicts: verdicts.collect(),
            of_event,
        }
    }

    fn value<'a>(&self, values: &'a [Option<String>], event: u32) -> Option<&'a str> {
        values.get(self.of_event.set_of(event)? as usize)?.as_deref()
    }
}

impl EventColumns<'_> {
    /// Passes the entries of all messages, without those whose events are left out, through `make`
    /// on all cores, and hands the results to `add` in portions. The rules must not call anything
    /// too early to be lost.
    pub(in crate::trace) fn for_each_entry<T: Send>(
        &self,
        is_left_out: Option<&(dyn Fn(Location) -> bool + Sync)>,
        make: impl Fn(&MessageEntry<'_>) -> T + Sync,
        mut add: impl FnMut(Vec<T>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let table = &self.table;
        let index = self.store.index();
        let senders = index.senders()?;
        let recipients = table.address_texts();
        let texts = EventTexts::new(recipients, senders.texts(), index.event_attributes()?);
        let count = table.message_count();
        for first in (0..count).step_by(ENTRIES_AT_ONCE) {
            let numbers: Vec<usize> = (first..count.min(first + ENTRIES_AT_ONCE)).collect();
            let made: Vec<Vec<T>> = numbers
                .par_chunks(ENTRIES_OF_WORKER)
                .map_init(
                    || (ColumnJudge::new(table, &self.rules), self.store.events()),
                    |(judge, reader), numbers| {
                        let mut made = Vec::with_capacity(numbers.len());
                        for events in numbers.iter().map(|it| table.events_of(*it)) {
                            let is_out = |it: &u32| {
                                let is_out = table.location(*it).zip(is_left_out);
                                is_out.is_some_and(|(place, is_out)| is_out(place))
                            };
                            let out_count = events.iter().filter(|it| is_out(it)).count();
                            // Every event is left out, so the whole message is: nothing needs to be
                            // judged.
                            if is_left_out.is_some() && out_count == events.len() {
                                continue;
                            }
                            // Events that share only the hash of an ID are several messages, of
                            // which some may be left out.
                            let entry = match out_count {
                                0 => self.entry(judge, events, &texts, &senders),
                                _ => None,
                            };
                            if let Some(entry) = entry {
                                made.push(make(&entry));
                                continue;
                            }
                            let read = judge.originals(events, reader)?;
                            let is_whole = read.len() == events.len();
                            for_each_entry_of(read, is_whole, |it| {
                                if is_left_out.is_none_or(|is_out| !is_out(it.place)) {
                                    made.push(make(&it));
                                }
                            });
                        }
                        Ok(made)
                    },
                )
                .collect::<Result<_, StoreError>>()?;
            made.into_iter().try_for_each(&mut add)?;
        }
        Ok(())
    }

    /// Returns the entry from the columns; `None` if they are not enough.
    fn entry<'e>(
        &'e self,
        judge: &mut ColumnJudge<'_>,
        events: &[u32],
        texts: &'e EventTexts<'_>,
        senders: &Senders,
    ) -> Option<MessageEntry<'e>> {
        let (first_ms, last_ms) = judge.take(events)?;
        let rows = judge.rows();
        // Which of two events of one time decides depends on their originals.
        if rows.iter().any(ColumnRow::is_tied) {
            return None;
        }
        let mut legs: Vec<LegEntry> = judge
            .legs()
            .iter()
            .map(|it| LegEntry {
                started_ms: it.started_ms,
                is_outgoing: it.direction() == Direction::Outgoing,
            })
            .collect();
        // By start, as the table stores them; `take` has refused legs with equal starts.
        legs.sort_unstable();
        let mut recipients = Vec::with_capacity(rows.len());
        let delivered = self.delivered(events);
        for row in rows {
            recipients.push(self.recipient(row, &legs, &delivered, texts));
        }
        // Rows come in the order of the addresses' numbers, not of their texts. A stable sort keeps
        // the order of precedence within an address.
        recipients.sort_by(|a, b| a.address.cmp(&b.address));
        let place = events.iter().filter_map(|it| self.table.location(*it)).min()?;
        let from = judge.earliest(events, |it| senders.from(it))?;
        let sender = judge.earliest(events, |it| senders.sender(it))?;
        let arrival = judge.earliest(events, |event| {
            let is_arrival = self.table.row(event).is_some_and(|it| it.is_arrival);
            if is_arrival { texts.of_event.set_of(event) } else { None }
        })?;
        let verdicts = arrival.and_then(|it| texts.verdicts.get(it as usize));
        let rule = |event: &u32| texts.value(&texts.rules, *event);
        let mut rules: Vec<_> = events.iter().filter_map(rule).map(Cow::Borrowed).collect();
        rules.sort_unstable();
        // A rule counts once for a message, however often it was applied.
        rules.dedup();
        let is_told = is_told(&legs, &recipients);
        Some(MessageEntry {
            place,
            first_ms,
            last_ms,
            lacks_beginning: judge.legs().iter().any(|it| !it.has_beginning),
            from: from.and_then(|it| text(&texts.senders, it)),
            sender: sender.and_then(|it| text(&texts.senders, it)),
            verdicts: verdicts.and_then(|it| it.joined.as_deref()).map(Cow::Borrowed),
            rules,
            legs,
            recipients,
            needs_originals: !is_told || verdicts.is_some_and(|it| !it.are_whole),
        })
    }

    /// Returns the addresses whose mailboxes got the message.
    fn delivered(&self, events: &[u32]) -> Vec<u32> {
        let rows = events.iter().filter_map(|it| self.table.row(*it));
        let delivered = rows.filter(|it| it.role.kind == RoleKind::Delivered);
        delivered.flat_map(|it| it.addresses.iter().copied()).collect()
    }

    fn recipient<'e>(
        &'e self,
        row: &ColumnRow,
        legs: &[LegEntry],
        delivered: &[u32],
        texts: &'e EventTexts<'_>,
    ) -> RecipientEntry<'e> {
        let decided = |outcome| row.deciding_event().filter(|_| row.outcome == outcome);
        let value = |values, event: Option<u32>| {
            event.and_then(|it| texts.value(values, it)).map(Cow::Borrowed)
        };
        let bounce = decided(Outcome::Bounced);
        let folder = value(&texts.folders, decided(Outcome::Delivered));
        let is_outgoing = row.direction == Direction::Outgoing;
        let leg = legs
            .iter()
            // Found by value: sorting has changed the judge's numbers. Starts are unique here.
            .position(|it| it.started_ms == row.started_ms && it.is_outgoing == is_outgoing);
        RecipientEntry {
            address: text(&texts.recipients, row.address).unwrap_or_default(),
            bits: RowBits {
                outcome: number_of(row.outcome),
                is_junk: folder.as_deref().is_some_and(is_junk),
                was_delivered: delivered.contains(&row.address),
                leg: leg_number(leg),
            },
            latency_ms: row.latency_ms().and_then(latency_of),
            folder,
            status: value(&texts.statuses, bounce),
            cause: value(&texts.causes, bounce),
            bounce: bounce.and_then(|it| self.table.location(it)),
        }
    }
}

fn text<'e>(texts: &'e [Cow<'_, str>], number: u32) -> Option<Cow<'e, str>> {
    texts.get(number as usize).map(|it| Cow::Borrowed(&**it))
}
