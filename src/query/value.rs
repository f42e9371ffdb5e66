//! Values: what stands behind a field's colon, or on its own.

use super::cursor::Cursor;
use super::error::QueryErrorKind;
use super::status::StatusBound;
use super::{Clause, Field, FieldKind, Glob, Matcher, Phrase, Query, Span, StatusRange};
use crate::event::{Address, MessageId, StatusCode, normal_address, normal_domain, pasted_id};
use crate::store::words::folded;

/// A value as it was written: the texts between its stars, with quotes and backslashes gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Never empty; one more than there are stars.
    pub(super) pieces: Vec<String>,
    pub(super) is_quoted: bool,
    pub(super) span: Span,
}

impl Value {
    /// Reads a quoted or a bare value.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, (Span, QueryErrorKind)> {
        let start = cursor.position();
        let is_quoted = cursor.take('"');
        let mut pieces = vec![String::new()];
        loop {
            let Some(character) = cursor.peek() else {
                if is_quoted {
                    return Err((Span { start, end: start + 1 }, QueryErrorKind::OpenQuote));
                }
                break;
            };
            if is_quoted && character == '"' {
                cursor.advance();
                break;
            }
            if !is_quoted && (character.is_whitespace() || matches!(character, '"' | '(' | ')')) {
                break;
            }
            cursor.advance();
            match character {
                '*' => pieces.push(String::new()),
                '\\' => push(&mut pieces, cursor.next().unwrap_or('\\')),
                it => push(&mut pieces, it),
            }
        }
        Ok(Self { pieces, is_quoted, span: cursor.span_from(start) })
    }

    /// Takes a whole text for a bare value, with its blanks and quotes.
    pub(super) fn whole(text: &str) -> Self {
        let mut pieces = vec![String::new()];
        let mut characters = text.trim().chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => pieces.push(String::new()),
                '\\' => push(&mut pieces, characters.next().unwrap_or('\\')),
                it => push(&mut pieces, it),
            }
        }
        Self { pieces, is_quoted: false, span: Span { start: 0, end: text.len() } }
    }

    /// The value with its stars as plain characters.
    pub(super) fn text(&self) -> String {
        self.pieces.join("*")
    }

    fn has_star(&self) -> bool {
        self.pieces.len() > 1
    }

    /// Whether it consists of stars alone.
    fn is_any(&self) -> bool {
        !self.is_quoted && self.has_star() && self.pieces.iter().all(String::is_empty)
    }
}

fn push(pieces: &mut [String], character: char) {
    if let Some(piece) = pieces.last_mut() {
        piece.push(character);
    }
}

/// Makes the demand that `field` holds `value`. Times, ranges and comparisons are read elsewhere.
pub(super) fn demand(field: Field, value: &Value) -> Result<Query, QueryErrorKind> {
    let clause = |matcher| Query::Clause(Clause { field, matcher, span: value.span });
    if value.is_any() {
        return Ok(clause(Matcher::Present));
    }
    let range = if field.kind() == FieldKind::Status { status_range(value) } else { None };
    if let Some(range) = range {
        return Ok(clause(Matcher::Status(range)));
    }
    match field.kind() {
        FieldKind::Id if value.has_star() && !value.is_quoted => {
            Err(QueryErrorKind::StarInId { field })
        }
        FieldKind::Id => match id(field, value) {
            Some(id) => Ok(clause(Matcher::Exact(id))),
            None if stands_for_nothing(&value.text()) => Err(QueryErrorKind::EmptyValue { field }),
            None => Err(QueryErrorKind::NoId { text: value.text() }),
        },
        FieldKind::Words => Ok(clause(Matcher::Phrase(phrase(field, value)?))),
        FieldKind::Address => address(field, value),
        FieldKind::Status if !value.has_star() && StatusCode::find(&value.text()).is_some() => {
            let status = StatusCode::find(&value.text()).map(|it| it.to_string());
            Ok(clause(Matcher::Exact(status.unwrap_or_default())))
        }
        FieldKind::Keyword | FieldKind::Status | FieldKind::Time => {
            whole(value, &|text| folded(text).into_owned())
                .map(clause)
                .ok_or(QueryErrorKind::EmptyValue { field })
        }
    }
}

/// The statuses that begin as a value does; `None` for one with all its numbers, which is a keyword.
fn status_range(value: &Value) -> Option<StatusRange> {
    let text = value.text();
    let is_beginning = !value.is_quoted && text.matches('.').count() < 2;
    let bound = StatusBound::parse(&text).filter(|_| is_beginning)?;
    Some(StatusRange::between(Some((bound, true)), Some((bound, true))))
}

/// Makes the demand of a value without a field.
pub(super) fn bare_demand(value: &Value) -> Result<Query, QueryErrorKind> {
    if value.is_any() {
        return Ok(Query::All);
    }
    let text = value.text();
    if text.contains('@') && !text.contains(char::is_whitespace) {
        let mut demands = Vec::with_capacity(4);
        for field in [Field::From, Field::Sender, Field::To] {
            demands.push(demand(field, value)?);
        }
        if !value.has_star() || value.is_quoted {
            // What is no ID may be an address all the same.
            demands.extend(demand(Field::MessageId, value));
        }
        return Ok(Query::or(demands));
    }
    let subject = demand(Field::Subject, value);
    if value.has_star() || text.contains(char::is_whitespace) {
        return subject;
    }
    // A trace ID may be without words, so only one of the two needs to make sense.
    let trace = demand(Field::TraceId, value);
    match (subject, trace) {
        (Ok(subject), Ok(trace)) => Ok(Query::or(vec![subject, trace])),
        (subject, Err(_)) => subject,
        (Err(_), trace) => trace,
    }
}

fn stands_for_nothing(text: &str) -> bool {
    text.trim_matches(|it: char| it.is_whitespace() || matches!(it, '<' | '>')).is_empty()
}

/// The ID that a value stands for. In quotes it is taken as it is, unless it is more than an ID.
fn id(field: Field, value: &Value) -> Option<String> {
    let text = value.text();
    let is_pasted = !value.is_quoted || text.contains(|it: char| it.is_whitespace() || it == '<');
    if field == Field::MessageId {
        let id = if is_pasted { pasted_id(&text) } else { text.as_str().into() };
        return MessageId::parse(id).map(|it| it.as_str().to_owned());
    }
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn phrase(field: Field, value: &Value) -> Result<Phrase, QueryErrorKind> {
    let (body, is_prefix) = match value.pieces.as_slice() {
        [body @ .., last] if last.is_empty() && !body.is_empty() => (body, true),
        body => (body, false),
    };
    if body.len() > 1 && !value.is_quoted {
        return Err(QueryErrorKind::StarInWord);
    }
    let text = body.join("*");
    // The star must touch the word that it is to lengthen.
    let is_prefix = is_prefix && !text.ends_with(|it: char| it.is_whitespace() || it == '*');
    Phrase::new(&text, is_prefix).ok_or(QueryErrorKind::NoWord { field })
}

fn address(field: Field, value: &Value) -> Result<Query, QueryErrorKind> {
    let clause = |matcher| Query::Clause(Clause { field, matcher, span: value.span });
    let text = value.text();
    if value.has_star() && !value.is_quoted {
        return Glob::new(address_pieces(value))
            .map(|it| clause(Matcher::Glob(it)))
            .ok_or(QueryErrorKind::EmptyValue { field });
    }
    let address =
        Address::parse(text.as_str().into()).ok_or(QueryErrorKind::EmptyValue { field })?;
    let exact = clause(Matcher::Exact(address.as_str().to_owned()));
    if value.is_quoted || address.as_str().trim_start_matches('@').contains('@') {
        return Ok(exact);
    }
    // Without a local part it may also be meant as a domain.
    let domain = format!("@{}", normal_domain(address.as_str().trim_start_matches('@')));
    let at_domain = Glob::new(vec![String::new(), domain]).map(Matcher::Glob).map(clause);
    Ok(Query::or(std::iter::once(exact).chain(at_domain).collect()))
}

/// The texts between the stars of a pattern for addresses, as their normal form has them.
fn address_pieces(value: &Value) -> Vec<String> {
    let mut is_in_domain = false;
    let pieces = value.pieces.iter().map(|piece| {
        let (local, domain) = match piece.split_once('@') {
            _ if is_in_domain => ("", piece.as_str()),
            Some((local, domain)) => (local, domain),
            None => (piece.as_str(), ""),
        };
        let at_sign = if !is_in_domain && piece.contains('@') { "@" } else { "" };
        is_in_domain |= !at_sign.is_empty();
        // Of a domain each name is brought into its form alone, for others may be missing.
        let names: Vec<String> = domain.split('.').map(normal_domain).collect();
        format!("{}{at_sign}{}", normal_address(local), names.join("."))
    });
    pieces.collect()
}

/// A matcher for whole values. `None` for an empty one.
fn whole(value: &Value, normalise: &dyn Fn(&str) -> String) -> Option<Matcher> {
    if value.has_star() && !value.is_quoted {
        let pieces = value.pieces.iter().map(|it| normalise(it)).collect();
        return Glob::new(pieces).map(Matcher::Glob);
    }
    let text = normalise(&value.text());
    (!text.is_empty()).then_some(Matcher::Exact(text))
}
