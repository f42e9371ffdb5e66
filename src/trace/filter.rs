//! Which messages are asked for: the definition, on whole messages.
//!
//! The columns of the index answer the same faster ([`super::overview`]), and what they leave open
//! is decided here.

use super::message::{Direction, Leg, Message, MessageOutcome, Outcome, Recipient, last_of_each};
use crate::event::EventName;
use crate::query::{Field, Pattern, Query};
use crate::time::TimeRange;

/// A word for what became of a message, or of it for one recipient: some words are both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutcomeWord {
    recipient: Option<Outcome>,
    message: Option<MessageOutcome>,
}

impl OutcomeWord {
    /// Finds the word; `None` when it is none.
    #[must_use]
    pub fn from_name(word: &str) -> Option<Self> {
        let recipient = Outcome::ALL.into_iter().find(|it| it.as_str() == word);
        let message = MessageOutcome::ALL.into_iter().find(|it| it.as_str() == word);
        (recipient.is_some() || message.is_some()).then_some(Self { recipient, message })
    }

    /// Every word, those of recipients first.
    #[must_use]
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
    /// It went from one user of the organization to another: it has legs of both ways.
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
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.field().name()
    }

    /// The field of events that has it.
    #[must_use]
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

    /// Whether a recipient's outcome is one of those asked for.
    pub(super) fn has_outcome(&self, outcome: MessageOutcome, recipient: Option<Outcome>) -> bool {
        self.outcomes.is_empty()
            || self.outcomes.iter().any(|it| {
                it.message == Some(outcome) || (recipient.is_some() && it.recipient == recipient)
            })
    }

    /// The outcomes of which a recipient's row must have one; `None` where none must.
    pub(super) fn outcomes_of_recipients(&self) -> Option<Vec<Outcome>> {
        let outcomes = self.outcomes.iter();
        let asked: Option<Vec<Outcome>> =
            outcomes.map(|it| it.recipient.filter(|_| it.message.is_none())).collect();
        asked.filter(|it| !it.is_empty())
    }

    /// Whether a latency is as long as asked for.
    pub(super) fn is_slow(&self, latency_ms: Option<i64>) -> bool {
        self.slower_than_ms.is_none_or(|than| latency_ms.is_some_and(|it| it > than))
    }

    /// Whether the message is what is asked for.
    #[must_use]
    pub fn matches(&self, message: &Message) -> bool {
        self.matches_as_a_whole(message)
            && (!self.recipients_of(message).is_empty()
                || (!self.asks_of_recipients() && self.has_outcome(message.outcome, None)))
    }

    /// The recipients of a message who are what is asked for: of each, the row that counts most
    /// among those that are.
    #[must_use]
    pub fn recipients_of<'m>(&self, message: &'m Message) -> Vec<&'m Recipient> {
        let rows = message.recipients.iter();
        last_of_each(rows.filter(|it| self.matches_recipient(it, message.outcome)))
    }

    fn matches_recipient(&self, recipient: &Recipient, outcome: MessageOutcome) -> bool {
        let fits = |pattern: &Option<Pattern>, value: Option<&str>| {
            pattern.as_ref().is_none_or(|it| value.is_some_and(|value| it.matches(value)))
        };
        fits(&self.to, Some(recipient.address.as_str()))
            && fits(&self.folder, recipient.folder.as_deref())
            && fits(&self.status, recipient.status.as_deref())
            && fits(&self.reason, recipient.reason.as_deref())
            && self.is_junk.is_none_or(|it| recipient.folder.is_some() && it == recipient.is_junk)
            && self.is_slow(recipient.latency_ms)
            && self.has_outcome(outcome, Some(recipient.outcome))
    }

    fn matches_as_a_whole(&self, message: &Message) -> bool {
        let sent_by = |pattern: &Pattern| {
            let senders = message.from.iter().chain(&message.sender);
            { senders }.any(|it| pattern.matches(it.as_str()))
        };
        let has_direction = |way| message.legs.iter().any(|it| it.direction == way);
        let deciding = message.deciding_recipients();
        let is_for =
            |pattern: &Pattern| deciding.iter().any(|it| pattern.matches(it.address.as_str()));
        self.first_seen.contains(message.first_seen)
            && self.from.as_ref().is_none_or(sent_by)
            && self.addresses.as_ref().is_none_or(|it| sent_by(it) || is_for(it))
            && self.direction.is_none_or(has_direction)
            && (!self.is_internal
                || (has_direction(Direction::Outgoing) && has_direction(Direction::Incoming)))
            && (!self.lacks_beginning || message.legs.iter().any(|it| !has_beginning(message, it)))
            && deciding.len() >= self.recipients_min
            && self
                .verdicts
                .iter()
                .all(|(verdict, pattern)| verdict.of(message).is_some_and(|it| pattern.matches(it)))
            && self.forwarded_to.as_ref().is_none_or(|pattern| {
                let targets = message.events.iter().flat_map(|it| &it.event.target_recipient);
                { targets }.any(|it| pattern.matches(it.as_str()))
            })
            && self.events.iter().all(|query| message.events.iter().any(|it| query.matches(it)))
    }
}

/// Whether a leg tells of its submission or its arrival.
pub(super) fn has_beginning(message: &Message, leg: &Leg) -> bool {
    let events = leg.event_indexes.iter().filter_map(|it| message.events.get(*it));
    { events }.any(|it| {
        matches!(
            it.event.name,
            EventName::OutgoingEmailSubmitted | EventName::OrganizationEmailReceived
        )
    })
}
