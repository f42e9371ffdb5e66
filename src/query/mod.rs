//! Questions about events: the language in which people ask, typed, and what an answer is.
//!
//! [`parse`] turns text into a [`Query`]; [`Query::matches`] says for one event whether it is an
//! answer. That is the definition: the index only has to find the same events faster, and what
//! it finds is checked against it.
//!
//! The language: `field:value`, bare words, `"phrases"`, `AND`, `OR`, `NOT`, `-term`, `( )`, with
//! `AND` between terms that stand side by side and binding tighter than `OR`; `*` and `?` in texts,
//! `/expressions/`; `[a TO b]`, `{a TO b}`, `>=`, `>`, `<=`, `<` on what has an order; `field:*` for
//! "has the field"; `from:@FILE` for any of a list; `one-event:(…)` for a question about one event of a
//! message. A backslash takes the meaning from the character
//! after it.

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

/// The bytes of a query's text that something came from: `start` up to but not including `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// What stands there in the text that it was taken from.
    pub(crate) fn of(self, text: &str) -> &str {
        text.get(self.start..self.end).expect("the place of a token in this text")
    }
}

/// What is asked for.
///
/// [`parse`] nests at most [`crate::limits::QUERY_DEPTH_MAX`] deep, so whoever walks a parsed
/// query may recurse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Query {
    /// Every event.
    #[default]
    All,
    /// What all of them ask for. Two or more.
    And(Vec<Query>),
    /// What any of them asks for. Two or more.
    Or(Vec<Query>),
    /// What it does not ask for.
    Not(Box<Query>),
    /// What one field holds.
    Clause(Clause),
}

/// A demand on one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Which field.
    pub field: Field,
    /// What it must hold: in at least one of its values, where it has several.
    pub matcher: Matcher,
    /// Where the query says so.
    pub span: Span,
}

/// What a field must hold. Texts are normalised as [`FieldKind`] says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// Anything at all.
    Present,
    /// Exactly this value. Any field but words and time.
    Exact(String),
    /// A value of this pattern. Addresses, keywords and IDs.
    Glob(Glob),
    /// A value in which this is found. Any text.
    Regex(Regexp),
    /// These words, with a pattern in them. Fields of words.
    Text(TextPattern),
    /// These words, one after the other. Fields of words.
    Phrase(Phrase),
    /// A status in this range.
    Status(StatusRange),
    /// An instant in this range.
    Time(TimeRange),
    /// A number, or a length in milliseconds, in this range.
    Number(NumberRange),
    /// One of a list. Addresses, keywords and IDs.
    OneOf(ValueSet),
    /// One event is what this asks for.
    Event(Box<Query>),
}

impl Query {
    /// What all of `queries` ask for, without nesting that says nothing.
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

    /// What any of `queries` asks for, without nesting that says nothing. Of none: everything.
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

    /// Every event that has a value in the field.
    pub fn has(field: Field) -> Self {
        Self::demand(field, Matcher::Present)
    }

    /// Every event with a value in the field that is what is demanded.
    pub fn demand(field: Field, matcher: Matcher) -> Self {
        Self::Clause(Clause { field, matcher, span: Span::default() })
    }

    /// The same demands on another field of the same kind.
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

    /// The fields that must hold exactly some text, and these texts; not those that must not.
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

    /// The single demands that must be met, but for those that must not; what one written value
    /// stands for is one, be it a name, a domain or an address.
    pub fn single_terms(&self) -> Vec<&Self> {
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

    /// Whether it asks for an ID anywhere: the index cannot distinguish IDs that share a hash.
    pub fn asks_for_id(&self) -> bool {
        match self {
            Self::All => false,
            Self::And(queries) | Self::Or(queries) => queries.iter().any(Self::asks_for_id),
            Self::Not(query) => query.asks_for_id(),
            Self::Clause(clause) => clause.field.kind() == FieldKind::Id,
        }
    }

    /// Whether it names a field that single events do not have.
    pub fn is_of_rows(&self) -> bool {
        match self {
            Self::All => false,
            Self::And(queries) | Self::Or(queries) => queries.iter().any(Self::is_of_rows),
            Self::Not(query) => query.is_of_rows(),
            Self::Clause(clause) => clause.field.is_of_rows() && clause.field != Field::Address,
        }
    }

    /// What `query` does not ask for.
    pub fn negated(query: Self) -> Self {
        match query {
            Self::Not(inner) => *inner,
            it => Self::Not(Box::new(it)),
        }
    }
}
