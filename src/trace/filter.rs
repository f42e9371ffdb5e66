//! Which messages are asked for, and what the originals of one tell of that.
//!
//! The message table tells it faster ([`super::table`]); what it leaves open is decided here.

use super::fit::{AddressSide, FilterSubject, Fit, RecipientText};
use super::message::{Direction, Leg, Message, MessageOutcome, Outcome, Recipient};
use super::outcome::statement_of;
use super::rows::Row;
use crate::query::{Field, Matcher, Pattern, Query};
use crate::store::StoredEvent;
use crate::time::TimeRange;

/// A word for what became of a message, or of it for one recipient: some words are both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeWord {
    recipient: Option<Outcome>,
    message: Option<MessageOutcome>,
}

impl OutcomeWord {
    /// Finds the word; `None` when it is none.
    pub fn from_name(word: &str) -> Option<Self> {
        let recipient = Outcome::ALL.into_iter().find(|it| it.as_str() == word);
        let message = MessageOutcome::ALL.into_iter().find(|it| it.as_str() == word);
        (recipient.is_some() || message.is_some()).then_some(Self { recipient, message })
    }

    /// Every word, those of recipients first.
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

/// What is asked of a message. Everything that is asked must hold.
///
/// Some of it is asked of the recipients: then one and the same row of a recipient must be all of
/// that, be it the one that decides ([`Message::deciding_recipients`]) or not: a copy that bounced
/// is found though another arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageFilter {
    /// When its first event was.
    pub first_seen: TimeRange,
    /// What became of it, or of it for the recipient: one of these, where there are any.
    pub outcomes: Vec<OutcomeWord>,
    /// Who sent it, really or by name.
    pub from: Option<Pattern>,
    /// The recipient's address.
    pub to: Option<Pattern>,
    /// The folder that the recipient's mailbox has it in.
    pub folder: Option<Pattern>,
    /// Whether that folder is one for junk.
    pub is_junk: Option<bool>,
    /// The status with which it bounced for the recipient.
    pub status: Option<Pattern>,
    /// The reason for which it bounced for the recipient.
    pub reason: Option<Pattern>,
    /// It took longer than so many milliseconds for the recipient.
    pub slower_than_ms: Option<i64>,
    /// What the checks on arrival said: each a pattern of one verdict.
    pub verdicts: Vec<(Verdict, Pattern)>,
    /// A leg of it goes this way.
    pub direction: Option<Direction>,
    /// It went from one user of the organization to another: it has legs of both ways. Where the
    /// organization's domains are known, [`MessageFilter::within_domains`] asks better.
    pub is_internal: bool,
    /// A leg of it has no beginning: neither a submission nor an arrival.
    pub lacks_beginning: bool,
    /// How many recipients it has at least.
    pub recipients_min: usize,
    /// To whom a rule forwarded or redirected it.
    pub forwarded_to: Option<Pattern>,
    /// Who sent it, or one of its recipients.
    pub addresses: Option<Pattern>,
    /// For each of these, one of its events is what is asked for.
    pub events: Vec<Query>,
    /// What is asked of the row of the recipient; of a message without recipients, of the message.
    pub rows: Query,
}

impl MessageFilter {
    /// What is asked of single events or of single values of them.
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
    /// Whether it is spam.
    Spam,
    /// Whether it is signed by the sender's domain.
    Dkim,
    /// Whether the sender's domain stands by it.
    Dmarc,
    /// Whether it came from where the sender's domain sends.
    Spf,
}

impl Verdict {
    /// Every check.
    pub const ALL: [Self; 4] = [Self::Spam, Self::Dkim, Self::Dmarc, Self::Spf];

    /// The name as it is typed.
    pub fn as_str(self) -> &'static str {
        self.field().name()
    }

    /// The field of events that has it.
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
    /// Whether something is asked of the recipients, besides what became of it.
    pub(super) fn asks_of_recipients(&self) -> bool {
        let Self { to, folder, status, reason, .. } = self;
        [to, folder, status, reason].iter().any(|it| it.is_some())
            || self.is_junk.is_some()
            || self.slower_than_ms.is_some()
    }

    /// Whether nothing is asked of recipients, of their outcomes or of legs.
    pub(super) fn is_about_wholes(&self) -> bool {
        !self.asks_of_recipients()
            && self.outcomes.is_empty()
            && self.rows == Query::All
            && self.addresses.is_none()
            && self.recipients_min == 0
            && self.direction.is_none()
            && !self.is_internal
    }

    /// Whether some recipients are meant rather than the message: then what became of it is asked of
    /// them.
    fn means_recipients(&self) -> bool {
        self.asks_of_recipients() || self.direction.is_some() || asks_of_recipients(&self.rows)
    }

    /// Whether an outcome of a message, or that of a recipient, is one of those asked for.
    pub(super) fn has_outcome(&self, outcome: MessageOutcome, recipient: Option<Outcome>) -> bool {
        let means_recipients = self.means_recipients();
        let is_such = |it: &OutcomeWord| match (recipient, it.recipient) {
            (Some(recipient), Some(asked)) if recipient == asked => true,
            (Some(_), Some(_)) if means_recipients => false,
            _ => it.message == Some(outcome),
        };
        self.outcomes.is_empty() || self.outcomes.iter().any(is_such)
    }

    /// Which way the leg of a recipient must go, where more is asked of the recipient.
    pub(super) fn direction_of_recipients(&self) -> Option<Direction> {
        let asks_more = self.asks_of_recipients() || !self.outcomes.is_empty();
        self.direction.filter(|_| asks_more)
    }

    /// The outcomes in the words of a query.
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

    /// The outcomes of which a recipient's row must have one; `None` where none must.
    pub(super) fn outcomes_of_recipients(&self) -> Option<Vec<Outcome>> {
        let outcomes = self.outcomes.iter();
        let asked: Option<Vec<Outcome>> =
            outcomes.map(|it| it.recipient.filter(|_| it.message.is_none())).collect();
        asked.filter(|it| !it.is_empty())
    }

    /// Whether the message is what is asked for.
    pub fn matches(&self, message: &Message) -> bool {
        self.recipients_in(message).is_some()
    }

    /// The recipients of a message who are what is asked for: of each, the row that counts most
    /// among those that are. `None` where the message is not what is asked for.
    pub fn recipients_in<'m>(&self, message: &'m Message) -> Option<Vec<&'m Recipient>> {
        let asked = AskedMessage { filter: self, message, rows: message.rows_by_address() };
        let mut rows = Vec::new();
        let is_in = self.fit(&asked, &mut rows) == Fit::In;
        is_in.then(|| rows.into_iter().map(|(_, row)| row).collect())
    }

    /// Whether a row of a message that is what is asked for is so too.
    pub fn matches_row(&self, message: &Message, recipient: &Recipient) -> bool {
        let asked = AskedMessage { filter: self, message, rows: Vec::new() };
        self.fits_row_surely(&asked, &(0, recipient), message.outcome)
    }

    /// Whether anything is asked for that some rows of a message may be and others not.
    pub fn asks_of_rows(&self) -> bool {
        self.means_recipients() || !self.outcomes.is_empty()
    }
}

/// A message by its originals, which tell all.
struct AskedMessage<'f, 'm> {
    filter: &'f MessageFilter,
    message: &'m Message,
    rows: Vec<(usize, &'m Recipient)>,
}

impl AskedMessage<'_, '_> {
    fn fits(pattern: Option<&Pattern>, value: Option<&str>) -> bool {
        pattern.zip(value).is_some_and(|(pattern, value)| pattern.matches(value))
    }

    /// Whether an event is what is asked for.
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

/// Whether a query names what recipients of one message differ in.
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

/// Whether a leg tells of its submission or its arrival.
pub(super) fn has_beginning(message: &Message, leg: &Leg) -> bool {
    let mut events = leg.event_indexes.iter().filter_map(|it| message.events.get(*it));
    events.any(|it| statement_of(it).is_beginning())
}
