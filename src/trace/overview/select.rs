//! The messages that a filter selects.

use super::together::Together;
use super::way::{Holders, MessageSource};
use super::{OutcomeCounts, Overview};
use crate::store::{EventReader, Location, Store, StoreError};
use crate::time::{TimeRange, Timestamp};
use crate::trace::JoinRules;
use crate::trace::filter::MessageFilter;
use crate::trace::judge::{OutcomeRow, deciding, of_message};
use crate::trace::message::{Message, MessageOutcome, Outcome, Recipient};
use crate::trace::order::{Leading, ListPosition, Order, PageOfMessages};
use crate::trace::rows::candidates;
use crate::trace::table::{ListedMessage, ListedRow};

/// The outcome of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageSummary {
    /// Its outcome as a whole.
    pub outcome: MessageOutcome,
    /// The number of recipients with each outcome, in any of their rows.
    pub recipients: OutcomeCounts,
    /// The number of recipients.
    pub recipient_count: u32,
    /// The longest latency of a recipient, in milliseconds.
    pub latency_ms: Option<i64>,
    /// The time of its earliest event.
    pub first_seen: Timestamp,
    /// The time of its latest event.
    pub last_seen: Timestamp,
    /// The location of its event that was stored first.
    pub event: Location,
}

/// Returns the messages that a filter selects, in the order in which they were stored.
///
/// It takes some 100 bytes for each message found.
pub fn select(
    store: &Store,
    rules: &JoinRules,
    filter: &MessageFilter,
) -> Result<Vec<MessageSummary>, StoreError> {
    Selection::new(&Overview::new(store, rules)?, filter)?.summaries()
}

/// Totals of all selected messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The number of messages.
    pub messages: u64,
    /// The number of their recipients.
    pub recipients: u64,
    of_recipients: [u64; Outcome::ALL.len()],
    of_messages: [u64; MessageOutcome::ALL.len()],
}

impl Totals {
    fn add(&mut self, message: &MessageSummary) {
        self.messages += 1;
        self.recipients += u64::from(message.recipient_count);
        for (outcome, count) in Outcome::ALL.into_iter().zip(&mut self.of_recipients) {
            *count += u64::from(message.recipients.get(outcome));
        }
        if let Some(count) = self.of_messages.get_mut(message.outcome.place()) {
            *count += 1;
        }
    }

    fn join(&mut self, other: &Self) {
        self.messages += other.messages;
        self.recipients += other.recipients;
        let both = self.of_recipients.iter_mut().zip(other.of_recipients);
        let both = both.chain(self.of_messages.iter_mut().zip(other.of_messages));
        both.for_each(|(count, more)| *count += more);
    }

    /// Returns the number of recipients with an outcome, in any of their rows.
    pub fn recipients_with(&self, outcome: Outcome) -> u64 {
        *self.of_recipients.get(outcome.place()).expect("a place for each outcome")
    }

    /// Returns the number of messages with an outcome.
    pub fn messages_with(&self, outcome: MessageOutcome) -> u64 {
        *self.of_messages.get(outcome.place()).expect("a place for each outcome")
    }
}

/// Returns a page of the messages that a filter selects, and the totals of all of them. It takes
/// some 200 bytes for each message shown.
pub fn select_page(
    store: &Store,
    rules: &JoinRules,
    filter: &MessageFilter,
    order: Order,
    after: Option<ListPosition>,
    limit: usize,
) -> Result<(PageOfMessages, Totals), StoreError> {
    // Cursors refer to the whole store, even if a part of it answers.
    let after = after.map(|it| it.here(store));
    let overview = Overview::new(store, rules)?;
    let (mut page, totals) = Selection::new(&overview, filter)?.page(order, after, limit)?;
    page.next = page.next.map(|it| it.in_whole(store));
    Ok((page, totals))
}

/// A selected message.
pub(crate) enum SelectedMessage<'m> {
    /// The message table answers everything.
    Listed {
        /// The message.
        message: &'m ListedMessage,
        /// The selected recipients.
        recipients: &'m [ListedRow],
    },
    /// Its originals were read.
    Read {
        /// The message.
        message: &'m Message,
        /// The selected recipients.
        recipients: &'m [&'m Recipient],
        /// The location of its event that was stored first.
        event: Location,
    },
}

impl SelectedMessage<'_> {
    /// Returns the time of its first event, in milliseconds since 1970.
    pub(crate) fn first_seen_ms(&self) -> i64 {
        match self {
            Self::Listed { message, .. } => message.first_ms,
            Self::Read { message, .. } => message.first_seen.as_ms(),
        }
    }

    /// Returns the number of selected recipients.
    pub(crate) fn recipient_count(&self) -> usize {
        match self {
            Self::Listed { recipients, .. } => recipients.len(),
            Self::Read { recipients, .. } => recipients.len(),
        }
    }

    /// Returns the location of its event that was stored first.
    pub(crate) fn event(&self) -> Location {
        match self {
            Self::Listed { message, .. } => message.place,
            Self::Read { event, .. } => *event,
        }
    }

    /// Returns the outcome for each selected recipient, and its latency in milliseconds.
    pub(crate) fn outcomes(&self) -> Vec<(Outcome, Option<i64>)> {
        match self {
            Self::Listed { recipients, .. } => {
                recipients.iter().map(|it| (it.outcome, it.latency_ms())).collect()
            }
            Self::Read { recipients, .. } => {
                recipients.iter().map(|it| (it.outcome, it.latency_ms)).collect()
            }
        }
    }

    /// Returns its outcome as a whole.
    pub(crate) fn message_outcome(&self) -> MessageOutcome {
        match self {
            Self::Listed { message, .. } => of_message(&message.rows),
            Self::Read { message, .. } => message.outcome,
        }
    }

    /// Returns its summary for lists.
    pub(crate) fn summary(&self) -> Option<MessageSummary> {
        let event = self.event();
        match self {
            Self::Listed { message, .. } => {
                // Rows of the table are sorted by address already.
                MessageSummary::of(&message.rows, (message.first_ms, message.last_ms), event)
            }
            Self::Read { message, .. } => {
                let seen_ms = (message.first_seen.as_ms(), message.last_seen.as_ms());
                MessageSummary::of(&message.rows_by_address(), seen_ms, event)
            }
        }
    }
}

impl MessageSummary {
    fn of<R: OutcomeRow>(
        rows: &[R],
        (first_ms, last_ms): (i64, i64),
        event: Location,
    ) -> Option<Self> {
        Some(Self {
            outcome: of_message(rows),
            recipients: OutcomeCounts::of(rows),
            recipient_count: u32::try_from(deciding(rows).count()).unwrap_or(u32::MAX),
            latency_ms: deciding(rows).filter_map(R::latency_ms).max(),
            first_seen: Timestamp::from_ms(first_ms)?,
            last_seen: Timestamp::from_ms(last_ms)?,
            event,
        })
    }
}

/// A filter on all messages of a store.
pub(crate) struct Selection<'o, 's> {
    pub(super) overview: &'o Overview<'s>,
    pub(super) filter: &'o MessageFilter,
    pub(super) way: MessageSource<'o>,
    /// Whether the filter or the visitor needs recipients.
    pub(super) needs_rows: bool,
}

impl<'o, 's> Selection<'o, 's> {
    /// Looks up the texts of the filter, and chooses the source.
    pub(crate) fn new(
        overview: &'o Overview<'s>,
        filter: &'o MessageFilter,
    ) -> Result<Self, StoreError> {
        let way = MessageSource::of(overview, filter)?;
        Ok(Self { overview, filter, way, needs_rows: true })
    }

    /// True if the message table answers.
    pub(crate) fn is_listed(&self) -> bool {
        matches!(self.way, MessageSource::Listing(..))
    }

    /// Returns the range in which the messages were first seen.
    pub(crate) fn first_seen(&self) -> TimeRange {
        self.filter.first_seen
    }

    /// Leaves out the recipients if the filter does not need them: the visitor uses only the time,
    /// the location and what holds for a message as a whole.
    pub(crate) fn without_recipients(self) -> Self {
        Self { needs_rows: !self.filter.is_about_wholes(), ..self }
    }

    /// Returns the summaries of all selected messages.
    pub(crate) fn summaries(&self) -> Result<Vec<MessageSummary>, StoreError> {
        let parts = self.visit(|part: &mut Vec<MessageSummary>, _, found| {
            part.extend(found.summary());
            Ok(())
        })?;
        Ok(parts.concat())
    }

    /// Returns the first messages in an order, or the first after a position, and the totals of
    /// all.
    pub(crate) fn page(
        &self,
        order: Order,
        after: Option<ListPosition>,
        limit: usize,
    ) -> Result<(PageOfMessages, Totals), StoreError> {
        let new = || (Leading::new(order, after, limit), Totals::default());
        let parts = self.visit(|part: &mut Option<(Leading, Totals)>, _, found| {
            // Made on first use: a part must have a default, which knows no order.
            let (leading, totals) = part.get_or_insert_with(new);
            if let Some(summary) = found.summary() {
                totals.add(&summary);
                leading.add(summary);
            }
            Ok(())
        })?;
        let (mut leading, mut totals) = new();
        for (part, part_totals) in parts.into_iter().flatten() {
            leading.join(part);
            totals.join(&part_totals);
        }
        Ok((leading.into_page(), totals))
    }

    /// Passes every selected message to `visit`, on all cores. Returns the results of the parts, in
    /// order.
    pub(crate) fn visit<T: Default + Send>(
        &self,
        visit: impl Fn(&mut T, &mut EventReader<'_>, SelectedMessage<'_>) -> Result<(), StoreError>
        + Sync,
    ) -> Result<Vec<T>, StoreError> {
        match &self.way {
            MessageSource::Listing(filter) => {
                let Overview { store, rules, listing, .. } = self.overview;
                let (range, needs_rows) = (self.filter.first_seen, self.needs_rows);
                let filters = vec![(self.filter, filter.as_ref())];
                let alone = Together { store, rules, listing, range, needs_rows, filters };
                alone.visit(|part: &mut T, _, reader, found| visit(part, reader, found))
            }
            MessageSource::Candidates(places, needed) => {
                let Overview { store, rules, .. } = self.overview;
                match candidates::visit(store, rules, places, self.reading(&visit))? {
                    Some(parts) => Ok(parts),
                    // A message too large to be gathered from one of its events: all columns are
                    // read after all.
                    None => self.visit_holders(&Holders::find(self.overview, needed)?, visit),
                }
            }
            MessageSource::Holders(holders) => self.visit_holders(holders, visit),
        }
    }

    fn visit_holders<T: Default + Send>(
        &self,
        holders: &Holders<'_>,
        visit: impl Fn(&mut T, &mut EventReader<'_>, SelectedMessage<'_>) -> Result<(), StoreError>
        + Sync,
    ) -> Result<Vec<T>, StoreError> {
        let Holders { columns, events } = holders;
        let is_asked = |numbers: &[u32]| numbers.iter().any(|it| events.contains(*it));
        columns.visit_originals(is_asked, self.reading(&visit))
    }

    /// Returns a visitor of originals that passes on the messages that the filter selects.
    fn reading<T, V>(
        &self,
        visit: &V,
    ) -> impl Fn(&mut T, &mut EventReader<'_>, &Message, Location) -> Result<(), StoreError>
    where
        V: Fn(&mut T, &mut EventReader<'_>, SelectedMessage<'_>) -> Result<(), StoreError>,
    {
        move |made, reader, message, event| {
            let Some(recipients) = self.filter.recipients_in(message) else { return Ok(()) };
            visit(made, reader, SelectedMessage::Read { message, recipients: &recipients, event })
        }
    }
}
