//! New events, selected by the outcomes of the rows that they count for.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::Row;
use crate::limits;
use crate::query::Query;
use crate::store::{Store, StoreError, StoredEvent};
use crate::trace::gather::messages_with;
use crate::trace::{JoinRules, Message};

/// Returns those of the events, which the store has, that count for a matching row, in their order.
/// Each is seen with its whole message as the store has it, judged by `rules`.
///
/// An event counts for each row of its leg or, if it names a recipient, for that recipient's row.
/// So an arrival is returned if it is committed together with the bounce that makes one of its rows
/// bounced; if the bounce comes later, only the bounce is new.
pub fn events_of_rows(
    store: &Store,
    rules: &JoinRules,
    rows: &Query,
    events: Vec<StoredEvent>,
) -> Result<Vec<StoredEvent>, StoreError> {
    let mut legs: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, event) in events.iter().enumerate() {
        legs.entry(&event.event.trace_id).or_default().push(place);
    }
    // Events without a trace ID share no leg.
    let alone = legs.remove("").into_iter().flatten();
    let groups: Vec<Vec<usize>> = legs.into_values().chain(alone.map(|it| vec![it])).collect();
    let found: Vec<Vec<usize>> = groups
        .par_chunks(limits::QUERY_CANDIDATES_AT_ONCE)
        .map(|groups| {
            let mut reader = store.events();
            let mut found = Vec::new();
            for group in groups {
                // One event is enough for its leg: the others are in the messages connected to it.
                let Some(first) = group.first().and_then(|it| events.get(*it)) else { continue };
                let messages = messages_with(&mut reader, first, rules)?;
                found.extend(group.iter().copied().filter(|place| {
                    let event = events.get(*place);
                    event.is_some_and(|it| messages.iter().any(|of| finds(of, it, rows)))
                }));
            }
            Ok::<_, StoreError>(found)
        })
        .collect::<Result<_, _>>()?;
    let mut is_found = vec![false; events.len()];
    for place in found.concat() {
        if let Some(is_found) = is_found.get_mut(place) {
            *is_found = true;
        }
    }
    Ok(events.into_iter().zip(is_found).filter(|(_, it)| *it).map(|(event, _)| event).collect())
}

/// True if an event belongs to a message and counts for a matching row of it.
fn finds(message: &Message, event: &StoredEvent, query: &Query) -> bool {
    let recipients = message.recipients.iter().map(Some);
    let none = message.recipients.is_empty().then_some(None);
    recipients.chain(none).any(|recipient| {
        let row = Row { message, recipient };
        let is_it = |it: &StoredEvent| {
            it.record.timestamp == event.record.timestamp
                && it.record.message == event.record.message
        };
        row.leg_events().any(is_it) && row.fits(query)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::Language;
    use crate::time::{Timestamp, Zone};
    use crate::trace::join;
    use crate::trace::samples::{at, bounced, delivered};

    #[test]
    fn an_event_is_found_by_the_rows_that_it_counts_for() {
        let arrival = json!({"from": "ana@x", "recipients": ["bob@y", "eve@y"]});
        let received = at(0, "t", "ORGANIZATION_EMAIL_RECEIVED", arrival);
        let delivered = delivered(1, "t", "bob@y", "INBOX");
        let bounced = bounced(2, "t", "INCOMING", "eve@y");
        let all = vec![received.clone(), delivered.clone(), bounced.clone()];
        let message = join(all, &JoinRules::default()).remove(0);
        for (query, expected) in [
            ("outcome:bounced", [true, false, true]),
            ("outcome:delivered", [true, true, false]),
            ("outcome:bounced to:bob", [false; 3]),
            ("from:ana message-outcome:partial", [true; 3]),
            ("outcome:lost", [false; 3]),
        ] {
            let rows = Language::of_rows(Timestamp::MIN, &Zone::UTC).parse(query).unwrap();
            let found = [&received, &delivered, &bounced].map(|it| finds(&message, it, &rows));
            assert_eq!(found, expected, "{query}");
        }
        let other = at(3, "t", "RULE_APPLIED", json!({}));
        assert!(!finds(&message, &other, &Query::All));
    }
}
