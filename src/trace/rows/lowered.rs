//! Options as the equivalent query.

use super::{NO_BEGINNING, junk_word};
use crate::query::{Clause, Field, Matcher, NumberRange, Pattern, Query};
use crate::trace::filter::MessageFilter;
use crate::trace::message::Direction;

impl MessageFilter {
    /// Replaces `is_internal` by a query on the organization's domains, if they are known.
    #[must_use]
    pub fn within_domains(mut self, domains: &[String]) -> Self {
        if self.is_internal && !domains.is_empty() {
            self.is_internal = false;
            self.rows = Query::and(vec![self.rows, within_organization(domains)]);
        }
        self
    }

    /// Returns the equivalent query on rows.
    pub fn as_query(&self) -> Query {
        let sent_by = |it: &Pattern| {
            Query::or([Field::From, Field::Sender].map(|field| it.query().in_field(field)).to_vec())
        };
        let own = |it: &Pattern| it.query().clone();
        let word = |field, text: &str| Query::demand(field, Matcher::Exact(text.to_owned()));
        let mut parts = Vec::new();
        if !self.first_seen.is_unbounded() {
            parts.push(Query::demand(Field::FirstSeen, Matcher::Time(self.first_seen)));
        }
        parts.extend(self.outcomes_as_query());
        parts.extend(self.from.as_ref().map(sent_by));
        parts.extend(self.to.as_ref().map(own));
        parts.extend(self.addresses.as_ref().map(|it| it.query().in_field(Field::Address)));
        parts.extend(self.folder.as_ref().map(own));
        parts.extend(self.is_junk.map(|it| word(Field::Junk, junk_word(it))));
        parts.extend(self.status.as_ref().map(|it| it.query().in_field(Field::FinalStatus)));
        parts.extend(self.reason.as_ref().map(own));
        parts.extend(self.slower_than_ms.map(|it| {
            // "Slower than" excludes the bound; the range includes its low end.
            let range = NumberRange { low: it.checked_add(1), high: None };
            Query::demand(Field::Latency, Matcher::Number(range))
        }));
        parts.extend(self.verdicts.iter().map(|(_, it)| it.query().clone()));
        parts.extend(self.direction.map(|it| {
            let field = if self.direction_of_recipients().is_some() {
                Field::Direction
            } else {
                Field::Leg
            };
            word(field, it.as_str())
        }));
        if self.is_internal {
            parts.push(within_organization(&[]));
        }
        if self.lacks_beginning {
            parts.push(word(Field::Leg, NO_BEGINNING));
        }
        if let Ok(least @ 1..) = i64::try_from(self.recipients_min) {
            let range = NumberRange { low: Some(least), high: None };
            parts.push(Query::demand(Field::Recipients, Matcher::Number(range)));
        }
        parts.extend(self.forwarded_to.as_ref().map(|it| it.query().in_field(Field::ForwardedTo)));
        parts.extend(self.events.iter().map(of_one_event));
        parts.push(self.rows.clone());
        Query::and(parts)
    }
}

/// Returns the query for mail within the organization: sent by it, from one of its domains to an
/// address in one of them. An outsider can claim such a domain as sender, but cannot have an
/// outgoing leg. Without known domains: mail that has both an outgoing and an incoming leg.
pub fn within_organization(domains: &[String]) -> Query {
    let word = |field, text: &str| Query::demand(field, Matcher::Exact(text.to_owned()));
    let sent = word(Field::Leg, Direction::Outgoing.as_str());
    if domains.is_empty() {
        return Query::and(vec![sent, word(Field::Leg, Direction::Incoming.as_str())]);
    }
    let own = |field| Query::or(domains.iter().map(|it| word(field, it)).collect());
    Query::and(vec![sent, own(Field::SenderDomain), own(Field::RecipientDomain)])
}

/// Returns the query on rows for an event of their message.
fn of_one_event(event: &Query) -> Query {
    match is_of_message(event) {
        true => event.clone(),
        false => Query::demand(Field::OneEvent, Matcher::Event(Box::new(event.clone()))),
    }
}

/// True if a query means the same for rows as for an event of their message.
fn is_of_message(query: &Query) -> bool {
    match query {
        Query::All => true,
        Query::Or(queries) => queries.iter().all(is_of_message),
        Query::Clause(Clause { field, .. }) => matches!(
            field,
            Field::Subject
                | Field::MessageId
                | Field::TraceId
                | Field::Rule
                | Field::RuleType
                | Field::Policy
                | Field::LogGroup
        ),
        // On rows, two conditions may hold for different events, and a negation means that no event
        // matches.
        Query::And(_) | Query::Not(_) => false,
    }
}
