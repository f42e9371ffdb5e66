//! Queries on rows, answered from the message table.

use super::{NO_BEGINNING, direction_word, fits_words, junk_word};
use crate::event::domain_of;
use crate::query::{Clause, Field, Matcher, Query};
use crate::store::{StoreError, TableSegment, TextColumn, verdicts_of};
use crate::time::Timestamp;
use crate::trace::judge::{OutcomeRow, deciding};
use crate::trace::message::{MessageOutcome, Outcome};
use crate::trace::table::listing::{ListedMessage, ListedRow, Listing, Texts};

/// An answer that may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::trace) enum Certainty {
    No,
    /// Only the originals can tell.
    Unknown,
    Yes,
}

impl From<bool> for Certainty {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}

impl Certainty {
    fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }

    /// Returns the answer; `None` if it is unknown.
    pub(in crate::trace) fn is_so(self) -> Option<bool> {
        match self {
            Self::No => Some(false),
            Self::Unknown => None,
            Self::Yes => Some(true),
        }
    }

    fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::No => Self::No,
            Self::Yes => other(),
            Self::Unknown if other() == Self::No => Self::No,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// A query with the texts of the table that match it.
pub(in crate::trace) enum ListedQuery {
    All,
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

pub(in crate::trace) enum Test {
    /// A text of the message or of the row.
    Text(ListedColumn, Texts),
    Outcome(Matcher),
    MessageOutcome(Matcher),
    Latency(Matcher),
    Direction(Matcher),
    Junk(Matcher),
    Recipients(Matcher),
    FirstSeen(Matcher),
    /// The real sender: the text of the first column, else of the second.
    SenderDomain(Texts, Texts),
    /// A sender, or the recipient of any row.
    Address {
        from: Texts,
        sender: Texts,
        recipient: Texts,
    },
    Leg(Matcher),
    FinalStatus(Texts),
    /// The deciding status is known; without a match, events that did not decide may still have
    /// one.
    Status(Texts),
    /// A text that only bounced rows have, and only the originals hold.
    OfBounce,
    Unknown,
}

/// A column of texts.
#[derive(Clone, Copy)]
pub(in crate::trace) enum ListedColumn {
    From,
    Sender,
    Verdicts,
    Rules,
    Address,
    Folder,
    Cause,
}

impl ListedQuery {
    /// Looks up the texts that match a query.
    pub(in crate::trace) fn find(listing: &Listing<'_>, query: &Query) -> Result<Self, StoreError> {
        let all = |queries: &[Query]| {
            queries.iter().map(|it| Self::find(listing, it)).collect::<Result<_, _>>()
        };
        Ok(match query {
            Query::All => Self::All,
            Query::And(queries) => Self::And(all(queries)?),
            Query::Or(queries) => Self::Or(all(queries)?),
            Query::Not(query) => Self::Not(Box::new(Self::find(listing, query)?)),
            Query::Clause(clause) => Self::Test(Test::find(listing, clause)?),
        })
    }

    /// True if the table can answer the whole query.
    pub(in crate::trace) fn is_known(&self) -> bool {
        match self {
            Self::All => true,
            Self::And(queries) | Self::Or(queries) => queries.iter().all(Self::is_known),
            Self::Not(query) => query.is_known(),
            Self::Test(test) => !matches!(test, Test::Unknown | Test::OfBounce | Test::Status(_)),
        }
    }

    /// Tests a row, or a message without recipients, whose `row` is `None`.
    pub(in crate::trace) fn fits(&self, row: &ListedRowOf<'_>) -> Certainty {
        match self {
            Self::All => Certainty::Yes,
            Self::And(queries) => {
                let parts = queries.iter();
                // Folded, not stopped at the first unknown: a later `No` still decides.
                parts.fold(Certainty::Yes, |known, it| known.and(|| it.fits(row)))
            }
            Self::Or(queries) => {
                let parts = queries.iter();
                // By De Morgan: no alternative holds, negated. An unknown one stays unknown unless
                // another holds.
                let none =
                    parts.fold(Certainty::Yes, |known, it| known.and(|| it.fits(row).negated()));
                none.negated()
            }
            Self::Not(query) => query.fits(row).negated(),
            Self::Test(test) => test.fits(row),
        }
    }
}

/// A row with its message and segment.
pub(in crate::trace) struct ListedRowOf<'l> {
    pub(in crate::trace) segment: &'l TableSegment,
    pub(in crate::trace) message: &'l ListedMessage,
    pub(in crate::trace) outcome: MessageOutcome,
    pub(in crate::trace) row: Option<&'l ListedRow>,
}

impl Test {
    fn find(listing: &Listing<'_>, clause: &Clause) -> Result<Self, StoreError> {
        let matcher = &clause.matcher;
        let texts = |column: fn(&TableSegment) -> &TextColumn, is_such: &dyn Fn(&str) -> bool| {
            listing.texts_that_are(column, is_such)
        };
        let is_it = |text: &str| !text.is_empty() && matcher.fits_text(text);
        let of_domain =
            |text: &str| domain_of(text).is_some_and(|domain| matcher.fits_text(domain));
        let verdict = |place: usize| {
            // The four verdicts are one text of the table, so each is cut out of it.
            let is_such = move |joined: &str| {
                let value = verdicts_of(joined).get(place).copied();
                value.is_some_and(|it| !it.is_empty() && matcher.fits_text(it))
            };
            Ok::<_, StoreError>(Self::Text(
                ListedColumn::Verdicts,
                texts(|it| &it.verdicts, &is_such)?,
            ))
        };
        Ok(match clause.field {
            Field::From => Self::Text(ListedColumn::From, texts(|it| &it.from, &is_it)?),
            Field::Sender => Self::Text(ListedColumn::Sender, texts(|it| &it.sender, &is_it)?),
            Field::SenderDomain => Self::SenderDomain(
                texts(|it| &it.sender, &of_domain)?,
                texts(|it| &it.from, &of_domain)?,
            ),
            Field::To => Self::Text(ListedColumn::Address, texts(|it| &it.addresses, &is_it)?),
            Field::RecipientDomain => {
                Self::Text(ListedColumn::Address, texts(|it| &it.addresses, &of_domain)?)
            }
            Field::Folder => Self::Text(ListedColumn::Folder, texts(|it| &it.folders, &is_it)?),
            Field::Rule => Self::Text(ListedColumn::Rules, texts(|it| &it.rules, &is_it)?),
            Field::Spam => verdict(0)?,
            Field::Dkim => verdict(1)?,
            Field::Dmarc => verdict(2)?,
            Field::Spf => verdict(3)?,
            Field::Status => Self::Status(texts(|it| &it.statuses, &is_it)?),
            Field::Cause => Self::Text(
                ListedColumn::Cause,
                texts(|it| &it.causes, &|text| fits_words(matcher, text))?,
            ),
            Field::Reason => Self::OfBounce,
            Field::Outcome => Self::Outcome(matcher.clone()),
            Field::MessageOutcome => Self::MessageOutcome(matcher.clone()),
            Field::Latency => Self::Latency(matcher.clone()),
            Field::Direction => Self::Direction(matcher.clone()),
            Field::Junk => Self::Junk(matcher.clone()),
            Field::Recipients => Self::Recipients(matcher.clone()),
            Field::FirstSeen => Self::FirstSeen(matcher.clone()),
            Field::Address => Self::Address {
                from: texts(|it| &it.from, &is_it)?,
                sender: texts(|it| &it.sender, &is_it)?,
                recipient: texts(|it| &it.addresses, &is_it)?,
            },
            Field::Leg => Self::Leg(matcher.clone()),
            Field::FinalStatus => Self::FinalStatus(texts(|it| &it.statuses, &is_it)?),
            // Not in the table: only the originals have these.
            Field::Subject
            | Field::ForwardedTo
            | Field::OneEvent
            | Field::Access(_)
            | Field::MessageId
            | Field::TraceId
            | Field::Event
            | Field::RuleType
            | Field::Action
            | Field::Policy
            | Field::LogGroup
            | Field::Time => Self::Unknown,
        })
    }

    fn fits(&self, of: &ListedRowOf<'_>) -> Certainty {
        let ListedRowOf { segment, message, outcome, row } = *of;
        let (number, document) = (message.segment, message.document);
        let entry = row.map(|it| &it.entry);
        let is_so = match self {
            Self::Text(column, texts) => match column {
                ListedColumn::From => texts.has(number, segment.from.number(document)),
                ListedColumn::Sender => texts.has(number, segment.sender.number(document)),
                ListedColumn::Verdicts => texts.has(number, segment.verdicts.number(document)),
                ListedColumn::Rules => {
                    segment.rules.numbers(document).any(|it| texts.has(number, Some(it)))
                }
                ListedColumn::Address => texts.has(number, row.map(ListedRow::address)),
                ListedColumn::Folder => texts.has(number, entry.and_then(|it| it.folder)),
                ListedColumn::Cause => texts.has(number, entry.and_then(|it| it.cause)),
            },
            Self::SenderDomain(of_sender, of_from) => match segment.sender.number(document) {
                // A sender outside the domain must not fall back to `from`.
                Some(sender) => of_sender.has(number, Some(sender)),
                None => of_from.has(number, segment.from.number(document)),
            },
            Self::Outcome(matcher) => {
                row.is_some_and(|it| matcher.fits_text(it.outcome().as_str()))
            }
            Self::MessageOutcome(matcher) => matcher.fits_text(outcome.as_str()),
            Self::Latency(matcher) => {
                row.and_then(OutcomeRow::latency_ms).is_some_and(|it| matcher.fits_number(it))
            }
            Self::Direction(matcher) => {
                let fits = |is_outgoing| matcher.fits_text(direction_word(is_outgoing));
                match entry {
                    None => message.legs.iter().any(|it| fits(it.is_outgoing)),
                    Some(entry) => match message.legs.get(entry.bits.leg as usize) {
                        Some(leg) => fits(leg.is_outgoing),
                        // More legs than the table numbers: the row's leg is not among them.
                        None => return Certainty::Unknown,
                    },
                }
            }
            Self::Junk(matcher) => entry.is_some_and(|it| {
                it.folder.is_some() && matcher.fits_text(junk_word(it.bits.is_junk))
            }),
            Self::Recipients(matcher) => {
                let count = deciding(&message.rows).count();
                matcher.fits_number(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Self::FirstSeen(matcher) => {
                Timestamp::from_ms(message.first_ms).is_some_and(|it| matcher.fits_time(it))
            }
            Self::Address { from, sender, recipient } => {
                from.has(number, segment.from.number(document))
                    || sender.has(number, segment.sender.number(document))
                    || message.rows.iter().any(|it| recipient.has(number, Some(it.address())))
            }
            Self::Leg(matcher) => {
                let ways = message.legs.iter().map(|it| direction_word(it.is_outgoing));
                let beginning = segment.lacks_beginning(document).then_some(NO_BEGINNING);
                ways.chain(beginning).any(|it| matcher.fits_text(it))
            }
            Self::FinalStatus(texts) => texts.has(number, entry.and_then(|it| it.status)),
            Self::Status(texts) => {
                return match texts.has(number, entry.and_then(|it| it.status)) {
                    true => Certainty::Yes,
                    false => Certainty::Unknown,
                };
            }
            Self::OfBounce => match row.is_some_and(|it| it.outcome() == Outcome::Bounced) {
                true => return Certainty::Unknown,
                false => false,
            },
            Self::Unknown => return Certainty::Unknown,
        };
        is_so.into()
    }
}
