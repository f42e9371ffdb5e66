//! What became of every message of a store, without reading its originals.
//!
//! The rules are those of [`super::outcome`] and of [`super::filter`], on the columns of the index.
//! Where a column does not tell all (a rule that drops for some, a time that is approximate), the
//! originals are read.

mod facts;
mod filter_columns;
mod judge;
mod regroup;
mod select;

use std::collections::HashSet;

use rayon::prelude::*;

use super::JoinRules;
use super::message::Outcome;
use crate::event::{RoleKind, domain_of};
use crate::store::{EventTable, Location, Senders, Store, StoreError};
use crate::time::Timestamp;

pub(crate) use facts::{AddressKey, Step};

pub(crate) use judge::JudgedRow;
pub(crate) use select::{Found, Selection};
pub use select::{MessageSummary, select};

/// How many recipients have each outcome; one with several legs may have several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts([u16; Outcome::ALL.len()]);

impl OutcomeCounts {
    fn of<A: Ord>(rows: impl Iterator<Item = (A, Outcome)>) -> Self {
        let mut rows: Vec<(A, Outcome)> = rows.collect();
        rows.sort_unstable();
        rows.dedup();
        let mut counts = Self::default();
        for (_, outcome) in rows {
            let place = Outcome::ALL.iter().position(|it| *it == outcome);
            if let Some(count) = place.and_then(|it| counts.0.get_mut(it)) {
                *count = count.saturating_add(1);
            }
        }
        counts
    }

    /// How many recipients have the outcome; 65,535 stands for more too.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> u16 {
        let place = Outcome::ALL.iter().position(|it| *it == outcome);
        place.and_then(|it| self.0.get(it)).copied().unwrap_or_default()
    }
}

/// Messages that one worker takes at once.
const MESSAGES_AT_ONCE: usize = 4_096;

/// All messages of a store, by columns: as much memory as the [`EventTable`] takes, and
/// [`Senders`] where they are asked for.
///
/// What is connected by hashes of IDs alone is checked against the originals, but for a leg that
/// went out and one that came in to the same people.
pub(crate) struct Overview<'s> {
    store: &'s Store,
    rules: JoinRules,
    table: EventTable,
    senders: Option<Senders>,
}

impl<'s> Overview<'s> {
    /// Reads the columns.
    ///
    /// # Errors
    ///
    /// [`StoreError::Index`].
    pub(crate) fn new(
        store: &'s Store,
        rules: &JoinRules,
        has_senders: bool,
    ) -> Result<Self, StoreError> {
        let newest = rules.newest.or_else(|| store.time_span().map(|(_, newest)| newest));
        let senders = if has_senders { Some(store.senders()?) } else { None };
        let rules = JoinRules { newest, ..*rules };
        let mut table = store.event_table()?;
        regroup::regroup(store, &mut table)?;
        Ok(Self { store, rules, table, senders })
    }

    /// The time of the newest event that counts.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.rules.newest
    }

    /// The addresses of recipients by their numbers.
    pub(crate) fn recipients(&self) -> &[Vec<u8>] {
        self.table.address_texts()
    }

    /// Where an event lies, by its number.
    pub(crate) fn location(&self, event: u32) -> Option<Location> {
        self.table.location(event)
    }

    /// The domains of the addresses to whose mailboxes something was delivered.
    pub(crate) fn mailbox_domains(&self) -> HashSet<String> {
        let mut is_mailbox = vec![false; self.recipients().len()];
        for event in (0..self.table.message_count()).flat_map(|it| self.table.events_of(it)) {
            let Some(row) = self.table.row(*event) else { continue };
            for address in row.addresses.iter().filter(|_| row.role.kind == RoleKind::Delivered) {
                if let Some(slot) = is_mailbox.get_mut(*address as usize) {
                    *slot = true;
                }
            }
        }
        let mailboxes = self.recipients().iter().zip(is_mailbox).filter(|(_, it)| *it);
        let domain = |it: &[u8]| {
            let address = String::from_utf8_lossy(it);
            domain_of(&address).map(str::to_owned)
        };
        mailboxes.filter_map(|(address, _)| domain(address)).collect()
    }

    /// The addresses of senders by their numbers.
    pub(crate) fn senders(&self) -> &[Vec<u8>] {
        self.senders.as_ref().map(Senders::texts).unwrap_or_default()
    }

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
