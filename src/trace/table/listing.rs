//! What the message table says of every message.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::store::{
    EntryRow, LegEntry, Location, MessageTable, StoreError, TableSegment, TextColumn,
};
use crate::time::TimeRange;
use crate::trace::JoinRules;
use crate::trace::judge::OutcomeRow;
use crate::trace::message::{Direction, Outcome};

/// The entries of all messages, for one who asks.
#[derive(Clone, Copy)]
pub(crate) struct Listing<'s> {
    table: &'s MessageTable,
    rules: JoinRules,
}

/// One message.
#[derive(Default)]
pub(crate) struct ListedMessage {
    /// The number of the segment that has it, and its number there.
    pub(crate) segment: usize,
    pub(crate) document: u32,
    /// The times of its first and its last event, in milliseconds since 1970.
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// Where the event lies that came into the store before its others.
    pub(crate) place: Location,
    /// Whether its originals must be read.
    pub(crate) needs_originals: bool,
    /// Its legs, by their start.
    pub(crate) legs: Vec<LegEntry>,
    /// For each recipient of each leg, by address; of each address the row that decides is the last.
    pub(crate) rows: Vec<ListedRow>,
    entries: Vec<EntryRow>,
}

/// What became of a message for one recipient of one leg. Texts are numbers of its segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListedRow {
    pub(crate) entry: EntryRow,
    pub(crate) outcome: Outcome,
    started_ms: i64,
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

/// A column of texts.
pub(crate) type ColumnOf = fn(&TableSegment) -> &TextColumn;

/// Where the sender of a message is looked for, in this order.
pub(crate) const SENDERS: [ColumnOf; 2] = [|it| &it.sender, |it| &it.from];

/// Numbers for the texts of one column or several, the same ones in all segments.
pub(crate) struct TextNumbers {
    /// For each column, the number of each text of each segment, if it counts.
    of_columns: Vec<Vec<Vec<Option<u32>>>>,
    /// The texts by their numbers.
    pub(crate) texts: Vec<String>,
}

impl TextNumbers {
    /// The number of a text of a segment, in the column at a place.
    pub(crate) fn get(&self, column: usize, segment: usize, text: u32) -> Option<u32> {
        self.of_columns.get(column)?.get(segment)?.get(text as usize).copied().flatten()
    }
}

/// Messages that one worker takes at once.
const MESSAGES_AT_ONCE: u32 = 16_384;

impl<'s> Listing<'s> {
    pub(in crate::trace) fn new(table: &'s MessageTable, rules: JoinRules) -> Self {
        Self { table, rules }
    }

    pub(crate) fn segment(&self, number: usize) -> Option<&'s TableSegment> {
        self.table.segments().get(number)
    }

    /// Numbers what `value` makes of the texts of some columns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(crate) fn numbers(
        &self,
        columns: &[ColumnOf],
        value: impl Fn(&str) -> Option<String>,
    ) -> Result<TextNumbers, StoreError> {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut of_columns = Vec::with_capacity(columns.len());
        for column in columns {
            let mut of_segments = Vec::with_capacity(self.table.segments().len());
            for segment in self.table.segments() {
                let mut of_texts = Vec::with_capacity(column(segment).text_count());
                column(segment)
                    .for_each(|text| {
                        of_texts.push(value(text).map(|value| {
                            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
                            *numbers.entry(value).or_insert(next)
                        }));
                    })
                    .map_err(self.table.failed())?;
                of_segments.push(of_texts);
            }
            of_columns.push(of_segments);
        }
        let mut texts = vec![String::new(); numbers.len()];
        for (text, number) in numbers {
            if let Some(slot) = texts.get_mut(number as usize) {
                *slot = text;
            }
        }
        Ok(TextNumbers { of_columns, texts })
    }

    /// Who really sent a message, by numbers of the columns [`SENDERS`].
    pub(crate) fn sender(&self, message: &ListedMessage, numbers: &TextNumbers) -> Option<u32> {
        let segment = self.segment(message.segment)?;
        let (column, sender) = match segment.sender.number(message.document) {
            Some(sender) => (0, sender),
            None => (1, segment.from.number(message.document)?),
        };
        numbers.get(column, message.segment, sender)
    }

    /// For each text of a column of each segment, whether it is such.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(in crate::trace) fn texts_that_are(
        &self,
        column: ColumnOf,
        is_such: impl Fn(&str) -> bool,
    ) -> Result<Vec<Vec<bool>>, StoreError> {
        let of_segment = |segment: &TableSegment| {
            let mut found = Vec::with_capacity(column(segment).text_count());
            column(segment).for_each(|text| found.push(is_such(text)))?;
            Ok(found)
        };
        let found: std::io::Result<_> = self.table.segments().iter().map(of_segment).collect();
        found.map_err(self.table.failed())
    }

    /// Hands every message whose first event is in range, and of whose rows' outcomes one is such
    /// where that is asked, to `visit`, on all cores, each worker with what `start` made for it;
    /// gives what was made of the parts, in order.
    ///
    /// # Errors
    ///
    /// What `visit` fails with.
    pub(crate) fn visit<T: Default + Send, W>(
        &self,
        range: TimeRange,
        wanted: Option<&[Outcome]>,
        start: impl Fn() -> W + Sync,
        visit: impl Fn(&mut T, &mut W, &ListedMessage) -> Result<(), StoreError> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let since = range.since.map_or(i64::MIN, |it| it.as_ms());
        let until = range.until.map_or(i64::MAX, |it| it.as_ms());
        let is_in_range = |ms: i64| since <= ms && (ms < until || range.until.is_none());
        let segments = self.table.segments().iter().enumerate().filter(|(_, segment)| {
            let (first, last) = segment.first_range();
            last >= since && (first < until || range.until.is_none())
        });
        let parts: Vec<(usize, &TableSegment, u32)> = segments
            .flat_map(|(number, segment)| {
                let starts = (0..segment.document_count()).step_by(MESSAGES_AT_ONCE as usize);
                starts.map(move |first| (number, segment, first))
            })
            .collect();
        parts
            .into_par_iter()
            .map(|(number, segment, first)| {
                let mut worker = start();
                let mut made = T::default();
                let mut message = ListedMessage { segment: number, ..ListedMessage::default() };
                let end = segment.document_count().min(first.saturating_add(MESSAGES_AT_ONCE));
                for document in first..end {
                    let first_ms = segment.first_ms(document);
                    if !is_in_range(first_ms) || !segment.is_alive(document) {
                        continue;
                    }
                    if wanted.is_some_and(|it| !self.may_have(segment, document, it)) {
                        continue;
                    }
                    self.read(segment, document, first_ms, &mut message);
                    visit(&mut made, &mut worker, &message)?;
                }
                Ok(made)
            })
            .collect()
    }

    /// Whether a row of a message may have one of some outcomes, before its other columns are read.
    fn may_have(&self, segment: &TableSegment, document: u32, wanted: &[Outcome]) -> bool {
        segment.needs_originals(document)
            || segment.outcomes(document).any(|it| {
                let outcome = Outcome::ALL.get(usize::from(it));
                outcome.is_none_or(|it| {
                    let undecided = [Outcome::Lost, Outcome::Pending];
                    wanted.contains(it)
                        || *it == Outcome::Lost && wanted.iter().any(|it| undecided.contains(it))
                })
            })
    }

    fn read(
        &self,
        segment: &TableSegment,
        document: u32,
        first_ms: i64,
        message: &mut ListedMessage,
    ) {
        message.document = document;
        message.first_ms = first_ms;
        message.last_ms = segment.last_ms(document);
        message.place = segment.place(document);
        message.needs_originals = segment.needs_originals(document);
        segment.legs(document, &mut message.legs);
        segment.rows(document, &mut message.entries);
        message.rows.clear();
        for entry in &message.entries {
            let leg = message.legs.get(usize::from(entry.bits.leg));
            let started_ms = leg.map_or(first_ms, |it| it.started_ms);
            let outcome = match Outcome::ALL.get(usize::from(entry.bits.outcome)) {
                Some(Outcome::Lost) if self.rules.is_early(started_ms) => Outcome::Pending,
                Some(outcome) => *outcome,
                None => Outcome::Unclear,
            };
            message.rows.push(ListedRow { entry: *entry, outcome, started_ms });
        }
    }
}

impl ListedMessage {
    /// Whether a leg of it goes this way.
    pub(in crate::trace) fn has_direction(&self, way: Direction) -> bool {
        self.legs.iter().any(|it| it.is_outgoing == (way == Direction::Outgoing))
    }
}
