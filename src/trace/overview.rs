//! The outcomes of all messages of a store, by its message table. What the table cannot answer is
//! read from the originals.

mod select;
mod together;
mod way;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::JoinRules;
use super::event_tracer::EventTracer;
use super::judge::{OutcomeRow, by_address};
use super::message::{Message, Outcome};
use super::table::{ListedMessage, Listing, Reading, TextKind, TextNumbers, message_table_of};
use crate::store::{Store, StoreError};
use crate::time::{TimeRange, Timestamp};

pub use select::{MessageSummary, Totals, select, select_page};
pub(crate) use select::{SelectedMessage, Selection};
pub(crate) use together::visit_together;

/// The number of recipients with each outcome; a recipient of several legs may have several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts([u16; Outcome::ALL.len()]);

impl OutcomeCounts {
    fn of<R: OutcomeRow>(rows: &[R]) -> Self {
        let mut counts = Self::default();
        for rows in by_address(rows) {
            // A recipient counts once for an outcome that several of its legs have.
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

    /// Returns the number of recipients with the outcome; 65,535 means that many or more.
    pub fn get(&self, outcome: Outcome) -> u16 {
        *self.0.get(outcome.place()).expect("a place for each outcome")
    }
}

/// All messages of a store, by its message table.
pub(crate) struct Overview<'s> {
    store: &'s Store,
    rules: JoinRules,
    listing: Listing<'s>,
    /// The numbered texts of each kind, and the range of messages that they cover.
    numbers: Mutex<HashMap<TextKind, (TimeRange, Arc<TextNumbers>)>>,
    /// The range of messages that questions will be about.
    range: TimeRange,
}

impl<'s> Overview<'s> {
    /// Opens the message table. If there is none as of the store's commit, makes a temporary one
    /// that lives as long as the store is open.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a missing table cannot be made.
    pub(crate) fn new(store: &'s Store, rules: &JoinRules) -> Result<Self, StoreError> {
        let newest = rules.newest.or_else(|| store.time_span().map(|(_, newest)| newest));
        let rules = JoinRules { newest, ..rules.clone() };
        let listing = Listing::new(message_table_of(store)?, &rules);
        let range = TimeRange::default();
        Ok(Self { store, rules, listing, numbers: Mutex::default(), range })
    }

    /// Declares that all questions will be about messages of a range.
    pub(crate) fn within(self, range: TimeRange) -> Self {
        Self { range, ..self }
    }

    /// Returns numbers for the texts of the messages of a range.
    pub(crate) fn numbers(
        &self,
        kind: TextKind,
        range: TimeRange,
    ) -> Result<Arc<TextNumbers>, StoreError> {
        // Numbered for the whole declared range at once: other questions will ask for other parts
        // of it.
        let is_asked_again = !self.range.is_unbounded() && self.range.covers(&range);
        let range = if is_asked_again { self.range } else { range };
        // Held while numbers are made, so that no kind is numbered twice.
        let mut known = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, numbers)) = known.get(&kind).filter(|(of, _)| of.covers(&range)) {
            return Ok(Arc::clone(numbers));
        }
        // Domains are derived from numbered addresses, which spares reading the column again.
        let addresses = kind.addresses().and_then(|it| known.get(&it));
        let numbers = match addresses.filter(|(of, _)| of.covers(&range)) {
            Some((_, addresses)) => addresses.domains(),
            None => self.listing.numbers(kind, range)?,
        };
        let numbers = Arc::new(numbers);
        known.insert(kind, (range, Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// Numbers texts of several kinds for the messages of the declared range, on all cores.
    pub(crate) fn number_all(&self, kinds: &[TextKind]) -> Result<(), StoreError> {
        let made = kinds.par_iter().map(|kind| {
            let numbers = self.listing.numbers(*kind, self.range)?;
            Ok((*kind, (self.range, Arc::new(numbers))))
        });
        let made = made.collect::<Result<Vec<_>, StoreError>>()?;
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
        Ok(())
    }

    /// Returns the entries of the message table.
    pub(crate) fn listing(&self) -> &Listing<'s> {
        &self.listing
    }

    /// Returns the time of the newest event that counts.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.rules.newest
    }

    /// Passes every message to `visit_listed`, or to `visit` if its originals are needed, on all
    /// cores. Returns the results of the parts, in order.
    pub(crate) fn visit<T: Default + Send>(
        &self,
        visit: impl Fn(&mut T, &Message) + Sync,
        visit_listed: impl Fn(&mut T, &ListedMessage) + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let start = || EventTracer::new(self.store, &self.rules);
        self.listing.visit(Reading::all(), start, |made, tracer, message| {
            if message.needs_originals {
                tracer.message_of(message.place)?.iter().for_each(|it| visit(made, it));
            } else {
                visit_listed(made, message);
            }
            Ok(())
        })
    }
}
