//! Translates a query into one for the index.
//!
//! The index finds the events for which [`Query::matches`] is true, and also those whose IDs differ
//! but share a hash, or whose values differ only after [`crate::limits::TERM_BYTES_MAX`] bytes: so
//! the caller checks its results against the originals. For some conditions the index knows only
//! which events may meet them ([`Query::is_exact_in_index`]).

use std::sync::Arc;

use tantivy::Term;
use tantivy::query::{AllQuery, BooleanQuery, EmptyQuery, Occur, PhraseQuery, TermQuery};
use tantivy::schema::IndexRecordOption;

use super::collected_query::CollectedQuery;
use super::columns_query::{ColumnDemand, ColumnsQuery};
use super::phrase_prefix_query::PhrasePrefixQuery;
use super::required::required_words;
use super::terms_query::TermsQuery;
use super::text_pattern::WordTest;
use super::{Clause, Field, FieldKind, Matcher, Phrase, Query, Regexp};
use crate::store::{Attribute, ColumnsBySegment, Fields, IdHash, truncate_term};
use crate::time::TimeRange;

type IndexQuery = Box<dyn tantivy::query::Query>;

/// The set to find where the index has no exact answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    /// All events that may match.
    Upper,
    /// Only events that certainly match.
    Lower,
}

impl Bound {
    // Excluding a superset would lose matches, so the bound flips below a NOT.
    fn of_negated(self) -> Self {
        match self {
            Self::Upper => Self::Lower,
            Self::Lower => Self::Upper,
        }
    }
}

pub(super) fn lower(query: &Query, columns: &ColumnsBySegment, bound: Bound) -> IndexQuery {
    match query {
        Query::All => Box::new(AllQuery),
        Query::And(queries) => {
            let parts = queries.iter().map(|it| match it {
                Query::Not(negated) => left_out(lower(negated, columns, bound.of_negated())),
                it => (Occur::Must, lower(it, columns, bound)),
            });
            // tantivy's boolean query finds nothing if all of its clauses are negative.
            Box::new(BooleanQuery::new(all_and(parts)))
        }
        Query::Or(queries) => Box::new(BooleanQuery::union(
            queries.iter().map(|it| lower(it, columns, bound)).collect(),
        )),
        Query::Not(negated) => {
            let negated = lower(negated, columns, bound.of_negated());
            Box::new(BooleanQuery::new(all_and([left_out(negated)])))
        }
        Query::Clause(clause) if bound == Bound::Lower && !clause.is_exact_in_index() => {
            Box::new(EmptyQuery)
        }
        Query::Clause(clause) => lower_clause(clause, columns),
    }
}

impl Query {
    /// True if the index knows exactly which events match, except that it cannot distinguish IDs
    /// that share a hash.
    pub fn is_exact_in_index(&self) -> bool {
        match self {
            Self::All => true,
            Self::And(queries) | Self::Or(queries) => queries.iter().all(Self::is_exact_in_index),
            Self::Not(query) => query.is_exact_in_index(),
            Self::Clause(clause) => clause.is_exact_in_index(),
        }
    }
}

impl Clause {
    fn is_exact_in_index(&self) -> bool {
        match (&self.matcher, self.field.kind()) {
            (Matcher::Text(pattern), _) => pattern.word_tests().1,
            (Matcher::Regex(_), FieldKind::Words) => false,
            // The index has hashes of IDs, which no pattern can be compared with.
            (Matcher::Glob(_) | Matcher::Regex(_), FieldKind::Id) => false,
            (Matcher::OneOf(values), FieldKind::Id) => values.is_exact(),
            _ => true,
        }
    }
}

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
        Target::Nowhere => return Box::new(EmptyQuery),
        Target::Terms(field) => field,
        Target::Attribute(attribute) => return lower_attribute(attribute, &clause.matcher),
        Target::TraceId => {
            let hashes = ids(&clause.matcher, IdHash::of_trace);
            return Box::new(ColumnsQuery::new(columns, ColumnDemand::TraceId(hashes)));
        }
        Target::MessageId => {
            let hashes = ids(&clause.matcher, IdHash::of);
            return Box::new(ColumnsQuery::new(columns, ColumnDemand::MessageId(hashes)));
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
            let prefix = glob.prefix().to_owned();
            let glob = glob.clone();
            Box::new(TermsQuery::new(field, prefix, move |term| glob.matches(term)))
        }
        // The index holds only the words of a text.
        Matcher::Regex(regexp) if clause.field.kind() == FieldKind::Words => {
            lower_text_regex(regexp, field)
        }
        Matcher::Regex(regexp) => {
            let regexp = regexp.clone();
            Box::new(TermsQuery::new(field, String::new(), move |term| regexp.matches(term)))
        }
        Matcher::Phrase(phrase) => lower_phrase(phrase, field),
        Matcher::Text(pattern) => {
            let tests = pattern.word_tests().0.into_iter().map(|test| lower_word(test, field));
            Box::new(BooleanQuery::intersection(tests.collect()))
        }
        Matcher::Status(range) => {
            // The expression need not match the beginning of a value, so there is no prefix to
            // narrow by.
            let range = *range;
            Box::new(TermsQuery::new(field, String::new(), move |term| range.contains(term)))
        }
        Matcher::OneOf(values) => {
            let values = values.clone();
            Box::new(TermsQuery::new(field, String::new(), move |term| values.contains(term)))
        }
        Matcher::Time(range) => time(*range, columns),
        Matcher::Number(_) | Matcher::Event(_) => Box::new(EmptyQuery),
    }
}

/// The documents with a word that passes a test.
fn lower_word(test: WordTest, field: tantivy::schema::Field) -> IndexQuery {
    match test {
        WordTest::Is(word) => {
            let term = Term::from_field_text(field, &word);
            Box::new(TermQuery::new(term, IndexRecordOption::Basic))
        }
        WordTest::Begins(prefix) => Box::new(TermsQuery::new(field, prefix, |_| true)),
        test => Box::new(TermsQuery::new(field, String::new(), move |word| test.passes(word))),
    }
}

/// The documents with all words that a text must have for the expression to be found in it.
fn lower_text_regex(regexp: &Regexp, field: tantivy::schema::Field) -> IndexQuery {
    let mut queries: Vec<IndexQuery> = Vec::new();
    for word in required_words(regexp.source()) {
        let prefix = word.prefix().to_owned();
        queries.push(Box::new(TermsQuery::new(field, prefix, move |it| word.passes(it))));
    }
    match queries.is_empty() {
        true => Box::new(TermsQuery::any(field)),
        false => Box::new(BooleanQuery::intersection(queries)),
    }
}

/// The hashes of the IDs; `None` for any ID, and for patterns.
fn ids(matcher: &Matcher, hash: impl Fn(&str) -> IdHash) -> Option<Arc<[IdHash]>> {
    match matcher {
        Matcher::Exact(text) => Some([hash(text)].into()),
        // A pattern in the list has no hash, and leaving it out would lose its IDs.
        Matcher::OneOf(values) if values.is_exact() => Some(values.exact().map(hash).collect()),
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
        Matcher::Regex(regexp) => {
            let regexp = regexp.clone();
            TermsQuery::attribute(attribute, move |value| regexp.matches(value))
        }
        Matcher::Status(range) => {
            let range = *range;
            TermsQuery::attribute(attribute, move |value| range.contains(value))
        }
        Matcher::OneOf(values) => {
            let values = values.clone();
            TermsQuery::attribute(attribute, move |value| values.contains(value))
        }
        Matcher::Present
        | Matcher::Phrase(_)
        | Matcher::Text(_)
        | Matcher::Time(_)
        | Matcher::Number(_)
        | Matcher::Event(_) => TermsQuery::attribute(attribute, |_| true),
    })
}

fn lower_phrase(phrase: &Phrase, field: tantivy::schema::Field) -> IndexQuery {
    let term = |it: &String| Term::from_field_text(field, it);
    let terms = |it: &[String]| it.iter().map(term).collect::<Vec<_>>();
    match (phrase.words(), phrase.is_prefix()) {
        ([], _) => Box::new(EmptyQuery),
        ([prefix], true) => Box::new(TermsQuery::new(field, prefix.clone(), |_| true)),
        ([word], false) => Box::new(TermQuery::new(term(word), IndexRecordOption::Basic)),
        ([words @ .., prefix], true) => {
            Box::new(PhrasePrefixQuery::new(field, terms(words), term(prefix)))
        }
        (words, false) => Box::new(PhraseQuery::new(terms(words))),
    }
}

fn time(range: TimeRange, columns: &ColumnsBySegment) -> IndexQuery {
    if range.is_unbounded() {
        return Box::new(AllQuery);
    }
    Box::new(ColumnsQuery::new(columns, ColumnDemand::Time(range)))
}

/// The place of a field in the index.
enum Target {
    Terms(tantivy::schema::Field),
    Attribute(Attribute),
    TraceId,
    MessageId,
    Time,
    /// A field that no single event has.
    Nowhere,
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
        Field::Outcome
        | Field::MessageOutcome
        | Field::Latency
        | Field::Direction
        | Field::Junk
        | Field::SenderDomain
        | Field::RecipientDomain
        | Field::Cause
        | Field::Recipients
        | Field::FirstSeen
        | Field::Address
        | Field::ForwardedTo
        | Field::Leg
        | Field::FinalStatus
        | Field::OneEvent
        | Field::Access(_) => Target::Nowhere,
    }
}
