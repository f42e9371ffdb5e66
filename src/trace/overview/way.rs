//! What answers which messages a filter asks for: the message table, the columns of the index, or
//! the originals of those that the index finds.

use super::filter_columns::FilterColumns;
use super::{EventColumns, Overview};
use crate::query::Query;
use crate::store::{Location, StoreError};
use crate::trace::filter::MessageFilter;
use crate::trace::rows::candidates::Needed;
use crate::trace::table::Listing;
use crate::trace::table::filter::ListedFilter;

/// What answers.
pub(super) enum Way<'o> {
    Listing(&'o Listing<'o>, Box<ListedFilter<'o>>),
    Columns(&'o EventColumns, Box<FilterColumns<'o>>),
    /// The messages of events at some places.
    Candidates(Vec<Location>),
}

impl<'o> Way<'o> {
    /// Chooses by what each would have to read.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when table or index cannot be read.
    pub(super) fn of(
        overview: &'o Overview<'_>,
        filter: &'o MessageFilter,
    ) -> Result<Self, StoreError> {
        let listed = match &overview.listing {
            Some(listing) => ListedFilter::find(listing, filter)?.map(|it| (listing, it)),
            None => None,
        };
        let asks_more = filter.rows != Query::All || !filter.events.is_empty();
        let is_known = listed.as_ref().is_some_and(|(_, it)| it.is_known());
        let needed = match asks_more && !is_known {
            true => Needed::find(overview.store, filter)?,
            false => None,
        };
        let Some(needed) = needed else {
            return match listed {
                Some((listing, listed)) => Ok(Self::Listing(listing, Box::new(listed))),
                None => Self::by_columns(overview, filter),
            };
        };
        if let Some((listing, listed)) = listed {
            // What the table leaves open may be less than what the index finds.
            let open = listed.open_count(filter.first_seen, needed.count)?;
            if open < needed.count && !needed.are_found_sooner(open, overview.store) {
                return Ok(Self::Listing(listing, Box::new(listed)));
            }
        }
        match needed.places_if_few(overview.store)? {
            Some(places) => Ok(Self::Candidates(places)),
            None => Self::by_columns(overview, filter),
        }
    }

    pub(super) fn by_columns(
        overview: &'o Overview<'_>,
        filter: &'o MessageFilter,
    ) -> Result<Self, StoreError> {
        let columns = overview.columns()?;
        let found = FilterColumns::find(overview.store, &columns.table, filter)?;
        Ok(Self::Columns(columns, Box::new(found)))
    }
}
