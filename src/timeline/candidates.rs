//! Finds what audit logs may say about one message: candidates, never more.
//!
//! Email events and audit events share no field but time. What happened in the right mailbox at the
//! right moment is shown with the rule that found it, and with the number of others that fit it
//! equally well.

use super::access::{has_events_within, moment_of, places_within};
use super::fold::Folder;
use super::step::Step;
use super::who::Who;
use crate::access::PeopleOnDemand;
use crate::audit::{AuditField, OtherRecord};
use crate::limits;
use crate::store::{Store, StoreError};
use crate::time::{TimeRange, Timestamp};
use crate::trace::{Direction, Message, Outcome};

/// Something that may have happened to a message in one mailbox, or on its way out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub address: String,
    /// The email event that it is near.
    pub near: NearEvent,
    /// The time of that event.
    pub at: Timestamp,
    /// The number of items or submissions that fit equally well, including this one.
    pub fitting: usize,
    /// The ID of the item in the mailbox.
    pub item_id: Option<String>,
    /// The actions on it, the oldest first.
    pub steps: Vec<Step>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum NearEvent {
    /// The message was delivered to the mailbox.
    Delivery,
    /// The message was submitted.
    Submission,
}

impl NearEvent {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Candidate {
    /// The rule that found it, with its certainty.
    pub fn rule(&self) -> String {
        let (one, many, ms) = match self.near {
            NearEvent::Delivery => (
                "item created in this mailbox",
                "items created in this mailbox",
                limits::CANDIDATE_CREATED_MS,
            ),
            NearEvent::Submission => (
                "mail submitted from this mailbox",
                "mails submitted from this mailbox",
                limits::CANDIDATE_SUBMITTED_MS,
            ),
        };
        let seconds = ms / 1_000;
        match self.fitting {
            1 => format!("candidate: the only {one} within {seconds} s"),
            count => format!("candidate: one of {count} {many} within {seconds} s"),
        }
    }
}

/// Looks for what happened to a message before it was sent and after it was delivered. Empty if the
/// store has no audit events.
pub fn candidates(store: &Store, message: &Message) -> Result<Vec<Candidate>, StoreError> {
    let near = moments_near(message);
    // There may be many times more audit events than mail, so their index is opened only if needed.
    if near.is_empty() || store.audit_index()?.is_none() {
        return Ok(Vec::new());
    }
    let mut search = Search { store, people: PeopleOnDemand::new(store), found: Vec::new() };
    for near in &near {
        search.look(near)?;
    }
    Ok(search.found)
}

/// A moment at which to look for what happened to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MomentNear {
    pub address: String,
    pub near: NearEvent,
    pub at: Timestamp,
}

impl MomentNear {
    pub fn range(&self) -> TimeRange {
        // Two services with clocks of their own log a delivery and its item, in either order. A
        // submission follows the action, so after it only the clocks need an allowance.
        let (before_ms, after_ms) = match self.near {
            NearEvent::Delivery => (limits::CANDIDATE_CREATED_MS, limits::CANDIDATE_CREATED_MS),
            NearEvent::Submission => (limits::CANDIDATE_SUBMITTED_MS, limits::CANDIDATE_CLOCKS_MS),
        };
        TimeRange {
            since: Some(self.at.saturating_add_ms(-before_ms)),
            // The end of a range is exclusive.
            until: Some(self.at.saturating_add_ms(after_ms + 1)),
        }
    }

    /// True if an action is of the kind to look for.
    pub fn is_done_by(&self, action: &str) -> bool {
        let begin = match self.near {
            NearEvent::Delivery => "create",
            NearEvent::Submission => "submit",
        };
        action.to_ascii_lowercase().starts_with(begin)
    }

    /// The owner of the mailbox, as far as the store knows.
    pub fn owner(&self, store: &Store) -> Result<Who, StoreError> {
        let who = Who::by_directory(store, &self.address, self.at);
        // Logins are read only if the directory has no answer, since they take a look at every
        // segment.
        if who.ids.is_empty() { who.with_logins(store) } else { Ok(who) }
    }
}

/// The moments at which to look for what happened to a message before it was sent and after it was
/// delivered.
pub fn moments_near(message: &Message) -> Vec<MomentNear> {
    let outgoing = message.legs.iter().find(|it| it.direction == Direction::Outgoing);
    let submitted = outgoing.zip(message.from.as_ref());
    let submitted =
        submitted.map(|(leg, from)| (from.as_str(), NearEvent::Submission, leg.started));
    let delivered = message.recipients.iter().filter(|it| it.outcome == Outcome::Delivered);
    let delivered = delivered
        .take(limits::CANDIDATE_MAILBOXES_MAX)
        .filter_map(|it| Some((it.address.as_str(), NearEvent::Delivery, it.at?)));
    let all = submitted.into_iter().chain(delivered);
    all.map(|(address, near, at)| MomentNear { address: address.to_owned(), near, at }).collect()
}

/// The search for candidates of one message.
struct Search<'s> {
    store: &'s Store,
    people: PeopleOnDemand<'s>,
    found: Vec<Candidate>,
}

/// The action of one audit event.
struct Deed {
    step: Step,
    item_id: Option<String>,
    action: String,
}

impl Search<'_> {
    fn look(&mut self, moment: &MomentNear) -> Result<(), StoreError> {
        let (range, near, at) = (moment.range(), moment.near, moment.at);
        if !has_events_within(self.store, range)? {
            return Ok(());
        }
        let who = moment.owner(self.store)?;
        let owned = who.ids.iter().map(|it| (AuditField::OwnerId, it.as_str())).collect::<Vec<_>>();
        let mut fitting = self.deeds(&owned, range, &who)?;
        fitting.retain(|it| moment.is_done_by(&it.action));
        // The nearest in time go first, because only a few are shown.
        fitting.sort_by_key(|it| it.step.first.ms_since(at).abs());
        let count = fitting.len();
        for Deed { step, item_id, .. } in fitting.into_iter().take(limits::CANDIDATES_SHOWN_MAX) {
            let mut folder = Folder::default();
            match (&item_id, near) {
                (Some(item), NearEvent::Delivery) => {
                    let of_item = [(AuditField::ItemId, item.as_str())];
                    // Later actions are found by the item's ID, so they certainly concern the same
                    // item.
                    let since = TimeRange { since: range.since, until: None };
                    let later = self.deeds(&of_item, since, &who)?;
                    later.into_iter().for_each(|it| folder.add(it.step));
                }
                _ => folder.add(step),
            }
            let (address, steps) = (moment.address.clone(), folder.finish());
            self.found.push(Candidate { address, near, at, fitting: count, item_id, steps });
        }
        Ok(())
    }

    /// The actions in audit events that have one of some values.
    fn deeds(
        &self,
        values: &[(AuditField, &str)],
        range: TimeRange,
        who: &Who,
    ) -> Result<Vec<Deed>, StoreError> {
        let (places, _) = places_within(self.store, values, range, limits::CANDIDATE_EVENTS_MAX)?;
        let mut reader = self.store.events();
        let mut deeds = Vec::new();
        for place in places {
            let record = reader.record(place.location)?;
            let parsed = OtherRecord::parse(&record.message);
            let Some(OtherRecord::Audit(event)) = parsed else { continue };
            let at = Timestamp::from_ms(place.ms).unwrap_or(record.timestamp);
            deeds.push(Deed {
                step: moment_of(&event, at, who, &self.people)?,
                item_id: event.get(AuditField::ItemId).map(str::to_owned),
                action: event.get(AuditField::Action).unwrap_or("").to_owned(),
            });
        }
        Ok(deeds)
    }
}
