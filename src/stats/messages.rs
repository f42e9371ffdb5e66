//! Messages, their legs and their recipients, by what the overview of all messages knows.

use std::collections::HashMap;

use super::group_values::outcome_number;
use super::tally::{Tally, Value};
use super::{CountKey, StatsRequest};
use crate::event::domain_of;
use crate::store::{Store, StoreError};
use crate::time::TimeRange;
use crate::trace::{
    AddressKey, Direction, EventTracer, Listing, MessageFacts, Outcome, Overview, TextKind,
    deciding, facts_of,
};

/// What one worker found.
#[derive(Default)]
struct Part {
    numbered: Vec<(u32, i64)>,
    /// Addresses of messages whose originals were read.
    texts: Vec<(String, i64)>,
}

/// The number of no value.
const ABSENT: u32 = u32::MAX;

impl Part {
    fn take(&mut self, address: Option<AddressKey>, ms: i64) {
        match address {
            None => self.numbered.push((ABSENT, ms)),
            Some(AddressKey::Number(number)) => self.numbered.push((number, ms)),
            Some(AddressKey::Text(text)) => self.texts.push((text, ms)),
        }
    }
}

impl Part {
    /// Takes what counts of a message.
    fn take_facts(&mut self, facts: MessageFacts, key: CountKey, request: &StatsRequest) {
        if key == CountKey::Direction {
            let legs = facts.legs.iter().filter(|it| request.contains(it.started_ms));
            let direction = |it: Direction| direction_number(it == Direction::Outgoing);
            self.numbered.extend(legs.map(|it| (direction(it.direction), it.started_ms)));
            return;
        }
        let ms = facts.first_seen_ms;
        if !request.contains(ms) {
            return;
        }
        if matches!(key, CountKey::Sender | CountKey::SenderDomain) {
            self.take(facts.sender, ms);
            return;
        }
        for recipient in facts.recipients.into_iter().filter(|it| it.is_deciding) {
            if key == CountKey::Outcome {
                self.numbered.push((outcome_number(recipient.outcome), ms));
            } else {
                self.take(Some(recipient.address), ms);
            }
        }
    }
}

const DIRECTIONS: [Direction; 2] = [Direction::Incoming, Direction::Outgoing];

/// Where a direction stands in [`DIRECTIONS`].
fn direction_number(is_outgoing: bool) -> u32 {
    u32::from(is_outgoing)
}

/// Takes the messages, legs or recipients that count, with their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
) -> Result<Tally, StoreError> {
    let is_by_sender = matches!(key, CountKey::Sender | CountKey::SenderDomain);
    let overview = Overview::new(store, &request.rules, is_by_sender);
    if let Some(listing) = overview.listing() {
        return tally_listed(&overview, listing, store, key, request);
    }
    let parts: Vec<Part> =
        overview.visit(|part: &mut Part, facts| part.take_facts(facts, key, request))?;
    let tally = match key {
        CountKey::Direction => joined(parts, &DIRECTIONS.map(Direction::as_str)),
        CountKey::Outcome => joined(parts, &Outcome::ALL.map(Outcome::as_str)),
        _ if is_by_sender => joined(parts, overview.senders()),
        _ => joined(parts, overview.recipients()),
    };
    Ok(if key.is_of_domains() { by_domain(tally) } else { tally })
}

/// The same by the message table.
fn tally_listed(
    overview: &Overview<'_>,
    listing: Listing<'_>,
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
) -> Result<Tally, StoreError> {
    let kind = match key {
        CountKey::Sender | CountKey::SenderDomain => Some(TextKind::Senders),
        CountKey::Recipient | CountKey::RecipientDomain => Some(TextKind::Recipients),
        _ => None,
    };
    let numbers = kind.map(|it| overview.numbers(listing, it, request.range)).transpose()?;
    let numbers = numbers.unwrap_or_default();
    // Legs are counted by their own start.
    let range = if key == CountKey::Direction { TimeRange::default() } else { request.range };
    let start = || EventTracer::new(store, &request.rules);
    let parts = listing.visit(range, None, start, |part: &mut Part, tracer, message| {
        if message.needs_originals {
            let read = tracer.message_of(message.place)?;
            read.iter().for_each(|it| part.take_facts(facts_of(it), key, request));
            return Ok(());
        }
        let ms = message.first_ms;
        match key {
            CountKey::Direction => {
                let legs = message.legs.iter().filter(|it| request.contains(it.started_ms));
                part.numbered
                    .extend(legs.map(|it| (direction_number(it.is_outgoing), it.started_ms)));
            }
            CountKey::Sender | CountKey::SenderDomain => {
                let sender = listing.sender(message, &numbers);
                part.numbered.push((sender.unwrap_or(ABSENT), ms));
            }
            CountKey::Outcome => part
                .numbered
                .extend(deciding(&message.rows).map(|it| (outcome_number(it.outcome), ms))),
            _ => part.numbered.extend(deciding(&message.rows).map(|it| {
                let number = numbers.get(0, message.segment, it.address());
                (number.unwrap_or(ABSENT), ms)
            })),
        }
        Ok(())
    })?;
    let tally = match key {
        CountKey::Direction => joined(parts, &DIRECTIONS.map(Direction::as_str)),
        CountKey::Outcome => joined(parts, &Outcome::ALL.map(Outcome::as_str)),
        _ => joined(parts, &numbers.texts),
    };
    Ok(if key.is_of_domains() { by_domain(tally) } else { tally })
}

/// Puts the parts together, and gives numbers to what has none.
fn joined(parts: Vec<Part>, known: &[impl AsRef<[u8]>]) -> Tally {
    let texts = || known.iter().map(|it| String::from_utf8_lossy(it.as_ref()).into_owned());
    let mut tally = Tally { things: Vec::new(), values: texts().map(Value::Text).collect() };
    let mut numbers: HashMap<String, u32> = HashMap::new();
    // Of most stores no original was read, and there is nothing to look up.
    if parts.iter().any(|it| !it.texts.is_empty()) {
        numbers.extend(texts().zip(0..));
    }
    let absent = u32::try_from(tally.values.len()).unwrap_or(ABSENT);
    tally.values.push(Value::Absent);
    for part in parts {
        let found = |(it, ms)| (if it == ABSENT { absent } else { it }, ms);
        tally.things.extend(part.numbered.into_iter().map(found));
        for (text, ms) in part.texts {
            let next = u32::try_from(tally.values.len()).unwrap_or(ABSENT);
            let number = *numbers.entry(text.clone()).or_insert(next);
            if number == next {
                tally.values.push(Value::Text(text));
            }
            tally.things.push((number, ms));
        }
    }
    tally
}

/// Takes what stands after the last `@` of each address for its value.
fn by_domain(tally: Tally) -> Tally {
    let mut values = Vec::new();
    let mut numbers: HashMap<Option<String>, u32> = HashMap::new();
    let domains: Vec<u32> = tally
        .values
        .into_iter()
        .map(|value| {
            let domain = match &value {
                Value::Text(text) => domain_of(text).map(str::to_owned),
                _ => None,
            };
            let next = u32::try_from(values.len()).unwrap_or(ABSENT);
            let number = *numbers.entry(domain.clone()).or_insert(next);
            if number == next {
                values.push(domain.map_or(Value::Absent, Value::Text));
            }
            number
        })
        .collect();
    let domain_of = |it: u32| domains.get(it as usize).copied().unwrap_or(ABSENT);
    let things = tally.things.into_iter().map(|(it, ms)| (domain_of(it), ms)).collect();
    Tally { things, values }
}
