//! What a query does, step by step, with every name resolved.

use regex::Regex;

use super::aggregate::Tally;
use super::ast::{Comparison, Operator, Pattern, Step};
use super::function::{Aggregate, Function};
use super::paths::Paths;
use super::period::Period;
use super::time_pattern::TimePattern;
use super::value::Value;

/// How a value is come by.
#[derive(Debug)]
pub(super) enum Node {
    Constant(Value<'static>),
    /// A field of the event's JSON, by its slot.
    Path(usize),
    System(System),
    /// What an earlier step has put there.
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

/// What a function's pattern was made into.
#[derive(Debug)]
pub(super) enum Prepared {
    Nothing,
    Regex(Regex),
    TimePattern(TimePattern),
}

/// A field that CloudWatch Logs gives to each event.
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

/// What is done to each row.
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
    /// A row for each item.
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
    /// Whether it is to be a number where it reads as one: what `stats` has counted.
    pub(super) is_counted: bool,
}

/// Rows in their order, without those that are alike, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// With whether it is descending.
    pub(super) sort: Vec<(Node, bool)>,
    pub(super) dedup: Vec<Node>,
    pub(super) limit: Option<usize>,
    pub(super) columns: Vec<Column>,
}

/// A `stats`: the cells behind it hold the keys, then what was counted, then its values.
#[derive(Debug)]
pub(super) struct Stats {
    pub(super) keys: Vec<Node>,
    pub(super) counted: Vec<Counted>,
    pub(super) items: Vec<Node>,
}

/// What is counted of each group.
#[derive(Debug)]
pub(super) struct Counted {
    pub(super) aggregate: Aggregate,
    /// Of which values; of the rows themselves without one.
    pub(super) argument: Option<Node>,
}

impl Stats {
    pub(super) fn tallies(&self) -> Vec<Tally> {
        self.counted.iter().map(|it| Tally::new(it.aggregate, it.argument.is_some())).collect()
    }
}

/// Steps up to a `stats`, or to the end.
#[derive(Debug, Default)]
pub(super) struct Stage {
    /// Cells that a row has.
    pub(super) cell_count: usize,
    pub(super) ops: Vec<Op>,
    pub(super) stats: Option<Stats>,
}

/// A whole query. The first stage goes over events, each other one over the rows of the `stats`
/// before it.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) paths: Paths,
    pub(super) first: Stage,
    pub(super) others: Vec<Stage>,
    pub(super) listing: Listing,
}
