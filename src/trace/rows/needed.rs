//! The events without which no row of a message is what is asked for.

use crate::query::{Field, Query};

/// A question about events, one of which every message has that has a fitting row; `None` where
/// none can be told.
///
/// Of what must all hold one part is enough, so each is given; whoever asks takes the one that finds
/// least.
pub(in crate::trace) fn needed_events(query: &Query) -> Vec<Query> {
    match query {
        Query::And(queries) => queries.iter().flat_map(needed_events).collect(),
        Query::Or(queries) => {
            let mut needed = Vec::with_capacity(queries.len());
            for query in queries {
                match needed_events(query).into_iter().next() {
                    Some(it) => needed.push(it),
                    None => return Vec::new(),
                }
            }
            vec![Query::or(needed)]
        }
        // Its words are some of the reason's, but not all of these.
        Query::Clause(clause) if clause.field == Field::Cause => vec![Query::has(Field::Reason)],
        Query::Clause(clause) if is_told_by_events(clause.field) => {
            vec![Query::Clause(clause.clone())]
        }
        Query::All | Query::Not(_) | Query::Clause(_) => Vec::new(),
    }
}

/// Whether a row has a value in the field only where an event of its message has it in the field
/// of the same name.
fn is_told_by_events(field: Field) -> bool {
    match field {
        Field::From
        | Field::Sender
        | Field::To
        | Field::Subject
        | Field::MessageId
        | Field::TraceId
        | Field::Event
        | Field::Rule
        | Field::RuleType
        | Field::Action
        | Field::Folder
        | Field::Spam
        | Field::Dkim
        | Field::Dmarc
        | Field::Spf
        | Field::Policy
        | Field::Status
        | Field::Reason
        | Field::LogGroup
        | Field::Time => true,
        Field::Outcome
        | Field::MessageOutcome
        | Field::Latency
        | Field::Direction
        | Field::Junk
        | Field::SenderDomain
        | Field::RecipientDomain
        | Field::Cause
        | Field::Recipients
        | Field::FirstSeen => false,
    }
}
