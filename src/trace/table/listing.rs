//! Reads the message table, message by message.

use std::io;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::numbers::{ColumnOf, TextNumbers};
use super::resolve::resolve;
use crate::store::{
    BLOCK_DOCUMENTS, EntryRow, LegEntry, Location, MessageTable, StoreError, TableSegment,
};
use crate::time::TimeRange;
use crate::trace::JoinRules;
use crate::trace::judge::OutcomeRow;
use crate::trace::message::{Direction, Outcome};
use crate::trace::silence::KnownAddresses;

/// The entries of all messages, under the rules of a question.
pub(crate) struct Listing<'s> {
    table: &'s MessageTable,
    rules: JoinRules,
    /// Looked up for the first recipient that needs it; `None` if the table cannot be read.
    known: OnceLock<Option<KnownAddresses>>,
}

/// The messages to read, and their parts.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'r> {
    /// The range in which they were first seen.
    pub(crate) range: TimeRange,
    /// Outcomes of which a row must have one, if any are required.
    pub(crate) wanted: Option<&'r [Outcome]>,
    /// Whether the time of the last event, the legs and the rows are read.
    pub(crate) needs_rows: bool,
}

impl Reading<'_> {
    /// Reads everything of all messages.
    pub(crate) fn all() -> Self {
        Self { range: TimeRange::default(), wanted: None, needs_rows: true }
    }
}

/// One message.
#[derive(Default)]
pub(crate) struct ListedMessage {
    /// Its segment, and its document there.
    pub(crate) segment: usize,
    pub(crate) document: u32,
    /// The times of its first and its last event, in milliseconds since 1970.
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// The location of its event that was stored first.
    pub(crate) place: Location,
    /// Whether its originals must be read.
    pub(crate) needs_originals: bool,
    /// Its legs, by their start.
    pub(crate) legs: Vec<LegEntry>,
    /// One for each recipient of each leg, by address; the last of an address decides.
    pub(crate) rows: Vec<ListedRow>,
    entries: Vec<EntryRow>,
}

/// The outcome of a message for one recipient of one leg. Texts are numbers of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedRow {
    pub(crate) entry: EntryRow,
    pub(crate) outcome: Outcome,
    pub(super) started_ms: i64,
}

impl ListedRow {
    pub(crate) fn address(&self) -> u32 {
        self.entry.address
    }
}

impl OutcomeRow for ListedRow {
    fn is_of_same(&self, other: &Self) -> bool {
        self.address() == other.address()
    }

    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn started_ms(&self) -> i64 {
        self.started_ms
    }

    fn latency_ms(&self) -> Option<i64> {
        self.entry.latency_ms
    }
}

/// Whether each text of a column matches, by segment.
pub(in crate::trace) struct Texts(Vec<Vec<bool>>);

impl Texts {
    /// True if there is a text and it matches.
    pub(in crate::trace) fn has(&self, segment: usize, text: Option<u32>) -> bool {
        let Some(text) = text else { return false };
        self.0.get(segment).and_then(|it| it.get(text as usize)).copied().unwrap_or(false)
    }
}

/// The number of shares for each worker: several, so that none is left with most of the work.
const SHARES: usize = 4;

/// The possible outcomes of a silent recipient.
const SILENT: [Outcome; 4] = [Outcome::Lost, Outcome::Pending, Outcome::Expanded, Outcome::Unclear];

impl<'s> Listing<'s> {
    /// Reads the table by these rules.
    pub(in crate::trace) fn new(table: &'s MessageTable, rules: &JoinRules) -> Self {
        Self { table, rules: rules.clone(), known: OnceLock::new() }
    }

    pub(crate) fn segment(&self, number: usize) -> Option<&'s TableSegment> {
        self.table.segments().get(number)
    }

    /// Returns the real sender of a message, by the numbers of senders or of their domains.
    pub(crate) fn sender(&self, message: &ListedMessage, numbers: &TextNumbers) -> Option<u32> {
        let segment = self.segment(message.segment)?;
        let (column, sender) = match segment.sender.number(message.document) {
            Some(sender) => (0, sender),
            None => (1, segment.from.number(message.document)?),
        };
        numbers.get(column, message.segment, sender)
    }

    /// Tests each text of a column of each segment.
    pub(in crate::trace) fn texts_that_are(
        &self,
        column: ColumnOf,
        is_such: impl Fn(&str) -> bool,
    ) -> Result<Texts, StoreError> {
        let of_segment = |segment: &TableSegment| {
            let mut found = Vec::with_capacity(column(segment).text_count());
            column(segment).for_each(|text| found.push(is_such(text)))?;
            Ok(found)
        };
        let found: io::Result<_> = self.table.segments().iter().map(of_segment).collect();
        found.map(Texts).map_err(self.table.failed())
    }

    /// Passes every message to be read to `visit`, on all cores, each worker with what `start` made
    /// for it. Returns the results of the parts, in order.
    pub(crate) fn visit<T: Default + Send, W>(
        &self,
        reading: Reading<'_>,
        start: impl Fn() -> W + Sync,
        visit: impl Fn(&mut T, &mut W, &ListedMessage) -> Result<(), StoreError> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let Reading { range, wanted, needs_rows } = reading;
        let parts = self.parts(range);
        // Neighbouring parts share one result: there are fewer groups, say, than messages, so less
        // is left to join.
        let parts_at_once = parts.len().div_ceil(SHARES * rayon::current_num_threads()).max(1);
        let share = |parts: &[TablePart<'_>]| {
            let (mut worker, mut made) = (start(), T::default());
            // One message for all of the share: its lists keep their memory.
            let mut message = ListedMessage::default();
            for part in parts {
                let TablePart { number, segment, .. } = *part;
                message.segment = number;
                for (document, first_ms) in part.documents(range) {
                    if wanted.is_some_and(|it| !self.may_have(segment, document, it)) {
                        continue;
                    }
                    message.first_ms = first_ms;
                    self.read(segment, document, needs_rows, &mut message);
                    visit(&mut made, &mut worker, &message)?;
                }
            }
            Ok(made)
        };
        parts.par_chunks(parts_at_once).map(share).collect()
    }

    /// Returns the parts of the table that may have messages of a range, each for one worker.
    pub(super) fn parts(&self, range: TimeRange) -> Vec<TablePart<'s>> {
        let (since, until) = bounds(range);
        let segments = self.table.segments().iter().enumerate().filter(|(_, segment)| {
            let (first, last) = segment.first_range();
            since <= last && first <= until
        });
        let of_segment = |(number, segment): (usize, &'s TableSegment)| {
            let blocks = segment.blocks_between(since, until).into_iter();
            blocks.map(move |it| TablePart { number, segment, start: it * BLOCK_DOCUMENTS })
        };
        segments.flat_map(of_segment).collect()
    }

    pub(super) fn table(&self) -> &'s MessageTable {
        self.table
    }

    /// True if a row of a message may have one of the outcomes, by the column of outcomes alone.
    fn may_have(&self, segment: &TableSegment, document: u32, wanted: &[Outcome]) -> bool {
        // The directory can turn any outcome of a silent recipient into another when asked.
        let is_open =
            wanted.iter().any(|it| SILENT.contains(it)) && self.rules.directory().is_some();
        segment.needs_originals(document)
            || segment.outcomes(document).any(|it| {
                let outcome = Outcome::ALL.get(usize::from(it));
                outcome.is_none_or(|it| {
                    let undecided = [Outcome::Lost, Outcome::Pending];
                    wanted.contains(it)
                        || is_open && SILENT.contains(it)
                        // The table stores `lost` for both: which it is depends on the question's
                        // grace time.
                        || *it == Outcome::Lost && wanted.iter().any(|it| undecided.contains(it))
                })
            })
    }

    /// Lets the directory decide for silent recipients.
    fn ask_directory(&self, message: &mut ListedMessage) {
        let Some(directory) = self.rules.directory() else { return };
        let find = || KnownAddresses::find(self.table, directory).ok();
        let resolved = match self.known.get_or_init(find) {
            Some(known) => resolve(message, directory, known),
            None => None,
        };
        // Also if the table's addresses cannot be read: the originals can still answer.
        message.needs_originals |= resolved.is_none();
    }

    fn read(
        &self,
        segment: &TableSegment,
        document: u32,
        needs_rows: bool,
        message: &mut ListedMessage,
    ) {
        let first_ms = message.first_ms;
        message.document = document;
        message.place = segment.place(document);
        message.needs_originals = segment.needs_originals(document);
        if !needs_rows {
            return;
        }
        message.last_ms = segment.last_ms(document);
        segment.legs(document, &mut message.legs);
        segment.rows(document, &mut message.entries);
        // Rows are made in the order of entries, in which the last of an address decides.
        message.rows.clear();
        for entry in &message.entries {
            let leg = message.legs.get(usize::from(entry.bits.leg));
            let started_ms = leg.map_or(first_ms, |it| it.started_ms);
            let outcome = Outcome::ALL.get(usize::from(entry.bits.outcome)).copied();
            // A number without an outcome comes from a damaged table: no claim is made.
            let outcome = outcome.unwrap_or(Outcome::Unclear);
            message.rows.push(ListedRow { entry: *entry, outcome, started_ms });
        }
        if message.rows.iter().any(|it| SILENT.contains(&it.outcome)) {
            self.ask_directory(message);
        }
        for row in &mut message.rows {
            // After the directory, which decides between expanded and lost; a lost recipient may be
            // pending.
            if row.outcome == Outcome::Lost && self.rules.is_early(row.started_ms) {
                row.outcome = Outcome::Pending;
            }
        }
    }
}

#[derive(Clone, Copy)]
pub(super) struct TablePart<'s> {
    /// The number of the segment.
    pub(super) number: usize,
    pub(super) segment: &'s TableSegment,
    start: u32,
}

impl<'s> TablePart<'s> {
    /// Returns the messages whose first event is in range, with its time in milliseconds since
    /// 1970.
    pub(super) fn documents(self, range: TimeRange) -> impl Iterator<Item = (u32, i64)> + use<'s> {
        let Self { segment, start, .. } = self;
        let (since, until) = bounds(range);
        let end = segment.document_count().min(start.saturating_add(BLOCK_DOCUMENTS));
        (start..end)
            .map(|document| (document, segment.first_ms(document)))
            .filter(move |(_, first_ms)| (since..=until).contains(first_ms))
            .filter(|(document, _)| segment.is_alive(*document))
    }
}

/// Returns the first and the last instant of a range, in milliseconds since 1970.
fn bounds(range: TimeRange) -> (i64, i64) {
    let within = range.in_ms();
    // Without an upper bound, `i64::MAX` itself is inside as well.
    (within.start, range.until.map_or(i64::MAX, |_| within.end.saturating_sub(1)))
}

impl ListedMessage {
    /// True if a leg has this direction.
    pub(in crate::trace) fn has_direction(&self, way: Direction) -> bool {
        self.legs.iter().any(|it| it.is_outgoing == (way == Direction::Outgoing))
    }
}
