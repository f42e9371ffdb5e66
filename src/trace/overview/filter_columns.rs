//! Which messages are asked for, by the columns of the index.

use super::judge::{Judge, JudgedRow, deciding};
use crate::query::{self, Field, Glob, Matcher, Pattern, Query};
use crate::store::{EventSet, EventTable, Store, StoreError};
use crate::time::Timestamp;
use crate::trace::filter::MessageFilter;
use crate::trace::message::{Direction, MessageOutcome, Outcome};
use crate::trace::outcome::{self, JUNK_WORDS};

/// A filter with the events and the addresses that it speaks of: a bit for each event and demand.
pub(super) struct FilterColumns<'f> {
    filter: &'f MessageFilter,
    from: Option<SentBy>,
    watched: Option<(SentBy, Vec<bool>)>,
    to: Option<Vec<bool>>,
    folder: Option<EventSet>,
    /// The deliveries with a folder, and those with one for junk.
    junk: Option<(EventSet, EventSet)>,
    status: Option<EventSet>,
    reason: Option<EventSet>,
    verdicts: Vec<EventSet>,
    forwarded_to: Option<EventSet>,
    events: Vec<(EventSet, Certainty)>,
}

/// Whether an event of a set is what is asked for, or may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Certainty {
    Is,
    /// IDs of one hash are told apart by the originals.
    MayBe,
}

/// The events that name a folder, and those that name one for junk.
fn junk(store: &Store) -> Result<(EventSet, EventSet), StoreError> {
    let named = JUNK_WORDS.iter().filter_map(|word| {
        let word = Glob::new(vec![String::new(), (*word).to_owned(), String::new()])?;
        Some(Query::demand(Field::Folder, Matcher::Glob(word)))
    });
    let junk = query::events_of(store, &Query::or(named.collect()))?;
    Ok((query::events_of(store, &Query::has(Field::Folder))?, junk))
}

/// The events that tell who sent their message, and of these the ones that a pattern fits.
struct SentBy {
    fields: [(EventSet, EventSet); 2],
}

impl SentBy {
    fn find(store: &Store, pattern: &Pattern) -> Result<Self, StoreError> {
        let of_field = |field| -> Result<_, StoreError> {
            let any = query::events_of(store, &Query::has(field))?;
            Ok((any, query::events_of(store, &pattern.query().in_field(field))?))
        };
        Ok(Self { fields: [of_field(Field::From)?, of_field(Field::Sender)?] })
    }

    /// Whether the earliest event that tells a sender tells one that fits.
    fn fits(&self, judge: &Judge<'_>, events: &[u32]) -> Option<bool> {
        let mut all_certain = true;
        for (any, fitting) in &self.fields {
            match judge.earliest(events, |it| any.contains(it).then(|| fitting.contains(it))) {
                Some(Some(true)) => return Some(true),
                Some(_) => {}
                None => all_certain = false,
            }
        }
        all_certain.then_some(false)
    }
}

/// Whether a message is what is asked for.
pub(super) enum Fit {
    /// It is not.
    Out,
    /// It is, and these are the recipients who are.
    In(Vec<JudgedRow>),
    /// Only its originals tell.
    Unclear,
}

/// How certain it is, demand by demand.
struct Doubts {
    is_certain: bool,
}

impl Doubts {
    /// Takes what one demand says: `false` when it certainly does not hold.
    fn may_hold(&mut self, holds: Option<bool>) -> bool {
        self.is_certain &= holds.is_some();
        holds != Some(false)
    }
}

impl<'f> FilterColumns<'f> {
    /// Looks up what the filter speaks of.
    pub(super) fn find(
        store: &Store,
        table: &EventTable,
        filter: &'f MessageFilter,
    ) -> Result<Self, StoreError> {
        let events = |pattern: &Option<Pattern>| {
            pattern.as_ref().map(|it| query::events_of(store, it.query())).transpose()
        };
        let addresses = |pattern: &Pattern| -> Vec<bool> {
            let texts = table.address_texts().iter();
            texts.map(|it| pattern.matches(&String::from_utf8_lossy(it))).collect()
        };
        let of_events = filter.events.iter().map(|query| {
            let certainty = if query.asks_for_id() { Certainty::MayBe } else { Certainty::Is };
            Ok((query::events_of(store, query)?, certainty))
        });
        let sent_by = |pattern: &Pattern| SentBy::find(store, pattern);
        Ok(Self {
            filter,
            from: filter.from.as_ref().map(sent_by).transpose()?,
            watched: filter
                .addresses
                .as_ref()
                .map(|it| Ok::<_, StoreError>((sent_by(it)?, addresses(it))))
                .transpose()?,
            to: filter.to.as_ref().map(addresses),
            folder: events(&filter.folder)?,
            junk: filter.is_junk.map(|_| junk(store)).transpose()?,
            status: events(&filter.status)?,
            reason: events(&filter.reason)?,
            verdicts: filter
                .verdicts
                .iter()
                .map(|(_, pattern)| query::events_of(store, pattern.query()))
                .collect::<Result<_, _>>()?,
            forwarded_to: events(&filter.forwarded_to)?,
            events: of_events.collect::<Result<_, StoreError>>()?,
        })
    }

    /// Whether a message is out because none of its events is what is asked for.
    pub(super) fn is_out(&self, events: &[u32]) -> bool {
        let is_none = |set: &EventSet| !events.iter().any(|it| set.contains(*it));
        self.events.iter().any(|(set, _)| is_none(set))
            || self.forwarded_to.as_ref().is_some_and(is_none)
            || self.verdicts.iter().any(is_none)
    }

    /// Whether a message that is not out, and that the judge has taken, is what is asked for.
    pub(super) fn fit(
        &self,
        judge: &Judge<'_>,
        events: &[u32],
        rows: &[JudgedRow],
        first_ms: i64,
    ) -> Fit {
        // The target of a rule is one of several addresses of its event.
        let is_certain = self.forwarded_to.is_none()
            && self.events.iter().all(|(_, certainty)| *certainty == Certainty::Is);
        let mut doubts = Doubts { is_certain };
        if !self.fits_as_a_whole(judge, events, rows, first_ms, &mut doubts) {
            return Fit::Out;
        }
        let outcomes: Vec<_> = deciding(rows).map(|it| it.outcome).collect();
        let outcome = outcome::of_all(&outcomes);
        let mut recipients = Vec::new();
        for rows in rows.chunk_by(|a, b| a.address == b.address) {
            // The last row that fits is the one that counts most of those that do.
            for row in rows.iter().rev() {
                let mut of_row = Doubts { is_certain: true };
                if self.fits_recipient(row, outcome, &mut of_row) {
                    doubts.is_certain &= of_row.is_certain;
                    recipients.push(*row);
                    break;
                }
            }
        }
        let is_in = !recipients.is_empty()
            || (!self.filter.asks_of_recipients() && self.filter.has_outcome(outcome, None));
        match (is_in, doubts.is_certain) {
            (false, _) => Fit::Out,
            (true, true) => Fit::In(recipients),
            (true, false) => Fit::Unclear,
        }
    }

    fn fits_as_a_whole(
        &self,
        judge: &Judge<'_>,
        events: &[u32],
        rows: &[JudgedRow],
        first_ms: i64,
        doubts: &mut Doubts,
    ) -> bool {
        let filter = self.filter;
        let has_direction = |way| judge.legs.iter().any(|it| it.direction() == way);
        let is_in_range =
            Timestamp::from_ms(first_ms).is_some_and(|it| filter.first_seen.contains(it));
        is_in_range
            && filter.direction.is_none_or(has_direction)
            && (!filter.is_internal
                || (has_direction(Direction::Outgoing) && has_direction(Direction::Incoming)))
            && (!filter.lacks_beginning || judge.legs.iter().any(|it| !it.has_beginning))
            && (filter.recipients_min == 0 || deciding(rows).count() >= filter.recipients_min)
            && self.from.as_ref().is_none_or(|it| doubts.may_hold(it.fits(judge, events)))
            && self.watched.as_ref().is_none_or(|(senders, recipients)| {
                let is_watched =
                    |it: &JudgedRow| recipients.get(it.address as usize) == Some(&true);
                deciding(rows).any(is_watched) || doubts.may_hold(senders.fits(judge, events))
            })
            && self.verdicts.iter().all(|set| {
                let says = |it: u32| {
                    let is_arrival = judge.table.row(it).is_some_and(|it| it.is_arrival);
                    is_arrival.then(|| set.contains(it))
                };
                doubts.may_hold(judge.earliest(events, says).map(|it| it.unwrap_or(false)))
            })
    }

    fn fits_recipient(
        &self,
        row: &JudgedRow,
        outcome: MessageOutcome,
        doubts: &mut Doubts,
    ) -> bool {
        let mut decided = |as_what: Outcome, by: Option<&EventSet>| {
            by.is_none_or(|set| {
                doubts.may_hold(match row.decided_by {
                    Some(it) if row.outcome == as_what && it.is_tied => None,
                    Some(it) => Some(row.outcome == as_what && set.contains(it.event)),
                    None => Some(false),
                })
            })
        };
        self.to.as_ref().is_none_or(|it| it.get(row.address as usize) == Some(&true))
            && self.filter.has_outcome(outcome, Some(row.outcome))
            && self.filter.is_slow(row.latency_ms())
            && decided(Outcome::Delivered, self.folder.as_ref())
            && decided(Outcome::Delivered, self.junk.as_ref().map(|(any, _)| any))
            && self.junk.as_ref().is_none_or(|(_, junk)| {
                row.is_tied()
                    || row.deciding_event().map(|it| junk.contains(it)) == self.filter.is_junk
            })
            && decided(Outcome::Bounced, self.status.as_ref())
            && decided(Outcome::Bounced, self.reason.as_ref())
    }
}
