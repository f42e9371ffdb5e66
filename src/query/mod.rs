//! The query language for events: its types, its parser, and the definition of a match.
//!
//! [`parse`] turns text into a [`Query`]; [`Query::matches`] decides whether an event matches. That
//! is the definition: the index only has to find the same events faster, and its results are
//! checked against it.
//!
//! The language: `field:value`, bare words, `"phrases"`, `AND`, `OR`, `NOT`, `-term`, `( )`.
//! Adjacent terms are joined by `AND`, which binds tighter than `OR`. Texts take `*` and `?`, or
//! `/expressions/`; ordered values take `[a TO b]`, `{a TO b}`, `>=`, `>`, `<=`, `<`. `field:*`
//! means "has the field", `from:@FILE` any value of a list, `one-event:(…)` a query on one event of
//! a message. A backslash makes the next character plain.

mod access_field;
mod checked;
mod collected_query;
mod columns_query;
mod cursor;
mod display;
mod error;
#[cfg(test)]
mod error_tests;
mod facets;
mod field;
mod glob;
mod id_parts;
#[cfg(test)]
mod index_tests;
mod lower;
mod matches;
mod number;
mod parse;
mod pattern;
mod phrase;
mod phrase_prefix_query;
mod regexp;
mod required;
mod search;
mod status;
mod terms_query;
#[cfg(test)]
mod tests;
mod text_pattern;
#[cfg(test)]
mod text_tests;
mod time_value;
mod underline;
mod value;
mod value_set;

pub use access_field::AccessField;
pub use error::{QueryError, QueryErrorKind};
pub use facets::{FacetCounts, shape_of};
pub use field::{Field, FieldKind};
pub use glob::Glob;
pub use id_parts::{IdCandidates, forms_of, id_part, ids_like};
pub use number::NumberRange;
pub use parse::{Language, parse};
pub use pattern::Pattern;
pub use phrase::Phrase;
pub use regexp::Regexp;
pub use search::{Hits, search};
pub(crate) use search::{
    count_at_most, events_of, locations, places, places_at_most, search_heard,
};
pub use status::StatusRange;
pub use text_pattern::TextPattern;
pub(crate) use underline::{printed, underlined};
pub use value_set::ValueSet;

use crate::time::TimeRange;

/// The bytes in a query's text that something came from: `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// The part of the text that the span covers.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).expect("the place of a token in this text")
    }
}

/// A condition on events.
///
/// [`parse`] nests at most [`crate::limits::QUERY_DEPTH_MAX`] deep, so code that walks a parsed
/// query may recurse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Query {
    /// Every event.
    #[default]
    All,
    /// All of these hold. Two or more.
    And(Vec<Query>),
    /// Any of these holds. Two or more.
    Or(Vec<Query>),
    /// This does not hold.
    Not(Box<Query>),
    /// A condition on one field.
    Clause(Clause),
}

/// A condition on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The field.
    pub field: Field,
    /// The condition on its value, or on at least one of several values.
    pub matcher: Matcher,
    /// The place of the condition in the query's text.
    pub span: Span,
}

/// The condition on a field's value. Texts are normalised as [`FieldKind`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// Any value.
    Present,
    /// This value exactly. Any field except words and times.
    Exact(String),
    /// A value that matches this pattern. Addresses, keywords and IDs.
    Glob(Glob),
    /// A value in which this expression is found. Any text.
    Regex(Regexp),
    /// Words that match this pattern. Fields of words.
    Text(TextPattern),
    /// These words, one directly after the other. Fields of words.
    Phrase(Phrase),
    /// A status in this range.
    Status(StatusRange),
    /// An instant in this range.
    Time(TimeRange),
    /// A number, or a duration in milliseconds, in this range.
    Number(NumberRange),
    /// A value from a list. Addresses, keywords and IDs.
    OneOf(ValueSet),
    /// One event of the message matches this query.
    Event(Box<Query>),
}

impl Query {
    /// Joins queries with AND, without needless nesting.
    pub fn and(queries: Vec<Self>) -> Self {
        let mut parts = Vec::with_capacity(queries.len());
        for query in queries {
            match query {
                Self::All => {}
                Self::And(nested) => parts.extend(nested),
                it => parts.push(it),
            }
        }
        if parts.len() > 1 { Self::And(parts) } else { parts.pop().unwrap_or(Self::All) }
    }

    /// Joins queries with OR, without needless nesting. An empty list matches everything.
    pub fn or(queries: Vec<Self>) -> Self {
        let mut parts = Vec::with_capacity(queries.len());
        for query in queries {
            match query {
                Self::All => return Self::All,
                Self::Or(nested) => parts.extend(nested),
                it => parts.push(it),
            }
        }
        if parts.len() > 1 { Self::Or(parts) } else { parts.pop().unwrap_or(Self::All) }
    }

    /// Matches every event that has a value in the field.
    pub fn has(field: Field) -> Self {
        Self::demand(field, Matcher::Present)
    }

    /// Matches every event with a value in the field that meets the condition.
    pub fn demand(field: Field, matcher: Matcher) -> Self {
        Self::Clause(Clause { field, matcher, span: Span::default() })
    }

    /// The same conditions on another field of the same kind.
    pub fn in_field(&self, field: Field) -> Self {
        let all = |queries: &[Self]| queries.iter().map(|it| it.in_field(field)).collect();
        match self {
            Self::All => Self::All,
            Self::And(queries) => Self::And(all(queries)),
            Self::Or(queries) => Self::Or(all(queries)),
            Self::Not(query) => Self::Not(Box::new(query.in_field(field))),
            Self::Clause(clause) => Self::Clause(Clause { field, ..clause.clone() }),
        }
    }

    /// The exact texts that fields must hold, with their fields, except those that are negated.
    pub fn exact_values(&self) -> Vec<(Field, &str)> {
        match self {
            Self::And(queries) | Self::Or(queries) => {
                queries.iter().flat_map(Self::exact_values).collect()
            }
            Self::Clause(Clause { field, matcher: Matcher::Exact(text), .. }) => {
                vec![(*field, text.as_str())]
            }
            Self::All | Self::Not(_) | Self::Clause(_) => Vec::new(),
        }
    }

    /// The parts that must all hold.
    pub fn terms(&self) -> &[Self] {
        match self {
            Self::All => &[],
            Self::And(queries) => queries,
            it => std::slice::from_ref(it),
        }
    }

    /// The single conditions to be met, except negated ones. The alternatives that one written
    /// value stands for (a name, a domain, an address) count as one.
    pub fn single_terms(&self) -> Vec<&Self> {
        // The parser gives all alternatives of one written value the same field and span.
        let place = |it: &Self| match it {
            Self::Clause(clause) => Some((clause.field, clause.span)),
            _ => None,
        };
        match self {
            Self::Or(queries) => {
                let first = queries.first().and_then(place);
                let is_one = first.is_some() && queries.iter().all(|it| place(it) == first);
                if is_one {
                    return vec![self];
                }
                queries.iter().flat_map(Self::single_terms).collect()
            }
            Self::And(queries) => queries.iter().flat_map(Self::single_terms).collect(),
            Self::Clause(_) => vec![self],
            Self::All | Self::Not(_) => Vec::new(),
        }
    }

    /// True if it asks for an ID anywhere: the index cannot distinguish IDs that share a hash.
    pub fn asks_for_id(&self) -> bool {
        match self {
            Self::All => false,
            Self::And(queries) | Self::Or(queries) => queries.iter().any(Self::asks_for_id),
            Self::Not(query) => query.asks_for_id(),
            Self::Clause(clause) => clause.field.kind() == FieldKind::Id,
        }
    }

    /// True if it names a field that single events lack.
    pub fn is_of_rows(&self) -> bool {
        match self {
            Self::All => false,
            Self::And(queries) | Self::Or(queries) => queries.iter().any(Self::is_of_rows),
            Self::Not(query) => query.is_of_rows(),
            // `address` works on events too: the parser reads it as from, sender or to.
            Self::Clause(clause) => clause.field.is_of_rows() && clause.field != Field::Address,
        }
    }

    /// The opposite of `query`.
    pub fn negated(query: Self) -> Self {
        match query {
            Self::Not(inner) => *inner,
            it => Self::Not(Box::new(it)),
        }
    }
}
