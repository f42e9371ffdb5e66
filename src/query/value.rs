//! Parses values: the text after a field's colon, or a term on its own.

use super::cursor::Cursor;
use super::error::QueryErrorKind;
use super::glob::ANY_ONE;
use super::number::{count, duration};
use super::status::StatusBound;
use super::{
    AccessField, Clause, Field, FieldKind, Glob, Matcher, NumberRange, Phrase, Query, Regexp, Span,
    StatusRange, TextPattern,
};
use crate::event::{
    Address, EventName, MessageId, StatusCode, normal_address, normal_domain, pasted_id,
};
use crate::store::words::folded;

/// A value as it was written: the texts between its stars, without quotes and backslashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrittenValue {
    /// Never empty: there is one more piece than there are stars. [`ANY_ONE`] stands for a `?`.
    pub(super) pieces: Vec<String>,
    pub(super) is_quoted: bool,
    /// Whether it is a regular expression, which is then the only piece.
    pub(super) is_regex: bool,
    pub(super) span: Span,
}

impl WrittenValue {
    /// Reads a quoted or a bare value.
    pub(super) fn read(cursor: &mut Cursor<'_>) -> Result<Self, (Span, QueryErrorKind)> {
        let start = cursor.position();
        if let Some(regex) = Self::read_regex(cursor) {
            return Ok(regex);
        }
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
                '?' if !is_quoted => push_any_one(&mut pieces),
                '\\' => push(&mut pieces, cursor.next().unwrap_or('\\')),
                it => push(&mut pieces, it),
            }
        }
        Ok(Self { pieces, is_quoted, is_regex: false, span: cursor.span_from(start) })
    }

    /// Reads `/expression/` if it comes next. The first slash without a backslash ends it, and the
    /// value must end there too, so a path such as `/aws/workmail` is no expression.
    fn read_regex(cursor: &mut Cursor<'_>) -> Option<Self> {
        let start = cursor.position();
        let mut ahead = cursor.clone();
        let mut source = String::new();
        if !ahead.take('/') {
            return None;
        }
        loop {
            match ahead.next()? {
                '/' => break,
                '\\' if ahead.take('/') => source.push('/'),
                '\\' => {
                    source.push('\\');
                    source.push(ahead.next()?);
                }
                it => source.push(it),
            }
        }
        let is_over = ahead.peek().is_none_or(|it| it.is_whitespace() || it == ')');
        if source.is_empty() || !is_over {
            return None;
        }
        *cursor = ahead;
        let span = cursor.span_from(start);
        Some(Self { pieces: vec![source], is_quoted: false, is_regex: true, span })
    }

    /// Reads a whole text, with its blanks and quotes, as one bare value.
    pub(super) fn whole(text: &str) -> Self {
        let mut cursor = Cursor::new(text.trim());
        if let Some(regex) = Self::read_regex(&mut cursor).filter(|_| cursor.rest().is_empty()) {
            return Self { span: Span { start: 0, end: text.len() }, ..regex };
        }
        let mut pieces = vec![String::new()];
        let mut characters = text.trim().chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => pieces.push(String::new()),
                '?' => push_any_one(&mut pieces),
                '\\' => push(&mut pieces, characters.next().unwrap_or('\\')),
                it => push(&mut pieces, it),
            }
        }
        let span = Span { start: 0, end: text.len() };
        Self { pieces, is_quoted: false, is_regex: false, span }.pasted()
    }

    /// The value, with its stars and question marks as plain characters.
    pub(super) fn text(&self) -> String {
        let text = self.pieces.join("*");
        if text.contains(ANY_ONE) { text.replace(ANY_ONE, "?") } else { text }
    }

    /// Turns question marks at the end of a word back into punctuation, as in a sentence.
    pub(super) fn pasted(mut self) -> Self {
        let last = self.pieces.len().saturating_sub(1);
        for (index, piece) in self.pieces.iter_mut().enumerate() {
            let characters: Vec<char> = piece.chars().collect();
            let plain = characters.iter().enumerate().map(|(place, character)| {
                let mut behind = characters.iter().skip(place).find(|it| **it != ANY_ONE);
                let ends = match behind.take() {
                    Some(it) => !it.is_alphanumeric(),
                    None => index == last,
                };
                if *character == ANY_ONE && ends { '?' } else { *character }
            });
            *piece = plain.collect();
        }
        self
    }

    fn has_star(&self) -> bool {
        self.pieces.len() > 1
    }

    /// True if some part of it stands for other texts.
    fn is_pattern(&self) -> bool {
        !self.is_quoted && (self.has_star() || self.pieces.iter().any(|it| it.contains(ANY_ONE)))
    }

    /// True if it consists of stars alone.
    fn is_any(&self) -> bool {
        !self.is_quoted && self.has_star() && self.pieces.iter().all(String::is_empty)
    }
}

fn push(pieces: &mut [String], character: char) {
    // A pasted U+10FFFF must not act as a wildcard.
    let character = if character == ANY_ONE { char::REPLACEMENT_CHARACTER } else { character };
    if let Some(piece) = pieces.last_mut() {
        piece.push(character);
    }
}

fn push_any_one(pieces: &mut [String]) {
    if let Some(piece) = pieces.last_mut() {
        piece.push(ANY_ONE);
    }
}

/// Builds the condition that `field` holds `value`. Times, ranges and comparisons are parsed
/// elsewhere.
pub(super) fn demand(field: Field, value: &WrittenValue) -> Result<Query, QueryErrorKind> {
    let clause = |matcher| Query::Clause(Clause { field, matcher, span: value.span });
    if value.is_regex {
        return regex(field, &value.text()).map(clause);
    }
    if value.is_any() {
        return Ok(clause(Matcher::Present));
    }
    let range = if field.kind() == FieldKind::Status { status_range(value) } else { None };
    if let Some(range) = range {
        return Ok(clause(Matcher::Status(range)));
    }
    match field.kind() {
        // IDs may contain question marks, so only stars make a pattern.
        FieldKind::Id if value.has_star() && !value.is_quoted => Glob::new(id_pieces(value))
            .map(Matcher::Glob)
            .map(clause)
            .ok_or(QueryErrorKind::EmptyValue { field }),
        FieldKind::Id => match id(field, value) {
            Some(id) => Ok(clause(Matcher::Exact(id))),
            None if stands_for_nothing(&value.text()) => Err(QueryErrorKind::EmptyValue { field }),
            None => Err(QueryErrorKind::NoId { text: value.text() }),
        },
        FieldKind::Words => in_words(field, value).map(clause),
        FieldKind::Address => address(field, value),
        FieldKind::Status if !value.is_pattern() && StatusCode::find(&value.text()).is_some() => {
            let status = StatusCode::find(&value.text()).expect("the guard has found one");
            Ok(clause(Matcher::Exact(status.to_string())))
        }
        FieldKind::Choice => choice(field, value),
        FieldKind::Event => Err(QueryErrorKind::NoEvent { field }),
        FieldKind::Duration | FieldKind::Number => {
            let number = number(field, &value.text())?;
            let range = NumberRange::between(Some((number, true)), Some((number, true)));
            Ok(clause(Matcher::Number(range)))
        }
        FieldKind::Keyword if field == Field::Event && !value.is_pattern() => {
            event_name(value).map(|it| it.map_or_else(Query::or, clause))
        }
        FieldKind::Keyword if matches!(field, Field::SenderDomain | Field::RecipientDomain) => {
            let text = value.text();
            // Addresses are split at the @ sign, so a domain never contains one.
            let bare = value.pieces.iter().map(|it| it.trim_start_matches('@'));
            let names = |it: &str| domain_piece(it);
            if normal_domain(text.trim_start_matches('@')).is_empty() {
                return Err(QueryErrorKind::EmptyValue { field });
            }
            let pieces: Vec<String> = bare.map(names).collect();
            Ok(clause(match Glob::new(pieces).filter(|_| value.is_pattern()) {
                Some(glob) => Matcher::Glob(glob),
                None => Matcher::Exact(normal_domain(text.trim_start_matches('@'))),
            }))
        }
        FieldKind::Keyword if matches!(field, Field::Access(it) if it.is_case_sensitive()) => {
            whole(value, &|text| text.trim().to_owned())
                .map(clause)
                .ok_or(QueryErrorKind::EmptyValue { field })
        }
        FieldKind::Keyword | FieldKind::Status | FieldKind::Time => {
            whole(value, &|text| folded(text).into_owned())
                .map(clause)
                .ok_or(QueryErrorKind::EmptyValue { field })
        }
    }
}

/// The statuses that begin with a value; `None` if it has all three numbers and is a keyword.
fn status_range(value: &WrittenValue) -> Option<StatusRange> {
    let text = value.text();
    let is_beginning = !value.is_quoted && text.matches('.').count() < 2;
    let bound = StatusBound::parse(&text).filter(|_| is_beginning)?;
    Some(StatusRange::between(Some((bound, true)), Some((bound, true))))
}

fn regex(field: Field, source: &str) -> Result<Matcher, QueryErrorKind> {
    match field.kind() {
        FieldKind::Event => Err(QueryErrorKind::NoEvent { field }),
        FieldKind::Time | FieldKind::Duration | FieldKind::Number | FieldKind::Choice => {
            Err(QueryErrorKind::NoRegex { field })
        }
        _ => Regexp::new(source)
            .map(Matcher::Regex)
            .map_err(|reason| QueryErrorKind::BadRegex { reason }),
    }
}

/// A duration, or a count.
pub(super) fn number(field: Field, text: &str) -> Result<i64, QueryErrorKind> {
    let number = match field.kind() {
        FieldKind::Duration => duration(text),
        _ => count(text),
    };
    number.ok_or_else(|| QueryErrorKind::BadNumber { field, text: text.to_owned() })
}

/// One of a few words, or all of them that match a pattern.
fn choice(field: Field, value: &WrittenValue) -> Result<Query, QueryErrorKind> {
    let clause = |word: &str| {
        let matcher = Matcher::Exact(word.to_owned());
        Query::Clause(Clause { field, matcher, span: value.span })
    };
    let text = folded(&value.text()).into_owned();
    let unknown = || QueryErrorKind::UnknownChoice { field, text: value.text() };
    if value.is_pattern() {
        let pieces = value.pieces.iter().map(|it| it.to_lowercase()).collect();
        let glob = Glob::new(pieces).ok_or(QueryErrorKind::EmptyValue { field })?;
        // A pattern becomes the words it matches, so only exact words have to be compared later.
        let fitting = field.choices().iter().filter(|it| glob.matches(it));
        let fitting: Vec<Query> = fitting.map(|it| clause(it)).collect();
        return if fitting.is_empty() { Err(unknown()) } else { Ok(Query::or(fitting)) };
    }
    let text = match (field, text.as_str()) {
        (Field::Junk, "yes") => "true",
        (Field::Junk, "no") => "false",
        (_, it) => it,
    };
    field.choices().iter().find(|it| **it == text).map(|it| clause(it)).ok_or_else(unknown)
}

/// The name of an event, or all event names that lists show under one word.
fn event_name(value: &WrittenValue) -> Result<Result<Matcher, Vec<Query>>, QueryErrorKind> {
    let text = folded(&value.text()).into_owned();
    if text.is_empty() {
        return Err(QueryErrorKind::EmptyValue { field: Field::Event });
    }
    let named = EventName::DOCUMENTED.iter().filter(|it| {
        let label = it.label().to_lowercase();
        label == text || label.split(' ').next() == Some(text.as_str())
    });
    let named: Vec<Query> = named
        .map(|it| {
            let matcher = Matcher::Exact(folded(it.as_str()).into_owned());
            Query::Clause(Clause { field: Field::Event, matcher, span: value.span })
        })
        .collect();
    // An undocumented name is kept as it is: WorkMail may add events.
    Ok(if named.is_empty() || value.is_quoted { Ok(Matcher::Exact(text)) } else { Err(named) })
}

/// Builds the condition for a value without a field on audit events.
pub(super) fn access_demand(value: &WrittenValue) -> Result<Query, QueryErrorKind> {
    if value.is_any() {
        return Ok(Query::All);
    }
    let fields = [
        AccessField::User,
        AccessField::Owner,
        AccessField::Ip,
        AccessField::Item,
        AccessField::Request,
    ];
    let demands = fields.map(|it| demand(Field::Access(it), value)).into_iter();
    Ok(Query::or(demands.collect::<Result<_, _>>()?))
}

/// Builds the condition for a value without a field.
pub(super) fn bare_demand(value: &WrittenValue) -> Result<Query, QueryErrorKind> {
    if value.is_any() {
        return Ok(Query::All);
    }
    if value.is_regex {
        return demand(Field::Subject, value);
    }
    // A pasted sentence may end in a question mark, which is no wildcard.
    let value = &value.clone().pasted();
    let text = value.text();
    if text.contains('@') && !text.contains(char::is_whitespace) {
        let mut demands = Vec::with_capacity(4);
        for field in [Field::From, Field::Sender, Field::To] {
            demands.push(demand(field, value)?);
        }
        if !value.has_star() || value.is_quoted {
            // A text that is no message ID may still be an address.
            demands.extend(demand(Field::MessageId, value));
        }
        return Ok(Query::or(demands));
    }
    let subject = demand(Field::Subject, value);
    if value.is_pattern() || text.contains(char::is_whitespace) {
        return subject;
    }
    // A trace ID may contain no words, so one of the two conditions is enough.
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

/// The ID in a value. Quotes keep it as it is, unless they hold more than an ID.
fn id(field: Field, value: &WrittenValue) -> Option<String> {
    let text = value.text();
    let is_pasted = !value.is_quoted || text.contains(|it: char| it.is_whitespace() || it == '<');
    if field == Field::MessageId {
        let id = if is_pasted { pasted_id(&text) } else { text.as_str().into() };
        return MessageId::parse(id).map(|it| it.as_str().to_owned());
    }
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The texts between the stars of an ID pattern, without the angle brackets around it.
fn id_pieces(value: &WrittenValue) -> Vec<String> {
    let last = value.pieces.len().saturating_sub(1);
    let pieces = value.pieces.iter().enumerate().map(|(index, piece)| {
        let piece = piece.replace(ANY_ONE, "?");
        let piece = if index == 0 { piece.trim_start_matches('<') } else { piece.as_str() };
        let piece = if index == last { piece.trim_end_matches('>') } else { piece };
        piece.to_owned()
    });
    pieces.collect()
}

/// A phrase, or a pattern to find in words.
fn in_words(field: Field, value: &WrittenValue) -> Result<Matcher, QueryErrorKind> {
    let mut pieces = value.pieces.as_slice();
    // Several stars at the end mean the same as one.
    while let [shorter @ .., end] = pieces
        && let [_, .., last] = shorter
        && last.is_empty()
        && end.is_empty()
        && !value.is_quoted
    {
        pieces = shorter;
    }
    let (body, is_prefix) = match pieces {
        [body @ .., last] if last.is_empty() && !body.is_empty() => (body, true),
        body => (body, false),
    };
    let text = body.join("*");
    // A star extends a word only if it touches the word.
    let is_prefix = is_prefix && !text.ends_with(|it: char| it.is_whitespace() || it == '*');
    let is_plain = body.len() == 1 && !text.contains(ANY_ONE);
    if is_plain || value.is_quoted {
        let phrase = Phrase::new(&text, is_prefix).map(Matcher::Phrase);
        return phrase.ok_or(QueryErrorKind::NoWord { field });
    }
    TextPattern::new(&value.pieces).map(Matcher::Text).ok_or(QueryErrorKind::NoWord { field })
}

fn address(field: Field, value: &WrittenValue) -> Result<Query, QueryErrorKind> {
    let clause = |matcher| Query::Clause(Clause { field, matcher, span: value.span });
    let text = value.text();
    let bare = without_scheme(&text).filter(|_| !value.is_quoted);
    if value.is_pattern() && bare.is_none() {
        return Glob::new(address_pieces(value))
            .map(|it| clause(Matcher::Glob(it)))
            .ok_or(QueryErrorKind::EmptyValue { field });
    }
    let text = bare.unwrap_or(&text);
    let address = Address::parse(text.into()).ok_or(QueryErrorKind::EmptyValue { field })?;
    let exact = clause(Matcher::Exact(address.as_str().to_owned()));
    if value.is_quoted {
        return Ok(exact);
    }
    let glob = |pieces: [String; 2]| Glob::new(pieces.into()).map(Matcher::Glob).map(clause);
    let bare = address.as_str();
    // `ana@` is anybody of that name at any domain, `@acme` anybody at a domain; `ana` may be
    // either.
    let name = bare.strip_suffix('@').unwrap_or(bare);
    if name.is_empty() {
        return Err(QueryErrorKind::EmptyValue { field });
    }
    if name.trim_start_matches('@').contains('@') {
        return Ok(exact);
    }
    let domain = normal_domain(name.trim_start_matches('@'));
    let at_domain = glob([String::new(), format!("@{domain}")]).filter(|_| !bare.ends_with('@'));
    let at_any = glob([format!("{name}@"), String::new()]).filter(|_| !name.starts_with('@'));
    Ok(Query::or(std::iter::once(exact).chain(at_domain).chain(at_any).collect()))
}

/// The address in a link such as `mailto:ana@acme.example?subject=…`.
fn without_scheme(text: &str) -> Option<&str> {
    let text = text.trim();
    let scheme = text.get(..7).filter(|it| it.eq_ignore_ascii_case("mailto:"))?;
    text.get(scheme.len()..)?.split('?').next()
}

/// The normal form of a part of a domain. Each label is normalised alone, because the pattern may
/// lack its neighbours.
fn domain_piece(piece: &str) -> String {
    let part = |it: &str| it.split('.').map(normal_domain).collect::<Vec<_>>().join(".");
    piece.split(ANY_ONE).map(part).collect::<Vec<_>>().join(&ANY_ONE.to_string())
}

/// The normal form of the texts between the stars of an address pattern.
fn address_pieces(value: &WrittenValue) -> Vec<String> {
    let mut is_in_domain = false;
    let pieces = value.pieces.iter().map(|piece| {
        let (local, domain) = match piece.split_once('@') {
            _ if is_in_domain => ("", piece.as_str()),
            Some((local, domain)) => (local, domain),
            None => (piece.as_str(), ""),
        };
        let at_sign = if !is_in_domain && piece.contains('@') { "@" } else { "" };
        is_in_domain |= !at_sign.is_empty();
        format!("{}{at_sign}{}", normal_address(local), domain_piece(domain))
    });
    pieces.collect()
}

/// A matcher for whole values; `None` for an empty one.
fn whole(value: &WrittenValue, normalise: &dyn Fn(&str) -> String) -> Option<Matcher> {
    if value.is_pattern() {
        let pieces = value.pieces.iter().map(|it| normalise(it)).collect();
        return Glob::new(pieces).map(Matcher::Glob);
    }
    let text = normalise(&value.text());
    (!text.is_empty()).then_some(Matcher::Exact(text))
}
