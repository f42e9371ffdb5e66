//! The facts for the judge, from the columns of the index.

use crate::limits;
use crate::store::{EventReader, EventTable, Location, StoreError, StoredEvent};
use crate::trace::JoinRules;
use crate::trace::judge::{DecidingFacts, Judge, JudgedLeg, JudgedRow};

/// The outcome of a message for one address of one leg, with addresses and events by number.
pub(super) type ColumnRow = JudgedRow<u32, u32>;

/// Judges messages by their columns, one after another.
pub(super) struct ColumnJudge<'t> {
    pub(super) table: &'t EventTable,
    judge: Judge<u32, u32, u32>,
    rows: Vec<ColumnRow>,
    /// The starts of the legs, a buffer that is reused.
    starts_ms: Vec<i64>,
}

impl<'t> ColumnJudge<'t> {
    pub(super) fn new(table: &'t EventTable, rules: &JoinRules) -> Self {
        Self { table, judge: Judge::new(rules.clone()), rows: Vec::new(), starts_ms: Vec::new() }
    }

    /// Returns the legs of the last message.
    pub(super) fn legs(&self) -> &[JudgedLeg<u32>] {
        self.judge.legs()
    }

    /// Returns the leg and the facts of an event.
    pub(super) fn statement(
        &self,
        event: u32,
    ) -> Option<(u32, DecidingFacts<impl Iterator<Item = u32> + use<'t>>)> {
        let row = self.table.row(event)?;
        let statement = DecidingFacts {
            ms: row.timestamp_ms,
            role: row.role,
            is_arrival: row.is_arrival,
            addresses: row.addresses.iter().copied(),
        };
        Some((row.leg, statement))
    }

    /// Judges a message by its events, and returns its first and last time. `None` if the columns
    /// are not enough, or if only the originals show which leg comes first.
    pub(super) fn take(&mut self, events: &[u32]) -> Option<(i64, i64)> {
        self.judge.clear();
        let (mut first_ms, mut last_ms) = (i64::MAX, i64::MIN);
        for event in events {
            let (leg, statement) = self.statement(*event)?;
            // The index marks events of which it holds less than decides: only the originals will
            // do.
            if statement.role.is_partial {
                return None;
            }
            (first_ms, last_ms) = (first_ms.min(statement.ms), last_ms.max(statement.ms));
            self.judge.take(leg, *event, statement);
        }
        self.starts_ms.clear();
        self.starts_ms.extend(self.judge.legs().iter().map(|it| it.started_ms));
        self.starts_ms.sort_unstable();
        // Legs with one start are ordered by their trace IDs, which the columns have only as
        // hashes.
        if self.starts_ms.windows(2).any(|it| it.first() == it.last()) {
            return None;
        }
        self.rows.clear();
        let texts = self.table.address_texts();
        let text_of = |it: u32| {
            let text = texts.get(it as usize).map(|it| std::str::from_utf8(it));
            // A damaged text names nobody: the directory does not know it.
            text.and_then(Result::ok).unwrap_or("")
        };
        self.rows.extend(self.judge.judged(|_| true, text_of));
        // The judge returns rows by first appearance; deciding needs those of one address together.
        self.rows.sort_unstable_by_key(|it| (it.address, it.direction, it.started_ms));
        Some((first_ms, last_ms))
    }

    /// Returns the rows of the last message, in the order of
    /// [`OutcomeRow`](crate::trace::OutcomeRow)s.
    pub(super) fn rows(&self) -> &[ColumnRow] {
        &self.rows
    }

    /// Reads the originals of a message, at most the first [`limits::COUNTED_EVENTS_MAX`].
    pub(super) fn originals(
        &self,
        events: &[u32],
        reader: &mut EventReader<'_>,
    ) -> Result<Vec<(Location, StoredEvent)>, StoreError> {
        let mut locations: Vec<_> =
            events.iter().filter_map(|it| self.table.location(*it)).collect();
        // In archive order: each block is decompressed once, and the bound keeps what was stored
        // first.
        locations.sort_unstable();
        locations.truncate(limits::COUNTED_EVENTS_MAX);
        locations.into_iter().map(|it| Ok((it, reader.read(it)?))).collect()
    }

    /// Returns the earliest value of the events that have one; `None` if two at the same time
    /// disagree.
    pub(super) fn earliest<V: Copy + PartialEq>(
        &self,
        events: &[u32],
        says: impl Fn(u32) -> Option<V>,
    ) -> Option<Option<V>> {
        let mut first: Option<(i64, V)> = None;
        let mut is_certain = true;
        for event in events {
            let Some(said) = says(*event) else { continue };
            let at_ms = self.table.row(*event)?.timestamp_ms;
            match first {
                // Events come as they were stored, so the order of two at one time is unknown here.
                Some((first_ms, known)) if at_ms == first_ms => is_certain &= known == said,
                Some((first_ms, _)) if at_ms > first_ms => {}
                _ => (first, is_certain) = (Some((at_ms, said)), true),
            }
        }
        is_certain.then_some(first.map(|(_, it)| it))
    }
}
