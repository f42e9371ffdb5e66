//! Errors in a query of CloudWatch Logs Insights, with their place.

use std::fmt;

use super::function::{Arity, Function};
use crate::limits;
use crate::query::{Span, printed, underlined};

/// The reason why a text is not a query that can be answered.
#[derive(Debug, PartialEq, Eq)]
pub struct InsightsError {
    pub kind: InsightsErrorKind,
    pub span: Span,
    /// The query, for [`InsightsError::report`].
    query: String,
}

/// The fault in a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsightsErrorKind {
    #[error("the query is longer than {} bytes", limits::QUERY_BYTES_MAX)]
    TooLong,
    #[error("the query is nested deeper than {} levels", limits::QUERY_DEPTH_MAX)]
    TooDeep,
    #[error("expected {expected}")]
    Expected { expected: &'static str },
    #[error("{what} is never closed")]
    Unclosed { what: &'static str },
    #[error("unknown command \"{name}\"")]
    UnknownCommand { name: String },
    #[error("the command \"{name}\" is not supported")]
    UnsupportedCommand { name: String },
    #[error("{what} is not supported")]
    Unsupported { what: &'static str, help: &'static str },
    #[error("unknown function \"{name}\"")]
    UnknownFunction { name: String },
    #[error("{name} takes {arity}")]
    Arguments { name: String, arity: Arity },
    #[error("\"{operator}\" is not an operator here")]
    ForeignOperator { operator: &'static str, ours: &'static str },
    #[error("this is not a valid regular expression: {reason}")]
    BadRegex { reason: String },
    #[error("cannot read the time pattern at \"{at}\"")]
    BadTimePattern { at: String },
    #[error("\"{text}\" is not a period")]
    BadPeriod { text: String },
    #[error("\"{text}\" is not a valid number here")]
    BadNumber { text: String },
    #[error("the pattern has {stars} * and {names} names")]
    StarsAndNames { stars: usize, names: usize },
    #[error("a time cannot be compared with a date string")]
    WrittenDate,
    #[error("no event of the store has \"{name}\"")]
    UnknownSystemField { name: String },
    #[error("there is no \"{name}\" after stats")]
    LostName { name: String, known: String },
    #[error("this mixes fields of single events with results of stats")]
    MixedCondition,
    #[error("this function works only in stats")]
    StrayAggregate,
    #[error("functions of stats cannot be nested")]
    NestedAggregate,
    #[error("there is no @timestamp after stats")]
    LostTime,
    #[error("{command} cannot come {place}")]
    Misplaced { command: &'static str, place: &'static str },
    #[error("a query can have at most {} stats", limits::INSIGHTS_STATS_MAX)]
    TooManyStats,
}

/// Commands that only the service supports, and the alternative to each.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("pattern", "`mailtrace messages --group-by cause` groups bounces by cause"),
    ("diff", "run it twice, with different --since and --until"),
    ("anomaly", "`mailtrace triage` shows what differs from the period before"),
    ("unmask", "the store holds what CloudWatch Logs returned: masked values stay masked"),
    ("join", "`mailtrace trace` joins the events of a message"),
    ("lookup", "`mailtrace messages --addresses-from FILE` takes lists of addresses"),
    ("cidrlookup", "isIpInSubnet(field, \"192.0.2.0/24\") tests for one network"),
    ("head", "write limit"),
    ("tail", "write sort and limit"),
    ("addtotals", ""),
    ("autoregress", ""),
    ("logcompare", "run it twice, with different --since and --until"),
    ("filldown", ""),
    ("fillmissing", "`mailtrace stats --interval` includes empty intervals"),
    ("outlier", ""),
    ("accum", ""),
    ("appendcols", ""),
    ("append", ""),
    ("sessionize", "`mailtrace trace` joins the events of a message"),
    ("countfrequent", "write stats count(*) as c by FIELD | sort c desc"),
    ("relevantfields", ""),
];

const COMMANDS: &[&str] = &[
    "fields",
    "display",
    "filter",
    "where",
    "filterIndex",
    "sort",
    "limit",
    "stats",
    "parse",
    "dedup",
    "unnest",
    "expand",
];

/// True if only the service supports the command.
pub(super) fn is_unsupported(name: &str) -> bool {
    UNSUPPORTED.iter().any(|it| it.0 == name)
}

impl InsightsError {
    pub(super) fn new(query: &str, span: Span, kind: InsightsErrorKind) -> Self {
        // A query that is too long is not kept, and only its fault is shown.
        let query = if query.len() > limits::QUERY_BYTES_MAX { "" } else { query };
        Self { kind, span, query: query.to_owned() }
    }

    /// The way to fix it; empty if there is none.
    pub fn help(&self) -> String {
        match &self.kind {
            InsightsErrorKind::UnknownCommand { name } => {
                let name = name.to_ascii_lowercase();
                let distance = |it: &&&str| strsim::osa_distance(&it.to_ascii_lowercase(), &name);
                let nearest = COMMANDS.iter().min_by_key(distance);
                let near = nearest.filter(|it| distance(it) <= 2);
                let near = near.map_or_else(String::new, |it| format!("did you mean {it}? "));
                format!("{near}commands: {}", COMMANDS.join(", "))
            }
            InsightsErrorKind::UnsupportedCommand { name } => {
                let help = UNSUPPORTED.iter().find(|it| it.0 == name).map_or("", |it| it.1);
                if help.is_empty() {
                    "only CloudWatch Logs Insights supports it".to_owned()
                } else {
                    help.to_owned()
                }
            }
            InsightsErrorKind::UnknownFunction { name } => match Function::nearest(name) {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => "the documentation of insights lists all functions".to_owned(),
            },
            InsightsErrorKind::ForeignOperator { ours, .. } => format!("write {ours}"),
            InsightsErrorKind::LostName { known, .. } => {
                format!("available: {known}; or put the command before stats")
            }
            other => other.fixed_help().to_owned(),
        }
    }

    /// The error for people: the line with the place underlined, and how to fix it.
    pub fn report(&self) -> String {
        let (line, start) = self.line();
        let (_, text) = self.query.split_at(start);
        let text = text.split_once('\n').map_or(text, |it| it.0);
        let place = |at: usize| at.saturating_sub(start).min(text.len());
        let span = Span { start: place(self.span.start), end: place(self.span.end) };
        let (shown, underline) = underlined(text, span);
        let kind = printed(&self.kind.to_string());
        let of_line = match self.query.trim_end().contains('\n') {
            true => format!(" (line {line})"),
            false => String::new(),
        };
        let help = printed(&self.help());
        let help = if help.is_empty() { help } else { format!("\nhelp: {help}") };
        // A query that is too long was not kept, so there is no place to show.
        if matches!(self.kind, InsightsErrorKind::TooLong) {
            return format!("{kind}{help}");
        }
        format!("{kind}{of_line}\n  {shown}\n  {underline}{help}")
    }

    /// The fault and its place, in one line.
    pub fn summary(&self) -> String {
        let (line, start) = self.line();
        let (_, before) = self.before().split_at(start);
        let kind = printed(&self.kind.to_string());
        format!("{kind} (line {line}, column {})", before.chars().count() + 1)
    }

    /// The query up to the place; empty if the query was too long to keep.
    fn before(&self) -> &str {
        self.query.split_at(self.query.floor_char_boundary(self.span.start)).0
    }

    /// The number of the line, from 1, and the byte at which it begins.
    fn line(&self) -> (usize, usize) {
        let before = self.before();
        let start = before.rfind('\n').map_or(0, |it| it + 1);
        (before.matches('\n').count() + 1, start)
    }
}

impl InsightsErrorKind {
    fn fixed_help(&self) -> &'static str {
        match self {
            Self::TooLong => "AWS allows at most 10,000 characters",
            Self::TooDeep => {
                "remove unnecessary parentheses, or define parts with fields … as name"
            }
            Self::Expected { .. } => {
                "put a name in backticks if it has characters other than letters, digits, @ . _"
            }
            Self::Unclosed { .. } => {
                "close it, or put a backslash before it if it is part of the text"
            }
            Self::Unsupported { help, .. } => help,
            Self::BadRegex { .. } => {
                "look-around and back-references are not supported; (?i) at the beginning ignores case"
            }
            Self::BadTimePattern { .. } => {
                "parseDate takes Java's letters (yyyy-MM-dd HH:mm:ss), formatDate strftime's (%Y-%m-%d)"
            }
            Self::BadPeriod { .. } => {
                "write a number and ms, s, m, h, d, w, mo, q or y, as in bin(5m)"
            }
            Self::BadNumber { .. } => "write a whole number in digits; limit goes up to 1,000,000",
            Self::StarsAndNames { .. } => {
                "give each * a name: parse @message \"* *\" as first, second"
            }
            Self::WrittenDate => {
                "write toMillis(@timestamp) >= and milliseconds since 1970, or use --since and --until"
            }
            Self::UnknownSystemField { .. } => {
                "available: @timestamp, @message, @logStream, @log, @ingestionTime and @ptr; write @@name for a JSON field that begins with @"
            }
            Self::MixedCondition => "write two filters, one for each",
            Self::StrayAggregate => "write stats … as name, then use the name",
            Self::NestedAggregate => "write a second stats",
            Self::LostTime => "keep it: stats max(@timestamp) as t …, then datefloor(t, 1h)",
            Self::Misplaced { .. } => {
                "put it after the last stats, and dedup after sort and filter"
            }
            _ => "",
        }
    }
}

impl fmt::Display for InsightsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let help = printed(&self.help());
        formatter.write_str(&self.summary())?;
        if help.is_empty() { Ok(()) } else { write!(formatter, ": {help}") }
    }
}

impl std::error::Error for InsightsError {}
