//! The events without which no row of a message matches.

use crate::query::{Clause, Field, Matcher, Query};

/// Returns queries, each of which some event of every message with a matching row must match; none
/// if nothing is required.
///
/// Of conditions that must all hold, one is enough. All are returned, and the caller takes the one
/// that finds the fewest.
pub(in crate::trace) fn needed_events(query: &Query) -> Vec<Query> {
    match query {
        Query::And(queries) => queries.iter().flat_map(needed_events).collect(),
        Query::Or(queries) => {
            let mut needed = Vec::with_capacity(queries.len());
            for query in queries {
                // Any requirement of an alternative will do.
                match needed_events(query).into_iter().next() {
                    Some(it) => needed.push(it),
                    // One alternative that requires nothing makes the whole require nothing.
                    None => return Vec::new(),
                }
            }
            vec![Query::or(needed)]
        }
        // A cause keeps some words of the reason, but not all: any reason may hold it.
        Query::Clause(clause) if clause.field == Field::Cause => vec![Query::has(Field::Reason)],
        Query::Clause(Clause { matcher: Matcher::Event(event), .. }) => vec![(**event).clone()],
        Query::Clause(clause) if clause.field == Field::FinalStatus => {
            // The final status is the status of some event.
            vec![query.in_field(Field::Status)]
        }
        Query::Clause(clause) if clause.field == Field::ForwardedTo => {
            vec![query.in_field(Field::To)]
        }
        Query::Clause(clause) if clause.field == Field::Address => {
            let named = [Field::From, Field::Sender, Field::To];
            vec![Query::or(named.map(|it| query.in_field(it)).to_vec())]
        }
        // A row has a value in any other field only if an event of its message has it there.
        Query::Clause(clause) if !clause.field.is_of_rows() => {
            vec![Query::Clause(clause.clone())]
        }
        Query::All | Query::Not(_) | Query::Clause(_) => Vec::new(),
    }
}
