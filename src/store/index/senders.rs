//! The addresses `from` and `sender` of each event, by the numbers that an [`super::EventTable`]
//! gives to events.

use super::postings::{NO_TERM, Numbering, terms_of_events};
use super::schema::Fields;
use super::snapshot::IndexSnapshot;
use crate::store::error::StoreError;

/// The two addresses of each event: 8 bytes an event, and each address once.
pub(crate) struct Senders {
    from: Vec<u32>,
    sender: Vec<u32>,
    texts: Vec<Vec<u8>>,
}

impl IndexSnapshot {
    /// The senders of every event.
    pub(crate) fn senders(&self) -> Result<Senders, StoreError> {
        Senders::read(self).map_err(StoreError::index(self.path()))
    }
}

impl Senders {
    pub(super) fn read(snapshot: &IndexSnapshot) -> tantivy::Result<Self> {
        let mut numbering = Numbering::default();
        let from = terms_of_events(snapshot, Fields::FROM, &mut numbering, |_| true)?;
        let sender = terms_of_events(snapshot, Fields::SENDER, &mut numbering, |_| true)?;
        Ok(Self { from, sender, texts: numbering.into_terms() })
    }

    /// The number of an event's `from` address, on whose behalf the message was sent.
    pub(crate) fn from(&self, event: u32) -> Option<u32> {
        self.from.get(event as usize).copied().filter(|it| *it != NO_TERM)
    }

    /// The number of an event's `sender` address, where somebody else really sent the message.
    pub(crate) fn sender(&self, event: u32) -> Option<u32> {
        self.sender.get(event as usize).copied().filter(|it| *it != NO_TERM)
    }

    /// The addresses, in the order of their numbers.
    pub(crate) fn texts(&self) -> &[Vec<u8>] {
        &self.texts
    }
}
