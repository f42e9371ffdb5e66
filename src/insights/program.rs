//! The compiled form of a query: its steps, with every name resolved.

use regex::Regex;

use super::aggregate::Tally;
use super::ast::{Comparison, Operator, Pattern, Step};
use super::function::{Aggregate, Function};
use super::paths::Paths;
use super::period::Period;
use super::time_pattern::TimePattern;
use super::value::Value;

/// An expression.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Value<'static>),
    /// A field of the event's JSON, by its slot.
    Path(usize),
    System(System),
    /// The result of an earlier step.
    Cell(usize),
    Not(Box<Node>),
    Negative(Box<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    Arithmetic(Operator, Box<Node>, Box<Node>),
    In {
        value: Box<Node>,
        list: Vec<Node>,
        is_negated: bool,
    },
    Like {
        value: Box<Node>,
        pattern: Pattern,
        is_negated: bool,
    },
    Call(Function, Vec<Node>, Prepared),
    Round {
        time: Box<Node>,
        period: Period,
        is_up: bool,
    },
    Part(Box<Node>, Vec<Step>),
}

/// The compiled pattern of a function.
#[derive(Debug)]
pub(super) enum Prepared {
    Nothing,
    Regex(Regex),
    TimePattern(TimePattern),
}

/// A field that CloudWatch Logs adds to each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum System {
    Timestamp,
    IngestionTime,
    Message,
    LogStream,
    Log,
    Pointer,
}

impl System {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "@timestamp" => Self::Timestamp,
            "@ingestionTime" => Self::IngestionTime,
            "@message" => Self::Message,
            "@logStream" => Self::LogStream,
            "@log" => Self::Log,
            "@ptr" => Self::Pointer,
            _ => return None,
        })
    }
}

/// A step for each row.
#[derive(Debug)]
pub(super) enum Op {
    Define {
        cell: usize,
        node: Node,
    },
    Filter(Node),
    ParseGlob {
        source: Node,
        glob: Vec<String>,
        cells: Vec<usize>,
    },
    ParseRegex {
        source: Node,
        regex: Regex,
        cells: Vec<(usize, usize)>,
    },
    /// Makes a row for each item.
    Unnest {
        cell: usize,
        node: Node,
    },
}

/// A column of the answer.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) node: Node,
    /// Whether the column is a number where its value reads as one: a value counted by `stats`.
    pub(super) is_counted: bool,
}

/// The order, deduplication, limit and columns of the answer.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Each key, and whether it is descending.
    pub(super) sort: Vec<(Node, bool)>,
    pub(super) dedup: Vec<Node>,
    pub(super) limit: Option<usize>,
    pub(super) columns: Vec<Column>,
}

/// A `stats`. The cells after it hold the keys, then what was counted, then the values of items.
#[derive(Debug)]
pub(super) struct Stats {
    pub(super) keys: Vec<Node>,
    pub(super) counted: Vec<Counted>,
    pub(super) items: Vec<Node>,
}

/// An aggregate that is computed for each group.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) aggregate: Aggregate,
    /// The value to aggregate; `None` for the rows themselves.
    pub(super) argument: Option<Node>,
}

impl Stats {
    pub(super) fn tallies(&self) -> Vec<Tally> {
        self.counted.iter().map(|it| Tally::new(it.aggregate, it.argument.is_some())).collect()
    }
}

/// The steps up to a `stats`, or to the end.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// The number of cells in a row.
    pub(super) cell_count: usize,
    pub(super) ops: Vec<Op>,
    pub(super) stats: Option<Stats>,
}

/// A whole query. The first stage goes over events, each later one over the rows of the previous
/// `stats`.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) paths: Paths,
    pub(super) first: Stage,
    pub(super) others: Vec<Stage>,
    pub(super) listing: Listing,
}
