//! What became of every message of a store, without reading its originals: as the message table
//! tells, or as the columns of the index do.
//!
//! The columns are read for the one judge ([`super::judge`]) and for the filter ([`super::fit`]).
//! Where a column does not tell all (a rule that drops for some, a time that is approximate), the
//! originals are read.

mod entries;
mod facts;
mod filter_columns;
mod judge;
mod regroup;
mod select;
mod together;
mod way;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::JoinRules;
use super::judge::{OutcomeRow, by_address};
use super::message::Outcome;
use super::table::{Listing, TextKind, TextNumbers};
use crate::event::{RoleKind, domain_of};
use crate::store::{EventTable, Location, Senders, Store, StoreError};
use crate::time::{TimeRange, Timestamp};

pub(crate) use facts::{MessageFacts, Step, facts_of};

pub(crate) use judge::ColumnRow;
pub(crate) use select::{Found, Selection};
pub use select::{MessageSummary, Totals, select, select_page};
pub(crate) use together::visit_together;

/// How many recipients have each outcome; one with several legs may have several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts([u16; Outcome::ALL.len()]);

impl OutcomeCounts {
    fn of<R: OutcomeRow>(rows: &[R]) -> Self {
        let mut counts = Self::default();
        for rows in by_address(rows) {
            let mut has = [false; Outcome::ALL.len()];
            for row in rows {
                if let Some(has) = has.get_mut(row.outcome().place()) {
                    *has = true;
                }
            }
            for (count, has) in counts.0.iter_mut().zip(has) {
                *count = count.saturating_add(u16::from(has));
            }
        }
        counts
    }

    /// How many recipients have the outcome; 65,535 stands for more too.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u16 {
        *self.0.get(outcome.place()).expect("a place for each outcome")
    }
}

/// Messages that one worker takes at once.
const MESSAGES_AT_ONCE: usize = 4_096;

/// All messages of a store: by the message table where it tells what is asked, else by the columns
/// of the index. These take as much memory as the [`EventTable`] does, and [`Senders`] where they
/// are asked for.
///
/// What is connected by hashes of IDs alone is checked against the originals, but for a leg that
/// went out and one that came in to the same people.
pub(crate) struct Overview<'s> {
    store: &'s Store,
    rules: JoinRules,
    has_senders: bool,
    listing: Option<Listing<'s>>,
    /// The texts that were numbered, and of which messages.
    numbers: Mutex<HashMap<TextKind, (TimeRange, Arc<TextNumbers>)>>,
    /// The messages that questions will be about.
    range: TimeRange,
    /// Read when they are needed for the first time.
    columns: OnceLock<EventColumns>,
}

/// All events by the columns of the index.
struct EventColumns {
    table: EventTable,
    senders: Option<Senders>,
}

impl<'s> Overview<'s> {
    /// Opens what there is to ask; nothing is read yet.
    pub(crate) fn new(store: &'s Store, rules: &JoinRules, has_senders: bool) -> Self {
        let newest = rules.newest.or_else(|| store.time_span().map(|(_, newest)| newest));
        let rules = JoinRules { newest, ..rules.clone() };
        let listing = store.message_table().map(|it| Listing::new(it, &rules));
        Self { listing, ..Self::by_columns(store, rules, has_senders, OnceLock::new()) }
    }

    fn by_columns(
        store: &'s Store,
        rules: JoinRules,
        has_senders: bool,
        columns: OnceLock<EventColumns>,
    ) -> Self {
        let range = TimeRange::default();
        Self { store, rules, has_senders, listing: None, numbers: Mutex::default(), range, columns }
    }

    /// The same for several questions, all about messages of a range.
    pub(crate) fn within(self, range: TimeRange) -> Self {
        Self { range, ..self }
    }

    /// Numbers for texts of the messages of a range.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(crate) fn numbers(
        &self,
        listing: &Listing<'_>,
        kind: TextKind,
        range: TimeRange,
    ) -> Result<Arc<TextNumbers>, StoreError> {
        let is_asked_again = !self.range.is_unbounded() && self.range.covers(&range);
        let range = if is_asked_again { self.range } else { range };
        let mut known = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, numbers)) = known.get(&kind).filter(|(of, _)| of.covers(&range)) {
            return Ok(Arc::clone(numbers));
        }
        let addresses = kind.addresses().and_then(|it| known.get(&it));
        let numbers = match addresses.filter(|(of, _)| of.covers(&range)) {
            Some((_, addresses)) => addresses.domains(),
            None => listing.numbers(kind, range)?,
        };
        let numbers = Arc::new(numbers);
        known.insert(kind, (range, Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// Numbers texts of several kinds for the messages of the range that all questions are about, on
    /// all cores.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(crate) fn number_all(&self, kinds: &[TextKind]) -> Result<(), StoreError> {
        let Some(listing) = &self.listing else { return Ok(()) };
        let made = kinds.par_iter().map(|kind| {
            let numbers = listing.numbers(*kind, self.range)?;
            Ok((*kind, (self.range, Arc::new(numbers))))
        });
        let made = made.collect::<Result<Vec<_>, StoreError>>()?;
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
        Ok(())
    }

    /// The same, by the columns alone.
    #[cfg(test)]
    pub(crate) fn without_table(self) -> Self {
        Self { listing: None, ..self }
    }

    /// Of some of the messages, whose events a table holds; numbers are those of `store`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when index or archive cannot be read.
    pub(super) fn of_table(
        store: &'s Store,
        rules: JoinRules,
        mut table: EventTable,
        senders: Senders,
    ) -> Result<Self, StoreError> {
        regroup::regroup(store, &mut table)?;
        let columns = OnceLock::from(EventColumns { table, senders: Some(senders) });
        Ok(Self::by_columns(store, rules, true, columns))
    }

    /// The message table, where there is one.
    pub(crate) fn listing(&self) -> Option<&Listing<'s>> {
        self.listing.as_ref()
    }

    /// The columns.
    fn columns(&self) -> Result<&EventColumns, StoreError> {
        if let Some(columns) = self.columns.get() {
            return Ok(columns);
        }
        let senders = if self.has_senders { Some(self.store.index().senders()?) } else { None };
        let mut table = self.store.index().event_table(&|_| true)?;
        regroup::regroup(self.store, &mut table)?;
        Ok(self.columns.get_or_init(|| EventColumns { table, senders }))
    }

    /// The time of the newest event that counts.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.rules.newest
    }

    /// The addresses of recipients by their numbers in the columns.
    pub(crate) fn recipients(&self) -> &[Vec<u8>] {
        self.columns.get().map_or(&[], |it| it.table.address_texts())
    }

    /// Where an event lies, by its number in the columns.
    pub(crate) fn location(&self, event: u32) -> Option<Location> {
        self.columns.get()?.table.location(event)
    }

    /// The addresses of senders by their numbers in the columns.
    pub(crate) fn senders(&self) -> &[Vec<u8>] {
        let senders = self.columns.get().and_then(|it| it.senders.as_ref());
        senders.map_or(&[], Senders::texts)
    }

    /// The domains of the addresses to whose mailboxes something was delivered.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when table or index cannot be read.
    pub(crate) fn mailbox_domains(&self) -> Result<HashSet<String>, StoreError> {
        if let Some(listing) = &self.listing {
            return listing.mailbox_domains();
        }
        let EventColumns { table, .. } = self.columns()?;
        let mut is_mailbox = vec![false; table.address_texts().len()];
        for event in (0..table.message_count()).flat_map(|it| table.events_of(it)) {
            let Some(row) = table.row(*event) else { continue };
            for address in row.addresses.iter().filter(|_| row.role.kind == RoleKind::Delivered) {
                if let Some(slot) = is_mailbox.get_mut(*address as usize) {
                    *slot = true;
                }
            }
        }
        let mailboxes = table.address_texts().iter().zip(is_mailbox).filter(|(_, it)| *it);
        let domain = |address: &str| domain_of(address).map(str::to_owned);
        Ok(mailboxes.filter_map(|(it, _)| domain(&String::from_utf8_lossy(it))).collect())
    }
}

impl EventColumns {
    /// Hands the messages to `visit` by their numbers, on all cores, each worker with what `start`
    /// made for it; gives what was made of the parts, in order.
    fn visit_all<T: Default + Send, W>(
        &self,
        start: impl Fn() -> W + Sync,
        visit: impl Fn(&mut T, &mut W, &[u32]) -> Result<(), StoreError> + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let count = self.table.message_count();
        let starts: Vec<usize> = (0..count).step_by(MESSAGES_AT_ONCE).collect();
        starts
            .into_par_iter()
            .map(|first| {
                let mut worker = start();
                let mut made = T::default();
                for message in first..count.min(first + MESSAGES_AT_ONCE) {
                    visit(&mut made, &mut worker, self.table.events_of(message))?;
                }
                Ok(made)
            })
            .collect()
    }
}
