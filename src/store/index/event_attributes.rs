//! The attributes of each event, by the numbers that an [`super::EventTable`] gives to events.

use super::attributes::{Attribute, attribute_values, role_in};
use super::postings::{NO_TERM, Numbering, terms_of_events};
use super::schema::Fields;
use super::snapshot::IndexSnapshot;
use crate::store::error::StoreError;

/// The set of attributes of each event: 4 bytes an event, and each set once.
pub(crate) struct EventAttributes {
    set_of: Vec<u32>,
    sets: Vec<Vec<u8>>,
}

impl IndexSnapshot {
    /// The attributes of every event.
    pub(crate) fn event_attributes(&self) -> Result<EventAttributes, StoreError> {
        EventAttributes::read(self).map_err(StoreError::index(self.path()))
    }
}

impl EventAttributes {
    pub(super) fn read(snapshot: &IndexSnapshot) -> tantivy::Result<Self> {
        let mut numbering = Numbering::default();
        // Exactly one term of each event holds its role (see `attribute_terms`), so each event gets
        // one set.
        let has_role = |term: &[u8]| role_in(term).is_some();
        let set_of = terms_of_events(snapshot, Fields::ATTRIBUTES, &mut numbering, has_role)?;
        Ok(Self { set_of, sets: numbering.into_terms() })
    }

    /// The number of an event's set.
    pub(crate) fn set_of(&self, event: u32) -> Option<u32> {
        self.set_of.get(event as usize).copied().filter(|it| *it != NO_TERM)
    }

    /// The first value of an attribute in each set, in the form in which values compare.
    pub(crate) fn values(&self, attribute: Attribute) -> impl Iterator<Item = Option<String>> {
        self.sets.iter().map(move |term| {
            attribute_values(term, attribute).next().map(std::borrow::Cow::into_owned)
        })
    }
}
