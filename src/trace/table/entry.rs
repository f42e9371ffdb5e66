//! The table's entry of a message, made from the message itself.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::event::{Address, EventName, cause_of};
use crate::store::words::folded;
use crate::store::{
    LATENCY_MAX_MS, LEGS_MAX, LegEntry, Location, MessageEntry, RecipientEntry, RowBits,
    StoredEvent, joined_verdicts, truncate_term,
};
use crate::trace::filter::has_beginning;
use crate::trace::gather::{places_by_record, record_of};
use crate::trace::join::join_whole;
use crate::trace::message::{Direction, Message, Outcome, Recipient};
use crate::trace::{JoinRules, Leg, Verdict};

/// Rules by which nothing is too early to be lost: whether it is depends on the question.
pub(in crate::trace) const UNDECIDED_IS_LOST: JoinRules =
    JoinRules { grace_ms: i64::MIN, newest: None, directory: None };

/// Returns the number of an outcome in the table.
pub(in crate::trace) fn number_of(outcome: Outcome) -> u8 {
    u8::try_from(outcome.place()).unwrap_or(u8::MAX)
}

/// Makes values comparable, and records whether all of them are short enough for the table.
pub(in crate::trace) struct EntryValues {
    pub(in crate::trace) are_whole: bool,
}

impl EntryValues {
    pub(in crate::trace) fn new() -> Self {
        Self { are_whole: true }
    }

    pub(in crate::trace) fn address<'v>(&mut self, address: &'v str) -> Cow<'v, str> {
        let held = truncate_term(address);
        self.are_whole &= held.len() == address.len();
        Cow::Borrowed(held)
    }

    /// Returns a keyword as the index compares it; `None` if it is blank.
    pub(in crate::trace) fn compared<'v>(&mut self, value: &'v str) -> Option<Cow<'v, str>> {
        let folded = folded(value);
        let length = truncate_term(&folded).len();
        self.are_whole &= length == folded.len();
        let held = match folded {
            Cow::Borrowed(text) => Cow::Borrowed(truncate_term(text)),
            Cow::Owned(mut text) => {
                text.truncate(length);
                Cow::Owned(text)
            }
        };
        (!held.trim().is_empty()).then_some(held)
    }

    /// Returns the cause in a bounce's reason, as the index has it.
    pub(in crate::trace) fn cause(&mut self, reason: &str) -> Option<Cow<'static, str>> {
        let mut cause = cause_of(reason);
        let length = truncate_term(&cause).len();
        self.are_whole &= length == cause.len();
        cause.truncate(length);
        (!cause.is_empty()).then_some(Cow::Owned(cause))
    }

    /// Returns the verdicts on arrival as one text.
    pub(in crate::trace) fn verdicts(&mut self, said: [Option<&str>; 4]) -> Option<String> {
        let compared = said.map(|it| self.compared(it?));
        // Verdicts are joined by a control character: one that contains any would read as two.
        let is_plain = |it: &Cow<'_, str>| !it.contains(char::is_control);
        self.are_whole &= compared.iter().flatten().all(is_plain);
        joined_verdicts(compared.each_ref().map(Option::as_deref))
    }
}

/// Makes the entry of a message. `place_of` locates its events.
pub(in crate::trace) fn entry_of<'m>(
    message: &'m Message,
    place_of: &dyn Fn(&StoredEvent) -> Option<Location>,
    is_whole: bool,
) -> Option<MessageEntry<'m>> {
    let mut values = EntryValues::new();
    let events = || message.events.iter().map(|it| &it.event);
    // Kept beside the outcome: a mailbox that got the message may have bounced it later.
    let delivered: HashSet<&Address<'_>> = events()
        .filter(|it| it.name == EventName::MailboxEmailDelivered)
        .flat_map(|it| it.addressees())
        .collect();
    let bounce = |row: &Recipient| {
        row.decided_by
            .filter(|_| row.outcome == Outcome::Bounced)
            .and_then(|it| message.events.get(it))
    };
    let recipients: Vec<_> = message
        .rows_by_address()
        .into_iter()
        .map(|(_, row)| RecipientEntry {
            address: values.address(row.address.as_str()),
            bits: RowBits {
                outcome: number_of(row.outcome),
                is_junk: row.is_junk,
                was_delivered: delivered.contains(&row.address),
                leg: leg_number(Some(row.leg)),
            },
            latency_ms: row.latency_ms.and_then(latency_of),
            folder: row.folder.as_deref().and_then(|it| values.compared(it)),
            status: row.status.as_deref().and_then(|it| values.compared(it)),
            cause: bounce(row)
                .and_then(|it| it.event.reason.as_deref())
                .and_then(|it| values.cause(it)),
            bounce: bounce(row).and_then(place_of),
        })
        .collect();
    let mut rules: Vec<Cow<'_, str>> = events()
        .filter_map(|it| it.rule_name.as_deref())
        .filter_map(|it| values.compared(it))
        .collect();
    rules.sort_unstable();
    rules.dedup();
    let leg = |it: &Leg| LegEntry {
        started_ms: it.started.as_ms(),
        is_outgoing: it.direction == Direction::Outgoing,
    };
    let legs: Vec<_> = message.legs.iter().map(leg).collect();
    let is_told = is_whole && is_told(&legs, &recipients);
    Some(MessageEntry {
        // The event stored first: later events of the message leave the entry's key as it is.
        place: message.events.iter().filter_map(place_of).min()?,
        first_ms: message.first_seen.as_ms(),
        last_ms: message.last_seen.as_ms(),
        lacks_beginning: message.legs.iter().any(|it| !has_beginning(message, it)),
        from: message.from.as_ref().map(|it| values.address(it.as_str())),
        sender: message.sender.as_ref().map(|it| values.address(it.as_str())),
        verdicts: values.verdicts(Verdict::ALL.map(|it| it.of(message))).map(Cow::Owned),
        rules,
        legs,
        recipients,
        // A cut value would match what the whole one does not.
        needs_originals: !is_told || !values.are_whole,
    })
}

/// Returns a latency as the table holds it.
pub(in crate::trace) fn latency_of(ms: i64) -> Option<u64> {
    u64::try_from(ms).ok().map(|it| it.min(LATENCY_MAX_MS))
}

/// Returns the index of a leg as the table holds it.
pub(in crate::trace) fn leg_number(place: Option<usize>) -> u8 {
    place.and_then(|it| u8::try_from(it).ok()).unwrap_or(u8::MAX)
}

/// True if the table can hold all legs and latencies of a message.
pub(in crate::trace) fn is_told(legs: &[LegEntry], recipients: &[RecipientEntry<'_>]) -> bool {
    let is_short = |it: &RecipientEntry<'_>| it.latency_ms.is_none_or(|it| it < LATENCY_MAX_MS);
    legs.len() <= LEGS_MAX && recipients.iter().all(is_short)
}

/// Passes on the entries of the messages that connected events make. If the events are not whole,
/// the entries refer to the originals.
pub(in crate::trace) fn for_each_entry_of(
    events: Vec<(Location, StoredEvent)>,
    is_whole: bool,
    visit: impl FnMut(MessageEntry<'_>),
) {
    let places = places_by_record(&events);
    let events = events.into_iter().map(|(_, it)| it).collect();
    let messages = join_whole(events, &UNDECIDED_IS_LOST, &|_| is_whole);
    let place_of = |event: &StoredEvent| places.get(&record_of(event)).copied();
    messages.iter().filter_map(|it| entry_of(it, &place_of, is_whole)).for_each(visit);
}
