//! The syntax tree of a query, with the place of each part.

use regex::Regex;

use super::function::{Aggregate, Function};
use super::period::Period;
use crate::query::Span;

/// A query as it was written.
#[derive(Clone, Debug)]
pub struct Query {
    /// The text, for errors that are found after parsing.
    pub(super) text: String,
    /// The log groups that `SOURCE` names before the first command.
    pub(super) sources: Vec<Source>,
    pub(super) commands: Vec<Command>,
}

/// A log group that the query itself names, as dashboards do, and its time range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The log group; `*` stands for any text.
    pub(super) log_group: String,
    pub(super) start: Option<SourceTime>,
    pub(super) end: Option<SourceTime>,
}

/// The instant in `START` or `END`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SourceTime {
    /// This many milliseconds before now.
    BeforeNow(i64),
    At(i64),
}

/// A command, and the place of its name.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) kind: CommandKind,
    pub(super) span: Span,
}

#[derive(Clone, Debug)]
pub(super) enum CommandKind {
    Fields(Vec<Item>),
    Display(Vec<Item>),
    Filter(Expr),
    Sort(Vec<SortKey>),
    Limit(usize),
    Stats { items: Vec<Item>, keys: Vec<Item> },
    ParseGlob { source: Option<Expr>, glob: Vec<String>, names: Vec<String> },
    ParseRegex { source: Option<Expr>, regex: Regex, names: Vec<(String, usize)> },
    Dedup(Vec<Expr>),
    Unnest { list: Expr, name: String },
}

/// A value to show or to count by, and its name.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) expr: Expr,
    /// The name after `as`, otherwise the text as it was written.
    pub(super) name: String,
}

/// A key by which rows are sorted.
#[derive(Clone, Debug)]
pub(super) struct SortKey {
    pub(super) expr: Expr,
    pub(super) is_descending: bool,
}

/// A value, and its place.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    pub(super) kind: ExprKind,
    pub(super) span: Span,
}

/// The kinds of values.
#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    /// A field, by the parts of its name.
    Field(Vec<String>),
    Number(f64),
    Text(String),
    Bool(bool),
    Not(Box<Expr>),
    Negative(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
    Arithmetic(Operator, Box<Expr>, Box<Expr>),
    In {
        value: Box<Expr>,
        list: Vec<Expr>,
        is_negated: bool,
    },
    Like {
        value: Box<Expr>,
        pattern: Pattern,
        is_negated: bool,
    },
    Call(Function, Vec<Expr>),
    /// A function that rounds a time to a period.
    Round {
        time: Option<Box<Expr>>,
        period: Period,
        is_up: bool,
    },
    Aggregate(Aggregate, Option<Box<Expr>>),
    /// A part of a map or list.
    Part(Box<Expr>, Vec<Step>),
}

/// The pattern that `like` looks for.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Substring(String),
    Regex(Regex),
}

/// A step into a map or list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(String),
    Index(usize),
}

/// The operators that compare two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The operators that combine two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
}

impl Expr {
    /// Passes itself and all of its descendants to `visit`.
    pub(super) fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Self)) {
        visit(self);
        self.for_each_part(&mut |it| it.walk(visit));
    }

    /// Passes its direct parts to `visit`.
    fn for_each_part<'e>(&'e self, visit: &mut dyn FnMut(&'e Self)) {
        match &self.kind {
            ExprKind::Field(_) | ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Bool(_) => {}
            ExprKind::Not(it) | ExprKind::Negative(it) | ExprKind::Part(it, _) => visit(it),
            ExprKind::And(list) | ExprKind::Or(list) | ExprKind::Call(_, list) => {
                list.iter().for_each(visit);
            }
            ExprKind::Compare(_, a, b) | ExprKind::Arithmetic(_, a, b) => {
                visit(a);
                visit(b);
            }
            ExprKind::In { value, list, .. } => {
                visit(value);
                list.iter().for_each(visit);
            }
            ExprKind::Like { value, .. } => visit(value),
            ExprKind::Round { time, .. } => time.iter().for_each(|it| visit(it)),
            ExprKind::Aggregate(_, argument) => argument.iter().for_each(|it| visit(it)),
        }
    }
}
