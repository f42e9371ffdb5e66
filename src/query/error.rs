//! Errors in a query, with their place.

use std::fmt;

use super::underline::{printed, underlined};
use super::{AccessField, Field, FieldKind, Span};
use crate::limits;
use crate::time::TimeError;

/// The reason why a text is not a query.
#[derive(Debug, PartialEq, Eq)]
pub struct QueryError {
    /// The fault.
    pub kind: QueryErrorKind,
    /// Its place.
    pub span: Span,
    /// The query, for [`QueryError::report`].
    query: String,
}

/// The fault in a query.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryErrorKind {
    /// Longer than [`limits::QUERY_BYTES_MAX`].
    #[error("the query is longer than {} bytes", limits::QUERY_BYTES_MAX)]
    TooLong,
    /// Nested deeper than [`limits::QUERY_DEPTH_MAX`].
    #[error("the query is nested deeper than {} levels", limits::QUERY_DEPTH_MAX)]
    TooDeep,
    /// A name before a colon that is not in [`Field::ALL`].
    #[error("unknown field \"{name}\"")]
    UnknownField {
        /// The name as it was written.
        name: String,
        /// Whether the fields of rows are allowed too.
        has_rows: bool,
    },
    /// A name before a colon that is not in [`AccessField::ALL`].
    #[error("unknown field \"{name}\"")]
    UnknownAccessField {
        /// The name as it was written.
        name: String,
    },
    /// A field of rows in a query on events.
    #[error("{field} belongs to messages, not to single events")]
    RowField {
        /// The field.
        field: Field,
    },
    /// An invalid regular expression, or one that is too large.
    #[error("this regular expression cannot be used: {reason}")]
    BadRegex {
        /// The fault.
        reason: String,
    },
    /// A regular expression on a field that is not text.
    #[error("{field} is not text, so it takes no regular expression")]
    NoRegex {
        /// The field.
        field: Field,
    },
    /// A value that should be a count or a duration.
    #[error("\"{text}\" is not a {}", if field.kind() == FieldKind::Duration { "length of time" } else { "number" })]
    BadNumber {
        /// The field.
        field: Field,
        /// The value as it was written.
        text: String,
    },
    /// A word that the field never has.
    #[error("{field} is never \"{text}\"")]
    UnknownChoice {
        /// The field.
        field: Field,
        /// The word as it was written.
        text: String,
    },
    /// A value that should be a query on events in parentheses.
    #[error("{field} takes a query on events, in parentheses")]
    NoEvent {
        /// The field.
        field: Field,
    },
    /// A list that cannot be read.
    #[error("cannot read the list \"{name}\": {reason}")]
    NoList {
        /// The name of the list.
        name: String,
        /// The fault.
        reason: String,
    },
    /// A place where a term must follow, but none does.
    #[error("a term is missing here")]
    MissingTerm,
    /// An opening parenthesis without a closing one.
    #[error("this parenthesis is never closed")]
    OpenParenthesis,
    /// A closing parenthesis without an opening one.
    #[error("this parenthesis was never opened")]
    StrayParenthesis,
    /// An operator of another query language.
    #[error("\"{operator}\" is not an operator here")]
    ForeignOperator {
        /// The operator as it was written.
        operator: String,
        /// Its equivalent here; empty if none is needed.
        ours: String,
    },
    /// An equals sign after a field, in place of a colon.
    #[error("a colon goes between a field and its value")]
    EqualsSign {
        /// The field.
        field: Field,
        /// Whether the value is negated.
        is_negated: bool,
    },
    /// An opening quote without a closing one.
    #[error("this quote is never closed")]
    OpenQuote,
    /// A field with nothing after its colon.
    #[error("{field} needs a value")]
    EmptyValue {
        /// The field.
        field: Field,
    },
    /// A placeholder that programs write for a missing ID, or a masked ID: many messages have it,
    /// so it identifies none of them.
    #[error(
        "\"{text}\" is not a message ID: programs write it where there is none, or to hide one"
    )]
    NoId {
        /// The text as it was written.
        text: String,
    },
    /// A text without words in a field that is searched by words.
    #[error("{field} is searched by words, and there is no word in this")]
    NoWord {
        /// The field.
        field: Field,
    },
    /// A range or a comparison on a field that has no order.
    #[error("{field} has no order, so it takes no range")]
    NoOrder {
        /// The field.
        field: Field,
    },
    /// A range that is not `[a TO b]`.
    #[error("this range is incomplete")]
    BadRange,
    /// A value that is not an RFC 3463 status.
    #[error("\"{text}\" is not a status")]
    BadStatus {
        /// The value as it was written.
        text: String,
    },
    /// A value that is not a time.
    #[error("{0}")]
    BadTime(TimeError),
    /// An age, which is a duration, in place of an instant or a day.
    #[error("an age alone is not a time")]
    BareAge {
        /// The field.
        field: Field,
        /// The age as it was written.
        text: String,
    },
}

impl QueryError {
    pub(super) fn new(query: &str, span: Span, kind: QueryErrorKind) -> Self {
        // A query that is too long is not kept, and only its fault is shown.
        let query = if query.len() > limits::QUERY_BYTES_MAX { "" } else { query };
        Self { kind, span, query: query.to_owned() }
    }

    /// The way to fix it.
    pub fn help(&self) -> String {
        match &self.kind {
            QueryErrorKind::TooLong => "use `trace --batch` for long lists of IDs".to_owned(),
            QueryErrorKind::TooDeep => "remove unnecessary parentheses".to_owned(),
            QueryErrorKind::UnknownField { name, has_rows } => unknown_field_help(name, *has_rows),
            QueryErrorKind::UnknownAccessField { .. } => {
                let names = AccessField::ALL.map(AccessField::name).join(", ");
                format!("quote the term if the colon is part of it; fields: {names}, time")
            }
            QueryErrorKind::RowField { field } => {
                format!("use `mailtrace messages '{field}:…'`")
            }
            QueryErrorKind::BadRegex { .. } => {
                "put a backslash before a special character that is meant literally, or use * and ?".to_owned()
            }
            QueryErrorKind::NoRegex { .. } => {
                "quote the value, or compare it: latency:>5m, recipients:[2 TO 5]".to_owned()
            }
            QueryErrorKind::BadNumber { field, .. } if field.kind() == FieldKind::Duration => {
                format!("write {field}:>5m, {field}:<90s or {field}:[1m TO 2h]")
            }
            QueryErrorKind::BadNumber { field, .. } => {
                format!("write {field}:3, {field}:>=10 or {field}:[2 TO 5]")
            }
            QueryErrorKind::UnknownChoice { field, text } => unknown_choice_help(*field, text),
            QueryErrorKind::NoEvent { field } => {
                format!("write {field}:(rule:*lottery* action:DROP)")
            }
            QueryErrorKind::NoList { name, .. } => {
                format!("give a file with one value per line, or quote \"@{name}\" if it is the value")
            }
            QueryErrorKind::MissingTerm => {
                "give a word, a \"phrase\", field:value or ( )".to_owned()
            }
            QueryErrorKind::StrayParenthesis => {
                "remove it, or put a backslash before it if it is part of the text".to_owned()
            }
            QueryErrorKind::ForeignOperator { operator, ours } if ours.is_empty() => format!(
                "leave {operator} out, as every term must match anyway; or write \"{operator}…\" in quotes if it is part of the text"
            ),
            QueryErrorKind::ForeignOperator { operator, ours } => {
                format!("write {ours}, or put \"{operator}\" in quotes if it is part of the text")
            }
            QueryErrorKind::EqualsSign { field, is_negated } => {
                format!("write {}{field}:VALUE", if *is_negated { "-" } else { "" })
            }
            QueryErrorKind::OpenParenthesis | QueryErrorKind::OpenQuote => {
                "close it, or put a backslash before it if it is part of the text".to_owned()
            }
            QueryErrorKind::EmptyValue { field } => {
                format!("write {field}:VALUE, or {field}:* for any value")
            }
            QueryErrorKind::NoId { .. } => {
                "write NOT message-id:* for events that have no ID".to_owned()
            }
            QueryErrorKind::NoWord { .. } => "give letters, digits or an emoji".to_owned(),
            QueryErrorKind::NoOrder { .. } => {
                "ranges work on status, times, lengths and numbers; quote the value if this is part of it".to_owned()
            }
            QueryErrorKind::BadRange => {
                "write [a TO b], or {a TO b} without the ends; * leaves an end open".to_owned()
            }
            QueryErrorKind::BadStatus { .. } => {
                "give a status such as 5, 5.1 or 5.1.1, or a pattern such as 5.*".to_owned()
            }
            QueryErrorKind::BadTime(_) => {
                "write time:2026-11-23, time:>=2h or time:[2026-11-01 TO 2026-11-02]".to_owned()
            }
            QueryErrorKind::BareAge { field, text } => {
                format!("write {field}:>={text} for everything since then")
            }
        }
    }

    /// The fault and its place, in one line.
    pub fn summary(&self) -> String {
        let (before, _) = self.query.split_at(self.query.floor_char_boundary(self.span.start));
        format!("{} (column {})", printed(&self.kind.to_string()), before.chars().count() + 1)
    }

    /// The error for people: the query with the place underlined, and how to fix it.
    ///
    /// # Example
    /// ```
    /// use mailtrace::{Timestamp, Zone, parse_query};
    /// let error = parse_query("form:ana", Timestamp::MIN, &Zone::UTC).unwrap_err();
    /// let report = error.report();
    /// let lines: Vec<&str> = report.lines().take(3).collect();
    /// assert_eq!(lines, ["unknown field \"form\"", "  form:ana", "  ^~~~"]);
    /// ```
    pub fn report(&self) -> String {
        let (kind, help) = (printed(&self.kind.to_string()), printed(&self.help()));
        // A query that is too long was not kept, so there is no place to show.
        if self.query.is_empty() {
            return format!("{kind}\nhelp: {help}");
        }
        let (shown, underline) = underlined(&self.query, self.span);
        format!("{kind}\n  {shown}\n  {underline}\nhelp: {help}")
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.summary(), printed(&self.help()))
    }
}

impl std::error::Error for QueryError {}

fn unknown_field_help(name: &str, has_rows: bool) -> String {
    if ["since", "until", "on"].iter().any(|it| name.eq_ignore_ascii_case(it)) {
        return format!("use the option --{}, or write time:>=yesterday", name.to_lowercase());
    }
    let of_rows: &[Field] = if has_rows { &Field::OF_ROWS } else { &[] };
    let names: Vec<&str> = Field::ALL.iter().chain(of_rows).map(|it| it.name()).collect();
    let fields = format!("fields: {}", names.join(", "));
    if let Some(field) = AccessField::from_name(name) {
        return format!("`mailtrace access` searches audit events by {}; {fields}", field.name());
    }
    // Only fields that would be accepted: another would lead to the next error.
    match Field::nearest(name).filter(|it| has_rows || !it.is_of_rows()) {
        Some(field) => format!("did you mean {field}? {fields}"),
        None => format!("quote the term if the colon is part of it; {fields}"),
    }
}

fn unknown_choice_help(field: Field, text: &str) -> String {
    let words = field.choices().join(", ");
    let other = match field {
        Field::Outcome => Field::MessageOutcome,
        _ => Field::Outcome,
    };
    if other.choices().iter().any(|it| it.eq_ignore_ascii_case(text)) {
        return format!("write {other}:{}; {field} is one of {words}", text.to_lowercase());
    }
    format!("it is one of {words}")
}
