//! Answers queries for which the index knows only candidates: it reads the originals on all cores
//! and checks each of them.

use std::sync::atomic::{AtomicU64, Ordering};

use memchr::memmem::Finder;

use super::lower::{Bound, lower, within};
use super::{FieldKind, Glob, Matcher, Query};
use crate::event::{Event, Parser};
use crate::store::{EventPlace, Location, Record, Store, StoreError};
use crate::time::TimeRange;

/// A callback that receives how many of how many events have been checked.
pub(crate) type Heard<'h> = &'h (dyn Fn(u64, u64) + Sync);

/// Finds the events within `range` that match, and passes them on in batches, in the order of the
/// archive.
pub(super) fn for_each(
    store: &Store,
    query: &Query,
    range: TimeRange,
    heard: Heard<'_>,
    visit: impl FnMut(Vec<EventPlace>),
) -> Result<(), StoreError> {
    scan_answers(
        store,
        query,
        range,
        heard,
        Vec::new,
        |found: &mut Vec<EventPlace>, record, _, location| {
            found.push(EventPlace { ms: record.timestamp.as_ms(), location });
        },
        visit,
    )
}

/// Passes the events within `range` that match to `fold`, on all cores, with a value made by
/// `init`; the values are joined in the order of the archive.
pub(super) fn scan_answers<T: Send>(
    store: &Store,
    query: &Query,
    range: TimeRange,
    heard: Heard<'_>,
    init: impl Fn() -> T + Sync,
    fold: impl Fn(&mut T, &Record<'_>, &Event<'_>, Location) + Sync,
    mut join: impl FnMut(T),
) -> Result<(), StoreError> {
    let columns = store.index().columns_by_segment();
    let upper = within(lower(query, &columns, Bound::Upper), range, &columns);
    let candidates = store.index().places(&*upper)?;
    let all = store.checkpoint().records;
    let count = candidates.len() as u64;
    let needle = Needle::of(query);
    // Reading one record decompresses its whole block, so reading many of them costs as much as
    // reading all. With a needle that point comes earlier, because most lines then need only a
    // search for a text.
    let share = if needle.is_some() { 16 } else { 2 };
    let is_most = count.saturating_mul(share) > all;
    let places = if is_most { None } else { Some(candidates.as_slice()) };
    let total = if is_most { all } else { count };
    let seen = AtomicU64::new(0);
    let may_be_in = |lines: &[u8]| needle.as_ref().is_none_or(|it| it.may_be_in(lines));
    store.scan_some(
        places,
        &may_be_in,
        || CheckedPart { parser: Parser::new(), made: init(), seen: 0 },
        |part: &mut CheckedPart<T>, record: &Record<'_>, location| {
            part.seen += 1;
            // One update for thousands of events keeps the cores from contending for the counter.
            if part.seen == HEARD_EVENTS {
                let seen = seen.fetch_add(part.seen, Ordering::Relaxed) + part.seen;
                heard(seen, total);
                part.seen = 0;
            }
            // Everything is scanned if there are many candidates, so the range has to be checked
            // here.
            if range.contains(record.timestamp)
                && may_be_in(record.message.as_bytes())
                && let Ok(event) = part.parser.parse(&record.message)
                && query.holds(record, &event)
            {
                fold(&mut part.made, record, &event, location);
            }
            Ok(())
        },
        |part| {
            seen.fetch_add(part.seen, Ordering::Relaxed);
            join(part.made);
            Ok::<(), StoreError>(())
        },
    )?;
    heard(total, total);
    Ok(())
}

/// The number of events between two progress reports.
const HEARD_EVENTS: u64 = 4_096;

struct CheckedPart<T> {
    parser: Parser,
    made: T,
    seen: u64,
}

/// Texts of which every matching record contains one, unless it contains an escape.
pub(super) struct Needle {
    texts: Vec<Finder<'static>>,
    escape: Finder<'static>,
}

impl Needle {
    /// Any of some texts; `None` if JSON may write one of them differently.
    pub(super) fn any_of(texts: &[String]) -> Option<Self> {
        let is_plain = |it: u8| it.is_ascii_graphic() && !matches!(it, b'"' | b'\\' | b'/');
        let is_usable = |it: &String| it.len() > 2 && it.bytes().all(is_plain);
        let finders = texts.iter().map(|it| Finder::new(it.as_bytes()).into_owned());
        // JSON may write any character as its number.
        let escape = Finder::new(b"\\u");
        let is_any = !texts.is_empty() && texts.iter().all(is_usable);
        is_any.then(|| Self { texts: finders.collect(), escape })
    }

    /// The texts of IDs that must occur.
    fn of(query: &Query) -> Option<Self> {
        Self::any_of(&needles(query)?)
    }

    /// True if a line of the archive, or several of them, may contain one of the texts.
    pub(super) fn may_be_in(&self, lines: &[u8]) -> bool {
        self.texts.iter().chain([&self.escape]).any(|it| it.find(lines).is_some())
    }
}

/// Texts of which one must occur; `None` if none must.
fn needles(query: &Query) -> Option<Vec<String>> {
    match query {
        // The longest text is likely to be the rarest.
        Query::And(queries) => {
            queries.iter().filter_map(needles).max_by_key(|it| it.iter().map(String::len).min())
        }
        Query::Or(queries) => {
            let all: Option<Vec<Vec<String>>> = queries.iter().map(needles).collect();
            all.map(|it| it.concat()).filter(|it| it.len() <= NEEDLES_MAX)
        }
        Query::Clause(clause) if clause.field.kind() == FieldKind::Id => {
            let text = match &clause.matcher {
                Matcher::Glob(Glob::Prefix(text) | Glob::Suffix(text)) => text.as_str(),
                Matcher::Glob(glob) => glob.pieces().into_iter().max_by_key(|it| it.len())?,
                _ => return None,
            };
            Some(vec![text.to_owned()])
        }
        _ => None,
    }
}

/// The number of texts to search for at once. Each is a search of its own.
const NEEDLES_MAX: usize = 8;
