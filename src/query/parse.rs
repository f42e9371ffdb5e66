//! Parses the text of a query.

mod ranges;

use super::cursor::Cursor;
use super::error::{QueryError, QueryErrorKind};
use super::time_value::{InstantBound, is_age};
use super::value::{WrittenValue, access_demand, bare_demand, demand};
use super::{AccessField, Clause, Field, FieldKind, Matcher, Query, Span, ValueSet};
use crate::limits;
use crate::time::{Timestamp, Zone};

/// Parses a query on events. Ages count back from `now`; times without a zone are in `zone`.
///
/// # Errors
///
/// [`QueryError`], which locates the fault and says how to fix it.
///
/// # Example
/// ```
/// use mailtrace::{Timestamp, Zone, parse_query};
/// let query = parse_query("from:*@far.example -spam:PASS", Timestamp::MIN, &Zone::UTC).unwrap();
/// assert_eq!(query.to_string(), "from:*@far.example AND NOT spam:\"pass\"");
/// ```
pub fn parse(text: &str, now: Timestamp, zone: &Zone) -> Result<Query, QueryError> {
    Language::of_events(now, zone).parse(text)
}

/// Reads the values of the list that `from:@NAME` names; `None` if there is no such list.
pub type ListReader<'l> = &'l dyn Fn(&str) -> Result<Option<Vec<String>>, String>;

/// The dialect of a query: the fields it may name, and the meaning of its times and lists.
#[derive(Clone, Copy)]
pub struct Language<'l> {
    now: Timestamp,
    zone: &'l Zone,
    has_rows: bool,
    is_of_access: bool,
    lists: Option<ListReader<'l>>,
}

impl<'l> Language<'l> {
    /// Queries on events.
    pub fn of_events(now: Timestamp, zone: &'l Zone) -> Self {
        Self { now, zone, has_rows: false, is_of_access: false, lists: None }
    }

    /// Queries on rows: a message and one of its recipients.
    pub fn of_rows(now: Timestamp, zone: &'l Zone) -> Self {
        Self { has_rows: true, ..Self::of_events(now, zone) }
    }

    /// Queries on audit events.
    pub fn of_access(now: Timestamp, zone: &'l Zone) -> Self {
        Self { is_of_access: true, ..Self::of_events(now, zone) }
    }

    /// The field with this name, if this dialect has it.
    fn field_named(&self, name: &str) -> Option<Field> {
        let field = Field::from_name(name);
        if !self.is_of_access {
            return field;
        }
        let access = AccessField::from_name(name).map(Field::Access);
        access.or(field.filter(|it| *it == Field::Time))
    }

    /// Adds lists. Without them, `from:@NAME` means only the domain NAME.
    pub fn with_lists(self, lists: ListReader<'l>) -> Self {
        Self { lists: Some(lists), ..self }
    }

    /// Parses a query.
    ///
    /// # Errors
    ///
    /// [`QueryError`], which locates the fault and says how to fix it.
    pub fn parse(&self, text: &str) -> Result<Query, QueryError> {
        if text.len() > limits::QUERY_BYTES_MAX {
            return Err(QueryError::new(text, Span::default(), QueryErrorKind::TooLong));
        }
        let mut parser = Parser { cursor: Cursor::new(text), language: *self, depth: 0 };
        parser.whole().map_err(|(span, kind)| QueryError::new(text, span, kind))
    }
}

type Parsed<T> = Result<T, (Span, QueryErrorKind)>;

struct Parser<'t> {
    cursor: Cursor<'t>,
    language: Language<'t>,
    /// The number of open parentheses and negations. It bounds the recursion.
    depth: usize,
}

/// Operators of other query languages that may begin a word, each with its equivalent here, or
/// nothing if none is needed. `&` and `|` count only as words of their own, because a word may
/// begin with them.
const FOREIGN_OPERATORS: &[(&str, &str)] =
    &[("&&", "AND"), ("||", "OR"), ("!", "NOT"), ("+", ""), ("&", "AND"), ("|", "OR")];

/// Finds an operator of another language inside a bare value, as in `a&&b`: its byte offset, the
/// operator and its equivalent here.
fn glued_operator(value: &str) -> Option<(usize, &'static str, &'static str)> {
    let mut is_escaped = false;
    value.char_indices().find_map(|(at, character)| {
        let is_plain = !is_escaped;
        is_escaped = is_plain && character == '\\';
        let rest = value.get(at..).filter(|_| is_plain)?;
        let operator = [("&&", "AND"), ("||", "OR")].into_iter().find(|it| rest.starts_with(it.0));
        operator.map(|(operator, ours)| (at, operator, ours))
    })
}

fn clause(field: Field, matcher: Matcher, span: Span) -> Query {
    Query::Clause(Clause { field, matcher, span })
}

impl<'t> Parser<'t> {
    fn whole(&mut self) -> Parsed<Query> {
        self.cursor.skip_blanks();
        if self.cursor.rest().is_empty() {
            return Ok(Query::All);
        }
        let query = self.alternatives(None)?;
        if self.cursor.rest().is_empty() {
            return Ok(query);
        }
        // `alternatives` stops only at the end of the text or at a parenthesis that nothing opened.
        Err((self.next_character_span(), QueryErrorKind::StrayParenthesis))
    }

    /// `a OR b`.
    fn alternatives(&mut self, field: Option<Field>) -> Parsed<Query> {
        let mut queries = vec![self.terms(field)?];
        while self.cursor.take_keyword("OR") {
            queries.push(self.terms(field)?);
        }
        Ok(Query::or(queries))
    }

    /// `a AND b`, or `a b`.
    fn terms(&mut self, field: Option<Field>) -> Parsed<Query> {
        let mut queries = vec![self.term(field)?];
        loop {
            self.cursor.skip_blanks();
            let is_and = self.cursor.take_keyword("AND");
            let is_end = !is_and
                && (self.cursor.rest().is_empty()
                    || self.cursor.peek() == Some(')')
                    // A clone, so that the OR stays for `alternatives`, which binds less tightly.
                    || self.cursor.clone().take_keyword("OR"));
            if is_end {
                return Ok(Query::and(queries));
            }
            if !is_and {
                self.refuse_lower_case(&["and", "or"])?;
            }
            queries.push(self.term(field)?);
        }
    }

    /// `NOT a`, `-a`, `( )`, or a condition.
    fn term(&mut self, field: Option<Field>) -> Parsed<Query> {
        self.cursor.skip_blanks();
        let start = self.cursor.position();
        if self.cursor.take_keyword("NOT") || self.take_minus() {
            self.enter(start)?;
            let query = self.term(field)?;
            self.depth -= 1;
            return Ok(Query::negated(query));
        }
        self.refuse_foreign_operators()?;
        if self.cursor.peek() == Some('(') {
            return self.group(field);
        }
        let is_missing = self.cursor.rest().is_empty()
            || self.cursor.peek() == Some(')')
            || ["AND", "OR"].iter().any(|it| self.cursor.clone().take_keyword(it));
        if is_missing {
            return Err((self.next_word_span(), QueryErrorKind::MissingTerm));
        }
        if let Some(name) = self.take_field_name() {
            let has_rows = self.language.has_rows;
            let kind = match self.language.field_named(name) {
                Some(field) if has_rows || !field.is_of_rows() => {
                    return self.field_value(field, start);
                }
                // A single event names no row's address, so any address that the event itself names
                // will do.
                Some(field @ Field::Address) => {
                    let query = self.field_value(field, start)?;
                    let named = [Field::From, Field::Sender, Field::To];
                    return Ok(Query::or(named.map(|it| query.in_field(it)).to_vec()));
                }
                Some(field) => QueryErrorKind::RowField { field },
                None if self.language.is_of_access => {
                    QueryErrorKind::UnknownAccessField { name: name.to_owned() }
                }
                None => QueryErrorKind::UnknownField { name: name.to_owned(), has_rows },
            };
            return Err((Span { start, end: start + name.len() }, kind));
        }
        match field {
            Some(field) => self.field_value(field, start),
            None => {
                let value = self.bare_or_quoted(None)?;
                let demand = if self.language.is_of_access { access_demand } else { bare_demand };
                demand(&value).map_err(|kind| (value.span, kind))
            }
        }
    }

    /// Rejects operators of other query languages. Read as words they would find nothing, without
    /// saying why.
    fn refuse_foreign_operators(&self) -> Parsed<()> {
        let rest = self.cursor.rest();
        let word = rest.split_once(char::is_whitespace).map_or(rest, |it| it.0);
        for (operator, ours) in FOREIGN_OPERATORS {
            let is_it = if operator.len() == 1 && !matches!(*operator, "!" | "+") {
                word == *operator
            } else {
                word.starts_with(operator)
            };
            if is_it {
                return Err(self.foreign(operator.len(), ours));
            }
        }
        // `not` alone, or before a closing parenthesis, is an ordinary word.
        let is_before_term = rest.get("not".len()..).is_some_and(|it| {
            it.starts_with(char::is_whitespace)
                && !matches!(it.trim_start().chars().next(), None | Some(')'))
        });
        if is_before_term {
            self.refuse_lower_case(&["not"])?;
        }
        // `from=ana` and the like, but only if a field's name comes before the sign: other texts
        // may contain an equals sign.
        let (name, from) = word.split_at(word.find(['=', '!']).unwrap_or(word.len()));
        let value = from.trim_start_matches(['=', '!']);
        let (sign, _) = from.split_at(from.len() - value.len());
        match self.language.field_named(name).filter(|_| sign.contains('=')) {
            Some(field) => {
                let start = self.cursor.position() + name.len();
                let kind = QueryErrorKind::EqualsSign { field, is_negated: sign.starts_with('!') };
                Err((Span { start, end: start + sign.len() }, kind))
            }
            None => Ok(()),
        }
    }

    /// Rejects operators that are not written in upper case.
    fn refuse_lower_case(&self, operators: &[&str]) -> Parsed<()> {
        let rest = self.cursor.rest();
        let end = rest.find(|it: char| it.is_whitespace() || matches!(it, '(' | ')' | '"'));
        let (word, _) = rest.split_at(end.unwrap_or(rest.len()));
        // Where an upper-case operator is allowed, it has been taken already.
        let is_it =
            |it: &&&str| word.eq_ignore_ascii_case(it) && word.chars().any(char::is_lowercase);
        match operators.iter().find(is_it) {
            Some(operator) => Err(self.foreign(operator.len(), &operator.to_uppercase())),
            None => Ok(()),
        }
    }

    fn foreign(&self, length: usize, ours: &str) -> (Span, QueryErrorKind) {
        let start = self.cursor.position();
        let operator = self.cursor.rest().split_at(length).0.to_owned();
        let kind = QueryErrorKind::ForeignOperator { operator, ours: ours.to_owned() };
        (Span { start, end: start + length }, kind)
    }

    fn group(&mut self, field: Option<Field>) -> Parsed<Query> {
        let start = self.cursor.position();
        self.enter(start)?;
        self.cursor.advance();
        let query = self.alternatives(field)?;
        self.depth -= 1;
        if !self.cursor.take(')') {
            let span = Span { start, end: start + 1 };
            return Err((span, QueryErrorKind::OpenParenthesis));
        }
        Ok(query)
    }

    /// A query on events, in parentheses.
    fn event(&mut self, field: Field, start: usize) -> Parsed<Query> {
        // Restored before the `?`, so that an error cannot leave the inner dialect in force.
        let outer = std::mem::replace(&mut self.language.has_rows, false);
        let query = self.group(None);
        self.language.has_rows = outer;
        Ok(clause(field, Matcher::Event(Box::new(query?)), self.cursor.span_from(start)))
    }

    fn enter(&mut self, start: usize) -> Parsed<()> {
        self.depth += 1;
        if self.depth > limits::QUERY_DEPTH_MAX {
            return Err((Span { start, end: start + 1 }, QueryErrorKind::TooDeep));
        }
        Ok(())
    }

    /// Takes a minus if a term follows it directly.
    fn take_minus(&mut self) -> bool {
        let mut ahead = self.cursor.clone();
        let is_minus =
            ahead.take('-') && ahead.peek().is_some_and(|it| !it.is_whitespace() && it != ')');
        if is_minus {
            self.cursor = ahead;
        }
        is_minus
    }

    /// Takes `name:` if it comes next.
    fn take_field_name(&mut self) -> Option<&'t str> {
        let rest = self.cursor.rest();
        let end = rest.find(|it: char| !it.is_alphanumeric() && !matches!(it, '-' | '_'))?;
        let name = rest.get(..end)?;
        let mut ahead = self.cursor.clone();
        // `15:04` is a time of day and `mailto:` the scheme of a link.
        let is_name = name.starts_with(char::is_alphabetic)
            && !name.eq_ignore_ascii_case("mailto")
            && ahead.take_text(name)
            && ahead.take(':');
        // A colon before a blank belongs to a sentence, such as the subject `Re: server`.
        if !is_name || ahead.peek().is_some_and(char::is_whitespace) {
            return None;
        }
        self.cursor = ahead;
        Some(name)
    }

    /// Parses the value after a field's colon; `start` is where the clause begins.
    fn field_value(&mut self, field: Field, start: usize) -> Parsed<Query> {
        let is_ordered = matches!(
            field.kind(),
            FieldKind::Status | FieldKind::Time | FieldKind::Duration | FieldKind::Number
        );
        match self.cursor.peek() {
            Some('(') if field == Field::OneEvent => return self.event(field, start),
            Some('(') => return self.group(Some(field)),
            Some('[' | '{') if is_ordered => return self.range(field, start),
            // Fields without an order take brackets as text, as in `subject:[ticket]`, unless they
            // enclose a range.
            Some('[' | '{') if self.is_range() => {
                let span = self.next_word_span();
                return Err((span, QueryErrorKind::NoOrder { field }));
            }
            Some('>' | '<') if is_ordered => return self.comparison(field, start),
            Some(it) if !it.is_whitespace() && it != ')' => {}
            _ => return Err((self.cursor.span_from(start), QueryErrorKind::EmptyValue { field })),
        }
        let mut value = self.bare_or_quoted(Some(field))?;
        value.span = self.cursor.span_from(start);
        let query = match field.kind() {
            FieldKind::Time if !value.is_regex => self.time(field, &value),
            _ => match self.list(field, &value) {
                Ok(None) => demand(field, &value),
                Ok(Some(list)) => Ok(list),
                Err(kind) => Err(kind),
            },
        };
        query.map_err(|kind| (value.span, kind))
    }

    /// Reads a value. An ID may contain any character; other bare values may contain no operator.
    fn bare_or_quoted(&mut self, field: Option<Field>) -> Parsed<WrittenValue> {
        let before = self.cursor.clone();
        let value = WrittenValue::read(&mut self.cursor)?;
        let (text, _) = before.rest().split_at(value.span.end - value.span.start);
        if !value.is_quoted
            && field.is_none_or(|it| it.kind() != FieldKind::Id)
            && let Some((at, operator, ours)) = glued_operator(text)
        {
            let start = before.position() + at;
            let operator = operator.to_owned();
            let kind = QueryErrorKind::ForeignOperator { operator, ours: ours.to_owned() };
            return Err((Span { start, end: start + 2 }, kind));
        }
        Ok(value)
    }

    /// The list that `@NAME` stands for, if the user has a list of that name.
    fn list(&self, field: Field, value: &WrittenValue) -> Result<Option<Query>, QueryErrorKind> {
        let (Some(lists), false) = (self.language.lists, value.is_quoted) else { return Ok(None) };
        let text = value.text();
        let Some(name) = text.strip_prefix('@').filter(|it| !it.is_empty()) else {
            return Ok(None);
        };
        let has_list = matches!(
            field.kind(),
            FieldKind::Address | FieldKind::Keyword | FieldKind::Id | FieldKind::Status
        );
        let no_list = |reason| QueryErrorKind::NoList { name: name.to_owned(), reason };
        let lines = if has_list { lists(name).map_err(no_list)? } else { None };
        let Some(lines) = lines else {
            // `from:@acme.example` means everybody at that domain.
            let is_domain = matches!(field.kind(), FieldKind::Address)
                || matches!(field, Field::SenderDomain | Field::RecipientDomain);
            if is_domain || !has_list {
                return Ok(None);
            }
            return Err(no_list("there is no such file".to_owned()));
        };
        let values = ValueSet::parse(field, lines.iter().map(String::as_str));
        let values = values.map_err(|(place, error)| {
            no_list(format!("line {}: {}", place.saturating_add(1), error.kind))
        })?;
        if values.is_empty() {
            return Err(no_list("it has no line".to_owned()));
        }
        Ok(Some(clause(field, Matcher::OneOf(values), value.span)))
    }

    fn time(&self, field: Field, value: &WrittenValue) -> Result<Query, QueryErrorKind> {
        let text = value.text();
        if text == "*" {
            return Ok(clause(field, Matcher::Present, value.span));
        }
        if is_age(&text) {
            return Err(QueryErrorKind::BareAge { field, text });
        }
        let bound = self.time_bound(&text)?;
        let range = InstantBound::between(Some((bound, true)), Some((bound, true)));
        Ok(clause(field, Matcher::Time(range), value.span))
    }

    fn time_bound(&self, text: &str) -> Result<InstantBound, QueryErrorKind> {
        InstantBound::parse(text, self.language.now, self.language.zone)
    }

    fn next_character_span(&self) -> Span {
        let start = self.cursor.position();
        Span { start, end: start + self.cursor.peek().map_or(0, char::len_utf8) }
    }

    fn next_word_span(&self) -> Span {
        let start = self.cursor.position();
        let rest = self.cursor.rest();
        let end = rest.find(|it: char| it.is_whitespace() || it == ')').unwrap_or(rest.len());
        Span { start, end: start + end }
    }
}
