//! Reads what the email events say about a person's mail.

use std::collections::HashSet;

use super::access::Moments;
use super::step::{Step, StepKind};
use super::who::Who;
use crate::event::{Address, Event, EventName, decoded_subject};
use crate::limits;
use crate::query::{Field, Matcher, Query, search};
use crate::store::{EventReader, Store, StoreError, StoredEvent};
use crate::time::TimeRange;

/// The mail that a person sent and received, and the rules that acted on it, from the newest `most`
/// events.
pub(super) fn moments(
    store: &Store,
    who: &Who,
    range: TimeRange,
    most: usize,
) -> Result<Moments, StoreError> {
    let Some(query) = mail_query(who) else { return Ok(Moments::default()) };
    let hits = search(store, &query, range, most)?;
    let is_cut = hits.total() > most as u64;
    let (mut legs, mut told) = (HashSet::new(), Vec::new());
    let mut since = None;
    for event in hits {
        let event = event?;
        since = Some(event.record.timestamp);
        // Deliveries and bounces name no sender and no subject, so the whole leg is read.
        let trace_id = event.event.trace_id.to_string();
        if trace_id.is_empty() {
            told.push(vec![event]);
        } else if legs.insert(trace_id.clone()) {
            told.push(leg(&mut store.events(), &trace_id)?);
        }
    }
    let mut moments = Vec::new();
    for leg in &told {
        moments_of(leg, who, range, &mut moments);
    }
    Ok(Moments { moments, is_cut, since: since.filter(|_| is_cut) })
}

/// The query for a person's mail; `None` if none of their addresses is known.
pub fn mail_query(who: &Who) -> Option<Query> {
    let fields = [Field::From, Field::Sender, Field::To];
    let demands = who.addresses.iter().flat_map(|address| {
        fields.map(|field| Query::demand(field, Matcher::Exact(address.clone())))
    });
    let demands: Vec<Query> = demands.collect();
    (!demands.is_empty()).then(|| Query::or(demands))
}

/// The events of a leg, in order of time.
fn leg(reader: &mut EventReader<'_>, trace_id: &str) -> Result<Vec<StoredEvent>, StoreError> {
    let mut events = Vec::new();
    for location in reader.leg_locations(trace_id, limits::TIMELINE_LEG_EVENTS_MAX) {
        let event = reader.read(location)?;
        // Otherwise the event has another ID with the same hash.
        if event.event.trace_id == trace_id {
            events.push(event);
        }
    }
    events.sort_by_key(|it| it.record.timestamp);
    Ok(events)
}

fn moments_of(leg: &[StoredEvent], who: &Who, range: TimeRange, moments: &mut Vec<Step>) {
    let Some(at) = leg.iter().map(|it| it.record.timestamp).min() else { return };
    // One time decides for the whole leg, so that a change of address cannot split it.
    let is_theirs = |it: &Address<'_>| who.had(it.as_str(), at);
    let events = || leg.iter().map(|it| &it.event);
    let from = events().find_map(|it| it.from.as_ref());
    let is_outgoing = events().any(Event::is_outgoing);
    let sender = events().find_map(|it| it.sender.as_ref());
    let is_sent_by = is_outgoing && from.into_iter().chain(sender).any(is_theirs);
    let subject = events().find_map(|it| it.subject.as_deref());
    let subject = subject.map(|it| decoded_subject(it).into_owned());
    let has_submission = events().any(|it| it.name == EventName::OutgoingEmailSubmitted);
    // A rule of a mailbox does not say whose it is; only the mailbox that the leg is for does.
    let mailboxes: HashSet<&Address<'_>> =
        events().filter(|it| !it.is_outgoing()).flat_map(|it| &it.recipient).collect();
    let is_for_them_alone = mailboxes.len() == 1 && mailboxes.iter().any(|it| is_theirs(it));
    let step = |stored: &StoredEvent, kind: StepKind, peers: Vec<&Address<'_>>| {
        let mut names: Vec<String> = peers.iter().map(|it| it.logged().to_owned()).collect();
        let peer_count = names.len() as u64;
        names.truncate(limits::TIMELINE_NAMES_MAX);
        let trace_id = Some(stored.event.trace_id.to_string()).filter(|it| !it.is_empty());
        Step {
            text: subject.clone(),
            folder: stored.event.folder.as_deref().map(str::to_owned),
            peers: names,
            peer_count,
            ids: trace_id.into_iter().collect(),
            ..Step::new(kind, stored.record.timestamp)
        }
    };
    // The leg was read whole, so some of its events may lie outside the range.
    for stored in leg.iter().filter(|it| range.contains(it.record.timestamp)) {
        let event = &stored.event;
        let (kind, peers) = match &event.name {
            EventName::OutgoingEmailSubmitted if is_sent_by => {
                (StepKind::MailSent, event.recipients.iter().collect())
            }
            // The log begins in the middle of this message.
            EventName::OutgoingEmailSent if is_sent_by && !has_submission => {
                (StepKind::MailSent, event.recipient.iter().collect())
            }
            EventName::OutgoingEmailBounced if is_sent_by => {
                (StepKind::MailBounced, event.bounced.iter().collect())
            }
            EventName::MailboxEmailDelivered if event.recipient.iter().any(is_theirs) => {
                (StepKind::MailReceived, from.into_iter().collect())
            }
            EventName::IncomingEmailBounced if event.bounced.iter().any(is_theirs) => {
                (StepKind::MailRefused, from.into_iter().collect())
            }
            EventName::RuleApplied => {
                let mut named = event.rule_actions.iter().flat_map(|it| &it.recipients);
                if !is_sent_by && !is_for_them_alone && !named.any(is_theirs) {
                    continue;
                }
                let rule = step(stored, StepKind::Rule, event.target_recipient.iter().collect());
                let folder = event.target_folder.as_deref().map(str::to_owned);
                moments.push(Step { text: Some(rule_in_words(event)), folder, ..rule });
                continue;
            }
            _ => continue,
        };
        moments.push(step(stored, kind, peers));
    }
}

/// The name of a rule and its actions.
fn rule_in_words(event: &Event<'_>) -> String {
    let name = event.rule_name.as_deref().unwrap_or("without a name");
    let actions: Vec<&str> = event.rule_actions.iter().map(|it| &*it.action).collect();
    match actions.is_empty() {
        true => name.to_owned(),
        false => format!("{name}: {}", actions.join(", ")),
    }
}
