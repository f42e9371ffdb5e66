//! What became of every message of a store, as its message table tells. Where that does not tell all
//! that is asked, the originals are read.

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
    pub fn get(&self, outcome: Outcome) -> u16 {
        *self.0.get(outcome.place()).expect("a place for each outcome")
    }
}

/// All messages of a store, by its message table.
pub(crate) struct Overview<'s> {
    store: &'s Store,
    rules: JoinRules,
    listing: Listing<'s>,
    /// The texts that were numbered, and of which messages.
    numbers: Mutex<HashMap<TextKind, (TimeRange, Arc<TextNumbers>)>>,
    /// The messages that questions will be about.
    range: TimeRange,
}

impl<'s> Overview<'s> {
    /// Opens the message table; makes one for as long as the store is open where there is none as of
    /// its commit.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when a table that is missing cannot be made.
    pub(crate) fn new(store: &'s Store, rules: &JoinRules) -> Result<Self, StoreError> {
        let newest = rules.newest.or_else(|| store.time_span().map(|(_, newest)| newest));
        let rules = JoinRules { newest, ..rules.clone() };
        let listing = Listing::new(message_table_of(store)?, &rules);
        let range = TimeRange::default();
        Ok(Self { store, rules, listing, numbers: Mutex::default(), range })
    }

    /// The same for several questions, all about messages of a range.
    pub(crate) fn within(self, range: TimeRange) -> Self {
        Self { range, ..self }
    }

    /// Numbers for texts of the messages of a range.
    pub(crate) fn numbers(
        &self,
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
            None => self.listing.numbers(kind, range)?,
        };
        let numbers = Arc::new(numbers);
        known.insert(kind, (range, Arc::clone(&numbers)));
        Ok(numbers)
    }

    /// Numbers texts of several kinds for the messages of the range that all questions are about, on
    /// all cores.
    pub(crate) fn number_all(&self, kinds: &[TextKind]) -> Result<(), StoreError> {
        let made = kinds.par_iter().map(|kind| {
            let numbers = self.listing.numbers(*kind, self.range)?;
            Ok((*kind, (self.range, Arc::new(numbers))))
        });
        let made = made.collect::<Result<Vec<_>, StoreError>>()?;
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).extend(made);
        Ok(())
    }

    /// What the message table says.
    pub(crate) fn listing(&self) -> &Listing<'s> {
        &self.listing
    }

    /// The time of the newest event that counts.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.rules.newest
    }

    /// Hands every message to `visit_listed`, and to `visit` those whose originals are needed, on all
    /// cores; gives what was made of the parts, in order.
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
