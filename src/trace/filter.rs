//! The filter on messages, and its answers from the originals of a message.
//!
//! The message table answers faster ([`super::table`]); what it leaves open is decided here.

use super::fit::{AddressSide, FilterSubject, Fit, RecipientText};
use super::message::{Direction, Leg, Message, MessageOutcome, Outcome, Recipient};
use super::outcome::statement_of;
use super::rows::Row;
use crate::query::{Field, Matcher, Pattern, Query};
use crate::store::StoredEvent;
use crate::time::TimeRange;

/// A word for the outcome of a message or of one recipient: some words are both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeWord {
    recipient: Option<Outcome>,
    message: Option<MessageOutcome>,
}

impl OutcomeWord {
    /// Finds the word; `None` if there is no such word.
    pub fn from_name(word: &str) -> Option<Self> {
        let recipient = Outcome::ALL.into_iter().find(|it| it.as_str() == word);
        let message = MessageOutcome::ALL.into_iter().find(|it| it.as_str() == word);
        (recipient.is_some() || message.is_some()).then_some(Self { recipient, message })
    }

    /// Returns every word, those of recipients first.
    pub fn all() -> Vec<&'static str> {
        let mut words: Vec<&'static str> = Outcome::ALL.iter().map(|it| it.as_str()).collect();
        for outcome in MessageOutcome::ALL {
            if !words.contains(&outcome.as_str()) {
                words.push(outcome.as_str());
            }
        }
        words
    }
}

/// The conditions on a message, all of which must hold.
///
/// Conditions on recipients must all hold for the same row, whether it decides
/// ([`Message::deciding_recipients`]) or not: a copy that bounced is found even if another arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// The time of its first event.
    pub first_seen: TimeRange,
    /// The outcome of the message or of the recipient: one of these, unless empty.
    pub outcomes: Vec<OutcomeWord>,
    /// The `sender` or `from` address.
    pub from: Option<Pattern>,
    /// The recipient's address.
    pub to: Option<Pattern>,
    /// The folder of the recipient's mailbox.
    pub folder: Option<Pattern>,
    /// Whether that folder is a junk folder.
    pub is_junk: Option<bool>,
    /// The status of the recipient's bounce.
    pub status: Option<Pattern>,
    /// The reason of the recipient's bounce.
    pub reason: Option<Pattern>,
    /// The latency, in milliseconds, that the recipient's must exceed.
    pub slower_than_ms: Option<i64>,
    /// The verdicts of the checks on arrival, with a pattern for each.
    pub verdicts: Vec<(Verdict, Pattern)>,
    /// The direction of one of its legs.
    pub direction: Option<Direction>,
    /// True for mail from one user of the organization to another: it has legs in both directions.
    /// Where the organization's domains are known, [`MessageFilter::within_domains`] is more
    /// precise.
    pub is_internal: bool,
    /// True for messages with a leg that has neither a submission nor an arrival.
    pub lacks_beginning: bool,
    /// The least number of recipients.
    pub recipients_min: usize,
    /// The address to which a rule forwarded or redirected it.
    pub forwarded_to: Option<Pattern>,
    /// The address of a sender or of a recipient.
    pub addresses: Option<Pattern>,
    /// Queries on events, each of which one of its events must match.
    pub events: Vec<Query>,
    /// The query on the recipient's row; for a message without recipients, on the message.
    pub rows: Query,
}

impl MessageFilter {
    /// Returns the queries on single events and on single values of events.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        let verdicts = self.verdicts.iter().map(|(_, pattern)| pattern);
        let addresses = self.from.iter().chain(&self.to);
        let texts = self.folder.iter().chain(&self.status).chain(&self.reason);
        let patterns = addresses.chain(texts).chain(verdicts);
        patterns.map(Pattern::query).chain(&self.events)
    }
}

/// One of the checks on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The spam check.
    Spam,
    /// The DKIM check: is it signed by the sender's domain?
    Dkim,
    /// The DMARC check: does the sender's domain vouch for it?
    Dmarc,
    /// The SPF check: was it sent by a server of the sender's domain?
    Spf,
}

impl Verdict {
    /// Every check.
    pub const ALL: [Self; 4] = [Self::Spam, Self::Dkim, Self::Dmarc, Self::Spf];

    /// Returns the name as it is typed.
    pub fn as_str(self) -> &'static str {
        self.field().name()
    }

    /// Returns the field of events that has it.
    pub fn field(self) -> Field {
        match self {
            Self::Spam => Field::Spam,
            Self::Dkim => Field::Dkim,
            Self::Dmarc => Field::Dmarc,
            Self::Spf => Field::Spf,
        }
    }

    pub(super) fn of(self, message: &Message) -> Option<&str> {
        let verdicts = &message.verdicts;
        match self {
            Self::Spam => verdicts.spam.as_deref(),
            Self::Dkim => verdicts.dkim.as_deref(),
            Self::Dmarc => verdicts.dmarc.as_deref(),
            Self::Spf => verdicts.spf.as_deref(),
        }
    }
}

impl MessageFilter {
    /// True if a condition other than the outcome is on recipients.
    pub(super) fn asks_of_recipients(&self) -> bool {
        let Self { to, folder, status, reason, .. } = self;
        [to, folder, status, reason].iter().any(|it| it.is_some())
            || self.is_junk.is_some()
            || self.slower_than_ms.is_some()
    }

    /// True if no condition is on recipients, outcomes or legs.
    pub(super) fn is_about_wholes(&self) -> bool {
        !self.asks_of_recipients()
            && self.outcomes.is_empty()
            && self.rows == Query::All
            && self.addresses.is_none()
            && self.recipients_min == 0
            && self.direction.is_none()
            && !self.is_internal
    }

    /// True if the filter selects recipients rather than messages: outcomes are then theirs.
    fn means_recipients(&self) -> bool {
        self.asks_of_recipients() || self.direction.is_some() || asks_of_recipients(&self.rows)
    }

    /// True if the outcome of the message or of the recipient is one of the filter's.
    pub(super) fn has_outcome(&self, outcome: MessageOutcome, recipient: Option<Outcome>) -> bool {
        let means_recipients = self.means_recipients();
        let is_such = |it: &OutcomeWord| match (recipient, it.recipient) {
            (Some(recipient), Some(asked)) if recipient == asked => true,
            // `delivered` is both words: once recipients are meant, the message's outcome must not
            // match in place of the recipient's.
            (Some(_), Some(_)) if means_recipients => false,
            _ => it.message == Some(outcome),
        };
        self.outcomes.is_empty() || self.outcomes.iter().any(is_such)
    }

    /// Returns the direction that the recipient's own leg must have, if other conditions are on the
    /// recipient.
    pub(super) fn direction_of_recipients(&self) -> Option<Direction> {
        // Alone, a direction is a condition on any leg; beside others, on the row that fulfils
        // them.
        let asks_more = self.asks_of_recipients() || !self.outcomes.is_empty();
        self.direction.filter(|_| asks_more)
    }

    /// Returns the outcomes as a query.
    pub(super) fn outcomes_as_query(&self) -> Option<Query> {
        let means_recipients = self.means_recipients();
        let word = |field, text: &str| Query::demand(field, Matcher::Exact(text.to_owned()));
        let words = self.outcomes.iter().flat_map(|it| {
            let recipient = it.recipient.map(|it| word(Field::Outcome, it.as_str()));
            let is_asked = |_: &MessageOutcome| recipient.is_none() || !means_recipients;
            let message = it.message.filter(is_asked);
            let message = message.map(|it| word(Field::MessageOutcome, it.as_str()));
            recipient.into_iter().chain(message)
        });
        let words: Vec<Query> = words.collect();
        (!words.is_empty()).then(|| Query::or(words))
    }

    /// Returns the outcomes of which some row must have one; `None` if no such row is needed.
    pub(super) fn outcomes_of_recipients(&self) -> Option<Vec<Outcome>> {
        let outcomes = self.outcomes.iter();
        let asked: Option<Vec<Outcome>> =
            // A word that is also a message outcome can match without any such row.
            outcomes.map(|it| it.recipient.filter(|_| it.message.is_none())).collect();
        asked.filter(|it| !it.is_empty())
    }

    /// True if the message matches.
    pub fn matches(&self, message: &Message) -> bool {
        self.recipients_in(message).is_some()
    }

    /// Returns the recipients of a message that match: for each, the matching row of highest
    /// precedence. `None` if the message does not match.
    pub fn recipients_in<'m>(&self, message: &'m Message) -> Option<Vec<&'m Recipient>> {
        let asked = AskedMessage { filter: self, message, rows: message.rows_by_address() };
        let mut rows = Vec::new();
        let is_in = self.fit(&asked, &mut rows) == Fit::In;
        is_in.then(|| rows.into_iter().map(|(_, row)| row).collect())
    }

    /// True if a row of a matching message matches too.
    pub fn matches_row(&self, message: &Message, recipient: &Recipient) -> bool {
        // The row is judged alone, so the message's other rows are not needed.
        let asked = AskedMessage { filter: self, message, rows: Vec::new() };
        self.fits_row_surely(&asked, &(0, recipient), message.outcome)
    }

    /// True if some rows of a matching message may match and others not.
    pub fn asks_of_rows(&self) -> bool {
        self.means_recipients() || !self.outcomes.is_empty()
    }
}

/// A message by its originals, which answer everything.
struct AskedMessage<'f, 'm> {
    filter: &'f MessageFilter,
    message: &'m Message,
    rows: Vec<(usize, &'m Recipient)>,
}

impl AskedMessage<'_, '_> {
    fn fits(pattern: Option<&Pattern>, value: Option<&str>) -> bool {
        pattern.zip(value).is_some_and(|(pattern, value)| pattern.matches(value))
    }

    /// True if such an event exists.
    fn has(&self, is_such: impl Fn(&StoredEvent) -> bool) -> bool {
        self.message.events.iter().any(is_such)
    }
}

impl<'m> FilterSubject for AskedMessage<'_, 'm> {
    type Row = (usize, &'m Recipient);

    fn rows(&self) -> &[Self::Row] {
        &self.rows
    }

    fn first_ms(&self) -> i64 {
        self.message.first_seen.as_ms()
    }

    fn has_direction(&self, way: Direction) -> bool {
        self.message.legs.iter().any(|it| it.direction == way)
    }

    fn lacks_beginning(&self) -> bool {
        self.message.legs.iter().any(|it| !has_beginning(self.message, it))
    }

    fn is_by(&self, side: AddressSide) -> Option<bool> {
        let pattern = match side {
            AddressSide::Own => self.filter.from.as_ref(),
            AddressSide::Either => self.filter.addresses.as_ref(),
        };
        let mut senders = self.message.from.iter().chain(&self.message.sender);
        Some(senders.any(|it| Self::fits(pattern, Some(it.as_str()))))
    }

    fn is_for(&self, (_, row): &Self::Row, side: AddressSide) -> bool {
        let pattern = match side {
            AddressSide::Own => self.filter.to.as_ref(),
            AddressSide::Either => self.filter.addresses.as_ref(),
        };
        Self::fits(pattern, Some(row.address.as_str()))
    }

    fn has_verdict(&self, place: usize) -> Option<bool> {
        let (verdict, pattern) = self.filter.verdicts.get(place)?;
        Some(Self::fits(Some(pattern), verdict.of(self.message)))
    }

    fn is_forwarded(&self) -> Option<bool> {
        let pattern = self.filter.forwarded_to.as_ref();
        Some(self.has(|it| {
            let targets = &it.event.target_recipient;
            targets.iter().any(|it| Self::fits(pattern, Some(it.as_str())))
        }))
    }

    fn has_event(&self, place: usize) -> Option<bool> {
        let query = self.filter.events.get(place)?;
        Some(self.has(|it| query.matches(it)))
    }

    fn says(&self, (_, row): &Self::Row, what: RecipientText) -> Option<bool> {
        let (pattern, value) = match what {
            RecipientText::Folder => (&self.filter.folder, &row.folder),
            RecipientText::Status => (&self.filter.status, &row.status),
            RecipientText::Reason => (&self.filter.reason, &row.reason),
        };
        Some(Self::fits(pattern.as_ref(), value.as_deref()))
    }

    fn is_junk(&self, (_, row): &Self::Row) -> Option<Option<bool>> {
        Some(row.folder.as_ref().map(|_| row.is_junk))
    }

    fn goes(&self, (_, row): &Self::Row) -> Option<Direction> {
        Some(row.direction)
    }

    fn fits_query(&self, row: Option<&Self::Row>, _outcome: MessageOutcome) -> Option<bool> {
        let row = Row { message: self.message, recipient: row.map(|(_, it)| *it) };
        Some(row.fits(&self.filter.rows))
    }
}

/// True if a query names a field in which recipients of one message differ.
fn asks_of_recipients(query: &Query) -> bool {
    match query {
        Query::All => false,
        Query::And(queries) | Query::Or(queries) => queries.iter().any(asks_of_recipients),
        Query::Not(query) => asks_of_recipients(query),
        Query::Clause(clause) => matches!(
            clause.field,
            Field::To
                | Field::RecipientDomain
                | Field::Outcome
                | Field::Folder
                | Field::Junk
                | Field::Status
                | Field::FinalStatus
                | Field::Reason
                | Field::Cause
                | Field::Latency
                | Field::Direction
                | Field::Event
                | Field::Action
        ),
    }
}

/// True if a leg has a submission or an arrival.
pub(super) fn has_beginning(message: &Message, leg: &Leg) -> bool {
    let mut events = leg.event_indexes.iter().filter_map(|it| message.events.get(*it));
    events.any(|it| statement_of(it).is_beginning())
}
