//! The choice of the source that answers a filter: the message table, or the originals of the
//! messages that the index finds.

use super::Overview;
use crate::query;
use crate::store::{EventSet, Location, StoreError};
use crate::trace::columns::EventColumns;
use crate::trace::filter::MessageFilter;
use crate::trace::rows::candidates::Needed;
use crate::trace::table::filter::ListedFilter;

pub(super) enum MessageSource<'o> {
    /// The message table, and the originals of what it leaves open.
    Listing(Box<ListedFilter<'o>>),
    /// The originals of the messages of events at these locations; every wanted message has one
    /// there.
    Candidates(Vec<Location>, Needed),
    /// The originals of the messages with an event of a set.
    Holders(Box<Holders<'o>>),
}

/// All events, and the set of which a message must have one.
pub(super) struct Holders<'o> {
    pub(super) columns: EventColumns<'o>,
    pub(super) events: EventSet,
}

impl<'o> MessageSource<'o> {
    /// Chooses the source that has the least to read.
    pub(super) fn of(
        overview: &'o Overview<'_>,
        filter: &'o MessageFilter,
    ) -> Result<Self, StoreError> {
        let store = overview.store;
        let listed = ListedFilter::find(&overview.listing, filter)?;
        if listed.is_known() {
            return Ok(Self::Listing(Box::new(listed)));
        }
        // No event is required, so the index cannot narrow the messages.
        let Some(needed) = Needed::find(store, filter)? else {
            return Ok(Self::Listing(Box::new(listed)));
        };
        // The table may leave less open than the index finds.
        let open = listed.open_count(filter.first_seen, needed.count)?;
        if open < needed.count && !needed.are_found_sooner(open, store) {
            return Ok(Self::Listing(Box::new(listed)));
        }
        // Each candidate's message is gathered alone; beyond some number one pass over all columns
        // is cheaper.
        match needed.places_if_few(store)? {
            Some(places) => Ok(Self::Candidates(places, needed)),
            None => Ok(Self::Holders(Box::new(Holders::find(overview, &needed)?))),
        }
    }
}

impl<'o> Holders<'o> {
    pub(super) fn find(overview: &'o Overview<'_>, needed: &Needed) -> Result<Self, StoreError> {
        let Overview { store, rules, .. } = overview;
        let columns = EventColumns::read(store, rules)?;
        Ok(Self { columns, events: query::events_of(store, needed.query())? })
    }
}
