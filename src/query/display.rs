//! Writes queries as text that parses back into the same query.

use std::fmt;

use super::glob::ANY_ONE;
use super::{Clause, Field, FieldKind, Matcher, Query, Span, ValueSet};
use crate::limits;

impl fmt::Display for Query {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("*"),
            Self::And(queries) => {
                write_joined(formatter, queries, " AND ", |it| matches!(it, Self::Or(_)))
            }
            Self::Or(queries) => write_joined(formatter, queries, " OR ", |_| false),
            Self::Not(query) => {
                formatter.write_str("NOT ")?;
                // NOT binds tighter than AND and OR.
                let is_compound = matches!(**query, Self::And(_) | Self::Or(_));
                write_grouped(formatter, query, is_compound)
            }
            Self::Clause(clause) => clause.fmt(formatter),
        }
    }
}

fn write_joined(
    formatter: &mut fmt::Formatter<'_>,
    queries: &[Query],
    separator: &str,
    is_grouped: impl Fn(&Query) -> bool,
) -> fmt::Result {
    for (index, query) in queries.iter().enumerate() {
        if index > 0 {
            formatter.write_str(separator)?;
        }
        write_grouped(formatter, query, is_grouped(query))?;
    }
    Ok(())
}

fn write_grouped(
    formatter: &mut fmt::Formatter<'_>,
    query: &Query,
    is_grouped: bool,
) -> fmt::Result {
    if is_grouped { write!(formatter, "({query})") } else { write!(formatter, "{query}") }
}

impl fmt::Display for Clause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.field)?;
        match &self.matcher {
            Matcher::Present => formatter.write_str("*"),
            Matcher::Exact(text) => write_quoted(formatter, text),
            Matcher::Glob(glob) => write_pattern(formatter, self.field, &glob.pieces()),
            Matcher::Regex(regexp) => write_regex(formatter, regexp.source()),
            Matcher::Text(pattern) => {
                let pieces: Vec<&str> = pattern.pieces().iter().map(String::as_str).collect();
                write_pattern(formatter, self.field, &pieces)
            }
            Matcher::Phrase(phrase) => {
                let star = if phrase.is_prefix() { "*" } else { "" };
                write!(formatter, "\"{}{star}\"", phrase.words().join(" "))
            }
            Matcher::Status(range) => {
                let (low, high) = (range.low().map(dotted), range.high().map(dotted));
                write_range(formatter, low.as_deref(), high.as_deref())
            }
            Matcher::Number(range) => {
                let unit = if self.field.kind() == FieldKind::Duration { "ms" } else { "" };
                let number = |it: i64| format!("{it}{unit}");
                let (low, high) = (range.low.map(number), range.high.map(number));
                write_range(formatter, low.as_deref(), high.as_deref())
            }
            Matcher::OneOf(values) => write_list(formatter, self.field, values),
            Matcher::Event(query) => write!(formatter, "({query})"),
            Matcher::Time(range) => {
                let since = range.since.map(|it| it.to_string());
                let until = range.until.map(|it| it.to_string());
                write_range(formatter, since.as_deref(), until.as_deref())
            }
        }
    }
}

/// Any value of a list; if the list is too long for a query, only its length.
fn write_list(formatter: &mut fmt::Formatter<'_>, field: Field, values: &ValueSet) -> fmt::Result {
    let clauses: Vec<String> = values
        .matchers()
        .map(|matcher| Clause { field, matcher, span: Span::default() }.to_string())
        .collect();
    let length: usize = clauses.iter().map(|it| it.len() + " OR ".len()).sum();
    if length > limits::QUERY_BYTES_MAX {
        return write!(formatter, "(one of {} values)", values.len());
    }
    let mut values: Vec<&str> =
        clauses.iter().filter_map(|it| it.split_once(':')).map(|(_, value)| value).collect();
    // A hash set iterates in another order each time.
    values.sort_unstable();
    write!(formatter, "({})", values.join(" OR "))
}

fn write_quoted(formatter: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    formatter.write_str("\"")?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            formatter.write_str("\\")?;
        }
        write!(formatter, "{character}")?;
    }
    formatter.write_str("\"")
}

fn write_pattern(formatter: &mut fmt::Formatter<'_>, field: Field, pieces: &[&str]) -> fmt::Result {
    // At the beginning, a slash may start a regular expression, and some signs an operator or a
    // range.
    let mut is_first = true;
    for (index, piece) in pieces.iter().enumerate() {
        if index > 0 {
            formatter.write_str("*")?;
            is_first = false;
        }
        for character in piece.chars() {
            if character == ANY_ONE {
                formatter.write_str("?")?;
                is_first = false;
                continue;
            }
            let is_sign = matches!(
                character,
                '"' | '\\' | '*' | '(' | ')' | '[' | '{' | '<' | '>' | '&' | '|'
            ) || (character == '?' && field.kind() != FieldKind::Id)
                || (character == '/' && is_first);
            if is_sign || character.is_whitespace() {
                formatter.write_str("\\")?;
            }
            write!(formatter, "{character}")?;
            is_first = false;
        }
    }
    Ok(())
}

fn write_regex(formatter: &mut fmt::Formatter<'_>, source: &str) -> fmt::Result {
    formatter.write_str("/")?;
    let mut is_escaped = false;
    for character in source.chars() {
        if character == '/' && !is_escaped {
            formatter.write_str("\\")?;
        }
        write!(formatter, "{character}")?;
        is_escaped = !is_escaped && character == '\\';
    }
    formatter.write_str("/")
}

/// Ranges are half-open: they include their low end but not their high end.
fn write_range(
    formatter: &mut fmt::Formatter<'_>,
    low: Option<&str>,
    high: Option<&str>,
) -> fmt::Result {
    let low = low.unwrap_or("*");
    match high {
        Some(high) => write!(formatter, "[{low} TO {high}}}"),
        None => write!(formatter, "[{low} TO *]"),
    }
}

fn dotted([class, subject, detail]: [u32; 3]) -> String {
    format!("{class}.{subject}.{detail}")
}
