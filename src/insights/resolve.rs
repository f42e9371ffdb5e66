//! Resolves the names in values, and computes constant parts in advance.

use super::ast::{Expr, ExprKind, Step};
use super::compile::{Compiler, as_written};
use super::error::InsightsErrorKind;
use super::eval::{Scope, eval};
use super::function::{Aggregate, Function};
use super::lexer::Fault;
use super::parse_source::compiled;
use super::program::{Counted, Node, Prepared, System};
use super::time_pattern::TimePattern;
use super::value::Value;
use crate::query::Span;

/// A `stats` that is being compiled.
pub(super) struct StatsParts {
    /// The stage whose rows it counts.
    pub(super) from: usize,
    pub(super) key_count: usize,
    pub(super) counted: Vec<Counted>,
}

impl Compiler<'_> {
    /// Compiles an expression of a stage. Inside a `stats`, its aggregates are added to `stats`.
    pub(super) fn node(
        &mut self,
        expr: &Expr,
        stage: usize,
        mut stats: Option<&mut StatsParts>,
    ) -> Result<Node, Fault> {
        // After a `stats`, an expression that is written like one of its keys or items means its
        // cell.
        if stage > 0 {
            let written = as_written(self.text(), expr.span);
            if let Some(cell) = self.room(stage).written.get(&written) {
                return Ok(Node::Cell(*cell));
            }
        }
        let mut of = |it: &Expr| self.node(it, stage, stats.as_deref_mut()).map(Box::new);
        let node = match &expr.kind {
            ExprKind::Field(parts) => return self.field(parts, stage, expr.span),
            ExprKind::Number(it) => Node::Constant(Value::Number(*it)),
            ExprKind::Text(it) => Node::Constant(Value::text(it.clone())),
            ExprKind::Bool(it) => Node::Constant(Value::Bool(*it)),
            ExprKind::Not(it) => Node::Not(of(it)?),
            ExprKind::Negative(it) => Node::Negative(of(it)?),
            ExprKind::And(list) => Node::And(self.nodes(list, stage, stats)?),
            ExprKind::Or(list) => Node::Or(self.nodes(list, stage, stats)?),
            ExprKind::Compare(comparison, a, b) => Node::Compare(*comparison, of(a)?, of(b)?),
            ExprKind::Arithmetic(operator, a, b) => Node::Arithmetic(*operator, of(a)?, of(b)?),
            ExprKind::In { value, list, is_negated } => {
                let value = of(value)?;
                Node::In { value, list: self.nodes(list, stage, stats)?, is_negated: *is_negated }
            }
            ExprKind::Like { value, pattern, is_negated } => {
                let (pattern, is_negated) = (pattern.clone(), *is_negated);
                Node::Like { value: of(value)?, pattern, is_negated }
            }
            ExprKind::Call(function, arguments) => {
                let nodes = self.nodes(arguments, stage, stats)?;
                self.call(*function, nodes, arguments, stage, expr.span)?
            }
            ExprKind::Round { time: None, .. } if stage > 0 => {
                return Err((expr.span, InsightsErrorKind::LostTime));
            }
            ExprKind::Round { time, period, is_up } => {
                let time = match time {
                    Some(time) => of(time)?,
                    None => Box::new(Node::System(System::Timestamp)),
                };
                Node::Round { time, period: *period, is_up: *is_up }
            }
            ExprKind::Aggregate(aggregate, argument) => {
                return self.aggregate(*aggregate, argument.as_deref(), stats, expr.span);
            }
            ExprKind::Part(value, steps) => {
                let value = of(value)?;
                self.part(value, steps)
            }
        };
        Ok(folded(node))
    }

    fn nodes(
        &mut self,
        list: &[Expr],
        stage: usize,
        mut stats: Option<&mut StatsParts>,
    ) -> Result<Vec<Node>, Fault> {
        list.iter().map(|it| self.node(it, stage, stats.as_deref_mut())).collect()
    }

    fn field(&mut self, parts: &[String], stage: usize, span: Span) -> Result<Node, Fault> {
        let names = &self.room(stage).names;
        // The longest prefix that is a name; the remaining parts are steps into its value.
        for count in (1..=parts.len()).rev() {
            let (name, rest) = parts.split_at(count);
            let Some(cell) = names.get(&name.join(".")) else { continue };
            if rest.is_empty() {
                return Ok(Node::Cell(*cell));
            }
            let steps = rest.iter().map(|it| match it.parse() {
                Ok(index) => Step::Index(index),
                Err(_) => Step::Member(it.clone()),
            });
            return Ok(Node::Part(Box::new(Node::Cell(*cell)), steps.collect()));
        }
        let name = parts.join(".");
        if stage > 0 {
            return Err(self.lost(&name, stage, span));
        }
        // `@@name` is a field of the JSON whose own name begins with `@`.
        if name.starts_with('@') && !name.starts_with("@@") {
            let system = System::from_name(&name).map(Node::System);
            return system.ok_or((span, InsightsErrorKind::UnknownSystemField { name }));
        }
        Ok(Node::Path(self.paths.slot(&name)))
    }

    /// Turns a step into a field of the event into a field of its own, so that only that part is
    /// read from the JSON.
    fn part(&mut self, value: Box<Node>, steps: &[Step]) -> Node {
        let Node::Path(slot) = *value else { return Node::Part(value, steps.to_vec()) };
        let mut name = self.paths.name(slot).to_owned();
        for step in steps {
            name.push('.');
            match step {
                Step::Member(member) => name.push_str(member),
                Step::Index(index) => name.push_str(&index.to_string()),
            }
        }
        Node::Path(self.paths.slot(&name))
    }

    fn aggregate(
        &mut self,
        aggregate: Aggregate,
        argument: Option<&Expr>,
        stats: Option<&mut StatsParts>,
        span: Span,
    ) -> Result<Node, Fault> {
        let Some(stats) = stats else { return Err((span, InsightsErrorKind::StrayAggregate)) };
        if aggregate.is_by_time() && stats.from > 0 {
            return Err((span, InsightsErrorKind::LostTime));
        }
        // The argument belongs to the rows that are counted, so it has no aggregates itself.
        let argument = argument.map(|it| self.node(it, stats.from, None)).transpose();
        let argument = argument.map_err(|(span, kind)| match kind {
            InsightsErrorKind::StrayAggregate => (span, InsightsErrorKind::NestedAggregate),
            other => (span, other),
        })?;
        stats.counted.push(Counted { aggregate, argument });
        Ok(Node::Cell(stats.key_count + stats.counted.len() - 1))
    }

    fn call(
        &mut self,
        function: Function,
        nodes: Vec<Node>,
        arguments: &[Expr],
        stage: usize,
        span: Span,
    ) -> Result<Node, Fault> {
        let instants = self.instants;
        #[expect(clippy::cast_precision_loss, reason = "times fit into a double for long")]
        let number = |ms: i64| Ok(Node::Constant(Value::Number(ms as f64)));
        // Fixed when the query starts, so that all rows see the same time.
        match function {
            Function::Now => return number(instants.now_ms.div_euclid(1_000)),
            Function::QueryStartTime => return number(instants.start_ms),
            Function::QueryEndTime => return number(instants.end_ms),
            Function::QueryTimeRange => {
                return number(instants.end_ms.saturating_sub(instants.start_ms));
            }
            Function::MessageSize if nodes.is_empty() && stage > 0 => {
                return Err(self.lost("@message", stage, span));
            }
            _ => {}
        }
        Ok(Node::Call(function, nodes, prepared(function, arguments)?))
    }
}

/// Compiles the pattern of a function once, because it is the same for every row.
fn prepared(function: Function, arguments: &[Expr]) -> Result<Prepared, Fault> {
    let has_pattern =
        matches!(function, Function::RegexReplace | Function::ParseDate | Function::FormatDate);
    let Some(pattern) = arguments.get(1).filter(|_| has_pattern) else {
        return Ok(Prepared::Nothing);
    };
    let ExprKind::Text(text) = &pattern.kind else {
        let what = "a pattern that is not a text in quotes";
        let help = "write the pattern itself";
        return Err((pattern.span, InsightsErrorKind::Unsupported { what, help }));
    };
    let of_time = |it: Result<TimePattern, String>| {
        it.map(Prepared::TimePattern).map_err(|at| InsightsErrorKind::BadTimePattern { at })
    };
    let prepared = match function {
        Function::RegexReplace => compiled(text).map(Prepared::Regex),
        Function::ParseDate => of_time(TimePattern::of_java(text)),
        _ => of_time(TimePattern::of_strftime(text)),
    };
    prepared.map_err(|it| (pattern.span, it))
}

/// Evaluates a node whose parts are constant.
fn folded(node: Node) -> Node {
    let is_constant = |it: &Node| matches!(it, Node::Constant(_));
    let can_fold = match &node {
        Node::Not(it) | Node::Negative(it) => is_constant(it),
        Node::Compare(_, a, b) | Node::Arithmetic(_, a, b) => is_constant(a) && is_constant(b),
        // Without an argument, `messageSize` depends on the event.
        Node::Call(Function::MessageSize, ..) => false,
        Node::Call(_, arguments, _) => arguments.iter().all(is_constant),
        _ => false,
    };
    if !can_fold {
        return node;
    }
    let scope = Scope::default();
    let value = eval(&node, &scope).into_owned();
    // The node stays, so that the overflow is reported when it is evaluated for a row.
    if scope.has_overflow.get() { node } else { Node::Constant(value) }
}

impl Node {
    /// True if it needs a value that an earlier step puts into a cell.
    pub(super) fn uses_cells(&self) -> bool {
        match self {
            Self::Cell(_) => true,
            Self::Constant(_) | Self::Path(_) | Self::System(_) => false,
            Self::Not(it) | Self::Negative(it) | Self::Part(it, _) => it.uses_cells(),
            Self::Round { time, .. } => time.uses_cells(),
            Self::And(list) | Self::Or(list) | Self::Call(_, list, _) => {
                list.iter().any(Self::uses_cells)
            }
            Self::Compare(_, a, b) | Self::Arithmetic(_, a, b) => a.uses_cells() || b.uses_cells(),
            Self::In { value, list, .. } => value.uses_cells() || list.iter().any(Self::uses_cells),
            Self::Like { value, .. } => value.uses_cells(),
        }
    }
}
