//! Compiles a query into a program: resolves names, and puts the steps into order.
//!
//! A `stats` ends a stage. AWS's own queries are loose about order, and so is this compiler: a
//! `filter` after a `stats` that asks about single events moves before it, and `sort` and `limit`
//! apply at the end of their stage, wherever they are written in it.

use std::collections::{HashMap, HashSet};

use super::ast::{Command, CommandKind, Expr, ExprKind, Item, Query, SortKey};
use super::error::{InsightsError, InsightsErrorKind};
use super::function::Aggregate;
use super::lexer::Fault;
use super::paths::Paths;
use super::program::{Column, Counted, Listing, Node, Op, Program, Stage, Stats, System};
use super::resolve::StatsParts;
use crate::limits;
use crate::query::Span;

/// The instants that a query may ask for, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Instants {
    pub(super) now_ms: i64,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
}

/// Compiles a query.
pub(super) fn compile(query: &Query, instants: Instants) -> Result<Program, InsightsError> {
    let error = |(span, kind): Fault| InsightsError::new(&query.text, span, kind);
    Compiler::new(query, instants).program().map_err(error)
}

pub(super) struct Compiler<'q> {
    query: &'q Query,
    pub(super) instants: Instants,
    pub(super) paths: Paths,
    pub(super) stages: Vec<Room>,
    /// The number of `unnest` commands. Each multiplies the rows, so their number is bounded.
    unnest_count: usize,
}

/// A stage, and the names that it knows.
#[derive(Default)]
pub(super) struct Room {
    stage: Stage,
    /// The cells of named values.
    pub(super) names: HashMap<String, usize>,
    /// The cells of unnamed values, by the text as it was written.
    pub(super) written: HashMap<String, usize>,
    /// Names that mean the same before the `stats`.
    plain_keys: HashSet<String>,
    columns: Vec<Column>,
    has_fields: bool,
    /// Names that were extracted from texts and lists.
    extracted: Vec<(String, usize)>,
    display: Option<Vec<Column>>,
    sort: Vec<Vec<(Node, bool)>>,
    sort_span: Option<Span>,
    dedup: Option<(Vec<Node>, Span)>,
    limit: Option<(usize, Span)>,
}

impl Room {
    fn new_cell(&mut self) -> usize {
        self.stage.cell_count += 1;
        self.stage.cell_count - 1
    }

    /// Adds a column, which replaces one with the same name.
    fn show(&mut self, column: Column) {
        match self.columns.iter_mut().find(|it| it.name == column.name) {
            Some(known) => *known = column,
            None => self.columns.push(column),
        }
    }

    /// The known names, for messages.
    pub(super) fn known(&self) -> String {
        let names = self.columns.iter().map(|it| it.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    }
}

impl<'q> Compiler<'q> {
    fn new(query: &'q Query, instants: Instants) -> Self {
        let stages = vec![Room::default()];
        Self { query, instants, paths: Paths::default(), stages, unnest_count: 0 }
    }

    pub(super) fn text(&self) -> &'q str {
        &self.query.text
    }

    /// The number of the current stage.
    fn last(&self) -> usize {
        self.stages.len() - 1
    }

    #[expect(clippy::indexing_slicing, reason = "stages are asked for by their numbers")]
    pub(super) fn room(&mut self, stage: usize) -> &mut Room {
        &mut self.stages[stage]
    }

    fn program(mut self) -> Result<Program, Fault> {
        let query = self.query;
        for command in &query.commands {
            self.command(command)?;
        }
        let last = self.last();
        let listing = self.listing(last);
        let mut stages = self.stages.into_iter().map(|it| it.stage);
        let mut first = stages.next().expect("a query has a stage before it has a command");
        // Only the first stage goes over events, so only there do early conditions pay.
        first.ops = filters_first(first.ops);
        Ok(Program { paths: self.paths, first, others: stages.collect(), listing })
    }

    fn command(&mut self, command: &Command) -> Result<(), Fault> {
        let last = self.last();
        let span = command.span;
        // As with AWS, only `limit` may follow `dedup`.
        if self.room(last).dedup.is_some() && !matches!(command.kind, CommandKind::Limit(_)) {
            let (command, place) = ("this", "after dedup, where only limit can");
            return Err((span, InsightsErrorKind::Misplaced { command, place }));
        }
        match &command.kind {
            CommandKind::Fields(items) => {
                let columns = self.columns(items, last)?;
                let room = self.room(last);
                room.has_fields = true;
                columns.into_iter().for_each(|it| room.show(it));
            }
            CommandKind::Display(items) => {
                let columns = self.columns(items, last)?;
                self.room(last).display = Some(columns);
            }
            CommandKind::Filter(condition) => self.filter(condition)?,
            CommandKind::Sort(keys) => self.sort(keys, span)?,
            CommandKind::Limit(count) => self.room(last).limit = Some((*count, span)),
            CommandKind::Stats { items, keys } => self.stats(items, keys, span)?,
            CommandKind::ParseGlob { source, glob, names } => {
                let source = self.source(source.as_ref(), last, span)?;
                let cells = names.iter().map(|it| self.extracted(it, last)).collect();
                let op = Op::ParseGlob { source, glob: glob.clone(), cells };
                self.room(last).stage.ops.push(op);
            }
            CommandKind::ParseRegex { source, regex, names } => {
                let source = self.source(source.as_ref(), last, span)?;
                let cell = |(name, group): &(String, usize)| (self.extracted(name, last), *group);
                let cells = names.iter().map(cell).collect();
                let op = Op::ParseRegex { source, regex: regex.clone(), cells };
                self.room(last).stage.ops.push(op);
            }
            CommandKind::Dedup(keys) => {
                let nodes = keys.iter().map(|it| self.node(it, last, None));
                let nodes = nodes.collect::<Result<_, _>>()?;
                self.room(last).dedup = Some((nodes, span));
            }
            CommandKind::Unnest { list, name } => {
                self.unnest_count += 1;
                if self.unnest_count > limits::INSIGHTS_UNNESTS_MAX {
                    let (command, place) = ("unnest", "so often in one query");
                    return Err((span, InsightsErrorKind::Misplaced { command, place }));
                }
                let node = self.node(list, last, None)?;
                let cell = self.extracted(name, last);
                self.room(last).stage.ops.push(Op::Unnest { cell, node });
            }
        }
        Ok(())
    }

    /// The value that `parse` reads; the whole message unless it names one.
    fn source(&mut self, source: Option<&Expr>, stage: usize, span: Span) -> Result<Node, Fault> {
        match source {
            Some(source) => self.node(source, stage, None),
            None if stage == 0 => Ok(Node::System(System::Message)),
            None => Err(self.lost("@message", stage, span)),
        }
    }

    /// The error for a name that no longer exists.
    pub(super) fn lost(&mut self, name: &str, stage: usize, span: Span) -> Fault {
        let known = self.room(stage).known();
        (span, InsightsErrorKind::LostName { name: name.to_owned(), known })
    }

    /// A new cell for a value extracted from a text or list.
    fn extracted(&mut self, name: &str, stage: usize) -> usize {
        let room = self.room(stage);
        let cell = room.new_cell();
        room.names.insert(name.to_owned(), cell);
        room.extracted.push((name.to_owned(), cell));
        cell
    }

    /// The columns of `fields` or `display`. Their names are known from then on.
    fn columns(&mut self, items: &[Item], stage: usize) -> Result<Vec<Column>, Fault> {
        let mut columns = Vec::new();
        for item in items {
            let node = self.node(&item.expr, stage, None)?;
            let is_counted = stage > 0 && !self.is_key(&node, stage);
            // A field under its own name needs no cell.
            let is_itself = item.expr.field_name().as_deref() == Some(item.name.as_str());
            let node = if is_itself {
                node
            } else {
                let room = self.room(stage);
                let cell = room.new_cell();
                room.stage.ops.push(Op::Define { cell, node });
                room.names.insert(item.name.clone(), cell);
                Node::Cell(cell)
            };
            columns.push(Column { name: item.name.clone(), node, is_counted });
        }
        Ok(columns)
    }

    fn is_key(&mut self, node: &Node, stage: usize) -> bool {
        let Node::Cell(cell) = node else { return false };
        let before = stage.checked_sub(1).map(|it| self.room(it));
        let stats = before.and_then(|it| it.stage.stats.as_ref());
        stats.is_some_and(|it| *cell < it.keys.len())
    }

    fn sort(&mut self, keys: &[SortKey], span: Span) -> Result<(), Fault> {
        let last = self.last();
        let mut nodes = Vec::new();
        for key in keys {
            nodes.push((self.node(&key.expr, last, None)?, key.is_descending));
        }
        let room = self.room(last);
        room.sort.push(nodes);
        room.sort_span = Some(span);
        Ok(())
    }

    /// Puts each part of a condition where it can be evaluated: before the `stats`, if only single
    /// events can answer it.
    fn filter(&mut self, condition: &Expr) -> Result<(), Fault> {
        let last = self.last();
        for part in conjuncts(condition) {
            let (stage, node) = self.placed(part, last)?;
            self.room(stage).stage.ops.push(Op::Filter(node));
        }
        Ok(())
    }

    fn placed(&mut self, condition: &Expr, last: usize) -> Result<(usize, Node), Fault> {
        // From the last stage back: the nearest `stats` that knows all the names wins.
        for stage in (1..=last).rev() {
            let error = match self.node(condition, stage, None) {
                Ok(node) => return Ok((stage, node)),
                Err(error) => error,
            };
            let is_lost =
                matches!(error.1, InsightsErrorKind::LostName { .. } | InsightsErrorKind::LostTime);
            if !is_lost {
                return Err(error);
            }
            // Moved further back, the condition would lose a name that only this stage has.
            if self.is_bound(condition, stage) {
                return Err((condition.span, InsightsErrorKind::MixedCondition));
            }
        }
        Ok((0, self.node(condition, 0, None)?))
    }

    /// True if a condition names something that only this stage has.
    fn is_bound(&mut self, condition: &Expr, stage: usize) -> bool {
        let text = self.text();
        let room = self.room(stage);
        let mut is_bound = false;
        condition.walk(&mut |it| {
            is_bound |= match it.field_name() {
                Some(it) => room.names.contains_key(&it) && !room.plain_keys.contains(&it),
                None => room.written.contains_key(&as_written(text, it.span)),
            };
        });
        is_bound
    }

    fn stats(&mut self, items: &[Item], keys: &[Item], span: Span) -> Result<(), Fault> {
        let last = self.last();
        if last >= limits::INSIGHTS_STATS_MAX {
            return Err((span, InsightsErrorKind::TooManyStats));
        }
        self.check_end_of_stage(last)?;
        let mut key_nodes = Vec::new();
        for key in keys {
            key_nodes.push(self.node(&key.expr, last, None)?);
        }
        // The items' cells come after those of all aggregates, so these are counted first.
        let aggregates: usize = items.iter().map(|it| aggregate_count(&it.expr)).sum();
        self.stages.push(Room::default());
        let text = self.text();
        let next = self.room(last + 1);
        for (cell, key) in keys.iter().enumerate() {
            next.name_cell(key, cell, text);
            if key.expr.field_name().as_deref() == Some(key.name.as_str()) {
                next.plain_keys.insert(key.name.clone());
            }
            next.show(Column { name: key.name.clone(), node: Node::Cell(cell), is_counted: false });
        }
        let first_item = keys.len() + aggregates;
        let mut parts = StatsParts { from: last, key_count: keys.len(), counted: Vec::new() };
        let mut nodes = Vec::new();
        for (item, cell) in items.iter().zip(first_item..) {
            nodes.push(self.node(&item.expr, last + 1, Some(&mut parts))?);
            let next = self.room(last + 1);
            next.name_cell(item, cell, text);
            next.show(Column { name: item.name.clone(), node: Node::Cell(cell), is_counted: true });
        }
        // An item that repeats an earlier one reuses its cell, and leaves its own aggregates
        // uncounted. The cells were numbered for all of them.
        let rows = || Counted { aggregate: Aggregate::Count, argument: None };
        parts.counted.resize_with(aggregates, rows);
        let next = self.room(last + 1);
        next.stage.cell_count = first_item + items.len();
        let stats = Stats { keys: key_nodes, counted: parts.counted, items: nodes };
        self.room(last).stage.stats = Some(stats);
        Ok(())
    }

    /// Rejects commands that would apply to the rows of a stage but come before its `stats`.
    fn check_end_of_stage(&mut self, stage: usize) -> Result<(), Fault> {
        let place = "before stats";
        let room = self.room(stage);
        let misplaced =
            |command, span| Err((span, InsightsErrorKind::Misplaced { command, place }));
        if let Some((_, span)) = room.limit {
            return misplaced("limit", span);
        }
        if let Some((_, span)) = room.dedup {
            return misplaced("dedup", span);
        }
        // The order of single events does not change what is counted.
        match room.sort_span.filter(|_| stage > 0) {
            Some(span) => misplaced("sort", span),
            None => Ok(()),
        }
    }

    fn listing(&mut self, stage: usize) -> Listing {
        let room = self.room(stage);
        let mut columns = std::mem::take(&mut room.columns);
        if stage == 0 && !room.has_fields {
            let of = |name: &str, system| Column {
                name: name.to_owned(),
                node: Node::System(system),
                is_counted: false,
            };
            columns = vec![of("@timestamp", System::Timestamp), of("@message", System::Message)];
        }
        // A field extracted twice is shown once, with its last value.
        for (name, cell) in std::mem::take(&mut room.extracted) {
            let node = Node::Cell(cell);
            match columns.iter_mut().find(|it| it.name == name) {
                Some(known) => known.node = node,
                None => columns.push(Column { name, node, is_counted: stage > 0 }),
            }
        }
        let mut display = Vec::new();
        for column in room.display.take().into_iter().flatten() {
            if !display.iter().any(|it: &Column| it.name == column.name) {
                display.push(column);
            }
        }
        Listing {
            // The last `sort` is the most significant.
            sort: std::mem::take(&mut room.sort).into_iter().rev().flatten().collect(),
            dedup: room.dedup.take().map_or_else(Vec::new, |it| it.0),
            limit: room.limit.map(|it| it.0),
            columns: if display.is_empty() { columns } else { display },
        }
    }
}

impl Room {
    /// Gives a cell its name, and remembers how its value was written.
    fn name_cell(&mut self, item: &Item, cell: usize, text: &str) {
        self.names.insert(item.name.clone(), cell);
        self.written.entry(as_written(text, item.expr.span)).or_insert(cell);
    }
}

/// A value as it was written, without blanks.
pub(super) fn as_written(text: &str, span: Span) -> String {
    span.of(text).chars().filter(|it| !it.is_whitespace()).collect()
}

/// The parts of a condition that must all hold.
fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match &condition.kind {
        ExprKind::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        _ => vec![condition],
    }
}

fn aggregate_count(expr: &Expr) -> usize {
    let mut count = 0;
    expr.walk(&mut |it| count += usize::from(matches!(it.kind, ExprKind::Aggregate(..))));
    count
}

/// Moves the conditions on the event itself to the front, where they spare the other steps.
fn filters_first(ops: Vec<Op>) -> Vec<Op> {
    let is_early = |it: &Op| matches!(it, Op::Filter(node) if !node.uses_cells());
    let (mut early, others): (Vec<Op>, Vec<Op>) = ops.into_iter().partition(is_early);
    early.extend(others);
    early
}
