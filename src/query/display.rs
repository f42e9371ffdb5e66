//! Queries as text that reads back as the same query.

use std::fmt;

use super::{Clause, Glob, Matcher, Query};

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
            Matcher::Glob(glob) => write_glob(formatter, glob),
            Matcher::Phrase(phrase) => {
                let star = if phrase.is_prefix() { "*" } else { "" };
                write!(formatter, "\"{}{star}\"", phrase.words().join(" "))
            }
            Matcher::Status(range) => {
                let (low, high) = (range.low().map(dotted), range.high().map(dotted));
                write_range(formatter, low.as_deref(), high.as_deref())
            }
            Matcher::OneOf(values) => write!(formatter, "(one of {} values)", values.len()),
            Matcher::Time(range) => {
                let since = range.since.map(|it| it.to_string());
                let until = range.until.map(|it| it.to_string());
                write_range(formatter, since.as_deref(), until.as_deref())
            }
        }
    }
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

fn write_glob(formatter: &mut fmt::Formatter<'_>, glob: &Glob) -> fmt::Result {
    for (index, piece) in glob.pieces().into_iter().enumerate() {
        if index > 0 {
            formatter.write_str("*")?;
        }
        for character in piece.chars() {
            let is_sign = matches!(
                character,
                '"' | '\\' | '*' | '(' | ')' | '[' | '{' | '<' | '>' | '&' | '|'
            );
            if is_sign || character.is_whitespace() {
                formatter.write_str("\\")?;
            }
            write!(formatter, "{character}")?;
        }
    }
    Ok(())
}

/// Ranges are half-open: with their low end, without their high one.
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
