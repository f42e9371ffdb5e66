//! What answers which messages a filter asks for: the message table, the columns of the index, or
//! the originals of those that the index finds.

use super::filter_columns::FilterColumns;
use super::{EventColumns, Overview};
use crate::query::Query;
use crate::store::{Location, StoreError};
use crate::trace::filter::MessageFilter;
use crate::trace::rows::candidates::candidates;
use crate::trace::rows::needed::needed_events;
use crate::trace::table::Listing;
use crate::trace::table::filter::ListedFilter;

/// What answers.
pub(super) enum Way<'o> {
    Listing(Listing<'o>, Box<ListedFilter<'o>>),
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
        let listed = match overview.listing {
            Some(listing) => ListedFilter::find(listing, filter)?.map(|it| (listing, it)),
            None => None,
        };
        let asks_more = filter.rows != Query::All || !filter.events.is_empty();
        let is_known = listed.as_ref().is_some_and(|(_, it)| it.is_known());
        Ok(match (listed, asks_more && !is_known) {
            (Some((listing, listed)), false) => Self::Listing(listing, Box::new(listed)),
            (listed, is_open) => {
                let places = if is_open { candidates(overview.store, filter)? } else { None };
                match (places, listed) {
                    // What the table leaves open may be less than what the index finds.
                    (Some(places), Some((listing, listed)))
                        if listed.open_count(filter.first_seen, places.len())? < places.len() =>
                    {
                        Self::Listing(listing, Box::new(listed))
                    }
                    (Some(places), _) => Self::Candidates(places),
                    (None, Some((listing, listed))) if needed_events(&filter.rows).is_empty() => {
                        Self::Listing(listing, Box::new(listed))
                    }
                    (None, _) => Self::by_columns(overview, filter)?,
                }
            }
        })
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
