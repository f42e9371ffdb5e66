//! The filter on messages, by their entries in the message table.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::listing::{ListedMessage, ListedRow, Listing, Reading, Texts};
use super::numbers::ColumnOf;
use crate::query::Pattern;
use crate::store::{StoreError, TableSegment, verdicts_of};
use crate::time::TimeRange;
use crate::trace::filter::{MessageFilter, Verdict};
use crate::trace::fit::{AddressSide, FilterSubject, Fit, RecipientText};
use crate::trace::message::{Direction, MessageOutcome, Outcome};
use crate::trace::rows::listed::{ListedQuery, ListedRowOf};

/// A filter with the texts of the table that match it.
pub(in crate::trace) struct ListedFilter<'f> {
    filter: &'f MessageFilter,
    listing: &'f Listing<'f>,
    from: Option<SentBy>,
    watched: Option<(SentBy, Texts)>,
    to: Option<Texts>,
    folder: Option<Texts>,
    status: Option<Texts>,
    verdicts: Vec<Texts>,
    wanted: Option<Vec<Outcome>>,
    rows: ListedQuery,
}

/// The matching texts of `from` and of `sender`.
struct SentBy {
    from: Texts,
    sender: Texts,
}

impl SentBy {
    fn find(listing: &Listing<'_>, pattern: &Pattern) -> Result<Self, StoreError> {
        Ok(Self {
            from: listing.texts_that_are(|it| &it.from, |it| pattern.matches(it))?,
            sender: listing.texts_that_are(|it| &it.sender, |it| pattern.matches(it))?,
        })
    }

    fn fits(&self, segment: &TableSegment, message: &ListedMessage) -> bool {
        let ListedMessage { segment: number, document, .. } = *message;
        self.from.has(number, segment.from.number(document))
            || self.sender.has(number, segment.sender.number(document))
    }
}

impl<'f> ListedFilter<'f> {
    /// Looks up the texts that match the filter.
    pub(in crate::trace) fn find(
        listing: &'f Listing<'f>,
        filter: &'f MessageFilter,
    ) -> Result<Self, StoreError> {
        let texts_of = |column: ColumnOf, pattern: &Pattern| {
            // Patterns are matched once per distinct text, and messages by its number.
            listing.texts_that_are(column, |text| pattern.matches(text))
        };
        let texts = |column, pattern: &Option<Pattern>| {
            pattern.as_ref().map(|it| texts_of(column, it)).transpose()
        };
        let sent_by = |pattern: &Pattern| SentBy::find(listing, pattern);
        let verdicts = filter.verdicts.iter().map(|(verdict, pattern)| {
            let place = Verdict::ALL.iter().position(|it| it == verdict);
            let is_such = |joined: &str| {
                let value = place.and_then(|it| verdicts_of(joined).get(it).copied());
                value.is_some_and(|it| !it.is_empty() && pattern.matches(it))
            };
            listing.texts_that_are(|it| &it.verdicts, is_such)
        });
        let addresses = filter.addresses.as_ref();
        Ok(Self {
            filter,
            listing,
            from: filter.from.as_ref().map(sent_by).transpose()?,
            watched: addresses
                .map(|it| Ok::<_, StoreError>((sent_by(it)?, texts_of(|it| &it.addresses, it)?)))
                .transpose()?,
            to: texts(|it| &it.addresses, &filter.to)?,
            folder: texts(|it| &it.folders, &filter.folder)?,
            status: texts(|it| &it.statuses, &filter.status)?,
            verdicts: verdicts.collect::<Result<_, StoreError>>()?,
            wanted: filter.outcomes_of_recipients(),
            rows: ListedQuery::find(listing, &filter.rows)?,
        })
    }

    /// True if the table can answer the whole filter.
    pub(in crate::trace) fn is_known(&self) -> bool {
        let MessageFilter { events, forwarded_to, reason, .. } = self.filter;
        events.is_empty() && forwarded_to.is_none() && reason.is_none() && self.rows.is_known()
    }

    /// Counts the messages that the table leaves open, up to `most`.
    pub(in crate::trace) fn open_count(
        &self,
        range: TimeRange,
        most: usize,
    ) -> Result<usize, StoreError> {
        let open = AtomicUsize::new(0);
        let reading = Reading { range, wanted: self.wanted(), needs_rows: true };
        self.listing.visit(reading, Vec::new, |_: &mut (), recipients, message| {
            // Once there are enough, the rest need not be tested: only the comparison with `most`
            // counts.
            if open.load(Ordering::Relaxed) < most
                && (message.needs_originals || self.fits(message, recipients) == Fit::Unclear)
            {
                open.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })?;
        Ok(open.into_inner())
    }

    /// Returns the outcomes of which a row must have one, if any are required.
    pub(in crate::trace) fn wanted(&self) -> Option<&[Outcome]> {
        self.wanted.as_deref()
    }

    /// Tests a message, and puts its matching recipients in `recipients`.
    pub(in crate::trace) fn fits(
        &self,
        message: &ListedMessage,
        recipients: &mut Vec<ListedRow>,
    ) -> Fit {
        let Some(segment) = self.listing.segment(message.segment) else { return Fit::Out };
        let asked = AskedEntry { filter: self, segment, message };
        self.filter.fit(&asked, recipients)
    }
}

/// A message, by its entry.
struct AskedEntry<'a, 'f> {
    filter: &'a ListedFilter<'f>,
    segment: &'a TableSegment,
    message: &'a ListedMessage,
}

impl AskedEntry<'_, '_> {
    fn has(&self, texts: Option<&Texts>, text: Option<u32>) -> Option<bool> {
        Some(texts?.has(self.message.segment, text))
    }
}

impl FilterSubject for AskedEntry<'_, '_> {
    type Row = ListedRow;

    fn rows(&self) -> &[ListedRow] {
        &self.message.rows
    }

    fn first_ms(&self) -> i64 {
        self.message.first_ms
    }

    fn has_direction(&self, way: Direction) -> bool {
        self.message.has_direction(way)
    }

    fn lacks_beginning(&self) -> bool {
        self.segment.lacks_beginning(self.message.document)
    }

    fn is_by(&self, side: AddressSide) -> Option<bool> {
        let senders = match side {
            AddressSide::Own => self.filter.from.as_ref()?,
            AddressSide::Either => &self.filter.watched.as_ref()?.0,
        };
        Some(senders.fits(self.segment, self.message))
    }

    fn is_for(&self, row: &ListedRow, side: AddressSide) -> bool {
        let addresses = match side {
            AddressSide::Own => self.filter.to.as_ref(),
            AddressSide::Either => self.filter.watched.as_ref().map(|(_, addresses)| addresses),
        };
        self.has(addresses, Some(row.address())) == Some(true)
    }

    fn has_verdict(&self, place: usize) -> Option<bool> {
        let verdicts = self.segment.verdicts.number(self.message.document);
        self.has(self.filter.verdicts.get(place), verdicts)
    }

    // The table has neither the targets of rules nor single events.
    fn is_forwarded(&self) -> Option<bool> {
        None
    }

    fn has_event(&self, _place: usize) -> Option<bool> {
        None
    }

    fn says(&self, row: &ListedRow, what: RecipientText) -> Option<bool> {
        match what {
            RecipientText::Folder => self.has(self.filter.folder.as_ref(), row.entry.folder),
            RecipientText::Status => self.has(self.filter.status.as_ref(), row.entry.status),
            RecipientText::Reason => None,
        }
    }

    fn is_junk(&self, row: &ListedRow) -> Option<Option<bool>> {
        Some(row.entry.folder.map(|_| row.entry.bits.is_junk))
    }

    fn goes(&self, row: &ListedRow) -> Option<Direction> {
        let leg = self.message.legs.get(row.entry.bits.leg as usize)?;
        Some(if leg.is_outgoing { Direction::Outgoing } else { Direction::Incoming })
    }

    fn fits_query(&self, row: Option<&ListedRow>, outcome: MessageOutcome) -> Option<bool> {
        let (segment, message) = (self.segment, self.message);
        self.filter.rows.fits(&ListedRowOf { segment, message, outcome, row }).is_so()
    }
}
