//! Whether a message is what a filter asks for: each condition once, whatever tells of the message.

use super::filter::MessageFilter;
use super::judge::{OutcomeRow, by_address, deciding, of_message};
use super::message::{Direction, MessageOutcome};
use crate::query::Query;
use crate::time::Timestamp;

/// A message of which a filter asks. Where an answer is `None`, only the originals give it.
pub(super) trait FilterSubject {
    /// A row, which a copy of stands for.
    type Row: OutcomeRow + Copy;

    /// The rows of all recipients.
    fn rows(&self) -> &[Self::Row];

    /// The time of the first event, in milliseconds since 1970.
    fn first_ms(&self) -> i64;

    /// Whether a leg goes this way.
    fn has_direction(&self, way: Direction) -> bool;

    /// Whether a leg has neither a submission nor an arrival.
    fn lacks_beginning(&self) -> bool;

    /// Whether who sent it, really or by name, is one of those asked for.
    fn is_by(&self, side: AddressSide) -> Option<bool>;

    /// Whether a row is about one of those asked for.
    fn is_for(&self, row: &Self::Row, side: AddressSide) -> bool;

    /// Whether the check at a place of [`MessageFilter::verdicts`] said what is asked for.
    fn has_verdict(&self, place: usize) -> Option<bool>;

    /// Whether a rule forwarded it to one of those asked for.
    fn is_forwarded(&self) -> Option<bool>;

    /// Whether an event is what is asked for at a place of [`MessageFilter::events`].
    fn has_event(&self, place: usize) -> Option<bool>;

    /// Whether a row says what is asked for.
    fn says(&self, row: &Self::Row, what: RecipientText) -> Option<bool>;

    /// Whether a row's folder is one for junk, where it has a folder.
    fn is_junk(&self, row: &Self::Row) -> Option<Option<bool>>;

    /// Which way the leg of a row goes.
    fn goes(&self, row: &Self::Row) -> Option<Direction>;

    /// Whether a row, or a message without any, is what [`MessageFilter::rows`] asks for.
    fn fits_query(&self, row: Option<&Self::Row>, outcome: MessageOutcome) -> Option<bool>;
}

/// Which demand on addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressSide {
    /// [`MessageFilter::from`] or [`MessageFilter::to`].
    Own,
    /// [`MessageFilter::addresses`].
    Either,
}

/// What a row says besides its outcome.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RecipientText {
    Folder,
    Status,
    Reason,
}

/// Whether a message is what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Out,
    In,
    /// Only its originals tell.
    Unclear,
}

/// How certain it is, demand by demand.
struct Doubts {
    is_certain: bool,
}

impl Doubts {
    fn none() -> Self {
        Self { is_certain: true }
    }

    /// Takes what one demand says: `false` when it certainly does not hold.
    fn may_hold(&mut self, holds: Option<bool>) -> bool {
        self.is_certain &= holds.is_some();
        holds != Some(false)
    }
}

impl MessageFilter {
    /// Whether a message is what is asked for, and the recipients of it who are, in `recipients`: of
    /// each, the row that counts most among those that are.
    pub(super) fn fit<M: FilterSubject>(&self, message: &M, recipients: &mut Vec<M::Row>) -> Fit {
        recipients.clear();
        let mut doubts = Doubts::none();
        if !self.fits_as_a_whole(message, &mut doubts) {
            return Fit::Out;
        }
        // Of most messages nobody asks.
        let outcome = match self.outcomes.is_empty() && self.rows == Query::All {
            true => MessageOutcome::Unknown,
            false => of_message(message.rows()),
        };
        for rows in by_address(message.rows()) {
            for row in rows.iter().rev() {
                let mut of_row = Doubts::none();
                if self.fits_row(message, row, outcome, &mut of_row) {
                    doubts.is_certain &= of_row.is_certain;
                    recipients.push(*row);
                    break;
                }
            }
        }
        let is_in = !recipients.is_empty()
            || (message.rows().is_empty()
                && !self.asks_of_recipients()
                && self.has_outcome(outcome, None)
                && (self.rows == Query::All || doubts.may_hold(message.fits_query(None, outcome))));
        match (is_in, doubts.is_certain) {
            (false, _) => Fit::Out,
            (true, true) => Fit::In,
            (true, false) => Fit::Unclear,
        }
    }

    fn fits_as_a_whole<M: FilterSubject>(&self, message: &M, doubts: &mut Doubts) -> bool {
        let has_direction = |way| message.has_direction(way);
        let is_in_range =
            Timestamp::from_ms(message.first_ms()).is_some_and(|it| self.first_seen.contains(it));
        is_in_range
            && self.direction.is_none_or(has_direction)
            && (!self.is_internal
                || (has_direction(Direction::Outgoing) && has_direction(Direction::Incoming)))
            && (!self.lacks_beginning || message.lacks_beginning())
            && (self.recipients_min == 0 || deciding(message.rows()).count() >= self.recipients_min)
            && (self.from.is_none() || doubts.may_hold(message.is_by(AddressSide::Own)))
            && (self.addresses.is_none()
                || deciding(message.rows()).any(|it| message.is_for(it, AddressSide::Either))
                || doubts.may_hold(message.is_by(AddressSide::Either)))
            && (0..self.verdicts.len()).all(|it| doubts.may_hold(message.has_verdict(it)))
            && (self.forwarded_to.is_none() || doubts.may_hold(message.is_forwarded()))
            && (0..self.events.len()).all(|it| doubts.may_hold(message.has_event(it)))
    }

    fn fits_row<M: FilterSubject>(
        &self,
        message: &M,
        row: &M::Row,
        outcome: MessageOutcome,
        doubts: &mut Doubts,
    ) -> bool {
        let latency_ms = row.latency_ms();
        let is_slow = |than| latency_ms.is_some_and(|it| it > than);
        let mut says = |is_asked: bool, what| !is_asked || doubts.may_hold(message.says(row, what));
        (self.to.is_none() || message.is_for(row, AddressSide::Own))
            && self.has_outcome(outcome, Some(row.outcome()))
            && self.slower_than_ms.is_none_or(is_slow)
            && says(self.folder.is_some(), RecipientText::Folder)
            && says(self.status.is_some(), RecipientText::Status)
            && says(self.reason.is_some(), RecipientText::Reason)
            && self.is_junk.is_none_or(|asked| {
                doubts.may_hold(message.is_junk(row).map(|it| it == Some(asked)))
            })
            && self
                .direction_of_recipients()
                .is_none_or(|asked| doubts.may_hold(message.goes(row).map(|it| it == asked)))
            && (self.rows == Query::All || doubts.may_hold(message.fits_query(Some(row), outcome)))
    }

    /// Whether a row is what is asked for, where everything is told.
    pub(super) fn fits_row_surely<M: FilterSubject>(
        &self,
        message: &M,
        row: &M::Row,
        outcome: MessageOutcome,
    ) -> bool {
        self.fits_row(message, row, outcome, &mut Doubts::none())
    }
}
