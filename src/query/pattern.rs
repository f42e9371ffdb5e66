//! The value that a command's option demands of one field.

use super::value::{WrittenValue, demand};
use super::{Field, FieldKind, Matcher, Query, QueryError, Span, ValueSet, parse};
use crate::limits;
use crate::store::words::folded;
use crate::time::{Timestamp, Zone};

/// A condition on the values of one field: one of several patterns matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    query: Query,
    kind: FieldKind,
}

impl Pattern {
    /// Parses a pattern, which takes the whole text. In addresses and keywords `*` stands for any
    /// text, at the end of a subject or a reason for the rest of a word. A backslash makes the next
    /// character plain. An address without a local part also means a domain, and `5` or `5.2` means
    /// all statuses that begin with it. A status may also be `>=5.2` or `[4.0 TO 4.9]`, as in a
    /// query.
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
            // Only times need the clock and the zone, so any will do.
            match parse(&format!("{field}:{}", text.trim()), Timestamp::UNIX_EPOCH, &Zone::UTC)? {
                it @ Query::Clause(_) => it,
                _ => return Err(error(super::QueryErrorKind::BadStatus { text: text.to_owned() })),
            }
        } else {
            demand(field, &value).map_err(error)?
        };
        Ok(Self { query, kind: field.kind() })
    }

    /// A condition that the value is in a list.
    pub fn one_of(field: Field, values: ValueSet) -> Self {
        Self { query: Query::demand(field, Matcher::OneOf(values)), kind: field.kind() }
    }

    /// A condition that one of the patterns, all of one field, matches; `None` if there are none.
    pub fn any(patterns: Vec<Self>) -> Option<Self> {
        let kind = patterns.first()?.kind;
        Some(Self { query: Query::or(patterns.into_iter().map(|it| it.query).collect()), kind })
    }

    /// The query for events with such a value in the field.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// True if a value, as it was logged, matches. Addresses must be normalised.
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
