//! From a query to what the index can answer.
//!
//! The index finds what [`Query::matches`] would, but for different IDs of the same hash and
//! values that differ only beyond [`crate::limits::TERM_BYTES_MAX`]: what it finds is checked
//! against the original.

use std::sync::Arc;

use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, Occur, PhraseQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

use super::collected_query::CollectedQuery;
use super::columns_query::{ColumnsQuery, Condition};
use super::phrase_prefix_query::PhrasePrefixQuery;
use super::terms_query::TermsQuery;
use super::{Clause, Field, Matcher, Phrase, Query};
use crate::store::{Attribute, ColumnsBySegment, Fields, IdHash, truncate_term};
use crate::time::TimeRange;

type IndexQuery = Box<dyn tantivy::query::Query>;

/// Makes a query of the index.
pub(super) fn lower(query: &Query, columns: &ColumnsBySegment) -> IndexQuery {
    match query {
        Query::All => Box::new(AllQuery),
        Query::And(queries) => {
            let parts = queries.iter().map(|it| match it {
                Query::Not(negated) => left_out(lower(negated, columns)),
                it => (Occur::Must, lower(it, columns)),
            });
            // Without a demand that something holds, tantivy takes it that nothing does.
            Box::new(BooleanQuery::new(all_and(parts)))
        }
        Query::Or(queries) => {
            Box::new(BooleanQuery::union(queries.iter().map(|it| lower(it, columns)).collect()))
        }
        Query::Not(negated) => {
            Box::new(BooleanQuery::new(all_and([left_out(lower(negated, columns))])))
        }
        Query::Clause(clause) => lower_clause(clause, columns),
    }
}

/// Limits a query to a range of time.
pub(super) fn within(
    query: IndexQuery,
    range: TimeRange,
    columns: &ColumnsBySegment,
) -> IndexQuery {
    if range.is_unbounded() {
        return query;
    }
    Box::new(BooleanQuery::intersection(vec![query, time(range, columns)]))
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

fn lower_clause(clause: &Clause, columns: &ColumnsBySegment) -> IndexQuery {
    let field = match target_of(clause.field) {
        Target::Terms(field) => field,
        Target::Attribute(attribute) => return lower_attribute(attribute, &clause.matcher),
        Target::TraceId => {
            let hashes = ids(&clause.matcher, IdHash::of_trace);
            return Box::new(ColumnsQuery::new(columns, Condition::TraceId(hashes)));
        }
        Target::MessageId => {
            let hashes = ids(&clause.matcher, IdHash::of);
            return Box::new(ColumnsQuery::new(columns, Condition::MessageId(hashes)));
        }
        Target::Time => {
            return match &clause.matcher {
                Matcher::Time(range) => time(*range, columns),
                _ => Box::new(AllQuery),
            };
        }
    };
    match &clause.matcher {
        Matcher::Present => Box::new(TermsQuery::any(field)),
        Matcher::Exact(text) => {
            let term = Term::from_field_bytes(field, truncate_term(text).as_bytes());
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
        Matcher::OneOf(values) => {
            let values = values.clone();
            Box::new(TermsQuery::new(field, String::new(), move |term| values.contains(term)))
        }
        Matcher::Time(range) => time(*range, columns),
    }
}

/// The hashes of the IDs that are asked for; `None` for any.
fn ids(matcher: &Matcher, hash: impl Fn(&str) -> IdHash) -> Option<Arc<[IdHash]>> {
    match matcher {
        Matcher::Exact(text) => Some([hash(text)].into()),
        Matcher::OneOf(values) => Some(values.exact().map(hash).collect()),
        _ => None,
    }
}

fn lower_attribute(attribute: Attribute, matcher: &Matcher) -> IndexQuery {
    Box::new(match matcher {
        Matcher::Exact(text) => {
            let text = truncate_term(text).to_owned();
            TermsQuery::attribute(attribute, move |value| value == text)
        }
        Matcher::Glob(glob) => {
            let glob = glob.clone();
            TermsQuery::attribute(attribute, move |value| glob.matches(value))
        }
        Matcher::Status(range) => {
            let range = *range;
            TermsQuery::attribute(attribute, move |value| range.contains(value))
        }
        Matcher::OneOf(values) => {
            let values = values.clone();
            TermsQuery::attribute(attribute, move |value| values.contains(value))
        }
        Matcher::Present | Matcher::Phrase(_) | Matcher::Time(_) => {
            TermsQuery::attribute(attribute, |_| true)
        }
    })
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

fn time(range: TimeRange, columns: &ColumnsBySegment) -> IndexQuery {
    if range.is_unbounded() {
        return Box::new(AllQuery);
    }
    Box::new(ColumnsQuery::new(columns, Condition::Time(range)))
}

/// Where the index has a field.
enum Target {
    Terms(tantivy::schema::Field),
    Attribute(Attribute),
    TraceId,
    MessageId,
    Time,
}

fn target_of(field: Field) -> Target {
    match field {
        Field::From => Target::Terms(Fields::FROM),
        Field::Sender => Target::Terms(Fields::SENDER),
        Field::To => Target::Terms(Fields::TO),
        Field::Subject => Target::Terms(Fields::SUBJECT),
        Field::Reason => Target::Terms(Fields::REASON),
        Field::MessageId => Target::MessageId,
        Field::TraceId => Target::TraceId,
        Field::Event => Target::Attribute(Attribute::Event),
        Field::Rule => Target::Attribute(Attribute::Rule),
        Field::RuleType => Target::Attribute(Attribute::RuleType),
        Field::Action => Target::Attribute(Attribute::Action),
        Field::Folder => Target::Attribute(Attribute::Folder),
        Field::Spam => Target::Attribute(Attribute::Spam),
        Field::Dkim => Target::Attribute(Attribute::Dkim),
        Field::Dmarc => Target::Attribute(Attribute::Dmarc),
        Field::Spf => Target::Attribute(Attribute::Spf),
        Field::Policy => Target::Attribute(Attribute::Policy),
        Field::Status => Target::Attribute(Attribute::Status),
        Field::LogGroup => Target::Attribute(Attribute::LogGroup),
        Field::Time => Target::Time,
    }
}
