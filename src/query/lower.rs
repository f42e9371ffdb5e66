//! From a query to what the index can answer.
//!
//! The index finds what [`Query::matches`] would, but for different IDs of the same hash and
//! values that differ only beyond [`crate::limits::TERM_BYTES_MAX`]: what it finds is checked
//! against the original.

use std::ops::Bound;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, EmptyQuery, Occur, PhraseQuery, RangeQuery, TermQuery,
};
use tantivy::schema::IndexRecordOption;

use super::collected_query::CollectedQuery;
use super::phrase_prefix_query::PhrasePrefixQuery;
use super::terms_query::TermsQuery;
use super::{Clause, Field, Matcher, Phrase, Query};
use crate::store::{Fields, IdTerm, truncate_term};
use crate::time::TimeRange;

type IndexQuery = Box<dyn tantivy::query::Query>;

/// Makes a query of the index.
pub(super) fn lower(query: &Query, fields: &Fields) -> IndexQuery {
    match query {
        Query::All => Box::new(AllQuery),
        Query::And(queries) => {
            let parts = queries.iter().map(|it| match it {
                Query::Not(negated) => left_out(lower(negated, fields)),
                it => (Occur::Must, lower(it, fields)),
            });
            // Without a demand that something holds, tantivy takes it that nothing does.
            Box::new(BooleanQuery::new(all_and(parts)))
        }
        Query::Or(queries) => {
            Box::new(BooleanQuery::union(queries.iter().map(|it| lower(it, fields)).collect()))
        }
        Query::Not(negated) => {
            Box::new(BooleanQuery::new(all_and([left_out(lower(negated, fields))])))
        }
        Query::Clause(clause) => lower_clause(clause, fields),
    }
}

/// Limits a query to a range of time.
pub(super) fn within(query: IndexQuery, range: TimeRange, fields: &Fields) -> IndexQuery {
    if range.is_unbounded() {
        return query;
    }
    Box::new(BooleanQuery::intersection(vec![query, time(range, fields)]))
}

fn left_out(query: IndexQuery) -> (Occur, IndexQuery) {
    (Occur::MustNot, Box::new(CollectedQuery(query)))
}

fn all_and(parts: impl IntoIterator<Item = (Occur, IndexQuery)>) -> Vec<(Occur, IndexQuery)> {
    let all: IndexQuery = Box::new(AllQuery);
    let mut parts: Vec<_> = parts.into_iter().collect();
    if parts.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        parts.push((Occur::Must, all));
    }
    parts
}

fn lower_clause(clause: &Clause, fields: &Fields) -> IndexQuery {
    let Some(field) = index_field(clause.field, fields) else {
        return match &clause.matcher {
            Matcher::Time(range) => time(*range, fields),
            _ => Box::new(AllQuery),
        };
    };
    match &clause.matcher {
        Matcher::Present => Box::new(TermsQuery::any(field)),
        Matcher::Exact(text) => {
            let term = match clause.field {
                Field::MessageId | Field::TraceId => IdTerm::of(text).in_field(field),
                _ => Term::from_field_text(field, truncate_term(text)),
            };
            Box::new(TermQuery::new(term, IndexRecordOption::Basic))
        }
        Matcher::Glob(glob) => {
            let prefix = glob.pieces().first().map(|it| (*it).to_owned()).unwrap_or_default();
            let glob = glob.clone();
            Box::new(TermsQuery::new(field, prefix, move |term| glob.matches(term)))
        }
        Matcher::Phrase(phrase) => lower_phrase(phrase, field),
        Matcher::Status(range) => {
            let range = *range;
            Box::new(TermsQuery::new(field, String::new(), move |term| range.contains(term)))
        }
        Matcher::Time(range) => time(*range, fields),
    }
}

fn lower_phrase(phrase: &Phrase, field: tantivy::schema::Field) -> IndexQuery {
    let mut terms: Vec<Term> =
        phrase.words().iter().map(|it| Term::from_field_text(field, it)).collect();
    match (terms.len(), phrase.is_prefix()) {
        (0, _) => Box::new(EmptyQuery),
        (1, true) => {
            let prefix = phrase.words().first().cloned().unwrap_or_default();
            Box::new(TermsQuery::new(field, prefix, |_| true))
        }
        (1, false) => match terms.pop() {
            Some(term) => Box::new(TermQuery::new(term, IndexRecordOption::Basic)),
            None => Box::new(EmptyQuery),
        },
        (_, true) => match terms.pop() {
            Some(prefix) => Box::new(PhrasePrefixQuery::new(field, terms, prefix)),
            None => Box::new(EmptyQuery),
        },
        (_, false) => Box::new(PhraseQuery::new(terms)),
    }
}

fn time(range: TimeRange, fields: &Fields) -> IndexQuery {
    let term = |ms| Term::from_field_i64(fields.timestamp, ms);
    let since = range.since.map_or(Bound::Unbounded, |it| Bound::Included(term(it.as_ms())));
    let until = range.until.map_or(Bound::Unbounded, |it| Bound::Excluded(term(it.as_ms())));
    if range.is_unbounded() {
        return Box::new(AllQuery);
    }
    Box::new(RangeQuery::new(since, until))
}

/// The field of the index; the time has none, for it is a column.
fn index_field(field: Field, fields: &Fields) -> Option<tantivy::schema::Field> {
    Some(match field {
        Field::From => fields.from,
        Field::Sender => fields.sender,
        Field::To => fields.to,
        Field::Subject => fields.subject,
        Field::MessageId => fields.message_id,
        Field::TraceId => fields.trace_id,
        Field::Event => fields.event,
        Field::Rule => fields.rule,
        Field::RuleType => fields.rule_type,
        Field::Action => fields.action,
        Field::Folder => fields.folder,
        Field::Spam => fields.spam,
        Field::Dkim => fields.dkim,
        Field::Dmarc => fields.dmarc,
        Field::Spf => fields.spf,
        Field::Policy => fields.policy,
        Field::Status => fields.status,
        Field::Reason => fields.reason,
        Field::LogGroup => fields.log_group,
        Field::Time => return None,
    })
}
