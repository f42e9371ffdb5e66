//! Counts of events and legs of the messages that a query finds, from their originals.

use std::collections::HashMap;

use super::tally::{CountedValue, Tally, TallyOf};
use super::{CountKey, StatsRequest};
use crate::event::{EventName, RoleKind, cause_of};
use crate::query::Query;
use crate::store::words::folded;
use crate::store::{EventReader, Store, StoreError, StoredEvent, truncate_term};
use crate::time::Intervals;
use crate::trace::{
    Message, MessageFilter, Overview, Recipient, SelectedMessage, Selection, message_at,
};

impl StatsRequest {
    /// True if only some messages are selected.
    pub(super) fn is_of_some(&self) -> bool {
        self.rows != Query::All
    }

    /// Passes each selected message to `visit`, with its selected recipients. The parts are in the
    /// order of the store.
    pub(super) fn visit_asked<T: Default + Send>(
        &self,
        store: &Store,
        visit: impl Fn(&mut T, &Message, &[&Recipient]) + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let overview = Overview::new(store, &self.rules)?;
        let filter = MessageFilter { rows: self.rows.clone(), ..MessageFilter::default() };
        let selection = Selection::new(&overview, &filter)?;
        selection.visit(|made, reader: &mut EventReader<'_>, found| {
            if let SelectedMessage::Read { message, recipients, .. } = found {
                visit(made, message, recipients);
                return Ok(());
            }
            // The message table has no events to count, so the originals are read after all.
            if let Some(message) = message_at(reader, found.event(), &self.rules)? {
                visit(made, &message, &filter.recipients_in(&message).unwrap_or_default());
            }
            Ok(())
        })
    }
}

/// The counts of one part.
#[derive(Default)]
struct CountedPart {
    tally: Tally,
    values: Spellings,
}

/// Values in the form that compares, each with its earliest spelling.
#[derive(Default)]
struct Spellings {
    numbers: HashMap<Option<String>, u32>,
    written: Vec<(i64, CountedValue)>,
}

impl Spellings {
    /// Returns the number of a value, and keeps this spelling if it is the earliest.
    fn number_of(&mut self, compared: Option<String>, ms: i64, written: CountedValue) -> u32 {
        let next = u32::try_from(self.written.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(compared).or_insert(next);
        match self.written.get_mut(number as usize) {
            // The earliest in time, which need not be the first read.
            Some(known) if ms < known.0 => *known = (ms, written),
            Some(_) => {}
            None => self.written.push((ms, written)),
        }
        number
    }
}

/// Counts the things of the selected messages by their values.
pub(super) fn tally(
    store: &Store,
    key: CountKey,
    request: &StatsRequest,
    intervals: Option<&Intervals>,
) -> Result<TallyOf, StoreError> {
    let parts = request.visit_asked(store, |part: &mut CountedPart, message, recipients| {
        for (value, ms) in things(key, request, message, recipients) {
            let (compared, written) = value.unzip();
            let written = written.map_or(CountedValue::Absent, CountedValue::Text);
            let number = part.values.number_of(compared, ms, written);
            part.tally.add(number, ms, intervals);
        }
    })?;
    let (mut tally, mut values) = (Tally::default(), Spellings::default());
    for part in parts {
        let mut written: Vec<_> = part.values.written.into_iter().map(Some).collect();
        // Each part has numbered values for itself: its numbers are replaced by those of the whole.
        let mut numbers = vec![u32::MAX; written.len()];
        for (compared, place) in part.values.numbers {
            let place = place as usize;
            let Some((ms, written)) = written.get_mut(place).and_then(Option::take) else {
                continue;
            };
            if let Some(slot) = numbers.get_mut(place) {
                *slot = values.number_of(compared, ms, written);
            }
        }
        tally.join(part.tally, |it| numbers.get(it as usize).copied().unwrap_or(u32::MAX));
    }
    Ok(TallyOf { tally, values: values.written.into_iter().map(|(_, it)| it).collect() })
}

/// Returns the things of a message that count: the value as it compares and as it is written, and
/// the time.
fn things(
    key: CountKey,
    request: &StatsRequest,
    message: &Message,
    recipients: &[&Recipient],
) -> Vec<(Option<(String, String)>, i64)> {
    if key == CountKey::Direction {
        let legs = message.legs.iter().filter(|it| request.contains(it.started.as_ms()));
        let things = legs.map(|leg| {
            let way = leg.direction.to_string();
            (Some((way.clone(), way)), leg.started.as_ms())
        });
        return things.collect();
    }
    let events = message.events.iter().filter(|it| {
        request.contains(it.record.timestamp.as_ms()) && is_counted(key, it, recipients)
    });
    events.map(|it| (value(key, it), it.record.timestamp.as_ms())).collect()
}

/// True if an event of a message counts: if it names recipients, one of them must be selected.
fn is_counted(key: CountKey, stored: &StoredEvent, recipients: &[&Recipient]) -> bool {
    let event = &stored.event;
    let kind = crate::event::Role::of(event).kind;
    let is_of_asked = || {
        let named = event.addressees();
        let is_asked = |it: &&Recipient| named.contains(&it.address);
        // An event that names nobody is about the whole message.
        named.is_empty() || recipients.iter().any(is_asked)
    };
    match key {
        CountKey::Rule => key.value_in(event).is_some(),
        CountKey::Status | CountKey::Reason | CountKey::Cause => {
            kind == RoleKind::Bounced && is_of_asked()
        }
        CountKey::Folder => kind == RoleKind::Delivered && is_of_asked(),
        CountKey::Spam | CountKey::Dkim | CountKey::Dmarc | CountKey::Spf => {
            event.name == EventName::OrganizationEmailReceived
        }
        _ => {
            let names_one =
                matches!(kind, RoleKind::Delivered | RoleKind::Sent | RoleKind::Bounced);
            !names_one || is_of_asked()
        }
    }
}

/// Returns the value of an event as it compares and as it is written.
fn value(key: CountKey, stored: &StoredEvent) -> Option<(String, String)> {
    let value = key.value_in(&stored.event)?;
    Some(match key {
        CountKey::Cause => {
            let cause = cause_of(value);
            (cause.clone(), cause)
        }
        CountKey::Reason => (value.to_owned(), value.to_owned()),
        _ => (truncate_term(&folded(value)).to_owned(), value.to_owned()),
    })
}
