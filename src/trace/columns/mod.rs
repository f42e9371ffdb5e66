//! All events, read from the columns of the index and joined into messages: the message table is
//! made from them, and they answer where it does not.
//!
//! The columns feed the one judge ([`super::judge`]). Where a column is not enough (a rule that
//! drops for some, an approximate time), the originals are read.

mod entries;
mod judge;
mod regroup;
mod steps;

use rayon::prelude::*;

pub(crate) use steps::{MetricStep, StepFact, steps_in, visit_steps};

use super::JoinRules;
use super::gather::{places_by_record, record_of};
use super::join::join_whole;
use super::message::Message;
use crate::store::{EventReader, EventTable, Location, Store, StoreError};
use judge::ColumnJudge;

/// Messages that one worker takes at once.
const MESSAGES_AT_ONCE: usize = 4_096;

/// Events from the columns of the index, as messages: some 50 bytes for each event.
///
/// Connections by hashes of IDs alone are checked against the originals, except between an outgoing
/// and an incoming leg to the same people.
pub(super) struct EventColumns<'s> {
    store: &'s Store,
    rules: JoinRules,
    table: EventTable,
}

impl<'s> EventColumns<'s> {
    /// Reads the columns of all events.
    pub(super) fn read(store: &'s Store, rules: &JoinRules) -> Result<Self, StoreError> {
        Self::of(store, rules, store.index().event_table(&|_| true)?)
    }

    /// Uses the columns of a table, whose numbers are those of `store`.
    pub(super) fn of(
        store: &'s Store,
        rules: &JoinRules,
        mut table: EventTable,
    ) -> Result<Self, StoreError> {
        // Before anything is read from the table: it has joined whatever shares a hash of an ID.
        regroup::regroup(store, &mut table)?;
        Ok(Self { store, rules: rules.clone(), table })
    }

    /// Reads the originals of the messages for whose event numbers `is_asked` is true, on all
    /// cores, and passes each to `visit` with the location of its first event. Returns the results
    /// of the parts, in order.
    pub(super) fn visit_originals<T: Default + Send>(
        &self,
        is_asked: impl Fn(&[u32]) -> bool + Sync,
        visit: impl Fn(&mut T, &mut EventReader<'_>, &Message, Location) -> Result<(), StoreError>
        + Sync,
    ) -> Result<Vec<T>, StoreError> {
        self.visit(|made, judge, reader, events| {
            if !is_asked(events) {
                return Ok(());
            }
            let read = judge.originals(events, reader)?;
            let places = places_by_record(&read);
            // `originals` stops at a bound: beyond it, what is missing is not lost.
            let is_whole = read.len() == events.len();
            let read = read.into_iter().map(|(_, it)| it).collect();
            for message in join_whole(read, &self.rules, &|_| is_whole) {
                // The location names the message in lists, so it must not depend on which event was
                // found.
                let first = message.events.iter().filter_map(|it| places.get(&record_of(it))).min();
                if let Some(first) = first {
                    visit(made, reader, &message, *first)?;
                }
            }
            Ok(())
        })
    }

    /// Passes the event numbers of each message to `visit`, on all cores. Returns the results of
    /// the parts, in order.
    fn visit<T: Default + Send>(
        &self,
        visit: impl Fn(
            &mut T,
            &mut ColumnJudge<'_>,
            &mut EventReader<'_>,
            &[u32],
        ) -> Result<(), StoreError>
        + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let count = self.table.message_count();
        let starts: Vec<usize> = (0..count).step_by(MESSAGES_AT_ONCE).collect();
        starts
            .into_par_iter()
            .map(|first| {
                // One judge and reader for thousands of messages: their memory and the last block
                // are reused.
                let mut judge = ColumnJudge::new(&self.table, &self.rules);
                let (mut reader, mut made) = (self.store.events(), T::default());
                for message in first..count.min(first + MESSAGES_AT_ONCE) {
                    visit(&mut made, &mut judge, &mut reader, self.table.events_of(message))?;
                }
                Ok(made)
            })
            .collect()
    }
}
