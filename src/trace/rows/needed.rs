//! The events without which no row of a message is what is asked for.

use crate::query::{Clause, Field, Matcher, Query};

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
        Query::Clause(Clause { matcher: Matcher::Event(event), .. }) => vec![(**event).clone()],
        Query::Clause(clause) if clause.field == Field::FinalStatus => {
            vec![query.in_field(Field::Status)]
        }
        Query::Clause(clause) if clause.field == Field::ForwardedTo => {
            vec![query.in_field(Field::To)]
        }
        Query::Clause(clause) if clause.field == Field::Address => {
            let named = [Field::From, Field::Sender, Field::To];
            vec![Query::or(named.map(|it| query.in_field(it)).to_vec())]
        }
        // A row has a value in any other field only where an event of its message has it there.
        Query::Clause(clause) if !clause.field.is_of_rows() => {
            vec![Query::Clause(clause.clone())]
        }
        Query::All | Query::Not(_) | Query::Clause(_) => Vec::new(),
    }
}
