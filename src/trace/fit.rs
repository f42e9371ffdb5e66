//! The test of a message against a filter: each condition once, for every source of messages.

use super::filter::MessageFilter;
use super::judge::{OutcomeRow, by_address, deciding, of_message};
use super::message::{Direction, MessageOutcome};
use crate::query::Query;
use crate::time::Timestamp;

/// A message to test against a filter. Where a method returns `None`, only the originals know.
pub(super) trait FilterSubject {
    /// A row, cheap to copy.
    type Row: OutcomeRow + Copy;

    /// The rows of all recipients.
    fn rows(&self) -> &[Self::Row];

    /// The time of the first event, in milliseconds since 1970.
    fn first_ms(&self) -> i64;

    /// True if a leg has this direction.
    fn has_direction(&self, way: Direction) -> bool;

    /// True if a leg has neither a submission nor an arrival.
    fn lacks_beginning(&self) -> bool;

    /// True if its `sender` or `from` matches.
    fn is_by(&self, side: AddressSide) -> Option<bool>;

    /// True if the row's address matches.
    fn is_for(&self, row: &Self::Row, side: AddressSide) -> bool;

    /// True if the verdict at this index of [`MessageFilter::verdicts`] matches.
    fn has_verdict(&self, place: usize) -> Option<bool>;

    /// True if a rule forwarded it to a matching address.
    fn is_forwarded(&self) -> Option<bool>;

    /// True if an event matches the query at this index of [`MessageFilter::events`].
    fn has_event(&self, place: usize) -> Option<bool>;

    /// True if this text of the row matches.
    fn says(&self, row: &Self::Row, what: RecipientText) -> Option<bool>;

    /// True if the row's folder is a junk folder; `Some(None)` without a folder.
    fn is_junk(&self, row: &Self::Row) -> Option<Option<bool>>;

    /// The direction of the row's leg.
    fn goes(&self, row: &Self::Row) -> Option<Direction>;

    /// True if a row, or a message without any, matches [`MessageFilter::rows`].
    fn fits_query(&self, row: Option<&Self::Row>, outcome: MessageOutcome) -> Option<bool>;
}

/// The condition on addresses that is tested.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AddressSide {
    /// [`MessageFilter::from`] or [`MessageFilter::to`].
    Own,
    /// [`MessageFilter::addresses`].
    Either,
}

/// A text of a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RecipientText {
    Folder,
    Status,
    Reason,
}

/// The result of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Out,
    In,
    /// Only its originals can tell.
    Unclear,
}

/// Records whether every answer was certain.
struct Doubts {
    is_certain: bool,
}

impl Doubts {
    fn none() -> Self {
        Self { is_certain: true }
    }

    /// Takes one answer; `false` if the condition certainly fails.
    fn may_hold(&mut self, holds: Option<bool>) -> bool {
        self.is_certain &= holds.is_some();
        holds != Some(false)
    }
}

impl MessageFilter {
    /// Tests a message, and puts its matching recipients in `recipients`: for each, the matching
    /// row of highest precedence.
    pub(super) fn fit<M: FilterSubject>(&self, message: &M, recipients: &mut Vec<M::Row>) -> Fit {
        recipients.clear();
        let mut doubts = Doubts::none();
        if !self.fits_as_a_whole(message, &mut doubts) {
            return Fit::Out;
        }
        // Few filters ask for it, and it takes a look at every row.
        let outcome = match self.outcomes.is_empty() && self.rows == Query::All {
            true => MessageOutcome::Unknown,
            false => of_message(message.rows()),
        };
        for rows in by_address(message.rows()) {
            // The last row of an address decides, so it is tried first.
            for row in rows.iter().rev() {
                // Doubts about a row that fails do not make the message uncertain.
                let mut of_row = Doubts::none();
                if self.fits_row(message, row, outcome, &mut of_row) {
                    doubts.is_certain &= of_row.is_certain;
                    recipients.push(*row);
                    break;
                }
            }
        }
        let is_in = !recipients.is_empty()
            // A message without recipients can still match, but not a condition that needs one.
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
        // Cheap tests first; those that may leave a doubt come last.
        is_in_range
            && self.direction.is_none_or(has_direction)
            && (!self.is_internal
                || (has_direction(Direction::Outgoing) && has_direction(Direction::Incoming)))
            && (!self.lacks_beginning || message.lacks_beginning())
            && (self.recipients_min == 0 || deciding(message.rows()).count() >= self.recipients_min)
            && (self.from.is_none() || doubts.may_hold(message.is_by(AddressSide::Own)))
            && (self.addresses.is_none()
                || deciding(message.rows()).any(|it| message.is_for(it, AddressSide::Either))
                // Asked last: a recipient who matches spares the doubt.
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

    /// Tests a row of a source that answers everything.
    pub(super) fn fits_row_surely<M: FilterSubject>(
        &self,
        message: &M,
        row: &M::Row,
        outcome: MessageOutcome,
    ) -> bool {
        self.fits_row(message, row, outcome, &mut Doubts::none())
    }
}
