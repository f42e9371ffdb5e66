//! What the value of one field must be, as an option of a command says it.

use super::value::{WrittenValue, demand};
use super::{Field, FieldKind, Matcher, Query, QueryError, Span, ValueSet, parse};
use crate::limits;
use crate::store::words::folded;
use crate::time::{Timestamp, Zone};

/// A demand on the values of one field: that one of several patterns fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    query: Query,
    kind: FieldKind,
}

impl Pattern {
    /// Reads a pattern, which takes the whole text. In addresses and keywords `*` stands for any
    /// text, at the end of a subject or a reason for the rest of a word; a backslash takes the
    /// meaning from the character after it. An address without a local part stands for a domain
    /// too, and `5` or `5.2` for each status that begins so; of statuses also `>=5.2` and
    /// `[4.0 TO 4.9]`, as in a query.
    pub fn parse(field: Field, text: &str) -> Result<Self, QueryError> {
        let error = |kind| QueryError::new(text, Span { start: 0, end: text.len() }, kind);
        if text.len() > limits::QUERY_BYTES_MAX {
            return Err(error(super::QueryErrorKind::TooLong));
        }
        let value = WrittenValue::whole(text);
        if text.trim().is_empty() {
            return Err(error(super::QueryErrorKind::EmptyValue { field }));
        }
        let is_range = text.trim_start().starts_with(['>', '<', '[', '{']);
        let query = if is_range && field.kind() == FieldKind::Status {
            // The clock is asked for times only.
            match parse(&format!("{field}:{}", text.trim()), Timestamp::UNIX_EPOCH, &Zone::UTC)? {
                it @ Query::Clause(_) => it,
                _ => return Err(error(super::QueryErrorKind::BadStatus { text: text.to_owned() })),
            }
        } else {
            demand(field, &value).map_err(error)?
        };
        Ok(Self { query, kind: field.kind() })
    }

    /// A demand that the value is one of a list.
    pub fn one_of(field: Field, values: ValueSet) -> Self {
        Self { query: Query::demand(field, Matcher::OneOf(values)), kind: field.kind() }
    }

    /// A demand that one of the patterns, all of one field, fits; `None` without any.
    pub fn any(patterns: Vec<Self>) -> Option<Self> {
        let kind = patterns.first()?.kind;
        Some(Self { query: Query::or(patterns.into_iter().map(|it| it.query).collect()), kind })
    }

    /// The events that have such a value in the field.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Whether a value, as it was logged, is what is asked for. Addresses are normalised.
    pub fn matches(&self, value: &str) -> bool {
        match self.kind {
            FieldKind::Keyword | FieldKind::Status => {
                let value = folded(value);
                !value.is_empty() && fits(&self.query, &value)
            }
            _ => fits(&self.query, value),
        }
    }
}

fn fits(query: &Query, value: &str) -> bool {
    match query {
        Query::All => true,
        Query::And(queries) => queries.iter().all(|it| fits(it, value)),
        Query::Or(queries) => queries.iter().any(|it| fits(it, value)),
        Query::Not(query) => !fits(query, value),
        Query::Clause(clause) => clause.matcher.fits_text(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(field: Field, pattern: &str, value: &str, expect: bool) {
        let pattern = Pattern::parse(field, pattern).unwrap();
        assert_eq!(pattern.matches(value), expect, "{pattern:?} {value}");
    }

    #[test]
    fn a_pattern_takes_the_whole_text() {
        check(Field::Folder, "deleted items", "Deleted Items", true);
        check(Field::Folder, "deleted*", "Deleted Items", true);
        check(Field::Folder, "deleted", "Deleted Items", false);
        check(Field::Folder, "a (b) \"c\"", "A (B) \"C\"", true);
        check(Field::Folder, "\\*", "*", true);
        check(Field::Folder, "\\*", "x", false);
        check(Field::Reason, "mailbox full", "552 Mailbox full, sorry", true);
        check(Field::Reason, "mailb*", "552 Mailbox full, sorry", true);
        check(Field::To, "far.example", "bob@far.example", true);
        check(Field::To, "Bob <BOB@far.example>", "bob@far.example", true);
    }

    #[test]
    fn the_beginning_of_a_status_stands_for_what_begins_so() {
        for (pattern, value, expect) in [
            ("5", "5.1.1", true),
            ("5.2", "5.2.2", true),
            ("5.2", "5.20.2", false),
            ("5.*", "5.1.1", true),
            ("4.*", "5.1.1", false),
            ("5.1.1", "5.1.1", true),
            ("5.1.1", "5.1.10", false),
            (">=5", "5.0.0", true),
            (" <5.2 ", "5.1.9", true),
            ("<5.2", "5.2.0", false),
            ("[4.0 TO 4.9]", "4.4.7", true),
            ("{4 TO 5}", "5.1.1", false),
        ] {
            check(Field::Status, pattern, value, expect);
        }
        for pattern in [">=5 OR from:x", ">= x", "[4 TO", ">", "[4 TO 5] 6"] {
            assert!(Pattern::parse(Field::Status, pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn several_patterns_are_alternatives() {
        let read = |it| Pattern::parse(Field::To, it).unwrap();
        let any = Pattern::any(vec![read("ana@x.example"), read("b*@x.example")]).unwrap();
        assert!(any.matches("ana@x.example") && any.matches("bob@x.example"));
        assert!(!any.matches("eve@x.example"));
        assert_eq!(Pattern::any(Vec::new()), None);
    }

    #[test]
    fn nothing_is_no_pattern() {
        for field in Field::ALL {
            assert!(Pattern::parse(field, "").is_err(), "{field}");
            assert!(Pattern::parse(field, "  ").is_err(), "{field}");
        }
        assert!(Pattern::parse(Field::Subject, "--").is_err());
        assert!(Pattern::parse(Field::To, &"x".repeat(100_000)).is_err());
    }
}
