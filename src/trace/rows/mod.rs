//! Queries on rows: a message and one of its recipients.
//!
//! [`Row::fits`] is the definition, on the originals. The message table gives the same answers
//! faster ([`listed`]); what it cannot answer is narrowed by the index, which finds the events that
//! a message with a matching row must have ([`needed`]).
//!
//! What an event says of the whole message (its rules, verdicts, subject, IDs) holds for each of
//! its rows. `event:`, `time:`, `status:` and `action:` ask the row's leg, where an event that
//! names a recipient counts for that recipient alone.

pub(super) mod candidates;
pub(super) mod listed;
mod lowered;
pub(super) mod needed;
mod new_events;

pub use lowered::within_organization;
pub use new_events::events_of_rows;

use crate::event::{Address, EventName, cause_of, domain_of};
use crate::query::{Clause, Field, Matcher, Query};
use crate::store::StoredEvent;
use crate::store::words::{folded, words};
use crate::trace::filter::has_beginning;
use crate::trace::message::{Direction, Leg, Message, Recipient};

/// A message and one of its recipients; `None` if it has none.
#[derive(Clone, Copy)]
pub(super) struct Row<'m> {
    pub(super) message: &'m Message,
    pub(super) recipient: Option<&'m Recipient>,
}

impl Row<'_> {
    /// True if the row matches.
    pub(super) fn fits(&self, query: &Query) -> bool {
        match query {
            Query::All => true,
            Query::And(queries) => queries.iter().all(|it| self.fits(it)),
            Query::Or(queries) => queries.iter().any(|it| self.fits(it)),
            Query::Not(query) => !self.fits(query),
            Query::Clause(clause) => self.fits_clause(clause),
        }
    }

    fn fits_clause(&self, clause: &Clause) -> bool {
        let Self { message, recipient } = *self;
        let matcher = &clause.matcher;
        let text = |value: Option<&str>| value.is_some_and(|it| matcher.fits_text(it));
        let keyword = |value: Option<&str>| {
            // The index folds keywords and drops empty ones: the originals must compare alike.
            let value = value.map(folded).filter(|it| !it.is_empty());
            value.is_some_and(|it| matcher.fits_text(&it))
        };
        let in_words = |value: Option<&str>| value.is_some_and(|it| fits_words(matcher, it));
        let address = |value: Option<&Address<'_>>| text(value.map(Address::as_str));
        let domain =
            |value: Option<&Address<'_>>| text(value.and_then(|it| domain_of(it.as_str())));
        match clause.field {
            Field::From => address(message.from.as_ref()),
            Field::Sender => address(message.sender.as_ref()),
            Field::SenderDomain => domain(message.sender.as_ref().or(message.from.as_ref())),
            Field::To => address(recipient.map(|it| &it.address)),
            Field::RecipientDomain => domain(recipient.map(|it| &it.address)),
            Field::Folder => keyword(recipient.and_then(|it| it.folder.as_deref())),
            Field::Junk => text(recipient.and_then(junk)),
            Field::Reason => in_words(recipient.and_then(|it| it.reason.as_deref())),
            Field::Cause => {
                let reason = recipient.and_then(|it| it.reason.as_deref());
                in_words(reason.map(cause_of).as_deref())
            }
            Field::Outcome => text(recipient.map(|it| it.outcome.as_str())),
            Field::MessageOutcome => text(Some(message.outcome.as_str())),
            Field::Direction => match recipient {
                Some(recipient) => text(Some(recipient.direction.as_str())),
                // Without a recipient there is no leg of its own to ask.
                None => message.legs.iter().any(|it| text(Some(it.direction.as_str()))),
            },
            Field::Latency => {
                recipient.and_then(|it| it.latency_ms).is_some_and(|it| matcher.fits_number(it))
            }
            Field::Recipients => {
                let count = message.deciding_recipients().len();
                matcher.fits_number(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Field::FirstSeen => matcher.fits_time(message.first_seen),
            Field::Address => {
                let senders = message.from.iter().chain(&message.sender);
                let recipients = message.recipients.iter().map(|it| &it.address);
                senders.chain(recipients).any(|it| address(Some(it)))
            }
            Field::ForwardedTo => {
                let mut targets = message.events.iter().flat_map(|it| &it.event.target_recipient);
                targets.any(|it| address(Some(it)))
            }
            Field::Leg => message.legs.iter().any(|leg| {
                text(Some(leg.direction.as_str()))
                    || (!has_beginning(message, leg) && text(Some(NO_BEGINNING)))
            }),
            Field::FinalStatus => keyword(recipient.and_then(|it| it.status.as_deref())),
            Field::OneEvent => match matcher {
                Matcher::Event(query) => message.events.iter().any(|it| query.matches(it)),
                _ => false,
            },
            // Fields of audit events, which no message has.
            Field::Access(_) => false,
            Field::Spam => keyword(message.verdicts.spam.as_deref()),
            Field::Dkim => keyword(message.verdicts.dkim.as_deref()),
            Field::Dmarc => keyword(message.verdicts.dmarc.as_deref()),
            Field::Spf => keyword(message.verdicts.spf.as_deref()),
            Field::Action => self.leg_events().any(|event| {
                let actions = event.event.rule_actions.iter();
                let mut for_us = actions.filter(|it| self.is_named(&it.recipients));
                for_us.any(|it| keyword(Some(&it.action)))
            }),
            Field::Event | Field::Time | Field::Status => {
                self.leg_events().any(|it| clause.matches(it))
            }
            Field::Subject
            | Field::MessageId
            | Field::TraceId
            | Field::Rule
            | Field::RuleType
            | Field::Policy
            | Field::LogGroup => message.events.iter().any(|it| clause.matches(it)),
        }
    }

    /// Returns the events of the row's leg that count for its recipient.
    fn leg_events(&self) -> impl Iterator<Item = &StoredEvent> {
        let legs = self.message.legs.iter().filter(|it| self.is_leg(it));
        let events = legs.flat_map(|it| &it.event_indexes);
        let events = events.filter_map(|it| self.message.events.get(*it));
        events.filter(|it| self.counts(it))
    }

    fn is_leg(&self, leg: &Leg) -> bool {
        self.recipient.is_none_or(|it| {
            // All three: untraced legs share the missing trace ID.
            it.trace_id == leg.trace_id
                && it.leg_started == leg.started
                && it.direction == leg.direction
        })
    }

    /// True if an event of the leg concerns the recipient: it names nobody or names the recipient.
    fn counts(&self, event: &StoredEvent) -> bool {
        let event = &event.event;
        match event.name {
            EventName::OutgoingEmailSubmitted
            | EventName::OrganizationEmailReceived
            | EventName::DmarcPolicyApplied
            | EventName::JournalingInitiated => true,
            EventName::RuleApplied => {
                event.rule_actions.is_empty()
                    || event.rule_actions.iter().any(|it| self.is_named(&it.recipients))
            }
            EventName::MailboxEmailDelivered
            | EventName::OutgoingEmailSent
            | EventName::IncomingEmailBounced
            | EventName::OutgoingEmailBounced => self.is_named(event.addressees()),
            EventName::Other(_) => {
                let named =
                    if event.recipient.is_empty() { &event.bounced } else { &event.recipient };
                self.is_named(named)
            }
        }
    }

    /// True if the recipient is among the addresses; an empty list means everyone.
    fn is_named(&self, addresses: &[Address<'_>]) -> bool {
        addresses.is_empty() || self.recipient.is_none_or(|it| addresses.contains(&it.address))
    }
}

const NO_BEGINNING: &str = "no-beginning";

/// Returns whether a recipient's folder is a junk folder, as a word of queries.
fn junk(recipient: &Recipient) -> Option<&'static str> {
    recipient.folder.as_ref()?;
    Some(junk_word(recipient.is_junk))
}

/// Returns the word of queries for a junk folder or another.
fn junk_word(is_junk: bool) -> &'static str {
    if is_junk { "true" } else { "false" }
}

/// True if a text matches; a text without a word counts as absent.
fn fits_words(matcher: &Matcher, text: &str) -> bool {
    if *matcher != Matcher::Present {
        return matcher.fits_text(text);
    }
    let mut has_word = false;
    words(text, |_, _| has_word = true);
    has_word
}

/// Returns the word of queries for a direction.
pub(super) fn direction_word(is_outgoing: bool) -> &'static str {
    if is_outgoing { Direction::Outgoing.as_str() } else { Direction::Incoming.as_str() }
}
