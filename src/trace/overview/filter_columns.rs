//! Which messages are asked for, by the columns of the index.

use super::judge::{ColumnJudge, ColumnRow};
use crate::query::{self, Field, Glob, Matcher, Pattern, Query};
use crate::store::{EventSet, EventTable, Store, StoreError};
use crate::trace::filter::MessageFilter;
use crate::trace::fit::{Asked, Fit, Said, Side};
use crate::trace::message::{Direction, MessageOutcome, Outcome};
use crate::trace::outcome::JUNK_WORDS;
use crate::trace::rows::needed::needed_events;

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
    /// Of each of these a message has an event, if one of its rows is what is asked for.
    needed: Vec<EventSet>,
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
    fn fits(&self, judge: &ColumnJudge<'_>, events: &[u32]) -> Option<bool> {
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
            needed: needed_events(&filter.rows)
                .iter()
                .map(|it| query::events_of(store, it))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether a message is out because none of its events is what is asked for.
    pub(super) fn is_out(&self, events: &[u32]) -> bool {
        let is_none = |set: &EventSet| !events.iter().any(|it| set.contains(*it));
        self.events.iter().any(|(set, _)| is_none(set))
            || self.forwarded_to.as_ref().is_some_and(is_none)
            || self.verdicts.iter().chain(&self.needed).any(is_none)
    }

    /// Whether a message that the judge has taken is what is asked for, and the recipients of it who
    /// are, in `recipients`.
    pub(super) fn fit(
        &self,
        judge: &ColumnJudge<'_>,
        events: &[u32],
        first_ms: i64,
        recipients: &mut Vec<ColumnRow>,
    ) -> Fit {
        let asked = AskedColumns { filter: self, judge, events, first_ms };
        self.filter.fit(&asked, recipients)
    }
}

/// A message by its columns.
struct AskedColumns<'a, 'f, 't> {
    filter: &'a FilterColumns<'f>,
    judge: &'a ColumnJudge<'t>,
    events: &'a [u32],
    first_ms: i64,
}

impl AskedColumns<'_, '_, '_> {
    fn has(&self, set: &EventSet) -> bool {
        self.events.iter().any(|it| set.contains(*it))
    }
}

/// Whether the event that decided for a row is one of a set, where that is what became of it.
fn decided(row: &ColumnRow, outcome: Outcome, set: &EventSet) -> Option<bool> {
    match row.deciding_event().filter(|_| row.outcome == outcome) {
        Some(_) if row.is_tied() => None,
        Some(event) => Some(set.contains(event)),
        None => Some(false),
    }
}

impl Asked for AskedColumns<'_, '_, '_> {
    type Row = ColumnRow;

    fn rows(&self) -> &[ColumnRow] {
        self.judge.rows()
    }

    fn first_ms(&self) -> i64 {
        self.first_ms
    }

    fn has_direction(&self, way: Direction) -> bool {
        self.judge.legs().iter().any(|it| it.direction() == way)
    }

    fn lacks_beginning(&self) -> bool {
        self.judge.legs().iter().any(|it| !it.has_beginning)
    }

    fn is_by(&self, side: Side) -> Option<bool> {
        let senders = match side {
            Side::Own => self.filter.from.as_ref()?,
            Side::Either => &self.filter.watched.as_ref()?.0,
        };
        senders.fits(self.judge, self.events)
    }

    fn is_for(&self, row: &ColumnRow, side: Side) -> bool {
        let addresses = match side {
            Side::Own => self.filter.to.as_ref(),
            Side::Either => self.filter.watched.as_ref().map(|(_, addresses)| addresses),
        };
        addresses.and_then(|it| it.get(row.address as usize)) == Some(&true)
    }

    fn has_verdict(&self, place: usize) -> Option<bool> {
        let set = self.filter.verdicts.get(place)?;
        let says = |event: u32| {
            let is_arrival = self.judge.table.row(event).is_some_and(|it| it.is_arrival);
            is_arrival.then(|| set.contains(event))
        };
        self.judge.earliest(self.events, says).map(|it| it.unwrap_or(false))
    }

    fn is_forwarded(&self) -> Option<bool> {
        // The target of a rule is one of several addresses of its event.
        if self.has(self.filter.forwarded_to.as_ref()?) { None } else { Some(false) }
    }

    fn has_event(&self, place: usize) -> Option<bool> {
        let (set, certainty) = self.filter.events.get(place)?;
        match certainty {
            Certainty::MayBe if self.has(set) => None,
            _ => Some(self.has(set)),
        }
    }

    fn says(&self, row: &ColumnRow, what: Said) -> Option<bool> {
        match what {
            Said::Folder => decided(row, Outcome::Delivered, self.filter.folder.as_ref()?),
            Said::Status => decided(row, Outcome::Bounced, self.filter.status.as_ref()?),
            Said::Reason => decided(row, Outcome::Bounced, self.filter.reason.as_ref()?),
        }
    }

    fn is_junk(&self, row: &ColumnRow) -> Option<Option<bool>> {
        let (any, junk) = self.filter.junk.as_ref()?;
        Some(match decided(row, Outcome::Delivered, any)? {
            true => row.deciding_event().map(|it| junk.contains(it)),
            false => None,
        })
    }

    fn goes(&self, row: &ColumnRow) -> Option<Direction> {
        Some(row.direction)
    }

    fn fits_query(&self, _row: Option<&ColumnRow>, _outcome: MessageOutcome) -> Option<bool> {
        None
    }
}
