//! Answers queries from a store.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::answer::{ResultCell, ResultRows};
use super::ast::{Query, SourceTime};
use super::collect::{Groups, Rows};
use super::compile::{Instants, compile};
use super::error::InsightsError;
use super::eval::{EventRow, Scope};
use super::paths::Found;
use super::plan::{intersection, narrowed};
use super::program::{Listing, Program, Stage};
use super::steps::{Excess, run};
use super::value::Value;
use crate::audit::OtherRecord;
use crate::limits;
use crate::query::{Field, Pattern, QueryError, locations, places};
use crate::store::{Record, Store, StoreError};
use crate::time::{TimeRange, Timestamp};

/// The time and log groups to look at, beside what the query says.
#[derive(Clone, Debug)]
pub struct Request {
    /// The range of time of the events.
    pub range: TimeRange,
    /// The log groups; empty for all.
    pub log_groups: Vec<Pattern>,
    /// The value of `now()`.
    pub now: Timestamp,
}

/// The reason why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error(transparent)]
    Query(#[from] InsightsError),
    #[error("cannot read the log group of SOURCE: {0}")]
    LogGroup(QueryError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "the answer takes more than {} MB of memory: narrow it with filter, --since and --until, or show fewer fields and rows",
        limits::INSIGHTS_MEMORY_BYTES_MAX >> 20
    )]
    TooMuch,
    #[error(
        "a function produces a text of more than {} MB, or a list of more than {} items",
        limits::INSIGHTS_TEXT_BYTES_MAX >> 20, limits::INSIGHTS_ITEMS_MAX
    )]
    TextTooLong,
    #[error("unnest makes more than {} rows from one event", limits::INSIGHTS_ITEMS_MAX)]
    TooManyRows,
}

impl From<Excess> for AskError {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Text => Self::TextTooLong,
            Excess::Rows => Self::TooManyRows,
        }
    }
}

/// Answers a query.
pub fn ask(store: &Store, query: &Query, request: &Request) -> Result<ResultRows, AskError> {
    let (range, log_groups) = place(query, request)?;
    let program = compile(query, instants(store, range, request.now))?;
    let groups = log_groups.as_ref().map_or(crate::query::Query::All, |it| it.query().clone());
    // A limit of 0 only counts.
    let (scanned, _) = locations(store, &groups, range, 0)?;
    let (wanted, when) = narrowed(&program.first, &program.paths);
    let within = intersection(range, when);
    let wanted = crate::query::Query::and(vec![groups, wanted]);
    let gathered = gather(store, &program, &wanted, within, log_groups.as_ref())?;
    let matched = gathered.matched;
    let (rows, row_count) = finished(gathered.rows, &program)?;
    let columns = &program.listing.columns;
    let cells = |row: Vec<Value<'static>>| {
        row.iter()
            .zip(columns)
            .map(|(value, column)| ResultCell::of(value, column.is_counted))
            .collect()
    };
    Ok(ResultRows {
        columns: columns.iter().map(|it| it.name.clone()).collect(),
        rows: rows.into_iter().map(cells).collect(),
        row_count,
        records_matched: matched,
        records_scanned: scanned,
    })
}

/// The time range and log groups. The request takes precedence over the query's own `SOURCE`.
fn place(query: &Query, request: &Request) -> Result<(TimeRange, Option<Pattern>), AskError> {
    let mut patterns = request.log_groups.clone();
    if patterns.is_empty() {
        for source in &query.sources {
            let pattern = Pattern::parse(Field::LogGroup, &source.log_group);
            patterns.push(pattern.map_err(AskError::LogGroup)?);
        }
    }
    let at = |time: SourceTime| match time {
        SourceTime::BeforeNow(ms) => request.now.saturating_add_ms(-ms),
        SourceTime::At(ms) => Timestamp::from_ms(ms).unwrap_or(Timestamp::MAX),
    };
    let mut range = request.range;
    if range.is_unbounded() {
        range.since = query.sources.iter().filter_map(|it| it.start).map(at).min();
        let end = query.sources.iter().filter_map(|it| it.end).map(at).max();
        // `END` is inclusive, the end of a range exclusive.
        range.until = end.map(|it| it.saturating_add_ms(1));
    }
    Ok((range, Pattern::any(patterns)))
}

/// The instants that the query may ask for; those of the store if no time was given.
fn instants(store: &Store, range: TimeRange, now: Timestamp) -> Instants {
    let (first, last) = store.time_span().unwrap_or((now, now));
    Instants {
        now_ms: now.as_ms(),
        start_ms: range.since.unwrap_or(first).as_ms(),
        end_ms: range.until.unwrap_or(last).as_ms(),
    }
}

/// The rows of a stage: groups if a `stats` follows, otherwise the rows of the answer.
pub(super) enum Gathered {
    Groups(Groups),
    Rows(Rows),
}

impl Gathered {
    fn of(stage: &Stage) -> Self {
        match stage.stats {
            Some(_) => Self::Groups(Groups::default()),
            None => Self::Rows(Rows::default()),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Groups(it) => it.bytes,
            Self::Rows(it) => it.bytes,
        }
    }

    fn add<'r>(
        &mut self,
        stage: &'r Stage,
        listing: &'r Listing,
        scope: &Scope<'r>,
        place: Option<u64>,
    ) -> Result<(), Excess> {
        match (self, &stage.stats) {
            (Self::Groups(groups), Some(stats)) => groups.add(stats, scope),
            (Self::Rows(rows), _) => rows.add(listing, scope, place),
            // A stage gathers groups only if it has a `stats`.
            (Self::Groups(_), None) => {}
        }
        if scope.has_overflow.get() { Err(Excess::Text) } else { Ok(()) }
    }

    fn join(&mut self, other: Self, listing: &Listing) {
        match (self, other) {
            (Self::Groups(groups), Self::Groups(others)) => groups.join(others),
            (Self::Rows(rows), Self::Rows(others)) => rows.join(others, listing),
            _ => {}
        }
    }
}

/// The results from one part of the archive.
struct AskedPart {
    gathered: Gathered,
    matched: u64,
    found: Vec<Found>,
    /// The previous record's log group, and whether it is wanted. Neighbours often share a group.
    log_group: Option<(String, bool)>,
    /// The bytes of this part that are included in the total.
    counted_bytes: usize,
}

/// The results from all events.
struct Events {
    rows: Gathered,
    matched: u64,
}

/// The growth in bytes after which a part updates the total.
const COUNTED_BYTES: usize = 64 << 10;

/// Reads the events, all of them or those that the index finds.
fn gather(
    store: &Store,
    program: &Program,
    wanted: &crate::query::Query,
    range: TimeRange,
    log_groups: Option<&Pattern>,
) -> Result<Events, AskError> {
    let stage = &program.first;
    let mut all = Events { rows: Gathered::of(stage), matched: 0 };
    let locations = narrow_places(store, wanted, range)?;
    // If the index was asked, it has checked the log group already.
    let log_groups = log_groups.filter(|_| locations.is_none());
    let has_others = locations.is_none() && store.checkpoint().other_records() > 0;
    // All cores add to one total, so the bound holds for the whole answer.
    let held_bytes = AtomicUsize::new(0);
    store.scan(
        locations.as_deref(),
        || AskedPart {
            gathered: Gathered::of(stage),
            matched: 0,
            found: Vec::new(),
            log_group: None,
            counted_bytes: 0,
        },
        |part, record, location| {
            if !range.contains(record.timestamp) || !is_of(record, log_groups, &mut part.log_group)
            {
                return Ok(());
            }
            // The archive also holds records that are not mail; the index of mail does not.
            if has_others && OtherRecord::parse(&record.message).is_some() {
                return Ok(());
            }
            program.paths.find(&record.message, &mut part.found);
            let event = EventRow { record, location, found: &part.found };
            let cells = vec![Value::Null; stage.cell_count];
            let mut scope = Scope { event: Some(event), cells, ..Scope::default() };
            let mut count = 0;
            run(&stage.ops, &mut scope, &mut count, &mut |scope| {
                part.gathered.add(stage, &program.listing, scope, None)
            })?;
            part.matched += u64::from(count > 0);
            let bytes = part.gathered.bytes();
            if bytes > part.counted_bytes + COUNTED_BYTES {
                let grown = bytes - part.counted_bytes;
                part.counted_bytes = bytes;
                let held = held_bytes.fetch_add(grown, Ordering::Relaxed) + grown;
                if held > limits::INSIGHTS_MEMORY_BYTES_MAX {
                    return Err(AskError::TooMuch);
                }
            }
            Ok(())
        },
        |part| {
            all.matched += part.matched;
            // The part's bytes now belong to the joined rows, which may have merged or dropped
            // some.
            let before = all.rows.bytes();
            all.rows.join(part.gathered, &program.listing);
            let after = all.rows.bytes();
            held_bytes.fetch_sub(part.counted_bytes, Ordering::Relaxed);
            held_bytes.fetch_add(after.saturating_sub(before), Ordering::Relaxed);
            held_bytes.fetch_sub(before.saturating_sub(after), Ordering::Relaxed);
            let is_too_much = after > limits::INSIGHTS_MEMORY_BYTES_MAX;
            if is_too_much { Err(AskError::TooMuch) } else { Ok(()) }
        },
    )?;
    Ok(all)
}

/// Locates the events that the index finds, if reading only them is faster than reading all.
fn narrow_places(
    store: &Store,
    wanted: &crate::query::Query,
    range: TimeRange,
) -> Result<Option<Vec<crate::store::Location>>, StoreError> {
    if *wanted == crate::query::Query::All && range.is_unbounded() {
        return Ok(None);
    }
    let all = store.checkpoint().mail_records();
    let (found, _) = locations(store, wanted, range, 0)?;
    // Where the index finds most of the events, reading everything in order takes hardly longer.
    let pays = found <= limits::INSIGHTS_PLACES_MAX && found <= all / 10 * 8;
    if pays || found == 0 { places(store, wanted, range).map(Some) } else { Ok(None) }
}

fn is_of(
    record: &Record<'_>,
    log_groups: Option<&Pattern>,
    known: &mut Option<(String, bool)>,
) -> bool {
    let Some(pattern) = log_groups else { return true };
    let Some(group) = record.log_group.as_deref() else { return false };
    match known {
        Some((name, is_wanted)) if name == group => *is_wanted,
        _ => {
            let is_wanted = pattern.matches(group);
            *known = Some((group.to_owned(), is_wanted));
            is_wanted
        }
    }
}

/// Runs the later stages.
pub(super) fn finished(
    mut gathered: Gathered,
    program: &Program,
) -> Result<(Vec<Vec<Value<'static>>>, u64), AskError> {
    let mut stages = program.others.iter();
    let mut stats = program.first.stats.as_ref();
    loop {
        let groups = match gathered {
            Gathered::Rows(rows) => return Ok(rows.into_cells(&program.listing)),
            Gathered::Groups(groups) => groups,
        };
        let (Some(before), Some(stage)) = (stats, stages.next()) else {
            return Ok((Vec::new(), 0));
        };
        let rows = groups.into_rows(before).ok_or(AskError::TextTooLong)?;
        gathered = Gathered::of(stage);
        for (row, place) in rows.into_iter().zip(0..) {
            let mut cells = row;
            cells.resize(stage.cell_count, Value::Null);
            let mut scope = Scope { cells, ..Scope::default() };
            run(&stage.ops, &mut scope, &mut 0, &mut |scope| {
                gathered.add(stage, &program.listing, scope, Some(place))
            })?;
            if gathered.bytes() > limits::INSIGHTS_MEMORY_BYTES_MAX {
                return Err(AskError::TooMuch);
            }
        }
        stats = stage.stats.as_ref();
    }
}
