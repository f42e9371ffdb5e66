//! What answers which messages a filter asks for: the message table, or the originals of those that
//! the index finds.

use super::Overview;
use crate::query;
use crate::store::{EventSet, Location, StoreError};
use crate::trace::columns::EventColumns;
use crate::trace::filter::MessageFilter;
use crate::trace::rows::candidates::Needed;
use crate::trace::table::filter::ListedFilter;

/// What answers.
pub(super) enum MessageSource<'o> {
    /// The message table; of what it leaves open, the originals.
    Listing(Box<ListedFilter<'o>>),
    /// The originals of the messages of events at some places, of which each message has one.
    Candidates(Vec<Location>, Needed),
    /// The originals of the messages that have an event of a set.
    Holders(Box<Holders<'o>>),
}

/// All events, and those of which a message must have one.
pub(super) struct Holders<'o> {
    pub(super) columns: EventColumns<'o>,
    pub(super) events: EventSet,
}

impl<'o> MessageSource<'o> {
    /// Chooses by what each would have to read.
    pub(super) fn of(
        overview: &'o Overview<'_>,
        filter: &'o MessageFilter,
    ) -> Result<Self, StoreError> {
        let store = overview.store;
        let listed = ListedFilter::find(&overview.listing, filter)?;
        if listed.is_known() {
            return Ok(Self::Listing(Box::new(listed)));
        }
        let Some(needed) = Needed::find(store, filter)? else {
            return Ok(Self::Listing(Box::new(listed)));
        };
        // What the table leaves open may be less than what the index finds.
        let open = listed.open_count(filter.first_seen, needed.count)?;
        if open < needed.count && !needed.are_found_sooner(open, store) {
            return Ok(Self::Listing(Box::new(listed)));
        }
        match needed.places_if_few(store)? {
            Some(places) => Ok(Self::Candidates(places, needed)),
            None => Ok(Self::Holders(Box::new(Holders::find(overview, &needed)?))),
        }
    }
}

impl<'o> Holders<'o> {
    /// Reads the columns of the whole index.
    pub(super) fn find(overview: &'o Overview<'_>, needed: &Needed) -> Result<Self, StoreError> {
        let Overview { store, rules, .. } = overview;
        let columns = EventColumns::read(store, rules)?;
        Ok(Self { columns, events: query::events_of(store, needed.query())? })
    }
}
