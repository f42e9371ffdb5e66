//! Which messages are asked for, by their entries in the message table.

use super::listing::{ColumnOf, ListedMessage, ListedRow, Listing, deciding};
use crate::query::Pattern;
use crate::store::{StoreError, TableSegment, verdicts_of};
use crate::trace::filter::{MessageFilter, Verdict};
use crate::trace::message::{Direction, MessageOutcome, Outcome};
use crate::trace::outcome;

/// A filter with the texts that it speaks of.
pub(in crate::trace) struct ListedFilter<'f> {
    filter: &'f MessageFilter,
    listing: Listing<'f>,
    from: Option<SentBy>,
    watched: Option<(SentBy, Texts)>,
    to: Option<Texts>,
    folder: Option<Texts>,
    status: Option<Texts>,
    verdicts: Vec<Texts>,
    wanted: Option<Vec<Outcome>>,
}

/// For each text of a column of each segment, whether it is what is asked for.
struct Texts(Vec<Vec<bool>>);

impl Texts {
    fn find(
        listing: &Listing<'_>,
        column: ColumnOf,
        pattern: &Pattern,
    ) -> Result<Self, StoreError> {
        Ok(Self(listing.texts_that_are(column, |text| pattern.matches(text))?))
    }

    fn has(&self, segment: usize, text: Option<u32>) -> bool {
        let Some(text) = text else { return false };
        self.0.get(segment).and_then(|it| it.get(text as usize)).copied().unwrap_or(false)
    }
}

/// Those of the addresses in `from` and in `sender`.
struct SentBy {
    from: Texts,
    sender: Texts,
}

impl SentBy {
    fn find(listing: &Listing<'_>, pattern: &Pattern) -> Result<Self, StoreError> {
        Ok(Self {
            from: Texts::find(listing, |it| &it.from, pattern)?,
            sender: Texts::find(listing, |it| &it.sender, pattern)?,
        })
    }

    fn fits(&self, segment: &TableSegment, message: &ListedMessage) -> bool {
        let ListedMessage { segment: number, document, .. } = *message;
        self.from.has(number, segment.from.number(document))
            || self.sender.has(number, segment.sender.number(document))
    }
}

impl<'f> ListedFilter<'f> {
    /// Looks up what the filter speaks of; `None` where the table does not tell it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Io`].
    pub(in crate::trace) fn find(
        listing: Listing<'f>,
        filter: &'f MessageFilter,
    ) -> Result<Option<Self>, StoreError> {
        if !filter.events.is_empty() || filter.forwarded_to.is_some() || filter.reason.is_some() {
            return Ok(None);
        }
        let texts = |column, pattern: &Option<Pattern>| {
            pattern.as_ref().map(|it| Texts::find(&listing, column, it)).transpose()
        };
        let sent_by = |pattern: &Pattern| SentBy::find(&listing, pattern);
        let verdicts = filter.verdicts.iter().map(|(verdict, pattern)| {
            let place = Verdict::ALL.iter().position(|it| it == verdict);
            let is_such = |joined: &str| {
                let value = place.and_then(|it| verdicts_of(joined).get(it).copied());
                value.is_some_and(|it| !it.is_empty() && pattern.matches(it))
            };
            Ok(Texts(listing.texts_that_are(|it| &it.verdicts, is_such)?))
        });
        let addresses = filter.addresses.as_ref();
        Ok(Some(Self {
            filter,
            listing,
            from: filter.from.as_ref().map(sent_by).transpose()?,
            watched: addresses
                .map(|it| {
                    Ok::<_, StoreError>((
                        sent_by(it)?,
                        Texts::find(&listing, |it| &it.addresses, it)?,
                    ))
                })
                .transpose()?,
            to: texts(|it| &it.addresses, &filter.to)?,
            folder: texts(|it| &it.folders, &filter.folder)?,
            status: texts(|it| &it.statuses, &filter.status)?,
            verdicts: verdicts.collect::<Result<_, StoreError>>()?,
            wanted: filter.outcomes_of_recipients(),
        }))
    }

    /// The outcomes of which a row must have one, where that is asked.
    pub(in crate::trace) fn wanted(&self) -> Option<&[Outcome]> {
        self.wanted.as_deref()
    }

    /// Whether a message is what is asked for, and the recipients of it who are, in `recipients`.
    pub(in crate::trace) fn fits(
        &self,
        message: &ListedMessage,
        recipients: &mut Vec<ListedRow>,
    ) -> bool {
        recipients.clear();
        if !self.fits_as_a_whole(message) {
            return false;
        }
        let outcomes: Vec<Outcome> = deciding(&message.rows).map(|it| it.outcome).collect();
        let outcome = outcome::of_all(&outcomes);
        for rows in message.rows.chunk_by(|a, b| a.address() == b.address()) {
            // The last row that fits is the one that counts most of those that do.
            let fitting = rows.iter().rev().find(|it| self.fits_recipient(message, it, outcome));
            recipients.extend(fitting);
        }
        !recipients.is_empty()
            || (!self.filter.asks_of_recipients() && self.filter.has_outcome(outcome, None))
    }

    fn fits_as_a_whole(&self, message: &ListedMessage) -> bool {
        let filter = self.filter;
        let number = message.segment;
        let Some(segment) = self.listing.segment(number) else { return false };
        let has_direction = |way| message.has_direction(way);
        let recipient_count = || deciding(&message.rows).count();
        filter.direction.is_none_or(has_direction)
            && (!filter.is_internal
                || (has_direction(Direction::Outgoing) && has_direction(Direction::Incoming)))
            && (!filter.lacks_beginning || segment.lacks_beginning(message.document))
            && (filter.recipients_min == 0 || recipient_count() >= filter.recipients_min)
            && self.from.as_ref().is_none_or(|it| it.fits(segment, message))
            && self.watched.as_ref().is_none_or(|(senders, addresses)| {
                let is_watched = |it: &ListedRow| addresses.has(number, Some(it.address()));
                deciding(&message.rows).any(is_watched) || senders.fits(segment, message)
            })
            && self
                .verdicts
                .iter()
                .all(|it| it.has(number, segment.verdicts.number(message.document)))
    }

    fn fits_recipient(
        &self,
        message: &ListedMessage,
        row: &ListedRow,
        outcome: MessageOutcome,
    ) -> bool {
        let number = message.segment;
        let has = |texts: &Option<Texts>, text: Option<u32>| {
            texts.as_ref().is_none_or(|it| it.has(number, text))
        };
        let is_junk = |it| row.entry.folder.is_some() && it == row.entry.bits.is_junk;
        has(&self.to, Some(row.address()))
            && self.filter.has_outcome(outcome, Some(row.outcome))
            && self.filter.is_slow(row.latency_ms())
            && has(&self.folder, row.entry.folder)
            && self.filter.is_junk.is_none_or(is_junk)
            && has(&self.status, row.entry.status)
    }
}
